"""Photographs of the main pages, for README.md and docs/: the demonstration company's, on the product that `manage.py up` runs beside.

    manage.py screenshots --url http://localhost:8000

signs in as the demonstration's clerk, in French, waits until the year is played, and writes docs/images/NAME.png - of a desk's width, or of
a telephone's. Nothing is changed: pages are looked at, nothing is sent.
"""

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from tests.browser_fixtures import chromium_path, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT: Final = Path(__file__).resolve().parent.parent
PLAYED: Final = 600_000  # milliseconds a year may take
DESK, TELEPHONE = (1440, 900), (390, 844)
COLOURS: Final = 128  # of a picture: a page has few


class Shot(NamedTuple):
    """A picture: the page's address, then what is followed from there, each the first of a selector."""

    name: str
    path: str
    links: tuple[str, ...] = ()
    size: tuple[int, int] = DESK


SHOTS: Final = (
    Shot("today", "/"),
    Shot("today-phone", "/", size=TELEPHONE),
    Shot("board", "/board/"),
    Shot("calls", "/calls/"),
    Shot("invoices", "/invoices/?state=overdue&sort=-outstanding"),
    Shot("invoice", "/invoices/?state=overdue&sort=due", ("main tbody a[href^='/invoices/']",)),
    Shot("customers", "/customers/?sort=index"),
    Shot("customer", "/customers/?sort=index", ("main tbody a[href^='/customers/']",)),
    Shot("plan", "/plans/", ("main tbody a[href^='/plans/']",)),
    Shot("texts", "/texts/r1/email/fr/usual/"),
    Shot("messages", "/messages/"),
    Shot("payments", "/payments/"),
    Shot("reports", "/reports/"),
    Shot("ageing", "/reports/ageing/"),
    Shot("forecast", "/reports/forecast/"),
    Shot("settings", "/settings/"),
    Shot(
        "debtor-phone",
        "/messages/?state=sent&find=laboratoire",
        ("main tbody a[href^='/messages/']", "form[action$='/page/'] button"),
        TELEPHONE,
    ),
)


def main(argv: Sequence[str] | None = None) -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="manage.py screenshots", description=__doc__, formatter_class=shape)
    parser.add_argument("--url", default="http://localhost:8000", help="where `manage.py up` answers")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these pictures alone")
    options = parser.parse_args(argv)
    account = ROOT / ".local" / "demo-signin.json"
    if not account.exists():
        raise SystemExit("There is no demonstration here: run manage.py up first, and leave it running.")
    options.into.mkdir(parents=True, exist_ok=True)
    url = options.url.rstrip("/")
    program = chromium_path()
    if program is None:
        raise SystemExit("Taking pictures needs a Chromium: apt-get install chromium")
    with launched(program) as chromium:
        for size in (DESK, TELEPHONE):
            page = signed_in(chromium, url, json.loads(account.read_text()), size)
            for shot in SHOTS:
                if shot.size == size and shot.name in (options.names or [known.name for known in SHOTS]):
                    show(page, url, shot)
                    print(f"{shot.name}: {keep(page, options.into / f'{shot.name}.png') / 1024:.0f} kB", flush=True)


def signed_in(chromium: "Browser", url: str, account: dict[str, str], size: tuple[int, int]) -> "Page":
    width, height = size
    context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris", viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(f"{url}/accounts/login/")
    page.locator("input[type=email]").fill(account["email"])
    page.locator("input[type=password]").fill(account["password"])
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{url}/")
    page.wait_for_selector("#playing", state="detached", timeout=PLAYED)
    return page


def show(page: "Page", url: str, shot: Shot) -> None:
    page.goto(url + shot.path)
    for selector in shot.links:
        page.locator(selector).first.click()
        page.wait_for_load_state("networkidle")
    page.wait_for_load_state("networkidle")


def keep(page: "Page", path: Path) -> int:
    """What is on the screen, in few colours; its bytes."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    main()
