"""How amounts and days are written on the debtor's page, in the language in force."""

import datetime as dt
from decimal import Decimal

from django import template
from django.utils.translation import get_language

from dunning.core.money import format_date, format_money

register = template.Library()


def _language() -> str:
    return (get_language() or "en")[:2]


@register.filter
def money(value: Decimal, currency: str) -> str:
    """`1 840,25 €`"""
    return format_money(value, currency, _language())


@register.filter
def phone(value: str) -> str:
    """A telephone number as its owner writes it, never broken at the end of a line."""
    return value.replace(" ", "\u00a0")


@register.filter
def day(value: dt.date) -> str:
    """`1er octobre 2026`"""
    return format_date(value, _language())


@register.filter
def short_day(value: dt.date) -> str:
    """`01/10/2026`"""
    return format_date(value, _language(), "short")
