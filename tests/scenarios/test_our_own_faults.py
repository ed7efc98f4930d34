"""Dated stories of a service that refuses because of us: no contact is given up for it, and nobody else is written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest

from customers.models import Contact, Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications import services
from notifications.enums import MessageState, Obstacle, ProviderKind
from notifications.models import Message, Suppression
from notifications.providers.mail import _kind
from scenarios.enums import TaskKind
from scenarios.models import Task
from scenarios.selectors import work_queue
from tests.factories import make_customer, make_invoice
from tests.notifications.callers import use
from tests.scenarios.houses import CLERK, at, open_house, run_on, send, steps_of
from tests.servers import Reply, http_service

pytestmark = pytest.mark.usefixtures("committed_database")

NO_CREDITS = Reply(402, {"code": "not_enough_credits", "message": "Not enough credits"})
NO_SENDER = Reply(400, {"code": "invalid_parameter", "message": "sender is not valid"})
NO_ADDRESS = Reply(400, {"code": "invalid_parameter", "message": "email is not valid in to"})
TAKEN = Reply(201, {"messageId": "<1@smtp-relay.mailin.fr>"})


@dataclass
class Brevo:
    """Durand's invoice is due on 1 October; a second contact stands behind the first; the service answers what it is told to."""

    organization: Organization
    durand: Customer
    item: Installment
    reply: Reply = field(default_factory=lambda: TAKEN)

    def contacts(self) -> list[str]:
        with tenant(self.organization):
            return list(Contact.objects.filter(customer=self.durand).order_by("position").values_list("email_state", flat=True))

    def messages(self) -> list[tuple[str, str, str]]:
        with tenant(self.organization):
            return list(Message.objects.order_by("created_at").values_list("recipient", "state", "reason"))


@contextmanager
def brevo() -> Iterator[Brevo]:
    organization = open_house()
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL")
        Contact.objects.create(customer=durand, position=2, name="Paul Durand", role="accounting", email="direction@client.example")
        item = make_invoice(durand, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    life = Brevo(organization, durand, item)
    with http_service(lambda request: life.reply) as service:
        use(organization, "email", ProviderKind.ANYMAIL, {"service": "brevo", "api_url": service.url}, {"api_key": "cle"})
        yield life


def test_used_up_credits_give_no_contact_up_and_the_reminder_leaves_once_they_are_bought() -> None:
    with brevo() as life:
        (first,) = life.contacts()[:1]
        life.reply = NO_CREDITS
        run_on(life.organization, "2026-10-02")
        (tried,) = life.messages()
        assert tried[1:] == (MessageState.RETRY, Obstacle.NOT_ACCEPTED)
        assert life.contacts()[0] == first != "failed"
        life.reply = TAKEN
        assert send(life.organization, "2026-10-02", 10) == {MessageState.ACCEPTED: 1}
        assert life.messages() == [(tried[0], MessageState.ACCEPTED, "")]


def test_a_sender_the_service_does_not_know_holds_the_reminder_for_a_person_and_spares_the_contacts() -> None:
    with brevo() as life:
        before = life.contacts()
        life.reply = NO_SENDER
        run_on(life.organization, "2026-10-02")
        (held,) = life.messages()
        assert held[1:] == (MessageState.HELD, Obstacle.TURNED_AWAY)
        assert life.contacts() == before
        with tenant(life.organization):
            message = Message.objects.get()
            assert "sender is not valid" in message.reason_text
            assert [state for key, state, _ in steps_of(life.item) if key == "r1"] == ["planned"]
            assert not Suppression.objects.exists() and not Task.objects.filter(kind=TaskKind.FIND_CONTACT).exists()
            (entry,) = [entry for entry in work_queue(today=date(2026, 10, 2), now=at("2026-10-02", 10)) if entry.kind == "held_message"]
            assert entry.id == message.pk and "sender is not valid" in entry.detail
            life.reply = TAKEN
            assert services.release(message_ids=[message.pk], actor=CLERK, now=at("2026-10-02", 10)) == 1
        send(life.organization, "2026-10-02", 10)
        assert life.messages() == [(held[0], MessageState.ACCEPTED, "")]
        with tenant(life.organization):
            assert [state for key, state, _ in steps_of(life.item) if key == "r1"] == ["done"]


def test_an_address_the_service_calls_dead_is_given_up_for_the_next_contact() -> None:
    with brevo() as life:
        life.reply = NO_ADDRESS
        run_on(life.organization, "2026-10-02")
        (first, *_) = life.messages()
        assert first[1:] == (MessageState.FAILED, Obstacle.REFUSED)
        assert life.contacts()[0] == "failed"
        life.reply = TAKEN
        send(life.organization, "2026-10-02", 10)
        assert life.messages()[-1] == ("direction@client.example", MessageState.ACCEPTED, "")


@pytest.mark.parametrize(
    ("status", "kind"),
    [("5.1.1", "bounced"), ("5.1.10", "bounced"), ("5.2.1", "bounced"), ("5.1.7", "soft_bounced"), ("5.1.8", "soft_bounced")],
)
def test_a_mail_server_that_blocks_our_own_sender_calls_no_address_dead(status: str, kind: str) -> None:
    assert _kind("failed", status) == kind
