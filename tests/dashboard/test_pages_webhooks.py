"""Settings, webhooks: who may see them, a secret that is shown once, the journal, and sending again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dunning.core.models import Event
from dunning.core.tenancy import tenant
from notifications.enums import DeliveryState
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints, fan_out, log
from notifications.webhooks.delivering import deliver_due
from tests.dashboard.conftest import NOW, House
from tests.notifications.receivers import ACTOR, Receiver, receiving, states, subscribe, tell
from tests.servers import Reply

ON_ONE = ("webhook", "webhook_edit", "webhook_secret", "webhook_off", "webhook_delete", "webhook_replay")
POSTED = ("webhook_test", "webhook_on")


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


@pytest.fixture
def endpoint(house: House) -> WebhookEndpoint:
    with tenant(house.organization):
        return endpoints.create_endpoint(url="https://hooks.example.com/x", types=["invoice.paid"], actor=ACTOR, now=NOW)[0]


def at(name: str, *arguments: UUID) -> str:
    return reverse(f"dashboard:{name}", args=arguments)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_those_who_manage_see_them_and_nobody_else(
    owner: Client, viewer: Client, stranger: Client, house: House, endpoint: WebhookEndpoint
) -> None:
    for address in (at("webhooks"), at("webhook_new"), *(at(name, endpoint.pk) for name in ON_ONE)):
        assert owner.get(address).status_code == 200
        assert viewer.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    for name in ON_ONE:
        assert stranger.get(at(name, endpoint.pk)).status_code == 404
    for name in (*POSTED, "webhook_off", "webhook_delete", "webhook_secret"):
        assert viewer.post(at(name, endpoint.pk)).status_code == 403
        assert stranger.post(at(name, endpoint.pk), {"hours": "0"}).status_code in (302, 404)
    with tenant(house.organization):
        assert WebhookEndpoint.objects.get().state == "active"
        assert WebhookDelivery.objects.count() == 0
    assert "https://hooks.example.com/x" not in text(stranger.get(at("webhooks")))


def test_a_webhook_is_added_and_its_secret_shown_in_that_answer_alone(owner: Client, house: House) -> None:
    given = {"url": "https://hooks.example.com/new", "description": "ERP", "which": "some", "types": ["invoice.paid", "promise.made"]}
    answer = owner.post(at("webhook_new"), given)
    secret = answer.context["secret"]
    assert answer.status_code == 200 and secret.startswith("whsec_") and text(answer).count(secret) >= 1
    assert answer["Cache-Control"] == "no-store"
    with tenant(house.organization):
        made = WebhookEndpoint.objects.get()
        assert (made.types, made.description) == (["invoice.paid", "promise.made"], "ERP")
    for page in (at("webhooks"), at("webhook", made.pk), at("webhook_edit", made.pk), at("webhook_secret", made.pk)):
        assert secret not in text(owner.get(page))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"url": "http://169.254.169.254/latest"}, "url", "Give a full name"),
        ({"url": "https://user:pw@hooks.example.com/"}, "url", "Leave out the user name"),
        ({"which": "some"}, "types", "Tick at least one event."),
        ({"which": "some", "types": ["invoice.eaten"]}, "types", "not one of the available choices"),
    ],
)
def test_what_cannot_be_added_is_said_on_the_form(owner: Client, house: House, changes: dict[str, Any], field: str, sentence: str) -> None:
    answer = owner.post(at("webhook_new"), {"url": "https://hooks.example.com/", "which": "all", **changes})
    assert answer.status_code == 422
    assert sentence in str(answer.context["form"].errors[field])
    with tenant(house.organization):
        assert WebhookEndpoint.objects.count() == 0


def test_it_is_changed_given_a_new_secret_switched_off_on_and_deleted(owner: Client, house: House, endpoint: WebhookEndpoint) -> None:
    changed = {"url": endpoint.url, "description": "Compta", "which": "all"}
    assert owner.post(at("webhook_edit", endpoint.pk), changed)["Location"] == at("webhook", endpoint.pk)
    rotated = owner.post(at("webhook_secret", endpoint.pk), {"hours": "24"})
    assert "each call carries a signature by the old secret as well" in text(rotated)
    page = text(owner.get(at("webhook", endpoint.pk)))
    assert "good until 10 Oct 26 11:05" in page
    assert "Everything that happens" in page
    assert owner.post(at("webhook_off", endpoint.pk)).status_code == 302
    page = text(owner.get(at("webhook", endpoint.pk)))
    assert "Switched off by a person" in page and at("webhook_test", endpoint.pk) not in page
    assert "switched off: switch it on first" in text(owner.post(at("webhook_test", endpoint.pk), follow=True))
    assert "A webhook was switched off" not in text(owner.get(at("today")))  # a person knows
    assert owner.post(at("webhook_on", endpoint.pk)).status_code == 302
    with tenant(house.organization):
        row = WebhookEndpoint.objects.get()
        assert (row.state, row.types, row.description) == ("active", [], "Compta")
    assert owner.post(at("webhook_delete", endpoint.pk))["Location"] == at("webhooks")
    assert "Nobody is called yet" in text(owner.get(at("webhooks")))


def _called(house: House, receiver: Receiver) -> None:
    """What a worker does now; the receiver failed, or not."""
    deliver_due(now=NOW, organization_id=house.organization.pk)


def test_a_test_is_sent_and_its_answer_shown_with_what_was_said(owner: Client, house: House) -> None:
    with receiving(lambda request: Reply(202, body="<b>merci</b>")) as receiver:
        endpoint = subscribe(house.organization, receiver, "invoice.paid", now=NOW)
        sent = owner.post(at("webhook_test", endpoint.pk))
        with tenant(house.organization):
            delivery = WebhookDelivery.objects.get()
        assert sent["Location"] == at("webhook_delivery", endpoint.pk, delivery.pk)
        assert "It was not called yet" in text(owner.get(sent["Location"]))
        _called(house, receiver)
    page = text(owner.get(sent["Location"]))
    assert "<strong>202</strong>" in page and "&lt;b&gt;merci&lt;/b&gt;" in page  # a stranger's words are never markup
    assert "&quot;type&quot;: &quot;webhook.test&quot;" in page and str(delivery.event_id) in page
    assert "Answers" in text(owner.get(at("webhooks")))


def test_the_journal_is_filtered_and_what_was_given_up_is_sent_again(owner: Client, stranger: Client, house: House) -> None:
    with receiving(lambda request: Reply(500)) as receiver:
        endpoint = subscribe(house.organization, receiver, now=NOW)
        tell(house.organization, "invoice.paid", count=2, now=NOW)
        tell(house.organization, "promise.made", now=NOW)
        _called(house, receiver)
        with tenant(house.organization):
            lost = WebhookDelivery.objects.filter(type="promise.made").get()
            WebhookDelivery.objects.filter(pk=lost.pk).update(state=DeliveryState.FAILED, next_at=None, closed_at=NOW)
        listing = at("webhook", endpoint.pk)
        assert text(owner.get(listing)).count("/deliveries/") == 3
        assert text(owner.get(f"{listing}?state=failed")).count("/deliveries/") == 1
        assert text(owner.get(f"{listing}?state=pending&type=promise.made")).count("/deliveries/") == 0
        assert owner.get(f"{listing}?state=eaten&type=eaten&page=99").status_code == 200
        other = at("webhook_delivery", endpoint.pk, lost.pk)
        assert owner.get(other).status_code == 200
        assert stranger.get(other).status_code == 404
        with tenant(house.organization):
            second, _secret = endpoints.create_endpoint(url="https://hooks.example.com/two", actor=ACTOR, now=NOW)
        assert owner.get(at("webhook_delivery", second.pk, lost.pk)).status_code == 404
        tomorrow = (NOW + timedelta(days=1)).date().isoformat()
        none = owner.post(at("webhook_replay", endpoint.pk), {"since": tomorrow}, follow=True)
        assert "0 deliveries are sent again." in text(none)
        again = owner.post(at("webhook_replay", endpoint.pk), {"since": NOW.date().isoformat()}, follow=True)
        assert "1 delivery is sent again." in text(again)
        receiver.replies = lambda request: Reply(200)
        deliver_due(now=NOW + timedelta(minutes=10), organization_id=house.organization.pk)
        assert states(house.organization)["failed"] == 0
        owner.post(at("webhook_again", endpoint.pk, lost.pk))
        deliver_due(now=NOW + timedelta(minutes=11), organization_id=house.organization.pk)
    assert receiver.ids[str(lost.event_id)] >= 2


def test_a_webhook_that_was_switched_off_by_itself_is_told_on_today_to_who_may_mend_it(owner: Client, viewer: Client, house: House) -> None:
    with receiving(lambda request: Reply(410)) as receiver:
        subscribe(house.organization, receiver, now=NOW)
        tell(house.organization, "invoice.paid", now=NOW)
        _called(house, receiver)
    assert "A webhook was switched off on" in text(owner.get(at("today")))
    assert "the address is gone for good (410)" in text(owner.get(at("today")))
    assert "A webhook was switched off on" not in text(viewer.get(at("today")))


def test_what_a_clerk_does_on_a_page_is_told(owner: Client, house: House) -> None:
    """From the button to the receiver, over the real services."""
    with receiving() as receiver:
        subscribe(house.organization, receiver, "hold.placed", now=NOW - timedelta(hours=1))
        given = {"kind": "pause", "side": "theirs", "ends_on": "2026-10-16", "reason": "Attend son virement"}
        assert owner.post(reverse("dashboard:hold", args=[house.item.pk]), given).status_code == 302
        _called(house, receiver)
    ((_id, body),) = receiver.heard
    assert (body["type"], body["data"]["invoice_number"], body["data"]["ends_on"]) == ("hold.placed", "FA-1", "2026-10-16")
    with tenant(house.organization):
        assert str(Event.objects.filter(type="hold.placed").latest("id").pk) == _id
        assert WebhookDelivery.objects.get().about == "FA-1"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_whatever_its_length(owner: Client, house: House, count: int) -> None:
    with tenant(house.organization):
        for number in range(count):
            endpoints.create_endpoint(url=f"https://hooks.example.com/{number}", actor=ACTOR, now=NOW)
    tell(house.organization, "invoice.paid", count=4, now=NOW)
    fan_out.hand_out_due(now=NOW, organization_id=house.organization.pk)
    with tenant(house.organization), CaptureQueriesContext(connection) as queries:
        healths = log.list_endpoints(now=NOW)
    assert [health.pending for health in healths] == [4] * count
    assert len(queries) == 3
