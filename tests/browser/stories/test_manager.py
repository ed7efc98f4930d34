"""A manager's review: what is owed, a figure opened up and taken away as a table, what waits approved, what came in."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dunning.core import clock
from dunning.core.models import Organization
from notifications.dispatcher import deliver_due
from tests.browser.stories.desk import board_line, table_rows
from tests.browser.stories.ground import MARC, at, be_at

if TYPE_CHECKING:
    from tests.browser.stories.conftest import Browse

pytestmark = pytest.mark.browser


def test_a_managers_review(sign_in: "Browse", monday: Organization, tmp_path: Path) -> None:
    page = sign_in(MARC, width=1440)
    overdue = page.locator(".stat", has_text="Overdue").first.locator(".stat-value").inner_text()
    page.get_by_role("link", name="Reports").first.click()
    page.locator("main a[href^='/reports/ageing/']").first.click()

    # the figure, the list behind it, and the table that is taken away agree to the cent
    page.locator(".stat", has_text="Overdue").first.click()
    assert page.locator(".lead").inner_text().startswith(f"{overdue}, made up of 17 lines.")
    assert table_rows(page)[0][0].startswith("FB-2026-")
    page.goto("/invoices/?state=overdue")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    saved.value.save_as(tmp_path / "overdue.csv")
    text = (tmp_path / "overdue.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))
    left = sum(Decimal(row["Left to pay"].replace(",", ".")) for row in rows)
    assert (len(rows), f"€{left:,.2f}") == (17, overdue)

    # what waits is approved at once; the legal letter whose check list is not complete stays
    page.get_by_role("link", name="Today").first.click()
    page.get_by_role("link", name="See and approve").click()
    page.get_by_role("button", name="Approve all").click()
    page.locator("dialog[open]").get_by_role("button", name="Approve all").click()
    page.get_by_text("3 messages are approved and leave in their hours.").wait_for()
    page.get_by_text("1 legal message stays: its check list is not complete.").wait_for()
    assert board_line(page) == "One message waits for your approval, for €12,552.50."
    be_at(at(9, 5))
    assert deliver_due(now=clock.now(), organization=monday) == {"accepted": 3}

    # what comes in, and by whom
    page.get_by_role("link", name="Reports").first.click()
    page.get_by_role("link", name="Collected").click()
    assert page.locator("h1").inner_text() == "How much comes in, and is it what we aim at?"
    assert "€1,800.00" in page.locator("main .stat").first.inner_text()
