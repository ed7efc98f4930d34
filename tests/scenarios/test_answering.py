"""Dated stories of an exchange: a debtor writes, a person answers, the debtor writes again, and it stays one conversation."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from customers.models import Contact, Customer
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.services import hold_everything
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from notifications import correspondence, mailbox, services
from notifications.enums import MessageKind, MessageState, ProviderKind
from notifications.freezing import is_intact
from notifications.models import InboundMessage, Message, MessageTemplate, QueueTicket
from scenarios.enums import TaskKind, TaskState
from scenarios.invariants import check
from scenarios.models import Task
from scenarios.selectors.ready_answers import BANK, COPY, NOTED, beginning_of_answer
from scenarios.services.answering import Words, answer_reply, look_at_answer
from scenarios.services.board import release_all, withdraw_messages
from scenarios.services.replies import join_reply
from tests.factories import make_customer, make_invoice
from tests.notifications.callers import call, read_what_came, use
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.servers import MailSink, mail_server

pytestmark = pytest.mark.usefixtures("committed_database")
MONDAY, TUESDAY = "2026-10-05", "2026-10-06"
WORDS = Words("Re: Facture FA-1", "Bonjour Madame,\n\nVoici ce que vous demandez : 100 % {{juré}}.\n<b>Merci</b>")


class Exchange:
    """Durand was reminded on Friday the 2nd, and answers on Monday the 5th at eight."""

    def __init__(self, text: str = "Pouvez-vous m'envoyer la facture ?", **customer: Any) -> None:
        self.organization = open_house()
        with tenant(self.organization):
            self.durand: Customer = make_customer("C1", name="Durand SARL", **customer)
            self.item = make_invoice(self.durand, number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        run_on(self.organization, "2026-10-02")
        with tenant(self.organization):
            self.reminder = Message.objects.get(state=MessageState.ACCEPTED, template_key="r1")
        self.reply = self.write(self.reminder, text, MONDAY, 8)

    def write(self, message: Message, text: str, day: str, hour: int) -> InboundMessage:
        with tenant(self.organization):
            mailbox.answer(message_id=message.pk, act="reply", text=text, now=at(day, hour))
            return InboundMessage.objects.get(message=message, said=text)

    def seen(self, reply: InboundMessage | None = None) -> str:
        return correspondence.exchange_of(reply or self.reply)[-1].key

    def answer(
        self,
        words: Words = WORDS,
        *,
        reply: InboundMessage | None = None,
        seen: str = "",
        deals: bool = True,
        day: str = MONDAY,
        hour: int = 9,
    ) -> tuple[Message, bool]:
        reply = reply or self.reply
        with tenant(self.organization):
            given = {"reply_id": reply.pk, "words": words, "seen": seen or self.seen(reply), "deals": deals}
            return answer_reply(**given, actor=CLERK, today=date.fromisoformat(day), now=at(day, hour))

    def refused(self, words: Words = WORDS, **more: Any) -> str:
        with pytest.raises(DomainError) as refusal:
            self.answer(words, **more)
        with tenant(self.organization):
            assert not Message.objects.filter(kind=MessageKind.WRITTEN).exists()
            self.reply.refresh_from_db()
            assert self.reply.handled_at is None
        return refusal.value.code

    def copy_of(self, invoice: Invoice) -> Invoice:
        content = f"%PDF-1.4 {invoice.number}".encode()
        invoice.document = documents.store(content=content, media_type="application/pdf", filename="x.pdf", now=at(MONDAY))
        invoice.save(update_fields=["document"])
        return invoice

    def state(self, message: Message) -> str:
        with tenant(self.organization):
            return Message.objects.get(pk=message.pk).state

    def sound(self, day: str) -> None:
        assert not list(check(self.organization, now=at(day, 12)))


def test_they_write_a_clerk_answers_they_write_again_and_it_is_one_exchange() -> None:
    life = Exchange()
    message, is_new = life.answer()
    assert is_new
    with tenant(life.organization):
        life.reply.refresh_from_db()
        life.durand.refresh_from_db()
        assert (life.reply.handled_by, life.durand.reply_pending_since) == (CLERK, None)
    assert send(life.organization, MONDAY) == {}  # it leaves in a minute

    assert send(life.organization, MONDAY, 22) == {"accepted": 1}  # no hours are waited for: somebody wrote it now
    with tenant(life.organization):
        message.refresh_from_db()
        assert message.body_text.startswith(WORDS.text) and "Bien cordialement" in message.body_text
        assert "100 % {{juré}}.<br>&lt;b&gt;Merci&lt;/b&gt;" in message.body_html
        assert (message.group_key, message.amount, message.answer_number) == ("", Decimal(0), 1)
        assert message.recipient == life.reply.sender
        assert (message.in_reply_to, message.header_references) == (
            life.reply.header_id,
            f"{life.reminder.header_id} {life.reply.header_id}",
        )
        assert is_intact(message)

    again = life.write(message, "Merci, c'est payé.", TUESDAY, 8)
    with tenant(life.organization):
        assert again.subject == "Re: Re: Facture FA-1"
        assert beginning_of_answer(reply=again, ready="", today=date(2026, 10, 6)).subject == "Re: Facture FA-1"
    second, _new = life.answer(Words("Re: Facture FA-1", "Parfait."), reply=again, deals=False, day=TUESDAY)
    send(life.organization, TUESDAY, 10)
    with tenant(life.organization):
        second.refresh_from_db()
        again.refresh_from_db()
        assert again.handled_at is None
        wanted = [life.reminder, life.reply, message, again, second]
        for reply in (life.reply, again):
            assert [one.key for one in correspondence.exchange_of(reply)] == [str(row.pk) for row in wanted]
        assert second.header_references.split() == [
            life.reminder.header_id, life.reply.header_id, message.header_id, again.header_id,
        ]  # fmt: skip
        assert again.matched_by == "references"
    life.sound(TUESDAY)


def test_an_answer_takes_no_slot_of_a_reminder_and_its_day_still_has_one() -> None:
    life = Exchange()
    message, _new = life.answer()
    with tenant(life.organization):
        other = make_invoice(life.durand, number="FA-2", amount="900.00", issued_on=date(2026, 9, 4), due_on=date(2026, 10, 4))
    run_on(life.organization, MONDAY)
    with tenant(life.organization):
        # the 2nd's reminder spaces the next one to the 7th, and the answer of the 5th moves that by nothing
        assert not Message.objects.filter(kind=MessageKind.REMINDER, planned_on=date(2026, 10, 5)).exists()
    run_on(life.organization, TUESDAY)
    run_on(life.organization, "2026-10-07")
    with tenant(life.organization):
        left = Message.objects.filter(kind=MessageKind.REMINDER, cargo__action__installment=other, state=MessageState.ACCEPTED)
        assert [row.planned_on for row in left] == [date(2026, 10, 7)]
    assert life.state(message) == MessageState.ACCEPTED
    life.sound("2026-10-07")


def test_a_form_sent_twice_writes_one_answer_and_a_colleagues_answer_is_noticed() -> None:
    life = Exchange()
    with tenant(life.organization):
        seen = life.seen()
    first, _new = life.answer(seen=seen)
    same, is_new = life.answer(seen=seen)
    assert (same.pk, is_new) == (first.pk, False)
    with pytest.raises(DomainError, match="The exchange went on"):
        life.answer(Words("Re: x", "Autre chose."), seen=seen)
    with tenant(life.organization):
        assert Message.objects.filter(kind=MessageKind.WRITTEN).count() == 1
    third, is_new = life.answer(Words("Re: x", "Autre chose."))  # in sight of the first: a decision
    assert (third.answer_number, is_new) == (2, True)


def test_what_cannot_be_answered_says_why_and_nothing_happens() -> None:
    life = Exchange()
    assert life.refused(Words(" \n", "Bonjour")) == "required"
    assert life.refused(Words("Re", " \n ")) == "required"
    assert life.refused(Words("Re", "x" * 10_001)) == "required"
    assert life.refused(Words("Re", "x", [uuid4()])) == "bad_invoices"
    assert life.refused(Words("Re", "x", [uuid4() for _ in range(6)])) == "too_many"
    with tenant(life.organization):
        other = life.copy_of(make_invoice(make_customer("C2"), number="FA-9", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)).invoice)
    assert life.refused(Words("Re", "x", [other.pk])) == "bad_invoices"  # another customer's
    for fields, code in (
        ({"customer": None}, "not_matched"),
        ({"channel": "sms", "sender": "+33612345678"}, "not_email"),
        ({"kind": "automatic"}, "not_human"),
    ):
        with tenant(life.organization):
            kept = {name: getattr(life.reply, name) for name in fields}
            InboundMessage.objects.filter(pk=life.reply.pk).update(**fields)
        assert life.refused() == code
        with tenant(life.organization):
            InboundMessage.objects.filter(pk=life.reply.pk).update(**kept)
    with tenant(life.organization):
        services.close_address(channel="email", address=life.reply.sender, actor=CLERK, now=at(MONDAY))
    assert life.refused() == "address_closed"


def test_an_address_closed_since_stops_it_and_the_message_is_to_be_dealt_with_after_all() -> None:
    life = Exchange()
    message, _new = life.answer()
    with tenant(life.organization):
        services.close_address(channel="email", address=life.reply.sender, actor=CLERK, now=at(MONDAY))
    send(life.organization, MONDAY, 10)
    assert life.state(message) == MessageState.FAILED
    with tenant(life.organization):
        life.reply.refresh_from_db()
        life.durand.refresh_from_db()
        assert life.reply.handled_at is None and life.durand.reply_pending_since is not None
        assert Task.objects.filter(kind=TaskKind.REPLY, state=TaskState.OPEN).count() == 1
    life.sound(MONDAY)


def test_while_everything_is_held_it_waits_and_leaves_afterwards() -> None:
    life = Exchange()
    with tenant(life.organization):
        hold_everything(reason="Migration", actor=CLERK, now=at(MONDAY))
        look = look_at_answer(reply_id=life.reply.pk, words=WORDS, today=date(2026, 10, 5), now=at(MONDAY))
        assert look.everything_held and WORDS.text in look.said.text and not look.said.problem
        assert not Message.objects.filter(kind=MessageKind.WRITTEN).exists()
    message, _new = life.answer()
    send(life.organization, MONDAY, 10)
    with tenant(life.organization):
        message.refresh_from_db()
        assert (message.state, message.reason) == (MessageState.HELD, "tenant_held")
        release_all(actor=CLERK, now=at(TUESDAY))
    send(life.organization, TUESDAY)
    assert life.state(message) == MessageState.ACCEPTED


def test_taken_back_before_it_leaves_nothing_left_and_once_it_left_nothing_changes() -> None:
    life = Exchange()
    message, _new = life.answer()
    with tenant(life.organization):
        assert withdraw_messages(message_ids=[message.pk], reason="Trop vite", actor=CLERK, now=at(MONDAY)) == 1
        assert not QueueTicket.objects.filter(message_id=message.pk).exists()
        life.reply.refresh_from_db()
        assert life.reply.handled_at is None
    assert send(life.organization, MONDAY, 10) == {}
    second, is_new = life.answer()  # the same words again, in sight of what became of the first
    assert is_new
    send(life.organization, MONDAY, 11)
    with tenant(life.organization):
        assert withdraw_messages(message_ids=[second.pk], reason="Trop tard", actor=CLERK, now=at(MONDAY, 11)) == 0
        life.reply.refresh_from_db()
        assert life.reply.handled_at is not None
    assert life.state(second) == MessageState.ACCEPTED


def test_what_turns_out_to_be_anothers_keeps_the_answer_that_left_and_lets_none_wait() -> None:
    life = Exchange()
    message, _new = life.answer()
    with tenant(life.organization):
        other = make_customer("C2")
    joined = {"reply_id": life.reply.pk, "customer": other, "actor": CLERK, "today": date(2026, 10, 5), "now": at(MONDAY, 10)}
    with tenant(life.organization), pytest.raises(DomainError, match="take it back first"):
        join_reply(**joined)
    send(life.organization, MONDAY, 10)
    with tenant(life.organization):
        moved = join_reply(**joined)
        assert [one.key for one in correspondence.exchange_of(moved)] == [str(moved.pk), str(message.pk)]
        mailbox.answer(message_id=message.pk, act="bounced", now=at(MONDAY, 11))
        other.refresh_from_db()
        moved.refresh_from_db()
        assert moved.handled_at is not None and other.reply_pending_since is None
    life.sound(MONDAY)


def test_a_bounce_of_one_answer_leaves_what_another_settled_alone() -> None:
    life = Exchange()
    first, _new = life.answer()
    send(life.organization, MONDAY, 10)
    second, _new = life.answer(Words("Re: x", "J'ajoute ceci."), hour=11)
    send(life.organization, MONDAY, 12)
    with tenant(life.organization):
        mailbox.answer(message_id=first.pk, act="bounced", now=at(MONDAY, 13))
        life.reply.refresh_from_db()
        assert life.reply.handled_at is not None
        mailbox.answer(message_id=second.pk, act="bounced", now=at(MONDAY, 14))
    assert life.state(second) == MessageState.BOUNCED


def test_a_supervised_organization_lets_it_leave_for_a_person_has_just_read_it() -> None:
    life = Exchange()
    with tenant(life.organization):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 1))
    message, _new = life.answer()
    assert (message.state, message.approved_by) == (MessageState.QUEUED, CLERK)


def test_ready_answers_are_filled_in_the_contacts_language_and_only_where_they_can_be() -> None:
    life = Exchange()
    today = date(2026, 10, 5)
    with tenant(life.organization):
        reply = correspondence.get_reply(life.reply.pk)
        begin = beginning_of_answer(reply=reply, ready="", today=today)
        assert begin.text == "Bonjour,\n\n"
        assert set(begin.ready) == {NOTED, BANK} and not begin.copies  # no copy is here
        invoice = life.copy_of(life.item.invoice)
        old = life.copy_of(make_invoice(life.durand, number="FA-0", issued_on=date(2026, 3, 1), due_on=date(2026, 4, 1)).invoice)
        copy = beginning_of_answer(reply=reply, ready=COPY, today=today)
        assert "la copie de notre facture FA-1 du 1er septembre 2026" in copy.text
        assert (copy.invoices, [row.pk for row in copy.copies]) == ([invoice.pk], [invoice.pk, old.pk])
        assert "IBAN" in beginning_of_answer(reply=reply, ready=BANK, today=today).text
        Contact.objects.filter(pk=reply.contact_id).update(language="en")
        reply = correspondence.get_reply(life.reply.pk)
        assert "Thank you for your message" in beginning_of_answer(reply=reply, ready=NOTED, today=today).text
        MessageTemplate.objects.filter(key=NOTED, language="en", is_current=True).update(body="Hold on.")
        assert beginning_of_answer(reply=reply, ready=NOTED, today=today).text == "Hold on."


def test_an_older_organization_gets_the_text_with_its_first_answer() -> None:
    life = Exchange()
    with tenant(life.organization):
        MessageTemplate.objects.filter(key="reply_answer").delete()
        look = look_at_answer(reply_id=life.reply.pk, words=WORDS, today=date(2026, 10, 5), now=at(MONDAY))
        assert WORDS.text in look.said.text and not MessageTemplate.objects.filter(key="reply_answer").exists()
    message, _new = life.answer()
    send(life.organization, MONDAY, 10)
    assert life.state(message) == MessageState.ACCEPTED


def test_the_look_names_strange_accounts_and_strangers() -> None:
    life = Exchange()
    with tenant(life.organization):
        InboundMessage.objects.filter(pk=life.reply.pk).update(sender="autre@elsewhere.example", sender_name="Autre")
        text = "Payez sur FR76 3000 6000 0112 3456 7890 189 BIC AGRIFRPP, merci."
        look = look_at_answer(reply_id=life.reply.pk, words=Words("Re", text), today=date(2026, 10, 5), now=at(MONDAY))
        assert (look.is_contact, look.foreign_accounts) == (False, ["FR7630006000011234567890189"])
        own = Invoice.objects.filter(pk=life.item.invoice_id)
        own.update(pay_to_iban="FR7630006000011234567890189")
        look = look_at_answer(reply_id=life.reply.pk, words=Words("Re", text), today=date(2026, 10, 5), now=at(MONDAY))
        assert look.foreign_accounts == []


def test_over_a_mail_server_it_is_a_persons_message_with_its_copy_and_the_reply_comes_home_by_token() -> None:
    life = Exchange()
    with mail_server() as sink:
        account = _over(life, sink)
        with tenant(life.organization):
            invoice = life.copy_of(life.item.invoice)
        message, _new = life.answer(Words("Re: Facture FA-1", "Voici la copie.", [invoice.pk]))
        send(life.organization, MONDAY, 10)
        (said,) = sink.received
    with tenant(life.organization):
        message.refresh_from_db()
    assert "Auto-Submitted" not in said and "X-Auto-Response-Suppress" not in said
    assert said["Message-ID"] == message.header_id
    assert said["In-Reply-To"] == life.reply.header_id
    assert said["References"].split() == [life.reminder.header_id, life.reply.header_id]
    assert said["Subject"] == "Re: Facture FA-1" and life.reply.sender in said["To"]
    assert [part.get_filename() for part in said.iter_attachments()] == ["Facture-FA-1.pdf"]
    plain, html = said.get_body(("plain",)), said.get_body(("html",))
    assert plain is not None and plain.get_content().startswith("Voici la copie.\r\n\r\nBien cordialement,")
    assert html is not None and "Voici la copie." in html.get_content() and "<html" in html.get_content()
    assert "+" in said["Reply-To"] and said["Reply-To"].endswith("@in.atelier.example")

    back = f"From: autre@client.example\r\nTo: {said['Reply-To']}\r\nSubject: Re\r\nMessage-ID: <n1@client.example>\r\n\r\nMerci !\r\n"
    assert call(account, back.encode(), at=at(MONDAY, 12), content_type="message/rfc822").status_code == 200
    assert read_what_came(life.organization, at=at(MONDAY, 12)) == {"applied": 1}
    with tenant(life.organization):
        again = InboundMessage.objects.get(header_id="<n1@client.example>")
        assert (again.matched_by, again.message) == ("token", message)
        assert [one.key for one in correspondence.exchange_of(again)][-2:] == [str(message.pk), str(again.pk)]


def _over(life: Exchange, sink: MailSink) -> Any:
    settings = {"host": sink.host, "port": sink.port, "reply_domain": "in.atelier.example"}
    return use(life.organization, "email", ProviderKind.SMTP, settings, {})


def test_a_worker_that_dies_after_the_write_leaves_it_uncertain_and_never_twice() -> None:
    life = Exchange()
    with mail_server() as sink:
        _over(life, sink)
        sink.drop_after_data = True
        message, _new = life.answer()
        send(life.organization, MONDAY, 10)
        assert life.state(message) == MessageState.UNCERTAIN
        sink.drop_after_data = False
        send(life.organization, MONDAY, 11)
        assert len(sink.received) == 1
    with tenant(life.organization):
        life.reply.refresh_from_db()
        assert life.reply.handled_at is not None  # it may have arrived: nobody is asked before it is known
