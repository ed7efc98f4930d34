"""The answer to `about_to_send`: the last look before a message leaves (rule 17), and the fresh values it says.

Under the customers' locks every item the message carries is asked about again; what fell away is taken out and the rest is said with
today's amounts. Nothing is claimed that a payment, a dispute or a promise has just settled, because they take the same locks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from dunning.core.enums import PAPER_CHANNELS, Channel, Phase
from dunning.core.hours import Hours, at_wall
from dunning.core.models import Organization
from dunning.core.tenancy import current_scope
from notifications.enums import MessageKind
from notifications.models import Message
from notifications.signals import Go, Stop, Together
from scenarios import answers_wording, effects, formal_notice, wording
from scenarios.approved import ask_again_for_approval, says_more_than_approved
from scenarios.claims import claimed_cents, claimed_lines, items_of
from scenarios.context import STILL_OURS, Batch, Case, Frame, load_frame, local_date, open_organization
from scenarios.convoy import Convoy, Load
from scenarios.copies import copies_kept, copies_of, missing_copies
from scenarios.eligibility import chased_cents
from scenarios.enums import Consequence, DecisionKind, Reason, Section, Variant
from scenarios.facts import Decision, Step
from scenarios.gate import Answer, Carried, GateFacts, Verdict, carried, gate
from scenarios.models import Action, ActionMessage, PlanStep
from scenarios.quiet_hours import sending_hours
from scenarios.recipients import Directory, Recipient
from scenarios.scheduler import decide_all
from scenarios.spacing import Written, spaced_until, written_today
from scenarios.statement import Line, account_lines
from scenarios.timing import printed_deadline

_UNSAID: Final = frozenset({Reason.HELD_OURS, Reason.AWAITING_APPROVAL, Reason.IBAN_MISSING, Reason.IBAN_MISMATCH, Reason.TENANT_HELD})


@dataclass(frozen=True)
class Cargo:
    """One item whose own step the message carries, as it stands now."""

    action: Action
    case: Case | None  # None: nothing is open on it any more
    step: Step | None
    seen: Carried


def answer(message: Message, *, now: datetime, preview: bool = False, together: Together | None = None) -> Go | Stop:
    """Go with today's values, or Stop with the reason. `preview` asks for the text of a message nobody approved yet.

    What the messages asked about `together` need is read at once, at the first question.
    """
    organization = open_organization()
    today = local_date(organization, now)
    if message.kind != MessageKind.REMINDER:
        hours = _hours(message, _frame(organization, today), message.recipient) if message.channel == Channel.SMS else None
        if hours is not None and not hours.is_open(now) and not preview:
            return Stop(reason=Reason.OUTSIDE_WINDOW.value, until=hours.next_opening(now))
        if together is not None:
            together.written()
        return answers_wording.answer(message, organization=organization, today=today, now=now)
    frame = _frame(organization, today)
    load = _convoy(frame, together or Together([message.pk])).load_of(message)
    batch = load.batch
    cargo = [_look_again(link.action, batch, frame) for link in load.links]
    recipient = _recipient(message, frame, load.directory)
    written = _other_messages(message, batch)
    hours = _hours(message, frame, recipient.address if recipient is not None else "")
    facts = _facts(message, frame, cargo, recipient, written, preview=preview, quiet=hours is not None and not hours.is_open(now))
    verdict = gate(facts, [entry.seen for entry in cargo])
    kept = [entry for entry in cargo if entry.seen.item_id in set(verdict.kept)]
    if kept and not any(effects.leads(message, entry.action) for entry in kept):
        # What its subject and text speak of fell away: the others have not come that far, and get their own message.
        verdict = Verdict(Answer.CANCEL, Reason.SUPERSEDED, (), verdict.dropped)
    if verdict.answer is Answer.CANCEL:
        if not preview:
            _close(load.links, dict(verdict.dropped))
        return Stop(reason=_code(verdict.reason), final=True)
    if verdict.answer is Answer.WAIT and verdict.reason is Reason.AWAITING_APPROVAL and message.approved_at is not None and not preview:
        return ask_again_for_approval(message, frame.profile, today, now, message_lines(message, frame, batch, kept))
    if verdict.answer is Answer.WAIT and not (preview and verdict.reason in {*_UNSAID, Reason.OUTSIDE_WINDOW}):
        return Stop(reason=_code(verdict.reason), until=_ask_again(verdict.reason, message, frame, written, hours, now))
    if verdict.dropped and not preview:
        _take_out(load.links, dict(verdict.dropped))
    lines = message_lines(message, frame, batch, kept)
    if not preview and says_more_than_approved(message, lines):
        return ask_again_for_approval(message, frame.profile, today, now, lines)
    return _say(message, frame, load, kept, lines, recipient)


def _convoy(frame: Frame, together: Together) -> Convoy:
    convoy: Convoy | None = together.memory.get("convoy")
    if convoy is None or convoy.frame is not frame:
        convoy = together.memory["convoy"] = Convoy(frame, together)
    return convoy


def _frame(organization: Organization, today: date) -> Frame:
    """The settings of the transaction in which messages leave: read once for all of them."""
    cache = current_scope().cache
    frame: Frame | None = cache.get(("departure", today))
    if frame is None:
        frame = cache["departure", today] = load_frame(organization, today)
    return frame


def _code(reason: Reason | None) -> str:
    return (reason or Reason.EMPTY).value


# --- looking again -----------------------------------------------------------------------------------------------------------------------


def _look_again(action: Action, batch: Batch, frame: Frame) -> Cargo:
    item_id = str(action.installment_id)
    claimed = round(action.amount * 100)
    case = next((case for case in batch.cases if case.item.id == item_id), None)
    if case is None:
        return Cargo(action, None, None, Carried(item_id, claimed, 0, Reason.SETTLED))
    step = _step_of(action, case)
    if step is None or case.steps is None:  # the plan in force has no such step any more
        return Cargo(action, case, None, Carried(item_id, claimed, 0, Reason.SUPERSEDED))
    seen = carried(case.item, step, case.steps, case.history, claimed, frame.calendar, frame.policy, frame.today.toordinal())
    return Cargo(action, case, step, seen)


def _step_of(action: Action, case: Case) -> Step | None:
    if case.steps is None or str(action.plan_id) != case.steps.plan:
        return None
    steps = (*case.steps.steps, *case.steps.outside)
    return next((step for step in steps if step.key == action.step_key), None)


def _facts(
    message: Message,
    frame: Frame,
    cargo: Sequence[Cargo],
    recipient: Recipient | None,
    written: Sequence[Written],
    *,
    preview: bool,
    quiet: bool,
) -> GateFacts:
    today = frame.today.toordinal()
    spaced = None
    if message.channel != Channel.SMS:
        spaced = spaced_until(written, message.group_key, Phase(message.phase), frame.calendar, _spacing(message, frame), today)
    return GateFacts(
        suspended=frame.organization.suspended_at is not None,
        held=frame.profile.held_at is not None and not preview,
        suppressed=recipient is None,
        spaced=spaced is not None and not preview,
        written_today=written_today(written, message.group_key, today) and not preview,
        outside_window=quiet,
        awaiting_approval=message.phase == Phase.LEGAL and message.approved_at is None,
        approved_cents=round(message.amount * 100) if message.approved_at is not None and message.phase == Phase.LEGAL else None,
        ibans=frozenset(
            entry.case.item.iban or frame.profile.iban for entry in cargo if entry.case is not None and entry.seen.stop is None
        ),
        needs_iban=message.phase > Phase.SERVICE and message.channel != Channel.SMS,
    )


def _other_messages(message: Message, batch: Batch) -> list[Written]:
    """What left for this recipient, this message apart. Waiting ones do not count: they will ask for themselves."""
    own = str(message.customer_id)
    return [
        Written(row.on, Phase(row.phase), row.group_key)
        for row in batch.recent
        if row.customer_id == own and row.message_id != str(message.pk) and row.state not in STILL_OURS
    ]


def _spacing(message: Message, frame: Frame) -> int:
    plan = frame.plans.get(str(message.details.get("plan", "")))
    return frame.policy.spacing if plan is None or plan.steps.spacing is None else plan.steps.spacing


def _hours(message: Message, frame: Frame, address: str) -> Hours | None:
    profile = frame.profile
    return sending_hours(
        message.channel,
        address,
        opening=profile.window_start,
        closing=profile.window_end,
        zone=frame.zone,
        calendar=frame.calendar,
        home=profile.country,
    )


def _ask_again(
    reason: Reason | None, message: Message, frame: Frame, written: Sequence[Written], hours: Hours | None, now: datetime
) -> datetime | None:
    """When to ask again; None when only a person's act lets the message leave."""
    if reason in _UNSAID or reason is Reason.SUPPRESSED:
        return None
    if reason is Reason.SPACING:
        until = spaced_until(
            written, message.group_key, Phase(message.phase), frame.calendar, _spacing(message, frame), frame.today.toordinal()
        )
        if until is not None:
            return at_wall(date.fromordinal(until), frame.profile.window_start, frame.zone)
    if reason is Reason.OUTSIDE_WINDOW and hours is not None:
        return hours.next_opening(now)
    return _next_opening(frame, now)


