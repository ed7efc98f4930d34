"""Pauses: whose turn it is, until when, and who may prolong them."""

from datetime import date
from decimal import Decimal

import pytest

from customers.signals import customer_changed
from dunning.core.errors import DomainError
from dunning.core.models import Event, Organization
from invoices import selectors, services
from invoices.enums import HoldKind, HoldSide
from invoices.models import DebtorAct, Hold, Installment
from invoices.selectors.items import running_holds
from tests.factories import make_customer
from tests.invoices.ledger import CLAIRE, PAUL, at, bill

SEPT_1, OCT_1, OCT_5, OCT_20, NOV_4, NOV_5 = (
    date(2026, 9, 1),
    date(2026, 10, 1),
    date(2026, 10, 5),
    date(2026, 10, 20),
    date(2026, 11, 4),
    date(2026, 11, 5),
)


@pytest.fixture
def item(organization: Organization) -> Installment:
    return bill(make_customer(), "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")


def test_the_side_follows_from_the_kind(item: Installment) -> None:
    theirs = services.place_hold(installment=item, kind=HoldKind.NEXT_PAY_RUN, ends_on=OCT_20, reason="Virement le 20", **at(OCT_5))
    ours = services.place_hold(installment=item, kind=HoldKind.DOCUMENT_OWED, ends_on=OCT_20, reason="Bon de livraison", **at(OCT_5))
    pause = services.place_hold(
        customer=item.customer, kind=HoldKind.PAUSE, side=HoldSide.THEIRS, ends_on=OCT_20, reason="Congés", **at(OCT_5)
    )
    assert [hold.side for hold in (theirs, ours, pause)] == [HoldSide.THEIRS, HoldSide.OURS, HoldSide.THEIRS]
    assert (theirs.installment_id, pause.installment_id, pause.customer_id) == (item.pk, None, item.customer_id)
    with pytest.raises(DomainError) as refusal:
        services.place_hold(installment=item, kind=HoldKind.DOCUMENT_OWED, side=HoldSide.THEIRS, ends_on=OCT_20, reason="x", **at(OCT_5))
    assert (refusal.value.code, Hold.objects.count()) == ("bad_side", 3)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ends_on": NOV_5}, "too_long"),
        ({"ends_on": OCT_1}, "past_date"),
        ({"reason": " "}, "required"),
        ({"amount": Decimal("5.00")}, "bad_amount"),
        ({"kind": "nap"}, "bad_kind"),
    ],
)
def test_a_pause_has_an_end_within_thirty_days_and_a_reason(item: Installment, change: dict[str, object], code: str) -> None:
    fields = {"installment": item, "kind": HoldKind.CALL_BACK, "ends_on": NOV_4, "reason": "Rappeler", **change}
    with pytest.raises(DomainError) as refusal:
        services.place_hold(**fields, **at(OCT_5))
    assert (refusal.value.code, Hold.objects.count()) == (code, 0)


def test_another_person_renews_a_pause_and_the_chain_is_kept(item: Installment) -> None:
    hold = services.place_hold(installment=item, kind=HoldKind.IN_VALIDATION, ends_on=NOV_4, reason="Visa en cours", **at(OCT_5))
    with pytest.raises(DomainError) as refusal:
        services.renew_hold(hold=hold, ends_on=NOV_5, reason="Encore", **at(OCT_20, CLAIRE))
    assert (refusal.value.code, Hold.objects.count()) == ("same_person", 1)
    renewed = services.renew_hold(hold=hold, ends_on=date(2026, 11, 19), reason="Encore", **at(OCT_20, PAUL))
    assert (renewed.renews_id, renewed.requested_by, renewed.side) == (hold.pk, PAUL, HoldSide.THEIRS)
    assert Hold.objects.get(pk=hold.pk).released_on == OCT_20
    assert list(running_holds(today=OCT_20)) == [renewed]


