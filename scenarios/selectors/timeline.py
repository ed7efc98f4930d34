"""One timeline for an invoice or a customer: everything that was said and done, and what comes next."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.models import Customer, PortalVisit
from dunning.core.enums import PAPER_CHANNELS
from dunning.core.models import Organization
from invoices.enums import InvoiceKind, PlanState
from invoices.models import Allocation, HabitSetAside, Hold, Installment, Invoice, WriteOff
from invoices.selectors import plans_about
from notifications.enums import LEFT, NEVER_LEFT, MessageState, Obstacle, ProofKind
from notifications.models import Message, ProofFile
from notifications.selectors import BODIES
from scenarios.enums import CallOutcome, CommitmentState, Reason
from scenarios.models import Action, ActionMessage, Commitment, TaskAttempt
from scenarios.selectors.on_file import ACT, ANNOUNCED, CALL, HABIT, PLAN, VISIT, WRITE_OFF, account_of, on_file
from scenarios.selectors.timeline_entries import (
    ACCEPTED,
    ANSWERED,
    DELIVERED,
    PLANNED,
    REGISTERED,
    Entry,
    last_answers,
    said_about_account,
    visits,
    what_was_said,
)
from scenarios.selectors.why import Why, day_words, names_of_steps, reason_words, why, why_each

NOT_REACHED: Final = "not_reached"
"""Code of a message that went to a wrong address, "non parvenu", whatever its provider reported."""
_OBSTACLES: Final = frozenset(Obstacle.values)
_EVIDENCE: Final = {
    MessageState.ACCEPTED: ACCEPTED,
    MessageState.DELIVERED: DELIVERED,
    MessageState.COMPLAINED: DELIVERED,
    MessageState.BOUNCED: ACCEPTED,
}


@dataclass(frozen=True, slots=True)
class Future:
    """One step still to come, with the item it concerns and why it waits, if it does."""

    on: date | None
    title: str
    reason: str
    invoice: str


@dataclass(frozen=True)
class Timeline:
    """The past, newest first, and the future, next first."""

    past: Sequence[Entry]
    future: Sequence[Future]


def timeline(*, invoice: Invoice, organization: Organization, today: date, reasoning: Sequence[Why] | None = None) -> Timeline:
    """Everything about one invoice; `reasoning` is `why` of it, where it has been asked already."""
    items = list(Installment.objects.select_related("invoice").filter(invoice=invoice).order_by("position"))
    zone = ZoneInfo(organization.timezone)
    messages = _messages_of(items, invoice.customer)
    known = on_file(account_of(invoice.customer))
    past = [
        *_issued([invoice]),
        *_about_items(items, invoice.customer, zone, known),
        *_sorted_messages(messages, zone, _uncounted(items)),
        *_proofs(messages, zone),
    ]
    if VISIT in known:
        past += visits(PortalVisit.objects.filter(message_id__in=[message.pk for message in messages]), zone)
    found = why(invoice=invoice, organization=organization, today=today) if reasoning is None else reasoning
    return Timeline(_newest_first(past), _future(found))


def customer_timeline(
    *, customer: Customer, organization: Organization, today: date, known: Collection[str] | None = None, limit: int = 200
) -> Timeline:
    """Everything about one customer, the newest `limit` entries; the future of its open invoices.

    `known` is `on_file` of its account, where it has been asked already.
    """
    items = list(Installment.objects.select_related("invoice").filter(customer=customer).order_by("-due_on", "pk")[:limit])
    invoices = list({item.invoice_id: item.invoice for item in items}.values())
    zone = ZoneInfo(organization.timezone)
    messages = list(Message.objects.filter(customer=customer).defer(*BODIES).order_by("-created_at")[:limit])
    known = on_file(account_of(customer)) if known is None else known
    past = [
        *_issued(invoices),
        *_about_items(items, customer, zone, known),
        *_sorted_messages(messages, zone, set()),
        *_proofs(messages, zone),
        *_holds(Hold.objects.filter(customer=customer, installment=None), {}),
    ]
    if HABIT in known:
        past += _habits(HabitSetAside.objects.filter(customer=customer), zone)
    if ACT in known:
        past += said_about_account(customer.pk, zone)
    if VISIT in known:
        past += visits(PortalVisit.objects.filter(customer=customer).order_by("-at")[:limit], zone)
    still_open = list({item.invoice_id: item.invoice for item in items if item.outstanding > 0}.values())[:20]
    return Timeline(_newest_first(past)[:limit], _future(why_each(invoices=still_open, organization=organization, today=today)))


def exchanges(customer: Customer, *, zone: ZoneInfo, limit: int = 3) -> Sequence[Entry]:
    """The last times somebody spoke: messages that left, calls, answers that came back, acts on the customer's page; the newest first."""
    messages = Message.objects.filter(customer=customer, state__in=LEFT).defer(*BODIES).order_by("-frozen_at")[:limit]
    calls = TaskAttempt.objects.filter(task__customer=customer).order_by("-at")[:limit]
    found = [*_sorted_messages(messages, zone, set()), *_tried(calls, zone), *last_answers(customer.pk, zone, limit)]
    return _newest_first(found)[:limit]


