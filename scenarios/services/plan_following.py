"""Saying who follows which plan from a screen: what it concerns is counted first, and dates are shown at once where that is quick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from customers.models import CustomerGroup
from customers.selectors import paying_groups
from customers.services import lock_customers
from dunning.core.models import Organization
from dunning.core.tenancy import current_organization_id, tenant
from scenarios import fallout
from scenarios.context import load_frame
from scenarios.models import ActionPlan, PlanAssignment
from scenarios.plans import load_assignments
from scenarios.services.plans import Own, Target, assign_customers, assign_plan, unassign_plan

SHOWN_AT_ONCE: Final = 200
"""Customers whose dates are shown at once after another plan was assigned; those of more are shown by the next run."""

_OWN_INVOICE: Final = "EXISTS (SELECT 1 FROM scenarios_planassignment a WHERE a.invoice_id = v.id)"
_OWN_CUSTOMER: Final = "EXISTS (SELECT 1 FROM scenarios_planassignment a WHERE a.customer_id = c.id)"
_OWN_GROUP: Final = "EXISTS (SELECT 1 FROM scenarios_planassignment a WHERE a.group_id = c.group_id)"
_WHERE: Final[Mapping[str, str]] = {
    "invoice": "v.id = %(id)s",
    "customer": f"c.id = %(id)s AND NOT {_OWN_INVOICE}",
    "group": f"c.group_id = %(id)s AND NOT {_OWN_CUSTOMER} AND NOT {_OWN_INVOICE}",
    "everyone": f"NOT {_OWN_GROUP} AND NOT {_OWN_CUSTOMER} AND NOT {_OWN_INVOICE}",
}
_ITEMS: Final = """
SELECT v.currency, count(*), sum(i.outstanding), array_agg(DISTINCT c.id)
FROM invoices_installment i
JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
JOIN customers_customer c ON c.organization_id = i.organization_id AND c.id = i.customer_id
WHERE i.outstanding > 0 AND {where}
GROUP BY v.currency
ORDER BY v.currency
"""
_GROUPS: Final = """
SELECT c.group_id, count(*) FROM customers_customer c WHERE c.archived_at IS NULL GROUP BY c.group_id
"""


@dataclass(frozen=True)
class Reach:
    """What an assignment concerns: open items that would follow it, of how many customers, by currency; and the plan they follow now."""

    items: int
    customers: Sequence[UUID]
    amounts: Mapping[str, Decimal]
    now: ActionPlan | None


@dataclass(frozen=True, slots=True)
class GroupReach:
    """A group to assign a plan to - None is everybody without one - with its customers and the plan it follows now."""

    group: CustomerGroup | None
    customers: int
    now: ActionPlan | None


def reach(target: Target) -> Reach:
    """What a plan assigned to the target would concern; its own narrower assignments are left out."""
    kind, key = _named(target)
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS.format(where=_WHERE[kind]), {"id": key})
        rows = cursor.fetchall()
    return Reach(
        items=sum(row[1] for row in rows),
        customers=sorted({UUID(str(pk)) for row in rows for pk in row[3]}),
        amounts={row[0]: row[2] for row in rows},
        now=plan_followed(target),
    )


def plan_followed(target: Target) -> ActionPlan | None:
    """The plan that applies to the target now: its own, or the next wider one."""
    found = load_assignments()
    customer = target.customer or (target.invoice.customer if target.invoice is not None else None)
    group = target.group.pk if target.group is not None else customer.group_id if customer is not None else None
    followed = found.find(
        invoice=str(target.invoice.pk) if target.invoice is not None else "",
        customer=str(customer.pk) if customer is not None else "",
        group=str(group or ""),
    )
    return ActionPlan.objects.filter(pk=followed[0]).first() if followed is not None else None


def own_plan(target: Target) -> ActionPlan | None:
    """The plan assigned to the very target, None when a wider assignment applies."""
    found = PlanAssignment.objects.filter(**target.filter()).select_related("plan").first()
    return found.plan if found is not None else None


def group_reaches() -> list[GroupReach]:
    """Everybody else first, then every group by name: its customers and the plan it follows. In a constant number of queries."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS)
        sizes: dict[Any, int] = dict(cursor.fetchall())
    found = load_assignments()
    plans = {str(plan.pk): plan for plan in ActionPlan.objects.all()}
    usual = plans.get(found.everyone[0]) if found.everyone is not None else None
    own = {group: plans.get(followed[0]) for group, followed in found.groups.items()}
    ungrouped = sum(size for group, size in sizes.items() if group is None or str(group) not in own)
    groups = CustomerGroup.objects.order_by("name", "pk")
    return [
        GroupReach(None, ungrouped, usual),
        *(GroupReach(group, sizes.get(group.pk, 0), own.get(str(group.pk)) or usual) for group in groups),
    ]


def follow_plan(*, plan: ActionPlan | None, target: Target, organization: Organization, today: date, actor: str, now: datetime) -> int:
    """Have the target follow the plan from today on, or (None) again what its wider assignment says; how many customers it concerns.

    Items keep the level they have reached (rule 3). Raises DomainError for a plan that is archived or has no version.
    """
    with tenant(current_organization_id()):
        concerned = reach(target).customers
        if plan is None:
            unassign_plan(target=target, actor=actor, now=now)
        else:
            assign_plan(plan=plan, target=target, since=today, actor=actor, now=now)
        if concerned and len(concerned) <= SHOWN_AT_ONCE:
            fallout.strip_waiting(customer_ids=[str(pk) for pk in concerned], today=today, now=now)
            fallout.refresh(frame=load_frame(organization, today), customer_ids=sorted(paying_groups(concerned)), now=now)
    return len(concerned)


def follow_plans(
    *, wanted: Mapping[UUID, Own | None], organization: Organization, today: date, actor: str, now: datetime
) -> dict[UUID, Own | None]:
    """Have these customers follow a plan of their own, or (None) what their group's says; what those that changed had before.

    Their dates are shown at once when they are 200 at most. Raises DomainError as `assign_plan` does.
    """
    with tenant(current_organization_id()):
        lock_customers(wanted)
        before = assign_customers(wanted=wanted, actor=actor, now=now)
        if before and len(before) <= SHOWN_AT_ONCE:
            fallout.strip_waiting(customer_ids=[str(pk) for pk in before], today=today, now=now)
            fallout.refresh(frame=load_frame(organization, today), customer_ids=sorted(paying_groups(before)), now=now)
    return before


def _named(target: Target) -> tuple[str, UUID | None]:
    for kind, part in target.filter().items():
        if part is not None:
            return kind, part.pk
    return "everyone", None
