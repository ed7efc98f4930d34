"""The currencies a ledger holds."""

from typing import Final

from django.db import connection

from dunning.core.prepared import ask

# From one to the next in the index `invoice_by_currency`: DISTINCT would read every invoice.
_CURRENCIES: Final = """
WITH RECURSIVE used AS (
    (SELECT currency FROM invoices_invoice ORDER BY currency LIMIT 1)
    UNION ALL
    SELECT (SELECT v.currency FROM invoices_invoice v WHERE v.currency > used.currency ORDER BY v.currency LIMIT 1)
    FROM used WHERE used.currency IS NOT NULL)
SELECT currency FROM used WHERE currency IS NOT NULL
"""


def currencies_in_use(default: str) -> list[str]:
    """The currencies of invoices, the organization's own first and always there, the others by code."""
    with connection.cursor() as cursor:
        ask(cursor, _CURRENCIES)
        return [default, *(code for (code,) in cursor.fetchall() if code != default)]
