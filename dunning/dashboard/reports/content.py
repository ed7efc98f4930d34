"""What a report's page is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from babel.numbers import format_compact_currency
from django.utils.functional import Promise

from dunning.dashboard import formatting
from dunning.dashboard.charts import Drawing
from dunning.dashboard.reports.filters import Filters
from dunning.dashboard.reports.tables import Plain, Table, worded


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure at the head of the page, in words, and where it leads."""

    label: str
    value: str
    hint: str = ""
    tone: str = ""
    href: str = ""


@dataclass(frozen=True)
class Content:
    """Figures, a drawing with the table that says the same (the first), more tables; `empty` teaches where there is nothing to show.

    `lacks_sales`: a figure needs sales that a person may state.
    """

    figures: Sequence[Figure] = ()
    drawing: Drawing | None = None
    tables: Sequence[Table] = ()
    notes: Sequence[str] = field(default=())
    empty: str = ""
    lacks_sales: bool = False


@dataclass(frozen=True)
class Report:
    """A page of its own under `key`. `question` is what it answers, `definition` how; `uses` are the filters it reads."""

    key: str
    name: str | Promise
    question: str | Promise
    definition: Sequence[str | Promise]
    uses: frozenset[str]
    build: Callable[[Filters], Content]
    icon: str = "chart-column"


def amount(value: Decimal, filters: Filters) -> str:
    return formatting.money(value, filters.currency)


def measure(value: Plain, kind: str, filters: Filters) -> str:
    """A measure in words, short enough for a figure: a dash where there is none."""
    return "–" if value is None or not isinstance(value, Decimal | int) else worded(value, kind, filters.currency)


def short_money(currency: str) -> Callable[[Decimal], str]:
    """Writes amounts for a scale: `120 k €`."""
    locale = {"fr": "fr_FR", "en": "en_GB"}[formatting.language()]
    return lambda value: str(format_compact_currency(value, currency, locale=locale, fraction_digits=1))


def short_number(value: Decimal) -> str:
    return formatting.number(value)


def short_percent(value: Decimal) -> str:
    return worded(value.quantize(Decimal(1)), "percent", "").replace(",00", "").replace(".00", "")