def _newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Identifiers are ordered by time: they part what happened at one moment of a clock that stands still."""
    return sorted(entries, key=_when, reverse=True)


def _when(entry: Entry) -> tuple[date, str, str, str]:
    return entry.on, entry.at.isoformat() if entry.at else "", entry.kind, str(entry.id or "")


def _future(reasoning: Iterable[Why]) -> list[Future]:
    coming = []
    for found in reasoning:
        number = found.invoice.number
        if found.forecast:
            coming += [Future(step.on, step.step, step.reason, number) for step in found.forecast]
        elif found.next_step:
            coming.append(Future(found.next_on, found.next_step, str(found.reason.label), number))
    return sorted(coming, key=lambda entry: (entry.on or date.max, entry.invoice))


def _issued(invoices: Iterable[Invoice]) -> Iterator[Entry]:
    for invoice in invoices:
        title = _("Invoice issued") if invoice.kind == InvoiceKind.INVOICE else _("Credit note issued")
        yield Entry(
            invoice.issued_on, "invoice", title, amount=invoice.gross, currency=invoice.currency, id=invoice.pk, invoice=invoice.number
        )


# --- what was written --------------------------------------------------------------------------------------------------------------------


def _messages_of(items: Sequence[Installment], customer: Customer) -> list[Message]:
    """Messages that carry a step of these items, and those to who pays that are about them: each part has an index to read by."""
    ids = [item.pk for item in items]
    carried = Message.objects.filter(pk__in=ActionMessage.objects.filter(action__installment__in=ids).values("message"))
    about = Message.objects.filter(customer__in=account_of(customer), details__items__has_any_keys=[str(pk) for pk in ids])
    return list({message.pk: message for message in (*carried.defer(*BODIES), *about.defer(*BODIES))}.values())


def _uncounted(items: Sequence[Installment]) -> set[UUID]:
    """Messages that left about these items before their invoice had been received: they count no more."""
    carried = ActionMessage.objects.filter(action__installment__in=[item.pk for item in items], own_step=True)
    return set(carried.filter(action__state="taken_back", action__reason=Reason.NOT_RECEIVED).values_list("message_id", flat=True))


def _sorted_messages(messages: Iterable[Message], zone: ZoneInfo, uncounted: Collection[UUID]) -> Iterator[Entry]:
    """`uncounted` left before the invoice had been received."""
    for message in messages:
        at = message.accepted_at or message.failed_at or message.frozen_at
        astray = message.not_reached and message.state in LEFT
        yield Entry(
            message.posted_on or (at.astimezone(zone).date() if at is not None else message.planned_on),
            "message",
            message.subject or str(message.get_kind_display()),
            detail=_how_it_went(message, message.pk in uncounted),
            state=str(pgettext("message", "Not received")) if astray else str(message.get_state_display()),
            at=at,
            evidence=None
            if astray
            else REGISTERED
            if message.proof in ("delivered", "unclaimed", "refused")
            else _EVIDENCE.get(MessageState(message.state), PLANNED),
            amount=message.amount or None,
            currency=message.currency,
            id=message.pk,
            code=NOT_REACHED if astray else message.state,
            channel=message.channel,
        )


def _proofs(messages: Iterable[Message], zone: ZoneInfo) -> Iterator[Entry]:
    """The slips, receipts and envelopes kept with letters."""
    letters = {message.pk: message for message in messages if message.channel in PAPER_CHANNELS}
    if not letters:
        return
    for kept in ProofFile.objects.filter(message__in=list(letters)):
        letter = letters[kept.message_id]
        yield Entry(
            kept.added_at.astimezone(zone).date(),
            "message",
            str(kept.get_kind_display()),
            detail=" · ".join(part for part in (letter.subject, letter.tracking_number) if part),
            at=kept.added_at,
            evidence=REGISTERED if kept.kind == ProofKind.RECEIPT else None,
            id=letter.pk,
            channel=letter.channel,
        )


def _how_it_went(message: Message, is_uncounted: bool) -> str:
    parts = [", ".join(part for part in (str(message.get_channel_display()), message.recipient_name, message.recipient) if part)]
    if is_uncounted:
        parts.append(_("the invoice had not been received: it does not count"))
    if message.state in NEVER_LEFT:
        parts.append(message.reason_text or _why_it_stayed(message.reason))
    return " · ".join(part for part in parts if part)


def _why_it_stayed(reason: str) -> str:
    return str(Obstacle(reason).label) if reason in _OBSTACLES else reason_words(reason)


# --- what happened to the items ----------------------------------------------------------------------------------------------------


def _about_items(items: Sequence[Installment], customer: Customer, zone: ZoneInfo, known: Collection[str]) -> Iterator[Entry]:
    """`known`: the kinds of records there are (`on_file`)."""
    ids = [item.pk for item in items]
    numbers = {item.pk: item.invoice.number for item in items}
    yield from _steps(ids, numbers)
    if CALL in known:
        yield from _calls(ids, customer, zone)
    yield from _money(items, numbers, known)
    yield from what_was_said(items, zone, known)
    if PLAN in known:
        yield from _plans(ids, numbers)
    yield from _holds(Hold.objects.filter(installment__in=ids), numbers)
    if ANNOUNCED in known:
        yield from _commitments(ids, numbers)


def _steps(ids: Collection[UUID], numbers: dict[UUID, str]) -> Iterator[Entry]:
    """Steps without a message of their own: tasks, what was skipped, reminders from before this system."""
    actions = list(Action.objects.filter(installment__in=list(ids), carriers=None).order_by("taken_on"))
    names = names_of_steps({action.version_id for action in actions if action.version_id})
    for action in actions:
        yield Entry(
            action.done_on or action.taken_on,
            "step",
            names.get((action.version_id, action.step_key), "") or str(action.details.get("text") or _("Earlier reminder")),
            detail="" if action.state == "done" else reason_words(action.reason),
            state=str(action.get_state_display()),
            id=action.task_id or action.pk,
            invoice=numbers[action.installment_id],
            code=action.state,
            channel=action.channel,
        )


def _calls(ids: Collection[UUID], customer: Customer, zone: ZoneInfo) -> Iterator[Entry]:
    due = TaskAttempt.objects.filter(task__in=Action.objects.filter(installment__in=list(ids), task__isnull=False).values("task"))
    about = TaskAttempt.objects.filter(task__customer__in=account_of(customer), details__items__has_any_keys=[str(pk) for pk in ids])
    yield from _tried({attempt.pk: attempt for attempt in (*due, *about)}.values(), zone)


def _tried(attempts: Iterable[TaskAttempt], zone: ZoneInfo) -> Iterator[Entry]:
    for attempt in attempts:
        person = str(attempt.details.get("person", ""))
        yield Entry(
            attempt.on,
            "call",
            str(CallOutcome(attempt.outcome).label),
            detail=" · ".join(part for part in (person, attempt.note) if part),
            at=attempt.at.astimezone(zone),
            evidence=ANSWERED if person else None,
            id=attempt.task_id,
            code=attempt.outcome,
        )


def _money(items: Sequence[Installment], numbers: dict[UUID, str], known: Collection[str]) -> Iterator[Entry]:
    currencies = {item.pk: item.invoice.currency for item in items}
    allocations = Allocation.objects.filter(installment__in=list(numbers)).select_related("payment", "credit_note")
    for part in allocations:
        reversed_ = _("Taken back") if part.reversed_at is not None else ""
        source: Any = part.payment or part.credit_note
        yield Entry(
            part.value_on,
            "payment" if part.payment_id else "credit",
            _("Payment received") if part.payment_id else _("Credit note %s") % source.number,
            detail=source.reference_text if part.payment_id else "",
            state=reversed_,
            amount=part.amount,
            currency=currencies[part.installment_id],
            id=source.pk,
            invoice=numbers[part.installment_id],
        )
    for off in WriteOff.objects.filter(installment__in=list(numbers)) if WRITE_OFF in known else ():
        yield Entry(
            off.written_off_on,
            "write_off",
            _("Closed within the tolerance") if off.is_automatic else _("Written off"),
            detail=" · ".join(part for part in (str(off.get_kind_display()), off.reason, off.reversed_reason) if part),
            state=_("Taken back") if off.reversed_at is not None else "",
            amount=off.amount,
            currency=currencies[off.installment_id],
            id=off.pk,
            invoice=numbers[off.installment_id],
        )


def _plans(ids: Collection[UUID], numbers: dict[UUID, str]) -> Iterator[Entry]:
    for view in plans_about(ids):
        plan = view.plan
        number = ", ".join(dict.fromkeys(numbers[item] for item in view.items if item in numbers))
        schedule = _("%(count)s parts, the last on %(day)s") % {"count": len(view.parts), "day": day_words(view.parts[-1].due_on)}
        yield Entry(
            plan.agreed_on,
            "plan",
            _("Instalments agreed on"),
            " · ".join((str(plan.get_source_display()), plan.signatory, schedule)),
            at=plan.agreed_at,
            evidence=ANSWERED,
            amount=plan.amount,
            currency=plan.currency,
            id=plan.pk,
            invoice=number,
        )
        if plan.state != PlanState.ACTIVE and plan.closed_on is not None:
            state = str(plan.get_state_display())
            title = _("Payment plan")
            yield Entry(plan.closed_on, "plan", title, plan.closed_reason, state=state, id=plan.pk, invoice=number, code=plan.state)


def _holds(holds: Iterable[Hold], numbers: dict[UUID, str]) -> Iterator[Entry]:
    for hold in holds:
        number = numbers.get(hold.installment_id, "") if hold.installment_id else ""
        title = _("Paused until %s") % day_words(hold.ends_on)
        kind = str(hold.get_kind_display())
        detail = " · ".join(part for part in (str(hold.get_side_display()), kind, "" if hold.reason == kind else hold.reason) if part)
        yield Entry(hold.starts_on, "hold", title, detail, amount=hold.amount, id=hold.pk, invoice=number)
        if hold.released_on is not None:
            yield Entry(hold.released_on, "hold", _("Pause ended"), hold.released_reason, id=hold.pk, invoice=number)


def _habits(set_aside: Iterable[HabitSetAside], zone: ZoneInfo) -> Iterator[Entry]:
    for aside in set_aside:
        yield Entry(aside.set_aside_on, "habit", _("Habit set aside"), aside.reason, id=aside.pk)
        if aside.lifted_at is not None:
            lifted_at = aside.lifted_at.astimezone(zone)
            yield Entry(lifted_at.date(), "habit", _("Habit counted on again"), at=lifted_at, id=aside.pk)


def _commitments(ids: Collection[UUID], numbers: dict[UUID, str]) -> Iterator[Entry]:
    for commitment in Commitment.objects.filter(installment__in=list(ids)):
        number = numbers[commitment.installment_id]
        name = str(commitment.get_consequence_display())
        title = _("Announced: %s") % name
        until = _("by %s") % day_words(commitment.due_on)
        yield Entry(commitment.announced_on, "commitment", title, until, id=commitment.pk, invoice=number)
        if commitment.state != CommitmentState.OPEN and commitment.closed_on is not None:
            state = str(commitment.get_state_display())
            yield Entry(
                commitment.closed_on,
                "commitment",
                title,
                commitment.reason,
                state=state,
                id=commitment.pk,
                invoice=number,
                code=commitment.state,
            )