def _next_opening(frame: Frame, now: datetime) -> datetime:
    """When our sending hours open next, today or on a later business day."""
    opening = frame.profile.window_start
    day = frame.today if now < at_wall(frame.today, opening, frame.zone) else frame.today + timedelta(days=1)
    return at_wall(frame.calendar.roll(day), opening, frame.zone)


def _close(links: Sequence[ActionMessage], dropped: dict[str, Reason]) -> list[ActionMessage]:
    """Steps of items that fell away have not happened, each for its own reason; the links of these items."""
    gone = [link for link in links if str(link.action.installment_id) in dropped]
    for link in gone:
        effects.close_undone([link.action], dropped[str(link.action.installment_id)])
    return gone


def _take_out(links: Sequence[ActionMessage], dropped: dict[str, Reason]) -> None:
    """Items that fell away leave the message."""
    for link in _close(links, dropped):
        link.delete()


def _recipient(message: Message, frame: Frame, directory: Directory) -> Recipient | None:
    """Who receives it now: the address chosen when it was planned if it still serves, else the next of the chain."""
    roles: Sequence[str] = ()
    plan = frame.plans.get(str(message.details.get("plan", "")))
    row = plan.rows.get(str(message.details.get("step", ""))) if plan is not None else None
    if row is not None:
        roles = row.contact_roles
    tried = frozenset(message.details.get("tried", ()))
    return directory.find(str(message.customer_id), message.channel, message.phase, roles=roles, today=frame.today, tried=tried)


