"""What became of a message, and so of the steps it carried (rule 9): done at its acceptance, taken back when it reached nobody."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from customers.services import mark_reachability, note_reply_pending
from dunning.core import audit
from dunning.core.enums import PAPER_CHANNELS, Channel
from dunning.core.models import Organization
from dunning.core.selectors import get_calendar, get_profile
from dunning.core.tokens import new_id
from invoices.enums import EInvoiceStatus, HoldKind
from invoices.models import Declaration, Dispute, Hold, Installment, Invoice
from invoices.services import acknowledge_dispute, release_hold, restart_plan
from notifications import inbox, outbox
from notifications.enums import LEFT, NEVER_LEFT, MessageKind, MessageState
from notifications.models import InboundMessage, Message
from scenarios import effects, outside, telling, written
from scenarios.context import local_date
from scenarios.declarations import disputes_of
from scenarios.enums import ActionState, Phase, Reason, TaskKind, TaskState
from scenarios.models import Action, ActionMessage, PlanStep, Task
from scenarios.recipients import Directory, Recipient
from scenarios.resending import forget_unreceived

ACTOR: Final = "system"
_REACHED_NOBODY: Final = frozenset({MessageState.FAILED, MessageState.BOUNCED})


@dataclass(frozen=True)
class Settled:
    """Customers whose items moved, and items that were paid while a message about them was on its way: it left all the same."""

    customers: list[str]
    overtaken: set[UUID]


def settle(*, organization: Organization, message_ids: Sequence[UUID], now: datetime) -> Settled:
    """Move the plans on after these messages reached a state that counts.

    Repeating it changes nothing: every change is made from the state before it alone.
    """
    ours = Message.objects.exclude(kind=MessageKind.TEST)  # a test is about no plan
    messages = list(ours.select_related("customer", "contact").filter(pk__in=list(message_ids)).order_by("pk"))
    links: dict[UUID, list[ActionMessage]] = {}
    for link in ActionMessage.objects.filter(message__in=[message.pk for message in messages]).select_related("action").order_by("pk"):
        links.setdefault(link.message_id, []).append(link)
    today = local_date(organization, now)
    touched: set[str] = set()
    cargo = {message.pk: [link.action for link in links.get(message.pk, ())] for message in messages}
    closed = {action.pk: action.installment_id for actions in cargo.values() for action in actions if effects.was_overtaken(action)}
    done = _done(organization, messages, cargo, now)
    for message in messages:
        actions = cargo[message.pk]
        if message.state in LEFT:
            moved = _left(organization, message, [action for action in actions if action.pk in done], now)
        elif message.state in _REACHED_NOBODY:
            moved = _reached_nobody(message, links.get(message.pk, ()), today, now)
        elif message.state == MessageState.CANCELLED:
            moved = _withdrawn(message, actions, today, now)
        else:
            moved = False
            if message.state == MessageState.UNPROVEN:
                _ask_a_person(message, today, now)
        if moved:
            touched |= {str(action.customer_id) for action in actions} | {str(message.customer_id)}
    return Settled(sorted(touched), {item for pk, item in closed.items() if pk in done})


# --- it left --------------------------------------------------------------------------------------------------------------------------


def _left_on(organization: Organization, message: Message, now: datetime) -> date:
    """Dated at acceptance on the organization's own calendar; a letter on the day it was posted."""
    return message.posted_on or local_date(organization, message.accepted_at or now)


def _done(organization: Organization, messages: Sequence[Message], cargo: Mapping[UUID, Sequence[Action]], now: datetime) -> set[UUID]:
    """Mark the steps of the messages that left as done, day by day; ids of those that were not yet."""
    by_day: dict[date, list[Action]] = {}
    for message in messages:
        if message.state in LEFT:
            by_day.setdefault(_left_on(organization, message, now), []).extend(cargo[message.pk])
    return {action.pk for on, actions in by_day.items() for action in effects.mark_done(actions, on=on, actor=ACTOR, now=now)}


