"""Providers' calls: verified on their raw bytes, kept before they are acknowledged, never more than once."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from dunning.api import hooks
from dunning.core import clock
from dunning.core.tenancy import tenant
from notifications import dispatcher, receipts, routes, tasks
from notifications.enums import EventState, MessageState
from notifications.models import DeliveryEvent, InboundEvent, Message, ProviderRoute, Suppression
from tests.notifications.callers import brevo_event, call, call_once, knock, read_what_came, use_brevo, use_twilio
from tests.notifications.mailroom import ACTOR, NOW, make_mail_room, write

pytestmark = pytest.mark.usefixtures("committed_database", "gate")


def sent(organization: Any, **fields: Any) -> Message:
    """A message that left before the account it is reported on was set up: how it left does not matter here."""
    with tenant(organization):
        message = write(**fields)
    dispatcher.deliver_due(now=NOW, organization=organization)
    return message


def test_a_bounce_is_kept_then_applied_and_closes_the_address() -> None:
    organization = make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)

    answer = call(account, brevo_event("hard_bounce", message, reason="550 no such user"))
    assert (answer.status_code, answer.content, "Set-Cookie" in answer.headers) == (200, b"", False)
    with tenant(organization):
        (event,) = InboundEvent.objects.all()
        assert (event.state, event.kind, "authorization" in event.headers) == (EventState.STORED, "anymail", False)
        message.refresh_from_db()
        assert message.state == MessageState.ACCEPTED  # nothing is applied while the provider waits

    assert read_what_came(organization) == {"applied": 1}
    with tenant(organization):
        message.refresh_from_db()
        assert (message.state, message.reason, message.reason_text) == (MessageState.BOUNCED, "bounced", "550 no such user")
        assert Suppression.objects.get().address == message.recipient
        assert DeliveryEvent.objects.count() == 1


def test_the_same_call_again_is_acknowledged_and_kept_once() -> None:
    organization = make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)
    body = brevo_event("delivered", message)

    assert [call(account, body).status_code for _ in range(3)] == [200, 200, 200]
    assert read_what_came(organization) == {"applied": 1}
    assert [call(account, body).status_code, read_what_came(organization)] == [200, {}]
    with tenant(organization):
        assert DeliveryEvent.objects.count() == 1


def test_what_cannot_be_shown_to_be_the_providers_leaves_a_count_alone() -> None:
    organization, other = make_mail_room(), make_mail_room()
    message = sent(organization)
    account, theirs = use_brevo(organization), use_brevo(other)
    body = brevo_event("hard_bounce", message)
    path = urlsplit(routes.address(account)).path
    wrong = "Basic " + "ZHVubmluZzpndWVzcw=="

    refused = [
        knock(path, body, content_type="application/json"),
        call(account, body, authorization=wrong),
        knock(path[:-1] + ("A" if path[-1] != "A" else "B"), body, content_type="application/json"),
        knock("/hooks/twilio/" + path.rpartition("/")[2], body, content_type="application/json"),
        knock("/hooks/anymail/short", body, content_type="application/json"),
        knock(path, method="GET"),
    ]
    assert [answer.status_code for answer in refused] == [404, 404, 404, 404, 404, 405]
    assert {answer.content for answer in refused} == {b""}
    with tenant(organization):
        assert InboundEvent.objects.count() == 0
    found = routes.refusals(account.pk)
    assert found is not None and found.count == 2
    assert routes.refusals(theirs.pk) is None
    with tenant(organization):
        routes.forget_refusals(account, actor=ACTOR, now=NOW)
    assert routes.refusals(account.pk) is None


def test_what_is_no_call_of_a_provider_passes_the_door() -> None:
    assert [knock(path, method="GET").content for path in ("/", "/hooks", "/hook/")] == [b"the application"] * 3
    assert knock("/hooks/", method="GET").status_code == 404


def test_another_organizations_call_reaches_nothing_of_ours() -> None:
    organization, other = make_mail_room(), make_mail_room()
    message = sent(organization)
    theirs = use_brevo(other)

    assert call(theirs, brevo_event("hard_bounce", message)).status_code == 200  # genuine, but of theirs
    assert read_what_came(other) == {"parked": 1}
    with tenant(organization):
        message.refresh_from_db()
        assert message.state == MessageState.ACCEPTED
        assert Suppression.objects.count() == 0


def test_an_event_before_its_message_is_parked_and_found_a_day_later_at_most() -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    with tenant(organization):
        early = write(state=MessageState.DRAFT)
    assert call(account, brevo_event("delivered", early)).status_code == 200
    assert read_what_came(organization) == {"parked": 1}
    assert read_what_came(organization, at=NOW + timedelta(seconds=9)) == {}

    with tenant(organization):
        Message.objects.filter(pk=early.pk).update(state=MessageState.SENDING)
    assert read_what_came(organization, at=NOW + timedelta(seconds=11)) == {"applied": 1}
    with tenant(organization):
        early.refresh_from_db()
        assert early.state == MessageState.DELIVERED


def test_an_event_of_nobody_is_given_up_after_a_day() -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    with tenant(organization):
        stranger = Message(pk="01912d68-783e-7a03-8467-5661c1243ad4", recipient="x@elsewhere.example")
    assert call(account, brevo_event("delivered", stranger)).status_code == 200
    looks, at = 0, NOW
    while (found := read_what_came(organization, at=at)) != {"unknown": 1}:
        looks += found.get("parked", 0)
        with tenant(organization):
            due_at = InboundEvent.objects.get().due_at
        assert at < due_at < NOW + timedelta(hours=27)
        at = due_at
    assert 10 <= looks <= 20
    with tenant(organization):
        assert InboundEvent.objects.get().state == EventState.UNKNOWN


def test_nonsense_is_named_and_others_pass() -> None:
    organization = make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)
    for body in (b"{", b"[]", b"null", b'"x"', b"\xff\x00", b"{}", b'{"event": {"a": 1}}', b"[" * 20_000):
        assert call(account, body).status_code == 200
    assert call(account, brevo_event("delivered", message)).status_code == 200
    outcomes = read_what_came(organization)
    with tenant(organization):
        message.refresh_from_db()
        assert message.state == MessageState.DELIVERED
        unreadable = InboundEvent.objects.filter(state=EventState.UNREADABLE)
        assert unreadable.count() == outcomes["unreadable"] >= 5
        assert all(event.error for event in unreadable)


def test_a_call_that_fails_three_times_is_set_aside_and_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_mail_room()
    first, second = sent(organization), sent(organization)
    account = use_brevo(organization)
    call(account, brevo_event("delivered", first))
    call(account, brevo_event("delivered", second))
    genuine = receipts.reports.apply

    def stumble(report: Any, **given: Any) -> bool:
        if report.message_id == first.pk:
            raise RuntimeError("of one only")
        return genuine(report, **given)

    monkeypatch.setattr(receipts.reports, "apply", stumble)
    assert read_what_came(organization) == {"failed": 1, "applied": 1}
    assert read_what_came(organization, at=NOW + timedelta(minutes=2)) == {"failed": 1}
    assert read_what_came(organization, at=NOW + timedelta(minutes=9)) == {"quarantined": 1}
    monkeypatch.undo()
    with tenant(organization):
        event = InboundEvent.objects.get(state=EventState.QUARANTINED)
        assert event.error == "RuntimeError: of one only"
        receipts.try_again(event_id=event.pk, actor=ACTOR, now=NOW)
    assert read_what_came(organization) == {"applied": 1}


@pytest.mark.parametrize("size", [1_000_000, 1_000_001, 25_000_000])
def test_a_body_is_kept_up_to_the_size_of_a_letter_with_its_files(size: int) -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    assert call(account, b"x" * 25_000_001).status_code == 413
    assert call(account, b"x" * size).status_code == 200
    with tenant(organization):
        assert [len(event.content) for event in InboundEvent.objects.all()] == [size]


def test_letters_with_files_come_one_at_a_time_and_nothing_else_waits_for_them() -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    with hooks._mail:  # one is being read
        answer = call_once(account, b"x" * 2_000_000)
        assert (answer.status_code, answer["Retry-After"]) == (503, "30")
        assert call(account, b"{}").status_code == 200
    assert call(account, b"x" * 2_000_000).status_code == 200
    with tenant(organization):
        assert sorted(len(event.content) for event in InboundEvent.objects.all()) == [2, 2_000_000]


def test_a_rotated_address_is_unknown_from_that_moment() -> None:
    organization = make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)
    before = urlsplit(routes.address(account)).path
    with tenant(organization):
        routes.rotate(account, actor=ACTOR, now=NOW)
    assert urlsplit(routes.address(account)).path != before
    assert knock(before, b"{}", content_type="application/json").status_code == 404
    assert call(account, brevo_event("delivered", message)).status_code == 200
    assert ProviderRoute.objects.filter(account_id=account.pk).count() == 1


def test_the_address_stays_when_an_account_at_the_same_service_is_set_anew() -> None:
    organization = make_mail_room()
    message = sent(organization)
    before = use_brevo(organization)
    after = use_brevo(organization)
    assert routes.address(after) == routes.address(before)
    assert call(before, brevo_event("delivered", message)).status_code == 200
    assert read_what_came(organization) == {"applied": 1}
    with tenant(organization):
        assert InboundEvent.objects.get().account_id == after.pk
    assert ProviderRoute.objects.filter(organization_id=organization.pk, kind="anymail").count() == 1


def test_one_bell_rings_for_many_calls_and_its_task_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_mail_room()
    messages = [sent(organization) for _ in range(5)]
    account = use_brevo(organization)
    rung: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(hooks.current_app, "send_task", lambda name, args, **_: rung.append((name, args)))
    monkeypatch.setattr(hooks, "bell", hooks.Bell())
    for message in messages:
        assert call(account, brevo_event("delivered", message)).status_code == 200
    end = time.monotonic() + 5
    while not rung and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.6)
    assert 1 <= len(rung) <= 3
    assert {entry for name, args in rung for entry in (name, *args)} == {"notifications.receive", str(organization.pk)}
    with clock.virtual(NOW):
        tasks.receive(str(organization.pk))
    with tenant(organization):
        assert InboundEvent.objects.filter(state=EventState.APPLIED).count() == 5


def test_thirty_at_once_of_the_same_call_are_one_and_each_is_kept_or_told_to_call_again() -> None:
    organization = make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)
    same = brevo_event("delivered", message)
    bodies = [same] * 30 + [brevo_event("opened", message, number=number) for number in range(30)]
    with ThreadPoolExecutor(12) as together:
        statuses = list(together.map(lambda body: call_once(account, body).status_code, bodies))
        together.map(lambda _: connections.close_all(), range(12))
    assert set(statuses) <= {200, 503}
    with tenant(organization):
        kept = {event.content for event in InboundEvent.objects.all()}
        assert InboundEvent.objects.count() == len(kept)
    assert {body for body, status in zip(bodies, statuses, strict=True) if status == 200} <= kept


def test_the_database_away_means_503_and_no_2xx(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    path = urlsplit(routes.address(account)).path
    monkeypatch.setitem(connections.settings["default"], "PORT", "1")
    monkeypatch.setattr(hooks, "keepers", hooks.Keepers())  # threads without a connection yet
    answer = knock(path, b"{}", content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_a_database_that_cannot_keep_a_call_is_not_waited_for() -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE notifications_inboundevent IN ACCESS EXCLUSIVE MODE")
        try:  # the lock is given back when all of this was seen: whoever waited for it would wait for ever
            assert [call_once(account, b"{}").status_code for _ in range(3)] == [503] * 3
            while _waiting_for_locks(cursor):
                time.sleep(0.02)
        finally:
            cursor.execute("ROLLBACK")
    assert call(account, b"{}").status_code == 200


def _waiting_for_locks(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    count: int = cursor.fetchone()[0]
    return count


@pytest.mark.parametrize("many", [1, 30])
def test_calls_on_one_address_are_kept_by_two_exchanges_however_many_they_are(many: int) -> None:
    organization = make_mail_room()
    message = sent(organization)
    address = urlsplit(routes.address(use_brevo(organization)))
    token, pair = address.path.rpartition("/")[2], base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    bodies = [brevo_event("opened", message, number=number) for number in range(many)]
    calls = [receipts.Call("anymail", token, address.path, {"authorization": f"Basic {pair}"}, body, NOW) for body in bodies]
    receipts.accept(calls[:1])
    with CaptureQueriesContext(connection) as exchanges:
        verdicts = [kept.verdict for kept in receipts.accept(calls)]
    assert (verdicts, len(exchanges)) == ([receipts.Verdict.KEPT] * many, 2)
    with tenant(organization):
        assert InboundEvent.objects.count() == many


def test_the_sweep_finds_what_no_bell_announced_and_passes_by_the_quiet() -> None:
    organization, quiet = make_mail_room(), make_mail_room()
    message = sent(organization)
    account = use_brevo(organization)
    use_brevo(quiet)
    call(account, brevo_event("delivered", message))
    assert receipts._organizations_with_news() == [organization.pk]
    with clock.virtual(NOW):
        assert receipts.apply_due(now=NOW) == {"applied": 1}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_providerroute SET heard_at = heard_at - interval '1 hour'")
    assert receipts._organizations_with_news() == []
    assert receipts.apply_due(now=NOW) == {}
    call(account, brevo_event("opened", message))
    assert receipts.apply_due(now=NOW) == {"applied": 1}


def test_calls_are_forgotten_after_thirteen_months() -> None:
    organization = make_mail_room()
    message = sent(organization)
    call(use_brevo(organization), brevo_event("delivered", message))
    read_what_came(organization)
    with tenant(organization):
        assert receipts.forget(now=NOW + timedelta(days=395)) == 0
        assert receipts.forget(now=NOW + timedelta(days=397)) == 1


def test_twilio_is_registered_too() -> None:
    organization = make_mail_room()
    assert routes.address(use_twilio(organization)).startswith("http://127.0.0.1:8000/hooks/twilio/")
