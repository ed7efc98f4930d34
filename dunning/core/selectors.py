"""Reading people and organizations."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core.calendars import Calendar, calendar_for, read_soft_period
from dunning.core.errors import DomainError
from dunning.core.models import ApiKey, Membership, Organization, OrganizationProfile, User
from dunning.core.rows import columns_of, read_rows


def get_organization(slug: str) -> Organization:
    """The organization of that short name. Raises DomainError naming those that exist."""
    try:
        return Organization.objects.get(slug=slug)
    except Organization.DoesNotExist:
        known = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True)[:10]) or _("none yet")
        raise DomainError(
            _("There is no organization “%(slug)s”. Known: %(known)s. Create one with create_organization.")
            % {"slug": slug, "known": known},
            field="organization",
        ) from None


def describe_organizations(ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The open organization as the outside is told of it."""
    profiles = OrganizationProfile.objects.select_related("organization").filter(organization__in=ids)
    return {row.organization.pk: {"slug": row.organization.slug, "held": row.held_at is not None} for row in profiles}


_SERVED: Final = f"SELECT {columns_of(Organization)} FROM core_organization WHERE id = %s AND suspended_at IS NULL"  # noqa: S608 - made of column names


def open_organization(identifier: UUID) -> Organization | None:
    """The organization while it is served: there is one, and it is not suspended."""
    return next(iter(read_rows(Organization, _SERVED, [identifier])), None)


_PROFILE: Final = f"SELECT {columns_of(OrganizationProfile)} FROM core_organizationprofile"  # noqa: S608 - made of column names


def get_profile() -> OrganizationProfile:
    """The open organization's profile. Raises OrganizationProfile.DoesNotExist while it has none."""
    for profile in read_rows(OrganizationProfile, _PROFILE):
        return profile
    raise OrganizationProfile.DoesNotExist


def get_calendar(profile: OrganizationProfile) -> Calendar:
    """The organization's working calendar: its country's public holidays, its working days, its closures, its soft periods."""
    return calendar_for(
        country=profile.holiday_country or None,
        subdivision=profile.holiday_subdivision or None,
        working_days=frozenset(profile.working_days),
        closures=frozenset(profile.closures),
        soft_periods=tuple(read_soft_period(text) for text in profile.soft_periods),
    )


def memberships_of(user: User) -> Iterable[Membership]:
    """The organizations a person belongs to, by name."""
    return Membership.objects.filter(user=user).select_related("organization").order_by("organization__name")


def people_of(organization: Organization) -> list[User]:
    """The members of an organization who may sign in, by name."""
    members = Membership.objects.filter(organization=organization, user__is_active=True).select_related("user")
    return sorted((member.user for member in members), key=lambda user: (str(user).casefold(), user.pk))


def get_membership(user: User, organization_id: UUID | None) -> Membership | None:
    """The person's membership of that organization, or of their first one when none is named."""
    found = [membership for membership in memberships_of(user) if organization_id in (None, membership.organization_id)]
    return found[0] if found else None


def actor_names(actors: Iterable[str]) -> dict[str, str]:
    """Who acted, as people are called on screen: a person's name, a key's, the command line, else what the actor is ("import:…")."""
    wanted = set(actors)
    people, keys = _ids(wanted, "user"), _ids(wanted, "api")
    found = {people[user.pk]: str(user) for user in User.objects.filter(pk__in=people)}
    found |= {keys[key.pk]: _("%(name)s (API key)") % {"name": key.name} for key in ApiKey.objects.filter(pk__in=keys)}
    common = {"system": _("the system"), "command": _("the command line")}
    return {actor: found.get(actor) or common.get(actor.partition(":")[0]) or actor.partition(":")[2] or actor for actor in wanted}


def _ids(actors: Iterable[str], kind: str) -> dict[UUID, str]:
    """The actors of a kind by the id each names."""
    found: dict[UUID, str] = {}
    for actor in actors:
        word, _separator, value = actor.partition(":")
        if word == kind:
            with suppress(ValueError):
                found[UUID(value)] = actor
    return found
