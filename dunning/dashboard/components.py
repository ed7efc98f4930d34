"""What the components of templates/components/ are fed with. Views build these; templates only lay them out."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened, or will. `on` None: nobody can say when; `at` adds the hour to a past entry.

    `tone` is a badge tone, `late-*` shortened to `late`.
    """

    on: dt.date | None
    title: str
    icon: str
    at: dt.datetime | None = None
    is_future: bool = False
    is_void: bool = False  # withdrawn, cancelled, skipped: struck through, kept readable
    tone: str = ""  # "", info, soon, late, settled
    summary: str = ""
    state: str = ""  # a value known to badges.LOOKS; shown as a badge with state_label
    state_label: str = ""
    amount: Decimal | None = None
    currency: str = "EUR"
    facts: Sequence[tuple[str, object]] = ()  # shown when expanded
    body_url: str = ""  # a fragment fetched when expanded: the exact message, its proof
    page_url: str = ""  # where the same can be read without JavaScript

    @property
    def opens(self) -> bool:
        """Whether there is more to read than its line."""
        return bool(self.facts or self.body_url)


@dataclass(frozen=True, slots=True)
class PlanMark:
    """One step on a plan's drawing. `day` counts from the due date, negative before it."""

    day: int
    title: str
    icon: str
    tone: str = ""  # "", info, soon, late
    url: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    url: str
    is_current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class NavigationItem:
    key: str
    label: str | Promise
    icon: str
    url_name: str
    on_phone: bool = field(default=False)  # in the bottom bar; the others are behind "More"
    needs: str = "view"  # the permission its page asks for


# The words of the rail. A page says which one it belongs to with `nav` in its context.
NAVIGATION: tuple[NavigationItem, ...] = (
    NavigationItem("today", _("Today"), "sunrise", "dashboard:today", on_phone=True, needs="see"),
    NavigationItem("invoices", _("Invoices"), "receipt", "dashboard:invoices", on_phone=True, needs="see"),
    NavigationItem("customers", _("Customers"), "users", "dashboard:customers", on_phone=True, needs="see"),
    NavigationItem("plans", _("Plans"), "milestone", "dashboard:plans"),
    NavigationItem("messages", _("Messages"), "mail", "dashboard:messages", on_phone=True, needs="see"),
    NavigationItem("payments", _("Payments"), "wallet", "dashboard:payments"),
    NavigationItem("reports", _("Reports"), "chart-column", "dashboard:reports"),
    NavigationItem("settings", _("Settings"), "settings", "dashboard:settings"),
)