def test_theirs_lapse_and_ours_escalate_once_and_stay(item: Installment) -> None:
    services.place_hold(installment=item, kind=HoldKind.NEXT_PAY_RUN, ends_on=OCT_20, reason="Le 20", **at(OCT_5))
    ours = services.place_hold(installment=item, kind=HoldKind.DOCUMENT_OWED, ends_on=OCT_20, reason="BL", **at(OCT_5))
    assert services.escalate_expired_holds(**at(OCT_20)) == []
    assert services.escalate_expired_holds(**at(NOV_4)) == [ours]
    assert services.escalate_expired_holds(**at(NOV_5)) == []
    assert list(running_holds(today=NOV_5)) == [ours]
    services.release_hold(hold=ours, reason="BL envoyé", **at(NOV_5))
    assert list(running_holds(today=NOV_5)) == []
    services.release_hold(hold=ours, reason="again", **at(NOV_5))
    assert Hold.objects.get(pk=ours.pk).released_reason == "BL envoyé"


def test_already_paid_waits_five_business_days_after_the_stated_date(item: Installment) -> None:
    services.says_paid(installments=[item], paid_on=OCT_5, reference="VIR 88", credited_iban_end="1a82", **at(OCT_5))
    [hold] = Hold.objects.all()
    assert (hold.side, hold.kind, hold.ends_on) == (HoldSide.THEIRS, HoldKind.ALREADY_PAID, date(2026, 10, 12))
    services.says_paid(installments=[item], paid_on=date(2026, 10, 7), **at(date(2026, 10, 7)))
    assert [held.ends_on for held in running_holds(today=date(2026, 10, 7))] == [date(2026, 10, 14)]
    assert DebtorAct.objects.count() == 2


def test_money_sent_to_a_foreign_account_stops_everything(item: Installment) -> None:
    heard: list[str] = []

    def listen(reason, **_rest):  # type: ignore[no-untyped-def]
        heard.append(reason)

    customer_changed.connect(listen)
    try:
        [act] = services.says_paid(installments=[item], paid_on=OCT_5, credited_iban_end="9999", **at(OCT_5))
    finally:
        customer_changed.disconnect(listen)
    [hold] = Hold.objects.all()
    assert (hold.installment_id, hold.customer_id, hold.side, hold.kind) == (None, item.customer_id, HoldSide.OURS, HoldKind.PAUSE)
    assert (act.details["foreign_account"], heard) == (True, ["fraud_suspected"])
    assert Event.objects.filter(type="customer.fraud_suspected").count() == 1


def test_the_last_word_on_the_ledger_counts_even_when_it_takes_one_back(organization: Organization) -> None:
    assert selectors.coverage_through() is None
    services.certify_ledger(through=OCT_5, **at(OCT_5))
    services.certify_ledger(through=OCT_1, **at(date(2026, 10, 6)))
    assert selectors.coverage_through() == OCT_1
    with pytest.raises(DomainError) as refusal:
        services.certify_ledger(through=OCT_20, **at(date(2026, 10, 7)))
    assert (refusal.value.code, selectors.coverage_through()) == ("future_date", OCT_1)


@pytest.mark.parametrize("today", [SEPT_1, OCT_5, OCT_20, date(2026, 10, 21), NOV_5])
def test_a_list_shows_the_pauses_that_run(item: Installment, today: date) -> None:
    """What a page reads by a prepared statement is what `running_holds` says, on every day."""
    other = bill(item.customer, "50.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    services.place_hold(installment=item, kind=HoldKind.NEXT_PAY_RUN, ends_on=OCT_20, reason="Le 20", **at(OCT_5))
    services.place_hold(installment=item, kind=HoldKind.DOCUMENT_OWED, ends_on=OCT_20, reason="Bon de livraison", **at(OCT_5))
    services.place_hold(customer=item.customer, kind=HoldKind.PAUSE, side=HoldSide.THEIRS, ends_on=NOV_4, reason="Congés", **at(OCT_5))
    over = services.place_hold(installment=other, kind=HoldKind.CALL_BACK, ends_on=NOV_4, reason="Rappeler", **at(OCT_5))
    services.release_hold(hold=over, reason="Rappelé", **at(OCT_5))
    shown = {view.installment.pk: [hold.pk for hold in view.holds] for view in selectors.view_items([item, other], today=today)}
    assert shown == {row.pk: [hold.pk for hold in running_holds(today=today).filter(installment=row)] for row in (item, other)}
    assert len(shown[item.pk]) == {SEPT_1: 0, OCT_5: 2, OCT_20: 2}.get(today, 1)
