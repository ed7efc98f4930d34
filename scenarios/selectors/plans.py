"""Plans as they are read: their steps with the day each falls on, whom they apply to, how much follows them, their versions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count

from customers.models import Customer
from dunning.core.selectors import actor_names
from scenarios.following import Following, amounts_following
from scenarios.models import ActionPlan, PlanAssignment, PlanDraft, PlanStep, PlanVersion
from scenarios.plan_differences import Difference, differences
from scenarios.plan_editing import usual_days
from scenarios.plan_store import load_contents
from scenarios.plan_words import difference_words, name_of, when_words, worded

MOST_VERSIONS: Final = 30
"""Versions listed, each beside the one before it."""


@dataclass(frozen=True, slots=True)
class StepView:
    """`day` counts from the due date of an invoice payable at 30 days when nothing delays a step; `when` is what the plan says."""

    row: PlanStep
    name: str
    day: int
    when: str


@dataclass(frozen=True, slots=True)
class Follower:
    """One assignment of a plan, by what it names: `kind` is "everyone", "group", "customer" or "invoice"; `customers` in a group."""

    kind: str
    name: str = ""
    id: UUID | None = None
    customers: int = 0


@dataclass(frozen=True)
class PlanView:
    """A plan and its version in force; who follows it, and what that is in open items."""

    plan: ActionPlan
    version: PlanVersion
    name: str
    description: str
    steps: Sequence[StepView]
    followers: Sequence[Follower]
    following: Following
    draft: PlanDraft | None = None

    @property
    def is_default(self) -> bool:
        return any(follower.kind == "everyone" for follower in self.followers)


@dataclass(frozen=True)
class VersionView:
    """One version: who published it when, and what it changed of the one before, a sentence each."""

    version: PlanVersion
    published_by: str
    published_at: datetime
    is_in_force: bool
    changes: Sequence[str] = field(default_factory=list)


def plan_views(*, archived: bool = False, counted: Callable[[], Mapping[UUID, Following]] | None = None) -> list[PlanView]:
    """Every plan in use that has a version, by name; or those that were put away. In a constant number of queries.

    What follows each is said where it is `counted`: by `amounts_following`, or by `followings` with the customers, which takes longer.
    """
    plans = list(ActionPlan.objects.filter(archived_at__isnull=not archived).order_by("name", "pk"))
    return _views(plans, counted() if counted is not None else {})


def plan_view(pk: UUID) -> PlanView:
    """One plan, whose customers are not counted. Raises ActionPlan.DoesNotExist, for one without a version too."""
    found = _views([ActionPlan.objects.get(pk=pk)], amounts_following(pk))
    if not found:
        raise ActionPlan.DoesNotExist
    return found[0]


def new_drafts() -> list[PlanDraft]:
    """Drafts of plans that do not exist yet, by key."""
    return list(PlanDraft.objects.exclude(key__in=ActionPlan.objects.values("key")).order_by("key"))


def _views(plans: Sequence[ActionPlan], counted: Mapping[UUID, Following]) -> list[PlanView]:
    latest = PlanVersion.objects.filter(plan__in=plans).order_by("plan", "-number").distinct("plan")
    versions = {version.plan_id: version for version in latest}
    steps: dict[UUID, list[PlanStep]] = {}
    for row in PlanStep.objects.filter(version__in=[version.pk for version in versions.values()]).order_by("position"):
        steps.setdefault(row.version_id, []).append(row)
    followers = _followers(plans)
    drafts = {draft.key: draft for draft in PlanDraft.objects.filter(key__in=[plan.key for plan in plans])}
    return [
        PlanView(
            plan=plan,
            version=versions[plan.pk],
            name=name_of(plan),
            description=worded(plan.description, plan.description_en),
            steps=_steps(steps.get(versions[plan.pk].pk, [])),
            followers=followers.get(plan.pk, []),
            following=counted.get(plan.pk, Following()),
            draft=drafts.get(plan.key),
        )
        for plan in plans
        if plan.pk in versions
    ]


def _steps(rows: Sequence[PlanStep]) -> list[StepView]:
    return [StepView(row, name_of(row), day, when_words(row)) for row, day in zip(rows, usual_days(rows), strict=True)]


def _followers(plans: Sequence[ActionPlan]) -> dict[UUID, list[Follower]]:
    """The assignments of each plan: everybody else first, then groups, customers and invoices by name."""
    rows = list(PlanAssignment.objects.filter(plan__in=plans).select_related("group", "customer", "invoice"))
    groups = Customer.objects.filter(archived_at=None, group__isnull=False).values("group").annotate(customers=Count("pk"))
    sizes = {row["group"]: row["customers"] for row in groups}
    found: dict[UUID, list[Follower]] = {}
    for row in rows:
        found.setdefault(row.plan_id, []).append(_follower(row, sizes))
    order = ("everyone", "group", "customer", "invoice")
    return {plan: sorted(named, key=lambda follower: (order.index(follower.kind), follower.name)) for plan, named in found.items()}


def _follower(row: PlanAssignment, sizes: dict[UUID, int]) -> Follower:
    if row.group is not None:
        return Follower("group", row.group.name, row.group_id, sizes.get(row.group.pk, 0))
    if row.customer is not None:
        return Follower("customer", row.customer.name, row.customer_id)
    if row.invoice is not None:
        return Follower("invoice", row.invoice.number, row.invoice_id)
    return Follower("everyone")


# --- versions ----------------------------------------------------------------------------------------------------------------------------


def version_views(plan: ActionPlan) -> list[VersionView]:
    """The latest versions of a plan, newest first, each with what it changed of the one before. In a constant number of queries."""
    versions = list(PlanVersion.objects.filter(plan=plan).order_by("-number")[: MOST_VERSIONS + 1])
    names = actor_names(version.published_by for version in versions)
    contents = load_contents(plan, versions)
    return [
        VersionView(
            version,
            names[version.published_by],
            version.published_at,
            index == 0,
            sentences(differences(contents[index + 1], content)) if index + 1 < len(versions) else [],
        )
        for index, (version, content) in enumerate(zip(versions[:MOST_VERSIONS], contents, strict=False))
    ]


def compare_versions(plan: ActionPlan, older: int, newer: int) -> list[str]:
    """What tells two versions of a plan apart, a sentence each. Raises PlanVersion.DoesNotExist."""
    old, new = load_contents(plan, [PlanVersion.objects.get(plan=plan, number=number) for number in (older, newer)])
    return sentences(differences(old, new))


def sentences(found: Iterable[Difference]) -> list[str]:
    """Differences in words."""
    return [difference_words(difference) for difference in found]
