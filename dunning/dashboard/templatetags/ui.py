"""The design system's tags: one tag per component, each laid out in templates/components/<name>.html.

`docs/interface.md` lists them with their parameters. Tags that speak of age read `today` from the context:
the view puts it there, so that a page shows the organization's day, under a virtual clock too.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from django import template
from django.core.paginator import Page
from django.forms import BoundField, CheckboxInput
from django.forms.utils import flatatt
from django.template import Context, Engine
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import pgettext
from lucide.templatetags.lucide import lucide

from dunning.core.money import format_number
from dunning.dashboard import formatting
from dunning.dashboard.badges import CHANNEL_ICONS, LABELS, LOOKS, NEUTRAL
from dunning.dashboard.charts import Drawing
from dunning.dashboard.components import NAVIGATION, PlanMark, Tab, TimelineEntry
from dunning.dashboard.drawings import spread
from dunning.dashboard.reports.tables import Table

register = template.Library()


def component(context: Context, name: str, values: Mapping[str, object]) -> SafeString:
    """Render components/<name>.html over the page's context: request and csrf_token stay reachable, `values` shadow the rest."""
    layout = Engine.get_default().get_template(f"components/{name}.html")
    with context.push(**values):
        return layout.render(context)


# --- figures -----------------------------------------------------------------------------------------------------


@register.filter
def money(value: Decimal | int | None, currency: str = "EUR") -> str:
    """`{{ invoice.outstanding|money:invoice.currency }}` as plain text, for sentences."""
    return formatting.money(value, currency)


@register.filter
def amounts(values: Mapping[str, Decimal] | None) -> str:
    """`{{ figures.overdue|amounts }}`: amounts by currency, never added to one another; empty for none."""
    return " + ".join(formatting.money(value, currency) for currency, value in (values or {}).items() if value)


@register.filter
def number(value: Decimal | int | None) -> str:
    return formatting.number(value)


@register.filter
def counted_customers(count: int) -> str:
    return formatting.customers(count)


@register.filter
def decimals(value: Decimal | Literal[""] | None, places: int = 1) -> str:
    """`{{ index.value|decimals:1 }}`: a number with that many decimals; empty for None, and where there is no `index` at all."""
    return "" if value is None or value == "" else format_number(value, places, formatting.language())


@register.simple_tag
def amount(value: Decimal | int | None, currency: str = "EUR", tone: str = "") -> SafeString:
    """`{% amount value currency tone="late" %}`: an unbreakable amount that machines can read too."""
    if value is None:
        return mark_safe("")
    css = f"money is-{tone}" if tone else "money"
    return format_html('<data class="{}" value="{}">{}</data>', css, value, formatting.money(value, currency))


@register.filter(expects_localtime=True)
def date_short(value: dt.date | None) -> str:
    return formatting.date_short(value) if value else ""


@register.filter(expects_localtime=True)
def date_long(value: dt.date | None) -> str:
    return formatting.date_long(value) if value else ""


@register.filter(expects_localtime=True)
def date_weekday(value: dt.date | None) -> str:
    return formatting.date_weekday(value) if value else ""


@register.filter(expects_localtime=True)
def time_short(value: dt.datetime | None) -> str:
    return formatting.time_short(value) if value else ""


@register.simple_tag(takes_context=True)
def day(context: Context, value: dt.date | None, style: str = "short", age: bool = False) -> SafeString:
    """`{% day invoice.due_on %}`; `style="long"` in sentences; `age=True` adds `il y a 12 j`."""
    if value is None:
        return mark_safe("")
    stamp = _stamp(_plain_date(value), value.isoformat(), style, formatting.language())
    if not age:
        return stamp
    return format_html('{} <span class="age">{}</span>', stamp, formatting.age(_plain_date(value), context["today"]))


@lru_cache(maxsize=4096)  # a page says the same days again and again
def _stamp(value: dt.date, stamp: str, style: str, _language: str) -> SafeString:
    text = formatting.date_long(value) if style == "long" else formatting.date_short(value)
    return format_html('<time class="day" datetime="{}" title="{}">{}</time>', stamp, formatting.date_weekday(value), text)


