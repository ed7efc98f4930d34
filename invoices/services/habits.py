"""Payers' habits: what the cash forecast rests on, and the habits of good payers that plans wait for (rule 13) until a person says no."""

# ruff: noqa: S608 - the text is made of constants; every value is a parameter

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from customers.signals import customer_changed
from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.selectors import get_profile
from dunning.core.tenancy import current_organization_id
from invoices.currencies import currencies_in_use
from invoices.habits import ABOUT, FEWEST_STEADY, LATEST_USUAL, WINDOW_DAYS
from invoices.models import HabitSetAside, LearntHabits, PayerHabit
from invoices.reports.habits import learn

EVERY_DAYS: Final = 7
"""Habits of a year do not change overnight."""

# What `invoices.habits.steady_habit` says of every customer and currency; tests hold the two together. Rows are written in the order of
# customers, which is the order of locks.
_REFRESH: Final = f"""
WITH paid AS MATERIALIZED (
    SELECT i.customer_id, v.currency, i.settled_on, i.settled_on - i.due_on AS days, i.amount
    FROM invoices_installment i
    JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
    JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id
    WHERE i.outstanding = 0 AND i.settled_on > %(since)s AND i.settled_on <= %(today)s AND i.kind = 'normal' AND v.state = 'issued'
      AND NOT v.is_factored AND c.factor_name = ''
      AND NOT EXISTS (SELECT 1 FROM invoices_allocation a WHERE a.organization_id = i.organization_id AND a.installment_id = i.id
                      AND a.credit_note_id IS NOT NULL AND a.reversed_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM invoices_writeoff w WHERE w.organization_id = i.organization_id AND w.installment_id = i.id
                      AND w.reversed_at IS NULL)
), usual AS (
    SELECT customer_id, currency, count(*) AS paid, percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS days,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS amount
    FROM paid GROUP BY 1, 2 HAVING count(*) >= {FEWEST_STEADY}
), found AS (
    SELECT u.customer_id, u.currency, u.days, u.amount, count(*) AS items, u.paid, min(p.settled_on) AS first_on,
           max(p.settled_on) AS latest_on
    FROM usual u JOIN paid p ON p.customer_id = u.customer_id AND p.currency = u.currency AND abs(p.days - u.days) <= {ABOUT}
    WHERE u.days BETWEEN 1 AND {LATEST_USUAL}
    GROUP BY 1, 2, 3, 4, 6 HAVING count(*) >= {FEWEST_STEADY} AND count(*) * 2 > u.paid
), gone AS (
    DELETE FROM invoices_payerhabit h
    WHERE NOT EXISTS (SELECT 1 FROM found WHERE found.customer_id = h.customer_id AND found.currency = h.currency)
)
INSERT INTO invoices_payerhabit AS known
    (id, organization_id, customer_id, currency, days, usual_amount, items, paid, first_on, latest_on, found_on)
SELECT gen_random_uuid(), %(organization)s, customer_id, currency, days, amount, items, paid, first_on, latest_on, %(today)s
FROM found ORDER BY customer_id, currency
ON CONFLICT (organization_id, customer_id, currency) DO UPDATE
    SET days = excluded.days, usual_amount = excluded.usual_amount, items = excluded.items, paid = excluded.paid,
        first_on = excluded.first_on, latest_on = excluded.latest_on,
        found_on = CASE WHEN known.days <> excluded.days THEN excluded.found_on ELSE known.found_on END
    WHERE (known.days, known.usual_amount, known.items, known.paid, known.first_on, known.latest_on)
       IS DISTINCT FROM (excluded.days, excluded.usual_amount, excluded.items, excluded.paid, excluded.first_on, excluded.latest_on)
"""


def learn_habits(*, today: date) -> int:
    """Learn again in each currency in which that was not done for a week; in how many it was done now. Nothing but habits changes."""
    fresh = LearntHabits.objects.filter(learnt_on__gt=today - timedelta(days=EVERY_DAYS), learnt_on__lte=today)
    known = set(fresh.values_list("currency", flat=True))
    due = [currency for currency in currencies_in_use(get_profile().default_currency) if currency not in known]
    for currency in due:
        found = learn(currency, today)
        LearntHabits.objects.update_or_create(currency=currency, defaults={"learnt_on": today, "content": found.as_json()})
    return len(due)


def find_good_payers(*, today: date) -> int:
    """Bring every customer's good habit up to date by the year of payments before `today`, in one statement; how many rows it wrote.

    Nothing is locked. Habits that a person set aside are found as well: setting them aside outlives them.
    """
    values: dict[str, Any] = {"since": today - timedelta(days=WINDOW_DAYS), "today": today, "organization": current_organization_id()}
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, values)
        return int(cursor.rowcount)


def set_habit_aside(*, customer: Customer, reason: str, actor: str, today: date, now: datetime) -> HabitSetAside:
    """From now on nobody waits for this customer's habit, in any currency, until it is counted on again; the plan's own days apply.

    Raises DomainError without a reason, without a habit, or when it is set aside already.
    """
    reason = reason.strip()[:300]
    if not reason:
        raise DomainError(_("Say why this habit is not to be counted on."), code="required", field="reason")
    locked = lock_customers([customer.pk])[customer.pk]
    habits = list(PayerHabit.objects.filter(customer=locked).order_by("currency"))
    if not habits:
        raise DomainError(_("No habit is counted on for this customer."), code="no_habit")
    if HabitSetAside.objects.filter(customer=locked, lifted_at=None).exists():
        raise DomainError(_("This habit is set aside already."), code="already_set_aside")
    aside = HabitSetAside.objects.create(customer=locked, reason=reason, set_aside_on=today, set_aside_by=actor[:120])
    body = {"reason": reason, "habits": {habit.currency: habit.days for habit in habits}}
    audit.record(actor=actor, action="customer.habit_set_aside", target=locked, body=body, now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason="habit", today=today, now=now)
    return aside


def count_on_habit(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """Undo `set_habit_aside`: what payments tell is waited for again, from the next decision on.

    Raises DomainError when nothing is set aside.
    """
    locked = lock_customers([customer.pk])[customer.pk]
    changed = HabitSetAside.objects.filter(customer=locked, lifted_at=None).update(lifted_at=now, lifted_by=actor[:120])
    if not changed:
        raise DomainError(_("Nothing is set aside for this customer."), code="not_set_aside")
    audit.record(actor=actor, action="customer.habit_counted_on", target=locked, now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason="habit", today=today, now=now)
