"""Five reports in every order, each once to three times: a message ends the same (reliability of what providers repeat and reorder)."""

import random
from datetime import timedelta
from itertools import permutations

import pytest

from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import reports
from notifications.enums import MessageState
from notifications.models import DeliveryEvent, Message, Suppression
from notifications.providers.base import Report
from tests.factories import make_customer
from tests.notifications.mailroom import NOW, Gate, make_mail_room, write

pytestmark = pytest.mark.django_db
KINDS = ["accepted", "delivered", "soft_bounced", "bounced", "complained"]


def test_five_events_in_every_order_each_once_to_three_times_end_the_same(gate: Gate) -> None:
    organization, chance = make_mail_room(), random.Random(20261125)
    ends = set()
    with tenant(organization):
        customer = make_customer()
        for order in permutations(KINDS):
            message = write(customer, state=MessageState.SENDING, recipient=f"{new_id()}@client.example", group_key="")
            told = [kind for kind in order for _ in range(chance.randint(1, 3))]
            if chance.random() < 0.5:
                chance.shuffle(told)
            for kind in told:
                at = NOW + timedelta(minutes=KINDS.index(kind))
                report = Report(kind, message_id=message.pk, event_id=f"{message.pk}:{kind}", at=at, text=kind)
                assert reports.apply(report, channel="email", name="", at=NOW, now=NOW + timedelta(hours=1))
            message.refresh_from_db()
            events = tuple(DeliveryEvent.objects.filter(message=message).order_by("kind").values_list("kind", "at"))
            closed = tuple(Suppression.objects.filter(address=message.recipient).values_list("reason", "since"))
            ends.add(
                (
                    message.state,
                    message.reason,
                    message.reason_text,
                    message.accepted_at,
                    message.delivered_at,
                    message.failed_at,
                    events,
                    closed,
                )
            )
    assert len(ends) == 1


def test_a_report_over_another_channel_or_of_nobody_names_no_message(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write(state=MessageState.SENDING)
        Message.objects.filter(pk=message.pk).update(provider_id="p1", provider="anymail")
        assert not reports.apply(Report("delivered", message_id=message.pk), channel="sms", name="n", at=NOW, now=NOW)
        assert not reports.apply(Report("delivered"), channel="email", name="n", at=NOW, now=NOW)
        assert reports.apply(Report("delivered", provider_id="p1"), channel="email", name="n", at=NOW, now=NOW)
        with pytest.raises(KeyError):
            reports.apply(Report("nonsense", provider_id="p1"), channel="email", name="n", at=NOW, now=NOW)
