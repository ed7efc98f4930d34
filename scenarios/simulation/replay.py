"""A file played on its own dates: each invoice is issued on its issue date and each payment received on its own, before that day's run."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from customers.enums import CustomerKind
from customers.models import Customer
from customers.services import ContactFields, add_contacts, create_customers
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services.drafts import InvoiceDraft, PaymentDraft
from invoices.services.invoices import issue_invoices
from invoices.services.ledger import certify_ledger
from invoices.services.payments import record_payments
from notifications.enums import MessageState
from notifications.models import Message
from notifications.posting import record_posting
from notifications.selectors import print_queue
from scenarios.enums import CallOutcome, Channel, TaskKind, TaskState
from scenarios.models import Task
from scenarios.services.approvals import approve_messages
from scenarios.services.calls import record_call
from scenarios.services.tasks import complete_task
from scenarios.simulation.script import Script

ACTOR: Final = "replay"


class Replay:
    """The life a file describes: nobody promises or contests, every call reaches somebody who says nothing, letters are posted at once."""

    def __init__(self, organization: Organization, script: Script) -> None:
        self.organization = organization
        self.script = script
        self.customers: dict[str, Customer] = {}
        self.items: dict[str, Installment] = {}

    def create_customers(self, today: date, now: datetime) -> None:
        """Every customer of the file, as a business, written to at its own address or at ID@example.com."""
        with tenant(self.organization):
            rows: list[Any] = [
                {"number": number, "name": values.get("customer_name") or number, "kind": CustomerKind.BUSINESS, "language": "en"}
                for number, values in sorted(self.script.customers.items())
            ]
            chains: dict[Customer, list[ContactFields]] = {}
            for customer in create_customers(rows=rows, actor=ACTOR, today=today, now=now):
                emails = self.script.customers[customer.number].get("customer_email") or [f"{customer.number.lower()}@example.com"]
                chains[customer] = [{"name": "Accounts payable", "email": emails[0]}]
            add_contacts(chains=chains, actor=ACTOR, today=today, now=now)
            # Whoever plays a file says so: without it no penalty and no formal notice would ever be announced.
            Customer.objects.filter(number__in=self.script.customers).update(kind_confirmed_at=now)
            self.customers = {customer.number: customer for customer in Customer.objects.filter(number__in=self.script.customers)}

    def morning(self, today: date, now: datetime) -> None:
        self._issue(self.script.invoices.get(today, []), today, now)
        self._receive(self.script.payments.get(today, []), today, now)
        certify_ledger(through=today, actor=ACTOR, today=today, now=now)

    def _issue(self, rows: list[dict[str, Any]], today: date, now: datetime) -> None:
        drafts = [
            InvoiceDraft(
                customer=self.customers[values["customer"]],
                number=values["number"],
                issued_on=today,
                gross=values["gross"],
                currency=values["currency"],
                due_on=values.get("due_on"),
                label=values.get("label") or "",
                purchase_order=values.get("purchase_order") or "",
            )
            for values in rows
        ]
        if not drafts:
            return
        issued = issue_invoices(drafts=drafts, actor=ACTOR, today=today, now=now)
        for item in Installment.objects.select_related("invoice", "customer").filter(invoice__in=issued):
            self.items[item.invoice.number] = item

    def _receive(self, rows: list[dict[str, Any]], today: date, now: datetime) -> None:
        left: dict[str, Decimal] = {}
        drafts = [self._receipt(ordinal, values, today, left) for ordinal, values in enumerate(rows)]
        if drafts:
            # Those that name their invoice come first: what the others find to pay is what these leave.
            record_payments(drafts=sorted(drafts, key=lambda draft: draft.allocations is None), actor=ACTOR, today=today, now=now)

    def _receipt(self, ordinal: int, values: dict[str, Any], today: date, left: dict[str, Decimal]) -> PaymentDraft:
        """The receipt of a row; `left` is what the day's earlier receipts leave of each invoice they name."""
        amount: Decimal = values["amount"]
        currency, named = values["currency"], values.get("invoice") or ""
        item = self.items.get(named)
        part = Decimal(0)
        if item is not None and item.currency == currency:
            if named not in left:
                item.refresh_from_db(fields=["outstanding"])
                left[named] = item.outstanding
            part = min(amount, left[named])
            left[named] -= part
        return PaymentDraft(
            customer=self.customers.get(values.get("customer") or "", item.customer if item is not None else None),
            amount=amount,
            received_on=today,
            currency=currency,
            external_reference=values.get("external_reference") or f"{today.isoformat()}-{ordinal}-{named}",
            reference_text=values.get("reference_text") or named,
            allocations=((item, part),) if item is not None and part else None,
        )

    def at_work(self, today: date, now: datetime) -> None:
        waiting = list(Message.objects.filter(state=MessageState.AWAITING_APPROVAL).values_list("pk", flat=True))
        if waiting:
            approve_messages(message_ids=waiting, organization=self.organization, actor=ACTOR, today=today, now=now)
        for letter in print_queue():
            number = f"1A{letter.pk.hex[:9].upper()}" if letter.channel == Channel.REGISTERED else ""
            record_posting(message_id=letter.pk, posted_on=today, tracking_number=number, actor=ACTOR, now=now)
        desk = Task.objects.select_related("customer").filter(state=TaskState.OPEN).exclude(kind=TaskKind.APPROVAL)
        for task in desk.order_by("opened_on", "pk"):
            try:
                if task.kind == TaskKind.CALL:
                    record_call(task=task, outcome=CallOutcome.REFUSAL, actor=ACTOR, today=today, now=now)
                else:
                    complete_task(task=task, actor=ACTOR, today=today, now=now)
            except DomainError:
                continue  # closed meanwhile


