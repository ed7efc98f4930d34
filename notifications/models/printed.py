"""What a letter claims and where it asks to be paid, kept apart so that whoever holds the sheet can check it without an account."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dunning.core.tenancy import TenantForeignKey, TenantModel
from dunning.core.tokens import new_id
from notifications.models.outbox import Message


class PrintedLetter(TenantModel):
    """The figures of a letter as it was printed last: written with its PDF, shown to whoever enters the letter's code."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="printed")
    amount = models.DecimalField(max_digits=14, decimal_places=2)  # all it claims: with penalties and fixed sums in a formal notice
    currency = models.CharField(max_length=3)
    holder = models.CharField(max_length=200)
    iban = models.CharField(max_length=34)
    items = ArrayField(models.UUIDField(), default=list)  # the instalments it claims
    accessories = models.JSONField(default=dict, blank=True)  # {instalment: [penalties, fixed sum]} as text, beside the principal
    printed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="printed_letter_once", fields=["organization", "message"]),
            models.CheckConstraint(name="printed_letter_not_negative", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class LetterCode(models.Model):
    """Which letter a code belongs to. Outside the wall: whoever checks a letter names no organization. Ids only.

    The code itself stands on paper alone: `digest` is its HMAC-SHA-256 under a key of the environment (see `letter_codes`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField()
    message_id = models.UUIDField(unique=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(name="letter_code_by_organization", fields=["organization_id"])]

    def __str__(self) -> str:
        return str(self.message_id)
