"""How a message leaves, over a real mail server: once, with the day's words, or not at all and with a reason."""

from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr

import pytest
from django.db import InternalError, transaction

from dunning.core.enums import Channel
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from notifications import claiming, dispatcher, freezing, selectors, services, settlement
from notifications.enums import AttemptOutcome, MessageState, Obstacle, SuppressionReason
from notifications.models import Attempt, Message, MessageTemplate, ProviderAccount, QueueTicket, Suppression
from notifications.signals import Go, Stop
from tests.factories import make_customer
from tests.notifications.mailroom import ACTOR, NOW, Gate, file_of, go, make_mail_room, use_smtp, write
from tests.servers import MailSink, free_port, mail_server

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.4\n%%EOF\n"


def mailing(sink: MailSink) -> Organization:
    organization = make_mail_room()
    with tenant(organization):
        use_smtp(sink)
    return organization


def states(organization: Organization) -> dict[str, int]:
    with tenant(organization):
        found = list(Message.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


def test_a_message_leaves_once_with_what_was_frozen(gate: Gate, document_store: object) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write()
            document = file_of("Facture-FA-2026-00042.pdf", PDF)
            gate.default = lambda asked: go(asked, attachments=(document,), in_reply_to="<premier@atelier.example>")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
        assert dispatcher.deliver_due(now=NOW) == {}

    (mail,) = sink.received
    with tenant(organization):
        message.refresh_from_db()
        detail = selectors.message_detail(message.pk)
        assert (message.state, message.provider, message.reason) == (MessageState.ACCEPTED, "smtp", "")
        assert message.accepted_at is not None and NOW <= message.accepted_at < NOW + timedelta(seconds=30)
        assert [(attempt.number, attempt.outcome, attempt.response) for attempt in detail.attempts] == [
            (1, AttemptOutcome.ACCEPTED, "250 2.0.0 queued")
        ]
        assert [entry.filename for entry in detail.attachments] == ["Facture-FA-2026-00042.pdf"]
        assert freezing.is_intact(message)
        assert gate.settled == [(message.pk, MessageState.ACCEPTED)]
        assert list(AuditEvent.objects.filter(object_id=str(message.pk)).order_by("sequence").values_list("action", flat=True)) == [
            "message.sending",
            "message.accepted",
        ]
    assert QueueTicket.objects.count() == 0
    assert mail["Message-ID"] == message.header_id == f"<{message.pk}@atelier.example>"
    assert mail["From"] == "Claire Martin <compta@atelier.example>"
    assert mail["Subject"].strip() == message.subject
    assert parseaddr(mail["To"])[1] == message.recipient
    body = mail.get_body(("plain",))
    assert body is not None and body.get_content().replace("\r\n", "\n") == message.body_text


def test_what_was_said_never_changes_again(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write()
        dispatcher.deliver_due(now=NOW)
    with tenant(organization):
        for change in ({"subject": "Autre"}, {"body_text": "Autre"}, {"recipient": "x@y.example"}, {"frozen_at": None}):
            with pytest.raises(InternalError, match="Cannot update rows"), transaction.atomic():
                Message.objects.filter(pk=message.pk).update(**change)
        with pytest.raises(InternalError, match="Cannot delete rows"), transaction.atomic():
            Message.objects.filter(pk=message.pk).delete()
        message.refresh_from_db()
        assert freezing.is_intact(message)
        message.body_text += " "
        assert not freezing.is_intact(message)


def test_the_gate_withdraws_holds_or_puts_off(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            paid, disputed, early = write(), write(), write()
        gate.answers = {
            paid.pk: Stop("settled", "Payée le 4 octobre", final=True),
            disputed.pk: Stop("disputed", "Litige ouvert"),
            early.pk: Stop("spacing", until=NOW + timedelta(days=2)),
        }
        assert dispatcher.deliver_due(now=NOW) == {MessageState.CANCELLED: 1, MessageState.HELD: 1, "put_off": 1}
        assert sink.received == []
        with tenant(organization):
            rows = {message.pk: message for message in Message.objects.all()}
            assert (rows[paid.pk].state, rows[paid.pk].reason, rows[paid.pk].reason_text) == ("cancelled", "settled", "Payée le 4 octobre")
            assert (rows[disputed.pk].state, rows[disputed.pk].reason) == ("held", "disputed")
            assert (rows[early.pk].state, rows[early.pk].reason, rows[early.pk].not_before) == (
                "queued",
                "spacing",
                NOW + timedelta(days=2),
            )
            assert gate.settled == [(paid.pk, MessageState.CANCELLED)]
            assert Attempt.objects.count() == 0
        gate.answers = {}
        assert dispatcher.deliver_due(now=NOW + timedelta(days=1)) == {}
        assert dispatcher.deliver_due(now=NOW + timedelta(days=2)) == {MessageState.ACCEPTED: 1}
        assert sink.recipients == [early.recipient]


def test_a_missing_value_holds_the_message_and_names_the_placeholder(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write()
            whole = go(message)
        context = {key: value for key, value in whole.context.items() if key != "amounts.total"}
        gate.answers[message.pk] = replace(whole, context=context)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.state, message.reason, message.reason_text) == (MessageState.HELD, Obstacle.MISSING_VALUE, "amounts.total")
            assert "complete it, then release" in Obstacle(message.reason).label
            gate.answers = {}
            services.release(message_ids=[message.pk], actor=ACTOR, now=NOW)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}


def test_an_unknown_placeholder_holds_the_message(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            MessageTemplate.objects.filter(channel=Channel.EMAIL).update(body="Solde : {{customer.secret_margin}}")
            message = write()
        assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.reason, message.reason_text) == (Obstacle.MISSING_VALUE, "customer.secret_margin")
        assert sink.received == []


@pytest.mark.parametrize(
    ("change", "reason", "text"),
    [
        ({"recipient": ""}, Obstacle.ADDRESS_MISSING, "Dupont & Fils"),
        ({"recipient": "pas une adresse"}, Obstacle.ADDRESS_WRONG, "“pas une adresse” is not an e-mail address."),
        ({"recipient": "a@b.example\nBcc: c@d.example"}, Obstacle.ADDRESS_WRONG, "An address must not contain line breaks."),
        ({"recipient_name": "Dupont\r\nBcc: c@d.example"}, Obstacle.ADDRESS_WRONG, "A name must not contain line breaks."),
        ({"template_key": "r9"}, Obstacle.TEMPLATE_MISSING, "r9 (email, fr)"),
        ({"language": "en"}, Obstacle.TEMPLATE_MISSING, "r1 (email, en)"),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_lost(gate: Gate, change: dict[str, str], reason: str, text: str) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write(**{"recipient_name": "Dupont & Fils", **change})
        assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.state, message.reason, message.reason_text) == (MessageState.HELD, reason, text)
        assert (sink.received, QueueTicket.objects.count()) == ([], 0)


def test_an_organization_without_a_sender_or_a_way_out_is_told_so(gate: Gate) -> None:
    with mail_server() as sink:
        organization = make_mail_room(sender_email="", email="")
        with tenant(organization):
            use_smtp(sink)
            first = write()
            ProviderAccount.objects.filter(channel=Channel.SMS).update(is_active=False)
            second = write(channel=Channel.SMS)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 2}
        with tenant(organization):
            reasons = dict(Message.objects.values_list("pk", "reason"))
        assert reasons == {first.pk: Obstacle.SENDER_MISSING, second.pk: Obstacle.NO_PROVIDER}
        assert sink.received == []


def test_an_injected_template_or_reply_address_changes_no_header(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write()
            evil = dict(go(message).context) | {"invoice.number": "FA-1\r\nBcc: tout@monde.example"}
            gate.answers[message.pk] = Go(context=evil)
            other = write()
            gate.answers[other.pk] = go(other, reply_to="compta@atelier.example\r\nBcc: tout@monde.example")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1, MessageState.HELD: 1}
        (mail,) = sink.received
        assert mail["Bcc"] is None
        assert mail["Subject"].strip() == "Facture FA-1 Bcc: tout@monde.example"
        with tenant(organization):
            other.refresh_from_db()
            assert other.reason == Obstacle.SENDER_MISSING


def test_a_closed_address_is_checked_when_the_message_leaves(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write(recipient="Achats@Client.example")
            services.close_address(channel=Channel.EMAIL, address="achats@client.example", actor=ACTOR, now=NOW)
        assert dispatcher.deliver_due(now=NOW) == {MessageState.FAILED: 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.state, message.reason) == (MessageState.FAILED, Obstacle.ADDRESS_CLOSED)
            assert gate.settled == [(message.pk, MessageState.FAILED)]  # so that the next contact is tried
            assert Attempt.objects.count() == 0
            suppression = selectors.closed_addresses().get()
            services.reopen_address(suppression_id=suppression.pk, actor=ACTOR, now=NOW)
            write(recipient="Achats@Client.example")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}


def test_a_refused_recipient_fails_alone_and_is_not_written_to_again(gate: Gate) -> None:
    with mail_server() as sink:
        sink.on_rcpt["perdu@client.example"] = "550 5.1.1 unknown user"
        organization = mailing(sink)
        with tenant(organization):
            lost, found = write(recipient="perdu@client.example"), write()
        assert dispatcher.deliver_due(now=NOW) == {MessageState.FAILED: 1, MessageState.ACCEPTED: 1}
        with tenant(organization):
            lost.refresh_from_db()
            assert (lost.state, lost.reason) == (MessageState.FAILED, Obstacle.REFUSED)
            assert "550 5.1.1 unknown user" in lost.reason_text
            closed = Suppression.objects.get()
            assert (closed.address, closed.reason, closed.message_id) == ("perdu@client.example", SuppressionReason.HARD_BOUNCE, lost.pk)
            assert sorted(gate.settled) == sorted([(lost.pk, MessageState.FAILED), (found.pk, MessageState.ACCEPTED)])
            write(recipient="perdu@client.example")
        assert dispatcher.deliver_due(now=NOW) == {MessageState.FAILED: 1}
        assert sink.recipients == [found.recipient]


def test_a_mail_server_that_is_away_delays_and_loses_nothing(gate: Gate) -> None:
    port = free_port()
    organization = make_mail_room()
    with tenant(organization):
        use_smtp(MailSink(), port=port)
        message = write()
    assert dispatcher.deliver_due(now=NOW) == {MessageState.RETRY: 1}
    with tenant(organization):
        message.refresh_from_db()
        assert (message.state, message.reason) == (MessageState.RETRY, Obstacle.NOT_ACCEPTED)
        assert f"127.0.0.1:{port} cannot be reached" in message.reason_text
        detail = selectors.message_detail(message.pk)
        assert [attempt.outcome for attempt in detail.attempts] == [AttemptOutcome.NOT_ACCEPTED]
        assert detail.next_try_at is not None and timedelta(seconds=45) < detail.next_try_at - NOW < timedelta(seconds=80)
    assert dispatcher.deliver_due(now=NOW) == {}  # not before its time
    assert gate.settled == []

    with mail_server() as sink:
        with tenant(organization):
            use_smtp(sink)
            gate.default = lambda asked: replace(go(asked), context={**go(asked).context, "amounts.total": "600,00 €"})
        assert dispatcher.deliver_due(now=NOW + timedelta(minutes=2)) == {MessageState.ACCEPTED: 1}
        body = sink.received[0].get_body(("plain",))
        assert body is not None and "600,00 €" in body.get_content()  # today's amount, not the first attempt's
    with tenant(organization):
        message.refresh_from_db()
        assert freezing.is_intact(message)
        assert [(a.number, a.outcome) for a in selectors.message_detail(message.pk).attempts] == [(1, "not_accepted"), (2, "accepted")]


def test_pauses_grow_and_end_with_a_person_not_with_a_loss(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        use_smtp(MailSink(), port=free_port())
        message = write()
        account = selectors.provider_accounts()[Channel.EMAIL]
    moment, pauses = NOW, []
    for _ in range(settlement.MOST_ATTEMPTS):
        with tenant(organization):
            ProviderAccount.objects.filter(pk=account.pk).update(failures=0, closed_until=None)
        dispatcher.deliver_due(now=moment)
        ticket = QueueTicket.objects.filter(message_id=message.pk).first()
        if ticket is not None:
            pauses.append((ticket.due_at - moment).total_seconds())
            moment = ticket.due_at
    with tenant(organization):
        message.refresh_from_db()
        assert (message.state, message.reason) == (MessageState.HELD, Obstacle.UNREACHABLE)
        assert Attempt.objects.filter(message=message).count() == settlement.MOST_ATTEMPTS
    expected = [60, 300, 900, 3600, 7200, *[14400] * (settlement.MOST_ATTEMPTS - 6)]
    assert len(pauses) == settlement.MOST_ATTEMPTS - 1
    assert all(0.8 * base <= pause <= 1.2 * base + 30 for base, pause in zip(expected, pauses, strict=True))
    assert len({round(pause, 3) for pause in pauses[5:]}) > 5  # jitter


def test_a_service_that_is_down_is_left_alone_after_three_messages(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        use_smtp(MailSink(), port=free_port())
        for _ in range(8):
            write()
    outcomes = dispatcher.deliver_due(now=NOW)
    assert outcomes == {MessageState.RETRY: 3, "waiting_for_service": 5}
    with tenant(organization):
        assert Attempt.objects.count() == 3
    assert states(organization) == {MessageState.RETRY: 3, MessageState.QUEUED: 5}
    assert QueueTicket.objects.count() == 8


def test_a_lost_answer_is_uncertain_never_sent_again_and_settled_by_a_person(gate: Gate) -> None:
    with mail_server() as sink:
        sink.drop_after_data = True
        organization = mailing(sink)
        with tenant(organization):
            first, second = write(), write()
        assert dispatcher.deliver_due(now=NOW) == {MessageState.UNCERTAIN: 2}
        assert sorted(gate.settled) == sorted([(first.pk, MessageState.UNCERTAIN), (second.pk, MessageState.UNCERTAIN)])
        for hours in (0, 1, 12, 23):
            assert dispatcher.deliver_due(now=NOW + timedelta(hours=hours)) == {}
        assert len(sink.received) == 2
        with tenant(organization):
            assert {message.pk for message in selectors.unsettled_messages()} == {first.pk, second.pk}
            services.settle_uncertain(message_id=first.pk, left=True, actor=ACTOR, now=NOW, note="vu dans le journal")
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=25)) == {MessageState.UNPROVEN: 1}
        with tenant(organization):
            assert states(organization) == {MessageState.ACCEPTED: 1, MessageState.UNPROVEN: 1}
            sink.drop_after_data = False
            services.settle_uncertain(message_id=second.pk, left=False, actor=ACTOR, now=NOW + timedelta(hours=26))
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=26)) == {MessageState.ACCEPTED: 1}
        assert sink.recipients.count(first.recipient) == 1


