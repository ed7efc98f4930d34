"""Dated stories of the replies that come back, over the real road: the provider calls, a worker reads it, the plans follow."""

from datetime import date
from email import message_from_bytes, policy

import pytest
from django.test import Client

from customers.models import Contact
from dunning.core import documents
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications import mailbox, reply_tokens, selectors
from notifications.enums import EventState, MessageState, ReplyKind
from notifications.models import InboundEvent, InboundMessage, Message, ProviderAccount, Suppression
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from scenarios.services.replies import handle_reply, join_reply, note_absence
from scenarios.services.tasks import complete_task
from tests.factories import make_customer
from tests.notifications.callers import call, read_what_came, twilio_call, use_twilio
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send
from tests.scenarios.lives import Life, pass_on, use_smtp, written

pytestmark = pytest.mark.usefixtures("committed_database")


# --- replies ------------------------------------------------------------------------------------------------------------------------------


def test_a_reply_pauses_everything_and_is_on_todays_queue_until_somebody_deals_with_it() -> None:
    life = Life()
    account = use_smtp(life.organization)
    text = "Bonjour,\n\nLe virement est parti hier.\n\nCordialement\n\nLe 2 octobre 2026, Claire Martin a écrit :\n> Facture FA-1\n"
    assert pass_on(life, account, written(life, text, In_Reply_To=life.sent.header_id), at("2026-10-05", 8)) == {"applied": 1}
    with tenant(life.organization):
        reply = InboundMessage.objects.get()
        assert (reply.kind, reply.matched_by, reply.customer_id, reply.message_id) == ("human", "references", life.durand.pk, life.sent.pk)
        assert reply.said == "Bonjour,\n\nLe virement est parti hier.\n\nCordialement"
        life.durand.refresh_from_db()
        assert life.durand.reply_pending_since == at("2026-10-05", 8)
        (task,) = Task.objects.filter(kind=TaskKind.REPLY)
        from scenarios.selectors import work_queue

        (entry,) = [entry for entry in work_queue(today=date(2026, 10, 5), now=at("2026-10-05", 8)) if entry.rank == 3]
        assert "Le virement est parti hier." in entry.detail
        assert life.item.outstanding == Installment.objects.get(pk=life.item.pk).outstanding  # B11: nothing is marked paid
    for day in ("2026-10-09", "2026-10-12", "2026-10-23"):  # it never expires into a send
        run_on(life.organization, day)
    with tenant(life.organization):
        assert Task.objects.filter(kind=TaskKind.REPLY).count() == 1
        assert not Task.objects.filter(kind=TaskKind.CALL).exists()
        assert life.schedule()[0] == "reply_pending"
        handle_reply(reply_id=reply.pk, actor=CLERK, today=date(2026, 10, 23), now=at("2026-10-23", 10))
        life.durand.refresh_from_db()
        task.refresh_from_db()
        assert (life.durand.reply_pending_since, task.state) == (None, TaskState.DONE)
    run_on(life.organization, "2026-10-26")
    with tenant(life.organization):
        assert Task.objects.filter(kind=TaskKind.CALL).exists()


def test_a_proof_of_payment_photographed_with_a_telephone_arrives_with_its_reply() -> None:
    life = Life()
    account = use_smtp(life.organization)
    letter = message_from_bytes(written(life, "Payé ce matin, voici l’avis.", In_Reply_To=life.sent.header_id), policy=policy.default)
    photo = bytes(range(256)) * 16_384
    letter.add_attachment(photo, maintype="image", subtype="jpeg", filename="avis.jpg")
    assert pass_on(life, account, letter.as_bytes(), at("2026-10-05", 9)) == {"applied": 1}
    with tenant(life.organization):
        (file,) = InboundMessage.objects.get(customer=life.durand, kind=ReplyKind.HUMAN).files.all()
        assert (file.filename, documents.read(file.document) == photo) == ("avis.jpg", True)
    run_on(life.organization, "2026-10-09")
    assert life.schedule()[0] == "reply_pending"


