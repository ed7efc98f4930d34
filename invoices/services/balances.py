"""What is left to pay, and the news that it changed.

`outstanding` is never added to or taken from: it is computed again from the rows that settle the instalment, by the database, under its
lock. A CHECK constraint refuses what a mistake here would write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from customers.models import Customer
from customers.signals import customer_changed
from dunning.core import events
from invoices.models import Installment
from invoices.signals import invoices_changed, invoices_settled

_REFRESH = """
WITH settling AS (
    SELECT part.installment_id, SUM(part.amount) AS amount, MAX(part.value_on) AS last_on
    FROM (
        SELECT installment_id, amount, value_on FROM invoices_allocation
        WHERE installment_id = ANY(%(ids)s) AND reversed_at IS NULL
        UNION ALL
        SELECT installment_id, amount, written_off_on FROM invoices_writeoff
        WHERE installment_id = ANY(%(ids)s) AND reversed_at IS NULL
    ) AS part
    GROUP BY part.installment_id
), truth AS (
    SELECT item.id, item.outstanding AS before, item.amount - COALESCE(settling.amount, 0) AS outstanding,
        CASE WHEN item.amount = settling.amount THEN settling.last_on END AS settled_on
    FROM invoices_installment AS item LEFT JOIN settling ON settling.installment_id = item.id
    WHERE item.id = ANY(%(ids)s)
)
UPDATE invoices_installment AS item SET outstanding = truth.outstanding, settled_on = truth.settled_on
FROM truth WHERE item.id = truth.id
RETURNING item.id, truth.before, item.outstanding, item.settled_on
"""

_REFRESH_SOURCES = """
UPDATE {table} AS source SET unallocated = source.{total} - COALESCE(
    (SELECT SUM(part.amount) FROM invoices_allocation AS part WHERE part.{column} = source.id AND part.reversed_at IS NULL), 0)
WHERE source.id = ANY(%s)
"""


# The invoices of some instalments: which of their parts are still open, which of them were named, and how many there are.
_PARTS = """
SELECT part.invoice_id, array_remove(array_agg(CASE WHEN part.outstanding > 0 THEN part.id END), NULL),
    array_remove(array_agg(CASE WHEN part.id = ANY(%(ids)s) THEN part.id END), NULL), count(*)
FROM invoices_installment AS part
WHERE part.invoice_id IN (SELECT named.invoice_id FROM invoices_installment AS named WHERE named.id = ANY(%(ids)s))
GROUP BY part.invoice_id ORDER BY part.invoice_id
"""
CANCELLED = "cancelled"
"""The reason for which an invoice that was issued by mistake is closed."""


@dataclass(frozen=True, slots=True)
class Balances:
    """What a refresh found: instalments just settled, those open again, and those that changed and are still open."""

    settled: list[UUID]
    reopened: list[UUID]
    open: list[UUID]

    @property
    def changed(self) -> list[UUID]:
        return [*self.settled, *self.open]


def refresh(installments: dict[UUID, Installment], *, payment_ids: Iterable[UUID] = (), credit_note_ids: Iterable[UUID] = ()) -> Balances:
    """Compute again what is left to pay on these locked instalments, and what is left to allocate of these locked sources.

    The instances are brought up to date. Callers have checked the amounts: a total above the instalment's amount raises IntegrityError.
    """
    settled, reopened, still_open = [], [], []
    with connection.cursor() as cursor:
        if installments:
            cursor.execute(_REFRESH, {"ids": list(installments)})
            for identifier, before, outstanding, settled_on in sorted(cursor.fetchall()):
                row = installments[identifier]
                row.outstanding, row.settled_on = outstanding, settled_on
                if outstanding == before:
                    continue
                if outstanding == 0:
                    settled.append(identifier)
                    continue
                still_open.append(identifier)
                if before == 0:
                    reopened.append(identifier)
        for ids, table, column, total in (
            (list(payment_ids), "invoices_payment", "payment_id", "amount"),
            (list(credit_note_ids), "invoices_invoice", "credit_note_id", "gross"),
        ):
            if ids:
                cursor.execute(_REFRESH_SOURCES.format(table=table, column=column, total=total), [ids])
    return Balances(settled, reopened, still_open)


def announce(balances: Balances, *, reason: str, today: date, now: datetime) -> None:
    """Tell the floors above and the outside world which instalments are settled, and which changed for `reason`."""
    if balances.changed and reason != CANCELLED:  # what was cancelled says so itself
        _tell_outstanding(balances, reason, now)
    if balances.settled:
        invoices_settled.send(sender=Installment, installment_ids=balances.settled, today=today, now=now)
    announce_change(balances.open, reason=reason, today=today, now=now)


def _tell_outstanding(balances: Balances, reason: str, now: datetime) -> None:
    """For the outside world, by invoice: nothing is left, something is, something is again. One instalment of several by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"ids": balances.changed})
        rows = cursor.fetchall()
    reopened, settled = set(balances.reopened), set(balances.settled)
    paid, again, changed, parts = [], [], [], []
    for invoice_id, still_open, touched, count in rows:
        if not still_open:
            paid.append(invoice_id)
        elif set(still_open) <= reopened:
            again.append(invoice_id)
        else:
            changed.append(invoice_id)
        if count > 1:
            parts += [pk for pk in touched if pk in settled]
    told = (("invoice.paid", paid), ("invoice.reopened", again), ("invoice.outstanding_changed", changed))
    for type_, ids in told:
        events.emit(type=type_, object_type="invoice", object_ids=ids, now=now, payload={"reason": reason})
    events.emit(type="installment.settled", object_type="installment", object_ids=parts, now=now, payload={"reason": reason})


def tell_changed(invoice_ids: Sequence[UUID], what: Sequence[str], *, now: datetime) -> None:
    """Tell the outside world that these fields of these locked invoices changed."""
    events.emit(type="invoice.changed", object_type="invoice", object_ids=invoice_ids, now=now, payload={"what": list(what)})


def announce_credit(customer_ids: Iterable[UUID], *, today: date, now: datetime) -> None:
    """Tell the floors above that these customers' unallocated money changed: what they owe net did too."""
    ids = sorted(customer_ids)
    if ids:
        customer_changed.send(sender=Customer, customer_ids=ids, reason="credit", today=today, now=now)


def announce_change(installment_ids: Sequence[UUID], *, reason: str, today: date, now: datetime) -> None:
    """Tell the floors above that something about these instalments changed."""
    if installment_ids:
        invoices_changed.send(sender=Installment, installment_ids=list(installment_ids), reason=reason, today=today, now=now)
