"""News for the outside world, written in the business transaction.

Whoever hands events on (`notifications.webhooks`) connects as the outlet; whoever knows a subject says here how it is described.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from dunning.core.event_types import CATALOGUE, SUBJECTS
from dunning.core.models import Event
from dunning.core.prepared import ask
from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id_text

Outlet = Callable[[str, datetime], UUID | None]
"""Called with an event's type and moment in its transaction: the batch the event joins, or None when nobody asked for such events."""
Description = Callable[[Collection[UUID]], Mapping[UUID, Mapping[str, Any]]]
"""The fields of `SUBJECTS` for each of these ids, inside `tenant()`; ids it does not know are left out."""

KEPT_FOR: Final = timedelta(days=396)  # 13 months

_outlets: list[Outlet] = []
_descriptions: dict[str, Description] = {}

# Arrays, not instances: a load tells of hundreds of thousands of objects. An object's number is one more than its last event's, which its
# lock makes true; an object that was just written has no event yet.
_INSERT: Final = """
INSERT INTO core_event (id, organization_id, type, at, object_type, object_id, sequence, batch, payload)
SELECT entry.id, %(organization)s::uuid, %(type)s::text, %(now)s::timestamptz, %(subject)s::text, entry.object_id,
       COALESCE(last.sequence, 0) + 1, %(batch)s::uuid, %(payload)s::jsonb
FROM unnest(%(ids)s::uuid[], %(objects)s::uuid[]) AS entry (id, object_id)
LEFT JOIN LATERAL (
    SELECT e.sequence, e.type FROM core_event e
    WHERE NOT %(fresh)s::boolean AND e.organization_id = %(organization)s::uuid AND e.object_id = entry.object_id
    ORDER BY e.sequence DESC LIMIT 1
) AS last ON true
WHERE NOT (%(once)s::boolean AND last.type IS NOT DISTINCT FROM %(type)s::text)
"""


def connect_outlet(outlet: Outlet) -> None:
    """Have events handed on; asked once for each call of `emit`."""
    if outlet not in _outlets:
        _outlets.append(outlet)


def describe_by(subject: str, description: Description) -> None:
    """Say how a subject of the catalogue is described to the outside."""
    if subject not in SUBJECTS:
        raise ValueError(f"{subject} is no subject of the catalogue of events.")
    _descriptions[subject] = description


def describe(subject: str, ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """What is told of these objects as they are now, by id; inside `tenant()`."""
    return _descriptions[subject](ids) if ids else {}


def named(*fields: str) -> dict[str, str]:
    """Paths for `read_fields` of what is told under its own name."""
    return dict(zip(fields, fields, strict=True))


def read_fields(rows: QuerySet[Any], ids: Collection[UUID], paths: Mapping[str, str]) -> dict[UUID, dict[str, Any]]:
    """For each id what stands at these paths, under their words, in one query: most descriptions are no more than this."""
    found = rows.filter(pk__in=list(ids)).values_list("pk", *paths.values())
    return {row[0]: dict(zip(paths, row[1:], strict=True)) for row in found}


def described_subjects() -> Collection[str]:
    """The subjects somebody describes: all of them, once the applications are ready."""
    return _descriptions.keys()


def emit(
    *,
    type: str,
    object_type: str,
    object_ids: Sequence[UUID],
    now: datetime,
    payload: Mapping[str, Any] | None = None,
    fresh: bool = False,
    once: bool = False,
) -> None:
    """Write one event for each object, in the catalogue's words; webhooks hand them on after the commit.

    The objects are locked, or `fresh`: written by this transaction and never told of before, which spares looking. With `once` nothing is
    written for an object whose last event says the same: it came into a state, and still is in it. Raises ValueError for a type that is
    not in the catalogue, or is about something else.
    """
    known = CATALOGUE.get(type)
    if known is None or known.subject != object_type or not set(payload or ()) <= set(known.details):
        raise ValueError(f"The catalogue of events has no {type} about {object_type} with {sorted(payload or ())}.")
    objects = list(dict.fromkeys(object_ids))
    if not objects:
        return
    batch = next((found for outlet in _outlets if (found := outlet(type, now)) is not None), None)
    with connection.cursor() as cursor:
        ask(
            cursor,
            _INSERT,
            {
                "organization": current_organization_id(),
                "type": type,
                "now": now,
                "subject": object_type,
                "batch": batch,
                "payload": json.dumps(dict(payload or {}), cls=DjangoJSONEncoder),
                "ids": [new_id_text() for _ in objects],
                "objects": [str(object_id) for object_id in objects],
                "fresh": fresh,
                "once": once,
            },
        )


def forget(*, now: datetime) -> int:
    """Delete the open organization's events of more than 13 months ago; how many there were.

    The last event of an object stays, whatever its age: the next one's number and `once` follow from it.
    """
    until = now - KEPT_FOR
    old = Event.objects.filter(at__lt=until)
    # Events are written in the order of time, and an index knows that order: where the first younger one stands, the old ones end.
    first_kept = Event.objects.filter(at__gte=until).order_by("transaction", "pk").values_list("transaction", flat=True).first()
    if first_kept is not None:
        old = old.filter(transaction__lte=first_kept)
    later = Event.objects.filter(object_id=OuterRef("object_id"), sequence__gt=OuterRef("sequence"))
    return old.filter(Exists(later)).delete()[0]
