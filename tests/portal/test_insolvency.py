"""A debtor in insolvency proceedings: what is older than the judgment is shown, and neither asked for, promised nor paid (rule 12)."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from customers.services import record_insolvency
from dunning.core import clock
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Installment, PaymentRequest, Promise
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened
from tests.portal.tools import code_in, form_of, notice, send
from tests.scenarios.houses import CLERK

JUDGED_ON = date(2026, 9, 25)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def judge(debt: Debt) -> None:
    """Receivership opened on 25 September; FA-1 is of the first of that month."""
    with tenant(debt.organization):
        record_insolvency(customer=debt.customer, kind="receivership", opened_on=JUDGED_ON, actor=CLERK, today=TODAY, now=NOW)


def supply(debt: Debt) -> Installment:
    """A delivery after the judgment, due on 1 October like the older one."""
    with tenant(debt.organization):
        return make_invoice(
            debt.customer,
            number="FA-2",
            amount="300.00",
            issued_on=date(2026, 9, 28),
            due_on=date(2026, 10, 1),
            delivered_on=date(2026, 9, 25),
        )


def test_what_is_older_than_the_judgment_is_not_asked_for(debt: Debt) -> None:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(plans_offered=True, mandate_scheme="b2b", creditor_identifier="FR12ZZZ123456")
    judge(debt)
    browser = opened(debt.path)
    page = browser.get("/portal/").content.decode()
    assert "FA-1" in page and "Under the proceedings, not to be paid now" in page and "Insolvency proceedings are open" in page
    for offered in ("To be paid now", "day late", "Pay now", "I will pay on…", "conforms to our order", "Pay in instalments"):
        assert offered not in page
    assert "Received, not checked yet" in page and "I have a question" in page
    assert browser.get("/portal/pay/")["Location"] == browser.post("/portal/pay/")["Location"] == "/portal/"
    one = browser.get(f"/portal/pay/?item={debt.item.pk}").content.decode()
    assert "Nothing to pay now" in one and "falls under them or may do so" in one and "FR20 9999" not in one
    assert "a direct debit cannot be set up here" in browser.get("/portal/direct-debit/").content.decode()
    with tenant(debt.organization):
        assert not PaymentRequest.objects.exists()


@pytest.mark.parametrize(("act", "typed"), [("promise", {"promised_for": "2026-10-20"}), ("accepted", {"tick": "on"})])
def test_nobody_is_bound_by_what_was_drawn_before_the_judgment_was_known(
    debt: Debt, visitor: Client, at_noon: clock.VirtualClock, act: str, typed: dict[str, str]
) -> None:
    hidden = form_of(visitor.get(f"/portal/{act}/"))
    at_noon.advance(seconds=3)
    judge(debt)
    answer = visitor.post(f"/portal/{act}/", {**hidden, **typed})
    page = answer.content.decode()
    assert answer.status_code == 422 and "what falls under them or may do so is neither promised nor accepted here: FA-1" in page
    with tenant(debt.organization):
        assert (Promise.objects.count(), DebtorAct.objects.count()) == (0, 0)


def test_what_was_supplied_after_it_is_paid_and_promised_as_ever(debt: Debt, at_noon: clock.VirtualClock) -> None:
    judge(debt)
    later = supply(debt)
    browser = opened(debt.path)
    page = browser.get("/portal/").content.decode()
    assert '<dt>To be paid now</dt><dd class="late">€300.00</dd>' in page and "Pay now" in page
    assert "EUR300.00" in code_in(browser.get("/portal/pay/").content.decode())
    both = f"?item={debt.item.pk}&item={later.pk}"
    assert "neither promised nor accepted here: FA-1" in browser.get(f"/portal/promise/{both}").content.decode()
    assert send(browser, at_noon, "promise", promised_for="2026-10-20").status_code == 302
    with tenant(debt.organization):
        made = Promise.objects.get()
        assert (made.installment, made.amount) == (later, Decimal("300.00"))


def test_one_transfer_for_both_asks_for_the_later_one_alone(debt: Debt) -> None:
    judge(debt)
    later = supply(debt)
    browser = opened(debt.path)
    answer = browser.post("/portal/pay/", {"item": [str(debt.item.pk), str(later.pk)]})
    assert answer.status_code == 302, notice(answer)
    with tenant(debt.organization):
        assert PaymentRequest.objects.get().amount == Decimal("300.00")
