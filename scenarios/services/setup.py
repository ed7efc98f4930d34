"""What a new organization starts with: texts, plans, customer groups, and a way out that keeps everything on this machine."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import CustomerGroup
from customers.services.groups import ensure_group
from dunning.core import audit
from dunning.core.calendars import calendar_for
from dunning.core.enums import Language
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.selectors import get_profile
from dunning.core.services import NewOrganization, create_organization
from dunning.core.tenancy import tenant
from notifications.models import ProviderAccount
from notifications.services import set_up_post_office
from scenarios.context import local_date
from scenarios.models import ActionPlan, PlanAssignment
from scenarios.plan_store import current_version, load_surroundings
from scenarios.services.plans import Target, assign_plan, publish_plan
from scenarios.services.texts import TextsLoaded, load_texts
from scenarios.shipped import GROUPS, STANDARD, shipped_plans

FROM_THE_START: Final = date(2000, 1, 1)
"""Since when a new organization's plans apply: before anything it may load, so that an item enters on the day it is loaded."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What set-up added; nothing the second time."""

    texts: TextsLoaded
    plans: tuple[str, ...]  # keys
    groups: tuple[str, ...]  # keys
    assignments: int


def open_organization(
    *,
    slug: str,
    name: str,
    owner_email: str,
    actor: str,
    now: datetime,
    timezone: str = "Europe/Paris",
    country: str = "FR",
    language: str = Language.FRENCH,
) -> NewOrganization:
    """Create an organization, its owner and all it starts with, in one transaction.

    `country` (ISO 3166, two letters) sets the law its messages name and its public holidays. Raises DomainError for an input that cannot
    be used; nothing is written then.
    """
    country = country.strip().upper()
    if not name.strip():
        raise DomainError(_("An organization needs a name."), field="name")
    try:
        calendar_for(country=country if len(country) == 2 else "")
    except ValueError:
        raise DomainError(
            _("No public holidays are known for the country “%s”: use its two letters, such as FR or BE.") % country, field="country"
        ) from None
    with transaction.atomic():
        new = create_organization(
            slug=slug,
            name=name.strip(),
            owner_email=owner_email,
            actor=actor,
            now=now,
            timezone=timezone,
            country=country,
            holiday_country=country,
            default_language=language,
        )
        set_up_organization(organization=new.organization, actor=actor, now=now)
    return new


def set_up_organization(*, organization: Organization, actor: str, now: datetime) -> SetUp:
    """Give the organization the shipped texts and plans (rules 12 and 18), five customer groups that follow them, and a local post office.

    The standard plan is everybody else's. What is there already is left as it is: a plan of that key, a group, an assignment, a text the
    organization edited; unedited texts are brought up to date.
    """
    with tenant(organization):
        texts = load_texts(actor=actor, now=now)
        plans = _publish_plans(actor=actor, now=now)
        groups, assignments = _assign(organization, actor=actor, now=now)
        if not ProviderAccount.objects.filter(is_active=True).exists():  # a way out somebody chose is never replaced
            set_up_post_office(organization=organization, actor=actor, now=now)
        added = SetUp(texts, plans, groups, assignments)
        if texts.created or plans or groups or assignments:
            body = {"plans": list(plans), "groups": list(groups), "assignments": assignments}
            audit.record(actor=actor, action="organization.set_up", target=organization, body=body, now=now)
    return added


def _publish_plans(*, actor: str, now: datetime) -> tuple[str, ...]:
    known = {plan.key for plan in ActionPlan.objects.all() if current_version(plan) is not None}
    missing = [content for key, content in shipped_plans().items() if key not in known]
    surroundings = load_surroundings() if missing else None
    for content in missing:
        publish_plan(content=content, actor=actor, now=now, surroundings=surroundings)
    return tuple(content.key for content in missing)


def _assign(organization: Organization, *, actor: str, now: datetime) -> tuple[tuple[str, ...], int]:
    language = get_profile().default_language
    today = local_date(organization, now)
    plans = {plan.key: plan for plan in ActionPlan.objects.filter(archived_at=None)}
    targets: list[tuple[Target, str]] = [(Target(), STANDARD)]
    known = set(CustomerGroup.objects.values_list("key", flat=True))
    for shipped in GROUPS:
        group = ensure_group(key=shipped.key, name=shipped.name[language], actor=actor, today=today, now=now)
        targets.append((Target(group=group), shipped.plan))
    assigned = 0
    for target, key in targets:
        if key in plans and not PlanAssignment.objects.filter(**target.filter()).exists():
            assign_plan(plan=plans[key], target=target, since=FROM_THE_START, actor=actor, now=now)
            assigned += 1
    return tuple(shipped.key for shipped in GROUPS if shipped.key not in known), assigned