def test_an_event_proves_that_an_uncertain_message_left(gate: Gate) -> None:
    with mail_server() as sink:
        sink.drop_after_data = True
        organization = mailing(sink)
        with tenant(organization):
            message = write()
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            at = NOW + timedelta(minutes=5)
            assert settlement.record_delivery_event(message_id=message.pk, kind="delivered", at=at, now=at) == MessageState.DELIVERED
            message.refresh_from_db()
            assert (message.accepted_at, message.delivered_at) == (at, at)
        assert QueueTicket.objects.count() == 0
        assert dispatcher.deliver_due(now=NOW + timedelta(hours=30)) == {}


def test_a_late_answer_never_undoes_what_was_settled_meanwhile(gate: Gate) -> None:
    from notifications.providers.base import Accepted, NotAccepted

    with mail_server() as sink:
        sink.drop_after_data = True
        organization = mailing(sink)
        with tenant(organization):
            message = write()
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            services.settle_uncertain(message_id=message.pk, left=True, actor=ACTOR, now=NOW)
            late = settlement.settle(message_id=message.pk, number=1, answer=NotAccepted("too late"), now=NOW)
            assert late == MessageState.ACCEPTED
            assert settlement.settle(message_id=message.pk, number=1, answer=Accepted("x"), now=NOW) == MessageState.ACCEPTED
            assert [attempt.outcome for attempt in Attempt.objects.all()] == [AttemptOutcome.NOT_ACCEPTED]
        assert QueueTicket.objects.count() == 0


