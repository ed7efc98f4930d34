"""What an organization says and by which way: its texts, its accounts at providers, the addresses these call."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dunning.core import clock
from dunning.core.enums import Channel, Language, Phase
from dunning.core.tenancy import TenantModel
from dunning.core.tokens import new_id
from notifications.enums import (
    PayBy,
    ProviderKind,
)


class MessageTemplate(TenantModel):
    """A text of the organization: per key, channel, language and variant; a new version replaces the one in force."""

    key = models.SlugField(max_length=60, db_index=False)
    channel = models.CharField(max_length=12, choices=Channel)
    language = models.CharField(max_length=2, choices=Language)
    variant = models.CharField(max_length=30, blank=True)  # "", reprise, broken_promise…
    version = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    phase = models.PositiveSmallIntegerField(choices=Phase, default=Phase.SERVICE)
    subject = models.CharField(max_length=600, blank=True)
    body = models.TextField()
    requires = models.JSONField(default=list)  # keys of the earlier acts it cites (rule 4)
    is_shipped = models.BooleanField(default=False)  # as the product ships it: an update of the product may replace it
    written_by = models.CharField(max_length=120, blank=True)  # an actor; blank: before this was kept
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="template_version", fields=["organization", "key", "channel", "language", "variant", "version"]),
            models.UniqueConstraint(
                name="template_current", fields=["organization", "key", "channel", "language", "variant"], condition=Q(is_current=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.channel}, {self.language})"


class ProviderAccount(TenantModel):
    """How an organization sends over a channel, or takes payments: which provider, with which settings; secrets are encrypted."""

    channel = models.CharField(max_length=12, choices=[*Channel.choices, *PayBy.choices])
    kind = models.CharField(max_length=12, choices=ProviderKind)
    name = models.CharField(max_length=80)
    settings = models.JSONField(default=dict)
    secrets = models.TextField(blank=True)  # Fernet-encrypted JSON
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # how it is doing, for all workers: written when something is wrong, or limited; moments are the database's own time
    failures = models.PositiveSmallIntegerField(default=0)  # in a row, of the service as a whole
    closed_until = models.DateTimeField(null=True, blank=True)  # left alone until then
    next_slot_at = models.DateTimeField(null=True, blank=True)  # with a rate limit: when the next call may be made
    last_error = models.CharField(max_length=500, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_active_provider_per_channel", fields=["organization", "channel"], condition=Q(is_active=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProviderRoute(models.Model):
    """The way in of one account: the hash of an unguessable path. Outside the wall, to learn whose call it is; nothing personal.

    `heard_at` and `settled_at` are database time, for the sweep alone: it passes by accounts that were quiet since it found nothing left.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)  # SHA-256, hex
    organization_id = models.UUIDField()
    account_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=12, choices=ProviderKind)
    created_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True, blank=True)  # to the minute
    settled_at = models.DateTimeField(null=True, blank=True)
    refused = models.PositiveBigIntegerField(default=0)  # calls that were not the provider's
    refused_since = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)  # the last one

    class Meta:
        indexes: ClassVar = [models.Index(name="route_by_organization", fields=["organization_id"])]

    def __str__(self) -> str:
        return self.kind
