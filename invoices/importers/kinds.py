"""The kinds of file that can be loaded on screen, and which of them a heading speaks of."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from invoices.enums import ImportKind
from invoices.importers.customers import CustomerLoader
from invoices.importers.installments import InstallmentLoader
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.mapping import Field, guess, recogniser
from invoices.importers.open_items import Choices, OpenItemsLoader
from invoices.importers.payments import PaymentLoader
from invoices.importers.session import Loader

FIELDS: Final[dict[str, tuple[Field, ...]]] = {
    loader.kind: loader.fields for loader in (OpenItemsLoader, InvoiceLoader, CustomerLoader, PaymentLoader, InstallmentLoader)
}
"""Fields of each kind; the first kind is the one a person is offered first."""
CERTIFYING: Final = frozenset({ImportKind.OPEN_ITEMS.value, ImportKind.PAYMENTS.value})
"""Kinds whose load says through which day receipts are complete (rule 8)."""
_PLAIN: Final[dict[str, Callable[[], Loader]]] = {
    ImportKind.CUSTOMERS: CustomerLoader,
    ImportKind.INVOICES: InvoiceLoader,
    ImportKind.INSTALLMENTS: InstallmentLoader,
}
AMOUNTS: Final = ("debit", "credit", "balance")
"""A snapshot has at least one of them."""

known_anywhere: Final = recogniser([field for fields in FIELDS.values() for field in fields], {}, {})
"""A counter of headings known to any kind."""


def loader_of(
    kind: str,
    *,
    control_total: Decimal | None = None,
    apply_settled: bool = False,
    ledger_through: date | None = None,
) -> Loader:
    """What loads a file of this kind. Without `ledger_through` the load says nothing about receipts. Raises KeyError."""
    if kind == ImportKind.OPEN_ITEMS:
        certify = ledger_through is not None
        return OpenItemsLoader(
            Choices(control_total=control_total, apply_settled=apply_settled, ledger_through=ledger_through, certify=certify)
        )
    if kind == ImportKind.PAYMENTS:
        return PaymentLoader(ledger_through, certify=ledger_through is not None)
    return _PLAIN[kind]()


def recognise_kind(heading: Sequence[str]) -> str:
    """The kind whose columns are all there, by the number of columns it knows; "" when none is complete.

    Between an invoice file and a snapshot that know as many, debit, credit and balance decide.
    """
    scores: dict[str, tuple[int, bool]] = {}
    for kind, fields in FIELDS.items():
        found = guess(heading, fields, explicit={}, remembered={})
        snapshot = kind == ImportKind.OPEN_ITEMS
        if not found.missing and (not snapshot or set(AMOUNTS) & found.index.keys()):
            scores[kind] = len(found.index), not snapshot
    return max(scores, key=lambda kind: scores[kind], default="")
