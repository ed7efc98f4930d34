"""The copies of invoices that go with what is written: which are here, and which of them are attached."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from dunning.core.enums import PAPER_CHANNELS, Channel
from invoices.models import Invoice
from scenarios.claims import claimed_lines
from scenarios.statement import Line
from scenarios.wording import Account

MOST_COPIES: Final = 5  # an e-mail attaches up to five invoices


def copies_of(kept: tuple[tuple[UUID, str], ...], channel: str) -> tuple[tuple[UUID, str], ...]:
    """Those of `copies_kept` to attach: all behind a letter, up to five with an e-mail, none with a text message."""
    if channel in PAPER_CHANNELS or (channel != Channel.SMS and len(kept) <= MOST_COPIES):
        return kept
    return ()


def copies_kept(account: Account, lines: Sequence[Line]) -> tuple[tuple[UUID, str], ...]:
    """(document id, file name) of each claimed invoice whose copy is here."""
    copies: list[tuple[UUID, str]] = []
    for line in claimed_lines(lines):
        invoice = account.invoices[line.invoice_id]
        if invoice.document_id and all(invoice.document_id != known for known, _ in copies):
            copies.append((invoice.document_id, copy_name(invoice, account.language)))
    return tuple(copies)


def copy_name(invoice: Invoice, language: str) -> str:
    """Facture-FA-2026-00042.pdf"""
    word = "Facture" if language == "fr" else "Invoice"
    return f"{word}-{''.join(char if char.isalnum() or char in '-_.' else '-' for char in invoice.number)}.pdf"


def missing_copies(account: Account, lines: Sequence[Line]) -> list[str]:
    """Numbers of claimed invoices whose copy is not there: a registered letter waits for it."""
    claimed = {line.invoice_id for line in claimed_lines(lines)}
    return sorted(account.invoices[pk].number for pk in claimed if not account.invoices[pk].document_id)
