"""What is said, how it leaves, what became of it and what comes back."""

from notifications.models.inbound import InboundEvent, InboundFile, InboundMessage
from notifications.models.outbox import Attachment, Attempt, DeliveryEvent, Message, ProofFile, QueueTicket, Suppression
from notifications.models.printed import LetterCode, PrintedLetter
from notifications.models.setup import MessageTemplate, ProviderAccount, ProviderRoute
from notifications.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "Attachment",
    "Attempt",
    "DeliveryEvent",
    "InboundEvent",
    "InboundFile",
    "InboundMessage",
    "LetterCode",
    "Message",
    "MessageTemplate",
    "PrintedLetter",
    "ProofFile",
    "ProviderAccount",
    "ProviderRoute",
    "QueueTicket",
    "Suppression",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
