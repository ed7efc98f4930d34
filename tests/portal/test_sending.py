"""The link through the whole way out: prepared by one pass, sent by another, tried again, prepared anew for somebody else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from customers.models import Contact, PortalToken
from customers.services import update_contact
from dunning.core import clock
from dunning.core.tenancy import tenant
from notifications import freezing
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.services.answers import send_statement
from tests.factories import make_customer, make_invoice
from tests.notifications.mailroom import use_smtp
from tests.portal.conftest import LINK, NOW, TODAY, link_in, opened
from tests.scenarios.houses import CLERK, open_house, run_on
from tests.servers import MailSink, mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with mail_server() as server:
        yield server


def written(sink: MailSink, count: int = 1) -> tuple[object, list[Message]]:
    organization = open_house(default_language="en")
    with tenant(organization):
        use_smtp(sink)
        messages = []
        for number in range(count):
            customer = make_customer(f"C{number}", language="en")
            make_invoice(customer, number=f"FA-{number}", issued_on=TODAY - timedelta(days=40), due_on=TODAY - timedelta(days=10))
            messages += send_statement(customer=customer, actor=CLERK, today=TODAY, now=NOW)
    return organization, messages


def test_the_bytes_on_the_wire_hold_the_link_and_the_database_does_not(sink: MailSink) -> None:
    organization, _messages = written(sink, 3)
    assert deliver_due(now=NOW, organization=organization) == {"accepted": 3}
    assert PortalToken.objects.count() == 3
    links = set()
    for mail in sink.received:
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        (path,) = set(LINK.findall(text))
        assert LINK.findall(html) == [path]
        links.add(path)
    assert len(links) == 3
    with tenant(organization):
        for message in Message.objects.all():
            assert freezing.is_intact(message) and link_in(message) in links
            assert not any(path.split("/")[2] in message.body_text + message.body_html for path in links)
    for path in links:
        assert opened(path).get("/portal/").status_code == 200


def test_a_message_that_is_tried_again_carries_the_same_link(sink: MailSink, at_noon: clock.VirtualClock) -> None:
    organization, (message,) = written(sink)
    sink.on_data["*"] = "451 Try again later"
    deliver_due(now=NOW, organization=organization)
    with tenant(organization):
        first = Message.objects.get(pk=message.pk)
        assert first.state == "retry" and first.link_digest
        before = link_in(first)
    sink.on_data.clear()
    deliver_due(now=NOW + timedelta(hours=1), organization=organization)
    assert LINK.findall(sink.received[0].get_body(("plain",)).get_content()) == [before]
    assert PortalToken.objects.count() == 1


def test_a_reminder_prepared_again_for_another_address_ends_the_first_link(sink: MailSink) -> None:
    organization = open_house(default_language="en")
    with tenant(organization):
        use_smtp(sink)
        customer = make_customer("C1", language="en")
        make_invoice(customer, number="FA-1", issued_on=TODAY - timedelta(days=31), due_on=TODAY - timedelta(days=1))
    sink.on_data["*"] = "451 Try again later"
    run_on(organization, TODAY.isoformat())
    with tenant(organization):
        first = link_in(Message.objects.get())
        update_contact(contact=Contact.objects.get(), email="roy@client.example", actor=CLERK, today=TODAY, now=NOW)
    assert Client().get(first).status_code == 404
    sink.on_data.clear()
    deliver_due(now=NOW + timedelta(hours=1), organization=organization)
    (second,) = LINK.findall(sink.received[0].get_body(("plain",)).get_content())
    assert sink.received[0]["To"].endswith("<roy@client.example>") and second != first
    assert opened(second).get("/portal/").status_code == 200
    assert [(row.generation, row.revoked_at is None) for row in PortalToken.objects.order_by("generation")] == [(1, False), (2, True)]


def test_an_answer_to_an_address_that_is_no_longer_the_contacts_leaves_without_a_link(sink: MailSink) -> None:
    organization, _messages = written(sink)
    sink.on_data["*"] = "451 Try again later"
    deliver_due(now=NOW, organization=organization)
    with tenant(organization):
        update_contact(contact=Contact.objects.get(), email="roy@client.example", actor=CLERK, today=TODAY, now=NOW)
    sink.on_data.clear()
    deliver_due(now=NOW + timedelta(hours=1), organization=organization)
    assert not LINK.search(sink.received[0].get_body(("plain",)).get_content())
    assert not PortalToken.objects.filter(revoked_at=None).exists()


def test_an_address_outside_the_contacts_gets_no_link(sink: MailSink) -> None:
    from notifications.enums import MessageKind
    from scenarios import outside

    organization, (message,) = written(sink)
    with tenant(organization):
        assert message.customer is not None
        outside.write(
            customer=message.customer,
            kind=MessageKind.ANSWER,
            template_key="account_statement",
            items=list(message.customer.installments.values_list("pk", flat=True)),
            recipient=("Somebody", "somebody@elsewhere.example"),
            actor=CLERK,
            today=TODAY,
            now=NOW,
        )
    assert deliver_due(now=NOW, organization=organization) == {"accepted": 2}
    mails = {mail["To"]: mail.get_body(("plain",)).get_content() for mail in sink.received}
    assert not LINK.search(mails["Somebody <somebody@elsewhere.example>"])
    assert PortalToken.objects.count() == 1