# --- saying it ---------------------------------------------------------------------------------------------------------------------------


def _say(
    message: Message, frame: Frame, load: Load, kept: Sequence[Cargo], lines: tuple[Line, ...], recipient: Recipient | None
) -> Go | Stop:
    cents = claimed_cents(lines)
    if cents <= 0 and message.phase > Phase.SERVICE:
        return Stop(reason=Reason.COVERED_BY_CREDIT.value, final=True)
    items = [UUID(line.item_id) for line in lines if line.own_step]
    account = _account(message, frame, load, items, recipient)
    if message.channel == Channel.REGISTERED and (missing := missing_copies(account, lines)):
        return Stop(reason=Reason.DOCUMENT_MISSING.value, text=", ".join(missing))
    terms = _terms(message, frame, frame.today, {entry.seen.item_id for entry in kept})
    context = wording.say(account=account, lines=lines, terms=terms, channel=message.channel, up_to_date=_is_up_to_date(load.batch, frame))
    contested = any(entry.case.item.situation.disputes for entry in kept if entry.case is not None)
    context.update(answers_wording.flags(account=account, lines=lines, variant=Variant(message.variant), contested=contested))
    letter: dict[str, Any] = {}
    claim = None
    if message.channel in PAPER_CHANNELS:
        try:
            printed = formal_notice.complete(context, account=account, lines=lines, legal=message.phase == Phase.LEGAL)
            context, letter, claim = printed.words, printed.page, printed.claim
        except formal_notice.RateUnknown as error:
            return Stop(reason=Reason.MISSING_VALUE.value, text=str(error))
    copies, too_many = _copies(message, account, lines)
    return Go(
        context={**context, "attached": bool(copies), "copies.online": too_many},
        attachments=copies,
        recipient=recipient.address if recipient is not None else "",
        recipient_name=recipient.name if recipient is not None else "",
        postal_address=recipient.postal if recipient is not None else (),
        contact_id=recipient.contact_id if recipient is not None else None,
        amount=Decimal(cents) / 100,
        item_count=len({line.item_id for line in claimed_lines(lines)}),
        items=items_of(lines),
        in_reply_to=load.past.first_message_id(items) if message.channel == Channel.EMAIL else "",
        letter=letter,
        claim=claim,
    )


def _is_up_to_date(batch: Batch, frame: Frame) -> bool:
    today = frame.today.toordinal()
    return not any(case.item.due_on < today and not case.item.situation.cancelled for case in batch.cases)


def _account(message: Message, frame: Frame, load: Load, items: Sequence[UUID], recipient: Recipient | None) -> wording.Account:
    """The rows behind the lines; whoever receives the message is greeted, else whoever it was planned for."""
    contact_id = recipient.contact_id if recipient is not None and recipient.contact_id is not None else message.contact_id
    return wording.Account(
        profile=frame.profile,
        customer=load.directory.customer(str(message.customer_id)),
        contact=load.directory.contact(str(message.customer_id), contact_id),
        invoices=load.invoices,
        reminders=load.past.reminders(items),
        today=frame.today,
        language=message.language,
        currency=message.currency or frame.profile.default_currency,
        bank_changed_on=frame.bank_changed_on,
    )


