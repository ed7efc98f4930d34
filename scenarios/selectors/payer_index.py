"""The payer index of one customer, explained line by line: worked out from scratch by the formula itself, not read from what is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from invoices.payer_index import PayerIndex, payer_index, window_start
from invoices.selectors.payer_index import payer_evidence
from scenarios.payer_indexes import REMINDED


@dataclass(frozen=True, slots=True)
class ExplainedIndex:
    """The index with its lines, in one currency; `invoices` gives the ids of the invoices they name, `others` the currencies left out."""

    index: PayerIndex
    currency: str
    invoices: Mapping[str, UUID]
    others: tuple[str, ...]


def explained_index(customer_id: UUID, *, today: date) -> ExplainedIndex | None:
    """The index of a customer on `today`, in five queries; None of one who never paid and owes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{REMINDED} AND i.customer_id = %s",
            [customer_id],
        )
        reminded = {row[0] for row in cursor.fetchall()}
    evidence = payer_evidence(customer_id, since=window_start(today), today=today, reminded=reminded)
    if not evidence:
        return None
    first, *others = evidence
    found = payer_index(first.experiences, today=today, broken_promises=first.broken_promises)
    return ExplainedIndex(found, first.currency, first.invoices, tuple(one.currency for one in others))
