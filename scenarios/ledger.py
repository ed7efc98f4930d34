"""Writing what a run decided: actions, messages, tasks and the schedule, one batch of customers in one transaction.

An action is inserted only when its step is taken or skipped, and its key is UNIQUE: a run that is repeated, doubled or cut short writes
each of them once. Messages are born as drafts, and the scheduler lets them go when the whole run is known (rule 15); those of the batch
that ends it are born as what they become.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg2.extras import Json

from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id_text
from notifications import outbox
from notifications.enums import MessageKind, MessageState
from notifications.models import Message
from notifications.services import FROM_APPROVAL
from scenarios import effects
from scenarios.bulk import insert_rows
from scenarios.claims import claimed_lines, net_of_credits
from scenarios.context import Batch, Frame
from scenarios.details import Details
from scenarios.drafts import Composition, MessageDraft, TaskDraft
from scenarios.enums import ActionState, Reason, TaskKind, TaskState
from scenarios.facts import Decision, Skip
from scenarios.leaving import Release, Released, approval_task
from scenarios.models import Action, ActionMessage, Task
from scenarios.recipients import Directory
from scenarios.schedule import Tally, write_schedule

_ACTION_COLUMNS: Final = (
    "id",
    "organization_id",
    "installment_id",
    "customer_id",
    "plan_id",
    "version_id",
    "run_id",
    "step_key",
    "occurrence",
    "phase",
    "channel",
    "state",
    "reason",
    "variant",
    "taken_on",
    "amount",
    "task_id",
    "details",
    "created_at",
)
# What a draft does not say yet; the frozen fields are written when it leaves.
_MESSAGE_DEFAULTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("sender", "reply_to", "subject", "body_text", "body_html", "header_id", "in_reply_to", "content_sha256"), ""),
    **dict.fromkeys(("provider", "provider_id", "approved_by", "tracking_number", "proof"), ""),
    "kind": MessageKind.REMINDER.value,
    "cost": 0,
    "not_reached": False,
}
_LINK_COLUMNS: Final = ("id", "organization_id", "action_id", "message_id", "section", "own_step")
_ONCE: Final = "DO NOTHING"
_NOTHING: Final = Json({})  # one and the same: a value that all rows share is told once
_NO_LINES: Final = Json([])


KEPT_BY_THE_HOUSE: Final = frozenset({TaskKind.MATCH_RECEIPT, TaskKind.TRIAGE, TaskKind.HOLD_EXPIRED})
"""Alerts `housekeeping` opens, for the receipt, the old item or the pause itself: they are not opened for the customer once more."""


@dataclass(frozen=True)
class Moment:
    """One run's fixed values."""

    run_id: UUID
    today: date
    now: datetime


def write(
    *,
    frame: Frame,
    batch: Batch,
    decisions: Sequence[Decision | None],
    composition: Composition,
    moment: Moment,
    tally: Tally,
    release: Release | None = None,
) -> list[Released]:
    """Write one batch inside the open transaction. `decisions` stand beside `batch.cases`; None where no plan is assigned.

    The batch that ends the day knows what becomes of its messages: with `release` they are no drafts, and are returned.
    """
    organization_id = current_organization_id()
    by_item = {decision.item.id: decision for decision in decisions if decision is not None}
    writer = _Writer(frame, moment, organization_id, by_item, tally, release)
    writer.drop_steps(composition.skips)
    if composition.messages:
        writer.write_messages(composition.messages)
    if composition.tasks:
        writer.write_tasks(composition.tasks)
    writer.flush()
    write_schedule(batch=batch, decisions=decisions, composition=composition, today=moment.today, tally=tally)
    return writer.released


class _Hold(NamedTuple):
    """Why a message is kept back, and a person's words."""

    reason: str
    words: str


