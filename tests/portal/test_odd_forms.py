"""Forms as nobody should send them: a year that cannot be, a body that broke off, more files than are taken."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from dunning.core import clock
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Declaration
from tests.portal.conftest import NOW, Debt
from tests.portal.tools import form_of, send

OUTSIDE = "Check the year: this day lies outside the years 1970 to 2100."


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def said(debt: Debt) -> int:
    with tenant(debt.organization):
        return Declaration.objects.count()


# --- years ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "typed"),
    [
        ("promise", {"promised_for": "31/12/9999"}),
        ("paid", {"paid_on": "0001-01-01", "reference": "VIR 42"}),
        ("instalments", {"count": "3", "first_on": "31/12/9999", "gap": "week"}),
    ],
)
def test_a_year_nobody_means_is_asked_about(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, act: str, typed: dict[str, str]
) -> None:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(plans_offered=True)
    answer = send(visitor, at_noon, act, **typed)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422 and OUTSIDE in page
    assert all(f'value="{text}"' in page for text in typed.values())
    assert said(debt) == 0


# --- bodies ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"x", "multipart/form-data"),  # no boundary: it cannot be taken apart
        ("&".join(f"item={number}" for number in range(1_001)).encode(), "application/x-www-form-urlencoded"),
        (b"text=" + b"a" * (3 * 1024 * 1024), "application/x-www-form-urlencoded"),
    ],
)
def test_a_form_that_broke_on_its_way_is_told_so(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, caplog: pytest.LogCaptureFixture, body: bytes, media_type: str
) -> None:
    hidden = form_of(visitor.get("/portal/dispute/"))
    answer = visitor.post("/portal/dispute/", body, content_type=media_type)
    assert answer.status_code == 400 and "Your form did not arrive whole" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert not [record for record in caplog.records if record.exc_info]
    at_noon.advance(seconds=3)
    assert visitor.post("/portal/dispute/", {**hidden, "reason": "PU_ERR"}).status_code == 302  # and sent again it is recorded
    assert said(debt) == 1
    at_noon.advance(hours=3)
    assert visitor.post("/portal/dispute/", body, content_type=media_type).status_code == 400  # on a page that closed too


# --- files ----------------------------------------------------------------------------------------------------------------------------


def photographs(first: int, last: int) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(f"photo-{number}.jpg", b"\xff\xd8\xff" + bytes([number])) for number in range(first, last + 1)]


def tickets(answer: Any) -> list[str]:
    return re.findall(r'name="kept" value="([^"]+)"', answer.content.decode())


def test_a_sixth_file_is_said_and_none_is_lost(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """Six photographs at once: all are kept, the person says which five are sent. Five kept and a sixth attached: the same."""
    typed = {"reason": "PU_ERR", "text": "Look at the door."}
    answer = send(visitor, at_noon, "dispute", attached=photographs(1, 6), **typed)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Five files at most, and here are 6: leave ticked those we need." in page
    assert "Look at the door." in page and len(tickets(answer)) == 6
    at_noon.advance(seconds=3)
    answer = visitor.post("/portal/dispute/", {**form_of(answer), **typed, "kept": tickets(answer)[1:], "attached": photographs(7, 7)})
    assert answer.status_code == 422 and "here are 6" in answer.content.decode() and len(tickets(answer)) == 6
    assert said(debt) == 0
    at_noon.advance(seconds=3)
    assert visitor.post("/portal/dispute/", {**form_of(answer), **typed, "kept": tickets(answer)[1:]}).status_code == 302
    with tenant(debt.organization):
        sent = Declaration.objects.get()
        assert [file.filename for file in sent.files.order_by("position")] == [f"photo-{number}.jpg" for number in (3, 4, 5, 6, 7)]


def test_files_that_are_not_even_read_are_said_and_what_was_typed_stays(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """Six photographs of 10.3 MB: the form is read without them."""
    large = [SimpleUploadedFile(f"photo-{number}.jpg", b"\xff\xd8\xff" + b"0" * 10_800_000) for number in range(6)]
    answer = send(visitor, at_noon, "dispute", reason="PU_ERR", text="Look at the door.", attached=large)
    page = answer.content.decode()
    assert answer.status_code == 422 and "none of them arrived" in page and "Look at the door." in page
    assert said(debt) == 0
