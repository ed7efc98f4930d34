"""News for the outside world, written in the business transaction."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id


def emit(*, type: str, object_type: str, object_ids: list[UUID], now: datetime, payload: dict[str, Any] | None = None) -> None:
    """Write one event per object (`type` such as "invoice.paid"); webhooks fan them out after the commit."""
    if not object_ids:
        return
    with connection.cursor() as cursor:  # arrays, not instances: a load tells of hundreds of thousands of objects
        cursor.execute(
            "INSERT INTO core_event (id, organization_id, type, at, object_type, object_id, payload) "
            "SELECT entry.id, %s, %s, %s, %s, entry.object_id, %s::jsonb FROM unnest(%s::uuid[], %s::uuid[]) AS entry (id, object_id)",
            [
                current_organization_id(),
                type,
                now,
                object_type,
                json.dumps(payload or {}, cls=DjangoJSONEncoder),
                [str(new_id()) for _ in object_ids],
                [str(object_id) for object_id in object_ids],
            ],
        )
