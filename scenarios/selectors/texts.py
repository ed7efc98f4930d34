"""The organization's texts as they are read: which there are, in which languages, edited or as shipped, and what is missing."""

from collections.abc import Mapping

from django.utils.translation import get_language

from dunning.core.enums import WRITTEN_CHANNELS, Channel
from notifications.models import MessageTemplate
from notifications.texts import shipped_texts


def text_name(key: str, variant: str = "") -> str:
    """The name of a shipped text in the reader's language; its key for a text the organization named itself."""
    language = "fr" if (get_language() or "fr").startswith("fr") else "en"
    for text in shipped_texts().values():
        if (text.template_key, text.variant) == (key, variant):
            return text.wordings[language].name
    return key


def text_choices() -> Mapping[str, list[tuple[str, str]]]:
    """By channel, the (key, name) of the texts a step may use, by name."""
    rows = MessageTemplate.objects.filter(is_current=True, variant="").values_list("channel", "key").distinct()
    found: dict[str, list[tuple[str, str]]] = {channel.value: [] for channel in Channel if channel in WRITTEN_CHANNELS}
    for channel, key in rows:
        found[channel].append((key, text_name(key)))
    return {channel: sorted(choices, key=lambda choice: choice[1]) for channel, choices in found.items() if choices}
