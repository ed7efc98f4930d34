"""Learning payers' habits: what the cash forecast rests on is kept, for it takes a look at a year of payments."""

from datetime import date, timedelta
from typing import Final

from dunning.core.selectors import get_profile
from invoices.models import LearntHabits
from invoices.reports.currencies import currencies_in_use
from invoices.reports.habits import learn

EVERY_DAYS: Final = 7
"""Habits of a year do not change overnight."""


def learn_habits(*, today: date) -> int:
    """Learn again in each currency in which that was not done for a week; in how many it was done now. Nothing but habits changes."""
    fresh = LearntHabits.objects.filter(learnt_on__gt=today - timedelta(days=EVERY_DAYS), learnt_on__lte=today)
    known = set(fresh.values_list("currency", flat=True))
    due = [currency for currency in currencies_in_use(get_profile().default_currency) if currency not in known]
    for currency in due:
        found = learn(currency, today)
        LearntHabits.objects.update_or_create(currency=currency, defaults={"learnt_on": today, "content": found.as_json()})
    return len(due)
