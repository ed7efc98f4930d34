"""Rule 5: receipt and acceptance are asked about for a customer's first three invoices, however many more follow."""

from datetime import date

import pytest

from dunning.core.tenancy import tenant
from invoices.models import Installment
from scenarios.models import Action
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import live, mail, open_house

pytestmark = pytest.mark.django_db


def _bill(customer, number: str, issued_on: str, due_on: str, outstanding: str = "1200.00") -> None:
    item = make_invoice(customer, number=number, issued_on=date.fromisoformat(issued_on), due_on=date.fromisoformat(due_on))
    Installment.objects.filter(pk=item.pk).update(outstanding=outstanding)


def _asked() -> list[str]:
    asked = Action.objects.filter(step_key="receipt_check", state="done").order_by("installment__invoice__number")
    return list(asked.values_list("installment__invoice__number", flat=True))


def test_a_fourth_invoice_does_not_take_the_question_from_the_first_three() -> None:
    # Four invoices of the first week; the question comes five days after each: the fourth is there before the first is asked about.
    house = open_house()
    with tenant(house):
        durand = make_customer("C1", name="Durand SARL")
        for number, issued_on in (("FA-1", "2026-10-01"), ("FA-2", "2026-10-01"), ("FA-3", "2026-10-02"), ("FA-4", "2026-10-05")):
            _bill(durand, number, issued_on, "2026-11-30")
    live(house, ["2026-10-06", "2026-10-07", "2026-10-08", "2026-10-09", "2026-10-12", "2026-10-13"])
    with tenant(house):
        assert _asked() == ["FA-1", "FA-2", "FA-3"]
        assert {template for template, _ in mail()} == {"receipt_check"}


def test_what_was_paid_long_ago_counts_among_the_first() -> None:
    house = open_house()
    with tenant(house):
        durand = make_customer("C1", name="Durand SARL")
        for month in (5, 6, 7):
            _bill(durand, f"FA-{month}", f"2026-0{month}-01", f"2026-0{month}-28", outstanding="0")
        _bill(durand, "FA-9", "2026-10-01", "2026-11-30")
    live(house, ["2026-10-06", "2026-10-07", "2026-10-08"])
    with tenant(house):
        assert _asked() == []
