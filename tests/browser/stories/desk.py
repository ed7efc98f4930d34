"""What somebody at a desk does with a page, in the words of the screen."""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dunning.core.money import format_money
from invoices import tasks

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PLAIN: Final = str.maketrans("\u00a0\u202f", "  ")


def board_line(page: "Page") -> str:
    """What is about to leave, in one sentence."""
    return page.locator("#board-line").inner_text()


def card(page: "Page", title: str) -> list[str]:
    """What a card of the page says below its title, line by line."""
    page.wait_for_load_state()
    found = page.locator("main .card").filter(has=page.get_by_role("heading", name=title))
    lines = [line.strip() for line in found.inner_text().translate(PLAIN).replace("\t", "\n").splitlines()]
    return [line for line in lines if line and line != title]


def table_rows(page: "Page") -> list[list[str]]:
    """The first table of the page, row by row, cell by cell; empty cells are left out."""
    page.wait_for_load_state()  # a key may have led here, and a list is not waited for
    rows = page.locator("main table").first.locator("tbody tr").all()
    cells = [[cell.strip() for cell in row.locator("th, td").all_inner_texts()] for row in rows]
    return [[cell for cell in row if cell] for row in cells]


def letter_of(page: "Page") -> str:
    """The text of the message that is on the page, as its recipient reads it; every space is a plain one."""
    return page.frame_locator("iframe.sheet-frame").locator("body").inner_text().translate(PLAIN)


def tab_to(page: "Page", wanted: "Locator") -> None:
    """Reach an element with the tabulator alone; it shows that it has the focus."""
    for _ in range(80):
        if wanted.first.evaluate("element => element === document.activeElement && element.matches(':focus-visible')"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by keyboard")


def money(amount: Decimal) -> str:
    """An amount in euros as our French mails print it, with plain spaces."""
    return format_money(amount, "EUR", "fr").translate(PLAIN)


def load(page: "Page", name: str, content: str) -> None:
    """Give the import page a file by dropping it, have it checked, and load it."""
    drop(page, name, content.encode())
    for verb in ("Check the file", "Load "):
        page.get_by_role("button", name=verb).click()
        page.locator("#import-progress").wait_for()
        assert tasks.work_forgotten() == 1
    page.locator(".notice-settled").wait_for()  # the page noticed by itself


def drop(page: "Page", name: str, content: bytes) -> None:
    """Drop a file on the form of the page, as a hand would, and wait until it was looked at."""
    transfer = page.evaluate_handle(
        """([name, bytes]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: "text/csv"})); return data; }""",
        [name, list(content)],
    )
    form = page.locator("form[data-drop]")
    form.dispatch_event("dragover", {"dataTransfer": transfer})
    form.dispatch_event("drop", {"dataTransfer": transfer})
    page.wait_for_url("**/imports/*-*/")
