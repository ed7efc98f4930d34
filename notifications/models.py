"""The outbox, which is also the archive: every message with its attempts, its events and its way out."""

from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import Q

from dunning.core.enums import Channel, Language, Phase
from dunning.core.tenancy import TenantForeignKey, TenantModel
from dunning.core.tokens import new_id
from notifications.enums import (
    NEVER_LEFT,
    WAITING,
    AttemptOutcome,
    EventState,
    LetterProof,
    MessageKind,
    MessageState,
    ProofKind,
    ProviderKind,
    ReplyKind,
    SuppressionReason,
)


class MessageTemplate(TenantModel):
    """A text of the organization: per key, channel, language and variant; a new version replaces the one in force."""

    key = models.SlugField(max_length=60)
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
    created_at = models.DateTimeField(auto_now_add=True)

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
    """How an organization sends over a channel: which provider, with which settings; secrets are encrypted."""

    channel = models.CharField(max_length=12, choices=Channel)
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


class Message(TenantModel):
    """One e-mail, text message or letter. Once frozen and handed over, what was said never changes again (trigger)."""

    customer = TenantForeignKey("customers.Customer", null=True, blank=True, related_name="messages")  # none: a test to oneself
    contact = TenantForeignKey("customers.Contact", null=True, blank=True)
    channel = models.CharField(max_length=12, choices=Channel)
    kind = models.CharField(max_length=16, choices=MessageKind, default=MessageKind.REMINDER)
    phase = models.PositiveSmallIntegerField(choices=Phase, default=Phase.SERVICE)
    language = models.CharField(max_length=2, choices=Language)
    template_key = models.CharField(max_length=60)
    variant = models.CharField(max_length=30, blank=True)
    template = TenantForeignKey(MessageTemplate, null=True, blank=True)  # the version that was rendered
    state = models.CharField(max_length=18, choices=MessageState, default=MessageState.QUEUED)
    reason = models.CharField(max_length=40, blank=True)  # why it is held, cancelled or failed (scenarios.enums.Reason or a provider's)
    reason_text = models.CharField(max_length=500, blank=True)
    # at most one written message per group, local day and channel (rule 5)
    planned_on = models.DateField()  # local date of the run that wrote it
    group_key = models.CharField(max_length=160, blank=True)  # blank: outside the rule (answers, acknowledgements…)
    not_before = models.DateTimeField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)  # ids of what it is about: dispute, promise, payment, task, items
    # amounts it claims
    currency = models.CharField(max_length=3, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # net total claimed
    item_count = models.PositiveIntegerField(default=0)
    # where it goes
    recipient_name = models.CharField(max_length=200, blank=True)
    recipient = models.CharField(max_length=254, blank=True)  # e-mail address or E.164 number
    postal_address = models.JSONField(default=list, blank=True)  # lines of the window
    # what it says: written at freezing
    sender = models.CharField(max_length=320, blank=True)
    reply_to = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    body_text = models.TextField(blank=True)
    body_html = models.TextField(blank=True)
    document = TenantForeignKey("core.Document", null=True, blank=True)  # the letter itself
    print_document = TenantForeignKey("core.Document", null=True, blank=True)  # letter and copies, merged for printing
    header_id = models.CharField(max_length=200, blank=True)  # Message-ID: <id@domain>
    in_reply_to = models.CharField(max_length=200, blank=True)
    content_sha256 = models.CharField(max_length=64, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    # how it left
    provider = models.CharField(max_length=40, blank=True)
    provider_id = models.CharField(max_length=120, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)  # database time
    cost = models.DecimalField(max_digits=8, decimal_places=4, default=0)  # in the organization's currency
    approved_by = models.CharField(max_length=120, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    resends = TenantForeignKey("self", null=True, blank=True)  # a wanted re-send is a new message linked to the old
    # letters
    posted_on = models.DateField(null=True, blank=True)
    tracking_number = models.CharField(max_length=40, blank=True)
    proof = models.CharField(max_length=16, choices=LetterProof, blank=True)
    proof_on = models.DateField(null=True, blank=True)
    not_reached = models.BooleanField(default=False)  # "non parvenu": leaves the chronology (rule 7)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_message_per_group_and_day",
                fields=["organization", "group_key", "planned_on"],
                condition=~Q(group_key="") & ~Q(state__in=sorted([*NEVER_LEFT, MessageState.BOUNCED])),
            ),
            models.CheckConstraint(name="message_has_customer", condition=Q(customer__isnull=False) | Q(kind=MessageKind.TEST)),
        ]
        indexes: ClassVar = [
            models.Index(name="message_by_customer", fields=["organization", "customer", "planned_on"]),
            models.Index(name="message_by_day", fields=["organization", "planned_on", "state"]),
            models.Index(  # callbacks that name a message by the provider's id alone
                name="message_by_provider_id",
                fields=["organization", "provider_id"],
                condition=~Q(provider_id="") & ~Q(provider=ProviderKind.POST_OFFICE),
            ),
            models.Index(  # the board, the outbox and the sweeper look at these alone
                name="message_waiting",
                fields=["organization", "state"],
                condition=Q(state__in=["awaiting_approval", "held", "queued", "sending", "retry", "uncertain", "to_post"]),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="message_frozen",
                operation=pgtrigger.Update,
                # while it certainly has not left, a second rendering may say it again with today's amounts
                condition=pgtrigger.Q(old__frozen_at__isnull=False)
                & ~pgtrigger.Q(old__state__in=sorted(WAITING))
                & (
                    pgtrigger.Q(old__frozen_at__df=pgtrigger.F("new__frozen_at"))
                    | pgtrigger.Q(old__subject__df=pgtrigger.F("new__subject"))
                    | pgtrigger.Q(old__body_text__df=pgtrigger.F("new__body_text"))
                    | pgtrigger.Q(old__body_html__df=pgtrigger.F("new__body_html"))
                    | pgtrigger.Q(old__recipient__df=pgtrigger.F("new__recipient"))
                    | pgtrigger.Q(old__document_id__df=pgtrigger.F("new__document_id"))
                    | pgtrigger.Q(old__content_sha256__df=pgtrigger.F("new__content_sha256"))
                ),
            ),
            pgtrigger.Protect(name="message_kept", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__frozen_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.subject or self.template_key

    @property
    def customer_key(self) -> UUID:
        """The customer it is for. Raises ValueError for a test, which is for nobody."""
        if self.customer_id is None:
            raise ValueError("A test to oneself has no customer.")
        return self.customer_id


class Attachment(TenantModel):
    """A file that left with a message, under the name the recipient saw."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    document = TenantForeignKey("core.Document")
    filename = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="attachment_position", fields=["organization", "message", "position"])]

    def __str__(self) -> str:
        return self.filename


class Attempt(TenantModel):
    """One try at handing a message to a provider: written and committed before the call, settled after it."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    provider = models.CharField(max_length=40)
    account = TenantForeignKey(ProviderAccount, null=True, blank=True)  # asked again through the same one, whatever was set up since
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=14, choices=AttemptOutcome, default=AttemptOutcome.PENDING)
    provider_id = models.CharField(max_length=120, blank=True)
    response = models.TextField(blank=True)  # the provider's own words, bounded
    absent_since = models.DateTimeField(null=True, blank=True)  # looked up and not found, for the first time

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="attempt_number", fields=["organization", "message", "number"])]

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"


