"""What a load leaves so that it can be taken back on the same day: the ids of what it made, where nothing else remembers them."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice
from uuid import UUID

from django.db import connection

from dunning.core.tenancy import current_organization_id
from invoices.enums import TraceKind
from invoices.importers.staging import CHUNK, new_key
from invoices.models import ImportBatch, ImportTrace

_INSERT = """
INSERT INTO invoices_importtrace (id, organization_id, batch_id, kind, object_id, before_id, "on")
SELECT trace.id, %s, %s, %s, trace.object_id, trace.before_id, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS trace (id, object_id, before_id)
"""


def leave_traces(
    batch: ImportBatch, kind: TraceKind, ids: Iterable[UUID], *, on: date, before: Mapping[UUID, UUID | None] | None = None
) -> None:
    """Remember that the load `batch` of that day made these objects, or gave them something instead of `before`."""
    waiting = iter(ids)
    while part := [str(identifier) for identifier in islice(waiting, CHUNK)]:
        earlier = [str(found) if before and (found := before.get(UUID(identifier))) else None for identifier in part]
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [current_organization_id(), batch.pk, kind.value, on, [new_key() for _ in part], part, earlier])


def forget_traces(*, today: date) -> None:
    """Traces of earlier days serve nobody any more."""
    ImportTrace.objects.filter(on__lt=today).delete()
