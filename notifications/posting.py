"""Letters in people's hands: the print file of the day, the posting, and what the post reports. Runs inside `tenant()`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.enums import Channel
from dunning.core.errors import DomainError
from notifications import outbox, settlement
from notifications.enums import LetterProof, MessageState
from notifications.models import DeliveryEvent, Message
from notifications.selectors import noon, print_queue, today, zone


def record_posting(*, message_id: UUID, posted_on: date, actor: str, now: datetime, tracking_number: str = "") -> None:
    """Say that a letter was posted: from that day it counts as done (rule 9).

    Raises DomainError when it is not waiting to be posted, the day is impossible, or a registered letter lacks its number.
    """
    (message,) = outbox.lock([message_id])
    if message.state != MessageState.TO_POST:
        raise DomainError(_("This letter is not waiting to be posted."), code="not_to_post")
    tracking_number = _possible(message, posted_on, tracking_number, now)
    Message.objects.filter(pk=message.pk).update(
        posted_on=posted_on, tracking_number=tracking_number, proof=LetterProof.POSTED, proof_on=posted_on
    )
    body = {"posted_on": posted_on, "tracking_number": tracking_number}
    audit.record(actor=actor, action="letter.posted", target=message, body=body, now=now)
    settlement.record_delivery_event(message_id=message.pk, kind="posted", at=noon(posted_on), now=now, details={"by": actor})


def _possible(message: Message, posted_on: date, tracking_number: str, now: datetime) -> str:
    """The registered number as it is kept. Raises DomainError when a letter cannot have been posted that way."""
    tracking_number = " ".join(tracking_number.split())[:40]
    if posted_on > today(now):
        raise DomainError(_("A letter cannot have been posted in the future."), field="posted_on")
    if posted_on < message.planned_on:
        raise DomainError(
            _("The letter was written on %(day)s: it cannot have been posted before.") % {"day": message.planned_on}, field="posted_on"
        )
    if message.channel == Channel.REGISTERED and not tracking_number:
        raise DomainError(_("A registered letter needs the number printed on its receipt."), field="tracking_number")
    return tracking_number


def correct_posting(*, message_id: UUID, posted_on: date, tracking_number: str, actor: str, now: datetime) -> None:
    """Say on which day, and under which number, a letter was posted after all: what was recorded first stays in the audit trail.

    Raises DomainError when nobody recorded its posting, the day is impossible or the post has reported of the letter before that day.
    """
    (message,) = outbox.lock([message_id])
    told = list(DeliveryEvent.objects.filter(message=message, kind__in=settlement.PROOF_RANK))
    if not any(event.kind == LetterProof.POSTED and "by" in event.details for event in told):
        raise DomainError(_("Nobody here recorded the posting of this letter: there is nothing to correct."), code="not_posted")
    tracking_number = _possible(message, posted_on, tracking_number, now)
    reported = min((event.at.astimezone(zone()).date() for event in told if event.kind != LetterProof.POSTED), default=posted_on)
    if posted_on > reported:
        words = _("The post reported of this letter on %(day)s: it was posted by then.")
        raise DomainError(words % {"day": reported}, field="posted_on")
    before = {"posted_on": message.posted_on, "tracking_number": message.tracking_number}
    fields: dict[str, Any] = {"posted_on": posted_on, "tracking_number": tracking_number, "updated_at": now}
    if message.proof == LetterProof.POSTED:
        fields["proof_on"] = posted_on
    Message.objects.filter(pk=message.pk).update(**fields)
    body = {"posted_on": posted_on, "tracking_number": tracking_number, "before": before}
    audit.record(actor=actor, action="letter.posting_corrected", target=message, body=body, now=now)
    details = {"by": actor, "corrects": str(message.posted_on)}
    settlement.record_delivery_event(message_id=message.pk, kind="posted", at=noon(posted_on), now=now, details=details)


def record_postings(*, numbers: Mapping[UUID, str], posted_on: date, actor: str, now: datetime) -> int:
    """Record what one trip to the post office took: `numbers` are the registered numbers by message, blank for a plain letter.

    All or none: raises DomainError with the first that cannot be right, naming its customer. Returns how many were recorded.
    """
    used: dict[str, UUID] = {}
    for message_id, number in numbers.items():
        written = "".join(number.split())
        if written and used.setdefault(written, message_id) != message_id:
            raise DomainError(_("The number %(number)s is given to two letters.") % {"number": number}, field="tracking_number")
    for message in outbox.lock(numbers):
        try:
            record_posting(message_id=message.pk, posted_on=posted_on, actor=actor, now=now, tracking_number=numbers[message.pk])
        except DomainError as refusal:
            name = message.recipient_name or message.subject
            raise DomainError(f"{name} - {refusal.message}", code=refusal.code, field=refusal.field) from None
    return len(numbers)


def record_letter_proof(*, message_id: UUID, proof: LetterProof, on: date, actor: str, now: datetime) -> None:
    """Keep what the post says of a letter. “Unknown at this address” takes it back; the others are evidence, in whatever order they come.

    Raises DomainError when the letter was never posted or the day is impossible.
    """
    (message,) = outbox.lock([message_id])
    if message.posted_on is None or proof == LetterProof.POSTED:
        raise DomainError(_("Record first that the letter was posted."), code="not_posted")
    if not message.posted_on <= on <= today(now):
        raise DomainError(_("The day must lie between the posting and today."), field="on")
    if settlement.PROOF_RANK[proof] >= settlement.PROOF_RANK[message.proof]:
        Message.objects.filter(pk=message.pk).update(proof=proof, proof_on=on, updated_at=now)
    audit.record(actor=actor, action="letter.proof", target=message, body={"proof": proof, "on": on}, now=now)
    settlement.record_delivery_event(
        message_id=message.pk, kind=proof, at=noon(on), now=now, external_id=f"{proof}:{on}", details={"by": actor}
    )


def print_file_of_the_day(*, message_ids: Iterable[UUID] | None = None) -> bytes:
    """One PDF of every letter to post (or of those named), each with its copies, in the order of the print queue.

    Raises DomainError when there is none.
    """
    rows = print_queue()
    if message_ids is not None:
        rows = rows.filter(pk__in=list(message_ids))
    files = [documents.read(message.print_document or message.document) for message in rows if message.document]
    if not files:
        raise DomainError(_("No letter is waiting to be posted."), code="nothing_to_print")
    return _bound(files)


def _bound(files: Sequence[bytes]) -> bytes:
    from pypdf import PdfReader, PdfWriter  # only where letters are printed

    writer = PdfWriter()
    for content in files:
        writer.append(PdfReader(BytesIO(content)))
    output = BytesIO()
    writer.write(output)
    return output.getvalue()
