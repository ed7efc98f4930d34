"""Letting messages leave, and the check list a person sees before a legal one (rules 4 and 11)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices.selectors import accessories
from invoices.selectors.rates import floor_words
from notifications import services
from notifications.enums import MessageState
from notifications.models import Message
from scenarios import effects
from scenarios.checklist import legal_checks
from scenarios.context import Case, Frame, load_batch, load_frame
from scenarios.enums import Phase, TaskKind, TaskState
from scenarios.models import ActionMessage, Task

WORDS: Final[dict[str, LazyText | str]] = {
    "regime_known": gettext_lazy("The customer's legal regime is known"),
    "two_reminders": gettext_lazy("Two written reminders left, the last at least 8 days ago"),
    "registered_office": gettext_lazy("The registered office is known"),
    "legal_representative": gettext_lazy("The legal representative is known"),
    "no_open_dispute": gettext_lazy("No dispute is open"),
    "no_credit": gettext_lazy("No credit note or payment waits to be allocated"),
    "delivery_proof": gettext_lazy("The proof of delivery is on file"),
    "owner_warned": gettext_lazy("The account owner was told at least 2 business days ago"),
    "invoice_copies": gettext_lazy("The copy of every invoice is on file"),
}
"""What each line of the check list says."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of the check list of a message: whether all its items pass, and the invoices that do not."""

    name: str
    passed: bool
    missing: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return str(WORDS[self.name])


def check_list(*, message: Message, organization: Organization, today: date) -> tuple[CheckLine, ...]:
    """The check list of rule 11 for a legal message, over the items it carries; empty for any other message."""
    if message.phase != Phase.LEGAL:
        return ()
    frame = load_frame(organization, today)
    batch = load_batch(frame, [str(message.customer_id)])
    cargo = ActionMessage.objects.filter(message=message).select_related("action__installment__invoice")
    invoices = {str(link.action.installment_id): link.action.installment.invoice for link in cargo}
    cases = [case for case in batch.cases if case.item.id in invoices]
    numbers = {item_id: invoice.number for item_id, invoice in invoices.items()}
    lines = _merged(cases, numbers, frame)
    uncopied = tuple(sorted({invoice.number for invoice in invoices.values() if invoice.document_id is None}))
    return (*lines, CheckLine("invoice_copies", not uncopied, uncopied))


def claim_remarks(*, message: Message, today: date) -> tuple[str, ...]:
    """What whoever approves a legal message should know of the penalties it claims: a clause below the legal floor; none otherwise."""
    if message.phase != Phase.LEGAL:
        return ()
    items = ActionMessage.objects.filter(message=message).values_list("action__installment", flat=True)
    statements = [accessory.statement for accessory in accessories(list(items), until=today).values() if accessory.statement is not None]
    return tuple(dict.fromkeys(words for statement in statements for words in floor_words(statement)))


def _merged(cases: Sequence[Case], numbers: dict[str, str], frame: Frame) -> list[CheckLine]:
    failed: dict[str, list[str]] = {}
    order: list[str] = []
    for case in cases:
        for check in legal_checks(case.item, case.history, frame.calendar, frame.policy, frame.today.toordinal()):
            if check.name not in failed:
                failed[check.name] = []
                order.append(check.name)
            if not check.passed:
                failed[check.name].append(numbers[case.item.id])
    return [CheckLine(name, not failed[name], tuple(sorted(set(failed[name])))) for name in order]


def approve_messages(
    *, message_ids: Collection[UUID], organization: Organization, actor: str, today: date, now: datetime
) -> tuple[int, tuple[Message, ...]]:
    """Let messages leave that wait for a person; how many do, and those whose check list is not complete, which stay.

    What is approved is what each message claims now: the gate lets it leave with fewer items or a smaller amount, never with more.
    """
    messages = list(Message.objects.filter(pk__in=list(message_ids), state=MessageState.AWAITING_APPROVAL).order_by("pk"))
    stay = tuple(message for message in messages if missing_checks(message=message, organization=organization, today=today))
    going = [message.pk for message in messages if message not in stay]
    approved = services.approve(message_ids=going, actor=actor, now=now)
    tasks = list(Task.objects.filter(message__in=going, kind=TaskKind.APPROVAL, state=TaskState.OPEN))
    effects.close_tasks(tasks, state=TaskState.DONE, outcome="approved", actor=actor, now=now)
    return approved, stay


def approve_message(*, message: Message, organization: Organization, actor: str, today: date, now: datetime) -> None:
    """Let one message leave. Raises DomainError when it does not wait for approval, or naming what its check list lacks."""
    approved, stay = approve_messages(message_ids=[message.pk], organization=organization, actor=actor, today=today, now=now)
    if stay:
        lacking = missing_checks(message=message, organization=organization, today=today)
        raise DomainError(
            _("Before this legal step leaves: %s.") % "; ".join(_said(line) for line in lacking), code="check_list", field="message"
        )
    if not approved:
        raise DomainError(_("This message does not wait for approval."), code="not_waiting")


def missing_checks(*, message: Message, organization: Organization, today: date) -> tuple[CheckLine, ...]:
    """The lines of its check list a message does not pass."""
    return tuple(line for line in check_list(message=message, organization=organization, today=today) if not line.passed)


def _said(line: CheckLine) -> str:
    return f"{line.label} ({', '.join(line.missing)})" if line.missing else line.label