@register.simple_tag(takes_context=True)
def age(context: Context, value: dt.date | None) -> str:
    """`{% age task.due_on %}`: `il y a 12 j`."""
    return formatting.age(_plain_date(value), context["today"]) if value else ""


def _plain_date(value: dt.date) -> dt.date:
    """The day in the zone of the page: moments come from the database in UTC, and a tag's are not converted as a filter's are."""
    return timezone.localtime(value).date() if isinstance(value, dt.datetime) else value


@register.filter
def phone(value: str) -> str:
    """`{{ contact.phone|phone }}`: as people read it."""
    return formatting.phone(value)


# --- signs -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _icon(name: str, size: int, label: str) -> SafeString:
    css = "icon" if size == 16 else f"icon icon-{size}"
    extra = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    # No width or height attribute: the stylesheet sizes it, so that a component can.
    return mark_safe(lucide(name, size=size, **{"class": css, **extra}))  # noqa: S308 - our own package's drawings


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """`{% icon "phone" %}`: sizes 12, 16, 20, 24; a label only when no word stands beside it."""
    return _icon(str(name), size, str(label))


@lru_cache(maxsize=1024)
def _sign(name: str, label: str, tone: str, icon_name: str) -> SafeString:
    """A badge or a channel, which follow from their words alone: a list repeats them in every row."""
    return (
        Engine.get_default().get_template(f"components/{name}.html").render(Context({"label": label, "tone": tone, "icon_name": icon_name}))
    )


@register.simple_tag
def badge(state: str, label: object = "", tone: str = "", icon: str = "") -> SafeString:
    """`{% badge message.state message.get_state_display %}`: meaning and icon follow from the stored value."""
    value = str(getattr(state, "value", state))
    look = LOOKS.get(value, NEUTRAL)
    words = label or getattr(state, "label", None) or LABELS.get(value) or value
    return _sign("badge", str(words), tone or look.tone, icon or look.icon)


@register.simple_tag
def late_badge(days: int) -> SafeString:
    """`{% late_badge row.days_late %}`: `12 jours de retard`, redder with age; negative days lie ahead."""
    tone = formatting.lateness_tone(days)
    sign = "triangle-alert" if days > 0 else "calendar-clock" if tone == "soon" else "calendar"
    return _sign("badge", formatting.lateness(days), tone, sign)


@register.simple_tag
def channel(value: str, label: object = "") -> SafeString:
    """`{% channel step.channel step.get_channel_display %}`: icon and word."""
    key = str(getattr(value, "value", value))
    words = label or getattr(value, "label", key)
    return _sign("channel", str(words), "", CHANNEL_ICONS.get(key, "circle"))


@register.filter
def channel_icon(value: str) -> str:
    return CHANNEL_ICONS.get(str(getattr(value, "value", value)), "circle")


# --- controls ----------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def button(
    context: Context,
    label: str = "",
    kind: str = "",
    icon: str = "",
    href: str = "",
    type: str = "submit",
    size: str = "",
    opens: str = "",
    closes: str = "",
    hide_label: bool = False,
    disabled: bool = False,
    **attributes: object,
) -> SafeString:
    """A verb. `kind`: primary, danger, quiet or none; `size`: small, large; `opens`/`closes`: the id of a dialog.

    Further keywords become attributes, `_` read as `-`: `hx_post=url name="act" value="send" form="f"`.
    """
    css = ["button", *(f"button-{word}" for word in (kind, size) if word), *(["button-icon"] if hide_label else [])]
    target = opens or closes
    if target:
        type = "button"
        attributes |= {"commandfor": target, "command": "show-modal" if opens else "close"}
    rest = {key.replace("_", "-"): value for key, value in attributes.items() if value not in (None, "", False)}
    values = {
        "label": label,
        "css": " ".join(css),
        "icon_name": icon,
        "href": href,
        "type": type,
        "hide_label": hide_label,
        "disabled": disabled,
        "rest": flatatt(rest),
    }
    return component(context, "button", values)


