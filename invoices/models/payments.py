"""Money that came in, and what it was set against."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import PaymentMeans, WriteOffKind


class Payment(TenantModel):
    """A receipt. Without a customer it is unidentified: a person matches it (rule 8)."""

    customer = TenantForeignKey("customers.Customer", null=True, blank=True, related_name="payments")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    unallocated = models.DecimalField(max_digits=14, decimal_places=2)
    received_on = models.DateField()  # value date: funds at the creditor's disposal
    entered_on = models.DateField()  # business date on which the ledger learnt of it
    means = models.CharField(max_length=12, choices=PaymentMeans, default=PaymentMeans.TRANSFER)
    external_reference = models.CharField(max_length=120)  # natural key of loads: the bank's, else content and ordinal
    reference_text = models.CharField(max_length=200, blank=True)  # what the payer wrote
    payer_name = models.CharField(max_length=140, blank=True)
    payer_iban = models.CharField(max_length=34, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="payment_reference", fields=["organization", "external_reference"]),
            models.CheckConstraint(name="payment_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="payment_unallocated", condition=Q(unallocated__gte=0, unallocated__lte=F("amount"))),
        ]
        indexes: ClassVar = [
            models.Index(name="payment_by_customer", fields=["organization", "customer", "received_on"]),
            models.Index(name="payment_by_entry", fields=["organization", "entered_on"]),  # the day's money
            models.Index(  # the list, the latest first, and what a month brought
                name="payment_by_value_day",
                fields=["organization", "received_on", "id"],
                include=["amount", "currency"],
                condition=Q(cancelled_at=None),
            ),
            models.Index(name="payment_to_allocate", fields=["organization", "customer"], condition=Q(unallocated__gt=0)),  # few
        ]

    def __str__(self) -> str:
        return self.external_reference


class Allocation(TenantModel):
    """A part of a payment or of a credit note, set against one instalment. Reversed, it stays as history."""

    installment = TenantForeignKey("invoices.Installment", related_name="allocations")
    payment = TenantForeignKey(Payment, null=True, blank=True, related_name="allocations")
    credit_note = TenantForeignKey("invoices.Invoice", null=True, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    value_on = models.DateField()  # the payment's value date, the credit note's issue date
    reversed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="allocation_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="allocation_one_source",
                condition=Q(payment__isnull=False, credit_note=None) | Q(payment=None, credit_note__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="allocation_by_installment", fields=["organization", "installment"]),
            models.Index(name="allocation_by_payment", fields=["organization", "payment"]),
            models.Index(name="allocation_by_credit_note", fields=["organization", "credit_note"], condition=Q(credit_note__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class WriteOff(TenantModel):
    """An amount given up, with a kind and a reason; reversed, it is owed again and the row stays."""

    installment = TenantForeignKey("invoices.Installment", related_name="write_offs")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    kind = models.CharField(max_length=16, choices=WriteOffKind, default=WriteOffKind.OTHER)
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=120, blank=True)  # blank: before it was noted
    is_automatic = models.BooleanField(default=False)  # closed by the organization's tolerance
    written_off_on = models.DateField()  # of an automatic one: the value date of what left it
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversed_by = models.CharField(max_length=120, blank=True)
    reversed_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="write_off_positive", condition=Q(amount__gt=0))]
        indexes: ClassVar = [models.Index(name="write_off_by_installment", fields=["organization", "installment"])]

    def __str__(self) -> str:
        return f"{self.amount}"
