"""What the pages about texts are drawn with."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dunning.dashboard.templatetags.ui import badge
from scenarios.selectors.texts import EDITED, MISSING, TextCell, TextRow

register = template.Library()


@register.simple_tag
def text_url(row: TextRow, language: str) -> str:
    """The address of a text in one language."""
    return _address("text", row.key, row.channel.value, language, row.variant)


@register.simple_tag
def text_action(name: str, place: Any) -> str:
    """The address of something done with a text: `{% text_action "text_look" place %}`."""
    return _address(name, place["key"], place["channel"], place["language"], place["variant"])


def _address(name: str, key: str, channel: str, language: str, variant: str) -> str:
    return reverse(f"dashboard:{name}", args=[key, channel, language, *([variant] if variant else [])])


@register.simple_tag
def text_state(cell: TextCell) -> SafeString:
    """Whether the text is there, and whose words it has."""
    if cell.state == MISSING:
        return badge("", _("Missing"), tone="late-2", icon="circle-alert")
    if cell.state == EDITED:
        return badge("", _("Edited, version %d") % cell.version, tone="info", icon="pencil")
    return badge("", _("As shipped"), icon="package")
