"""A customer in insolvency proceedings (rule 12): the light plan of what is payable, and the person's word on what was delivered when."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from customers.models import Customer
from dunning.core.selectors import get_profile
from invoices.models import Invoice
from invoices.services import lock_items, update_invoice
from scenarios import effects, work
from scenarios.enums import CommitmentState, Reason
from scenarios.models import ActionPlan, Commitment, PlanAssignment
from scenarios.services.plans import Target, assign_plan, unassign_plan
from scenarios.shipped import PROCEEDINGS

ACTOR: Final = "system"


def follow_proceedings(*, customer_ids: Collection[UUID], today: date, now: datetime) -> None:
    """Have locked customers follow the plan of proceedings while a judgment is entered for them, and their group's again once it is not.

    What was announced to such a customer can be carried out no more: withdrawn, it does not hold back what is owed for later deliveries.
    A plan of their own that such a customer had is replaced; the audit trail names it. An organization that put the shipped plan away, or
    was set up before there was one, keeps its own way.
    """
    judged = {customer.pk: customer for customer in Customer.objects.filter(pk__in=list(customer_ids), insolvency_opened_on__isnull=False)}
    followers = PlanAssignment.objects.filter(customer__in=list(customer_ids), plan__key=PROCEEDINGS).select_related("customer")
    for assignment in followers:
        if assignment.customer is not None and assignment.customer_id not in judged:
            unassign_plan(target=Target(customer=assignment.customer), actor=ACTOR, now=now)
    if not judged:
        return
    announced = Commitment.objects.filter(customer__in=judged, state=CommitmentState.OPEN)
    effects.withdraw_commitments(list(announced), reason=Reason.INSOLVENCY, on=today, actor=ACTOR, now=now)
    plan = ActionPlan.objects.filter(key=PROCEEDINGS, archived_at=None).first()
    if plan is not None:
        for customer in judged.values():
            assign_plan(plan=plan, target=Target(customer=customer), since=today, actor=ACTOR, now=now)


def confirm_split(*, customer: Customer, delivered: Mapping[UUID, date], actor: str, today: date, now: datetime) -> int:
    """A person says when invoices, by id, were delivered or the service done: that decides on which side of the judgment each stands.

    Returns how many days changed. Raises Invoice.DoesNotExist for an invoice of somebody else.
    """
    lock_items(invoice_ids=list(delivered))
    rows = {row.pk: row for row in Invoice.objects.filter(customer=customer, pk__in=list(delivered))}
    if len(rows) < len(delivered):
        raise Invoice.DoesNotExist
    changed = sum(
        bool(update_invoice(invoice=rows[pk], delivered_on=day, actor=actor, today=today, now=now)) for pk, day in delivered.items()
    )
    work.open_insolvency_tasks(profile=get_profile(), today=today, now=now, customer_ids=[customer.pk])
    return changed
