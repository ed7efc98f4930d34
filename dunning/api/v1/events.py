"""The event log: what happened, in an order in which a reader who goes on from its last cursor misses nothing."""

from uuid import UUID

from django.db.models import BigIntegerField, Func, QuerySet, TextField
from django.db.models.functions import Cast

from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Moment, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Shape
from dunning.api.tables import Filter, Table
from dunning.core.event_types import CATALOGUE, SUBJECTS
from dunning.core.models import Event


class EventRow(Shape):
    """Something happened to an object."""

    class Meta:
        model = Event
        columns = {
            "id": "",
            "type": "Such as `invoice.created`.",
            "at": "",
            "object_type": "",
            "object_id": "",
            "sequence": "Counts the events of one object.",
            "payload": "What else there is to say.",
        }


def settled() -> QuerySet[Event]:
    """Events that no event of a transaction still open can come before: behind the oldest of them, nothing is shown yet."""
    oldest_open = Func(Func(function="pg_current_snapshot"), function="pg_snapshot_xmin")
    return Event.objects.filter(transaction__lt=Cast(Cast(oldest_open, TextField()), BigIntegerField()))


EVENTS = Table(
    name="event",
    shape=EventRow,
    rows=settled,
    filters={
        "type": Filter(Word(list(CATALOGUE)), "type"),
        "object_type": Filter(Word(list(SUBJECTS)), "object_type"),
        "object_id": Filter(Uid(), "object_id"),
        "since": Filter(Moment(), "at__gte"),
    },
    order={"position": "transaction"},
    newest_first=False,
    is_log=True,
)


class Events(Endpoint):
    resource = "events"

    @operation("listEvents", "List events", lists=EVENTS)
    def get(self, call: Call) -> Answer:
        """In the order in which they became certain: ask again with the last `resume_cursor` you were given, and none is missed. An event
        appears once every transaction that began before it is over, a moment later as a rule.
        """
        return call.list(EVENTS)


class OneEvent(Endpoint):
    resource = "events"

    @operation("getEvent", "Read an event", shows=EVENTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One event."""
        return call.show(EVENTS, pk)
