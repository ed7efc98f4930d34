"""The outbox, which is also the archive: every message with its attempts, its events and its way out."""

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import Q

from customers.models import PortalToken
from dunning.core.enums import Channel, Language, Phase
from dunning.core.tenancy import TenantForeignKey, TenantModel
from dunning.core.tokens import new_id
from notifications.enums import (
    NEVER_LEFT,
    WAITING,
    AttemptOutcome,
    Errand,
    LetterProof,
    MessageKind,
    MessageState,
    ProofKind,
    ProviderKind,
    SuppressionReason,
)
from notifications.models.setup import MessageTemplate, ProviderAccount

if TYPE_CHECKING:
    from notifications.models.printed import PrintedLetter


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
    in_reply_to = models.CharField(max_length=300, blank=True)
    header_references = models.TextField(blank=True, default="", db_default="")  # blank: the message it replies to alone
    content_sha256 = models.CharField(max_length=64, blank=True)
    # the link to the debtor's page it leaves with; the texts above hold its mask (customers.portal_access)
    link_generation = models.PositiveSmallIntegerField(default=0, db_default=0)  # 0: none
    link_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
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
    answers = TenantForeignKey("notifications.InboundMessage", null=True, blank=True, related_name="answers")  # what a person answers
    answer_number = models.PositiveSmallIntegerField(default=0, db_default=0)  # the first answer to it, the second…
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
            models.UniqueConstraint(  # a form sent twice, or two people at once: one of them wins
                name="answer_once", fields=["organization", "answers", "answer_number"], condition=Q(answers__isnull=False)
            ),
            models.CheckConstraint(name="message_has_customer", condition=Q(customer__isnull=False) | Q(kind=MessageKind.TEST)),
        ]
        indexes: ClassVar = [
            models.Index(name="message_by_customer", fields=["organization", "customer", "planned_on"]),
            models.Index(name="message_by_planned_day", fields=["organization", "planned_on", "id"], include=["state"]),
            models.Index(name="message_draft", fields=["organization", "planned_on"], condition=Q(state="draft")),  # of a day not yet whole
            models.Index(name="message_withdrawn", fields=["organization", "updated_at"], condition=Q(state="cancelled")),
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
                    | pgtrigger.Q(old__link_digest__df=pgtrigger.F("new__link_digest"))
                ),
            ),
            pgtrigger.Protect(name="message_kept", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__frozen_at__isnull=False)),
        ]

    pending_link: PortalToken | None = None  # made at freezing, written with the message
    pending_letter: "PrintedLetter | None" = None  # likewise

    def __str__(self) -> str:
        return self.subject or self.template_key

    @property
    def customer_key(self) -> UUID:
        """The customer it is for. Raises ValueError for a test, which is for nobody."""
        if self.customer_id is None:
            raise ValueError("A test to oneself has no customer.")
        return self.customer_id

    @property
    def copies_are_apart(self) -> bool:
        """A letter behind which nothing is bound: its attachments, if it has any, are taken away at the address it names."""
        return self.document_id is not None and self.document_id == self.print_document_id


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
    followed_at = models.DateTimeField(null=True, blank=True)  # letters: when its postal service was last asked how far it has come

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
    """A message waits for a dispatcher. Outside the wall so that workers can be fair across organizations; nothing personal.

    Webhooks wait in the same way: an endpoint something is due for (channel `webhook`), or events to be handed out (`events`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField()
    message_id = models.UUIDField(unique=True)  # with an errand for a channel: of the endpoint, or of the batch of events
    channel = models.CharField(max_length=12, choices=[*Channel.choices, *Errand.choices])
    due_at = models.DateTimeField()  # business time
    lease_until = models.DateTimeField(null=True, blank=True)  # database time
    lease_token = models.UUIDField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)  # claims whose worker gave no sign: three, and a person looks

    class Meta:
        indexes: ClassVar = [
            models.Index(name="ticket_due", fields=["due_at"]),
            models.Index(name="ticket_by_organization", fields=["organization_id", "due_at"]),
            models.Index(  # few, among the messages of a large organization
                name="ticket_errands", fields=["organization_id", "due_at"], condition=Q(channel__in=sorted(Errand.values))
            ),
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
