"""News for the outside world, written in the business transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from dunning.core.models import Event


def emit(*, type: str, object_type: str, object_ids: list[UUID], now: datetime, payload: dict[str, Any] | None = None) -> None:
    """Write one event per object (`type` such as "invoice.paid"); webhooks fan them out after the commit."""
    Event.objects.bulk_create(
        [Event(type=type, at=now, object_type=object_type, object_id=object_id, payload=payload or {}) for object_id in object_ids]
    )
