"""Letters: printing them, posting them, and what the post reports."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from customers.services import hold_customers
from dunning.api import bodies
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import not_found
from dunning.api.fields import Day, Flag, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import get
from dunning.api.v1.customers import CustomerRow
from dunning.core import documents
from dunning.core.enums import PAPER_CHANNELS
from dunning.core.scopes import WRITE
from notifications.enums import LetterProof, MessageState
from notifications.models import Message
from notifications.posting import record_letter_proof, record_posting


class LetterRow(Shape):
    """A letter, plain or registered."""

    class Meta:
        model = Message
        columns = {
            "id": "The message's.",
            "customer_id": "",
            "channel": "`letter` or `registered`.",
            "phase": "How hard it presses.",
            "state": "`to_post`: printed, waiting to be posted.",
            "subject": "",
            "postal_address": "Lines of the window.",
            "planned_on": "The day of the run that wrote it.",
            "posted_on": "From this day it counts as done.",
            "tracking_number": "Of a registered letter.",
            "proof": "What the post reported last.",
            "proof_on": "",
            "document_id": "The letter, once it is written.",
            "created_at": "",
        }
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class PostingBody(Body):
    """That a letter was posted."""

    posted_on = Day()
    tracking_number = Text(max_length=40, required=False, help_text="A registered letter needs it.")


class ProofBody(Body):
    """What the post reports of a letter."""

    proof = Word([proof for proof in LetterProof.values if proof != LetterProof.POSTED])
    on = Day()


def letters() -> QuerySet[Message]:
    return Message.objects.filter(channel__in=sorted(PAPER_CHANNELS)).exclude(kind="test")


LETTERS = Table(
    name="letter",
    shape=LetterRow,
    rows=letters,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "channel": Filter(Word(sorted(PAPER_CHANNELS)), "channel"),
        "state": Filter(Word(MessageState.values), "state"),
        "tracking_number": Filter(Text(max_length=40, allow_blank=False), "tracking_number"),
        "planned_from": Filter(Day(), "planned_on__gte"),
        "planned_to": Filter(Day(), "planned_on__lte"),
    },
    order={"id": "id", "planned_on": "planned_on"},
)


class Letters(Endpoint):
    resource = "messages"

    @operation("listLetters", "List letters", lists=LETTERS)
    def get(self, call: Call) -> Answer:
        """The newest first; `state=to_post` is the print queue."""
        return call.list(LETTERS)


class _OneLetter(Endpoint):
    resource = "messages"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        letter = get(Message, ids["pk"])
        if letter.customer_id is not None:
            hold_customers([letter.customer_id])
        return one(LETTERS, ids["pk"])


class OneLetter(_OneLetter):
    @operation("getLetter", "Read a letter", shows=LETTERS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One letter."""
        return call.show(LETTERS, pk)


class LetterFile(_OneLetter):
    @operation(
        "getLetterDocument",
        "Read a letter as it is printed",
        answers=bodies.PDF,
        parameters={"copies": Filter(Flag(), "", "With the copies that go with it.")},
    )
    def get(self, call: Call, pk: UUID) -> Answer:
        """The PDF, once the letter is written."""
        letter = letters().select_related("document", "print_document").get(pk=pk)
        document = letter.print_document if call.query.get("copies") else letter.document
        if document is None:
            raise not_found()
        disposition = f'attachment; filename="letter-{letter.pk}.pdf"'
        return Answer(documents.read(document), headers={"Content-Disposition": disposition}, media_type=bodies.PDF)


class Posting(_OneLetter):
    @operation(
        "recordPosting",
        "Say that a letter was posted",
        access=WRITE,
        body=PostingBody,
        shows=LETTERS,
        guarded=True,
        example={"posted_on": "2026-10-09", "tracking_number": "1A 234 567 8901 2"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """From that day it counts as done."""
        letter = letters().get(pk=pk)
        record_posting(message_id=letter.pk, **call.body, **call.acting_now)
        return call.show(LETTERS, pk)


class Proof(_OneLetter):
    @operation(
        "recordLetterProof",
        "Note what the post reports of a letter",
        access=WRITE,
        body=ProofBody,
        shows=LETTERS,
        guarded=True,
        example={"proof": "delivered", "on": "2026-10-09"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Unknown at this address takes the letter back; the others are evidence, in whatever order they come."""
        letter = letters().get(pk=pk)
        record_letter_proof(message_id=letter.pk, proof=LetterProof(call.body["proof"]), on=call.body["on"], **call.acting_now)
        return call.show(LETTERS, pk)
