"""What a new organization starts with: texts, plans, customer groups, and a way out that keeps everything on this machine."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from customers.models import CustomerGroup
from customers.services.groups import ensure_group
from dunning.core import audit
from dunning.core.models import Organization
from dunning.core.selectors import get_profile
from dunning.core.tenancy import tenant
from notifications.models import ProviderAccount
from notifications.services import set_up_post_office
from scenarios.context import local_date
from scenarios.models import ActionPlan, PlanAssignment
from scenarios.plan_store import current_version
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


def set_up_organization(*, organization: Organization, actor: str, now: datetime) -> SetUp:
    """Give the organization the shipped texts, the five plans (rule 18), five customer groups that follow them, and the local post office.

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
    for content in missing:
        publish_plan(content=content, actor=actor, now=now)
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
