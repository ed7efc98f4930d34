"""Every event the outside world may hear of: its name, what it is about, and what it means. `events.emit` knows no other.

Names are a contract with other people's programs: one is never renamed, and what it carries only ever grows. docs/webhooks.md shows the
same table; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class EventType:
    """`subject` is a key of SUBJECTS; `details` are the names of what is told beside the subject's own fields."""

    name: str
    subject: str
    meaning: str | Promise
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What events are about, and the fields told of it beside its id."""

    label: str | Promise
    fields: tuple[str, ...]


_CUSTOMER: Final = ("customer_id", "customer_number")
_ITEM: Final = ("installment_id", "invoice_id", "invoice_number", *_CUSTOMER)
_REASON: Final = ("reason",)

SUBJECTS: Final[Mapping[str, Subject]] = {
    "customer": Subject(_("Customers"), ("number", "kind", "group", "payer_id", "insolvent", "archived")),
    "mandate": Subject(_("Direct-debit mandates"), (*_CUSTOMER, "reference", "scheme", "state")),
    "invoice": Subject(
        _("Invoices and credit notes"),
        ("number", "kind", "state", *_CUSTOMER, "issued_on", "due_on", "currency", "gross", "outstanding"),
    ),
    "installment": Subject(
        _("Instalments"), ("invoice_id", "invoice_number", *_CUSTOMER, "position", "due_on", "currency", "amount", "outstanding")
    ),
    "payment": Subject(_("Payments"), ("reference", *_CUSTOMER, "received_on", "currency", "amount", "unallocated", "cancelled")),
    "payment_plan": Subject(_("Payment plans"), (*_CUSTOMER, "agreed_on", "reference", "currency", "amount", "state")),
    "declaration": Subject(_("What customers say on their page"), (*_CUSTOMER, "action", "said_at")),
    "promise": Subject(_("Promises"), (*_ITEM, "promised_for", "currency", "amount", "state")),
    "dispute": Subject(_("Disputes"), (*_ITEM, "reason", "opened_on", "answer_due_on", "currency", "amount", "state")),
    "hold": Subject(_("Pauses"), (*_ITEM, "kind", "side", "starts_on", "ends_on", "released_on")),
    "commitment": Subject(_("Announced consequences"), (*_ITEM, "consequence", "announced_on", "due_on", "state")),
    "message": Subject(
        _("Messages and letters"),
        (*_CUSTOMER, "channel", "kind", "phase", "template", "state", "planned_on", "currency", "amount", "items", "posted_on", "proof"),
    ),
    "reply": Subject(_("Replies"), (*_CUSTOMER, "message_id", "channel", "kind", "received_at")),
    "task": Subject(_("Tasks"), (*_CUSTOMER, "kind", "state", "outcome", "due_on", "currency", "amount")),
    "run": Subject(_("Daily runs"), ("on", "items", "messages", "tasks", "braked")),
    "plan": Subject(_("Plans"), ("key", "version")),
    "import_batch": Subject(_("Imports"), ("kind", "created", "updated", "unchanged", "errors")),
    "ledger_coverage": Subject(_("The ledger"), ("through", "source")),
    "organization": Subject(_("The organization"), ("slug", "held")),
    "webhook_endpoint": Subject(_("Webhooks"), ("url",)),
}

_TYPES: Final = (
    EventType("customer.created", "customer", _("A customer was entered or imported")),
    EventType("customer.changed", "customer", _("A customer's record, contacts, group or payer changed"), ("what",)),
    EventType("customer.archived", "customer", _("A customer was put away")),
    EventType("customer.insolvent", "customer", _("Insolvency proceedings were entered"), ("kind", "opened_on", "published_on")),
    EventType("customer.insolvency_ended", "customer", _("Insolvency proceedings no longer apply")),
    EventType("customer.fraud_suspected", "customer", _("A customer says it paid an account that is not ours"), ("iban_end",)),
    EventType("mandate.signed", "mandate", _("A customer signed a direct-debit mandate, which waits to be checked")),
    EventType("mandate.activated", "mandate", _("A person put a direct-debit mandate to use")),
    EventType("mandate.revoked", "mandate", _("A direct-debit mandate may not be used any more")),
    EventType("invoice.created", "invoice", _("An invoice was entered or imported")),
    EventType("invoice.changed", "invoice", _("An invoice's dates, references or documents changed"), ("what",)),
    EventType("invoice.received", "invoice", _("The customer has the invoice")),
    EventType("invoice.accepted", "invoice", _("The customer agrees to pay the invoice")),
    EventType("invoice.not_received", "invoice", _("The customer does not have the invoice")),
    EventType("invoice.resent", "invoice", _("The invoice was sent again, and its plan starts anew"), ("restart_on",)),
    EventType("invoice.said_paid", "invoice", _("The customer says the invoice is paid"), ("paid_on",)),
    EventType("invoice.disputed", "invoice", _("The customer contests the invoice")),
    EventType("invoice.outstanding_changed", "invoice", _("What is left to pay changed, and something is left"), _REASON),
    EventType("invoice.paid", "invoice", _("Nothing is left to pay: paid, credited or given up"), _REASON),
    EventType("invoice.reopened", "invoice", _("Something is owed again on an invoice on which nothing was left"), _REASON),
    EventType("invoice.e_invoice_status", "invoice", _("The e-invoicing platform reported a status"), ("before", "after", "reason")),
    EventType("invoice.cancelled", "invoice", _("An invoice or credit note was issued by mistake and never counted")),
    EventType("credit_note.issued", "invoice", _("A credit note was entered or imported")),
    EventType("installment.settled", "installment", _("Nothing is left to pay on an instalment"), _REASON),
    EventType("payment.recorded", "payment", _("A receipt was entered or imported")),
    EventType("payment.changed", "payment", _("A receipt was identified, or its value date corrected"), ("what",)),
    EventType("payment.allocated", "payment", _("A receipt was set against items")),
    EventType("payment.released", "payment", _("What a receipt had settled was taken back")),
    EventType("payment.cancelled", "payment", _("The money was not received after all")),
    EventType("debtor.declared", "declaration", _("Somebody sent a form from the customer's page")),
    EventType("payment_plan.agreed", "payment_plan", _("A customer agreed to pay in parts")),
    EventType("payment_plan.kept", "payment_plan", _("Every part of a payment plan was paid")),
    EventType("payment_plan.broken", "payment_plan", _("A part of a payment plan was not paid in time")),
    EventType("payment_plan.ended", "payment_plan", _("A person ended a payment plan")),
    EventType("promise.made", "promise", _("A customer promised to pay")),
    EventType("promise.kept", "promise", _("A promise was kept")),
    EventType("promise.broken", "promise", _("A promise was broken")),
    EventType("promise.cancelled", "promise", _("A promise was withdrawn, or replaced by another")),
    EventType("promise.reopened", "promise", _("A promise that was closed runs again")),
    EventType("dispute.opened", "dispute", _("A dispute was opened")),
    EventType("dispute.changed", "dispute", _("A dispute was acknowledged, or given to somebody else"), ("what",)),
    EventType("dispute.closed", "dispute", _("A dispute was closed")),
    EventType("hold.placed", "hold", _("An item or a customer was paused, or its pause prolonged")),
    EventType("hold.released", "hold", _("A pause was ended")),
    EventType("hold.expired", "hold", _("A pause of ours passed its end without being ended")),
    EventType("commitment.announced", "commitment", _("A message announced a consequence")),
    EventType("commitment.executed", "commitment", _("An announced consequence was carried out")),
    EventType("commitment.withdrawn", "commitment", _("An announced consequence will not be carried out")),
    EventType("approval.requested", "message", _("A message waits for a person's approval")),
    EventType("approval.granted", "message", _("A message was approved")),
    EventType("approval.refused", "message", _("A message that waited for approval was withdrawn by a person")),
    EventType("message.accepted", "message", _("A message left: its provider accepted it, or the letter was posted")),
    EventType("message.delivered", "message", _("A message arrived")),
    EventType("message.bounced", "message", _("A message came back")),
    EventType("message.complained", "message", _("The recipient complained about a message")),
    EventType("message.failed", "message", _("A message was refused and did not leave")),
    EventType("message.uncertain", "message", _("Nobody knows yet whether a message left")),
    EventType("message.unproven", "message", _("Whether a message left could not be found out: a person decides")),
    EventType("message.cancelled", "message", _("A message was withdrawn before it left")),
    EventType("letter.posted", "message", _("A letter was posted; again when its day or number is corrected")),
    EventType("letter.proof", "message", _("The post reported what became of a letter"), ("proof", "on")),
    EventType("reply.received", "reply", _("Somebody wrote back")),
    EventType("reply.handled", "reply", _("A reply was dealt with")),
    EventType("task.opened", "task", _("A task was opened, or opened again")),
    EventType("task.closed", "task", _("A task was done, cancelled or given up")),
    EventType("call.recorded", "task", _("A telephone call was recorded"), ("outcome",)),
    EventType("run.finished", "run", _("The daily run came to its end")),
    EventType("run.released", "run", _("A person let go the messages of an unusual run")),
    EventType("plan.published", "plan", _("A new version of a plan is in force")),
    EventType("plan.assigned", "plan", _("A plan was assigned to a group, a customer, an invoice or everybody")),
    EventType("plan.unassigned", "plan", _("An assignment of a plan was removed")),
    EventType("plan.archived", "plan", _("A plan was put away")),
    EventType("import.finished", "import_batch", _("A file was loaded")),
    EventType("ledger.certified", "ledger_coverage", _("Receipts are known to be complete through a day")),
    EventType("organization.held", "organization", _("Every message was stopped at once")),
    EventType("organization.released", "organization", _("Messages may leave again")),
    EventType("organization.bank_details_changed", "organization", _("The account customers pay to was changed, by two people")),
    EventType("webhook.test", "webhook_endpoint", _("A person tried the webhook out; sent to that webhook alone")),
)
CATALOGUE: Final[Mapping[str, EventType]] = {entry.name: entry for entry in _TYPES}
TEST: Final = "webhook.test"