def test_a_fault_of_the_program_holds_one_message_and_lets_the_others_pass(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        bad, *good = [write() for _ in range(4)]
    gate.answers[bad.pk] = RuntimeError("boom")
    assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1, MessageState.ACCEPTED: 3}
    with tenant(organization):
        bad.refresh_from_db()
        assert (bad.reason, bad.reason_text) == (Obstacle.CRASHED, "RuntimeError")
        assert Message.objects.filter(pk__in=[message.pk for message in good], state=MessageState.ACCEPTED).count() == 3
        assert sorted(gate.settled) == sorted((message.pk, MessageState.ACCEPTED) for message in good)


def test_a_claim_is_fair_to_a_small_organization_behind_a_big_one(gate: Gate) -> None:
    big, small = make_mail_room(), make_mail_room()
    with tenant(big):
        customer = make_customer()
        for _ in range(60):
            write(customer, not_before=NOW - timedelta(days=3))
    with tenant(small):
        mine = {write().pk for _ in range(3)}
    first = claiming.claim(now=NOW, size=20)
    assert len(first) == 20
    assert mine <= {claim.message_id for claim in first}
    assert {claim.message_id for claim in first}.isdisjoint(claim.message_id for claim in claiming.claim(now=NOW, size=60))


def test_a_life_that_is_played_is_left_to_its_player(gate: Gate) -> None:
    played, real = make_mail_room(), make_mail_room()
    for organization in (played, real):
        with tenant(organization):
            write()
    Organization.objects.filter(pk=played.pk).update(playing_until=NOW.date())
    assert dispatcher.is_anything_due(now=NOW)
    assert dispatcher.deliver_due(now=NOW) == {MessageState.ACCEPTED: 1}
    assert not dispatcher.is_anything_due(now=NOW)
    assert states(played) == {MessageState.QUEUED: 1}
    assert dispatcher.deliver_due(now=NOW, organization=played) == {MessageState.ACCEPTED: 1}


