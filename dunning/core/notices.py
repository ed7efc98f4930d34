"""What the product tells its own people: who hears of what, once; reading it; and what each person wants to hear of.

A notice is written in the transaction of what it tells. Nobody is told of what they did themselves, nor of a kind they switched off, nor
of a life that is being played. The same event is told once to a person, however often it is reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import QuerySet

from dunning.core import audit
from dunning.core.enums import KIND_OF_TOPIC, DigestRhythm, NoticeKind, NoticeTopic
from dunning.core.models import Membership, Notice
from dunning.core.permissions import Permission, allows
from dunning.core.tenancy import current_organization_id, tenant

KEPT_FOR: Final = timedelta(days=90)
STOP_PATH: Final = "/digest/"
"""Where the link of a digest leads that ends it, followed by its token and a slash."""


# --- who hears of it ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Team:
    """The people of the open organization who may sign in; nobody while its life is played."""

    members: Sequence[Membership]

    def who_may(self, permission: Permission) -> list[Membership]:
        return [member for member in self.members if allows(member, permission)]

    def followers(self, owner_id: UUID | None) -> list[Membership]:
        """Who hears of a customer's affairs: its account owner; and where that is nobody who may act, everybody who works."""
        owner = [member for member in self.members if member.user_id == owner_id]
        if owner and allows(owner[0], Permission.WORK):
            return owner
        return owner + self.who_may(Permission.WORK)

    def person(self, user_id: UUID | None) -> list[Membership]:
        return [member for member in self.members if member.user_id == user_id]


def team() -> Team:
    """In one query."""
    rows = Membership.objects.filter(organization=current_organization_id(), organization__playing_until=None, user__is_active=True)
    return Team(list(rows.order_by("pk")))


def tell(
    *,
    topic: NoticeTopic,
    key: str,
    to: Iterable[Membership],
    now: datetime,
    object_type: str = "",
    object_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    actor: str = "",
) -> None:
    """Tell these people what happened, those who know it already (by `key`) not again, and `actor` not at all."""
    kind = KIND_OF_TOPIC[topic]
    rows = [
        Notice(
            membership=member,
            kind=kind,
            topic=topic,
            key=key[:120],
            object_type=object_type,
            object_id=object_id,
            details=dict(details or {}),
            at=now,
        )
        for member in to
        if kind not in member.muted and actor != f"user:{member.user_id}"
    ]
    if rows:
        Notice.objects.bulk_create(rows, ignore_conflicts=True)


# --- reading ------------------------------------------------------------------------------------------------------------------------------


def notices_of(member: Membership) -> QuerySet[Notice]:
    """What a person was told in the open organization, the latest first."""
    return Notice.objects.filter(membership=member).order_by("-at", "-pk")


def count_unread(member: Membership) -> int:
    return Notice.objects.filter(membership=member, read_at=None).count()


def read_one(*, member: Membership, notice_id: UUID, now: datetime) -> Notice:
    """One of a person's own notices, read from now on. Raises Notice.DoesNotExist for anybody else's."""
    notice = Notice.objects.get(pk=notice_id, membership=member)
    if notice.read_at is None:
        notice.read_at = now
        notice.save(update_fields=["read_at"])
    return notice


def read_all(*, member: Membership, until: datetime, now: datetime) -> int:
    """A person has seen the list whose latest notice is of `until`; how many were unread. What came meanwhile stays unread."""
    return Notice.objects.filter(membership=member, read_at=None, at__lte=until).update(read_at=now)


def forget(*, now: datetime) -> int:
    """Delete the open organization's notices of more than 90 days ago; how many there were."""
    return Notice.objects.filter(at__lt=now - KEPT_FOR).delete()[0]


# --- what a person wants ------------------------------------------------------------------------------------------------------------------


def choose(*, member: Membership, kinds: Iterable[str], digest: str, now: datetime) -> None:
    """A person says which kinds of notices they want, and when a digest; what they were told before stays."""
    wanted = set(kinds)
    member.muted = [kind.value for kind in NoticeKind if kind not in wanted]
    member.digest = DigestRhythm(digest)
    member.save(update_fields=["muted", "digest"])
    body = {"muted": list(member.muted), "digest": str(member.digest)}
    audit.record(actor=f"user:{member.user_id}", action="member.notices_chosen", target=member, body=body, now=now)


def _signer() -> signing.Signer:
    return signing.Signer(salt="dunning.digest", sep=".")


def stop_address(member: Membership) -> str:
    """The address in a digest that ends it, without signing in; it opens nothing else."""
    return f"{settings.PUBLIC_BASE_URL}{STOP_PATH}{_signer().sign(str(member.pk))}/"


def find_by_stop_token(token: str) -> Membership | None:
    """Whose digest a link ends; None for a link that was never given, or of somebody who left."""
    try:
        pk = UUID(_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return Membership.objects.select_related("organization", "user").filter(pk=pk).first()


def stop_digest(*, member: Membership, now: datetime) -> None:
    """No digest from now on. Doing it twice changes nothing. Opens the organization itself."""
    with tenant(member.organization_id):
        if Membership.objects.filter(pk=member.pk).exclude(digest=DigestRhythm.OFF).update(digest=DigestRhythm.OFF):
            actor = f"user:{member.user_id}"
            audit.record(actor=actor, action="member.digest_stopped", target=member, body={}, now=now)
