"""The words about what is owed."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.enums import PaymentMeans

__all__ = [
    "AT_WORK",
    "ActKind",
    "ActSource",
    "DisputeReason",
    "DisputeState",
    "EInvoiceStatus",
    "FileState",
    "HoldKind",
    "HoldSide",
    "ImportKind",
    "InstallmentKind",
    "InvoiceKind",
    "InvoiceState",
    "PaymentMeans",
    "PlanState",
    "PromiseState",
    "RowOutcome",
    "TraceKind",
    "TriageChoice",
]


class InvoiceKind(models.TextChoices):
    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class InvoiceState(models.TextChoices):
    ISSUED = "issued", _("Issued")
    CANCELLED = "cancelled", _("Cancelled")


class InstallmentKind(models.TextChoices):
    NORMAL = "normal", _("Instalment")
    DEPOSIT = "deposit", _("Deposit")
    RETENTION = "retention", _("Retention")
    BILL = "bill", _("Bill")


class EInvoiceStatus(models.TextChoices):
    """Lifecycle codes of the French e-invoicing reform (AFNOR XP Z12-012) that the engine reacts to."""

    NONE = "", _("Not an e-invoice")
    DEPOSITED = "200", _("Deposited")
    ISSUED = "201", _("Issued")
    RECEIVED = "202", _("Received by the platform")
    AVAILABLE = "203", _("Made available")
    TAKEN_IN_CHARGE = "204", _("Taken in charge")
    APPROVED = "205", _("Approved")
    PARTLY_APPROVED = "206", _("Partly approved")
    DISPUTED = "207", _("In dispute")
    SUSPENDED = "208", _("Suspended: a document is missing")
    COMPLETED = "209", _("Completed")
    REFUSED = "210", _("Refused")
    PAYMENT_SENT = "211", _("Payment sent")
    COLLECTED = "212", _("Collected")
    REJECTED = "213", _("Rejected")


E_INVOICE_RECEIVED = frozenset({"201", "202", "203", "204", "205", "206", "209", "211", "212"})
E_INVOICE_ACCEPTED = frozenset({"205", "211", "212"})


class PromiseState(models.TextChoices):
    OPEN = "open", _("Open")
    KEPT = "kept", _("Kept")
    BROKEN = "broken", _("Broken")
    CANCELLED = "cancelled", _("Withdrawn")


class PlanState(models.TextChoices):
    """What became of an agreement to pay in parts."""

    ACTIVE = "active", pgettext_lazy("payment plan", "Running")
    KEPT = "kept", pgettext_lazy("payment plan", "Kept")
    BROKEN = "broken", pgettext_lazy("payment plan", "Broken")
    CANCELLED = "cancelled", pgettext_lazy("payment plan", "Ended")


class DisputeState(models.TextChoices):
    OPEN = "open", _("Open")
    ACCEPTED = "accepted", _("Accepted: a credit note follows")
    REJECTED = "rejected", pgettext_lazy("dispute", "Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn by the customer")


class DisputeReason(models.TextChoices):
    """Reason codes of lifecycle status 207 (docs/domain.md), with the words of the four good practices."""

    OTHER = "AUTRE", _("Other")
    BANK_DETAILS = "COORD_BANC_ERR", _("Wrong bank details")
    VAT_RATE = "TX_TVA_ERR", _("Wrong VAT rate")
    TOTAL = "MONTANTTOTAL_ERR", _("Wrong total")
    COMPUTATION = "CALCUL_ERR", _("Wrong computation")
    NOT_CONFORMING = "NON_CONFORME", _("Missing or non-conforming mention")
    DUPLICATE = "DOUBLON", _("Duplicate")
    UNKNOWN_RECIPIENT = "DEST_INC", _("Unknown recipient")
    WRONG_RECIPIENT = "DEST_ERR", _("Wrong recipient")
    UNKNOWN_TRANSACTION = "TRANSAC_INC", _("Unknown transaction")
    UNKNOWN_ISSUER = "EMMET_INC", _("Unknown issuer")
    CONTRACT_ENDED = "CONTRAT_TERM", _("Contract ended")
    BILLED_TWICE = "DOUBLE_FACT", _("Billed twice")
    ORDER_NUMBER = "CMD_ERR", _("Order number missing or wrong")
    ADDRESS = "ADR_ERR", _("Wrong address")
    SIRET = "SIRET_ERR", _("SIRET missing or wrong")
    ROUTING_CODE = "CODE_ROUTAGE_ERR", _("Routing code missing or wrong")
    CONTRACT_REFERENCE = "REF_CT_ABSENT", _("Contract reference missing")
    REFERENCE = "REF_ERR", _("Wrong reference")
    UNIT_PRICE = "PU_ERR", _("Price")
    DISCOUNT = "REM_ERR", _("Discount")
    QUANTITY = "QTE_ERR", _("Quantity")
    ARTICLE = "ART_ERR", _("Article")
    PAYMENT_TERMS = "MODPAI_ERR", _("Payment terms")
    QUALITY = "QUALITE_ERR", _("Quality")
    DELIVERY = "LIVR_INCOMP", _("Delivery incomplete or contested")


class WriteOffKind(models.TextChoices):
    UNCOLLECTABLE = "uncollectable", _("Uncollectable")
    INSOLVENCY = "insolvency", _("Insolvency of the customer")
    PRESCRIPTION = "prescription", _("Time-barred")
    SMALL_DIFFERENCE = "small_difference", _("Small difference")
    GOODWILL = "goodwill", _("Goodwill")
    OTHER = "other", _("Another reason")


class HoldRequestState(models.TextChoices):
    OPEN = "open", _("Waits for an answer")
    GRANTED = "granted", pgettext_lazy("pause", "Granted")
    REFUSED = "refused", pgettext_lazy("pause", "Refused")
    LAPSED = "lapsed", _("Nobody answered in time: reminders went on")
    WITHDRAWN = "withdrawn", pgettext_lazy("pause", "Withdrawn")


class HoldSide(models.TextChoices):
    """Rule 7: THEIRS resume by themselves, OURS never do."""

    THEIRS = "theirs", _("Waiting for the customer")
    OURS = "ours", _("Waiting for us")


class HoldKind(models.TextChoices):
    ALREADY_PAID = "already_paid", _("Says it is paid")
    PARTIAL_PAYMENT = "partial_payment", _("A part was paid")
    AGREED_INSTALMENTS = "agreed_instalments", _("Instalments agreed")
    NEXT_PAY_RUN = "next_pay_run", _("Next pay run")
    IN_VALIDATION = "in_validation", _("Being validated by the customer")
    ABSENCE = "absence", _("The contact is absent")
    CALL_BACK = "call_back", _("Call back agreed")
    RESENT = "resent", _("The invoice was sent again")
    PAYMENT_ANNOUNCED = "payment_announced", _("Payment announced by the platform (status 211)")
    CREDIT_NOTE_PENDING = "credit_note_pending", _("Credit note to issue")
    DOCUMENT_OWED = "document_owed", _("Document owed")
    DISPUTE_ANSWER = "dispute_answer", _("Dispute to answer")
    PURCHASE_ORDER_MISSING = "purchase_order_missing", _("Order number missing")
    E_INVOICE_SUSPENDED = "e_invoice_suspended", _("Suspended on the platform (status 208)")
    COMPENSATION = "compensation", _("Set-off claimed")
    OTHER_PAYER = "other_payer", _("Another company pays")
    PAUSE = "pause", _("Paused by hand")


class ActKind(models.TextChoices):
    """What a debtor said, whoever recorded it."""

    RECEIVED = "received", _("Receipt confirmed")
    NOT_RECEIVED = "not_received", _("Not received")
    ACCEPTED = "accepted", _("Accepted")
    DISPUTED = "disputed", _("Disputed")
    PROMISED = "promised", _("Promised")
    SAYS_PAID = "says_paid", _("Says it is paid")
    AGREED_PLAN = "agreed_plan", _("Agreed on instalments")
    NAMED_OTHER = "named_other", _("Named somebody else")
    SIGNED_DEBIT = "signed_debit", _("Signed a direct-debit mandate")
    ASKED = "asked", _("Asks for something")


class ActSource(models.TextChoices):
    STAFF = "staff", _("Recorded by staff")
    CALL = "call", _("During a call")
    PORTAL = "portal", _("On the debtor's page")
    REPLY = "reply", _("By reply")
    PLATFORM = "platform", _("By the e-invoicing platform")
    PLAYED = "played", _("Played")


class ImportKind(models.TextChoices):
    CUSTOMERS = "customers", _("Customers")
    INVOICES = "invoices", _("Invoices")
    INSTALLMENTS = "installments", _("Instalments")
    PAYMENTS = "payments", _("Payments")
    OPEN_ITEMS = "open_items", _("Open-items snapshot")
    DOCUMENTS = "documents", _("Invoice copies")
    REMINDERS = "reminders", _("Earlier reminders")


class FileState(models.TextChoices):
    """Where a file stands that somebody gave."""

    GIVEN = "given", _("To prepare")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    LOADING = "loading", _("Being loaded")
    LOADED = "loaded", _("Loaded")
    DISCARDED = "discarded", _("Set aside")


AT_WORK = frozenset({FileState.CHECKING, FileState.LOADING})
"""A worker has it, or will."""


class TraceKind(models.TextChoices):
    """What a load left behind, as far as it can be taken back."""

    CUSTOMER = "customer", _("Customer")
    PAYMENT = "payment", _("Receipt")
    ALLOCATION = "allocation", _("Allocation")
    COVERAGE = "coverage", _("Receipts entered until")
    COPY = "copy", _("Copy of an invoice")


class RowOutcome(models.TextChoices):
    CREATED = "ok", _("Created")
    UPDATED = "updated", _("Updated")
    UNCHANGED = "unchanged", _("Unchanged")
    ERROR = "error", _("Error")


class TriageChoice(models.TextChoices):
    """Rule 3: what a person decides about an item more than 90 days overdue at the first import."""

    WAITING = "waiting", _("To decide")
    CHASE = "chase", _("Chase")
    OLD_DISPUTE = "old_dispute", _("Old dispute")
    LITIGATION = "litigation", _("Litigation")
    TO_MATCH = "to_match", _("To match")
    WRITE_OFF = "write_off", _("Write off")
