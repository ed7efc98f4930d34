"""Insolvency: what precedes the judgment freezes, what follows stays payable (rule 12)."""

from datetime import date
from decimal import Decimal

import pytest

from customers import services as customer_services
from customers.enums import InsolvencyKind
from customers.models import Customer
from customers.selectors import insolvency_deadlines
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices.models import Installment
from invoices.selectors import FROZEN, UNSURE, accessories, insolvency_split, is_frozen
from invoices.services import update_invoice
from tests.factories import make_customer
from tests.invoices.ledger import at, bill

JUDGMENT, PUBLISHED, TODAY = date(2026, 9, 1), date(2026, 9, 12), date(2026, 9, 15)


def open_proceedings(customer: Customer) -> None:
    customer_services.record_insolvency(
        customer=customer, kind=InsolvencyKind.RECEIVERSHIP, opened_on=JUDGMENT, published_on=PUBLISHED, **at(TODAY)
    )


def test_items_delivered_before_the_judgment_freeze_with_what_had_accrued(organization: Organization) -> None:
    customer = make_customer()
    before = bill(customer, "2400.00", issued_on=date(2026, 6, 15), due_on=date(2026, 7, 15), number="F-1")
    straddling = bill(
        customer, "500.00", issued_on=date(2026, 9, 3), due_on=date(2026, 10, 3), number="F-2", delivered_on=date(2026, 8, 31)
    )
    after = bill(customer, "700.00", issued_on=date(2026, 9, 3), due_on=date(2026, 10, 3), number="F-3", delivered_on=JUDGMENT)
    assert insolvency_split(customer) is None
    open_proceedings(customer)
    split = insolvency_split(customer)
    assert split is not None
    assert (split.frozen, split.payable) == ((before, straddling), (after,))
    # 2,400 due 15 July, to 31 August included: 47 days at 12.40 % = 38.32, and the 40 EUR (docs/domain.md, worked example 2)
    assert (split.accrued, split.claim) == ({"EUR": Decimal("78.32")}, {"EUR": Decimal("2978.32")})


def test_what_was_issued_soon_after_the_judgment_is_unsure_until_its_delivery_is_known(organization: Organization) -> None:
    customer = make_customer()
    monthly = bill(customer, "900.00", issued_on=date(2026, 9, 30), due_on=date(2026, 10, 30), number="F-1")
    later = bill(customer, "300.00", issued_on=date(2026, 10, 16), due_on=date(2026, 11, 15), number="F-2")
    open_proceedings(customer)
    split = insolvency_split(customer)
    assert split is not None
    assert (split.frozen, split.unsure, split.payable, split.claim) == ((), (monthly,), (later,), {})
    assert list(Installment.objects.filter(FROZEN)) == list(Installment.objects.filter(UNSURE)) == [monthly]
    rows = {row.pk: row for row in Installment.objects.select_related("invoice", "customer")}
    assert (is_frozen(rows[monthly.pk]), is_frozen(rows[later.pk])) == (True, False)
    update_invoice(invoice=monthly.invoice, delivered_on=JUDGMENT, **at(date(2026, 10, 1)))
    split = insolvency_split(customer)
    assert split is not None
    assert (split.unsure, split.payable) == ((), (monthly, later))
    assert not Installment.objects.filter(FROZEN).exists()


def test_penalties_stop_at_the_judgment_for_old_debts_and_run_for_new_ones(organization: Organization) -> None:
    customer = make_customer()
    old = bill(customer, "2400.00", issued_on=date(2026, 6, 15), due_on=date(2026, 7, 15), number="F-1")
    new = bill(customer, "1000.00", issued_on=date(2026, 9, 2), due_on=date(2026, 9, 10), number="F-2")
    open_proceedings(customer)
    figures = accessories([old.pk, new.pk], until=date(2026, 12, 31))
    assert (figures[old.pk].penalties, figures[old.pk].fixed_sum) == (Decimal("38.32"), Decimal(40))
    assert figures[new.pk].penalties > 0


def test_deadlines_count_from_publication(organization: Organization) -> None:
    customer = make_customer()
    customer_services.record_insolvency(customer=customer, kind=InsolvencyKind.LIQUIDATION, opened_on=JUDGMENT, **at(TODAY))
    assert insolvency_deadlines(customer).declare_by is None
    customer_services.record_insolvency(
        customer=customer, kind=InsolvencyKind.LIQUIDATION, opened_on=JUDGMENT, published_on=date(2026, 12, 31), **at(date(2027, 1, 4))
    )
    deadlines = insolvency_deadlines(customer)
    assert (deadlines.declare_by, deadlines.reclaim_by) == (date(2027, 2, 28), date(2027, 3, 31))
    assert insolvency_deadlines(customer, creditor_country="RE").declare_by == date(2027, 4, 30)


@pytest.mark.parametrize(
    ("kind", "opened_on", "published_on", "code"),
    [
        ("bankrupt", JUDGMENT, None, "bad_kind"),
        ("receivership", date(2026, 9, 16), None, "future_date"),
        ("receivership", JUDGMENT, date(2026, 8, 1), "bad_date"),
    ],
)
def test_impossible_proceedings_are_refused(
    organization: Organization, kind: str, opened_on: date, published_on: date | None, code: str
) -> None:
    customer = make_customer()
    with pytest.raises(DomainError) as refusal:
        customer_services.record_insolvency(customer=customer, kind=kind, opened_on=opened_on, published_on=published_on, **at(TODAY))
    assert (refusal.value.code, Customer.objects.get(pk=customer.pk).insolvency_kind) == (code, "")


def test_proceedings_entered_by_mistake_are_cleared_with_a_reason(organization: Organization) -> None:
    customer = make_customer()
    open_proceedings(customer)
    with pytest.raises(DomainError):
        customer_services.clear_insolvency(customer=customer, reason="", **at(TODAY))
    customer_services.clear_insolvency(customer=customer, reason="Homonyme", **at(TODAY))
    row = Customer.objects.get(pk=customer.pk)
    assert (row.insolvency_kind, row.insolvency_opened_on, insolvency_split(row)) == ("", None, None)
