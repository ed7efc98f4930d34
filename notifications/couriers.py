"""Letters a postal service carries: how far they have come, their numbers and their proofs, asked for every few hours.

Its reports say the same sooner; asking finds what got lost. The calls are outside any transaction.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import Case, F, IntegerField, Value, When

from dunning.core import audit
from dunning.core.enums import PAPER_CHANNELS, Channel
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import outbox, proofs, settlement
from notifications.accounts import provider_of
from notifications.claiming import MESSAGE_LEASE
from notifications.enums import AttemptOutcome, MessageState, ProofKind
from notifications.models import Attempt, Message, ProofFile
from notifications.providers.base import Capability, Course, Deadline, Misconfigured, Proof, Provider, ProviderError

logger = logging.getLogger(__name__)

ACTOR: Final = "system"
FOLLOWED: Final = (MessageState.ENTRUSTED, MessageState.ACCEPTED, MessageState.DELIVERED)
FOLLOWED_FOR: Final = timedelta(days=60)  # a registered letter comes back after a fortnight; its receipt may take weeks
AT_ONCE: Final = 200  # letters of one organization in one pass


@dataclass(frozen=True, slots=True)
class OnItsWay:
    message_id: UUID
    provider_id: str
    provider: Provider
    known: frozenset[str]  # proofs already kept


def follow_letters(*, now: datetime) -> Counter[str]:
    """Ask for every organization's letters that are on their way. One that is being played carries nothing outside."""
    outcomes: Counter[str] = Counter()
    for organization in Organization.objects.filter(playing_until=None).order_by("pk"):
        outcomes.update(follow(organization.pk, now=now))
    return outcomes


def follow(organization_id: UUID, *, now: datetime) -> Counter[str]:
    """Ask for one organization's letters; counts by what came of it. A service that does not answer is asked again at the next pass, and
    a letter whose course cannot be read never keeps the others waiting.
    """
    outcomes: Counter[str] = Counter()
    with tenant(organization_id):
        waiting = _on_their_way(now)
    for letter in waiting:
        try:
            outcomes[_ask(organization_id, letter, now)] += 1
        except ProviderError as error:
            logger.warning("A letter could not be followed (%s).", error.text)
            outcomes["could_not_ask"] += 1
        except (OperationalError, InterfaceError):  # the database is away, for every letter
            raise
        except Exception:
            logger.exception("The course of letter %s could not be read.", letter.message_id)
            outcomes["unreadable"] += 1
    return outcomes


def _ask(organization_id: UUID, letter: OnItsWay, now: datetime) -> str:
    course = letter.provider.follow(letter.provider_id, deadline=Deadline.after(MESSAGE_LEASE))
    files = [
        (proof, letter.provider.fetch(proof, deadline=Deadline.after(MESSAGE_LEASE)))
        for proof in course.proofs
        if proof.name not in letter.known
    ]
    with tenant(organization_id):
        return _note(letter.message_id, course, files, now)


def _on_their_way(now: datetime) -> list[OnItsWay]:
    """The letters to ask for now, each in its turn: those asked longest ago first, plain letters that are posted after all others."""
    rows = Message.objects.filter(state__in=FOLLOWED, channel__in=PAPER_CHANNELS, frozen_at__gte=now - FOLLOWED_FOR).exclude(provider_id="")
    kept: dict[UUID, set[str]] = {}
    finished: set[UUID] = set()
    for message_id, kind, name in ProofFile.objects.filter(message__in=rows).values_list("message_id", "kind", "external_id"):
        kept.setdefault(message_id, set()).add(name)
        if kind == ProofKind.RECEIPT and name:
            finished.add(message_id)  # nothing comes after the signed receipt
    found: dict[UUID, OnItsWay] = {}
    posted = When(message__channel=Channel.LETTER, message__posted_on__isnull=False, then=Value(1))
    tries = Attempt.objects.filter(message__in=rows, outcome=AttemptOutcome.ACCEPTED).select_related("account")
    tries = tries.alias(turn=Case(posted, default=Value(0), output_field=IntegerField()))
    asked: list[UUID] = []
    for attempt in tries.order_by("turn", F("followed_at").asc(nulls_first=True), "message_id", "number"):
        if attempt.account is None or not attempt.provider_id or attempt.message_id in finished or len(found) >= AT_ONCE:
            continue
        try:
            provider = provider_of(attempt.account)
        except Misconfigured:
            continue
        if Capability.FOLLOW in provider.capabilities:
            known = frozenset(kept.get(attempt.message_id, ()))
            found[attempt.message_id] = OnItsWay(attempt.message_id, attempt.provider_id, provider, known)
            asked.append(attempt.pk)
    Attempt.objects.filter(pk__in=asked).update(followed_at=now)
    return list(found.values())


def _note(message_id: UUID, course: Course, files: list[tuple[Proof, bytes]], now: datetime) -> str:
    (message,) = outbox.lock([message_id])
    before = message.state
    if course.tracking_number and course.tracking_number != message.tracking_number:
        Message.objects.filter(pk=message.pk).update(tracking_number=course.tracking_number, updated_at=now)
        audit.record(actor=ACTOR, action="letter.tracked", target=message, body={"tracking_number": course.tracking_number}, now=now)
    for report in course.reports:
        settlement.record_delivery_event(
            message_id=message_id,
            kind=report.kind,
            at=report.at or now,
            now=now,
            external_id=report.event_id,
            details={"text": report.text},
        )
    for proof, content in files:
        try:
            proofs.add_proof_file(
                message_id=message_id, kind=ProofKind(proof.kind), content=content, actor=ACTOR, now=now, external_id=proof.name
            )
        except DomainError as refusal:
            logger.warning("A proof of a letter could not be kept (%s).", refusal.message)
    message.refresh_from_db(fields=["state"])
    return "moved" if message.state != before else "asked"
