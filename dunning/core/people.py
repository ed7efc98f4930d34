"""Who belongs to an organization: inviting, joining, changing a role, letting go.

An invitation is a link that serves once, within a week, for one address; only its hash is kept. Nobody may leave an organization without
an owner, and only owners make, change or remove owners.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.enums import Role
from dunning.core.errors import DomainError, NotAllowed
from dunning.core.models import Invitation, Membership, User
from dunning.core.tenancy import current_organization_id, tenant

SERVES_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """`token` is told once, here; it is kept nowhere."""

    invitation: Invitation
    token: str


def members() -> list[Membership]:
    """The open organization's people, by name; of one name, who came first."""
    rows = Membership.objects.select_related("user").filter(organization=current_organization_id())
    return sorted(rows, key=lambda row: (str(row.user).casefold(), row.pk))


def get_member(membership_id: UUID) -> Membership:
    """One of them. Raises Membership.DoesNotExist for anybody else's."""
    return Membership.objects.select_related("user").get(pk=membership_id, organization=current_organization_id())


def open_invitations(*, now: datetime) -> list[Invitation]:
    """Invitations that still serve, the latest first."""
    rows = Invitation.objects.select_related("invited_by").filter(
        organization=current_organization_id(), accepted_at=None, withdrawn_at=None, expires_at__gt=now
    )
    return list(rows.order_by("-created_at"))


def invite(*, email: str, role: str, by: Membership, now: datetime) -> NewInvitation:
    """Invite somebody; an earlier invitation of the same address is void. Raises DomainError for no address, or one that belongs here."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise DomainError(_("“%(email)s” is not an e-mail address.") % {"email": email}, field="email") from None
    _may_give(role, by)
    if Membership.objects.filter(organization=current_organization_id(), user__email=address).exists():
        raise DomainError(_("This person belongs to your organization already: change their role instead."), field="email")
    token = secrets.token_urlsafe(32)
    earlier = Invitation.objects.filter(organization=current_organization_id(), email=address, accepted_at=None, withdrawn_at=None)
    earlier.update(withdrawn_at=now)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                organization_id=current_organization_id(),
                email=address,
                role=role,
                token_hash=_hash(token),
                invited_by=by.user,
                created_at=now,
                expires_at=now + SERVES_FOR,
            )
    except IntegrityError:
        raise DomainError(_("Somebody invited this person a moment ago."), field="email") from None
    _record("member.invited", by, invitation, {"email": address, "role": role}, now)
    return NewInvitation(invitation, token)


def withdraw_invitation(*, invitation_id: UUID, by: Membership, now: datetime) -> None:
    """Its link opens nothing any more."""
    row = Invitation.objects.get(pk=invitation_id, organization=current_organization_id())
    if Invitation.objects.filter(pk=row.pk, accepted_at=None, withdrawn_at=None).update(withdrawn_at=now):
        _record("member.invitation_withdrawn", by, row, {"email": row.email}, now)


def find_invitation(token: str, *, now: datetime) -> Invitation | None:
    """The invitation of this link while it serves."""
    rows = Invitation.objects.select_related("organization", "invited_by").filter(token_hash=_hash(token[:200]))
    return rows.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now).first()


def join(*, token: str, user: User | None = None, name: str = "", password: str = "", now: datetime) -> Membership:
    """Accept an invitation: as the account of its address (`user`), or with a new one. Opens the organization itself.

    Raises DomainError when the link serves no more, when the account is another person's, and when one exists that is not signed in.
    """
    with transaction.atomic():
        found = Invitation.objects.select_for_update(no_key=True).filter(token_hash=_hash(token[:200])).first()
        if found is None or found.accepted_at or found.withdrawn_at or found.expires_at <= now:
            raise DomainError(_("This invitation no longer serves. Ask for another one."), code="invitation_over")
        known = User.objects.filter(email=found.email).first()
        if known is not None and (user is None or user.pk != known.pk):
            raise DomainError(_("Sign in as %(email)s to join.") % {"email": found.email}, code="sign_in")
        if known is None:
            if not name.strip():
                raise DomainError(_("Say how you are called: your customers read it under your messages."), field="name")
            known = User.objects.create_user(found.email, password, name=name.strip()[:150])
        found.accepted_at = now
        found.save(update_fields=["accepted_at"])
        with tenant(found.organization_id):
            membership, created = Membership.objects.get_or_create(
                user=known, organization_id=found.organization_id, defaults={"role": found.role}
            )
            if created:
                _record("member.joined", membership, membership, {"email": found.email, "role": membership.role}, now)
    return membership


def change_role(*, member: Membership, role: str, by: Membership, now: datetime) -> None:
    """Give a member another role. Raises NotAllowed as `remove`, DomainError for the last owner."""
    row = _lock(member, by)
    _may_give(role, by)
    if row.role == role:
        return
    _keep_an_owner(row)
    before, row.role = row.role, role
    row.save(update_fields=["role"])
    _record("member.role_changed", by, row, {"email": row.user.email, "before": before, "after": role}, now)


def set_calls_per_day(*, member: Membership, calls_per_day: int | None, by: Membership, now: datetime) -> None:
    """How many calls a member's day holds; None for no limit. Raises NotAllowed as `remove`."""
    row = _lock(member, by)
    if row.calls_per_day == calls_per_day:
        return
    row.calls_per_day = calls_per_day
    row.save(update_fields=["calls_per_day"])
    _record("member.calls_per_day_set", by, row, {"email": row.user.email, "calls": str(calls_per_day or "")}, now)


def remove(*, member: Membership, by: Membership, now: datetime) -> None:
    """Let a member go: their next request finds them outside. What they did stays theirs.

    Raises NotAllowed when an administrator would touch an owner, DomainError for oneself and for the last owner.
    """
    row = _lock(member, by)
    if row.pk == by.pk:
        raise DomainError(_("You cannot remove yourself: ask another administrator."), code="oneself")
    _keep_an_owner(row)
    _record("member.removed", by, row, {"email": row.user.email, "role": row.role}, now)
    row.delete()


def _lock(member: Membership, by: Membership) -> Membership:
    rows = list(Membership.objects.select_for_update(no_key=True).filter(organization=current_organization_id()).order_by("pk"))
    row = next((row for row in rows if row.pk == member.pk), None)
    if row is None:
        raise DomainError(_("This person no longer belongs to your organization."), code="unknown_member")
    if row.role == Role.OWNER and by.role != Role.OWNER:
        raise NotAllowed(_("Only an owner may change or remove an owner."))
    return row


def _keep_an_owner(row: Membership) -> None:
    others = Membership.objects.filter(organization=current_organization_id(), role=Role.OWNER, user__is_active=True).exclude(pk=row.pk)
    if row.role == Role.OWNER and not others.exists():
        raise DomainError(_("This is the only owner: make somebody else an owner first."), code="last_owner")


def _may_give(role: str, by: Membership) -> None:
    if role not in Role.values:
        raise DomainError(_("Choose a role."), field="role")
    if role == Role.OWNER and by.role != Role.OWNER:
        raise NotAllowed(_("Only an owner may make somebody an owner."))


def _record(action: str, by: Membership, target: Invitation | Membership, body: dict[str, str], now: datetime) -> None:
    audit.record(actor=f"user:{by.user_id}", action=action, target=target, body=body, now=now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
