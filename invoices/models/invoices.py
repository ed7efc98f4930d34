"""Invoices, credit notes, and the instalments in which an invoice falls due."""

from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import EInvoiceStatus, InstallmentKind, InvoiceKind, InvoiceState, PaymentMeans, TriageChoice


class Invoice(TenantModel):
    """An invoice or a credit note, as issued. Its `gross` never changes: a correction is a credit note.

    A credit note has no instalment: `unallocated` is what of it has not been set against an instalment yet.
    """

    number = models.CharField(_("number"), max_length=60)
    kind = models.CharField(max_length=12, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    state = models.CharField(max_length=10, choices=InvoiceState, default=InvoiceState.ISSUED)
    customer = TenantForeignKey("customers.Customer", related_name="invoices")
    issued_on = models.DateField(_("issue date"))
    delivered_on = models.DateField(_("delivery or service date"), null=True, blank=True)
    due_on = models.DateField(_("due date"), null=True, blank=True)  # the last instalment's; null on a credit note
    currency = models.CharField(max_length=3)
    gross = models.DecimalField(max_digits=14, decimal_places=2)  # incl. VAT, positive, whatever the kind
    unallocated = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # credit notes only
    credited_invoice = TenantForeignKey("self", null=True, blank=True)  # what a credit note corrects
    label = models.CharField(max_length=200, blank=True)
    purchase_order = models.CharField(max_length=60, blank=True)
    payment_reference = models.CharField(max_length=35, blank=True)  # RF creditor reference, ISO 11649
    pay_to_iban = models.CharField(max_length=34, blank=True)  # the only IBAN a message about it may print
    document = TenantForeignKey("core.Document", null=True, blank=True)  # the copy that goes with letters
    delivery_proof = TenantForeignKey("core.Document", null=True, blank=True)  # wanted before a legal step (rule 11)
    e_invoice_status = models.CharField(max_length=3, choices=EInvoiceStatus, blank=True, default=EInvoiceStatus.NONE)
    deposited_on = models.DateField(null=True, blank=True)  # on Chorus Pro or the platform
    received_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    not_received_at = models.DateTimeField(null=True, blank=True)  # the customer said so; a new sending clears it
    restart_on = models.DateField(null=True, blank=True)  # the plan restarts from a resend (rule 7); the due date stays
    is_factored = models.BooleanField(default=False)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_reason = models.CharField(max_length=200, blank=True)
    penalties_waived_at = models.DateTimeField(null=True, blank=True)  # the accessory: claimed, or waived with a reason
    penalties_waived_reason = models.CharField(max_length=200, blank=True)
    penalties_invoiced_on = models.DateField(null=True, blank=True)  # billed apart: claimed here no more
    penalties_invoice_number = models.CharField(max_length=60, blank=True, default="", db_default="")
    entered_on = models.DateField()  # business date on which this system learnt of it (rule 3)
    batch = TenantForeignKey("invoices.ImportBatch", null=True, blank=True)  # the load that brought it (rule 15)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="invoice_number", fields=["organization", "number"]),
            models.CheckConstraint(name="invoice_gross_positive", condition=Q(gross__gt=0)),
            models.CheckConstraint(name="invoice_unallocated", condition=Q(unallocated__gte=0, unallocated__lte=F("gross"))),
            models.CheckConstraint(
                name="invoice_unallocated_is_of_credit_notes", condition=Q(kind=InvoiceKind.CREDIT_NOTE) | Q(unallocated=0)
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="invoice_by_customer", fields=["organization", "customer", "issued_on"]),
            models.Index(name="invoice_by_issue", fields=["organization", "issued_on"]),
            models.Index(name="invoice_by_currency", fields=["organization", "currency"]),
            models.Index(name="credit_note_to_allocate", fields=["organization", "customer"], condition=Q(unallocated__gt=0)),  # rare
            models.Index(  # few, and looked for among everything open (invoices.owed)
                name="invoice_odd",
                fields=["organization"],
                include=["id", "state", "is_factored"],
                condition=Q(is_factored=True) | ~Q(state=InvoiceState.ISSUED),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Installment(TenantModel):
    """One due date of an invoice: the item the engine follows. `outstanding` = amount - allocations - write-offs, always.

    Nothing is outstanding of a cancelled invoice.
    """

    invoice = TenantForeignKey(Invoice, on_delete=models.CASCADE, related_name="installments")
    customer = TenantForeignKey("customers.Customer", related_name="installments")  # the invoice's, for the daily run
    currency = models.CharField(max_length=3)  # the invoice's, so that what is open is added up from one index
    position = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=10, choices=InstallmentKind, default=InstallmentKind.NORMAL)
    means = models.CharField(max_length=12, choices=PaymentMeans, default=PaymentMeans.TRANSFER)
    due_on = models.DateField()  # a retention's: its release date; a bill's: its maturity
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    outstanding = models.DecimalField(max_digits=14, decimal_places=2)
    collection_on = models.DateField(null=True, blank=True)  # inside a direct debit of that date (rule 1)
    settled_on = models.DateField(null=True, blank=True)  # value date of what settled it
    triage = models.CharField(max_length=12, choices=TriageChoice, blank=True)  # rule 3

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="installment_position", fields=["organization", "invoice", "position"]),
            models.CheckConstraint(name="installment_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="installment_outstanding", condition=Q(outstanding__gte=0, outstanding__lte=F("amount"))),
        ]
        indexes: ClassVar = [
            # the daily run and every list of open items read these alone
            models.Index(name="installment_open", fields=["organization", "customer", "due_on"], condition=Q(outstanding__gt=0)),
            models.Index(
                name="installment_open_by_day",
                fields=["organization", "due_on"],
                include=["outstanding", "currency", "customer"],
                condition=Q(outstanding__gt=0),
            ),
            models.Index(name="installment_by_customer", fields=["organization", "customer"]),
            models.Index(
                name="installment_partly_settled",
                fields=["organization", "due_on"],
                condition=Q(outstanding__gt=0, outstanding__lt=F("amount")),
            ),
            models.Index(name="installment_triage", fields=["organization", "triage"], condition=Q(outstanding__gt=0) & ~Q(triage="")),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}/{self.position}"

    def await_collection(self, today: date) -> None:
        """What is paid by direct debit is collected on its due date, unless that is past (rule 1). It is not saved here."""
        if self.means == PaymentMeans.DIRECT_DEBIT and self.due_on >= today:
            self.collection_on = self.due_on
