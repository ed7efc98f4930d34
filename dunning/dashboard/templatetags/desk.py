"""The rows of the desk: what waits for a person, a call in one place, and what is approved together."""

from decimal import Decimal
from itertools import zip_longest

from django import template
from django.forms import BaseForm
from django.template import Context
from django.utils.safestring import SafeString

from dunning.dashboard.templatetags.ui import component

register = template.Library()


@register.simple_block_tag(takes_context=True)
def work(
    context: Context,
    content: str,
    title: str,
    icon: str,
    tone: str = "",
    href: str = "",
    reason: str = "",
    amount: Decimal | None = None,
    currency: str = "EUR",
    since: str = "",
    open_url: str = "",
    open_label: str = "",
    id: str = "",
) -> SafeString:
    """A row of the queue; its content is its buttons. `open_url` is fetched in place when the row is opened (a call card)."""
    values = {
        "content": content,
        "title": title,
        "icon_name": icon,
        "tone": tone,
        "href": href,
        "reason": reason,
        "value": amount,
        "currency": currency,
        "since": since,
        "open_url": open_url,
        "open_label": open_label,
        "id": id,
    }
    return component(context, "work", values)


@register.simple_block_tag(takes_context=True)
def callcard(
    context: Context,
    content: str,
    form: BaseForm,
    action: str,
    contact: str,
    phone: str,
    phone_href: str = "",
    role: str = "",
    last: str = "",
    when: str = "",
    keys: str = "",
) -> SafeString:
    """A call in one place: number, `when` to ring instead of now, script (the content), last exchange, the form.

    `form.outcome` is drawn as buttons, then its other fields. `keys`: the characters that choose the first outcomes.
    """
    values = {
        "content": content,
        "form": form,
        "action": action,
        "contact": contact,
        "phone": phone,
        "phone_href": phone_href or phone.replace(" ", ""),
        "role": role,
        "last": last,
        "when": when,
        "outcomes": list(zip_longest(form["outcome"], keys))[: len(form["outcome"])],
    }
    return component(context, "callcard", values)


@register.simple_block_tag(takes_context=True)
def approvebar(context: Context, content: str, form_id: str, summary: str) -> SafeString:
    """A bar that stays in sight under a list. Check boxes carrying `form=form_id` are counted into it; its content is its buttons."""
    return component(context, "approvebar", {"content": content, "form_id": form_id, "summary": summary})
