"""What was left to pay on any day, as SQL that reports and lists share (docs/reports.md, "On a past day").

Today is the ledger as it stands. A past day is worked out backwards from it: what was set against an item, or given up, with a value date
after that day was still owed then. What was corrected since is corrected in the past as well, and a cancelled invoice was never owed.
"""

# ruff: noqa: S608 - these texts are made of constants; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from dunning.core.calendars import is_target_day, roll_to_target
from invoices.measures.ageing import LIMITS, OLDEST

BILL: Final = "bill"
FACTORED: Final = "factored"

JOINED: Final = """invoices_installment i
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id"""
"""An item with its invoice and customer, as `i`, `v` and `c`."""

_ODD: Final = """LEFT JOIN invoices_invoice odd ON odd.organization_id = i.organization_id AND odd.id = i.invoice_id
      AND (odd.is_factored OR odd.state <> 'issued')"""
ORDINARY: Final = f"""invoices_installment i {_ODD}
JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id"""
"""An item and its customer, as `i` and `c`, for what asks of an invoice only whether it stands and who collects it: `odd` is the invoice
where it is assigned to a factor or not issued. An index holds these few (`invoice_odd`), and the others are not read."""
STANDS: Final = "(odd.state IS NULL OR odd.state = 'issued')"
"""Of `ORDINARY` and `Scope.standing`: whether the invoice is issued and not cancelled."""
IS_FACTORED: Final = "(coalesce(odd.is_factored, false) OR c.factor_name <> '')"
"""Of `ORDINARY`: whether the item is assigned to a factor, by its invoice or its customer."""

_APART: Final = f"CASE WHEN {{factored}} THEN '{FACTORED}' WHEN i.kind = 'bill' THEN '{BILL}' ELSE '' END"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report looks at: one currency, and the whole organization, or one group, or one customer."""

    currency: str
    group_id: UUID | None = None
    customer_id: UUID | None = None

    @property
    def condition(self) -> str:
        """As SQL on `v` and `c`, with the names of `values`."""
        return self._holds("v.currency", "c.id")

    @property
    def items(self) -> str:
        """SQL of items as `i` (with `c` where a group is looked at), for what asks nothing of their invoices; see `item_condition`."""
        return self._in_group("invoices_installment", "i")

    @property
    def standing(self) -> str:
        """`items` with `odd`, for what asks of an invoice only whether it stands (`STANDS`); see `item_condition`."""
        return f"{self.items} {_ODD}"

    @property
    def invoices(self) -> str:
        """SQL of invoices as `v` (with `c` where a group is looked at); see `invoice_condition`."""
        return self._in_group("invoices_invoice", "v")

    @property
    def item_condition(self) -> str:
        """As SQL on `items`, and on `ORDINARY`."""
        return self._holds("i.currency", "i.customer_id")

    @property
    def invoice_condition(self) -> str:
        """As SQL on `invoices`."""
        return self._holds("v.currency", "v.customer_id")

    def _in_group(self, table: str, name: str) -> str:
        if self.group_id is None:
            return f"{table} {name}"
        return f"{table} {name} JOIN customers_customer c ON c.organization_id = {name}.organization_id AND c.id = {name}.customer_id"

    def _holds(self, currency: str, customer: str) -> str:
        parts = [f"{currency} = %(currency)s"]
        if self.group_id is not None:
            parts.append("c.group_id = %(group)s")
        if self.customer_id is not None:
            parts.append(f"{customer} = %(customer)s")
        return " AND ".join(parts)

    @property
    def values(self) -> Mapping[str, Any]:
        return {"currency": self.currency, "group": self.group_id, "customer": self.customer_id}


def moves(condition: str) -> str:
    """SQL of what reduced items - (installment_id, value_on, amount, is_payment) - where `condition` holds of its day, `value_on`."""
    return f"""SELECT installment_id, value_on, amount, payment_id IS NOT NULL AS is_payment
    FROM invoices_allocation WHERE reversed_at IS NULL AND {condition}
    UNION ALL
    SELECT installment_id, written_off_on, amount, false
    FROM invoices_writeoff WHERE reversed_at IS NULL AND {condition.replace("value_on", "written_off_on")}"""


def owed(scope: Scope, *, as_of: date, today: date) -> str:
    """SQL of the items open on `as_of`: (id, invoice_id, customer_id, due_on, amount left then, apart).

    `apart` is FACTORED, BILL or "". Its parameters are `scope.values` and `as_of`.
    """
    columns = f"i.id, i.invoice_id, i.customer_id, i.due_on, {{amount}} AS amount, {_APART} AS apart"
    if as_of >= today:
        return f"""SELECT {columns.format(amount="i.outstanding", factored=IS_FACTORED)}
FROM {ORDINARY} WHERE i.outstanding > 0 AND {STANDS} AND {scope.item_condition}"""
    then = columns.format(amount="i.outstanding + coalesce(later.amount, 0)", factored="v.is_factored OR c.factor_name <> ''")
    return f"""SELECT {then}
FROM {JOINED}
LEFT JOIN (SELECT installment_id, sum(amount) AS amount FROM ({moves("value_on > %(as_of)s")}) m GROUP BY 1) later
       ON later.installment_id = i.id
WHERE (i.outstanding > 0 OR later.amount IS NOT NULL) AND v.state = 'issued' AND v.issued_on <= %(as_of)s AND {scope.condition}"""


def bucket(days_late: str) -> str:
    """SQL of the aged balance's column, from SQL of the days past the due date."""
    cases = " ".join(f"WHEN {days_late} <= {limit} THEN '{label}'" for limit, label in LIMITS)
    return f"CASE {cases} ELSE '{OLDEST}' END"


@lru_cache(maxsize=64)  # the same two years are asked for with every payment
def closed_days(first: date, last: date) -> Mapping[str, list[date]]:
    """The days from first to last on which banks are closed, and the day each is rolled to: parameters `closed` and `opens`."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    closed = [day for day in days if not is_target_day(day)]
    return {"closed": closed, "opens": [roll_to_target(day) for day in closed]}


ROLLED: Final = "LEFT JOIN unnest(%(closed)s::date[], %(opens)s::date[]) k (day, opens) ON k.day = i.due_on"
"""Joins `k`: `coalesce(k.opens, i.due_on)` is the due date rolled to a day on which banks are open."""
