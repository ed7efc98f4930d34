"""Notices on screen: the bell, the list, where each leads, reading them, and what a person wants to hear of."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from dunning.core import notices
from dunning.core.enums import DigestRhythm, NoticeTopic, Role
from dunning.core.models import AuditEvent, Membership, Notice
from dunning.core.tenancy import tenant
from invoices.enums import FileState
from invoices.importers import working
from invoices.models import ImportFile
from scenarios.models import Task
from tests.dashboard.conftest import NOW, House, sign_in
from tests.dashboard.test_pages_inbox import answered
from tests.factories import make_organization

LIST = "dashboard:notices"


def claire(house: House) -> Membership:
    return Membership.objects.get(organization=house.organization, user__email="claire@atelier.example")


def tell(house: House, topic: NoticeTopic, *, key: str = "k", minutes: int = 0, **fields: Any) -> None:
    with tenant(house.organization):
        notices.tell(topic=topic, key=key, to=[claire(house)], now=NOW - timedelta(minutes=minutes), **fields)


def text(client: Client, name: str = LIST) -> str:
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def customer_of(house: House) -> UUID:
    with tenant(house.organization):
        found = Task.objects.get(pk=house.call.pk).customer_id
    assert found is not None
    return found


def everything(house: House) -> list[tuple[NoticeTopic, dict[str, Any], str, str]]:
    """Every topic as it is told, what the page says of it, and where it leads."""
    customer, reply = customer_of(house), UUID(int=7)
    return [
        (NoticeTopic.DAY, {"details": {"kinds": {"call": 23}}}, "23 calls for you today", reverse("dashboard:calls")),
        (NoticeTopic.DAY, {"details": {"kinds": {"call": 2, "approval": 1}}}, "3 tasks for you today", reverse("dashboard:today")),
        (
            NoticeTopic.TASK,
            {
                "details": {"task": "call", "title": "", "customer": "Durand SARL", "by": "system"},
                "object_type": "customer",
                "object_id": customer,
            },
            "Durand SARL: a task is on your desk Call, from the system",
            reverse("dashboard:customer", args=[customer]),
        ),
        (NoticeTopic.DISPUTES, {"details": {"count": 3}}, "3 disputes are yours to answer", reverse("dashboard:today")),
        (
            NoticeTopic.REPLY,
            {"details": {"customer": "Durand SARL", "sender": "x"}, "object_type": "reply", "object_id": reply},
            "Durand SARL answered",
            reverse("dashboard:reply", args=[reply]),
        ),
        (
            NoticeTopic.REPLY,
            {"details": {"customer": "", "sender": "inconnu@x.example"}, "object_type": "reply", "object_id": reply},
            "Somebody wrote: inconnu@x.example",
            reverse("dashboard:reply", args=[reply]),
        ),
        (
            NoticeTopic.NO_CONTACT,
            {"details": {"customer": "Durand SARL", "channel": "email"}, "object_type": "message", "object_id": house.sent.pk},
            "No message reaches Durand SARL",
            reverse("dashboard:message", args=[house.sent.pk]),
        ),
        (
            NoticeTopic.PROVIDER,
            {"details": {"account": "Brevo", "channel": "email", "error": "535"}, "object_type": "provider"},
            "Brevo takes no messages",
            reverse("dashboard:sending"),
        ),
        (
            NoticeTopic.FILE,
            {"details": {"file": "clients.csv"}, "object_type": "file", "object_id": reply},
            "clients.csv was not loaded",
            reverse("dashboard:import", args=[reply]),
        ),
        (NoticeTopic.BRAKE, {"details": {"messages": 120}}, "120 messages wait until somebody has looked", reverse("dashboard:board")),
        (
            NoticeTopic.RATES,
            {"details": {"semester": "2027-H1", "series": ["ecb_mro"], "coming": False}},
            "A reference rate is missing: 1st half of 2027 European Central Bank, main refinancing rate: formal notices",
            reverse("dashboard:rates"),
        ),
        (
            NoticeTopic.LATE,
            {"details": {"kinds": {"call": 12, "post_letter": 1}}},
            "13 tasks of the team are late Call (12), ",
            reverse("dashboard:today"),
        ),
    ]


def test_every_topic_has_its_sentence_and_leads_to_its_object(owner: Client, house: House) -> None:
    told = everything(house)
    assert {topic for topic, *_rest in told} == set(NoticeTopic)
    for number, (topic, fields, _words, _to) in enumerate(told):
        tell(house, topic, key=f"k{number}", minutes=number, **fields)
    shown = text(owner)
    for topic, _fields, words, _to in told:
        assert words in shown, topic
    with tenant(house.organization):
        rows = list(notices.notices_of(claire(house)))
    for row, (_topic, _fields, _words, to) in zip(rows, told, strict=True):
        assert owner.get(reverse("dashboard:notice", args=[row.pk]))["Location"] == to


def test_the_bell_counts_what_is_new_on_every_page_and_reading_takes_it_off(owner: Client, house: House) -> None:
    bell = "Notices 2 2 new"
    assert "one new" not in text(owner, "dashboard:invoices")
    tell(house, NoticeTopic.BRAKE, key="a", details={"messages": 1})
    assert "Notices 1 one new" in text(owner, "dashboard:invoices")
    tell(house, NoticeTopic.FILE, key="b", details={"file": "f.csv"})
    assert bell in text(owner, "dashboard:settings")
    with tenant(house.organization):
        first = notices.notices_of(claire(house)).last()
    assert first is not None
    owner.get(reverse("dashboard:notice", args=[first.pk]))
    assert "Notices 1 one new" in text(owner)
    owner.post(reverse("dashboard:notice_read", args=[first.pk]))
    with tenant(house.organization):
        assert notices.count_unread(claire(house)) == 1


def test_all_that_was_shown_is_read_and_what_came_meanwhile_is_not(owner: Client, house: House) -> None:
    tell(house, NoticeTopic.BRAKE, key="a", minutes=5, details={"messages": 1})
    page = owner.get(reverse(LIST)).content.decode()
    found = re.search(r'name="until" value="([^"]+)"', page)
    assert found is not None
    tell(house, NoticeTopic.FILE, key="b", details={"file": "f.csv"})
    answer = owner.post(reverse("dashboard:notices_read"), {"until": found[1]}, follow=True)
    assert "One notice is read." in answer.content.decode()
    with tenant(house.organization):
        assert [row.key for row in Notice.objects.filter(read_at=None)] == ["b"]
    assert owner.post(reverse("dashboard:notices_read"), {"until": "soon"}).status_code == 302
    with tenant(house.organization):
        assert notices.count_unread(claire(house)) == 0


def test_nobody_reads_or_opens_another_person_s_notices(owner: Client, viewer: Client, stranger: Client, house: House) -> None:
    tell(house, NoticeTopic.FILE, details={"file": "secret.csv"})
    with tenant(house.organization):
        (row,) = Notice.objects.all()
    for other in (viewer, stranger):
        assert "secret.csv" not in text(other)
        assert other.get(reverse("dashboard:notice", args=[row.pk])).status_code == 404
        assert other.post(reverse("dashboard:notice_read", args=[row.pk])).status_code == 404
        other.post(reverse("dashboard:notices_read"))
    with tenant(house.organization):
        assert Notice.objects.get().read_at is None


def test_everybody_chooses_for_themselves_and_the_digest_is_off_until_asked_for(viewer: Client, house: House) -> None:
    vera = Membership.objects.get(organization=house.organization, role=Role.VIEWER)
    assert vera.digest == DigestRhythm.OFF and vera.muted == []
    path = reverse("dashboard:notices_choose")
    assert "vera@atelier.example" in text(viewer, "dashboard:notices_choose")
    assert viewer.post(path, {"kinds": ["reply"], "digest": "daily"})["Location"] == reverse(LIST)
    vera.refresh_from_db()
    assert (sorted(vera.muted), vera.digest) == (["failure", "late", "task"], DigestRhythm.DAILY)
    assert viewer.post(path, {"kinds": ["gossip"], "digest": "hourly"}).status_code == 422
    vera.refresh_from_db()
    assert vera.digest == DigestRhythm.DAILY
    with tenant(house.organization):
        assert AuditEvent.objects.filter(action="member.notices_chosen").count() == 1


def test_an_empty_day_offers_the_digest_to_who_has_none(house: House, at_nine: None) -> None:
    calm = sign_in(make_organization(), email="calm@elsewhere.example")
    assert "Get the day by e-mail each morning" in text(calm, "dashboard:today")
    Membership.objects.filter(user__email="calm@elsewhere.example").update(digest=DigestRhythm.MONDAYS)
    assert "Get the day by e-mail each morning" not in text(calm, "dashboard:today")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_as_much_of_the_database_for_one_notice_as_for_three(
    owner: Client, house: House, rows: int, django_assert_num_queries: Any
) -> None:
    details = {"task": "call", "title": "", "customer": "", "by": "system"}
    for number in range(rows):
        tell(house, NoticeTopic.TASK, key=f"k{number}", details=details)
    with django_assert_num_queries(12):
        owner.get(reverse(LIST))


def test_a_reply_is_told_to_the_account_owner_alone_when_they_work(house: House) -> None:
    claire_ = sign_in(house.organization)
    sign_in(house.organization, Role.COLLECTOR, "paul@atelier.example")
    paul = Membership.objects.get(user__email="paul@atelier.example")
    first = answered(house, claire_)
    with tenant(house.organization):
        assert set(Notice.objects.values_list("membership", "key")) == {
            (member, f"reply:{first.pk}") for member in (paul.pk, claire(house).pk)
        }
        Customer.objects.filter(pk=customer_of(house)).update(account_owner=paul.user)
    second = answered(house, claire_, "Encore une chose.")
    with tenant(house.organization):
        assert Notice.objects.get(key=f"reply:{second.pk}").membership_id == paul.pk


def test_a_file_that_cannot_be_worked_through_is_told_to_whom_gave_it(owner: Client, house: House, settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {**settings.STORAGES, "documents": {**settings.STORAGES["documents"], "OPTIONS": {"location": tmp_path}}}
    answer = owner.post("/imports/", {"file": [SimpleUploadedFile("clients.csv", b"numero;nom\nC7;Sept SARL\n")]})
    assert answer.status_code == 302, answer.content.decode()
    for kept in [path for path in tmp_path.rglob("*") if path.is_file()]:
        kept.unlink()
    with tenant(house.organization):
        ImportFile.objects.update(state=FileState.CHECKING, asked_by=f"user:{claire(house).user_id}")
        file = ImportFile.objects.get()
    assert working.work_on(organization=house.organization, file_id=file.pk) == FileState.GIVEN
    assert "clients.csv was not loaded" in text(owner)
    with tenant(house.organization):
        assert Notice.objects.get(topic="file").membership_id == claire(house).pk
