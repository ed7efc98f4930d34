"""The inbox and the local mailbox as a clerk meets them."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from dunning.core import clock
from dunning.core.documents import store
from dunning.core.enums import Role
from dunning.core.models import Notice, User
from dunning.core.services import hold_everything
from dunning.core.tenancy import tenant
from notifications.enums import EventState, MessageState, ProviderKind
from notifications.models import InboundEvent, InboundMessage, Message, ProviderAccount
from notifications.services import close_address, set_provider
from scenarios.models import Task
from tests.dashboard.conftest import NOW, House, sign_in
from tests.factories import make_customer, make_organization
from tests.scenarios.houses import CLERK


def post(client: Client, name: str, pk: Any, **data: Any) -> Any:
    with clock.virtual(NOW):
        return client.post(reverse(f"dashboard:{name}", args=[pk]), data, follow=True)


def get(client: Client, name: str, *args: Any, **query: Any) -> Any:
    with clock.virtual(NOW):
        return client.get(reverse(f"dashboard:{name}", args=args), query)


def answered(house: House, client: Client, text: str = "C'est payé depuis lundi.") -> InboundMessage:
    post(client, "message_answer", house.sent.pk, act="reply", text=text)
    with tenant(house.organization):
        return InboundMessage.objects.order_by("-received_at", "-pk").select_related("customer").first()  # type: ignore[return-value]  # there is one


def test_a_reply_is_tried_read_on_todays_queue_and_dealt_with(house: House) -> None:
    client = sign_in(house.organization)
    page = get(client, "message", house.sent.pk)
    assert b'name="act" value="absence"' in page.content
    reply = answered(house, client)

    today = get(client, "today").content.decode()
    assert "C&#x27;est payé depuis lundi." in today
    inbox = get(client, "inbox").content.decode()
    assert "C&#x27;est payé depuis lundi." in inbox and "Durand SARL" in inbox
    shown = get(client, "reply", reply.pk).content.decode()
    assert "Nothing is sent to Durand SARL until this is dealt with." in shown and "the message it answers" in shown

    answer = post(client, "reply_handle", reply.pk)
    assert "The plan of Durand SARL goes on." in answer.content.decode()
    with tenant(house.organization):
        reply.refresh_from_db()
        assert reply.handled_by.startswith("user:")
        assert reply.customer is not None and reply.customer.reply_pending_since is None
        assert not Task.objects.filter(kind="reply", state="open").exists()


def test_a_reply_without_words_is_refused_and_nothing_came_in(house: House) -> None:
    client = sign_in(house.organization)
    page = post(client, "message_answer", house.sent.pk, act="reply", text="  ")
    assert "Write what the customer answers." in page.content.decode()
    page = post(client, "message_answer", house.sent.pk, act="wrong_number")
    assert "cannot be answered here" in page.content.decode()
    with tenant(house.organization):
        assert (InboundEvent.objects.count(), InboundMessage.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("act", "state"), [("delivered", MessageState.DELIVERED), ("bounced", MessageState.BOUNCED), ("complained", MessageState.COMPLAINED)]
)
def test_one_click_reports_what_became_of_it(house: House, act: str, state: MessageState) -> None:
    client = sign_in(house.organization)
    post(client, "message_answer", house.sent.pk, act=act)
    with tenant(house.organization):
        assert Message.objects.get(pk=house.sent.pk).state == state


def test_an_absence_is_tried_with_one_click(house: House) -> None:
    client = sign_in(house.organization)
    page = post(client, "message_answer", house.sent.pk, act="absence").content.decode()
    assert "Away until 23 October 2026" in page
    with tenant(house.organization):
        assert InboundMessage.objects.get().absent_until == NOW.date() + timedelta(days=14)


def test_an_absence_is_noted_by_a_person(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client, "Je rentre le 20.")
    assert get(client, "reply_away", reply.pk).status_code == 200
    page = post(client, "reply_away", reply.pk, until="2026-10-20", substitute="")
    assert "away until 20 October 2026" in page.content.decode()
    with tenant(house.organization):
        reply.refresh_from_db()
        assert (reply.kind, reply.handled_at) == ("absence", NOW)
    assert post(client, "reply_away", reply.pk, until="2026-01-01", substitute="").status_code == 422


def test_an_unmatched_message_is_joined_to_a_customer(house: House) -> None:
    client = sign_in(house.organization)
    with tenant(house.organization):
        reply = InboundMessage.objects.create(
            event_id=house.receipt,
            channel="email",
            kind="human",
            sender="x@elsewhere.example",
            said="Bonjour",
            text="Bonjour",
            received_at=NOW,
        )
    assert "x@elsewhere.example" in get(client, "today").content.decode()
    assert "It names no message of ours" in get(client, "reply", reply.pk).content.decode()
    assert post(client, "reply_join", reply.pk, customer="NOBODY").status_code == 422
    assert "whose reminders wait" in post(client, "reply_join", reply.pk, customer="C2").content.decode()
    assert post(client, "reply_join", reply.pk, customer="C2").status_code == 422  # theirs already
    with tenant(house.organization):
        reply.refresh_from_db()
        assert reply.customer is not None and (reply.customer.number, reply.matched_by) == ("C2", "person")
        assert reply.customer.reply_pending_since == NOW


def test_a_message_joined_to_the_wrong_customer_is_given_to_another(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client)
    with tenant(house.organization):
        other = Customer.objects.get(number="C2")
        thought = reply.customer
        assert thought is not None and thought.reply_pending_since is not None
        assert Task.objects.filter(kind="reply", customer=thought, state="open").exists()
    assert "reminders go on" in get(client, "reply_join", reply.pk).content.decode()
    assert "whose reminders wait" in post(client, "reply_join", reply.pk, customer="C2").content.decode()
    with tenant(house.organization):
        for row in (reply, thought, other):
            row.refresh_from_db()
        assert (reply.customer, reply.contact, reply.message, reply.matched_by) == (other, None, None, "person")
        assert thought.reply_pending_since is None
        assert other.reply_pending_since is not None
        assert not Task.objects.filter(kind="reply", customer=thought, state="open").exists()


def test_calls_in_trouble_are_named_and_read_again(house: House) -> None:
    client = sign_in(house.organization)
    with tenant(house.organization):
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        event = InboundEvent.objects.create(
            account_id=account.pk,
            kind="post_office",
            key="k",
            body=b"{",
            state=EventState.UNREADABLE,
            error="It is no JSON",
            due_at=NOW,
            received_at=NOW,
        )
    page = get(client, "inbox", kinds="trouble").content.decode()
    assert "It is no JSON" in page and "Cannot be read" in page
    post(client, "read_again", event.pk)
    with tenant(house.organization):
        assert InboundEvent.objects.get().state == EventState.STORED


def test_who_may_only_look_changes_nothing(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client)
    viewer = sign_in(house.organization, Role.VIEWER, "viewer@atelier.example")
    assert get(viewer, "reply", reply.pk).status_code == 200
    assert b"reply_handle" not in get(viewer, "reply", reply.pk).content
    for name in ("reply_handle", "reply_join", "reply_away"):
        assert post(viewer, name, reply.pk, customer="C2", until="2026-10-20").status_code == 403
    assert post(viewer, "message_answer", house.sent.pk, act="bounced").status_code == 403


def test_another_organizations_reply_does_not_exist(house: House) -> None:
    reply = answered(house, sign_in(house.organization))
    stranger = sign_in(make_organization(), email="other@elsewhere.example")
    assert get(stranger, "reply", reply.pk).status_code == 404
    assert post(stranger, "reply_handle", reply.pk).status_code == 404
    with tenant(house.organization):
        reply.refresh_from_db()
        assert reply.handled_at is None


def test_what_they_write_is_escaped(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client, "<script>alert(1)</script><img src=x onerror=alert(1)>")
    for page in (get(client, "reply", reply.pk), get(client, "inbox"), get(client, "today"), get(client, "message", house.sent.pk)):
        assert b"<script>alert(1)" not in page.content and b"<img src=x" not in page.content


def test_the_address_of_a_way_in_is_printed_and_rotated(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*more: str) -> str:
        call_command("provider_hook", "--organization", house.organization.slug, "--channel", "email", *more)
        return capsys.readouterr().out.strip()

    with pytest.raises(CommandError, match="never calls"):
        printed()  # the local post office
    with tenant(house.organization):
        set_provider(
            channel="email", kind=ProviderKind.ANYMAIL, actor=CLERK, now=NOW, settings={"service": "brevo"}, secrets={"api_key": "k"}
        )
        make_customer()
    first = printed()
    assert first.startswith("http://dunning:") and "/hooks/anymail/" in first
    assert printed() == first
    assert printed("--rotate") != first


def test_a_reply_is_given_to_a_colleague_who_is_told_and_finds_it_under_mine(house: House) -> None:
    client = sign_in(house.organization)
    anna = sign_in(house.organization, Role.COLLECTOR, "anna@atelier.example")
    reply = answered(house, client)
    with tenant(house.organization):
        InboundMessage.objects.create(
            event_id=house.receipt, channel="email", kind="human", sender="x@elsewhere.example", said="Allô ?", received_at=NOW
        )
        person = User.objects.get(email="anna@atelier.example")

    def listed(who: Client, desk: str) -> tuple[bool, bool]:
        page = get(who, "inbox", desk=desk).content.decode()
        return "depuis lundi" in page, "Allô" in page

    assert (listed(anna, "mine"), listed(anna, "nobody"), listed(anna, "")) == ((False, False), (True, True), (True, True))
    assert "It is on the desk of Claire Petit" in post(client, "reply_give", reply.pk, owner=str(person.pk)).content.decode()
    assert (listed(anna, "mine"), listed(anna, "nobody"), listed(client, "mine")) == ((True, False), (False, True), (False, False))
    assert 'class="second">Claire Petit' in get(client, "inbox").content.decode()
    with tenant(house.organization):
        notice = Notice.objects.get(topic="task", membership__user=person)
        assert notice.details["customer"] == "Durand SARL"
        assert Task.objects.get(kind="reply").assignee == person

    post(client, "reply_give", reply.pk, owner="none")
    assert listed(anna, "nobody") == (True, True)
    post(client, "reply_handle", reply.pk)
    assert "is dealt with" in post(client, "reply_give", reply.pk, owner=str(person.pk)).content.decode()


def test_nobodys_message_is_given_to_nobody_and_only_to_who_works(house: House) -> None:
    client = sign_in(house.organization)
    sign_in(house.organization, Role.VIEWER, "vera@atelier.example")
    with tenant(house.organization):
        reply = InboundMessage.objects.create(event_id=house.receipt, channel="email", kind="human", sender="x@e.example", received_at=NOW)
        me, vera = (User.objects.get(email=f"{name}@atelier.example") for name in ("claire", "vera"))
    assert "Say first whose this message is" in post(client, "reply_give", reply.pk, owner=str(me.pk)).content.decode()
    assert post(client, "reply_give", reply.pk, owner=str(vera.pk)).status_code == 422
    with tenant(house.organization):
        assert not Task.objects.filter(kind="reply").exists()


def answering(client: Client, reply: InboundMessage, act: str, **data: Any) -> Any:
    return post(client, "reply_answer", reply.pk, **{"subject": "Re: Facture FA-1", "text": "Nous regardons.", "act": act, **data})


def seen_on(page: Any) -> str:
    found = re.search(rb'name="seen" value="([0-9a-f-]{36})"', page.content)
    assert found is not None
    return found[1].decode()


def test_an_answer_is_written_looked_at_and_sent_once(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client)
    page = get(client, "reply_answer", reply.pk)
    seen = seen_on(page)
    assert f'name="subject" value="{reply.subject}"' in unescape(page.content.decode()) and b"?ready=ready_bank" in page.content
    assert "Voici nos coordonnées bancaires" in get(client, "reply_answer", reply.pk, ready="ready_bank").content.decode()

    look = answering(client, reply, "look", seen=seen).content.decode()
    assert "It leaves in a minute to" in look and "Bien cordialement" in look and reply.sender in look
    with tenant(house.organization):
        assert not reply.answers.exists()
    assert answering(client, reply, "look", seen=seen, text=" ").status_code == 422
    assert "Nous regardons." in answering(client, reply, "change", seen=seen).content.decode()

    assert "the message is dealt with" in answering(client, reply, "send", seen=seen).content.decode()
    assert "nothing is sent twice" in answering(client, reply, "send", seen=seen).content.decode()
    stale = answering(client, reply, "keep", seen=seen, text="Autre chose.")
    assert stale.status_code == 422 and "The exchange went on" in stale.content.decode() and "Nous regardons." in stale.content.decode()
    assert "leaves in a minute." in answering(client, reply, "keep", seen=seen_on(stale), text="Autre chose.").content.decode()
    with tenant(house.organization):
        first, second = reply.answers.order_by("answer_number")
        assert (first.state, second.state) == (MessageState.QUEUED, MessageState.QUEUED)
        reply.refresh_from_db()
        assert reply.handled_at == NOW

    with clock.virtual(NOW):
        back = {"act": "withdraw", "from": "reply", "reason": "Trop vite"}
        page = client.post(reverse("dashboard:board_act"), {**back, "message": str(second.pk)}, follow=True)
        assert page.redirect_chain[-1][0] == reverse("dashboard:reply", args=[reply.pk]) and "is taken back" in page.content.decode()
        page = client.post(reverse("dashboard:board_act"), {**back, "message": str(second.pk)}, follow=True)
        assert "can no longer be taken back" in page.content.decode()
    assert "Open what it answers" in get(client, "message", first.pk).content.decode()


def test_an_exchange_is_read_in_as_many_queries_when_it_is_long(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client)
    addresses = [reverse(f"dashboard:{name}", args=[reply.pk]) for name in ("reply", "reply_answer")]

    def counted() -> list[int]:
        counts = []
        for address in addresses:
            with clock.virtual(NOW), CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        return counts

    counted()  # what is read once per process
    before = counted()
    for number in (1, 2):
        seen = seen_on(get(client, "reply_answer", reply.pk))
        answering(client, reply, "keep", seen=seen, text=f"Réponse {number}")
    answered(house, client, "Encore moi.")
    page = get(client, "reply", reply.pk).content.decode()
    assert page.index("C&#x27;est payé") < page.index("Encore moi.") < page.index("Réponse 2")
    assert counted() == before


def test_an_answer_to_a_closed_address_is_refused_and_only_who_works_answers(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client)
    viewer = sign_in(house.organization, Role.VIEWER, "viewer@atelier.example")
    sales = sign_in(house.organization, Role.SALES, "sales@atelier.example")
    for other in (viewer, sales):
        assert answering(other, reply, "send", seen="x").status_code in (403, 404)
        assert get(other, "reply_answer", reply.pk).status_code in (403, 404)
    assert b"/answer/" not in get(viewer, "reply", reply.pk).content
    with tenant(house.organization):
        close_address(channel="email", address=reply.sender, actor=CLERK, now=NOW)
    assert "Nothing may be sent to" in get(client, "reply", reply.pk).content.decode()
    assert "Nothing may be sent to" in answering(client, reply, "send", seen="x").content.decode()
    with tenant(house.organization):
        assert not reply.answers.exists()


def test_copies_and_words_of_others_are_escaped_and_named_before_they_leave(house: House) -> None:
    client = sign_in(house.organization)
    reply = answered(house, client, "<b>La facture ?</b>")
    with tenant(house.organization):
        invoice = house.item.invoice
        invoice.document = store(content=b"%PDF-1.4 FA-1", media_type="application/pdf", filename="x.pdf", now=NOW)
        invoice.save(update_fields=["document"])
        hold_everything(reason="Migration", actor=CLERK, now=NOW)
    page = get(client, "reply_answer", reply.pk, ready="ready_copy").content.decode()
    assert re.search(rf'value="{invoice.pk}"[^>]*checked', page) and "<b>La facture" not in page
    look = answering(client, reply, "look", seen="x", invoices=str(invoice.pk), text="<i>Voilà</i>").content.decode()
    assert "Facture-FA-1.pdf" in look and "everything is held" in look and "<i>Voilà" not in look