def _left(organization: Organization, message: Message, changed: Sequence[Action], now: datetime) -> bool:
    """`changed` are its steps that are done now."""
    on = _left_on(organization, message, now)
    if changed and message.details.get("deadline_on"):
        calendar = get_calendar(get_profile())
        printed_on = local_date(organization, message.frozen_at) if message.frozen_at is not None else on
        effects.note_deadline(message, changed, printed_on=printed_on, calendar=calendar)
        effects.open_commitments(message, changed, printed_on=printed_on, on=on, calendar=calendar, actor=ACTOR, now=now)
    elif changed and message.details.get("commitments"):
        calendar = get_calendar(get_profile())
        effects.open_commitments(message, changed, printed_on=on, on=on, calendar=calendar, actor=ACTOR, now=now)
    if message.channel in PAPER_CHANNELS:
        _close_own_tasks(message, (TaskKind.POST_LETTER,), TaskState.DONE, now)
        if changed and message.phase == Phase.LEGAL:
            _copy_by_email(message, changed, local_date(organization, now), now)
    if message.kind == MessageKind.ACKNOWLEDGEMENT:
        for dispute in _acknowledged(message):
            acknowledge_dispute(dispute=dispute, actor=ACTOR, today=on, now=now)
    if message.kind == MessageKind.RESEND:
        _sent_again(message, on, now)
    return bool(changed)


def _acknowledged(message: Message) -> list[Dispute]:
    """The disputes an acknowledgement tells its customer of."""
    if declaration := message.details.get("declaration"):
        return disputes_of(Declaration.objects.get(pk=declaration))
    return list(Dispute.objects.filter(pk__in=outside.dispute_ids(message)).order_by("pk"))


def _copy_by_email(letter: Message, actions: Sequence[Action], today: date, now: datetime) -> None:
    """The usual contact learns of a formal notice by e-mail when it is posted, not days later from the registered office."""
    usual = Directory([letter.customer_key]).find(str(letter.customer_id), Channel.EMAIL, Phase.SERVICE, today=today)
    if usual is None:
        return
    outside.write(
        customer=letter.customer,
        kind=MessageKind.CONFIRMATION,
        template_key="formal_notice_copy",
        items=sorted({action.installment_id for action in actions}, key=str),
        about={"previous": letter.pk},
        copies=True,
        language=letter.language,
        actor=ACTOR,
        today=today,
        now=now,
    )


def _sent_again(message: Message, on: date, now: datetime) -> None:
    """The invoices arrived this time: what was said before stops counting, their plan restarts, and what we owed the customer is done
    (rule 7). A later report on the same sending changes nothing, unless the customer has said "not received" again before it left.
    """
    items = [UUID(pk) for pk in message.details.get("items", ())]
    invoices = list(Invoice.objects.filter(installments__in=items).distinct())
    left_at = message.accepted_at or now
    missed = {invoice.pk for invoice in invoices if invoice.not_received_at is not None and invoice.not_received_at <= left_at}
    if not invoices or (not missed and any(invoice.restart_on is not None and invoice.restart_on > on for invoice in invoices)):
        return
    missed |= {invoice.pk for invoice in invoices if invoice.e_invoice_status == EInvoiceStatus.REJECTED}
    parts = Installment.objects.filter(invoice__in=invoices)
    forget_unreceived(
        resend=message,
        items=list(parts.values_list("pk", flat=True)),
        never_arrived=list(parts.filter(invoice__in=missed).values_list("pk", flat=True)),
        on=on,
        actor=ACTOR,
        now=now,
    )
    restart_plan(invoices=invoices, resent_on=on, actor=ACTOR, today=on, now=now)
    for hold in Hold.objects.filter(installment__in=items, kind=HoldKind.DOCUMENT_OWED, released_on=None):
        release_hold(hold=hold, reason=str(MessageKind.RESEND.label), actor=ACTOR, today=on, now=now)


# --- it reached nobody ------------------------------------------------------------------------------------------------------------------


def _reached_nobody(message: Message, links: Iterable[ActionMessage], today: date, now: datetime) -> bool:
    """Taken back unless a later step was done; then the same step with the next contact of the chain, at once, or a task."""
    links = list(links)
    if message.state == MessageState.BOUNCED:
        Message.objects.filter(pk=message.pk).update(not_reached=True)
    _mark_contact(message, today, now)
    _not_answered(message, today, now)
    back = effects.take_back([link.action for link in links], reason=Reason.NOT_DELIVERED, actor=ACTOR, now=now)
    taken_back = {action.pk for action in back}
    again = [link for link in links if link.action_id in taken_back]
    if message.kind == MessageKind.RESEND:
        _find_contact(message, today, now)
    if message.kind != MessageKind.REMINDER or not again:
        return bool(back)
    if message.channel in PAPER_CHANNELS or not _to_next_contact(message, again, today, now):
        _find_contact(message, today, now)
    return True


