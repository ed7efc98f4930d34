"""What `emit` writes, and what it refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from dunning.core import events
from dunning.core.event_types import CATALOGUE, SUBJECTS
from dunning.core.models import Event
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def test_the_events_of_one_object_are_numbered_in_their_order() -> None:
    first, second = new_id(), new_id()
    with tenant(make_organization()):
        events.emit(type="invoice.created", object_type="invoice", object_ids=[first, second], now=NOW, fresh=True)
        events.emit(type="invoice.received", object_type="invoice", object_ids=[second, second], now=NOW)
        events.emit(type="invoice.accepted", object_type="invoice", object_ids=[first, second], now=NOW)
        told = Event.objects.order_by("object_id", "sequence").values_list("object_id", "sequence", "type")
        assert list(told) == [
            (first, 1, "invoice.created"),
            (first, 2, "invoice.accepted"),
            (second, 1, "invoice.created"),
            (second, 2, "invoice.received"),
            (second, 3, "invoice.accepted"),
        ]
        assert set(Event.objects.values_list("batch", flat=True)) == {None}  # nobody asked


def test_a_state_is_told_once_while_it_lasts() -> None:
    message = new_id()
    with tenant(make_organization()):
        for state in ("accepted", "accepted", "delivered", "delivered", "accepted"):
            events.emit(type=f"message.{state}", object_type="message", object_ids=[message], now=NOW, once=True)
        told = list(Event.objects.order_by("sequence").values_list("type", flat=True))
        assert told == ["message.accepted", "message.delivered", "message.accepted"]


def test_old_events_are_forgotten_but_the_last_of_each_object_which_numbers_the_next() -> None:
    invoice, paid_long_ago, elsewhere = new_id(), new_id(), new_id()
    ours, theirs = make_organization(), make_organization()
    with tenant(theirs):
        for name in ("invoice.created", "invoice.paid"):
            events.emit(type=name, object_type="invoice", object_ids=[elsewhere], now=NOW)
    with tenant(ours):
        for name in ("invoice.created", "invoice.received", "invoice.accepted"):
            events.emit(type=name, object_type="invoice", object_ids=[invoice], now=NOW)
        events.emit(type="invoice.paid", object_type="invoice", object_ids=[paid_long_ago], now=NOW)
        young = NOW + timedelta(days=30)
        for name in ("invoice.paid", "invoice.reopened"):
            events.emit(type=name, object_type="invoice", object_ids=[invoice], now=young)
        assert events.forget(now=NOW + timedelta(days=396)) == 0
        assert events.forget(now=NOW + timedelta(days=396, seconds=1)) == 3
        left = Event.objects.order_by("at", "sequence").values_list("object_id", "sequence", "type")
        assert list(left) == [(paid_long_ago, 1, "invoice.paid"), (invoice, 4, "invoice.paid"), (invoice, 5, "invoice.reopened")]
        assert events.forget(now=young + timedelta(days=400)) == 1
        events.emit(type="invoice.paid", object_type="invoice", object_ids=[paid_long_ago], now=NOW, once=True)  # it still is
        events.emit(type="invoice.paid", object_type="invoice", object_ids=[invoice], now=NOW)
        assert sorted(Event.objects.values_list("sequence", flat=True)) == [1, 5, 6]
    with tenant(theirs):
        assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("type_", "subject", "details"),
    [
        ("invoice.eaten", "invoice", {}),
        ("invoice.paid", "payment", {}),
        ("invoice.created", "invoice", {"number": "FA-1"}),
        ("invoice.changed", "invoice", {"what": ["label"], "who": "Claire"}),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(type_: str, subject: str, details: dict[str, object]) -> None:
    with tenant(make_organization()):
        with pytest.raises(ValueError, match="catalogue"):
            events.emit(type=type_, object_type=subject, object_ids=[new_id()], now=NOW, payload=details)
        assert Event.objects.count() == 0


def test_the_catalogue_is_consistent_and_somebody_describes_each_of_its_subjects() -> None:
    assert set(events.described_subjects()) == set(SUBJECTS) == {entry.subject for entry in CATALOGUE.values()}
    for name, entry in CATALOGUE.items():
        assert name == entry.name and name.count(".") == 1 and len(name) <= 80
        assert str(entry.meaning)
    with pytest.raises(ValueError, match="no subject"):
        events.describe_by("weather", lambda ids: {})