def test_a_limit_is_kept(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        for _ in range(7):
            write()
    assert dispatcher.deliver_due(now=NOW, limit=5, batch=2) == {MessageState.ACCEPTED: 5}
    assert states(organization) == {MessageState.ACCEPTED: 5, MessageState.QUEUED: 2}


def test_a_lost_ticket_stops_a_worker_before_it_says_anything(gate: Gate) -> None:
    with mail_server() as sink:
        organization = mailing(sink)
        with tenant(organization):
            message = write()

        def stolen(asked: Message) -> Go:
            QueueTicket.objects.update(lease_token=asked.pk)  # another worker took it after the lease ended
            return go(asked)

        gate.default = stolen
        assert dispatcher.deliver_due(now=NOW) == {"lost_lease": 1}
        with tenant(organization):
            message.refresh_from_db()
            assert (message.state, message.frozen_at, Attempt.objects.count()) == (MessageState.QUEUED, None, 0)
        assert sink.received == []


def test_events_lead_to_the_same_state_in_any_order(gate: Gate) -> None:
    from itertools import permutations

    events = [("delivered", 1), ("opened", 2), ("bounced", 3), ("accepted", 0)]
    organization = make_mail_room()
    ends = set()
    for number, order in enumerate(permutations(events)):
        with tenant(organization):
            message = write(recipient=f"c{number}@client.example")
        dispatcher.deliver_due(now=NOW)
        with tenant(organization):
            for kind, hours in (*order, order[0]):
                at = NOW + timedelta(hours=hours)
                settlement.record_delivery_event(message_id=message.pk, kind=kind, at=at, now=at, external_id=kind)
            message.refresh_from_db()
            assert message.accepted_at is not None and NOW <= message.accepted_at < NOW + timedelta(minutes=1)
            ends.add((message.state, message.reason, message.delivered_at, message.failed_at))
            assert message.events.count() == 4
            assert selectors.is_closed(channel=Channel.EMAIL, address=message.recipient)
    assert ends == {(MessageState.BOUNCED, "bounced", NOW + timedelta(hours=1), NOW + timedelta(hours=3))}
    assert [state for _message, state in gate.settled[:3]] == [MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.BOUNCED]
    assert len({message for message, _state in gate.settled[:3]}) == 1


def test_nothing_can_be_reported_of_what_never_left(gate: Gate) -> None:
    from dunning.core.errors import DomainError

    with tenant(make_mail_room()):
        message = write()
        with pytest.raises(DomainError) as refusal:
            services.report(message_id=message.pk, kind="bounced", at=NOW, actor=ACTOR, now=NOW)
        assert refusal.value.code == "not_reportable"
        message.refresh_from_db()
        assert (message.state, message.events.count(), Suppression.objects.count()) == (MessageState.QUEUED, 0, 0)