def _mark_contact(message: Message, today: date, now: datetime) -> None:
    if message.contact is None or message.recipient not in (message.contact.email, message.contact.phone):
        return
    means = "email" if message.channel == Channel.EMAIL else "phone" if message.channel == Channel.SMS else None
    if means == "email":
        mark_reachability(contact=message.contact, means="email", reached=False, reason=message.reason, actor=ACTOR, today=today, now=now)
    elif means == "phone":
        mark_reachability(contact=message.contact, means="phone", reached=False, reason=message.reason, actor=ACTOR, today=today, now=now)


def _to_next_contact(message: Message, links: Sequence[ActionMessage], today: date, now: datetime) -> bool:
    """Write the same message again to the next contact. False when nobody is left; the day's slot may also be taken already."""
    tried = sorted({*message.details.get("tried", ()), message.recipient})
    roles = PlanStep.objects.filter(version=message.details.get("version") or None, key=message.details.get("step", "")).values_list(
        "contact_roles", flat=True
    )
    recipient = Directory([message.customer_key]).find(
        str(message.customer_id), message.channel, message.phase, roles=roles.first() or (), today=today, tried=frozenset(tried)
    )
    if recipient is None:
        return False
    open_items = set(
        Installment.objects.filter(pk__in=[link.action.installment_id for link in links], outstanding__gt=0).values_list("pk", flat=True)
    )
    links = [link for link in links if link.action.installment_id in open_items]
    taken = (Message.objects.filter(group_key=message.group_key, planned_on=today).exclude(group_key="").exclude(pk=message.pk)).exclude(
        state__in=[*NEVER_LEFT, MessageState.BOUNCED]
    )
    if not links or taken.exists():
        return True  # settled meanwhile, or the next run takes the step again with the contact that is left
    repeat_message(message, links, recipient, tried=tried, group_key=message.group_key, actor=ACTOR, today=today, now=now)
    return True


def repeat_message(
    message: Message,
    links: Sequence[ActionMessage],
    recipient: Recipient,
    *,
    tried: Sequence[str],
    group_key: str,
    actor: str,
    today: date,
    now: datetime,
) -> Message:
    """The same steps again in a new message to somebody else, at once; `tried` are addresses it must not go to.

    Callers hold the customers' locks and have taken the steps back.
    """
    approval = _approval_again(message, links, today)
    copy = Message(
        customer=message.customer,
        contact_id=recipient.contact_id,
        channel=message.channel,
        kind=message.kind,
        phase=message.phase,
        language=message.language,
        template_key=message.template_key,
        variant=message.variant,
        state=MessageState.AWAITING_APPROVAL if approval else MessageState.QUEUED,
        reason=approval,
        planned_on=today,
        group_key=group_key,
        details={**message.details, "tried": list(tried)},
        currency=message.currency,
        amount=message.amount,
        item_count=len(links),
        recipient_name=recipient.name,
        recipient=recipient.address,
        resends=message,
    )
    outbox.enqueue([copy], now=now)
    _act_again(copy, links, today)
    body = {"resends": str(message.pk), "items": len(links)}
    audit.record(actor=actor, action="message.next_contact", target=copy, body=body, now=now)
    return copy


def _approval_again(message: Message, links: Sequence[ActionMessage], today: date) -> str:
    """Why a person must see the message before it leaves again, "" when nobody must: it is legal, a step of its own asks for it, or the
    organization is supervised. What was approved was approved for another address."""
    steps = {(link.action.version_id, link.action.step_key) for link in links if link.own_step}
    asking = PlanStep.objects.filter(version__in={version for version, _key in steps if version}, needs_approval=True)
    if message.phase == Phase.LEGAL or not steps.isdisjoint(asking.values_list("version_id", "key")):
        return Reason.AWAITING_APPROVAL
    supervised_until = get_profile().supervised_until
    return Reason.SUPERVISED if supervised_until is not None and today <= supervised_until else ""