def _copies(message: Message, account: wording.Account, lines: Sequence[Line]) -> tuple[tuple[tuple[UUID, str], ...], bool]:
    """The copies to attach, and whether there are too many for an e-mail.

    They go with reminders of a due invoice and with the question whether it came; an announcement does not need them again.
    """
    if message.phase == Phase.SERVICE and any(line.section != Section.TO_CONFIRM for line in claimed_lines(lines)):
        return (), False
    kept = copies_kept(account, lines)
    copies = copies_of(kept, message.channel)
    return copies, message.channel == Channel.EMAIL and len(copies) < len(kept)


def message_lines(message: Message, frame: Frame, batch: Batch, kept: Sequence[Cargo]) -> tuple[Line, ...]:
    """The lines of the message as they are now: its own items first, then the rest of the account as the grouping shows it."""
    legal = message.phase == Phase.LEGAL
    acting = {entry.seen.item_id: _acting(entry, message) for entry in kept if entry.case is not None and entry.step is not None}
    decisions = [decision for decision in decide_all(frame, batch) if decision is not None]
    own = str(message.customer_id)
    members = [
        decision
        for decision in decisions
        if decision.item.currency == message.currency
        and (decision.item.customer.id == own or (not legal and decision.item.customer.payer_id == own))
    ]
    shown = _shown(message, members, acting)
    asked = {
        decision.item.id: acting[decision.item.id].chased_cents if decision.item.id in acting else _chased(decision, frame)
        for decision in members
        if decision.item.id in shown
    }
    with_credits = not message.details.get("credits_elsewhere", False)
    lines = account_lines(members, acting, shown, asked, frame.today.toordinal(), legal=legal, with_credits=with_credits)
    return tuple(line for line in lines if line.section != Section.CREDIT or line.cents)


def _acting(entry: Cargo, message: Message) -> Decision:
    if entry.case is None:
        raise ValueError("Only an open item acts.")
    return Decision(
        DecisionKind.TAKE,
        entry.case.item,
        entry.step,
        None,
        Reason.DUE_NOW,
        entry.case.steps,
        variant=Variant(entry.action.variant),
        occurrence=entry.action.occurrence,
        chased_cents=entry.seen.chased_cents,
    )


def _chased(decision: Decision, frame: Frame) -> int:
    return chased_cents(decision.item, frame.calendar, frame.policy, frame.today.toordinal())


def _shown(message: Message, members: Sequence[Decision], acting: dict[str, Decision]) -> set[str]:
    if ":step:" in message.group_key or ":item:" in message.group_key or not acting:
        return set(acting)
    first = next(iter(acting.values())).item
    return {
        decision.item.id
        for decision in members
        if decision.item.id in acting
        or (
            decision.item.iban == first.iban
            and decision.item.customer.language == first.customer.language
            and decision.item.customer.regime == first.customer.regime
        )
    }


def _terms(message: Message, frame: Frame, today: date, kept: set[str]) -> wording.Terms:
    details = message.details
    row = _step_as_taken(message, frame)
    deadline_on = details.get("deadline_on")
    announced = [entry for entry in details.get("commitments") or () if not kept.isdisjoint(entry["items"])]
    deadline = date.fromordinal(deadline_on) if deadline_on else None
    if deadline is not None and row is not None and row.term_days is not None:
        # A message that waited gives its whole term from the day it leaves.
        by_post = message.channel in PAPER_CHANNELS
        deadline = date.fromordinal(printed_deadline(today.toordinal(), row.term_days, frame.calendar, by_post=by_post))
    return wording.Terms(
        phase=Phase(message.phase),
        term_days=row.term_days if row is not None else None,
        deadline=deadline,
        announces=Consequence(announced[0]["consequence"]) if announced else None,
        unannounced=not announced and row is not None and bool(row.announces) and message.phase < Phase.LEGAL,
    )


def _step_as_taken(message: Message, frame: Frame) -> PlanStep | None:
    """The message's step in the version it was taken under: a term published since is not the one the commitments keep."""
    version, key = str(message.details.get("version", "")), str(message.details.get("step", ""))
    plan = frame.plans.get(str(message.details.get("plan", "")))
    if plan is None or not version or str(plan.version.pk) == version:
        return None if plan is None else plan.rows.get(key)
    return PlanStep.objects.filter(version=UUID(version), key=key).first() or plan.rows.get(key)
