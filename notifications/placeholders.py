"""Templates with flat placeholders: `{{invoice.number}}`, one conditional form, fixed blocks. No engine, no attribute, no call.

- `{{key}}` prints a value. One pass only: a value holding `{{…}}` is printed as it is, never read again.
- `{{#key}}…{{/key}}` keeps its content when the flag is true or the text is not empty. Sections do not nest.
- `{{table}}`, `{{chronology}}`, `{{bank}}`, `{{portal_link}}` stand for ready-made blocks and make a paragraph of their own.
- `**bold**` is the only mark-up; an empty line starts a paragraph. In HTML everything else is escaped, values included.

Tenants write templates, so this is the wall before what they write: nothing of ours can be reached from a text, and work is
linear in its size and that of its values.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Final

LONGEST_TEMPLATE: Final = 20_000

# Every repetition is bounded: a hostile text costs no more than its length.
_TOKEN: Final = re.compile(r"\{\{ ?([#/]?) ?([A-Za-z0-9_.-]{1,60}) ?\}\}")
_BRACES: Final = re.compile(r"\{\{|\}\}")
_BOLD: Final = re.compile(r"\*\*(?=\S)(.{1,300}?)(?<=\S)\*\*")
_GAPS: Final = re.compile(r"\n{3,}")
_SLOT: Final = re.compile("\x00([^\x00]+)\x00")  # a placeholder inside a shape under construction
_MOST_SHAPES: Final = 256


@dataclass(frozen=True, slots=True)
class Block:
    """A ready-made piece of a message, as plain text and as HTML; both are trusted: their maker has escaped every value.

    An empty one is like a blank text: a template that prints it is held.
    """

    text: str
    html: str


Value = str | bool | Block
Context = Mapping[str, Value]


class TemplateError(ValueError):
    """Not a template: `code` is "braces", "unclosed", "unopened", "nested", "printed_flag" or "too_long"; `key` is the culprit."""

    def __init__(self, code: str, key: str = "") -> None:
        super().__init__(f"{code}: {key}" if key else code)
        self.code = code
        self.key = key


class MissingValue(LookupError):
    """The context has no value for `key`: the message is held, it is not sent with a hole in it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Piece:
    """Either a literal or a placeholder's key, with the section it stands in ("" for none)."""

    literal: str
    key: str
    section: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A template once its sections are decided: printf formats for text and HTML, and the keys they take in order.

    Formats, because filling one is a single C call; a message costs little more than `str.format`.
    """

    text: str
    html: str
    keys: tuple[str, ...]


@dataclass(slots=True)
class Template:
    """A parsed template. `sections` and `keys` name what it asks for; shapes are kept per outcome of its sections."""

    pieces: tuple[Piece, ...]
    sections: tuple[str, ...]
    keys: frozenset[str]
    markup: bool = False
    shapes: dict[tuple[bool, ...], Shape] = field(default_factory=dict)

    def shape(self, context: Context) -> Shape:
        """The shape this context selects. Raises `MissingValue` when a section's key is absent."""
        outcome = tuple([_holds(key, context) for key in self.sections])
        shape = self.shapes.get(outcome)
        if shape is None:
            if len(self.shapes) >= _MOST_SHAPES:
                self.shapes.clear()
            build = _markup_shape if self.markup else _shape
            shape = self.shapes[outcome] = build(self.pieces, dict(zip(self.sections, outcome, strict=True)))
        return shape


def _holds(key: str, context: Context) -> bool:
    try:
        return bool(context[key])
    except KeyError:
        raise MissingValue(key) from None


def _pieces(text: str) -> Iterator[Piece]:
    section, end = "", 0
    for match in _TOKEN.finditer(text):
        yield _literal(text[end : match.start()], section)
        end = match.end()
        mark, key = match.groups()
        if mark == "#":
            if section:
                raise TemplateError("nested", key)
            section = key
        elif mark == "/":
            if key != section:
                raise TemplateError("unopened", key)
            section = ""
        else:
            yield Piece("", key, section)
    if section:
        raise TemplateError("unclosed", section)
    yield _literal(text[end:], "")


def _literal(literal: str, section: str) -> Piece:
    if stray := _BRACES.search(literal):
        raise TemplateError("braces", literal[stray.start() : stray.start() + 30].strip())
    return Piece(literal, "", section)