def _act_again(message: Message, links: Sequence[ActionMessage], today: date) -> None:
    """The same steps, in their next occurrence."""
    actions, cargo = [], []
    for link in links:
        before = link.action
        known = Action.objects.filter(installment=before.installment_id, plan=before.plan_id, step_key=before.step_key)
        action = Action(
            pk=new_id(),
            installment_id=before.installment_id,
            customer_id=before.customer_id,
            plan_id=before.plan_id,
            version_id=before.version_id,
            step_key=before.step_key,
            occurrence=1 + max(known.values_list("occurrence", flat=True)),
            phase=before.phase,
            channel=before.channel,
            state=ActionState.PLANNED,
            reason=Reason.DUE_NOW,
            variant=before.variant,
            taken_on=today,
            amount=before.amount,
            details=before.details,
        )
        actions.append(action)
        cargo.append(ActionMessage(action=action, message=message, section=link.section, own_step=link.own_step))
    Action.objects.bulk_create(actions)
    ActionMessage.objects.bulk_create(cargo)


def _find_contact(message: Message, today: date, now: datetime) -> None:
    """Nobody is left in the chain: a person looks for an address, once at a time for each customer."""
    if Task.objects.filter(kind=TaskKind.FIND_CONTACT, customer=message.customer_id, state=TaskState.OPEN).exists():
        return
    effects.open_once(
        kind=TaskKind.FIND_CONTACT,
        key=f"contact:{message.pk}",
        today=today,
        now=now,
        customer_id=message.customer_id,
        message=message,
        amount=message.amount,
        currency=message.currency,
        details={"channel": message.channel, "reason": message.reason},
    )
    telling.tell_no_contact(message=message, today=today, now=now)


# --- it was withdrawn, or nobody knows --------------------------------------------------------------------------------------------------


def _withdrawn(message: Message, actions: Sequence[Action], today: date, now: datetime) -> bool:
    """A person's withdrawal closes the steps for good; what the gate withdrew is a candidate again, unless nothing is left to chase."""
    _close_own_tasks(message, (TaskKind.APPROVAL, TaskKind.POST_LETTER), TaskState.CANCELLED, now)
    _not_answered(message, today, now)
    if message.reason == Reason.WITHDRAWN:
        given_up = [action for action in actions if action.state == ActionState.PLANNED]
        effects.withdraw_executions(given_up, reason=message.reason_text, on=today, actor=ACTOR, now=now)
    return effects.close_undone(actions, message.reason) > 0


def _not_answered(message: Message, today: date, now: datetime) -> None:
    """What a person answered, and marked as dealt with by that, is to be dealt with after all: the answer reached nobody. Once, and unless
    another answer to it stands."""
    if not message.details.get(written.DEALS) or message.answers_id is None or message.customer is None:
        return
    Message.objects.filter(pk=message.pk).update(details={**message.details, written.DEALS: False})
    others = Message.objects.filter(answers=message.answers_id).exclude(pk=message.pk)
    if others.exclude(state__in=[*NEVER_LEFT, MessageState.BOUNCED]).exists():
        return
    if not InboundMessage.objects.filter(pk=message.answers_id, customer=message.customer).exists():
        return  # it turned out to be somebody else's
    if inbox.mark_unhandled(reply_ids=[message.answers_id], actor=ACTOR, now=now):
        note_reply_pending(customer=message.customer, actor=ACTOR, today=today, now=now)


def _close_own_tasks(message: Message, kinds: Sequence[str], state: TaskState, now: datetime) -> None:
    tasks = list(Task.objects.filter(message=message, kind__in=kinds, state=TaskState.OPEN))
    effects.close_tasks(tasks, state=state, outcome=str(message.state), actor=ACTOR, now=now)


def _ask_a_person(message: Message, today: date, now: datetime) -> None:
    effects.open_once(
        kind=TaskKind.UNCERTAIN_SENDING,
        key=f"unproven:{message.pk}",
        today=today,
        now=now,
        customer_id=message.customer_id,
        message=message,
        amount=message.amount,
        currency=message.currency,
    )
