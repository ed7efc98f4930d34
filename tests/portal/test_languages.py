"""The other language is a link to the same page: what was ticked, the page of the list and the question asked stay."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dunning.core import clock
from dunning.core.tenancy import tenant
from tests.factories import make_invoice
from tests.portal.conftest import NOW, Debt
from tests.portal.tools import form_of, send


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def later(debt: Debt) -> Any:
    """FA-2 is due as FA-1 is."""
    with tenant(debt.organization):
        return make_invoice(debt.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 2), due_on=date(2026, 10, 1))


def french(answer: Any) -> str:
    found = re.search(r'<a href="([^"]+)" lang="fr"', answer.content.decode())
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize("act", ["accepted", "promise", "paid", "not-received", "pay"])
def test_what_was_ticked_stays(visitor: Client, debt: Debt, later: Any, act: str) -> None:
    """Two invoices are due. FA-2 is ticked, the page is read in French: it is about FA-2 alone still."""
    page = visitor.get(french(visitor.get(f"/portal/{act}/?item={later.pk}"))).content.decode()
    assert '<html lang="fr">' in page and "FA-2" in page and "FA-1" not in page


def test_a_form_that_was_refused_is_about_the_same_in_french(visitor: Client, debt: Debt, later: Any, at_noon: clock.VirtualClock) -> None:
    refused = send(visitor, at_noon, "promise", f"?item={later.pk}", promised_for="")
    assert refused.status_code == 422
    page = visitor.get(french(refused))
    assert page.status_code == 200 and "FA-2" in page.content.decode() and "FA-1" not in page.content.decode()


def test_the_page_of_the_list_and_its_question_stay(visitor: Client, debt: Debt) -> None:
    assert french(visitor.get("/portal/?page=2&for=dispute&lang=en")) == "/portal/?page=2&for=dispute&lang=fr"
    assert french(visitor.get("/portal/")) == "/portal/?lang=fr"


def test_a_card_that_is_refused_leads_back_to_paying(visitor: Client, debt: Debt) -> None:
    """A page that is only ever sent is no place a link can lead to."""
    refused = visitor.post("/portal/pay/card/", {"item": [str(debt.item.pk)]})
    assert refused.status_code == 422
    assert french(refused) == f"/portal/pay/?item={debt.item.pk}&lang=fr"


def test_an_address_never_grows_beyond_what_is_read(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        for number in range(70):
            make_invoice(debt.customer, number=f"FB-{number}", issued_on=date(2026, 9, 2), due_on=date(2026, 10, 1))
    hidden = form_of(visitor.get("/portal/promise/"))
    at_noon.advance(seconds=3)
    refused = visitor.post("/portal/promise/", {**hidden, "promised_for": ""})
    assert french(refused) == "/portal/promise/?lang=fr"
    assert "71 factures" in visitor.get(french(refused)).content.decode()
