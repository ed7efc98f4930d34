"""What stands between items and their next reminder, as their pages show it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q

from dunning.core.prepared import ask
from invoices.enums import DisputeState, HoldKind, PromiseState
from invoices.models import Dispute, Hold, HoldRequest, Installment, Promise
from invoices.selectors.items import open_requests, running_holds
from invoices.selectors.plans import PlanView, plans_about

# Most customers have none of these: one question saves one for each kind that is missing.
_KINDS: Final = """
SELECT 'promise' WHERE EXISTS (SELECT FROM invoices_promise WHERE customer_id = ANY(%(ids)s::uuid[]) AND state = 'open')
UNION ALL SELECT 'dispute' WHERE EXISTS (SELECT FROM invoices_dispute WHERE customer_id = ANY(%(ids)s::uuid[]) AND state = 'open')
UNION ALL SELECT 'hold' WHERE EXISTS (SELECT FROM invoices_hold WHERE customer_id = ANY(%(ids)s::uuid[]) AND released_on IS NULL)
UNION ALL SELECT 'request' WHERE EXISTS (SELECT FROM invoices_holdrequest WHERE customer_id = ANY(%(ids)s::uuid[]) AND state = 'open')
UNION ALL SELECT 'plan' WHERE EXISTS (
    SELECT FROM invoices_paymentplan p
    JOIN invoices_paymentplanitem t ON t.organization_id = p.organization_id AND t.plan_id = p.id
    JOIN invoices_installment i ON i.organization_id = t.organization_id AND i.id = t.installment_id
    WHERE p.state = 'active' AND i.customer_id = ANY(%(ids)s::uuid[]))
"""


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What stands between items and their next reminder, now: open promises, open disputes, running pauses and payment plans.

    A plan stands for its own pauses. `requests` are pauses asked for: they hold nothing.
    """

    promises: tuple[Promise, ...]
    disputes: tuple[Dispute, ...]
    holds: tuple[Hold, ...]
    plans: tuple[PlanView, ...] = ()
    requests: tuple[HoldRequest, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.promises or self.disputes or self.holds or self.plans or self.requests)


def standing_in_the_way(items: Collection[Installment], *, today: date, customer_id: UUID | None = None) -> InTheWay:
    """Of these items and of their customer as a whole (or of `customer_id`)."""
    ids = [item.pk for item in items]
    customers = {item.customer_id for item in items} | ({customer_id} if customer_id is not None else set())
    with connection.cursor() as cursor:
        ask(cursor, _KINDS, {"ids": list(customers)})
        there = {kind for (kind,) in cursor.fetchall()}
    promises = Promise.objects.select_related("installment__invoice").filter(installment__in=ids, state=PromiseState.OPEN)
    disputes = Dispute.objects.select_related("installment__invoice", "owner").filter(installment__in=ids, state=DisputeState.OPEN)
    of_them = Q(installment__in=ids) | Q(customer__in=customers, installment=None)
    holds = running_holds(today=today).select_related("installment__invoice").filter(of_them)
    plans = plans_about(ids, running=True) if "plan" in there else []
    if planned := {item for view in plans for item in view.items}:
        holds = holds.exclude(kind=HoldKind.AGREED_INSTALMENTS, installment__in=planned)
    return InTheWay(
        tuple(promises.order_by("promised_for", "pk")) if "promise" in there else (),
        tuple(disputes.order_by("opened_on", "pk")) if "dispute" in there else (),
        tuple(holds) if "hold" in there else (),
        tuple(plans),
        tuple(open_requests().filter(of_them)) if "request" in there else (),
    )