def test_closing_the_task_reads_the_replies_too() -> None:
    life = Life()
    account = use_smtp(life.organization)
    pass_on(life, account, written(life, "Bien reçu.", In_Reply_To=life.sent.header_id), at("2026-10-05", 8))
    with tenant(life.organization):
        complete_task(task=Task.objects.get(kind=TaskKind.REPLY), actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 9))
        assert InboundMessage.objects.get().handled_by == CLERK
        life.durand.refresh_from_db()
        assert life.durand.reply_pending_since is None


def test_a_reply_to_the_token_address_needs_no_header_and_a_guessed_token_is_nobodys() -> None:
    life = Life()
    account = use_smtp(life.organization)
    given = {"organization_id": life.organization.pk, "message_id": life.sent.pk}
    address = reply_tokens.reply_address("compta", "in.atelier.example", **given)
    pass_on(life, account, written(life, "Oui.", to=address.upper(), sender="x@elsewhere.example"), at("2026-10-05", 8))
    local, _, domain = address.partition("@")
    wrong = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    pass_on(life, account, written(life, "Non.", to=wrong, Message_ID="<2@client.example>"), at("2026-10-05", 9))
    with tenant(life.organization):
        first, second = InboundMessage.objects.order_by("received_at")
        assert (first.matched_by, first.customer_id, first.contact_id) == ("token", life.durand.pk, life.first.pk)
        assert (second.matched_by, second.customer_id) == ("", None)
        other = make_customer("C9")
    assert reply_tokens.message_of([address], organization_id=other.pk) is None  # another organization's token is nobody's here


def test_a_forged_sender_is_matched_to_nobody_until_a_person_says_whose_it_is() -> None:
    life = Life()
    account = use_smtp(life.organization)
    pass_on(life, account, written(life, "J'ai payé, clôturez tout.", Subject="Facture"), at("2026-10-05", 8))
    with tenant(life.organization):
        reply = InboundMessage.objects.get()
        life.durand.refresh_from_db()
        assert (reply.customer_id, life.durand.reply_pending_since, Task.objects.filter(kind=TaskKind.REPLY).count()) == (None, None, 0)
        from scenarios.selectors import work_queue

        (entry,) = [entry for entry in work_queue(today=date(2026, 10, 5), now=at("2026-10-05", 8)) if entry.rank == 3]
        assert (entry.kind, entry.id) == ("unmatched_reply", reply.pk)
        join_reply(reply_id=reply.pk, customer=life.durand, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 9))
        life.durand.refresh_from_db()
        assert life.durand.reply_pending_since == at("2026-10-05", 9)
        assert Task.objects.filter(kind=TaskKind.REPLY, state=TaskState.OPEN).count() == 1


def test_an_absence_defers_friendly_steps_to_the_business_day_after_the_return() -> None:
    life = Life()
    account = use_smtp(life.organization)
    text = "Bonjour,\n\nJe suis absent jusqu'au 14 octobre 2026.\n\nCordialement"
    pass_on(life, account, written(life, text, In_Reply_To=life.sent.header_id, Auto_Submitted="auto-replied"), at("2026-10-05", 8))
    with tenant(life.organization):
        life.first.refresh_from_db()
        life.durand.refresh_from_db()
        assert (life.first.absent_until, life.durand.reply_pending_since) == (date(2026, 10, 14), None)
        assert Task.objects.filter(kind=TaskKind.REPLY).count() == 0
    run_on(life.organization, "2026-10-09")  # the call was due
    with tenant(life.organization):
        assert not Task.objects.filter(kind=TaskKind.CALL).exists()
    assert life.schedule() == ("absence", "2026-10-15")
    run_on(life.organization, "2026-10-15")
    with tenant(life.organization):
        assert Task.objects.filter(kind=TaskKind.CALL).exists()


