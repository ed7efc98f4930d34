"""What records are called on screen: a message before it has a subject, a reason, a provider's word."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django import template
from django.utils.translation import gettext, gettext_lazy

from dunning.core.models import Organization, User
from dunning.core.money import printed_iban
from dunning.dashboard import formatting
from notifications.enums import LetterProof, MessageState, Obstacle, ProviderKind, WebhookFault
from notifications.models import Message
from notifications.texts import shipped_texts
from scenarios.enums import Reason

register = template.Library()
YEAR = 365  # days a demonstration lives through


def text_name(key: str, variant: str, language: str) -> str:
    """The name of a shipped text in the reader's language; "" for a text the organization named itself."""
    for text in shipped_texts().values():
        if (text.template_key, text.variant) == (key, variant):
            return text.wordings[language].name
    return ""


@register.filter
def message_name(message: Message) -> str:
    """What a message is called: its subject once it is written, until then the name of its text."""
    return message.subject or text_name(message.template_key, message.variant, formatting.language()) or str(message.get_kind_display())


@register.filter
def message_reason(message: Message) -> str:
    """Why a message waits or did not leave, in words."""
    return reason_words(message.reason)


@register.filter
def reason_words(reason: str) -> str:
    """That reason of a plan or of the post office, in words."""
    for words in (Reason, Obstacle):
        if reason in words.values:
            return str(words(reason).label)
    return reason


@register.filter
def event_name(kind: str) -> str:
    """What a provider or the post reported, in words; a word of the provider's own stays as it is."""
    for words in (LetterProof, MessageState):
        if kind in words.values:
            return str(words(kind).label)
    return str(_EVENTS.get(kind, kind))


_EVENTS: Final = {
    "deferred": gettext_lazy("Delayed: it is tried again"),
    "opened": gettext_lazy("Opened"),
    "soft_bounced": gettext_lazy("Refused, though the address may serve"),
    "bounced_elsewhere": gettext_lazy("It came, but failed at another address it was passed on to"),
    "wrong_number": gettext_lazy("Wrong number"),
    "stopped": gettext_lazy("The recipient asked for no more"),
}
"""What is reported of a message and is neither its state nor a proof of the post."""


@register.filter
def webhook_fault(fault: str) -> str:
    """Why a call of a webhook brought no answer."""
    return str(WebhookFault(fault).label) if fault in WebhookFault.values else fault


@register.filter
def provider_answer(text: str) -> str:
    """What a provider answered: a sentence of ours in the reader's language, anything else as it came."""
    return gettext(text) if text else ""


@register.filter
def provider_name(kind: str) -> str:
    return str(ProviderKind(kind).label) if kind in ProviderKind.values else kind


@register.filter
def get(names: Mapping[str, str], key: str) -> str:
    """`{{ names|get:batch.actor }}`: what a key is called; the key itself when nobody knows."""
    return names.get(key, key)


@register.filter
def desk_of(owners: Mapping[UUID, User], customer: UUID | None) -> User | None:
    """`{{ owners|desk_of:reply.customer_id }}`: who has it on their desk."""
    return owners.get(customer) if customer is not None else None


@register.filter
def iban(value: str) -> str:
    """An IBAN as it is printed, in groups of four."""
    return printed_iban(value)


@register.simple_tag
def played_year(organization: Organization) -> tuple[int, int] | None:
    """(days played, days to play) of the year a demonstration is living through; None before its first day is over."""
    if organization.playing_until is None or organization.played_until is None:
        return None
    left = (organization.playing_until - organization.played_until).days
    return max(0, YEAR - left), YEAR
