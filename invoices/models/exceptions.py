"""What stands between an item and its next reminder: disputes, promises, holds - and what debtors said."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from dunning.core.enums import Language
from dunning.core.tenancy import TenantForeignKey, TenantModel
from invoices.enums import ActKind, ActSource, DisputeReason, DisputeState, HoldKind, HoldRequestState, HoldSide, PromiseState


class Dispute(TenantModel):
    """A customer contests an item, whole (`amount` null) or in part."""

    installment = TenantForeignKey("invoices.Installment", related_name="disputes")
    customer = TenantForeignKey("customers.Customer", related_name="disputes")
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # null: the whole item
    reason = models.CharField(max_length=20, choices=DisputeReason)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=DisputeState, default=DisputeState.OPEN)
    opened_on = models.DateField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    answer_due_on = models.DateField()  # announced to the customer in the acknowledgement
    acknowledged_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    resolution_text = models.TextField(blank=True)
    position = models.CharField(max_length=10, choices=DisputeState, blank=True)  # how it should end, says who looks after the customer
    position_text = models.TextField(blank=True)  # what is true of it, in their words
    position_by = models.CharField(max_length=120, blank=True)  # the actor
    position_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_open_dispute_per_item", fields=["organization", "installment"], condition=Q(state=DisputeState.OPEN)
            ),
            models.CheckConstraint(name="dispute_amount_positive", condition=Q(amount=None) | Q(amount__gt=0)),
            models.CheckConstraint(
                name="dispute_closed_has_date",
                condition=Q(state=DisputeState.OPEN, closed_on=None) | (~Q(state=DisputeState.OPEN) & Q(closed_on__isnull=False)),
            ),
        ]
        indexes: ClassVar = [models.Index(name="dispute_by_customer", fields=["organization", "customer", "state"])]

    def __str__(self) -> str:
        return self.get_reason_display()


class Promise(TenantModel):
    """A customer names the day on which an amount of one item will be paid. `reference` joins promises made together."""

    installment = TenantForeignKey("invoices.Installment", related_name="promises")
    customer = TenantForeignKey("customers.Customer", related_name="promises")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    made_on = models.DateField()
    promised_for = models.DateField()
    state = models.CharField(max_length=10, choices=PromiseState, default=PromiseState.OPEN)
    source = models.CharField(max_length=8, choices=ActSource, default=ActSource.STAFF)
    reference = models.UUIDField()
    text = models.CharField(max_length=300, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="promise_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="promise_not_in_the_past", condition=Q(promised_for__gte=F("made_on"))),
            models.UniqueConstraint(
                name="one_open_promise_per_item", fields=["organization", "installment"], condition=Q(state=PromiseState.OPEN)
            ),
        ]
        indexes: ClassVar = [models.Index(name="promise_by_customer", fields=["organization", "customer", "state"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.promised_for}"


class Hold(TenantModel):
    """A dated pause of one item or of a whole customer, with its side, its reason and who asked (rule 7)."""

    customer = TenantForeignKey("customers.Customer", related_name="holds")
    installment = TenantForeignKey("invoices.Installment", null=True, blank=True, related_name="holds")  # null: the whole customer
    side = models.CharField(max_length=6, choices=HoldSide)
    kind = models.CharField(max_length=24, choices=HoldKind)
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # CREDIT_NOTE_PENDING
    starts_on = models.DateField()
    ends_on = models.DateField()  # inclusive; 30 days at most, renewed by another person
    reason = models.CharField(max_length=300)
    requested_by = models.CharField(max_length=120)  # the actor
    renews = TenantForeignKey("self", null=True, blank=True)
    released_on = models.DateField(null=True, blank=True)
    released_by = models.CharField(max_length=120, blank=True)
    released_reason = models.CharField(max_length=300, blank=True)
    escalated_on = models.DateField(null=True, blank=True)  # OURS, past its end: told to the owner's manager
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="hold_ends_after_start", condition=Q(ends_on__gte=F("starts_on"))),
            models.CheckConstraint(name="hold_amount_positive", condition=Q(amount=None) | Q(amount__gt=0)),
        ]
        indexes: ClassVar = [
            models.Index(name="hold_by_customer", fields=["organization", "customer"], condition=Q(released_on=None)),
            models.Index(name="hold_by_installment", fields=["organization", "installment"], condition=Q(released_on=None)),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class HoldRequest(TenantModel):
    """A pause somebody asked for who may not place it. Nothing is held by it; `hold` is the pause it was granted."""

    customer = TenantForeignKey("customers.Customer", related_name="hold_requests")
    installment = TenantForeignKey("invoices.Installment", null=True, blank=True)  # null: the whole customer
    ends_on = models.DateField()  # wished for; unanswered, the request lapses with this day
    reason = models.CharField(max_length=300)
    requested_by = models.CharField(max_length=120)  # the actor
    requested_on = models.DateField()
    state = models.CharField(max_length=10, choices=HoldRequestState, default=HoldRequestState.OPEN)
    answer = models.CharField(max_length=300, blank=True)
    answered_by = models.CharField(max_length=120, blank=True)
    answered_on = models.DateField(null=True, blank=True)
    hold = TenantForeignKey("invoices.Hold", null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_open_hold_request",
                fields=["organization", "customer", "installment"],
                condition=Q(state=HoldRequestState.OPEN),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="hold_request_answered_has_date",
                condition=Q(state=HoldRequestState.OPEN, answered_on=None)
                | (~Q(state=HoldRequestState.OPEN) & Q(answered_on__isnull=False)),
            ),
        ]
        indexes: ClassVar = [models.Index(name="hold_request_by_person", fields=["organization", "requested_by", "requested_on"])]

    def __str__(self) -> str:
        return self.reason


class Declaration(TenantModel):
    """One form sent from the debtor's page: the exact words shown and typed, under their SHA-256, and where it came from. Never changes.

    It may be about many items; each has its `DebtorAct`. `nonce` is the form's own and serves once.
    """

    customer = TenantForeignKey("customers.Customer", related_name="declarations")
    contact = TenantForeignKey("customers.Contact")
    nonce = models.CharField(max_length=32)
    action = models.CharField(max_length=16)  # customers.enums.PortalAction
    language = models.CharField(max_length=2, choices=Language)
    wording = models.TextField()
    wording_sha256 = models.CharField(max_length=64)
    details = models.JSONField(default=dict, blank=True)  # what was typed, for programs
    at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    link_id = models.UUIDField()  # the PortalToken it was made with

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="declaration_once", fields=["organization", "nonce"])]
        indexes: ClassVar = [
            models.Index(name="declaration_by_customer", fields=["organization", "customer", "at"]),
            models.Index(name="declaration_by_age", fields=["organization", "at"]),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="declaration_kept", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.action} {self.at}"


class DeclarationFile(TenantModel):
    """A file that came with a declaration, under the name its sender gave it."""

    declaration = TenantForeignKey(Declaration, related_name="files")
    document = TenantForeignKey("core.Document")
    filename = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="declaration_file_position", fields=["organization", "declaration", "position"])
        ]

    def __str__(self) -> str:
        return self.filename


class DebtorAct(TenantModel):
    """One thing a debtor said about one item, with the exact words; append-only (trigger), the latest valid act wins."""

    customer = TenantForeignKey("customers.Customer", related_name="acts")
    installment = TenantForeignKey("invoices.Installment", null=True, blank=True, related_name="acts")
    contact = TenantForeignKey("customers.Contact", null=True, blank=True)
    kind = models.CharField(max_length=12, choices=ActKind)
    source = models.CharField(max_length=8, choices=ActSource)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    declaration = TenantForeignKey("invoices.Declaration", null=True, blank=True, related_name="acts")  # made on the debtor's page
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(name="act_by_installment", fields=["organization", "installment", "at"]),
            models.Index(name="act_by_customer", fields=["organization", "customer", "at"]),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="act_stays_said",  # afterwards it may be undone, and its details say what became of it
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__kind__df=pgtrigger.F("new__kind"))
                | pgtrigger.Q(old__source__df=pgtrigger.F("new__source"))
                | pgtrigger.Q(old__at__df=pgtrigger.F("new__at"))
                | pgtrigger.Q(old__actor__df=pgtrigger.F("new__actor"))
                | pgtrigger.Q(old__text__df=pgtrigger.F("new__text"))
                | pgtrigger.Q(old__installment_id__df=pgtrigger.F("new__installment_id"))
                | pgtrigger.Q(old__contact_id__df=pgtrigger.F("new__contact_id"))
                | pgtrigger.Q(old__declaration_id__df=pgtrigger.F("new__declaration_id")),
            ),
            pgtrigger.Protect(name="act_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