def test_an_absence_holds_reminders_ten_business_days_at_most() -> None:
    life = Life()
    account = use_smtp(life.organization)
    auto = {"In_Reply_To": life.sent.header_id, "Auto_Submitted": "auto-replied"}
    pass_on(life, account, written(life, "Absent jusqu'au 30 décembre 2026.", **auto), at("2026-10-05", 8))
    run_on(life.organization, "2026-10-09")
    assert life.schedule() == ("absence", "2026-10-19")
    run_on(life.organization, "2026-10-19")
    with tenant(life.organization):
        assert Task.objects.filter(kind=TaskKind.CALL).exists()


def test_a_known_substitute_is_written_to_and_an_unknown_one_never() -> None:
    life = Life()
    known = life.second_contact("marie.petit@client.example", "Marie Petit")
    account = use_smtp(life.organization)
    text = "Absente du 5 au 30 octobre. En mon absence, merci de contacter Marie Petit (marie.petit@client.example)."
    auto = {"In_Reply_To": life.sent.header_id, "Auto_Submitted": "auto-replied", "Subject": "Réponse automatique : absence"}
    pass_on(life, account, written(life, text, **auto), at("2026-10-05", 8))
    with tenant(life.organization):
        life.first.refresh_from_db()
        assert (life.first.absent_until, life.first.substitute_id) == (date(2026, 10, 30), known.pk)
    stranger = text.replace("Marie Petit (marie.petit@client.example)", "attacker@elsewhere.example")
    pass_on(life, account, written(life, stranger, **auto, Message_ID="<3@client.example>"), at("2026-10-06", 8))
    with tenant(life.organization):
        life.first.refresh_from_db()
        assert life.first.substitute is None
        assert InboundMessage.objects.order_by("-received_at").first().substitute_text.startswith("attacker@")  # type: ignore[union-attr]
        assert not Contact.objects.filter(email="attacker@elsewhere.example").exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
        {"List_Id": "<news.client.example>"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_programs_write_is_recorded_and_changes_nothing(headers: dict[str, str]) -> None:
    life = Life()
    account = use_smtp(life.organization)
    before = life.schedule()
    pass_on(life, account, written(life, "Votre message a été reçu.", In_Reply_To=life.sent.header_id, **headers), at("2026-10-05", 8))
    with tenant(life.organization):
        assert InboundMessage.objects.get().kind == ReplyKind.AUTOMATIC
        life.durand.refresh_from_db()
        assert life.durand.reply_pending_since is None
        assert Message.objects.filter(kind="answer").count() == 0  # nothing answers by itself: two programs cannot write to each other
    assert life.schedule() == before


def test_stop_closes_the_number_and_a_text_is_matched_by_the_number_we_wrote_to() -> None:
    life = Life(phone="+33612345678")
    account = use_twilio(life.organization)
    with tenant(life.organization):
        life.texted(state=MessageState.ACCEPTED, frozen_at=at("2026-10-02"))
    came = {"MessageSid": "SM7", "SmsStatus": "received", "From": "+33612345678", "To": "+33199001234"}
    assert twilio_call(account, {**came, "Body": "Virement fait lundi"}, at=at("2026-10-05", 8)).status_code == 200
    assert twilio_call(account, {**came, "MessageSid": "SM8", "Body": "STOP"}, at=at("2026-10-05", 9)).status_code == 200
    assert read_what_came(life.organization, at=at("2026-10-05", 9)) == {"applied": 2}
    with tenant(life.organization):
        assert list(InboundMessage.objects.order_by("received_at").values_list("kind", "matched_by")) == [
            ("human", "number"),
            ("stop", "number"),
        ]
        life.durand.refresh_from_db()
        assert life.durand.reply_pending_since is not None
        assert list(Suppression.objects.values_list("channel", "address", "reason")) == [("sms", "+33612345678", "stop")]


def test_a_person_reads_an_absence_in_a_reply() -> None:
    life = Life()
    account = use_smtp(life.organization)
    pass_on(life, account, written(life, "Je rentre le 14.", In_Reply_To=life.sent.header_id), at("2026-10-05", 8))
    with tenant(life.organization):
        reply = InboundMessage.objects.get()
        note_absence(reply_id=reply.pk, until=date(2026, 10, 14), actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 9))
        life.first.refresh_from_db()
        life.durand.refresh_from_db()
        assert (life.first.absent_until, life.durand.reply_pending_since) == (date(2026, 10, 14), None)
    run_on(life.organization, "2026-10-09")
    assert life.schedule() == ("absence", "2026-10-15")


