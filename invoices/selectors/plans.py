"""Payment plans as people see them: what is paid of each part, what comes next."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.prepared import ask
from invoices.enums import PlanState
from invoices.models import Allocation, Installment, PaymentPlan, PaymentPlanItem

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class PartView:
    """One part: what of it is paid (payments go to the earliest parts first)."""

    due_on: date
    amount: Decimal
    paid: Decimal
    is_next: bool

    @property
    def is_paid(self) -> bool:
        return self.paid >= self.amount


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with its parts and the numbers of its invoices."""

    plan: PaymentPlan
    parts: tuple[PartView, ...]
    numbers: tuple[str, ...]
    items: tuple[UUID, ...]

    @property
    def next_part(self) -> PartView | None:
        return next((part for part in self.parts if part.is_next), None)

    @property
    def paid(self) -> Decimal:
        return sum((part.paid for part in self.parts), _NOTHING)


def get_plan(identifier: UUID) -> PaymentPlan:
    """With its customer and its paper. Raises DomainError when it does not exist here."""
    found = PaymentPlan.objects.select_related("customer", "document").filter(pk=identifier).first()
    if found is None:
        raise DomainError(_("This payment plan does not exist."), code="unknown_plan")
    return found


def plans_about(installments: Collection[UUID] | QuerySet[Installment, Any], *, running: bool = False) -> list[PlanView]:
    """The plans of these items - their ids, or a query of them -, or only those that run, the latest first."""
    wanted: Any = installments.order_by().values("pk") if isinstance(installments, QuerySet) else list(installments)
    planned = PaymentPlanItem.objects.filter(installment__in=wanted).values("plan")
    plans = PaymentPlan.objects.select_related("customer", "document").filter(pk__in=planned)
    return views_of(plans.filter(state=PlanState.ACTIVE) if running else plans)


_RUNNING: Final = """
SELECT EXISTS (
    SELECT FROM invoices_paymentplan p
    JOIN invoices_paymentplanitem t ON t.organization_id = p.organization_id AND t.plan_id = p.id
    JOIN invoices_installment i ON i.organization_id = t.organization_id AND i.id = t.installment_id
    WHERE p.state = 'active' AND i.customer_id = ANY(%s::uuid[]))
"""


def has_running_plans(customer_ids: Collection[UUID]) -> bool:
    """Whether a plan runs about any item of these customers, whoever agreed it."""
    with connection.cursor() as cursor:
        ask(cursor, _RUNNING, [list(customer_ids)])
        return bool(cursor.fetchone()[0])


def views_of(plans: Iterable[PaymentPlan]) -> list[PlanView]:
    """Plans with their parts, in four queries whatever their number."""
    found = sorted(plans, key=lambda plan: plan.agreed_at, reverse=True)
    if not found:
        return []
    ids = [plan.pk for plan in found]
    items: dict[UUID, list[PaymentPlanItem]] = {pk: [] for pk in ids}
    for item in PaymentPlanItem.objects.select_related("installment__invoice").filter(plan__in=ids).order_by("installment__due_on", "pk"):
        items[item.plan_id].append(item)
    prefetch_related_objects(found, "parts")
    paid = _payments({item.installment_id for rows in items.values() for item in rows})
    return [_view(plan, items[plan.pk], paid) for plan in found]


def _payments(installment_ids: Collection[UUID]) -> list[tuple[UUID, date, Decimal]]:
    rows = Allocation.objects.filter(payment__isnull=False, installment__in=list(installment_ids), reversed_at=None)
    return list(rows.values_list("installment_id", "value_on", "amount"))


def _view(plan: PaymentPlan, items: Sequence[PaymentPlanItem], payments: Sequence[tuple[UUID, date, Decimal]]) -> PlanView:
    own = {item.installment_id for item in items}
    left = sum((amount for item, on, amount in payments if item in own and on >= plan.agreed_on), _NOTHING)
    parts, following = [], plan.state == PlanState.ACTIVE
    for part in sorted(plan.parts.all(), key=lambda part: part.position):
        paid = min(left, part.amount)
        left -= paid
        is_next = following and paid < part.amount
        following = following and not is_next
        parts.append(PartView(part.due_on, part.amount, paid, is_next))
    numbers = dict.fromkeys(item.installment.invoice.number for item in items)
    return PlanView(plan, tuple(parts), tuple(numbers), tuple(item.installment_id for item in items))