@register.simple_tag(takes_context=True)
def field(
    context: Context, bound: BoundField, label: str = "", help: str = "", prefix: str = "", suffix: str = "", css: str = ""
) -> SafeString:
    """A labelled form field with its help and its errors. `css`: field-short, field-money.

    A widget attribute `data-when="promise call_back"` shows the field only while such a radio button of its form is chosen.
    """
    if bound.is_hidden:
        return bound.as_widget()
    values = {
        "bound": bound,
        "label": label or bound.label,
        "help": help or bound.help_text,
        "prefix": prefix,
        "suffix": suffix,
        "css": css,
        "is_check": isinstance(bound.field.widget, CheckboxInput),
        "when": bound.field.widget.attrs.get("data-when", ""),
    }
    return component(context, "field", values)


@register.simple_tag(takes_context=True)
def fields(context: Context, form: object) -> SafeString:
    """Every field of a form, its own errors first."""
    return component(context, "fields", {"form": form})


@register.simple_tag(takes_context=True)
def copy(context: Context, value: str, label: str = "") -> SafeString:
    """`{% copy iban %}`: the value and a button that copies it (the button appears with JavaScript)."""
    return component(context, "copy", {"value": value, "label": label or value})


# --- surfaces ----------------------------------------------------------------------------------------------------


@register.simple_block_tag(takes_context=True)
def card(
    context: Context,
    content: str,
    title: str = "",
    icon: str = "",
    count: int | None = None,
    href: str = "",
    link: str = "",
    flush: bool = False,
    id: str = "",
) -> SafeString:
    """A titled sheet; `flush=True` lets a table or rows touch its edges; `href` and `link` put a link in its head."""
    values = {
        "content": content,
        "title": title,
        "icon_name": icon,
        "count": count,
        "href": href,
        "link": link,
        "flush": flush,
        "id": id,
    }
    return component(context, "card", values)


@register.simple_block_tag(takes_context=True)
def emptystate(context: Context, content: str, title: str, icon: str = "coffee") -> SafeString:
    """What a list says when it has nothing: why, and what to do."""
    return component(context, "empty", {"content": content, "title": title, "icon_name": icon})


@register.simple_block_tag(takes_context=True)
def notice(context: Context, content: str, title: str = "", tone: str = "", icon: str = "") -> SafeString:
    """A sentence the page must not hide. `tone`: none, soon, late, settled."""
    signs = {"soon": "triangle-alert", "late": "circle-alert", "settled": "circle-check"}
    return component(context, "notice", {"content": content, "title": title, "tone": tone, "icon_name": icon or signs.get(tone, "info")})


@register.simple_block_tag(takes_context=True)
def dialog(context: Context, content: str, id: str, title: str, wide: bool = False) -> SafeString:
    """A native modal dialog, opened by `{% button … opens=id %}`. Its last child is usually a form with .dialog-actions."""
    return component(context, "dialog", {"content": content, "id": id, "title": title, "wide": wide})


@register.simple_tag(takes_context=True)
def tabs(context: Context, items: Sequence[Tab], label: str) -> SafeString:
    return component(context, "tabs", {"items": items, "label": label})


# --- data --------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def stat(
    context: Context, label: str, value: object, hint: str = "", tone: str = "", href: str = "", trend: str = "", trend_is_good: bool = True
) -> SafeString:
    """One figure, inside `<div class="stats">`. `tone`: late, soon, settled; `trend`: up, down, flat, beside the hint."""
    arrows = {"up": "trending-up", "down": "trending-down", "flat": "minus"}
    values = {
        "label": label,
        "value": value,
        "hint": hint,
        "tone": tone,
        "href": href,
        "arrow": arrows.get(trend, ""),
        "trend_tone": "" if trend in ("", "flat") else "good" if trend_is_good else "bad",
    }
    return component(context, "stat", values)


