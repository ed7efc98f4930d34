"""An act about many customers: which plan of their own they follow."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import lock_customers
from dunning.core.errors import DomainError
from scenarios.models import ActionPlan, PlanAssignment
from scenarios.services.many.kinds import Kept, Kind, When
from scenarios.services.plan_following import follow_plans
from scenarios.services.plans import Own, check_assignable


class FollowPlan(Kind):
    """`data`: plan, its id, or None for what the customer's group follows."""

    subject = Customer

    def check(self, data: Mapping[str, Any], when: When) -> None:
        plan = _plan(data["plan"])
        if plan is not None:
            check_assignable(plan)

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        plan = _plan(data["plan"])
        own = Own(plan, when.today) if plan is not None else None
        there = Customer.objects.filter(pk__in=list(ids)).values_list("pk", flat=True)
        before = follow_plans(wanted=dict.fromkeys(there, own), organization=when.organization, **when.acting)
        return {
            pk: {
                "from": str(had.plan.pk) if had is not None else None,
                "since": had.since.isoformat() if had is not None else None,
                "to": data["plan"],
            }
            for pk, had in before.items()
        }

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        lock_customers(kept)
        rows = PlanAssignment.objects.filter(customer__in=list(kept)).values_list("customer", "plan")
        now = {pk: str(plan) for pk, plan in rows if pk is not None}
        archived = {str(pk) for pk in ActionPlan.objects.exclude(archived_at=None).values_list("pk", flat=True)}
        gone = {pk: _("The plan it followed was archived.") for pk, row in kept.items() if row["from"] in archived}
        return gone | {pk: _("Another plan was chosen for it meanwhile.") for pk, row in kept.items() if now.get(pk) != row["to"]}

    def put_back(self, kept: Kept, when: When) -> None:
        plans = {str(plan.pk): plan for plan in ActionPlan.objects.all()}
        wanted = {
            pk: Own(plans[row["from"]], date.fromisoformat(row["since"])) if row["from"] is not None else None for pk, row in kept.items()
        }
        follow_plans(wanted=wanted, organization=when.organization, **when.acting)


def _plan(pk: str | None) -> ActionPlan | None:
    if pk is None:
        return None
    found = ActionPlan.objects.filter(pk=pk).first()
    if found is None:
        raise DomainError(_("This plan does not exist any more."), code="unknown_plan", field="plan")
    return found
