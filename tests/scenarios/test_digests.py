"""The day by e-mail, told as dated stories against a real mail server: to whom, when, what it says, and never twice."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from customers.models import Customer
from dunning.core import notices
from dunning.core.enums import DigestRhythm, Role
from dunning.core.models import AuditEvent, Membership, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from scenarios.enums import TaskKind
from scenarios.models import Task
from scenarios.services import digests
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house, run_on
from tests.scenarios.test_notices import person
from tests.servers import MailSink, free_port, mail_server

pytestmark = pytest.mark.django_db
PARIS = ZoneInfo("Europe/Paris")


def local(day: str, hour: int = 8, minute: int = 0) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=PARIS)


@pytest.fixture
def house() -> Organization:
    return open_house()


@pytest.fixture
def server(settings: Any) -> Iterator[MailSink]:
    with mail_server() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = sink.host, sink.port
        yield sink


def subscriber(house: Organization, name: str = "anna", rhythm: DigestRhythm = DigestRhythm.DAILY, **fields: Any) -> Membership:
    member = person(house, name, fields.pop("role", Role.COLLECTOR))
    member.user.language = fields.pop("language", "en")
    member.user.save()
    member.digest = rhythm
    member.save()
    return member


def body(sink: MailSink, kind: str = "plain", number: int = -1) -> str:
    part = sink.received[number].get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_the_day_arrives_once_after_the_run_and_says_what_waits_and_what_left(house: Organization, server: MailSink) -> None:
    """Friday 2 October: a first reminder leaves. On Monday the 5th its digest tells of it, of a call, and of what is overdue."""
    anna = subscriber(house)
    person(house, "bruno")  # asked for nothing
    with tenant(house):
        durand = make_customer("C1", name="Durand SARL")
        make_invoice(durand, number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 28))
        make_invoice(make_customer("C2"), amount="300.50", currency="USD", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-09-29", "2026-10-01", "2026-10-02"):
        run_on(house, day)
    with tenant(house):
        opened = {"opened_on": date(2026, 10, 5), "due_on": date(2026, 10, 5)}
        Task.objects.create(kind=TaskKind.CALL, customer=durand, amount="1200.00", currency="EUR", **opened)
        Task.objects.create(kind=TaskKind.CALL, customer=Customer.objects.get(number="C2"), amount="300.50", currency="USD", **opened)
    assert digests.send_due(now=local("2026-10-05", 7)) == 0  # not before the day's run
    run_on(house, "2026-10-05", deliver=False)
    assert digests.send_due(now=local("2026-10-05", 6, 59)) == 0
    assert digests.send_due(now=local("2026-10-05", 7)) == 1
    assert digests.send_due(now=local("2026-10-05", 7, 5)) == 0
    (mail,) = server.received
    assert server.recipients == [anna.user.email]
    assert mail["Subject"].strip() == f"€1,200.00 + US$300.50 overdue · {house.name}"
    said = body(server)
    assert "Good morning Anna," in said
    assert "€1,200.00 + US$300.50 is overdue, on 2 invoices of 2 customers." in said
    assert "- Calls: 2 (€1,200.00 + US$300.50)" in said
    assert "since 2 October 2026" in said  # Friday: the working day before
    assert "http" in said and "/digest/" in said
    twin = body(server, "html")
    assert "Calls" in twin and "Open the day" in twin and "Good morning Anna" in twin
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip() == f"<{notices.stop_address(anna)}>"


def test_who_sees_their_own_customers_alone_is_told_of_these_alone(house: Organization, server: MailSink) -> None:
    """Sally sells: her digest knows of her customer, and of nothing else; the next person's is whole again."""
    sally, anna = subscriber(house, "sally", role=Role.SALES), subscriber(house)
    with tenant(house):
        dates = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 10, 1)}
        hers, other = make_customer(account_owner=sally.user), make_customer()
        make_invoice(hers, amount="70.00", **dates)
        make_invoice(other, amount="1000.00", **dates)
        opened = {"opened_on": date(2026, 10, 5), "due_on": date(2026, 10, 5)}
        Task.objects.create(kind=TaskKind.CALL, customer=other, amount="1000.00", currency="EUR", **opened)
    run_on(house, "2026-10-05")
    assert digests.send_due(now=local("2026-10-05")) == 2
    told = {address: body(server, number=number) for number, address in enumerate(server.recipients)}
    assert "€70.00 is overdue, on one invoice." in told[sally.user.email] and "1,000" not in told[sally.user.email]
    assert "€1,070.00 is overdue, on 2 invoices of 2 customers." in told[anna.user.email]


def test_it_speaks_the_person_s_language(house: Organization, server: MailSink) -> None:
    subscriber(house, language="fr")
    run_on(house, "2026-10-05")
    assert digests.send_due(now=local("2026-10-05")) == 1
    assert '<html lang="fr">' in body(server, "html")


def test_the_day_after_says_yesterday(house: Organization, server: MailSink) -> None:
    subscriber(house)
    run_on(house, "2026-10-06")
    assert digests.send_due(now=local("2026-10-06")) == 1
    assert "No message left yesterday." in body(server) and "Nothing is overdue" in server.received[0]["Subject"]
    assert "Nothing waits for you today." in body(server)


