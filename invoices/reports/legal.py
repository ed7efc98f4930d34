"""The table of late invoices issued, as companies with a statutory auditor publish it (code de commerce, L441-14, D441-6 I 2°)."""

# ruff: noqa: S608 - the texts are made of constants; every value is a parameter

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import connection

from invoices.measures.ageing import Cell, share
from invoices.measures.collection import Lack, Measure, Missing
from invoices.owed import FACTORED, Scope, bucket, owed
from invoices.reports.disputes import OPEN_ON
from invoices.reports.rows import Rows
from invoices.reports.sales import month_end, months_before, sales

DUE_TODAY: Final = "0"
BANDS: Final = (DUE_TODAY, "1-30", "31-60", "61-90", "90+")
LATE_BANDS: Final = BANDS[1:]
DISPUTED: Final = "disputed"
YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class LateInvoices:
    """At closing: the invoices unpaid and due by delay (`bands`, of BANDS; `late` is 1 day and more), what is left out and disclosed
    (contested, assigned to a factor), and the sales of the year, incl. VAT. A cell counts invoices, not instalments."""

    bands: Mapping[str, Cell]
    late: Cell
    disputed: Cell
    factored: Cell
    sales: Measure

    def share(self, cell: Cell) -> Measure:
        """A cell in per cent of the sales of the year."""
        if isinstance(self.sales, Missing):
            return self.sales
        found = share(cell.amount, self.sales)
        return Missing(Lack.NO_SALES) if found is None else found


def late_rows(scope: Scope, *, closing: date, today: date) -> Rows:
    """The items due by `closing` and unpaid then, on the line of their delay; contested and factored ones on lines of their own."""
    late = bucket("%(as_of)s - o.due_on")
    sql = f"""
SELECT o.id, CASE WHEN EXISTS (SELECT 1 FROM invoices_dispute d WHERE d.installment_id = o.id AND {OPEN_ON}) THEN '{DISPUTED}'
                  WHEN o.apart = '{FACTORED}' THEN '{FACTORED}' WHEN o.due_on = %(as_of)s THEN '{DUE_TODAY}' ELSE {late} END, o.amount
FROM ({owed(scope, as_of=closing, today=today)}) o WHERE o.due_on <= %(as_of)s"""
    return Rows(sql, {**scope.values, "as_of": closing})


def late_invoices(scope: Scope, *, closing: date, today: date) -> LateInvoices:
    """The table at `closing`; the year is the twelve months that end with that month."""
    rows = late_rows(scope, closing=closing, today=today)
    sql = f"""
SELECT CASE WHEN GROUPING(line) = 1 THEN 'late' ELSE line END, count(DISTINCT i.invoice_id), sum(counted.amount)
FROM ({rows.sql}) counted (id, line, amount) JOIN invoices_installment i ON i.id = counted.id
GROUP BY GROUPING SETS ((line), ((line = ANY(%(late)s))))
HAVING GROUPING(line) = 0 OR (line = ANY(%(late)s))"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {**rows.values, "late": list(LATE_BANDS)})
        cells = {line: Cell(count, amount) for line, count, amount in cursor.fetchall()}
    nothing = Cell()
    return LateInvoices(
        bands={band: cells.get(band, nothing) for band in BANDS},
        late=cells.get("late", nothing),
        disputed=cells.get(DISPUTED, nothing),
        factored=cells.get(FACTORED, nothing),
        sales=_sales_of_year(scope, closing),
    )


def _sales_of_year(scope: Scope, closing: date) -> Measure:
    last = closing if closing == month_end(closing) else closing.replace(day=1) - timedelta(days=1)  # sales are stated by whole months
    found = sales(scope, months=months_before(last, YEAR))
    unknown = tuple(month.month for month in found if month.amount is None)
    if unknown:
        return Missing(Lack.SALES, unknown)
    total = sum((month.amount for month in found if month.amount is not None), start=found[0].invoiced - found[0].invoiced)
    return total if total > 0 else Missing(Lack.NO_SALES)
