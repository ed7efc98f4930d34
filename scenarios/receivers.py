"""News from the floors below, each inside its sender's transaction, and the answer to `about_to_send`.

After an event nothing new is planned: messages that no longer stand are withdrawn, steps closed, the schedule refreshed. The exceptions are
the next contact after a failure, and the apology for a reminder that crossed a payment (docs/rules.md, rules 7 and 9).
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from customers.signals import customer_changed
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.selectors import get_profile
from dunning.core.tenancy import current_organization_id
from invoices.models import Installment
from invoices.signals import invoices_changed, invoices_settled
from notifications import outbox
from notifications.signals import Go, Stop, Together, about_to_send, card_reported, message_settled
from scenarios import departure, fallout, payer_indexes, retraction, settling, work
from scenarios.context import load_frame, local_date, open_organization
from scenarios.scheduler import forget_settled
from scenarios.services import card_payments, proceedings

MOST_AT_ONCE: Final = 200
"""Customers whose schedule is refreshed inside an event; beyond - an import - the next run does it for everybody."""
_ABOUT_US: Final = frozenset({"owner_warned", "hold_expired", "created", "archived", "assigned"})
"""Changes after which no message that waits is less right, and no date moves."""


def connect() -> None:
    """Connect every receiver once; called when the application starts."""
    pairs: Sequence[tuple[Any, Callable[..., Any]]] = (
        (message_settled, messages_settled),
        (invoices_settled, items_settled),
        (invoices_changed, items_changed),
        (customer_changed, customers_changed),
        (about_to_send, may_leave),
        (card_reported, card_paid),
    )
    for signal, receiver in pairs:
        signal.connect(receiver, dispatch_uid=f"scenarios.{receiver.__name__}")


def may_leave(
    sender: object, *, message: Any, now: datetime, preview: bool = False, together: Together | None = None, **_kwargs: Any
) -> Go | Stop:
    """The one answer to `about_to_send`."""
    return departure.answer(message, now=now, preview=preview, together=together)


def card_paid(sender: object, *, news: Any, now: datetime, **_kwargs: Any) -> bool:
    """A payment service reported what became of a payment page; whether that page is ours."""
    return card_payments.take_news(news, today=local_date(open_organization(), now), now=now)


def messages_settled(sender: object, *, message_ids: Sequence[UUID], now: datetime, **_kwargs: Any) -> None:
    """Messages left, failed, came back or were withdrawn: their steps follow (rule 9)."""
    if not message_ids:
        return
    organization = open_organization()
    settled = settling.settle(organization=organization, message_ids=message_ids, now=now)
    today = local_date(organization, now)
    if settled.overtaken:
        retraction.apologise(settled.overtaken, today=today, now=now)
    if settled.customers and not clock.is_virtual():
        _refresh(organization, settled.customers, today, now)


def items_settled(sender: object, *, installment_ids: Sequence[UUID], today: date, now: datetime | None = None, **_kwargs: Any) -> None:
    """Nothing is left to pay on these: what waits about them is withdrawn, and a reminder that crossed the payment is apologised for."""
    if not installment_ids:
        return
    moment = now or clock.now()
    customers = _customers_of(installment_ids)
    fallout.drop_settled(installment_ids, today=today, now=moment)
    retraction.apologise(installment_ids, today=today, now=moment)
    forget_settled(customers)
    _weigh_again(customers, today)
    _look_again(customers, today, moment)


def items_changed(
    sender: object, *, installment_ids: Sequence[UUID], today: date, reason: str = "", now: datetime | None = None, **_kwargs: Any
) -> None:
    """Amounts, dates, disputes, promises, pauses or answers changed."""
    if not installment_ids or reason in _ABOUT_US:
        return
    moment = now or clock.now()
    if reason == "issued":  # nothing waits about them yet
        if not clock.is_virtual() and len(installment_ids) <= MOST_AT_ONCE:
            _refresh(Organization.objects.get(pk=current_organization_id()), _customers_of(installment_ids), today, moment)
        return
    customers = _customers_of(installment_ids)
    fallout.reopen(installment_ids, reason)
    if reason == "value_date":
        retraction.apologise(installment_ids, today=today, now=moment)
    fallout.close_answered(installment_ids, reason, now=moment)
    _weigh_again(customers, today)
    _look_again(customers, today, moment)


def customers_changed(
    sender: object, *, customer_ids: Sequence[UUID], today: date, reason: str = "", now: datetime | None = None, **_kwargs: Any
) -> None:
    """Contacts, identity, payer, credit, replies, insolvency: what concerns a whole customer changed."""
    if not customer_ids or reason in _ABOUT_US:
        return
    moment = now or clock.now()
    if reason == "insolvency":
        proceedings.follow_proceedings(customer_ids=customer_ids, today=today, now=moment)
        work.open_insolvency_tasks(profile=get_profile(), today=today, now=moment, customer_ids=customer_ids)
    elif reason == "reply":
        work.open_reply_tasks(today=today, now=moment, customer_ids=customer_ids)
    _look_again([str(pk) for pk in customer_ids], today, moment)


def _customers_of(installment_ids: Sequence[UUID]) -> list[str]:
    found = Installment.objects.filter(pk__in=list(installment_ids)).values_list("customer_id", flat=True).distinct()
    return sorted(str(pk) for pk in found)


def _weigh_again(customer_ids: Sequence[str], today: date) -> None:
    """A payment, its corrected date, a dispute or a promise changed how promptly they pay; a played life does this in its daily runs."""
    if not clock.is_virtual() and len(customer_ids) <= MOST_AT_ONCE:
        payer_indexes.refresh(today=today, customer_ids=[UUID(pk) for pk in customer_ids])


def _look_again(customer_ids: Sequence[str], today: date, now: datetime) -> None:
    """Take out of waiting messages what no longer stands; outside a played life, show the new dates at once."""
    outbox.forget_prepared(fallout.family_of(customer_ids))
    fallout.strip_waiting(customer_ids=customer_ids, today=today, now=now)
    if not clock.is_virtual() and len(customer_ids) <= MOST_AT_ONCE:
        _refresh(Organization.objects.get(pk=current_organization_id()), customer_ids, today, now)


def _refresh(organization: Organization, customer_ids: Sequence[str], today: date, now: datetime) -> None:
    fallout.refresh(frame=load_frame(organization, today), customer_ids=customer_ids, now=now)
