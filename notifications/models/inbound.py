"""What comes back: providers' calls as they came, and what people and programs wrote."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dunning.core.enums import Channel
from dunning.core.sealing import unseal_bytes
from dunning.core.tenancy import TenantForeignKey, TenantModel
from notifications.enums import (
    EventState,
    ProviderKind,
    ReplyKind,
)
from notifications.models.outbox import Message


class InboundEvent(TenantModel):
    """A provider's call, verified and kept as it came before it was acknowledged; kept 13 months.

    `account_id` is no foreign key: its check would lock the account's row for every one of hundreds of calls a second.
    """

    account_id = models.UUIDField()
    kind = models.CharField(max_length=12, choices=ProviderKind)
    key = models.CharField(max_length=200)  # the provider's own name of the call when it is signed, else SHA-256 of its body
    query = models.TextField(blank=True)
    headers = models.JSONField(default=dict)  # without credentials
    body = models.BinaryField()  # sealed: a reply quotes our message, and with it what opens the debtor's page
    state = models.CharField(max_length=12, choices=EventState, default=EventState.STORED)
    looks = models.PositiveSmallIntegerField(default=0)  # while it was parked
    failures = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="inbound_event_once", fields=["organization", "account_id", "key"])]
        indexes: ClassVar = [
            models.Index(
                name="inbound_event_waiting",
                fields=["organization", "due_at"],
                condition=Q(state__in=[EventState.STORED, EventState.PARKED]),
            ),
            models.Index(name="inbound_event_by_age", fields=["organization", "received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def content(self) -> bytes:
        """The body as it came. Raises SealBroken when the installation's key is gone."""
        return unseal_bytes(bytes(self.body))


class InboundMessage(TenantModel):
    """What somebody wrote to us. It never marks anything paid or accepted: it pauses, defers, or is only recorded (rule 9)."""

    event_id = models.UUIDField()  # the InboundEvent it was read from, which is forgotten earlier
    position = models.PositiveSmallIntegerField(default=0)  # in that event
    channel = models.CharField(max_length=12, choices=Channel)
    kind = models.CharField(max_length=10, choices=ReplyKind)
    sender = models.CharField(max_length=254)
    sender_name = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)  # everything, as text
    said = models.TextField(blank=True)  # what is new in it: without quoted history and signature
    header_id = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField()
    message = TenantForeignKey(Message, null=True, blank=True, related_name="replies")  # ours that it answers
    customer = TenantForeignKey("customers.Customer", null=True, blank=True)
    contact = TenantForeignKey("customers.Contact", null=True, blank=True)
    matched_by = models.CharField(max_length=12, blank=True)  # token, references, number, person; blank: nobody's yet
    absent_until = models.DateField(null=True, blank=True)
    substitute = TenantForeignKey("customers.Contact", null=True, blank=True)  # named, and known
    substitute_text = models.CharField(max_length=200, blank=True)  # as named
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="inbound_message_once", fields=["organization", "event_id", "position"])]
        indexes: ClassVar = [
            models.Index(name="inbound_by_age", fields=["organization", "received_at"]),
            models.Index(name="inbound_by_customer", fields=["organization", "customer", "received_at"]),
            models.Index(
                name="inbound_unhandled", fields=["organization", "received_at"], condition=Q(handled_at=None, kind=ReplyKind.HUMAN)
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.sender


class InboundFile(TenantModel):
    """A file that came with what somebody wrote."""

    inbound = TenantForeignKey(InboundMessage, on_delete=models.CASCADE, related_name="files")
    document = TenantForeignKey("core.Document")
    filename = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="inbound_file_position", fields=["organization", "inbound", "position"])]

    def __str__(self) -> str:
        return self.filename