def test_no_digest_on_days_that_are_not_worked(house: Organization, server: MailSink) -> None:
    subscriber(house)
    with tenant(house):
        OrganizationProfile.objects.update(closures=[date(2026, 10, 6)])
    for day in ("2026-10-03", "2026-10-04", "2026-10-06", "2026-11-11"):  # Saturday, Sunday, our own day, Armistice Day
        run_on(house, day, deliver=False)
        assert digests.send_due(now=local(day)) == 0
    assert server.received == []
    run_on(house, "2026-11-12", deliver=False)
    assert digests.send_due(now=local("2026-11-12")) == 1


def test_the_weekly_one_comes_on_monday_or_on_the_first_day_worked_after_it(house: Organization, server: MailSink) -> None:
    subscriber(house, rhythm=DigestRhythm.MONDAYS)
    sent = {}
    for day in ("2027-03-22", "2027-03-23", "2027-03-29", "2027-03-30", "2027-03-31"):  # the 29th is Easter Monday
        run_on(house, day, deliver=False)
        sent[day] = digests.send_due(now=local(day))
    assert sent == {"2027-03-22": 1, "2027-03-23": 0, "2027-03-29": 0, "2027-03-30": 1, "2027-03-31": 0}
    assert "since 22 March 2027" in body(server)


def test_an_old_morning_is_not_told_in_the_afternoon(house: Organization, server: MailSink) -> None:
    subscriber(house)
    run_on(house, "2026-10-05")
    assert digests.send_due(now=local("2026-10-05", 12)) == 0
    assert server.received == []


def test_a_server_that_is_away_delays_it_and_one_that_hangs_up_is_not_asked_again(
    house: Organization, server: MailSink, settings: Any
) -> None:
    anna = subscriber(house)
    run_on(house, "2026-10-05")
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    assert digests.send_due(now=local("2026-10-05")) == 0
    anna.refresh_from_db()
    assert anna.digested_on is None
    settings.EMAIL_PORT, server.drop_after_data = there, True
    assert digests.send_due(now=local("2026-10-05", 8, 5)) == 0  # taken, and no answer
    server.drop_after_data = False
    assert digests.send_due(now=local("2026-10-05", 8, 10)) == 0
    assert len(server.received) == 1
    anna.refresh_from_db()
    assert anna.digested_on == date(2026, 10, 5)


def test_two_workers_at_once_send_one(house: Organization, server: MailSink) -> None:
    """Both have written it; the one that comes second finds the day taken."""
    anna = subscriber(house)
    run_on(house, "2026-10-05")
    now = local("2026-10-05")
    ((first, mail),) = digests._compose(house, [anna], now)
    assert digests.send_due(now=now) == 1
    assert digests._send(first, mail, date(2026, 10, 5)) == 0
    assert len(server.received) == 1


def test_one_address_that_is_refused_keeps_no_other_waiting(house: Organization, server: MailSink) -> None:
    anna, bruno = subscriber(house), subscriber(house, "bruno")
    server.on_rcpt[anna.user.email] = "550 no such person"
    run_on(house, "2026-10-05")
    assert digests.send_due(now=local("2026-10-05")) == 1
    assert server.recipients == [bruno.user.email]


def test_nothing_is_sent_to_who_left_or_may_no_longer_sign_in_nor_for_an_organization_at_rest(
    house: Organization, server: MailSink
) -> None:
    anna, bruno = subscriber(house), subscriber(house, "bruno")
    run_on(house, "2026-10-05")
    anna.user.is_active = False
    anna.user.save()
    with tenant(house):
        bruno.delete()
    subscriber(house, "carla")
    Organization.objects.filter(pk=house.pk).update(suspended_at=local("2026-10-04"))
    assert digests.send_due(now=local("2026-10-05")) == 0
    Organization.objects.filter(pk=house.pk).update(suspended_at=None)
    assert digests.send_due(now=local("2026-10-05")) == 1
    assert [address.partition("@")[0] for address in server.recipients] == ["carla"]


def test_the_link_ends_it_without_signing_in_and_by_the_button_of_a_mail_program(house: Organization, server: MailSink) -> None:
    anna, bruno = subscriber(house), subscriber(house, "bruno")
    path = notices.stop_address(anna).partition("/digest/")[2]
    visitor = Client(enforce_csrf_checks=True)
    shown = visitor.get(f"/digest/{path}")  # whoever looks at links before people do changes nothing
    assert shown.status_code == 200 and anna.user.email in shown.content.decode() and shown["Referrer-Policy"] == "no-referrer"
    anna.refresh_from_db()
    assert anna.digest == DigestRhythm.DAILY
    for _ in range(2):
        answer = visitor.post(f"/digest/{path}", {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200 and "No digest any more" in answer.content.decode()
    anna.refresh_from_db()
    bruno.refresh_from_db()
    assert (anna.digest, bruno.digest) == (DigestRhythm.OFF, DigestRhythm.DAILY)
    with tenant(house):
        assert AuditEvent.objects.filter(action="member.digest_stopped").count() == 1
    run_on(house, "2026-10-05")
    assert digests.send_due(now=local("2026-10-05")) == 1
    assert server.recipients == [bruno.user.email]


@pytest.mark.parametrize("token", ["nonsense", "0199aaaa-0000-7000-8000-000000000001.forged", "x" * 500])
def test_a_link_nobody_was_given_opens_nothing(house: Organization, token: str) -> None:
    anna = subscriber(house)
    for answer in (Client().get(f"/digest/{token}/"), Client().post(f"/digest/{token}/")):
        assert answer.status_code == 404 and anna.user.email not in answer.content.decode()
    anna.refresh_from_db()
    assert anna.digest == DigestRhythm.DAILY