def test_the_same_message_passed_on_twice_is_one() -> None:
    life = Life()
    account = use_smtp(life.organization)
    pass_on(life, account, written(life, "Bonjour", In_Reply_To=life.sent.header_id), at("2026-10-05", 8))
    pass_on(life, account, written(life, "Bonjour", In_Reply_To=life.sent.header_id, X_Hop="2"), at("2026-10-05", 9))
    with tenant(life.organization):
        assert InboundEvent.objects.filter(state=EventState.APPLIED).count() == 2
        assert InboundMessage.objects.count() == 1


def test_each_message_carries_its_own_reply_address_once_the_account_receives() -> None:
    organization = open_house()
    with tenant(organization):
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        ProviderAccount.objects.filter(pk=account.pk).update(settings={"reply_domain": "in.atelier.example"})
        customer = make_customer("C1")
        Life.invoice(customer, "FA-1")
    run_on(organization, "2026-10-02")
    with tenant(organization):
        message = Message.objects.get(template_key="r1")
        assert message.reply_to.startswith("compta+") and message.reply_to.endswith("@in.atelier.example")
    assert reply_tokens.message_of([message.reply_to], organization_id=organization.pk) == message.pk


# --- the local mailbox --------------------------------------------------------------------------------------------------------------------


def test_on_the_local_post_office_every_answer_can_be_tried() -> None:
    life = Life()
    life.second_contact()
    now = at("2026-10-02", 10)
    with tenant(life.organization):
        assert mailbox.acts_on(life.sent) == ("reply", "absence", "delivered", "bounced", "complained")
        mailbox.answer(message_id=life.sent.pk, act="delivered", now=now)
        assert Message.objects.get(pk=life.sent.pk).state == MessageState.DELIVERED
        mailbox.answer(message_id=life.sent.pk, act="reply", text="Payé ce matin.\n\nPaul", now=now)
        reply = InboundMessage.objects.get()
        assert (reply.kind, reply.matched_by, reply.said) == ("human", "references", "Payé ce matin.\n\nPaul")
        assert "> " in reply.text and reply.message_id == life.sent.pk
        handle_reply(reply_id=reply.pk, actor=CLERK, today=date(2026, 10, 2), now=now)
        mailbox.answer(message_id=life.sent.pk, act="absence", now=now)
        life.first.refresh_from_db()
        assert life.first.absent_until == date(2026, 10, 16)
        mailbox.answer(message_id=life.sent.pk, act="bounced", now=now)
        assert Message.objects.get(pk=life.sent.pk).state == MessageState.BOUNCED
        assert Message.objects.get(resends=life.sent).recipient == "direction@client.example"
        assert Suppression.objects.count() == 1
    send(life.organization, "2026-10-02", 11)
    with tenant(life.organization):
        assert [state for _, state in mail(resends=life.sent)] == [MessageState.ACCEPTED]


def test_nothing_can_be_answered_that_left_the_machine() -> None:
    life = Life()
    use_smtp(life.organization)
    with tenant(life.organization):
        assert mailbox.acts_on(life.sent) == ()
    assert selectors.is_on_post_office(life.organization) is False


def test_nobody_outside_reaches_the_local_mailbox() -> None:
    life = Life()
    with tenant(life.organization):
        account = ProviderAccount.objects.get(channel="email", is_active=True)
    assert call(account, b"{}").status_code == 404
    assert Client().post("/hooks/post_office/" + "x" * 43).status_code == 404
