"""Letters: proofs on paper, a trip to the post office, and the course of a letter a postal service carries."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from dunning.core import documents
from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from notifications import couriers, dispatcher, posting, proofs, selectors, services, settlement
from notifications.enums import LetterProof, MessageState, ProofKind
from notifications.models import Message, ProofFile
from tests.fakes.post import PROOF, MySendingBox
from tests.notifications.mailroom import ACTOR, NOW, TODAY, Gate, make_mail_room, write
from tests.notifications.test_reconciler import sending_through

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("document_store")]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20


def printed(organization: Organization, *channels: str) -> list[Message]:
    with tenant(organization):
        letters = [write(channel=channel) for channel in channels]
    dispatcher.deliver_due(now=NOW)
    return letters


def test_a_proof_is_kept_under_a_name_of_ours_with_what_it_really_is(gate: Gate) -> None:
    organization = make_mail_room()
    (letter,) = printed(organization, Channel.REGISTERED)
    with tenant(organization):
        posting.record_posting(message_id=letter.pk, posted_on=TODAY, actor=ACTOR, now=NOW, tracking_number="1A 234 567 8901 2")
        for kind, content in ((ProofKind.DEPOSIT, PROOF), (ProofKind.RECEIPT, JPEG), (ProofKind.RETURN, PNG)):
            proofs.add_proof_file(message_id=letter.pk, kind=kind, content=content, actor=ACTOR, now=NOW)
        kept = selectors.message_detail(letter.pk).proof_files
        assert [(file.kind, file.document.media_type, file.document.filename) for file in kept] == [
            ("deposit", "application/pdf", "1A23456789012-deposit.pdf"),
            ("receipt", "image/jpeg", "1A23456789012-receipt.jpg"),
            ("return", "image/png", "1A23456789012-return.png"),
        ]
        assert documents.read(kept[0].document) == PROOF
    with tenant(organization):
        assert AuditEvent.objects.filter(action="letter.proof_file", object_id=str(letter.pk)).count() == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "neither a PDF nor a photo"),
        (b"MZ\x90\0", "neither a PDF nor a photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither a PDF nor a photo"),
        (b"<!doctype html>%PDF-", "neither a PDF nor a photo"),
        (b"%PDF-" + b"0" * 10_000_000, "larger than 10 MB"),
    ],
    ids=["empty", "program", "svg", "html", "large"],
)
def test_what_is_no_proof_is_refused_and_nothing_is_kept(gate: Gate, document_store: Path, content: bytes, sentence: str) -> None:
    organization = make_mail_room()
    (letter,) = printed(organization, Channel.LETTER)
    before = sorted(document_store.rglob("*"))
    with tenant(organization), pytest.raises(DomainError, match=sentence):
        proofs.add_proof_file(message_id=letter.pk, kind=ProofKind.OTHER, content=content, actor=ACTOR, now=NOW)
    with tenant(organization):
        assert ProofFile.objects.count() == 0
    assert sorted(document_store.rglob("*")) == before


def test_neither_an_e_mail_nor_a_letter_that_is_not_written_has_a_proof(gate: Gate) -> None:
    organization = make_mail_room()
    with tenant(organization):
        waiting, mail = write(channel=Channel.LETTER), write()
        for message, sentence in ((waiting, "has not been written yet"), (mail, "Only a letter")):
            with pytest.raises(DomainError, match=sentence):
                proofs.add_proof_file(message_id=message.pk, kind=ProofKind.DEPOSIT, content=PROOF, actor=ACTOR, now=NOW)


def test_one_trip_to_the_post_office_is_recorded_at_once_or_not_at_all(gate: Gate) -> None:
    organization = make_mail_room()
    plain, first, second = printed(organization, Channel.LETTER, Channel.REGISTERED, Channel.REGISTERED)
    with tenant(organization):
        for numbers, sentence in (
            ({plain.pk: "", first.pk: "1A 1", second.pk: ""}, "needs the number printed"),
            ({first.pk: "1A 1", second.pk: "1A1"}, "given to two letters"),
        ):
            with pytest.raises(DomainError, match=sentence), tenant(organization):
                posting.record_postings(numbers=numbers, posted_on=TODAY, actor=ACTOR, now=NOW)
        assert set(Message.objects.values_list("state", flat=True)) == {MessageState.TO_POST}
        numbers = {plain.pk: "", first.pk: "1A 1", second.pk: "1A 2"}
        assert posting.record_postings(numbers=numbers, posted_on=TODAY, actor=ACTOR, now=NOW) == 3
        assert set(Message.objects.values_list("state", "posted_on", "tracking_number")) == {
            ("accepted", TODAY, ""),
            ("accepted", TODAY, "1A 1"),
            ("accepted", TODAY, "1A 2"),
        }


def test_a_letter_at_a_postal_service_counts_from_its_posting_and_cannot_be_withdrawn(gate: Gate) -> None:
    with sending_through("mysendingbox") as (organization, fake):
        assert isinstance(fake, MySendingBox)
        fake.steps = ("letter.accepted",)
        (letter,) = printed(organization, Channel.REGISTERED)
        with tenant(organization):
            letter.refresh_from_db()
            assert (letter.state, letter.provider_id, letter.accepted_at) == (
                MessageState.ENTRUSTED,
                fake.journal.entries[0]["provider_id"],
                None,
            )
            assert gate.settled == []  # the step is not done yet
            assert list(selectors.print_queue()) == []  # we do not print it
            assert services.withdraw(message_ids=[letter.pk], reason="paid", actor=ACTOR, now=NOW) == 0
        assert couriers.follow_letters(now=NOW) == {"asked": 1}

        fake.steps = ("letter.accepted", "letter.filing_proof", "letter.sent")
        assert couriers.follow_letters(now=NOW + timedelta(days=1)) == {"moved": 1}
        with tenant(organization):
            letter.refresh_from_db()
            assert (letter.state, letter.tracking_number, letter.proof) == (MessageState.ACCEPTED, "2C12345678901", LetterProof.POSTED)
            assert letter.posted_on is not None and gate.settled == [(letter.pk, MessageState.ACCEPTED)]
            assert [file.kind for file in ProofFile.objects.all()] == [ProofKind.DEPOSIT]

        fake.steps = (*fake.steps, "letter.distributed", "letter.delivery_proof")
        for day in (2, 3, 4):
            couriers.follow_letters(now=NOW + timedelta(days=day))
        with tenant(organization):
            letter.refresh_from_db()
            assert (letter.state, letter.proof) == (MessageState.DELIVERED, LetterProof.DELIVERED)
            assert sorted(ProofFile.objects.values_list("kind", flat=True)) == ["deposit", "receipt"]  # each once
        asked = len(fake.requests)
        couriers.follow_letters(now=NOW + timedelta(days=5))
        assert len(fake.requests) == asked  # nothing comes after the signed receipt


def test_events_of_a_letter_fill_in_its_course_in_any_order(gate: Gate) -> None:
    with sending_through("mysendingbox") as (organization, _fake):
        forth, back = printed(organization, Channel.REGISTERED, Channel.REGISTERED)
        events = [("posted", 1), ("presented", 3), ("unclaimed", 18)]
        with tenant(organization):
            for letter, order in ((forth, events), (back, events[::-1])):
                for kind, days in order:
                    at = NOW + timedelta(days=days)
                    settlement.record_delivery_event(message_id=letter.pk, kind=kind, at=at, now=at, external_id=kind)
            found = set(Message.objects.values_list("state", "posted_on", "proof", "proof_on"))
    assert found == {("accepted", date(2026, 10, 6), "unclaimed", date(2026, 10, 23))}


def test_a_service_that_is_away_is_asked_at_the_next_pass(gate: Gate) -> None:
    with sending_through("mysendingbox") as (organization, fake):
        (letter,) = printed(organization, Channel.REGISTERED)
        for mode in ("500", "429", "drop_before_accept"):
            fake.behave("ok", questions=mode)
            assert couriers.follow_letters(now=NOW + timedelta(days=1)) == {"could_not_ask": 1}
        with tenant(organization):
            letter.refresh_from_db()
            assert (letter.state, fake.deliveries()) == (MessageState.ENTRUSTED, {str(letter.pk): 1})
        fake.behave("ok")
        assert couriers.follow_letters(now=NOW + timedelta(days=1)) == {"moved": 1}
