"""Answers that are given again: a call that names itself (`Idempotency-Key`, the key of a form) has one effect, however often it is made.

The lock on the name is the transaction's, and the answer is written in the transaction of the effect: a process that dies leaves both or
neither. Called inside `tenant()`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.models import KeptAnswer
from dunning.core.sealing import SealBroken, seal, unseal
from dunning.core.tenancy import current_organization_id

KEPT_FOR: Final = timedelta(hours=24)
_SEALED: Final = "sealed:"  # no answer begins so: it is JSON, or empty


class StillRunning(DomainError):
    """Another call of this name is being answered; what becomes of it is not known yet."""


class OtherCall(DomainError):
    """The name was given to another call."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given the first time."""

    status: int
    headers: dict[str, str]
    content: str
    is_secret: bool = False  # its content lies sealed


def take_turn(*, key: str, fingerprint: str, now: datetime, waits: bool = False) -> Given | None:
    """Hold the name until the transaction ends; the answer when the call was answered within a day, None when it is the first.

    Raises StillRunning while another holds it, unless it `waits` for that one; OtherCall when it was given to a call with another
    `fingerprint`; and DomainError when the answer was a secret and the key it was sealed with is gone.
    """
    lock = "pg_advisory_xact_lock" if waits else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(hashtextextended(%s, 0))", [f"answer:{current_organization_id()}:{key}"])
        (held,) = cursor.fetchone()
    if not (held or waits):
        raise StillRunning(
            _("A call with this Idempotency-Key is still being answered: ask again in a moment, with the same key."), code="in_progress"
        )
    kept = KeptAnswer.objects.filter(key=key).first()
    if kept is None:
        return None
    if kept.created_at <= now - KEPT_FOR:
        kept.delete()
        return None
    if kept.fingerprint != fingerprint:
        raise OtherCall(
            _("This Idempotency-Key was used for another call within the last day: give every new call a key of its own."),
            code="other_call",
        )
    try:
        return _opened(kept)
    except SealBroken:
        words = _("This call was answered with a secret that cannot be read with this installation's key any more: make a new one.")
        raise DomainError(words, code="sealed") from None


def keep(*, key: str, fingerprint: str, answer: Given, now: datetime) -> None:
    """Write the answer to the call whose turn it is; answers older than a day are forgotten on the way."""
    forget(now=now)
    content = _SEALED + seal({"content": answer.content}) if answer.is_secret else answer.content
    KeptAnswer.objects.create(
        key=key, fingerprint=fingerprint, status=answer.status, headers=answer.headers, content=content, created_at=now
    )


def _opened(kept: KeptAnswer) -> Given:
    sealed = kept.content.startswith(_SEALED)
    content = unseal(kept.content.removeprefix(_SEALED))["content"] if sealed else kept.content
    return Given(kept.status, kept.headers, content, is_secret=sealed)


def forget(*, now: datetime) -> int:
    """Delete the open organization's answers that are older than a day; how many there were."""
    return KeptAnswer.objects.filter(created_at__lte=now - KEPT_FOR).delete()[0]
