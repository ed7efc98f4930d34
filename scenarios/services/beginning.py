"""The first hour of an organization: what a person confirms about customers, and the first run asked for."""

import logging
from collections.abc import Collection
from datetime import date, datetime
from typing import Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from customers.enums import CustomerKind
from customers.models import Customer, CustomerGroup
from customers.services import set_group, update_customers
from customers.services.confirmations import confirm_kinds, link_house
from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices.selectors.proposals import BUSINESS, CONSUMER, DEBIT, FACTORED, PUBLIC
from invoices.services.debits import collect_by_debit
from scenarios.models import DailyRun
from scenarios.shipped import CONSUMER as CONSUMER_PLAN
from scenarios.shipped import GROUPS
from scenarios.shipped import PUBLIC as PUBLIC_PLAN

logger = logging.getLogger(__name__)

_KINDS: Final = {PUBLIC: CustomerKind.PUBLIC, CONSUMER: CustomerKind.CONSUMER, BUSINESS: CustomerKind.BUSINESS}
_GROUPS: Final = {
    PUBLIC: next(group.key for group in GROUPS if group.plan == PUBLIC_PLAN),
    CONSUMER: next(group.key for group in GROUPS if group.plan == CONSUMER_PLAN),
}
"""The shipped groups whose plans are written for them."""


def confirm_customers(*, topic: str, customer_ids: Collection[UUID], factor: str = "", actor: str, today: date, now: datetime) -> int:
    """A person confirms what these customers were proposed as; how many.

    Public bodies and consumers without a group join the shipped one, whose plan is written for them. `factor` names who bought the invoices
    of FACTORED customers. Raises DomainError for an unknown topic, nobody, or a factor without a name.
    """
    customers = list(Customer.objects.filter(pk__in=list(customer_ids)).order_by("pk"))
    if not customers:
        raise DomainError(_("Tick at least one customer."), code="required", field="customer")
    when = {"actor": actor, "today": today, "now": now}
    if topic in _KINDS:
        count = confirm_kinds(customers=customers, kind=_KINDS[topic], actor=actor, today=today, now=now)
        group = CustomerGroup.objects.filter(key=_GROUPS.get(topic, "")).first()
        free = [customer for customer in customers if customer.group_id is None]
        if group is not None and free:
            set_group(customers=free, group=group, actor=actor, today=today, now=now)
        return count
    if topic == FACTORED:
        if not factor.strip():
            raise DomainError(_("Name the factor."), code="required", field="factor")
        name = factor.strip()[:120]
        return update_customers(changes=[(customer, {"factor_name": name}) for customer in customers], actor=actor, today=today, now=now)
    if topic == DEBIT:
        return collect_by_debit(customers=customers, **when)  # type: ignore[arg-type]  # the three arguments of every service
    raise DomainError(_("Say what is confirmed."), code="bad_topic", field="topic")


def confirm_house(*, head_id: UUID, member_ids: Collection[UUID], pays: bool, actor: str, today: date, now: datetime) -> int:
    """These accounts are of one company, whose head pays for all or is only their parent; how many were linked. See `link_house`."""
    customers = {row.pk: row for row in Customer.objects.filter(pk__in=[head_id, *member_ids])}
    if head_id not in customers or len(customers) < 2:
        raise DomainError(_("Tick at least two accounts, one of them the head."), code="required", field="customer")
    return link_house(head=customers[head_id], members=list(customers.values()), pays=pays, actor=actor, today=today, now=now)


def ask_run(*, organization: Organization, actor: str, today: date, now: datetime) -> None:
    """Have today's run done now instead of at its hour; its messages wait on the departure board while the organization is supervised.

    Raises DomainError when the day was run already, and while the organization is suspended or played.
    """
    row = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if row.suspended_at is not None or row.playing_until is not None:
        raise DomainError(_("This organization does not run now."), code="not_running")
    if DailyRun.objects.filter(local_date=today, finished_at__isnull=False).exists():
        raise DomainError(_("Today was run already; the next run is tomorrow’s."), code="already_run")
    row.next_run_at = now
    row.save(update_fields=["next_run_at"])
    audit.record(actor=actor, action="run.asked", target=row, body={"on": today}, now=now)
    transaction.on_commit(lambda: _ring(row.pk))


def _ring(organization_id: UUID) -> None:
    try:
        current_app.send_task("scenarios.run", kwargs={"organization_id": str(organization_id)}, retry=False)
    except Exception as error:  # the next tick rings
        logger.warning("The run of %s was not rung (%s); it is rung within a minute.", organization_id, error)
