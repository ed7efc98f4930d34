"""Letters: printed by us, posted by a person, and what the post says of them."""

from datetime import date, timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter

from dunning.core import documents
from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Event, Organization
from dunning.core.tenancy import tenant
from notifications import dispatcher, freezing, posting, selectors, services
from notifications.enums import LetterProof, MessageState, Obstacle, ProviderKind
from notifications.models import Message, QueueTicket
from notifications.selectors import noon
from tests.factories import make_customer
from tests.notifications.mailroom import ACTOR, NOW, TODAY, Gate, file_of, go, make_mail_room, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("document_store")]


def pdf(pages: int = 1) -> bytes:
    writer, output = PdfWriter(), BytesIO()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    writer.write(output)
    return output.getvalue()


def written_letter(organization: Organization, gate: Gate, **fields: object) -> Message:
    """A registered letter with the copy of its invoice, printed by the run of Monday 5 October."""
    with tenant(organization):
        message = write(make_customer(), **{"channel": Channel.REGISTERED, **fields})
        copy = file_of("Facture-FA-2026-00042.pdf", pdf(2))
        gate.answers[message.pk] = go(message, attachments=(copy,))
    dispatcher.deliver_due(now=NOW)
    return message


@pytest.mark.parametrize("kind", [ProviderKind.POST_OFFICE, ProviderKind.PRINT])
def test_a_letter_waits_to_be_posted_with_its_copies_behind_it(gate: Gate, kind: ProviderKind) -> None:
    organization = make_mail_room()
    with tenant(organization):
        services.set_provider(channel=Channel.REGISTERED, kind=kind, actor=ACTOR, now=NOW)
    message = written_letter(organization, gate)
    with tenant(organization):
        message = selectors.print_queue().get()
        assert (message.state, message.provider, message.accepted_at) == (MessageState.TO_POST, kind, None)
        assert message.document is not None and message.print_document is not None
        letter, bound = documents.read(message.document), documents.read(message.print_document)
        pages = len(PdfReader(BytesIO(letter)).pages)
        assert len(PdfReader(BytesIO(bound)).pages) == pages + 2
        assert message.postal_address[0] in PdfReader(BytesIO(letter)).pages[0].extract_text()
        assert freezing.is_intact(message)
        assert gate.settled == []  # printing is not posting
    assert QueueTicket.objects.count() == 0


def test_the_day_is_printed_as_one_file(gate: Gate) -> None:
    organization = make_mail_room()
    first, second = written_letter(organization, gate), written_letter(organization, gate)
    with tenant(organization):
        everything = PdfReader(BytesIO(posting.print_file_of_the_day())).pages
        alone = [PdfReader(BytesIO(posting.print_file_of_the_day(message_ids=[pk]))).pages for pk in (first.pk, second.pk)]
        assert len(everything) == sum(map(len, alone))
        services.withdraw(message_ids=[first.pk, second.pk], reason="Réglées ce matin", actor=ACTOR, now=NOW)
        with pytest.raises(DomainError) as refusal:
            posting.print_file_of_the_day()
        assert refusal.value.code == "nothing_to_print"


def test_posting_is_what_counts(gate: Gate) -> None:
    organization = make_mail_room()
    message = written_letter(organization, gate)
    wednesday = NOW + timedelta(days=2)
    with tenant(organization):
        posting.record_posting(
            message_id=message.pk, posted_on=date(2026, 10, 6), tracking_number=" 2C 123 456 7890 1 ", actor=ACTOR, now=wednesday
        )
        message.refresh_from_db()
        assert (message.state, message.posted_on, message.tracking_number) == (
            MessageState.ACCEPTED,
            date(2026, 10, 6),
            "2C 123 456 7890 1",
        )
        assert message.accepted_at is not None and message.accepted_at.date() == date(2026, 10, 6)
        assert gate.settled == [(message.pk, MessageState.ACCEPTED)]
        assert list(selectors.print_queue()) == []
        with pytest.raises(DomainError) as refusal:
            posting.record_posting(message_id=message.pk, posted_on=TODAY, tracking_number="2C", actor=ACTOR, now=wednesday)
        assert refusal.value.code == "not_to_post"
    with tenant(organization):
        assert AuditEvent.objects.filter(action="letter.posted").count() == 1


@pytest.mark.parametrize(
    ("posted_on", "number", "field"),
    [
        (date(2026, 10, 8), "2C1", "posted_on"),  # tomorrow
        (date(2026, 10, 4), "2C1", "posted_on"),  # before it was written
        (date(2026, 10, 6), "  ", "tracking_number"),
    ],
)
def test_an_impossible_posting_is_refused(gate: Gate, posted_on: date, number: str, field: str) -> None:
    organization = make_mail_room()
    message = written_letter(organization, gate)
    with tenant(organization):
        with pytest.raises(DomainError) as refusal:
            posting.record_posting(
                message_id=message.pk, posted_on=posted_on, tracking_number=number, actor=ACTOR, now=NOW + timedelta(days=2)
            )
        message.refresh_from_db()
        assert (refusal.value.field, message.state, message.posted_on) == (field, MessageState.TO_POST, None)
        assert (message.events.count(), gate.settled) == (0, [])


