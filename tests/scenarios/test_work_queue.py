"""The desk's queue asks first which of its parts hold anything: whatever a part would show, that question must see."""

from collections.abc import Callable
from datetime import date

import pytest

from dunning.core.tokens import new_id
from invoices.models import Hold, Installment, Payment, Promise
from notifications.models import Message
from scenarios.models import Action, ActionPlan, Commitment
from scenarios.selectors import work_queue
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import at, open_house, tenant

pytestmark = pytest.mark.django_db
TODAY = date(2026, 10, 20)


def _receipt(_item: Installment) -> None:
    Payment.objects.create(amount=50, unallocated=50, currency="EUR", received_on=TODAY, entered_on=TODAY, external_reference="V-1")


def _broken_promise(item: Installment, broken_on: date = date(2026, 10, 6)) -> None:
    Promise.objects.create(
        installment=item, customer=item.customer, amount=10, made_on=date(2026, 10, 1), promised_for=broken_on, closed_on=broken_on,
        state="broken", reference=new_id(),
    )  # fmt: skip


def _letter(item: Installment, state: str = "to_post", reason: str = "") -> None:
    Message.objects.create(
        customer=item.customer, channel="letter", phase=30, language="fr", template_key="r3", state=state, reason=reason, planned_on=TODAY
    )


def _held_message(item: Installment, reason: str = "no_contact") -> None:
    _letter(item, "held", reason)


def _hold(item: Installment, ends_on: date = date(2026, 10, 23)) -> None:
    Hold.objects.create(customer=item.customer, side="theirs", kind="pause", starts_on=date(2026, 10, 1), ends_on=ends_on)


def _commitment(item: Installment, due_on: date = date(2026, 10, 19)) -> None:
    plan = ActionPlan.objects.get(key="standard")
    by = Action.objects.create(
        installment=item, customer=item.customer, plan=plan, step_key="formal_notice", phase=40, channel="registered", state="done",
        taken_on=date(2026, 10, 1), done_on=date(2026, 10, 1),
    )  # fmt: skip
    Commitment.objects.create(
        installment=item, customer=item.customer, consequence="hand_over", announced_by=by, announced_on=date(2026, 10, 1), due_on=due_on,
        plan=plan, step_key="hand_over",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        ("receipt", _receipt),
        ("broken_promise", _broken_promise),
        ("letter", _letter),
        ("held_message", _held_message),
        ("hold_ends", _hold),
        ("commitment", _commitment),
    ],
)
def test_what_waits_is_on_the_queue_on_the_last_day_it_counts(kind: str, happens: Callable[[Installment], None]) -> None:
    with tenant(open_house()):
        item = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        assert _kinds() == []
        happens(item)
        assert _kinds() == [kind]


def test_what_is_past_or_still_far_is_not() -> None:
    with tenant(open_house()):
        item = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        _broken_promise(item, date(2026, 10, 5))
        _held_message(item, "brake")
        _hold(item, date(2026, 10, 24))
        _commitment(item, TODAY)
        assert _kinds() == []


def _kinds() -> list[str]:
    return [entry.kind for entry in work_queue(today=TODAY, now=at("2026-10-20", 10))]