class DeliveryEvent(TenantModel):
    """What a provider or the post said afterwards; kept whatever the order, the state is the highest of them."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=30)
    at = models.DateTimeField()
    external_id = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="delivery_event_once", fields=["organization", "message", "kind", "external_id"], condition=~Q(external_id="")
            ),
        ]
        indexes: ClassVar = [models.Index(name="delivery_event_by_message", fields=["organization", "message", "at"])]

    def __str__(self) -> str:
        return self.kind


class ProofFile(TenantModel):
    """A document that proves what became of a letter: the slip of its posting, the signed receipt, the envelope that came back."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="proof_files")
    document = TenantForeignKey("core.Document")
    kind = models.CharField(max_length=12, choices=ProofKind)
    external_id = models.CharField(max_length=200, blank=True)  # as its postal service names it
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="proof_file_once", fields=["organization", "message", "external_id"], condition=~Q(external_id="")
            ),
        ]
        indexes: ClassVar = [models.Index(name="proof_file_by_message", fields=["organization", "message", "added_at"])]

    def __str__(self) -> str:
        return self.get_kind_display()


class QueueTicket(models.Model):
    """A message waits for a dispatcher. Outside the wall so that workers can be fair across organizations; nothing personal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField()
    message_id = models.UUIDField(unique=True)
    channel = models.CharField(max_length=12, choices=Channel)
    due_at = models.DateTimeField()  # business time
    lease_until = models.DateTimeField(null=True, blank=True)  # database time
    lease_token = models.UUIDField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)  # claims whose worker gave no sign: three, and a person looks

    class Meta:
        indexes: ClassVar = [
            models.Index(name="ticket_due", fields=["due_at"]),
            models.Index(name="ticket_by_organization", fields=["organization_id", "due_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.due_at}"


class Suppression(TenantModel):
    """An address or number that must not be used; checked at the moment of sending."""

    channel = models.CharField(max_length=12, choices=Channel)
    address = models.CharField(max_length=254)  # folded e-mail address or E.164
    reason = models.CharField(max_length=14, choices=SuppressionReason)
    since = models.DateTimeField()
    message = TenantForeignKey(Message, null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="suppression_once", fields=["organization", "channel", "address"], condition=Q(lifted_at=None)),
        ]

    def __str__(self) -> str:
        return self.address


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


class InboundEvent(TenantModel):
    """A provider's call, verified and kept as it came before it was acknowledged; kept 13 months.

    `account_id` is no foreign key: its check would lock the account's row for every one of hundreds of calls a second.
    """

    account_id = models.UUIDField()
    kind = models.CharField(max_length=12, choices=ProviderKind)
    key = models.CharField(max_length=200)  # the provider's own name of the call when it is signed, else SHA-256 of its body
    query = models.TextField(blank=True)
    headers = models.JSONField(default=dict)  # without credentials
    body = models.BinaryField()
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