@register.simple_tag(takes_context=True)
def facts(context: Context, rows: Iterable[tuple[str, object]]) -> SafeString:
    """A list of (label, value); rows whose value is empty are left out."""
    return component(context, "facts", {"rows": [row for row in rows if row[1] not in (None, "")]})


@register.simple_tag(takes_context=True)
def progress(context: Context, value: int, maximum: int, label: str) -> SafeString:
    return component(context, "progress", {"value": value, "maximum": maximum, "label": label})


@register.simple_tag(takes_context=True)
def pagination(context: Context, page: Page) -> SafeString:  # type: ignore[type-arg]  # a page of anything
    """Under a list: the rows shown of how many, and the pages. Keeps the filters of the address."""
    pages = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return component(context, "pagination", {"page": page, "pages": list(pages)})


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, numeric: bool = False, css: str = "") -> SafeString:
    """A `<th>` that sorts by `?sort=key`, then `-key`."""
    current = context["request"].GET.get("sort", "")
    direction = {key: "ascending", f"-{key}": "descending"}.get(current, "")
    values = {
        "label": label,
        "direction": direction,
        "next_sort": f"-{key}" if current == key else key,
        "css": " ".join(word for word in ("num" if numeric else "", css) if word),
        "icon_name": {"ascending": "arrow-up", "descending": "arrow-down"}.get(direction, "arrow-up-down"),
    }
    return component(context, "sort_header", values)


@register.simple_tag(takes_context=True)
def timeline(context: Context, entries: Sequence[TimelineEntry], label: str = "") -> SafeString:
    """Past solid, future dashed, in the order given; today's rule is drawn where one turns into the other."""
    rows = [(entry, index > 0 and entry.is_future != entries[index - 1].is_future) for index, entry in enumerate(entries)]
    return component(context, "timeline", {"rows": rows, "label": label})


@register.simple_tag(takes_context=True)
def planline(context: Context, marks: Sequence[PlanMark], label: str) -> SafeString:
    """A plan drawn from left to right around its due date; the page gives the same steps as a list."""
    ordered = sorted(marks, key=lambda mark: mark.day)
    days = sorted([mark.day for mark in ordered] + ([] if any(mark.day == 0 for mark in ordered) else [0]))
    places = spread(days, start=40, end=960, gap=56)
    due_at = places[days.index(0)]
    if 0 not in [mark.day for mark in ordered]:
        places.pop(days.index(0))
    dots = [{"mark": mark, "x": round(x), "icon_x": round(x) - 8} for mark, x in zip(ordered, places, strict=True)]
    return component(context, "planline", {"dots": dots, "due_at": round(due_at), "label": label})


@register.filter
def plan_day(day: int) -> str:
    """`D-7`, `D0`, `D+8` (in French `J-7`)."""
    letter = pgettext("the due date, in a plan", "D")
    return f"{letter}{day:+d}".replace("-", "\u2212") if day else f"{letter}0"


# --- reports ----------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def chart(context: Context, drawing: Drawing, id: str) -> SafeString:
    """`{% chart found.drawing id="chart" %}`: a drawing of dunning/dashboard/charts.py; a table on the page says the same."""
    return component(context, "chart", {"chart": drawing, "id": id})


@register.simple_tag(takes_context=True)
def figures(context: Context, table: Table, number: int) -> SafeString:
    """`{% figures table number %}`: a report's table with its files; `number` is its place among the report's."""
    return component(context, "figures", {"table": table, "number": number})


# --- the frame ---------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def navigation(context: Context, place: str = "rail") -> SafeString:
    """The rail or, with `place="phone"`, the bottom bar: what this person may open.

    Reads `nav` (the current page's key), `nav_counts` and `may` from the context.
    """
    counts = context.get("nav_counts") or {}
    may = context.get("may") or {}
    items = [
        {"item": item, "url": reverse(item.url_name), "is_current": item.key == context.get("nav"), "count": counts.get(item.key)}
        for item in NAVIGATION
        if may.get(item.needs, True)
    ]
    return component(context, "navigation" if place == "rail" else "bottom_bar", {"items": items})
