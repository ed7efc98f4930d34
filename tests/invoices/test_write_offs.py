"""Giving amounts up: by whom and how much, small differences by themselves, and asking for them again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from dunning.core.errors import DomainError
from dunning.core.giving_up import change_write_off_policy
from dunning.core.models import AuditEvent, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.measures.ageing import Cell
from invoices.models import Installment, WriteOff
from invoices.owed import Scope
from invoices.reports.ageing import aged_balance
from invoices.reports.delays import IN_TIME, Period, due_rows
from invoices.selectors import residues
from invoices.services import (
    PaymentDraft,
    cancel_payment,
    issue_credit_note,
    open_dispute,
    record_payment,
    reverse_write_off,
    write_off,
)
from tests.factories import make_customer, make_invoice, make_organization
from tests.scenarios.houses import at

CLERK = "user:0199aaaa-0000-7000-8000-000000000001"


def on(day: str = "2026-10-05", actor: str = CLERK) -> dict[str, Any]:
    return {"actor": actor, "today": date.fromisoformat(day), "now": at(day)}


@pytest.fixture
def house(db: None) -> Iterator[Organization]:
    organization = make_organization()
    with tenant(organization):
        yield organization


@pytest.fixture
def item(house: Organization) -> Installment:
    return make_invoice(make_customer("C1"), number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))


def tolerate(amount: str, limit: str = "0") -> None:
    OrganizationProfile.objects.update(tolerance_amount=Decimal(amount), write_off_limit=Decimal(limit))


def pay(item: Installment, amount: str, day: str = "2026-10-05", entered: str = "") -> Any:
    parts = ((item, Decimal(amount)),)
    draft = PaymentDraft(customer=item.customer, amount=Decimal(amount), received_on=date.fromisoformat(day), allocations=parts)
    made = record_payment(draft=draft, **on(entered or day))
    item.refresh_from_db()
    return made.payment


def given_up() -> list[tuple[str, str, bool, bool]]:
    rows = WriteOff.objects.order_by("created_at", "pk")
    return [(str(row.amount), row.kind, row.is_automatic, row.reversed_at is not None) for row in rows]


def test_a_small_difference_is_closed_with_the_payment_that_leaves_it(item: Installment) -> None:
    tolerate("2.00")
    pay(item, "1198.50")
    assert (item.outstanding, item.settled_on) == (Decimal("0.00"), date(2026, 10, 5))
    assert given_up() == [("1.50", "small_difference", True, False)]
    assert WriteOff.objects.get().actor == "system"


def test_a_small_difference_makes_no_payment_late_that_came_in_time(item: Installment) -> None:
    """After 1.00 of September, 1 198.50 of the 1 200.00 come on the due day; they are entered on the 5th."""
    tolerate("2.00")
    pay(item, "1.00", "2026-09-20")
    pay(item, "1198.50", "2026-10-01", entered="2026-10-05")
    item.refresh_from_db()
    assert (item.outstanding, item.settled_on, WriteOff.objects.get().written_off_on) == (Decimal(0), item.due_on, item.due_on)
    october = Period(date(2026, 10, 1), date(2026, 10, 31))
    assert due_rows(Scope("EUR"), october, today=date(2026, 10, 5)).cells() == {IN_TIME: Cell(1, Decimal("1200.00"))}
    owed = [aged_balance(Scope("EUR"), as_of=date(2026, *day), today=date(2026, 10, 5)).net for day in ((9, 30), (10, 1))]
    assert owed == [Decimal("1199.00"), Decimal(0)]


def test_the_audit_says_that_it_happened_by_itself(db: None) -> None:
    organization = make_organization()
    with tenant(organization):
        tolerate("2.00")
        pay(make_invoice(make_customer(), amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)), "99.00")
    with tenant(organization):
        event = AuditEvent.objects.get(action="items.written_off")
        assert (event.actor, event.body["automatic"], event.body["tolerance"]) == ("system", True, "2.00")


@pytest.mark.parametrize(("tolerance", "paid"), [("0", "1199.99"), ("2.00", "1197.99")])
def test_more_than_the_tolerance_stays_owed(item: Installment, tolerance: str, paid: str) -> None:
    tolerate(tolerance)
    pay(item, paid)
    assert (item.outstanding, given_up()) == (Decimal("1200.00") - Decimal(paid), [])


@pytest.mark.parametrize(("paid", "closed"), [("44.99", False), ("45.00", True)])
def test_half_of_a_small_invoice_is_no_small_difference(house: Organization, paid: str, closed: bool) -> None:
    tolerate("100.00")
    item = make_invoice(make_customer(), amount="50.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    pay(item, paid)
    assert (item.outstanding == 0, len(given_up())) == (closed, int(closed))


def test_what_nobody_paid_anything_on_stays_owed(house: Organization) -> None:
    tolerate("50.00")
    customer = make_customer()
    small = make_invoice(customer, amount="20.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    other = make_invoice(customer, amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    pay(other, "96.00")
    small.refresh_from_db()
    assert (small.outstanding, other.outstanding, len(given_up())) == (Decimal("20.00"), Decimal("0.00"), 1)


def test_a_credit_note_leaves_no_difference_either(item: Installment) -> None:
    tolerate("2.00")
    note = {"number": "AV-1", "issued_on": date(2026, 10, 5), "gross": Decimal("1199.00")}
    issue_credit_note(customer=item.customer, currency="EUR", credited_invoice=item.invoice, **note, **on())
    item.refresh_from_db()
    assert (item.outstanding, given_up()) == (Decimal("0.00"), [("1.00", "small_difference", True, False)])


def test_a_disputed_rest_is_left_to_who_answers(item: Installment) -> None:
    tolerate("2.00")
    open_dispute(installment=item, reason="PU_ERR", amount=Decimal("1.50"), **on())
    pay(item, "1198.50")
    assert (item.outstanding, given_up()) == (Decimal("1.50"), [])


def test_the_payment_taken_back_takes_its_difference_back(item: Installment) -> None:
    tolerate("2.00")
    payment = pay(item, "1198.50")
    cancel_payment(payment=payment, reason="Bounced", **on("2026-10-06"))
    item.refresh_from_db()
    assert (item.outstanding, item.settled_on) == (Decimal("1200.00"), None)
    assert given_up() == [("1.50", "small_difference", True, True)]
    pay(item, "1199.00", "2026-10-07")  # and the next one closes its own
    assert (item.outstanding, given_up()[1:]) == (Decimal("0.00"), [("1.00", "small_difference", True, False)])


def test_what_a_person_asks_for_again_is_not_closed_again(item: Installment) -> None:
    tolerate("2.00")
    pay(item, "1198.50")
    reverse_write_off(row=WriteOff.objects.get(), reason="They always pay in full", **on("2026-10-06"))
    item.refresh_from_db()
    assert item.outstanding == Decimal("1.50")
    assert [row.pk for row in residues()] == [item.pk]
    pay(item, "0.50", "2026-10-07")
    assert (item.outstanding, WriteOff.objects.get().reversed_reason) == (Decimal("1.00"), "They always pay in full")


def test_a_limit_counts_everything_people_gave_up_of_an_item(item: Installment) -> None:
    words = {"kind": "goodwill", "reason": "Late delivery", "limit": Decimal("50.00"), **on()}
    write_off(installment=item, amount=Decimal("30.00"), **words)
    with pytest.raises(DomainError, match="more than your role may give up"):
        write_off(installment=item, amount=Decimal("20.01"), **words)
    write_off(installment=item, amount=Decimal("20.00"), **words)
    assert given_up() == [("30.00", "goodwill", False, False), ("20.00", "goodwill", False, False)]
    with pytest.raises(DomainError, match="what kind of loss"):
        write_off(installment=item, kind="whim", reason="x", **on())
    write_off(installment=item, kind="uncollectable", reason="Certificate of the liquidator", **on())
    assert item.outstanding == Decimal("0.00")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"tolerance_amount": Decimal("100.01")}, "tolerance_amount"), ({"write_off_limit": Decimal("-1")}, "write_off_limit")],
)
def test_a_policy_that_makes_no_sense_is_refused(house: Organization, change: dict[str, Decimal], field: str) -> None:
    given = {"tolerance_amount": Decimal(0), "write_off_limit": Decimal(0), **change}
    with pytest.raises(DomainError) as refusal:
        change_write_off_policy(**given, actor=CLERK, now=at("2026-10-05"))
    assert refusal.value.field == field
    assert OrganizationProfile.objects.get().tolerance_amount == 0
    assert change_write_off_policy(tolerance_amount=Decimal(2), write_off_limit=Decimal(50), actor=CLERK, now=at("2026-10-05")) == [
        "tolerance_amount",
        "write_off_limit",
    ]


def test_a_payment_and_a_write_off_at_once_never_settle_twice(committed_database: str) -> None:
    organization = make_organization()
    with tenant(organization):
        customer = make_customer()
        items = [make_invoice(customer, amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for _ in range(12)]
    start = Barrier(2)

    def act(work: Any, item: Installment) -> str:
        try:
            start.wait(10)
            with tenant(organization):
                work(Installment.objects.select_related("customer", "invoice").get(pk=item.pk))
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        for item in items:
            paying = pool.submit(act, lambda row: pay(row, "100.00"), item)
            giving_up = pool.submit(act, lambda row: write_off(installment=row, amount=Decimal("100.00"), reason="x", **on()), item)
            assert sorted([paying.result(), giving_up.result()]) in (["above_item", "done"], ["bad_amount", "done"])
    with tenant(organization):
        for item in Installment.objects.all():
            settled = sum(part.amount for part in item.allocations.filter(reversed_at=None)) + sum(
                off.amount for off in item.write_offs.filter(reversed_at=None)
            )
            assert (item.outstanding, settled) == (Decimal("0.00"), Decimal("100.00"))