class _Writer:
    """Collects the rows of a batch and inserts them in the order their keys need."""

    def __init__(
        self,
        frame: Frame,
        moment: Moment,
        organization_id: UUID,
        by_item: Mapping[str, Decision],
        tally: Tally,
        release: Release | None,
    ) -> None:
        self.frame = frame
        self.moment = moment
        self.organization_id = organization_id
        self.by_item = by_item
        self.tally = tally
        self.release = release
        self.released: list[Released] = []
        self.actions: list[tuple[Any, ...]] = []
        self.messages: list[dict[str, Any]] = []
        self.links: list[tuple[Any, ...]] = []
        self.details = Details()
        self.tasks: list[Task] = []

    # --- actions -------------------------------------------------------------------------------------------------------------------------

    def take(self, decision: Decision, *, task_id: UUID | None = None, deadline_on: int | None = None) -> str:
        step = decision.step
        if step is None or decision.steps is None:
            raise ValueError("Only a decision with a step is taken.")
        action_id = new_id_text()
        self.actions.append(
            self._action(
                action_id,
                decision,
                step.key,
                decision.occurrence,
                int(step.phase),
                step.channel.value,
                ActionState.PLANNED.value,
                decision.reason.value,
                decision.variant.value,
                Decimal(decision.chased_cents) / 100,
                task_id,
                {"deadline_on": deadline_on} if deadline_on is not None else {},
            )
        )
        self.tally.steps[step.key] += 1
        return action_id

    def drop_steps(self, skips: Iterable[tuple[str, Skip]]) -> None:
        """Record what drops out; a step that was begun and not done closes its own action."""
        begun = []
        for item_id, skip in skips:
            self.tally.skips[skip.reason.value] += 1
            if skip.was_taken:
                begun.append((item_id, skip))
                continue
            decision = self.by_item[item_id]
            self.actions.append(
                self._action(
                    new_id_text(),
                    decision,
                    skip.step.key,
                    skip.occurrence,
                    int(skip.step.phase),
                    skip.step.channel.value,
                    ActionState.SKIPPED.value,
                    skip.reason.value,
                    "",
                    Decimal(0),
                    None,
                    {},
                )
            )
        for item_id, skip in begun:
            waiting = Action.objects.filter(
                installment=UUID(item_id), step_key=skip.step.key, occurrence=skip.occurrence, state=ActionState.PLANNED
            )
            effects.skip_begun(list(waiting), reason=skip.reason, now=self.moment.now)

    def _action(
        self,
        action_id: str,
        decision: Decision,
        step_key: str,
        occurrence: int,
        phase: int,
        channel: str,
        state: str,
        reason: str,
        variant: str,
        amount: Decimal,
        task_id: UUID | None,
        details: dict[str, Any],
    ) -> tuple[Any, ...]:
        item, steps, moment = decision.item, decision.steps, self.moment
        if steps is None:
            raise ValueError("An action needs its plan.")
        return (
            action_id,
            self.organization_id,
            item.id,
            item.customer.id,
            steps.plan,
            steps.version,
            moment.run_id,
            step_key,
            occurrence,
            phase,
            channel,
            state,
            reason,
            variant,
            moment.today,
            amount,
            task_id,
            Json(details) if details else _NOTHING,
            moment.now,
        )

    # --- messages ------------------------------------------------------------------------------------------------------------------------

    def write_messages(self, drafts: Sequence[MessageDraft]) -> None:
        directory = Directory({draft.customer_id for draft in drafts})
        replaced = {UUID(pk) for draft in drafts for pk in draft.supersedes}
        carried = self._carried(replaced)
        holds = self._holds(drafts)
        kept: set[UUID] = set()
        for draft in drafts:
            kept |= self._write_message(draft, directory, carried, holds.get(draft.held_like))
        self._withdraw(replaced, carried, kept)
        self.tally.customers += len({draft.customer_id for draft in drafts})

    def _carried(self, replaced: set[UUID]) -> dict[tuple[str, str, int], UUID]:
        """Actions of the messages that are replaced, by item, step and occurrence."""
        if not replaced:
            return {}
        rows = ActionMessage.objects.filter(message__in=replaced).values_list(
            "action__installment_id", "action__step_key", "action__occurrence", "action_id"
        )
        return {(str(item), step_key, occurrence): pk for item, step_key, occurrence, pk in rows}

    def _holds(self, drafts: Sequence[MessageDraft]) -> dict[str, _Hold]:
        """The holds that are taken over, by the message that is replaced."""
        held = [UUID(draft.held_like) for draft in drafts if draft.held_like]
        if not held:
            return {}
        rows = Message.objects.filter(pk__in=held).values_list("pk", "reason", "reason_text")
        return {str(pk): _Hold(reason, words) for pk, reason, words in rows}

    def _write_message(
        self, draft: MessageDraft, directory: Directory, carried: Mapping[tuple[str, str, int], UUID], hold: _Hold | None
    ) -> set[UUID]:
        plan = self.frame.plans[draft.lead.steps.plan] if draft.lead.steps is not None else None
        row = plan.rows[draft.step.key] if plan is not None else None
        roles = row.contact_roles if row is not None else ()
        recipient = directory.find(draft.customer_id, draft.channel, draft.phase, roles=roles, today=self.moment.today)
        message_id = new_id_text()
        claimed = claimed_lines(draft.lines)
        cents = net_of_credits(claimed, draft.lines)
        amount = Decimal(cents) / 100
        state, reason, not_before = MessageState.DRAFT.value, draft.approval.value if draft.approval else "", None
        details = self.details.of(draft)
        if hold is not None:
            details = Json(details.adapted | self._keep_back(draft, UUID(message_id), amount))
            state, reason = MessageState.HELD.value, hold.reason
        elif self.release is not None:
            state, reason, not_before = self.release.of(reason)
            self.released.append(
                Released(UUID(message_id), draft.channel.value, not_before, state, reason, UUID(draft.customer_id), amount, draft.currency)
            )
        self.messages.append(
            {
                "id": message_id,
                "organization_id": self.organization_id,
                "customer_id": draft.customer_id,
                "contact_id": recipient.contact_id if recipient else None,
                "channel": draft.channel.value,
                "phase": int(draft.phase),
                "language": draft.language,
                "template_key": draft.step.template,
                "variant": draft.lead.variant.value,
                "state": state,
                "reason": reason,
                "reason_text": hold.words if hold is not None else "",
                "not_before": not_before,
                "planned_on": self.moment.today,
                "group_key": draft.group,
                "details": details,
                "currency": draft.currency,
                "amount": amount,
                "item_count": len({line.item_id for line in claimed}),
                "recipient_name": recipient.name if recipient else "",
                "recipient": recipient.address if recipient else "",
                "postal_address": Json(list(recipient.postal)) if recipient is not None and recipient.postal else _NO_LINES,
                "created_at": self.moment.now,
                "updated_at": self.moment.now,
            }
        )
        self.tally.amounts[draft.currency] += cents
        kept: set[UUID] = set()
        sections = {line.item_id: line.section.value for line in reversed(draft.lines) if line.own_step}
        for cargo in draft.cargo:
            known = carried.get((cargo.item_id, cargo.step_key, cargo.occurrence))
            if known is None:
                decision = self.by_item[cargo.item_id]
                own = cargo.step_key == draft.step.key
                action_id = self.take(decision, deadline_on=draft.deadline_on if own else None)
            else:
                action_id = str(known)
                kept.add(known)
            self.links.append((new_id_text(), self.organization_id, action_id, message_id, sections.get(cargo.item_id, ""), True))
        return kept

    def _keep_back(self, draft: MessageDraft, message_id: UUID, amount: Decimal) -> dict[str, Any]:
        """A message that is held from its birth: once released it waits for its approval, if it needs one. What its details say of that."""
        if draft.approval == Reason.AWAITING_APPROVAL:
            self.tasks.append(approval_task(message_id, UUID(draft.customer_id), amount, draft.currency, self.moment.today))
        return {FROM_APPROVAL: True} if draft.approval is not None else {}

    def _withdraw(self, replaced: set[UUID], carried: Mapping[tuple[str, str, int], UUID], kept: set[UUID]) -> None:
        """Messages that a higher one replaces; what they carried and it does not has not happened."""
        if not replaced:
            return
        Message.objects.filter(pk__in=replaced).update(state=MessageState.CANCELLED, reason=Reason.SUPERSEDED, updated_at=self.moment.now)
        outbox.tell_states(sorted(replaced), now=self.moment.now)
        outbox.drop_tickets(replaced)
        asked = list(Task.objects.filter(kind=TaskKind.APPROVAL, message__in=replaced, state=TaskState.OPEN))
        effects.close_tasks(asked, state=TaskState.CANCELLED, outcome=Reason.SUPERSEDED, actor="system", now=self.moment.now)
        ActionMessage.objects.filter(message__in=replaced, action__in=kept).delete()
        lost = set(carried.values()) - kept
        Action.objects.filter(pk__in=lost, state=ActionState.PLANNED).update(state=ActionState.TAKEN_BACK, reason=Reason.SUPERSEDED)

    # --- tasks ---------------------------------------------------------------------------------------------------------------------------

    def write_tasks(self, drafts: Sequence[TaskDraft]) -> None:
        drafts = [draft for draft in drafts if draft.kind not in KEPT_BY_THE_HOUSE]
        opened = self._open_tasks(drafts)
        for draft in drafts:
            existing = opened.get((draft.kind.value, draft.customer_id)) if draft.kind == TaskKind.CALL or not draft.cargo else None
            if existing is None:
                task = self._new_task(draft)
                opened[draft.kind.value, draft.customer_id] = task.pk
                task_id = task.pk
            else:
                task_id = existing
                if draft.kind == TaskKind.ALLOCATE_CREDIT:  # money has come or gone since it was opened
                    currency, amount = self._asked(draft)
                    Task.objects.filter(pk=existing).exclude(amount=amount, currency=currency).update(amount=amount, currency=currency)
                if draft.escalate:
                    Task.objects.filter(pk=existing, alerted_on=None).update(alerted_on=self.moment.today)
            for cargo in draft.cargo:
                self.take(self.by_item[cargo.item_id], task_id=task_id)

    def _open_tasks(self, drafts: Sequence[TaskDraft]) -> dict[tuple[str, str], UUID]:
        rows = Task.objects.filter(
            state=TaskState.OPEN, kind__in={draft.kind for draft in drafts}, customer__in={draft.customer_id for draft in drafts}
        ).values_list("kind", "customer_id", "pk")
        return {(kind, str(customer_id)): pk for kind, customer_id, pk in rows}

    def _asked(self, draft: TaskDraft) -> tuple[str, Decimal]:
        """The largest of a task's amounts, with its currency."""
        currency, cents = next(iter(sorted(draft.amounts.items(), key=lambda entry: -entry[1])), (self.frame.profile.default_currency, 0))
        return currency, Decimal(cents) / 100

    def _new_task(self, draft: TaskDraft) -> Task:
        currency, amount = self._asked(draft)
        task = Task(
            kind=draft.kind,
            customer_id=draft.customer_id,
            details={"step_key": draft.step_key, "items": [cargo.item_id for cargo in draft.cargo], "also": list(draft.also)},
            amount=amount,
            currency=currency,
            opened_on=self.moment.today,
            due_on=self.moment.today,
            alerted_on=self.moment.today if draft.escalate else None,
        )
        self.tasks.append(task)
        self.tally.tasks[draft.kind.value] += 1
        return task

    def flush(self) -> None:
        """Tasks before the actions that point at them, actions and messages before their links."""
        Task.objects.bulk_create(self.tasks)
        effects.tell_opened([task.pk for task in self.tasks], now=self.moment.now)
        insert_rows("scenarios_action", _ACTION_COLUMNS, self.actions, conflict=_ONCE)
        if self.messages:
            columns = tuple(self.messages[0])
            rows = [tuple(message.values()) for message in self.messages]
            insert_rows("notifications_message", columns, rows, shared=_MESSAGE_DEFAULTS)
        insert_rows("scenarios_actionmessage", _LINK_COLUMNS, self.links)
