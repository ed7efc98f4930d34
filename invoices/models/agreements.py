"""What a debtor agreed to: to pay in parts, and to pay several items together under one reference."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dunning.core.enums import Language
from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import ActSource, PlanState


class PaymentPlan(TenantModel):
    """An agreement to pay items in dated parts ("échéancier"): while its parts are paid, its items are left alone (rule 7).

    `text` are the words agreed to, as they were shown; `document` is the signed agreement, printed from them.
    """

    customer = TenantForeignKey("customers.Customer", related_name="payment_plans")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)  # owed on its items when it was agreed: the sum of its parts
    state = models.CharField(max_length=10, choices=PlanState, default=PlanState.ACTIVE)
    reference = models.CharField(max_length=25, blank=True)  # what its parts are paid under (RF)
    held_through = models.DateField()  # last day of the next unpaid part with its tolerance
    source = models.CharField(max_length=8, choices=ActSource, default=ActSource.STAFF)
    contact = TenantForeignKey("customers.Contact", null=True, blank=True)
    language = models.CharField(max_length=2, choices=Language)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    signatory = models.CharField(max_length=120)  # who agreed for the debtor, as they wrote it
    signed_from = models.GenericIPAddressField(null=True, blank=True)
    signed_with = models.CharField(max_length=300, blank=True)  # the browser's own name
    agreed_at = models.DateTimeField()
    agreed_on = models.DateField()
    agreed_by = models.CharField(max_length=120)  # the actor
    document = TenantForeignKey("core.Document", null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    closed_by = models.CharField(max_length=120, blank=True)
    closed_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="plan_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="plan_closed_has_date",
                condition=Q(state=PlanState.ACTIVE, closed_on=None) | (~Q(state=PlanState.ACTIVE) & Q(closed_on__isnull=False)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="plan_by_customer", fields=["organization", "customer", "state"]),
            models.Index(name="plan_running", fields=["organization", "held_through"], condition=Q(state=PlanState.ACTIVE)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class PaymentPlanPart(TenantModel):
    """One dated part of a plan."""

    plan = TenantForeignKey(PaymentPlan, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="plan_part_position", fields=["organization", "plan", "position"]),
            models.CheckConstraint(name="plan_part_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.amount} {self.due_on}"


class PaymentPlanItem(TenantModel):
    """One item of a plan, with what was owed on it. `is_active` follows the plan, so that the database keeps an item in one at a time."""

    plan = TenantForeignKey(PaymentPlan, on_delete=models.CASCADE, related_name="items")
    installment = TenantForeignKey("invoices.Installment", related_name="plan_items")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="plan_item_once", fields=["organization", "plan", "installment"]),
            models.UniqueConstraint(name="one_running_plan_per_item", fields=["organization", "installment"], condition=Q(is_active=True)),
            models.CheckConstraint(name="plan_item_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class PaymentRequest(TenantModel):
    """Several items to be paid in one amount under one reference, as their payer was shown them; a receipt that quotes it pays these.

    The same items with the same amounts are the same request: its reference is made of them.
    """

    customer = TenantForeignKey("customers.Customer", related_name="payment_requests")  # who was asked
    reference = models.CharField(max_length=25)  # RF creditor reference, ISO 11649
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    pay_to_iban = models.CharField(max_length=34)
    requested_on = models.DateField()
    requested_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="payment_request_reference", fields=["organization", "reference"]),
            models.CheckConstraint(name="payment_request_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return self.reference


class PaymentRequestItem(TenantModel):
    """What a payment request asks for one item."""

    request = TenantForeignKey(PaymentRequest, on_delete=models.CASCADE, related_name="items")
    installment = TenantForeignKey("invoices.Installment", related_name="requested")
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="payment_request_item", fields=["organization", "request", "installment"]),
            models.CheckConstraint(name="payment_request_item_positive", condition=Q(amount__gt=0)),
        ]
        indexes: ClassVar = [models.Index(name="requested_by_installment", fields=["organization", "installment"])]

    def __str__(self) -> str:
        return f"{self.amount}"


class Checkout(TenantModel):
    """A card payment of one payment request at a payment service: opened for a debtor, paid once, whatever the service repeats.

    `provider_id` is the service's own name of the checkout page, `payment` what it brought.
    """

    request = TenantForeignKey(PaymentRequest, related_name="checkouts")
    account_id = models.UUIDField()  # of the payment service; no foreign key: accounts are on the floor beside
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    provider_id = models.CharField(max_length=255, blank=True)
    address = models.TextField(blank=True)  # where the debtor pays
    payment = TenantForeignKey("invoices.Payment", null=True, blank=True)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="checkout_by_provider", fields=["organization", "provider_id"], condition=~Q(provider_id="")),
            models.CheckConstraint(name="checkout_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="checkout_paid_has_payment", condition=Q(paid_at=None) | Q(payment__isnull=False)),
        ]
        indexes: ClassVar = [models.Index(name="checkout_by_request", fields=["organization", "request"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


__all__ = ["Checkout", "PaymentPlan", "PaymentPlanItem", "PaymentPlanPart", "PaymentRequest", "PaymentRequestItem"]
