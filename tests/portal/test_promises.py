"""A payment announced in part: what is answered is what the plan does with the rest."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import Client

from dunning.core import clock
from dunning.core.tenancy import tenant
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Task
from tests.factories import make_invoice
from tests.portal.conftest import NOW, Debt
from tests.portal.tools import send
from tests.scenarios.houses import run_on

FOR_ALL = "will not remind you of these invoices until then"


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def receipt(debt: Debt, now: clock.VirtualClock) -> str:
    assert deliver_due(now=now.now, organization=debt.organization) == {"accepted": 1}
    with tenant(debt.organization):
        return Message.objects.get(template_key="portal_receipt").body_text


def called(debt: Debt) -> bool:
    """Whether the plan goes on while the promise runs: its call falls due on 9 October."""
    run_on(debt.organization, "2026-10-09")
    with tenant(debt.organization):
        return Task.objects.filter(kind="call", state="open").exists()


def test_a_hundred_of_twelve_hundred_leaves_the_rest_to_be_paid(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """On 2 October they announce 100.00 for the 20th; on the 9th they are called about the rest."""
    answer = send(visitor, at_noon, "promise", promised_for="2026-10-20", amount="100")
    page = visitor.get(answer["Location"]).content.decode()
    sentence = "we expect €100.00 on 20 October 2026 and will not remind you of it until then. The rest, €1,100.00, remains to be paid"
    assert sentence in page and FOR_ALL not in page
    assert sentence in receipt(debt, at_noon)
    assert called(debt)


def test_nine_tenths_hold_the_whole_invoice(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "promise", promised_for="2026-10-20", amount="1080")
    assert FOR_ALL in visitor.get(answer["Location"]).content.decode()
    assert not called(debt)


def test_an_amount_that_does_not_reach_the_last_invoice_says_so(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """1,200.00 and 500.00 are overdue: 1,200.00 pay the older one, the other may be reminded of."""
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", amount="500.00", issued_on=date(2026, 9, 2), due_on=date(2026, 10, 1))
    answer = send(visitor, at_noon, "promise", promised_for="2026-10-20", amount="1200")
    page = visitor.get(answer["Location"]).content.decode()
    assert "we expect €1,200.00 on 20 October 2026" in page and "The rest, €500.00, remains to be paid" in page


# --- what may be said again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "typed", "sentence"),
    [
        ("accepted", {"tick": "on"}, "the latest one counts"),
        ("promise", {"promised_for": "2026-10-03"}, "Answer our e-mail, and we correct it"),
        ("dispute", {"reason": "PU_ERR"}, "Answer our e-mail, and we correct it"),
        ("paid", {"paid_on": "2026-10-01"}, "Answer our e-mail, and we correct it"),
    ],
)
def test_nobody_is_told_to_answer_again_where_that_is_refused(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, act: str, typed: dict[str, str], sentence: str
) -> None:
    page = visitor.get(send(visitor, at_noon, act, **typed)["Location"]).content.decode()
    assert sentence in page and ("the latest one counts" in page) == (act == "accepted")


def test_a_date_announced_before_is_named_among_many(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """The 3rd was typed for the 30th. Two more invoices are due; with nothing ticked the page says which one stands in the way."""
    send(visitor, at_noon, "promise", promised_for="2026-10-03")
    with tenant(debt.organization):
        for number in ("FA-2", "FA-3"):
            make_invoice(debt.customer, number=number, amount="500.00", issued_on=date(2026, 9, 2), due_on=date(2026, 10, 1))
    refused = send(visitor, at_noon, "promise", promised_for="2026-10-30").content.decode()
    assert "A payment date is already announced for FA-1. To change it, answer our e-mail" in refused
