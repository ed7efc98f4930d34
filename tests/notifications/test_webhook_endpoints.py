"""What people do with webhooks: set them up, change their secret, switch them off, try them, and send again."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications import accounts
from notifications.enums import DeliveryState, EndpointState, SwitchedOff
from notifications.models import QueueTicket, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints, log
from notifications.webhooks.delivering import deliver_due
from tests.factories import make_organization
from tests.notifications.receivers import ACTOR, NOW, deliveries, receiving, reread, states, subscribe, tell
from tests.servers import Reply

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"actor": ACTOR, "now": NOW}


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


def test_a_secret_is_told_once_and_kept_where_nobody_can_read_it() -> None:
    with tenant(make_organization()):
        endpoint, secret = endpoints.create_endpoint(
            url=" https://hooks.example.com/x ", types=["invoice.paid"], description="  ERP  de  Lyon ", **WHO
        )
        assert secret.startswith("whsec_") and len(Webhook(secret)._whsecret) == 32
        assert (endpoint.url, endpoint.description) == ("https://hooks.example.com/x", "ERP de Lyon")
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(e)::text FROM notifications_webhookendpoint e")
            (row,) = cursor.fetchone()
        assert secret not in row and secret.removeprefix("whsec_") not in row
        assert endpoints.keys_of(WebhookEndpoint.objects.get(), NOW) == [secret]
    with tenant(endpoint.organization):
        trail = AuditEvent.objects.get(action="webhook.created")
        assert trail.body == {"host": "hooks.example.com", "types": ["invoice.paid"]}


@pytest.mark.parametrize(
    ("url", "types", "code", "field"),
    [
        ("https://10.0.0.1/", [], "bad_url", "url"),
        ("https://hooks.example.com/taken", [], "duplicate_url", "url"),
        ("https://hooks.example.com/new", ["invoice.eaten"], "unknown_type", "types"),
        ("https://hooks.example.com/new", ["webhook.test"], "unknown_type", "types"),
    ],
)
def test_what_cannot_be_set_up_is_refused_and_nothing_is_kept(url: str, types: list[str], code: str, field: str) -> None:
    with tenant(make_organization()):
        endpoints.create_endpoint(url="https://hooks.example.com/taken", **WHO)
        with pytest.raises(DomainError) as refusal, tenant(WebhookEndpoint.objects.get().organization_id):
            endpoints.create_endpoint(url=url, types=types, **WHO)
        assert (refusal.value.code, refusal.value.field) == (code, field)
        assert WebhookEndpoint.objects.count() == 1


def test_twenty_are_enough() -> None:
    with tenant(make_organization()):
        for number in range(endpoints.MOST):
            endpoints.create_endpoint(url=f"https://hooks.example.com/{number}", **WHO)
        with pytest.raises(DomainError, match="20 webhooks already"):
            endpoints.create_endpoint(url="https://hooks.example.com/more", **WHO)


def test_another_organization_finds_nothing() -> None:
    with tenant(make_organization()):
        endpoint, _secret = endpoints.create_endpoint(url="https://hooks.example.com/", **WHO)
    with tenant(make_organization()):
        for act in (
            endpoints.disable_endpoint,
            endpoints.enable_endpoint,
            endpoints.delete_endpoint,
            endpoints.send_test,
            endpoints.rotate_secret,
        ):
            with pytest.raises(DomainError) as refusal:
                act(endpoint_id=endpoint.pk, **WHO)
            assert refusal.value.code == "unknown_webhook"
        endpoints.create_endpoint(url="https://hooks.example.com/", **WHO)  # the same address is theirs to use
        assert len(log.list_endpoints(now=NOW)) == 1


def _signatures(receiver: Any) -> str:
    return str(receiver.service.requests[-1].headers["webhook-signature"])


def test_while_a_secret_is_changed_both_sign_and_afterwards_the_new_one_alone() -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        old, receiver.secret = receiver.secret, ""
        with tenant(organization):
            new = endpoints.rotate_secret(endpoint_id=endpoint.pk, **WHO)
        for later, valid in ((timedelta(hours=1), (old, new)), (timedelta(hours=25), (new,))):
            tell(organization, now=NOW + later)
            deliver_due(now=NOW + later, organization_id=organization.pk)
            request = receiver.service.requests[-1]
            for secret in (old, new):
                if secret in valid:
                    assert Webhook(secret).verify(request.body, request.headers)
                else:
                    with pytest.raises(WebhookVerificationError):
                        Webhook(secret).verify(request.body, request.headers)
            assert len(_signatures(receiver).split(" ")) == len(valid)
    with tenant(organization):
        assert new not in str(list(AuditEvent.objects.values_list("body", flat=True)))


def test_a_secret_that_leaked_is_worth_nothing_at_once() -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        with tenant(organization):
            receiver.secret = endpoints.rotate_secret(endpoint_id=endpoint.pk, overlap=timedelta(), **WHO)
            with pytest.raises(DomainError) as refusal:
                endpoints.rotate_secret(endpoint_id=endpoint.pk, overlap=timedelta(days=8), **WHO)
            assert refusal.value.field == "overlap"
        tell(organization)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
        assert len(_signatures(receiver).split(" ")) == 1


def test_secrets_nobody_can_read_any_more_are_a_fault_that_a_new_one_mends() -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        with tenant(organization):
            WebhookEndpoint.objects.update(secrets="gAAAAA-not-ours")
        tell(organization)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"failed": 1}
        assert receiver.heard == []
        assert reread(organization, endpoint).last_fault == "unsigned"
        with tenant(organization):
            receiver.secret = endpoints.rotate_secret(endpoint_id=endpoint.pk, **WHO)
        assert deliver_due(now=NOW + timedelta(minutes=1), organization_id=organization.pk) == {"delivered": 1}


def test_an_address_that_may_not_be_called_any_more_is_not_called(settings: Any) -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        settings.WEBHOOK_LOOPBACK = False
        tell(organization)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"failed": 1}
        assert (receiver.service.requests, reread(organization, endpoint).last_fault) == ([], "blocked")


def test_a_changed_endpoint_is_called_about_other_things_at_another_address() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500)) as before, receiving() as after:
        endpoint = subscribe(organization, before, "invoice.paid")
        tell(organization, "invoice.paid")
        deliver_due(now=NOW, organization_id=organization.pk)
        after.secret = before.secret
        with tenant(organization):
            changed = {"types": ["promise.made"], "description": "", "url": after.url}
            endpoints.change_endpoint(endpoint_id=endpoint.pk, **changed, **WHO)
        assert reread(organization, endpoint).failures == 0
        tell(organization, "invoice.paid")
        tell(organization, "promise.made")
        deliver_due(now=NOW + timedelta(minutes=1), organization_id=organization.pk)
    assert (len(before.heard), sorted(after.types)) == (1, ["invoice.paid", "promise.made"])


def test_while_it_is_off_nothing_is_kept_for_it_and_what_was_under_way_is_given_up() -> None:
    organization = make_organization()
    with receiving() as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization)
        with tenant(organization):
            endpoints.disable_endpoint(endpoint_id=endpoint.pk, **WHO)
            endpoints.disable_endpoint(endpoint_id=endpoint.pk, **WHO)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {}
        tell(organization)
        assert reread(organization, endpoint).reason == SwitchedOff.BY_HAND
        with tenant(organization):
            assert log.switched_off_by_itself() == []
            with pytest.raises(DomainError) as refusal:
                endpoints.send_test(endpoint_id=endpoint.pk, **WHO)
            assert refusal.value.code == "switched_off"
            endpoints.enable_endpoint(endpoint_id=endpoint.pk, actor=ACTOR, now=NOW + timedelta(hours=1))
        tell(organization, "invoice.accepted", now=NOW + timedelta(hours=2))
        assert deliver_due(now=NOW + timedelta(hours=2), organization_id=organization.pk) == {"delivered": 1}
    assert receiver.types == ["invoice.accepted"]
    with tenant(organization):
        assert AuditEvent.objects.filter(action="webhook.switched_off").count() == 1


def test_an_endpoint_is_forgotten_with_its_journal() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500)) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=2)
        deliver_due(now=NOW, organization_id=organization.pk)
        with tenant(organization):
            endpoints.delete_endpoint(endpoint_id=endpoint.pk, **WHO)
            assert (WebhookEndpoint.objects.count(), WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (0, 0, 0)
        assert QueueTicket.objects.count() == 0
        tell(organization)
        assert deliver_due(now=NOW + timedelta(days=1), organization_id=organization.pk) == {}


def test_a_trial_says_that_it_is_one_and_is_made_at_once_even_when_the_receiver_is_left_alone() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(503, headers={"Retry-After": "3000"})) as receiver:
        endpoint = subscribe(organization, receiver, "promise.made")
        tell(organization, "promise.made")
        deliver_due(now=NOW, organization_id=organization.pk)
        receiver.replies = lambda request: Reply(200)
        with tenant(organization):
            delivery = endpoints.send_test(endpoint_id=endpoint.pk, **WHO)
        assert deliver_due(now=NOW + timedelta(seconds=1), organization_id=organization.pk) == {"delivered": 1}
    ((_id, body),) = receiver.heard[1:]
    assert body["type"] == "webhook.test"
    assert body["data"] == {"object": "webhook_endpoint", "id": str(endpoint.pk), "url": receiver.url, "details": {}}
    with tenant(organization):
        _delivery, (attempt,) = log.get_delivery(delivery.pk)
        assert attempt.status == 200


def test_one_delivery_is_sent_again_under_its_id_whatever_became_of_it() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        tell(organization)
        deliver_due(now=NOW, organization_id=organization.pk)
        (delivery,) = deliveries(organization)
        with tenant(organization):
            log.replay(delivery_id=delivery.pk, **WHO)
        assert deliver_due(now=NOW, organization_id=organization.pk) == {"delivered": 1}
    assert receiver.ids == {str(delivery.event_id): 2}
    assert receiver.heard[0] == receiver.heard[1]
    with tenant(organization):
        _delivery, attempts = log.get_delivery(delivery.pk)
        assert [attempt.number for attempt in attempts] == [2, 1]


def test_everything_given_up_since_a_moment_gets_a_whole_new_round() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500)) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=3)
        deliver_due(now=NOW, organization_id=organization.pk)
        with tenant(organization):
            endpoints.disable_endpoint(endpoint_id=endpoint.pk, actor=ACTOR, now=NOW + timedelta(hours=1))
            with pytest.raises(DomainError) as refusal:
                log.replay_failed(endpoint_id=endpoint.pk, since=NOW, **WHO)
            assert refusal.value.code == "switched_off"
            endpoints.enable_endpoint(endpoint_id=endpoint.pk, actor=ACTOR, now=NOW + timedelta(hours=2))
            assert log.replay_failed(endpoint_id=endpoint.pk, since=NOW + timedelta(hours=2), **WHO) == 0
            assert log.replay_failed(endpoint_id=endpoint.pk, since=NOW, actor=ACTOR, now=NOW + timedelta(hours=3)) == 3
        assert {delivery.begun for delivery in deliveries(organization)} <= {0, 1}
        assert deliver_due(now=NOW + timedelta(hours=3), organization_id=organization.pk).total() >= 1  # fails once more, and goes on
        assert states(organization) == {"pending": 3}
        receiver.replies = lambda request: Reply(200)
        deliver_due(now=NOW + timedelta(hours=4), organization_id=organization.pk)
        assert states(organization) == {"delivered": 3}
    assert len(receiver.ids) == 3
    with tenant(organization):
        assert AuditEvent.objects.get(action="webhook.replayed").body["count"] == 3


def test_what_was_delivered_is_kept_for_a_month_and_what_was_not_for_three() -> None:
    organization = make_organization()
    with receiving() as receiver:
        subscribe(organization, receiver)
        tell(organization, count=2)
        deliver_due(now=NOW, organization_id=organization.pk)
    with tenant(organization):
        _kept, failed = WebhookDelivery.objects.order_by("pk")
        WebhookDelivery.objects.filter(pk=failed.pk).update(state=DeliveryState.FAILED)
        assert log.forget(now=NOW + timedelta(days=30)) == 0
        assert log.forget(now=NOW + timedelta(days=30, seconds=1)) == 1
        assert list(WebhookDelivery.objects.values_list("pk", flat=True)) == [failed.pk]
        assert log.forget(now=NOW + timedelta(days=90)) == 0
        assert log.forget(now=NOW + timedelta(days=91)) == 1
        assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (0, 0)


def test_health_says_what_waits_and_what_was_given_up() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500, body="panne")) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=4)
        deliver_due(now=NOW, organization_id=organization.pk)
    with tenant(organization):
        (health,) = log.list_endpoints(now=NOW)
        assert (health.pending, health.failed, health.is_paused) == (4, 0, True)
        assert (health.endpoint.last_status, health.endpoint.state) == (500, EndpointState.ACTIVE)
        assert not log.get_health(endpoint.pk, now=NOW + timedelta(hours=1)).is_paused
        rows = list(log.list_deliveries(endpoint_id=endpoint.pk, state="pending", type="invoice.paid"))
        assert {row.last_status for row in rows} <= {500, None} and len(rows) == 4
        assert list(log.list_deliveries(endpoint_id=endpoint.pk, state="delivered")) == []
        assert accounts.unseal(health.endpoint.secrets).keys() == {"current"}


def test_the_command_sends_again_what_was_given_up() -> None:
    organization = make_organization()
    with receiving(lambda request: Reply(500)) as receiver:
        endpoint = subscribe(organization, receiver)
        tell(organization, count=2)
        deliver_due(now=NOW, organization_id=organization.pk)
        with tenant(organization):
            endpoints.disable_endpoint(endpoint_id=endpoint.pk, **WHO)
        command: dict[str, Any] = {"since": (NOW - timedelta(hours=1)).isoformat(), "stdout": StringIO()}
        with pytest.raises(CommandError, match="none is switched on"):
            call_command("replay_webhooks", organization.slug, **command)
        with pytest.raises(CommandError, match="switched off"):
            call_command("replay_webhooks", organization.slug, url=receiver.url, **command)
        with tenant(organization):
            endpoints.enable_endpoint(endpoint_id=endpoint.pk, **WHO)
        receiver.replies = lambda request: Reply(200)
        with clock.virtual(NOW + timedelta(minutes=1)):
            call_command("replay_webhooks", organization.slug, **command)
        assert command["stdout"].getvalue() == f"{receiver.url}: 2 deliveries are sent again.\n"
        assert deliver_due(now=NOW + timedelta(minutes=1), organization_id=organization.pk) == {"delivered": 2}


@pytest.mark.parametrize(("slug", "since"), [("nobody", "2026-11-02T08:00+00:00"), ("", "yesterday"), ("", "2026-11-02T08:00")])
def test_the_command_refuses_what_it_cannot_understand(slug: str, since: str) -> None:
    organization = make_organization()
    with pytest.raises(CommandError):
        call_command("replay_webhooks", slug or organization.slug, since=since)
