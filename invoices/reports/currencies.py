"""The currencies a ledger holds."""

from django.db import connection


def currencies_in_use(default: str) -> list[str]:
    """The currencies of invoices, the organization's own first and always there, the others by code."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT currency FROM invoices_invoice WHERE currency <> %s ORDER BY 1", [default])
        return [default, *(row[0] for row in cursor.fetchall())]