def test_a_posting_recorded_wrongly_is_corrected_within_what_the_post_says(gate: Gate) -> None:
    organization = make_mail_room()
    message = written_letter(organization, gate)
    later = NOW + timedelta(days=3)

    def correct(day: date, number: str = "2C 777") -> None:
        posting.correct_posting(message_id=message.pk, posted_on=day, tracking_number=number, actor=ACTOR, now=later)

    with tenant(organization):
        with pytest.raises(DomainError) as early:
            correct(TODAY)
        assert early.value.code == "not_posted"
        posting.record_posting(message_id=message.pk, posted_on=TODAY, tracking_number="2C 771", actor=ACTOR, now=NOW)
        correct(TODAY + timedelta(days=2))
        message.refresh_from_db()
        assert (message.state, message.posted_on, message.tracking_number) == ("accepted", TODAY + timedelta(days=2), "2C 777")
        assert (message.proof, message.proof_on, message.accepted_at) == ("posted", message.posted_on, noon(TODAY + timedelta(days=2)))
        correct(TODAY + timedelta(days=1), "2C 778")  # earlier again: the last word stands, whatever the order of the days
        presented = TODAY + timedelta(days=2)
        posting.record_letter_proof(message_id=message.pk, proof=LetterProof.PRESENTED, on=presented, actor=ACTOR, now=later)
        message.refresh_from_db()
        assert (message.posted_on, message.tracking_number, message.proof) == (TODAY + timedelta(days=1), "2C 778", "presented")
        with pytest.raises(DomainError) as late:
            correct(TODAY + timedelta(days=3))
        assert late.value.field == "posted_on"
    with tenant(organization):
        assert Event.objects.filter(type="letter.posted").count() == 3
        first = AuditEvent.objects.filter(action="letter.posting_corrected").order_by("sequence").first()
        assert first is not None
        assert first.body["before"] == {"posted_on": TODAY.isoformat(), "tracking_number": "2C 771"}


def test_what_the_post_reports_is_evidence_and_an_unknown_address_takes_it_back(gate: Gate) -> None:
    organization = make_mail_room()
    kept, returned = written_letter(organization, gate), written_letter(organization, gate)
    later = NOW + timedelta(days=20)
    with tenant(organization):
        for message in (kept, returned):
            posting.record_posting(message_id=message.pk, posted_on=TODAY, tracking_number="2C1", actor=ACTOR, now=NOW)
        unclaimed, presented = date(2026, 10, 23), date(2026, 10, 8)
        posting.record_letter_proof(message_id=kept.pk, proof=LetterProof.UNCLAIMED, on=unclaimed, actor=ACTOR, now=later)
        posting.record_letter_proof(message_id=kept.pk, proof=LetterProof.PRESENTED, on=presented, actor=ACTOR, now=later)
        kept.refresh_from_db()
        assert (kept.state, kept.proof, kept.proof_on) == (MessageState.ACCEPTED, LetterProof.UNCLAIMED, unclaimed)
        assert list(kept.events.order_by("at").values_list("kind", flat=True)) == ["posted", "presented", "unclaimed"]

        posting.record_letter_proof(message_id=returned.pk, proof=LetterProof.UNKNOWN_ADDRESS, on=presented, actor=ACTOR, now=later)
        returned.refresh_from_db()
        assert (returned.state, returned.proof, returned.reason) == (MessageState.BOUNCED, LetterProof.UNKNOWN_ADDRESS, "unknown_address")
        assert gate.settled[-1] == (returned.pk, MessageState.BOUNCED)
        with pytest.raises(DomainError) as refusal:
            posting.record_letter_proof(message_id=kept.pk, proof=LetterProof.DELIVERED, on=date(2026, 10, 1), actor=ACTOR, now=later)
        assert refusal.value.field == "on"


def test_letters_nobody_posted_are_listed_after_their_time(gate: Gate) -> None:
    organization = make_mail_room()
    message = written_letter(organization, gate)
    with tenant(organization):
        assert list(selectors.letters_not_posted(planned_before=TODAY)) == []
        assert [row.pk for row in selectors.letters_not_posted(planned_before=TODAY + timedelta(days=1))] == [message.pk]


def test_a_copy_that_cannot_be_read_holds_the_letter_and_names_the_invoice(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write(channel=Channel.REGISTERED)
        gate.answers[message.pk] = go(message, attachments=(file_of("Facture-FA-2026-00042.pdf", b"not a pdf"),))
    assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1}
    with tenant(organization):
        message.refresh_from_db()
        assert message.reason == Obstacle.DOCUMENT_MISSING
        assert "Facture-FA-2026-00042.pdf" in message.reason_text


def test_a_letter_without_an_address_is_held(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        message = write(channel=Channel.LETTER, postal_address=[])
    assert dispatcher.deliver_due(now=NOW) == {MessageState.HELD: 1}
    with tenant(organization):
        message.refresh_from_db()
        assert message.reason == Obstacle.ADDRESS_MISSING
