"""Webhooks by the API: a secret that is told once, what was said and what was answered, saying it again."""

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from dunning.core.models import AuditEvent, KeptAnswer, Organization
from dunning.core.tenancy import tenant
from notifications.models import WebhookEndpoint
from notifications.webhooks.delivering import deliver_due
from tests.api.conftest import NOW, Api
from tests.notifications.receivers import receiving, tell
from tests.servers import Reply, Request

URL = "https://hooks.example.com/x"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


def made(api: Api, url: str = URL, **fields: Any) -> dict[str, Any]:
    answer = api.post("/webhooks", {"url": url, **fields})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def rotated(api: Api, pk: str, **body: Any) -> dict[str, Any]:
    answer = api.post(f"/webhooks/{pk}/rotate-secret", body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def is_signed_by(secret: str, request: Request) -> bool:
    """Whether a receiver with this secret would believe the call."""
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_secret_is_in_the_answer_that_makes_it_and_in_no_other(api: Api, house: Organization) -> None:
    webhook = made(api, types=["promise.broken", "invoice.paid"], description="  ERP ")
    assert webhook["secret"].startswith("whsec_")
    assert (webhook["types"], webhook["description"], webhook["state"]) == (["invoice.paid", "promise.broken"], "ERP", "active")
    path = f"/webhooks/{webhook['id']}"
    shown = [api.get("/webhooks"), api.get(path), api.patch(path, {"description": "Compta"}), api.post(f"{path}/disable")]
    assert [answer.status_code for answer in shown] == [200] * 4
    assert all(b"secret" not in answer.content for answer in shown)
    with tenant(house):
        stored = WebhookEndpoint.objects.values().get()
        trail = list(AuditEvent.objects.filter(action__startswith="webhook.").values_list("actor", "action", "body"))
    assert webhook["secret"] not in str(stored) + str(trail)
    assert {actor.split(":")[0] for actor, _action, _body in trail} == {"api"}


def test_a_call_is_signed_with_it_and_its_answers_are_read_back(api: Api, house: Organization) -> None:
    with receiving(lambda request: Reply(202, body="merci")) as receiver:
        webhook = made(api, receiver.url, types=["invoice.paid"])
        receiver.secret = webhook["secret"]
        sent = api.post(f"/webhooks/{webhook['id']}/test")
        assert sent.status_code == 201
        path = sent["Location"].removeprefix("/api/v1")
        assert (sent.json()["state"], sent.json()["attempts"], path) == ("pending", [], f"/webhook-deliveries/{sent.json()['id']}")
        deliver_due(now=NOW, organization_id=house.pk)
        [request] = receiver.service.requests
    assert receiver.types == ["webhook.test"]
    shown = api.get(path).json()
    assert shown["body"].encode() == request.body  # the very text that was signed
    assert (shown["state"], shown["event_id"], shown["tries"]) == ("delivered", request.headers["webhook-id"], 1)
    [attempt] = shown["attempts"]
    assert (attempt["number"], attempt["status"], attempt["fault"], attempt["answer"]) == (1, 202, "", "merci")
    [listed] = api.get(f"/webhook-deliveries?webhook_id={webhook['id']}&state=delivered&type=webhook.test").json()["data"]
    assert "body" not in listed and listed["attempts"] == shown["attempts"]
    assert api.get(f"/webhooks/{webhook['id']}").json()["last_status"] == 202
    assert api.get("/webhook-deliveries?state=failed").json()["data"] == []


def test_what_was_given_up_is_sent_again_one_by_one_or_together(api: Api, house: Organization) -> None:
    replies = [Reply(410)]
    with receiving(lambda request: replies[0]) as receiver:
        webhook = made(api, receiver.url, types=["invoice.paid"])
        receiver.secret = webhook["secret"]
        path = f"/webhooks/{webhook['id']}"
        tell(house, "invoice.paid", count=3, now=NOW)
        deliver_due(now=NOW, organization_id=house.pk)
        gone = api.get(path).json()
        assert (gone["state"], gone["reason"], gone["last_status"]) == ("disabled", "gone", 410)
        failed = api.get("/webhook-deliveries?state=failed").json()["data"]
        assert len(failed) == 3
        off = api.post(f"/webhook-deliveries/{failed[0]['id']}/replay")
        assert (off.status_code, off.json()["code"]) == (422, "switched_off")
        assert api.post(f"{path}/enable").json()["reason"] == ""
        replies[0] = Reply(204)
        again = api.post(f"/webhook-deliveries/{failed[0]['id']}/replay")
        assert (again.status_code, again.json()["state"]) == (200, "pending")
        since = (NOW - timedelta(hours=1)).isoformat()
        assert api.post(f"{path}/replay", {"since": (NOW + timedelta(hours=1)).isoformat()}).json() == {"count": 0}
        assert api.post(f"{path}/replay", {"since": since}).json() == {"count": 2}
        deliver_due(now=NOW, organization_id=house.pk)
    assert set(receiver.ids) == {row["event_id"] for row in failed}  # each under its own id, however often
    assert [row["state"] for row in api.get("/webhook-deliveries").json()["data"]] == ["delivered"] * 3


def test_a_new_secret_and_the_old_one_sign_together_for_the_time_asked(api: Api, house: Organization) -> None:
    with receiving() as receiver:
        webhook = made(api, receiver.url)
        new = rotated(api, webhook["id"], overlap_hours=2)
        assert new["previous_until"] == "2026-10-09T11:05:00Z"
        api.post(f"/webhooks/{webhook['id']}/test")
        deliver_due(now=NOW, organization_id=house.pk)
        last = rotated(api, webhook["id"], overlap_hours=0)
        assert last["previous_until"] is None
        api.post(f"/webhooks/{webhook['id']}/test")
        deliver_due(now=NOW, organization_id=house.pk)
        first, second = receiver.service.requests

    secrets = [webhook["secret"], new["secret"], last["secret"]]
    assert len(set(secrets)) == 3
    assert [is_signed_by(secret, first) for secret in secrets] == [True, True, False]
    assert [is_signed_by(secret, second) for secret in secrets] == [False, False, True]
    assert rotated(api, webhook["id"])["previous_until"] == "2026-10-10T09:05:00Z"  # a day, when nothing is said


@pytest.mark.parametrize(
    ("body", "status", "field", "code"),
    [
        ({}, 400, "url", "required"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, 422, "url", "bad_url"),
        ({"url": "https://user:secret@hooks.example.com/"}, 422, "url", "bad_url"),
        ({"url": URL, "types": ["invoice.eaten"]}, 400, "types[0]", "invalid_choice"),
        ({"url": URL, "types": ["webhook.test"]}, 400, "types[0]", "invalid_choice"),
        ({"url": "https://known.example.com/"}, 422, "url", "duplicate_url"),
        ({"url": URL, "secret": "whsec_mine"}, 400, "secret", "unknown_field"),
    ],
)
def test_what_cannot_be_called_is_refused_by_name(
    api: Api, house: Organization, body: dict[str, Any], status: int, field: str, code: str
) -> None:
    made(api, "https://known.example.com/")
    answer = api.post("/webhooks", body)
    assert answer.status_code == status, answer.content
    [fault] = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == (field, code)
    with tenant(house):
        assert WebhookEndpoint.objects.count() == 1


def test_one_hears_of_everything_again_when_its_types_are_emptied(api: Api) -> None:
    webhook = made(api, types=["invoice.paid"])
    changed = api.patch(f"/webhooks/{webhook['id']}", {"types": []})
    assert (changed.status_code, changed.json()["types"], changed.json()["url"]) == (200, [], URL)
    assert api.post(f"/webhooks/{webhook['id']}/rotate-secret", {"overlap_hours": 169}).json()["errors"][0]["field"] == "overlap_hours"


def test_a_deleted_one_is_gone_with_its_deliveries_and_only_if_it_is_the_one_that_was_read(api: Api, house: Organization) -> None:
    webhook = made(api)
    path = f"/webhooks/{webhook['id']}"
    assert api.post(f"{path}/test").status_code == 201
    read = api.get(path)
    api.patch(path, {"description": "Compta"})
    assert api.delete(path, if_match=read["ETag"]).status_code == 412
    assert api.delete(path, if_match=api.get(path)["ETag"]).status_code == 204
    assert [api.get(path).status_code, api.delete(path).status_code, api.post(f"{path}/test").status_code] == [404] * 3
    assert api.get("/webhook-deliveries").json()["data"] == []


def test_an_answer_with_a_secret_is_given_again_and_lies_sealed_until_then(api: Api, house: Organization, settings: Any) -> None:
    first = api.post("/webhooks", {"url": URL}, idempotency_key="make-it")
    again = api.post("/webhooks", {"url": URL}, idempotency_key="make-it")
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    secret = json.loads(first.content)["secret"]
    with tenant(house):
        assert secret not in str(KeptAnswer.objects.values().get())
        assert WebhookEndpoint.objects.count() == 1
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, settings.FIELD_ENCRYPTION_KEY = "another key altogether", [], ""
    lost = api.post("/webhooks", {"url": URL}, idempotency_key="make-it")
    assert (lost.status_code, lost.json()["code"]) == (422, "sealed")