@lru_cache(maxsize=2048)
def parse(text: str, *, markup: bool = False) -> Template:
    """The template, parsed once per text; `markup` says that its literals are HTML of our own. Raises `TemplateError`."""
    if not markup and len(text) > LONGEST_TEMPLATE:
        raise TemplateError("too_long")
    pieces = tuple(piece for piece in _pieces(text.replace("\r\n", "\n").replace("\x00", "")) if piece.literal or piece.key)
    # A section that holds nothing still asks for its key, so that a shape never depends on what the text happens to hold.
    sections = tuple(dict.fromkeys(match[2] for match in _TOKEN.finditer(text) if match[1] == "#"))
    return Template(pieces, sections, frozenset(piece.key for piece in pieces if piece.key).union(sections), markup)


def placeholders(text: str) -> set[str]:
    """Every key the text asks for, sections' keys included. Raises `TemplateError`."""
    return set(parse(text).keys)


BLOCK_KEYS: Final = frozenset({"table", "chronology", "bank", "portal_link"})


def _shape(pieces: tuple[Piece, ...], outcome: Mapping[str, bool]) -> Shape:
    kept = [piece for piece in pieces if not piece.section or outcome[piece.section]]
    slots = (f"\n\n\x00{piece.key}\x00\n\n" if piece.key in BLOCK_KEYS else f"\x00{piece.key}\x00" for piece in kept)
    raw = "".join(piece.literal or slot for piece, slot in zip(kept, slots, strict=True))
    source = _GAPS.sub("\n\n", "\n".join(line.strip() for line in raw.split("\n"))).strip()
    paragraphs = source.split("\n\n") if source else []
    return Shape(
        text=_as_format(_BOLD.sub(r"\1", source)),
        html=_as_format("\n".join(_paragraph(paragraph) for paragraph in paragraphs)),
        keys=tuple(match[1] for match in _SLOT.finditer(source)),
    )


def _markup_shape(pieces: tuple[Piece, ...], outcome: Mapping[str, bool]) -> Shape:
    source = "".join(piece.literal or f"\x00{piece.key}\x00" for piece in pieces if not piece.section or outcome[piece.section])
    return Shape(text="", html=_as_format(source), keys=tuple(match[1] for match in _SLOT.finditer(source)))


def _as_format(source: str) -> str:
    return _SLOT.sub("%s", source.replace("%", "%%"))


def _paragraph(source: str) -> str:
    if source.strip("\x00") in BLOCK_KEYS and source.startswith("\x00"):
        return source
    marked = _BOLD.sub(r"<strong>\1</strong>", escape(source)).replace("\n", "<br>\n")
    return f"<p>{marked}</p>"


def _texts(keys: tuple[str, ...], context: Context) -> tuple[str, ...]:
    return tuple([_text(key, context) for key in keys])


def _text(key: str, context: Context) -> str:
    value = context.get(key)
    if type(value) is str and value:
        return value
    if isinstance(value, Block) and value.html:
        return value.text
    raise _unprintable(key, value)


def _html(key: str, context: Context) -> str:
    value = context.get(key)
    if type(value) is str and value:
        return escape(value).replace("\n", "<br>")
    if isinstance(value, Block) and value.html:
        return value.html
    raise _unprintable(key, value)


def _unprintable(key: str, value: Value | None) -> Exception:
    return TemplateError("printed_flag", key) if isinstance(value, bool) else MissingValue(key)


def render(text: str, context: Context) -> str:
    """The template as plain text, `**` dropped. Raises `MissingValue` (hold the message) or `TemplateError`."""
    shape = parse(text).shape(context)
    return shape.text % _texts(shape.keys, context)


def render_html(text: str, context: Context) -> str:
    """The template as HTML paragraphs, everything escaped but blocks. Raises as `render` does."""
    shape = parse(text).shape(context)
    return shape.html % tuple([_html(key, context) for key in shape.keys])


def render_both(text: str, context: Context) -> tuple[str, str]:
    """The twins of an e-mail, from one look at the context: `(plain text, HTML)`. Raises as `render` does."""
    shape = parse(text).shape(context)
    texts = _texts(shape.keys, context)
    return shape.text % texts, shape.html % tuple([_html(key, context) for key in shape.keys])


def render_markup(markup: str, context: Context) -> str:
    """A frame of our own, HTML with placeholders: literals are printed as they are, values escaped. Raises as `render` does."""
    shape = parse(markup, markup=True).shape(context)
    return shape.html % tuple([_html(key, context) for key in shape.keys])
