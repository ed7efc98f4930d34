"""Where things stand in the drawings the templates make. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


def spread(values: Sequence[int], *, start: float, end: float, gap: float) -> list[float]:
    """Positions of ascending `values` between `start` and `end`: proportional, but never closer than `gap` while there is room for it.

    With no room, the gap shrinks to what fits. Equal values stand side by side.
    """
    if len(values) < 2:
        return [(start + end) / 2] * len(values)
    gap = min(gap, (end - start) / (len(values) - 1))
    span = values[-1] - values[0]
    places = [start + (end - start) * (value - values[0]) / span if span else start for value in values]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = end
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return places


@dataclass(frozen=True, slots=True)
class Mark:
    """A step to draw: its day from the due date, and the lane it runs in."""

    key: str
    day: int
    lane: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A step's card: `x` and `y` of its upper left corner, `stem` the exact place of its day on the line."""

    key: str
    x: float
    y: float
    stem: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One band of the board, for one channel."""

    name: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Board:
    """A plan drawn to scale: days from left to right, a lane per channel, cards that do not cover one another.

    `ticks` are (day, x); `per_day` is the width of a day, `due` the place of the due date.
    """

    cards: Sequence[Placed]
    lanes: Sequence[Lane]
    ticks: Sequence[tuple[int, float]]
    per_day: float
    due: float
    height: float


CARD_WIDTH, CARD_HEIGHT, CARD_GAP = 132.0, 44.0, 6.0
AXIS_HEIGHT, LANE_GAP, LEFT, RIGHT = 34.0, 10.0, 92.0, 996.0
_STEPS_OF_TICKS = (7, 14, 30, 60, 90, 180, 365)
_MOST_TICKS = 14


def plan_board(marks: Sequence[Mark], *, lanes: Sequence[str]) -> Board:
    """Where the steps stand on a board 1000 wide. `lanes` are the lanes in order; those without a step are left out."""
    first = min([mark.day for mark in marks], default=0)
    last = max([mark.day for mark in marks], default=0)
    first, last = min(first - 2, -7), max(last + 2, 14)
    per_day = (RIGHT - LEFT) / (last - first)

    def at(day: int) -> float:
        return LEFT + (day - first) * per_day

    y = AXIS_HEIGHT
    cards: list[Placed] = []
    drawn: list[Lane] = []
    for lane in lanes:
        own = sorted((mark for mark in marks if mark.lane == lane), key=lambda mark: mark.day)
        if not own:
            continue
        rows: list[float] = []  # where the last card of each row ends
        for mark in own:
            stem = at(mark.day)
            x = min(stem, RIGHT - CARD_WIDTH)
            row = next((number for number, end in enumerate(rows) if end + CARD_GAP <= x), len(rows))
            rows[row : row + 1] = [x + CARD_WIDTH]
            cards.append(Placed(mark.key, round(x, 1), round(y + LANE_GAP / 2 + row * (CARD_HEIGHT + CARD_GAP), 1), round(stem, 1)))
        height = LANE_GAP + len(rows) * (CARD_HEIGHT + CARD_GAP) - CARD_GAP
        drawn.append(Lane(lane, round(y, 1), round(height, 1)))
        y += height
    every = next((step for step in _STEPS_OF_TICKS if (last - first) / step <= _MOST_TICKS), _STEPS_OF_TICKS[-1])
    ticks = [(day, round(at(day), 1)) for day in range(-(-first // every) * every, last + 1, every)]
    return Board(cards, drawn, ticks, round(per_day, 4), round(at(0), 1), round(y + LANE_GAP / 2, 1))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, standing on its ground line."""

    x: float
    y: float
    width: float
    height: float


def bars(
    values: Sequence[int], *, left: float, right: float, top: float, ground: float, highest: int, share: float, offset: float
) -> list[Bar]:
    """A bar per value, in equal places from `left` to `right`; each takes `share` of its place, from `offset` of it on.

    `highest` is the value drawn from `ground` to `top`; a value above zero is never drawn as nothing.
    """
    place = (right - left) / max(1, len(values))
    found = []
    for number, value in enumerate(values):
        height = (ground - top) * value / highest if highest else 0.0
        height = max(height, 1.5) if value else 0.0
        x = left + (number + offset) * place
        found.append(Bar(round(x, 1), round(ground - height, 1), round(place * share, 1), round(height, 1)))
    return found