@dataclass(frozen=True)
class StepFigures:
    """What one step of the plan came to."""

    key: str
    items: int
    messages: int
    tasks: int
    letters: int


def figures(organization: Organization) -> list[StepFigures]:
    """Items, messages, tasks and letters of each step that was taken, in the order of the plan."""
    sql = """
    SELECT a.step_key, min(s.position), count(*) FILTER (WHERE a.state <> 'skipped'),
           count(DISTINCT m.id) FILTER (WHERE m.channel IN ('email', 'sms')),
           count(DISTINCT a.task_id), count(DISTINCT m.id) FILTER (WHERE m.channel IN ('letter', 'registered'))
    FROM scenarios_action a
    LEFT JOIN scenarios_planstep s ON s.organization_id = a.organization_id AND s.version_id = a.version_id AND s.key = a.step_key
    LEFT JOIN scenarios_actionmessage l ON l.organization_id = a.organization_id AND l.action_id = a.id
    LEFT JOIN notifications_message m ON m.organization_id = l.organization_id AND m.id = l.message_id AND m.template_key = s.template_key
    GROUP BY a.step_key ORDER BY min(s.position)
    """
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(sql)
        return [StepFigures(key, items, messages, tasks, letters) for key, _position, items, messages, tasks, letters in cursor.fetchall()]


def messages_after_payment(organization: Organization) -> int:
    """Messages that claimed an item on the day after it was settled, or later: none may exist."""
    sql = """
    SELECT count(DISTINCT m.id)
    FROM notifications_message m
    JOIN scenarios_actionmessage l ON l.organization_id = m.organization_id AND l.message_id = m.id
    JOIN scenarios_action a ON a.organization_id = l.organization_id AND a.id = l.action_id
    JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
    WHERE m.kind = 'reminder' AND m.accepted_at IS NOT NULL AND i.settled_on IS NOT NULL AND i.settled_on <= m.planned_on
    """
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(sql)
        count: int = cursor.fetchone()[0]
        return count


def counted(organization: Organization) -> Counter[tuple[str, str]]:
    """Messages by channel and state, for the summary."""
    with tenant(organization):
        return Counter(Message.objects.values_list("channel", "state"))
