"""The visual ground holds what it promises: readable colours, a light stylesheet, nothing a strict security policy would refuse."""

import re
from pathlib import Path

import pytest

from dunning.dashboard.drawings import spread

ROOT = Path(__file__).resolve().parents[2]
CSS = sorted((ROOT / "static/css").rglob("*.css"))
PAGES = [path for path in CSS if path.parent.name == "pages"]  # what one kind of page needs, linked by it alone
PLACES = ("", "components", "account", "dashboard", "portal", "allauth/layouts", "allauth/elements")
TEMPLATES = [path for place in PLACES for path in sorted((ROOT / "templates" / place).glob("*.html"))]

TEXT_ON_GROUND = [
    *[(text, ground) for text in ("ink", "ink-2", "ink-3") for ground in ("paper", "sheet", "rail", "sunk", "hover")],
    *[("accent", ground) for ground in ("paper", "sheet", "hover", "accent-soft")],
    ("ink", "accent-soft"),
    ("ink-2", "accent-soft"),
    ("ink", "soon-soft"),
    ("ink", "late-2-soft"),
    ("on-accent", "button-accent"),
    ("on-accent", "button-accent-deep"),
    ("danger", "sheet"),
    ("danger", "late-2-soft"),
    *[(tone, f"{tone}-soft") for tone in ("due", "soon", "late-1", "late-2", "late-3", "settled")],
    *[(tone, "sheet") for tone in ("soon", "late-2", "settled")],
]


def _palettes() -> dict[str, dict[str, str]]:
    light, dark = (ROOT / "static/css/tokens.css").read_text().split("@media (prefers-color-scheme: dark)")
    pattern = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
    first = dict(pattern.findall(light))
    return {"light": first, "dark": first | dict(pattern.findall(dark))}


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable_on_its_ground(scheme: str) -> None:
    palette = _palettes()[scheme]
    too_faint = {
        f"{text} on {ground}": round(contrast(palette[text], palette[ground]), 2)
        for text, ground in TEXT_ON_GROUND
        if contrast(palette[text], palette[ground]) < 4.5
    }
    assert too_faint == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_and_focus_are_visible(scheme: str) -> None:
    palette = _palettes()[scheme]
    assert [name for name in ("line-field", "accent") if contrast(palette[name], palette["sheet"]) < 3] == []


def test_stylesheets_stay_light() -> None:
    assert sum(path.stat().st_size for path in CSS if path not in PAGES) < 40_000
    assert {path.name: path.stat().st_size for path in PAGES if path.stat().st_size >= 8_000} == {}


def test_every_stylesheet_is_linked_and_every_link_exists() -> None:
    linked = re.findall(r'static "(css/[^"]+)"', (ROOT / "templates/components/styles.html").read_text())
    assert sorted(linked) == [str(path.relative_to(ROOT / "static")) for path in CSS if path not in PAGES]
    by_pages = {sheet for path in TEMPLATES for sheet in re.findall(r'static "(css/pages/[^"]+)"', path.read_text())}
    assert sorted(by_pages) == [str(path.relative_to(ROOT / "static")) for path in PAGES]


def test_every_colour_is_a_token() -> None:
    others = [path for path in CSS if path.name != "tokens.css"]
    strays = {(path.name, colour) for path in others for colour in re.findall(r"#[0-9a-f]{3,8}\b", path.read_text())}
    # Paper is white and black: a printed page, a message as it left, a QR code, a logo made for paper.
    assert strays == {("base.css", "#000"), ("base.css", "#fff"), ("timeline.css", "#fff"), ("portal.css", "#fff")}


def test_every_variable_used_exists() -> None:
    written = "".join(path.read_text() for path in CSS)
    assert set(re.findall(r"var\((--[\w-]+)\)", written)) - set(re.findall(r"(--[\w-]+):", written)) == set()


def test_no_template_needs_an_inline_style_or_script() -> None:
    assert len(TEMPLATES) > 40
    found = [
        (path.name, match)
        for path in TEMPLATES
        for match in re.findall(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.sub(r"{%.*?%}", "", path.read_text()))
    ]
    assert found == []


def test_nothing_is_fetched_from_elsewhere() -> None:
    sources = [*TEMPLATES, *CSS, *(ROOT / "static/js").glob("*.js")]
    assert [path.name for path in sources if re.search(r"(src|href)=\"https?:|url\(|import ", path.read_text())] == []


def test_steps_stand_in_proportion() -> None:
    assert spread([-10, 0, 30], start=0, end=400, gap=20) == [0, 100, 400]


def test_crowded_steps_keep_their_distance_and_stay_inside() -> None:
    assert spread([0, 98, 99, 100], start=0, end=100, gap=20) == [0, 60, 80, 100]
    assert spread([0, 1, 2, 100], start=0, end=100, gap=20) == [0, 20, 40, 100]


def test_without_room_the_distance_shrinks() -> None:
    assert spread([0, 0, 0], start=0, end=10, gap=50) == [0, 5, 10]
    assert spread([7], start=0, end=10, gap=50) == [5]
    assert spread([], start=0, end=10, gap=50) == []
