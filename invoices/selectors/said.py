"""What debtors said about items, and whether anything about them changed since somebody looked."""

import hashlib
import json
from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count

from dunning.core.rows import columns_of, read_rows
from invoices.enums import PromiseState
from invoices.models import DebtorAct, Promise

BROKEN_BEFORE_REFUSAL: Final = 2
"""After as many broken promises the debtor's page takes no more."""

# Whatever a debtor's answer is about: what is left, the last thing said, what is open.
_STATE: Final = """
SELECT i.id::text, i.outstanding::text,
       (SELECT max(a.id::text) FROM invoices_debtoract a WHERE a.organization_id = i.organization_id AND a.installment_id = i.id),
       (SELECT count(a.undone_at) FROM invoices_debtoract a WHERE a.organization_id = i.organization_id AND a.installment_id = i.id),
       (SELECT max(d.id::text) FROM invoices_dispute d
        WHERE d.organization_id = i.organization_id AND d.installment_id = i.id AND d.state = 'open'),
       (SELECT max(p.id::text) FROM invoices_promise p
        WHERE p.organization_id = i.organization_id AND p.installment_id = i.id AND p.state = 'open')
FROM invoices_installment i WHERE i.id = ANY(%s::uuid[]) ORDER BY i.id
"""
_LAST: Final = (
    f"SELECT DISTINCT ON (installment_id) {columns_of(DebtorAct)} FROM invoices_debtoract"  # noqa: S608 - made of column names
    " WHERE installment_id = ANY(%s::uuid[]) AND undone_at IS NULL ORDER BY installment_id, at DESC, id DESC"
)


def state_of(installment_ids: Collection[UUID]) -> str:
    """A short name of where these items stand: another one when money came, or anybody said anything, since it was taken."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [list(installment_ids)])
        rows = cursor.fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:22]


def last_sayings(installment_ids: Collection[UUID]) -> dict[UUID, DebtorAct]:
    """The latest valid act about each of these items."""
    acts = read_rows(DebtorAct, _LAST, [list(installment_ids)])
    return {act.installment_id: act for act in acts if act.installment_id is not None}


def takes_no_promise(customer_ids: Collection[UUID]) -> bool:
    """Whether one of these customers broke so many promises that it makes the next one by telephone (rule 7)."""
    broken = Promise.objects.filter(customer__in=list(customer_ids), state=PromiseState.BROKEN).order_by()
    counts = broken.values("customer").annotate(count=Count("pk")).values_list("count", flat=True)
    return any(count >= BROKEN_BEFORE_REFUSAL for count in counts)
