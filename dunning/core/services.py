"""Creating organizations and people, and the switches of an organization."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db import transaction
from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.enums import Role
from dunning.core.errors import DomainError
from dunning.core.hours import at_wall
from dunning.core.models import Membership, Organization, OrganizationProfile, User
from dunning.core.selectors import get_calendar
from dunning.core.tenancy import current_organization_id, tenant

SUPERVISED_DAYS = 10  # rule 15: a new organization approves everything for its first ten business days


@dataclass(frozen=True, slots=True)
class NewOrganization:
    organization: Organization
    owner: User
    password: str  # empty when the owner already had an account


def create_organization(
    *,
    slug: str,
    name: str,
    owner_email: str,
    actor: str,
    now: datetime,
    timezone: str = "Europe/Paris",
    owner_name: str = "",
    is_demo: bool = False,
    **profile: object,
) -> NewOrganization:
    """Create an organization with its profile and its owner, supervised for its first ten business days.

    An existing account of that e-mail address becomes the owner and keeps its password. Raises DomainError when the
    short name is taken or an input cannot be used; nothing is written then.
    """
    email = owner_email.strip().lower()
    try:
        validate_slug(slug)
    except ValidationError:
        raise DomainError(_("“%(slug)s” cannot be a short name: use letters, digits and hyphens.") % {"slug": slug}, field="slug") from None
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(_("“%(email)s” is not an e-mail address.") % {"email": owner_email}, field="owner") from None
    if Organization.objects.filter(slug=slug).exists():
        raise DomainError(_("An organization “%(slug)s” exists already; nothing was changed.") % {"slug": slug}, field="slug")
    with transaction.atomic():
        organization = Organization(slug=slug, name=name, timezone=timezone, is_demo=is_demo)
        try:
            organization.full_clean()
        except ValidationError as error:
            field, messages = next(iter(error.message_dict.items()))
            raise DomainError(" ".join(messages), field=field) from None
        organization.next_run_at = None if is_demo else next_run_after(organization, now)
        organization.save()
        owner = User.objects.filter(email=email).first()
        password = ""
        if owner is None:
            password = secrets.token_urlsafe(12)
            owner = User.objects.create_user(email, password, name=owner_name)
        Membership.objects.create(user=owner, organization=organization, role=Role.OWNER)
        with tenant(organization):
            today = now.astimezone(ZoneInfo(timezone)).date()
            sender = {"sender_name": owner.name or name, "sender_email": email, "reply_to": email}  # until somebody says otherwise
            settings = OrganizationProfile(**{"legal_name": name, **sender, **profile})
            if "supervised_until" not in profile:
                settings.supervised_until = get_calendar(settings).add_business_days(today, SUPERVISED_DAYS)
            settings.save(force_insert=True)
            audit.record(actor=actor, action="organization.created", target=organization, body={"name": name, "slug": slug}, now=now)
    return NewOrganization(organization, owner, password)


def next_run_after(organization: Organization, now: datetime) -> datetime:
    """The first instant after `now` that is the organization's run hour on its own clock.

    A local hour that a clock change skips runs at the next valid instant; one that happens twice runs once.
    """
    zone = ZoneInfo(organization.timezone)
    local = now.astimezone(zone)
    for days in range(3):
        day = local.date() + timedelta(days=days)
        instant = at_wall(day, time(organization.run_hour), zone)
        if instant > now:
            return instant
    raise AssertionError("a day has a run hour")


def change_clock(
    *, organization: Organization, actor: str, now: datetime, timezone: str | None = None, run_hour: int | None = None
) -> datetime | None:
    """Move an organization to another time zone or hour of its run; when it runs next, None when it does not (suspended, played).

    A local day that has been run is not run again, wherever the clock goes. Raises DomainError for what is no zone or hour.
    """
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        before = {"timezone": locked.timezone, "run_hour": locked.run_hour}
        locked.timezone = locked.timezone if timezone is None else timezone
        locked.run_hour = locked.run_hour if run_hour is None else run_hour
        try:
            locked.full_clean()
        except ValidationError as error:
            field, messages = next(iter(error.message_dict.items()))
            raise DomainError(" ".join(messages), field=field) from None
        if locked.next_run_at is not None:
            locked.next_run_at = next_run_after(locked, now)
        locked.save(update_fields=["timezone", "run_hour", "next_run_at"])
        body = {"before": before, "after": {"timezone": locked.timezone, "run_hour": locked.run_hour}}
        with tenant(locked):
            audit.record(actor=actor, action="organization.clock_changed", target=locked, body=body, now=now)
    organization.refresh_from_db()
    return locked.next_run_at


def reset_password(*, user: User) -> str:
    """Give a person a new random password and return it."""
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def hold_everything(*, reason: str, actor: str, now: datetime) -> None:
    """Stop every message of the open organization at the gate, at once (rule 15)."""
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    if profile.held_at is not None:
        return
    profile.held_at, profile.held_reason = now, reason[:200]
    profile.save(update_fields=["held_at", "held_reason"])
    audit.record(actor=actor, action="organization.held", target=profile, body={"reason": reason}, now=now)
    _tell("organization.held", now)


def release_everything(*, actor: str, now: datetime) -> None:
    """Let messages leave again; each passes the gate anew."""
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    if profile.held_at is None:
        return
    profile.held_at, profile.held_reason = None, ""
    profile.save(update_fields=["held_at", "held_reason"])
    audit.record(actor=actor, action="organization.released", target=profile, now=now)
    _tell("organization.released", now)


def _tell(type: str, now: datetime) -> None:
    """Never with the words of a person, which stay in the audit trail."""
    events.emit(type=type, object_type="organization", object_ids=[current_organization_id()], now=now)


def switch_supervision(*, until: date | None, actor: str, now: datetime, today: date | None = None) -> None:
    """Have everything wait on the departure board through `until`, or (None) leave by itself from now on (rule 15).

    Where `today` is given, raises DomainError for a day that is over or more than a year ahead.
    """
    if until is not None and today is not None and not today <= until <= today + timedelta(days=366):
        raise DomainError(_("Choose a day from today on, a year ahead at most."), code="bad_date", field="until")
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    profile.supervised_until = until
    profile.save(update_fields=["supervised_until"])
    audit.record(actor=actor, action="organization.supervision", target=profile, body={"until": until}, now=now)


def switch_ledger_gate(*, enabled: bool, actor: str, now: datetime) -> None:
    """Switch the coverage gate of rule 8; switching it off is a decision the audit trail keeps."""
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    profile.ledger_gate = enabled
    profile.save(update_fields=["ledger_gate"])
    audit.record(actor=actor, action="organization.ledger_gate", target=profile, body={"enabled": enabled}, now=now)


def note_first_step(*, step: str, is_done: bool = True, actor: str, today: date, now: datetime) -> None:
    """A person calls a step of the first hour done, or takes that back; nothing happens when it is so already."""
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    if (step in profile.first_steps) == is_done:
        return
    if is_done:
        profile.first_steps[step] = today.isoformat()
    else:
        del profile.first_steps[step]
    profile.save(update_fields=["first_steps"])
    audit.record(actor=actor, action="organization.first_step", target=profile, body={"step": step, "done": is_done}, now=now)
