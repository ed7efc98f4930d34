"""Charts as drawings: values become places on a sheet, in per cent of its width and pixels of its height. Pure.

A drawing stretches with its page and needs no script; its words keep their size. Every chart has a title, a description of what it shows,
and a table beside it that says the same in figures. The scale has a margin of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Final

HEIGHT: Final = 240
TOP, BOTTOM = 20, 208  # the highest value stands at TOP, nothing at BOTTOM; the labels below
ROW: Final = 44  # a bar that lies, with its words above it
NARROW: Final = 42  # letters that stand beside one another under a drawing on a telephone
_HUNDRED: Final = Decimal(100)
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar; `tone` names its colour (static/css/components/charts.css), `text` says it in words."""

    value: Decimal
    tone: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of parts. `mark` is a value it is compared with, `note` stands at its end."""

    label: str
    parts: Sequence[Part]
    mark: Decimal | None = None
    note: str = ""

    @property
    def total(self) -> Decimal:
        return sum((part.value for part in self.parts), _NOTHING)


@dataclass(frozen=True, slots=True)
class Line:
    """A line through values, None where there is none; `tone` also tells its stroke, so that colour is never alone."""

    label: str
    tone: str
    values: Sequence[Decimal | None]


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend. `kind`: box, line or mark."""

    tone: str
    label: str
    kind: str = "box"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `x` and `width` in per cent, `y` and `height` in pixels; `x2`, `y2` end a line."""

    x: str
    y: str
    width: str = ""
    height: str = ""
    x2: str = ""
    y2: str = ""
    tone: str = ""
    text: str = ""
    is_minor: bool = False  # left out where the page is narrow


@dataclass(frozen=True)
class Drawing:
    """What components/chart.html lays out. `band` is a polygon in a box of 100 by (BOTTOM − TOP) that stretches with the page."""

    title: str
    description: str
    height: int
    keys: Sequence[Key] = ()
    grid: Sequence[Place] = ()
    boxes: Sequence[Place] = ()
    lines: Sequence[Place] = ()
    dots: Sequence[Place] = ()
    labels: Sequence[Place] = ()
    notes: Sequence[Place] = ()
    band: str = ""
    box: tuple[int, int] = field(default=(TOP, BOTTOM - TOP))


def ticks(highest: Decimal) -> list[Decimal]:
    """Round values from 0 to the first that is not below `highest`, four steps at most."""
    if highest <= 0:
        return [_NOTHING, Decimal(1)]
    power = Decimal(10) ** (highest.adjusted() - 1)
    steps = (power * factor for factor in (1, 2, 5, 10, 20, 25, 50))
    step = next(step for step in steps if step * 4 >= highest)
    count = int((highest / step).to_integral_value(ROUND_CEILING))
    return [step * n for n in range(count + 1)]


def columns(title: str, description: str, bars: Sequence[Bar], keys: Sequence[Key], *, worded: Callable[[Decimal], str]) -> Drawing:
    """Standing bars, one beside the other; `worded` writes a value on the scale. Negative parts are not drawn."""
    scale = ticks(max([bar.total for bar in bars] + [bar.mark or _NOTHING for bar in bars], default=_NOTHING))
    each = _HUNDRED / max(1, len(bars))
    wide = each * Decimal("0.62")
    boxes: list[Place] = []
    lines: list[Place] = []
    for number, bar in enumerate(bars):
        left, reached = each * number + (each - wide) / 2, _NOTHING
        for part in bar.parts:
            if part.value <= 0:
                continue
            low, high = _height(reached, scale[-1]), _height(reached + part.value, scale[-1])
            boxes.append(Place(_percent(left), _pixels(high), _percent(wide), _pixels(low - high), tone=part.tone, text=part.text))
            reached += part.value
        if bar.mark is not None:
            y = _pixels(_height(bar.mark, scale[-1]))
            lines.append(
                Place(_percent(left - each * Decimal("0.1")), y, x2=_percent(left + wide + each * Decimal("0.1")), y2=y, tone="mark")
            )
    return Drawing(
        title=title,
        description=description,
        height=HEIGHT,
        keys=keys,
        grid=_grid(scale, worded),
        boxes=boxes,
        lines=lines,
        labels=_below([bar.label for bar in bars], each),
    )


def curves(
    title: str,
    description: str,
    labels: Sequence[str],
    lines: Sequence[Line],
    *,
    worded: Callable[[Decimal], str],
    band: tuple[Sequence[Decimal], Sequence[Decimal]] | None = None,
    band_label: str = "",
) -> Drawing:
    """Lines through the same places; `band` is filled between its lower and its upper values."""
    known = [value for line in lines for value in line.values if value is not None] + (list(band[1]) if band else [])
    scale = ticks(max(known, default=_NOTHING))
    each = _HUNDRED / max(1, len(labels))
    strokes: list[Place] = []
    dots: list[Place] = []
    for line in lines:
        before: tuple[Decimal, Decimal] | None = None
        for number, value in enumerate(line.values):
            if value is None:
                before = None
                continue
            here = (each * number + each / 2, _height(value, scale[-1]))
            if before is not None:
                start, end = (_percent(before[0]), _pixels(before[1])), (_percent(here[0]), _pixels(here[1]))
                strokes.append(Place(*start, x2=end[0], y2=end[1], tone=line.tone))
            dots.append(Place(_percent(here[0]), _pixels(here[1]), tone=line.tone, text=f"{line.label}, {labels[number]}: {worded(value)}"))
            before = here
    keys = [Key(line.tone, line.label, "line") for line in lines] + ([Key("band", band_label)] if band else [])
    return Drawing(
        title=title,
        description=description,
        height=HEIGHT,
        keys=keys,
        grid=_grid(scale, worded),
        lines=strokes,
        dots=dots,
        labels=_below(labels, each),
        band=_polygon(band, each, scale[-1]) if band else "",
    )


def rows(title: str, description: str, bars: Sequence[Bar], keys: Sequence[Key] = ()) -> Drawing:
    """Lying bars, one below the other, each under its words; `note` stands at the right."""
    highest = max((bar.total for bar in bars), default=_NOTHING) or Decimal(1)
    boxes: list[Place] = []
    labels: list[Place] = []
    notes: list[Place] = []
    for number, bar in enumerate(bars):
        top, reached = ROW * number, _NOTHING
        labels.append(Place("0%", _pixels(Decimal(top + 14)), text=bar.label))
        notes.append(Place("100%", _pixels(Decimal(top + 14)), text=bar.note))
        boxes.append(Place("0%", _pixels(Decimal(top + 20)), "100%", "12", tone="ground"))
        for part in bar.parts:
            if part.value > 0:
                share = part.value / highest * _HUNDRED
                boxes.append(Place(_percent(reached), _pixels(Decimal(top + 20)), _percent(share), "12", tone=part.tone, text=part.text))
                reached += share
    return Drawing(title=title, description=description, height=max(1, len(bars)) * ROW, keys=keys, boxes=boxes, labels=labels, notes=notes)


def _height(value: Decimal, highest: Decimal) -> Decimal:
    """Pixels from the top of the sheet."""
    return BOTTOM - max(_NOTHING, value) / highest * (BOTTOM - TOP)


def _grid(scale: Sequence[Decimal], worded: Callable[[Decimal], str]) -> list[Place]:
    return [Place("0%", _pixels(_height(value, scale[-1])), text=worded(value)) for value in scale]


def _below(labels: Sequence[str], each: Decimal) -> list[Place]:
    """Labels under their places; where the page is narrow, the last and every so many before it, as fit beside one another."""
    every = max(1, math.ceil(len(labels) * (max(map(len, labels), default=0) + 2) / NARROW))
    return [
        Place(_percent(each * number + each / 2), str(BOTTOM + 20), text=label, is_minor=(len(labels) - 1 - number) % every != 0)
        for number, label in enumerate(labels)
    ]


def _polygon(band: tuple[Sequence[Decimal], Sequence[Decimal]], each: Decimal, highest: Decimal) -> str:
    lower, upper = band
    there = [(each * n + each / 2, _height(value, highest) - TOP) for n, value in enumerate(upper)]
    back = [(each * n + each / 2, _height(value, highest) - TOP) for n, value in enumerate(lower)][::-1]
    return " ".join(f"{x:.2f},{y:.1f}" for x, y in [*there, *back])


def _percent(value: Decimal) -> str:
    return f"{value:.2f}%"


def _pixels(value: Decimal) -> str:
    return f"{value:.1f}"
