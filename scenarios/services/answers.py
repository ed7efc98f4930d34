"""Messages a person or an event asks for outside the plan: acknowledgements, confirmations, statements, invoices sent again (rule 6)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from dunning.core.errors import DomainError
from invoices.enums import DisputeState
from invoices.models import Dispute, Installment, Invoice, Promise
from invoices.services import lock_items, record_e_invoice_status
from notifications.enums import MessageKind
from notifications.models import Message
from scenarios import outside
from scenarios.models import TaskAttempt


def acknowledge_disputes(*, disputes: Sequence[Dispute], actor: str, today: date, now: datetime, for_clerk: bool = False) -> Message | None:
    """Tell the customer the same day who looks into what it contests and until when (rule 7); the first message, None without a dispute.

    They are of one customer and were opened by one act: one message is about all, save that amounts of two currencies are never added up.
    """
    by_currency: dict[str, list[Dispute]] = {}
    for dispute in disputes:
        by_currency.setdefault(dispute.installment.invoice.currency, []).append(dispute)
    written = [
        outside.write(
            customer=theirs[0].customer,
            kind=MessageKind.ACKNOWLEDGEMENT,
            template_key="dispute_acknowledged",
            items=[dispute.installment_id for dispute in theirs],
            about={"dispute": theirs[0].pk},
            disputes=[dispute.pk for dispute in theirs],
            for_clerk=for_clerk,
            actor=actor,
            today=today,
            now=now,
        )
        for theirs in by_currency.values()
    ]
    return written[0] if written else None


def record_platform_status(*, invoice: Invoice, actor: str, today: date, now: datetime, **status: Any) -> None:
    """A status of the e-invoicing platform, as `invoices.services.record_e_invoice_status` takes it; who contests by it is told so, once
    however often and by however many the status is reported."""
    lock_items(invoice_ids=[invoice.pk])
    contested = Dispute.objects.select_related("installment__invoice", "customer").filter(
        installment__invoice=invoice, state=DisputeState.OPEN
    )
    before = list(contested.values_list("pk", flat=True))
    record_e_invoice_status(invoice=invoice, actor=actor, today=today, now=now, **status)
    acknowledge_disputes(disputes=list(contested.exclude(pk__in=before)), actor=actor, today=today, now=now)


def answer_dispute(*, dispute: Dispute, actor: str, today: date, now: datetime) -> Message:
    """Send the answer recorded when the dispute was closed. Raises DomainError while it is open, or without words."""
    if dispute.state == DisputeState.OPEN or not dispute.resolution_text:
        raise DomainError(_("Close the dispute with an answer first."), code="not_answered")
    return outside.write(
        customer=dispute.customer,
        kind=MessageKind.ANSWER,
        template_key="dispute_answered",
        items=[dispute.installment_id],
        about={"dispute": dispute.pk},
        actor=actor,
        today=today,
        now=now,
    )


def confirm_promise(
    *, promises: Sequence[Promise], actor: str, today: date, now: datetime, contact: Contact | None = None, for_clerk: bool = False
) -> Message:
    """Confirm what the customer promised; the promises share a reference. Raises DomainError for none."""
    if not promises:
        raise DomainError(_("Name the promise to confirm."), code="required", field="promise")
    return outside.write(
        customer=promises[0].customer,
        kind=MessageKind.CONFIRMATION,
        template_key="promise_confirmed",
        items=[promise.installment_id for promise in promises],
        about={"promise": promises[0].reference},
        contact=contact,
        for_clerk=for_clerk,
        actor=actor,
        today=today,
        now=now,
    )


def follow_up_call(
    *, attempt: TaskAttempt, items: Collection[UUID], promise: UUID | None, actor: str, today: date, now: datetime, contact: Contact | None
) -> Message:
    """The draft that confirms a conversation; the person who called reads it and lets it leave."""
    return outside.write(
        customer=_customer_of(attempt),
        kind=MessageKind.CONFIRMATION,
        template_key="call_follow_up",
        items=items,
        about={"task_attempt": attempt.pk, "promise": promise},
        contact=contact,
        for_clerk=True,
        actor=actor,
        today=today,
        now=now,
    )


def say_we_called(*, attempt: TaskAttempt, items: Collection[UUID], actor: str, today: date, now: datetime) -> Message:
    """Three unanswered attempts: write that we tried ("tentative d'appel", rule 9)."""
    return outside.write(
        customer=_customer_of(attempt),
        kind=MessageKind.ANSWER,
        template_key="call_attempt",
        items=items,
        about={"task_attempt": attempt.pk},
        actor=actor,
        today=today,
        now=now,
    )


def send_invoices_again(
    *, installments: Collection[Installment], actor: str, today: date, now: datetime, contact: Contact | None = None
) -> Message:
    """Send the copies of these invoices again; their plan restarts once the message left (rule 7).

    Raises DomainError for none, for invoices of several customers, and when a copy is missing: it names them.
    """
    items = list(Installment.objects.select_related("invoice", "customer").filter(pk__in=[item.pk for item in installments]))
    if len({item.customer_id for item in items}) != 1:
        raise DomainError(_("Name invoices of one customer."), code="several_customers", field="installments")
    missing = sorted({item.invoice.number for item in items if item.invoice.document_id is None})
    if missing:
        raise DomainError(_("Attach first the copy of: %s.") % ", ".join(missing), code="document_missing", field="installments")
    return outside.write(
        customer=items[0].customer,
        kind=MessageKind.RESEND,
        template_key="invoice_resend",
        items=[item.pk for item in items],
        copies=True,
        contact=contact,
        actor=actor,
        today=today,
        now=now,
    )


def send_statement(*, customer: Customer, actor: str, today: date, now: datetime, contact: Contact | None = None) -> list[Message]:
    """Send the account's statement, one message for each currency: every open item, less credits, as they are when it leaves.

    Raises DomainError when nothing is open.
    """
    items: dict[str, list[UUID]] = {}
    rows = Installment.objects.filter(customer=customer, outstanding__gt=0).order_by("due_on", "pk")
    for pk, currency in rows.values_list("pk", "invoice__currency"):
        items.setdefault(currency, []).append(pk)
    if not items:
        raise DomainError(_("Nothing is open on this account."), code="nothing_open")
    return [
        outside.write(
            customer=customer,
            kind=MessageKind.ANSWER,
            template_key="account_statement",
            items=theirs,
            whole_account=True,
            contact=contact,
            actor=actor,
            today=today,
            now=now,
        )
        for _currency, theirs in sorted(items.items())
    ]


def _customer_of(attempt: TaskAttempt) -> Customer:
    customer: Customer | None = attempt.task.customer
    if customer is None:
        raise DomainError(_("This call has no customer."), code="no_customer")
    return customer
