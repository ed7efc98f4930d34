"""Disputes: acknowledged, answered, and what is asked for meanwhile."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import Organization, User
from invoices import services
from invoices.enums import DisputeReason, DisputeState, HoldKind, HoldSide
from invoices.models import Dispute, Hold, Installment
from invoices.selectors import view_items
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, left

SEPT_1, OCT_1, OCT_5, OCT_12 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 12)


@pytest.fixture
def item(organization: Organization) -> Installment:
    return bill(make_customer(), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")


def contest(item: Installment, amount: str | None = None) -> Dispute:
    return services.open_dispute(
        installment=item,
        reason=DisputeReason.UNIT_PRICE,
        amount=Decimal(amount) if amount else None,
        text="Prix convenu : 7 €",
        **at(OCT_5),
    )


def chased(item: Installment, today: date) -> Decimal:
    [view] = view_items([Installment.objects.select_related("invoice").get(pk=item.pk)], today=today)
    return view.chased


def test_a_price_dispute_of_312_is_accepted_and_its_credit_note_settles_it(item: Installment) -> None:
    dispute = contest(item, "312.00")
    assert (dispute.answer_due_on, chased(item, OCT_5)) == (OCT_12, Decimal("688.00"))
    services.acknowledge_dispute(dispute=dispute, **at(OCT_5))
    hold = services.close_dispute(dispute=dispute, outcome=DisputeState.ACCEPTED, text="Prix corrigé", **at(OCT_12))
    assert hold is not None
    assert (hold.side, hold.kind, hold.amount, hold.ends_on) == (
        HoldSide.OURS,
        HoldKind.CREDIT_NOTE_PENDING,
        Decimal("312.00"),
        date(2026, 11, 11),
    )
    assert chased(item, date(2026, 12, 1)) == Decimal("688.00")  # past its end too: our own pauses never lapse
    note = {"customer": item.customer, "issued_on": OCT_12, "credited_invoice": item.invoice}
    services.issue_credit_note(number="AV-1", gross=Decimal("300.00"), **note, **at(OCT_12))
    assert (left(item), Hold.objects.get().amount, chased(item, OCT_12)) == (Decimal("700.00"), Decimal("12.00"), Decimal("688.00"))
    services.issue_credit_note(number="AV-2", gross=Decimal("12.00"), **note, **at(OCT_12))
    assert (left(item), Hold.objects.get().released_on, chased(item, OCT_12)) == (Decimal("688.00"), OCT_12, Decimal("688.00"))


def test_a_whole_item_in_dispute_is_not_asked_for_until_it_is_rejected(item: Installment) -> None:
    dispute = contest(item)
    assert chased(item, OCT_5) == 0
    assert services.close_dispute(dispute=dispute, outcome=DisputeState.REJECTED, text="Livraison signée", **at(OCT_12)) is None
    row = Dispute.objects.get()
    assert (row.state, row.closed_on, chased(item, OCT_12)) == (DisputeState.REJECTED, OCT_12, Decimal("1000.00"))
    with pytest.raises(DomainError) as refusal:
        services.close_dispute(dispute=dispute, outcome=DisputeState.ACCEPTED, **at(OCT_12))
    assert refusal.value.code == "closed"
    assert Hold.objects.count() == 0


def test_one_dispute_at_a_time_and_no_more_than_is_left(item: Installment) -> None:
    with pytest.raises(DomainError) as refusal:
        contest(item, "1000.01")
    assert (refusal.value.code, Dispute.objects.count()) == ("bad_amount", 0)
    contest(item, "10.00")
    with pytest.raises(DomainError) as refusal:
        contest(item)
    assert (refusal.value.code, Dispute.objects.count()) == ("already_open", 1)


def test_a_settled_item_cannot_be_contested(item: Installment) -> None:
    services.write_off(installment=item, reason="Geste commercial", **at(OCT_5))
    with pytest.raises(DomainError) as refusal:
        contest(item)
    assert (refusal.value.code, Dispute.objects.count()) == ("settled", 0)


def test_the_account_owner_answers_unless_somebody_else_is_named(organization: Organization) -> None:
    owner, paul = (User.objects.create_user(f"{name}@atelier.example") for name in ("claire", "paul"))
    item = bill(make_customer(account_owner=owner), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    dispute = contest(item)
    assert dispute.owner == owner
    services.assign_dispute(dispute=dispute, owner=paul, answer_due_on=OCT_12, **at(OCT_5))
    assert (Dispute.objects.get().owner, Dispute.objects.get().answer_due_on) == (paul, OCT_12)
    with pytest.raises(DomainError) as refusal:
        services.assign_dispute(dispute=dispute, owner=paul, answer_due_on=OCT_1, **at(OCT_5))
    assert refusal.value.code == "past_date"
