"""Insolvency proceedings (rule 12): a person enters the opening judgment; the tasks it makes urgent are created from the news."""

from datetime import date, datetime

from django.utils.translation import gettext as _

from customers.enums import InsolvencyKind
from customers.models import Customer
from customers.services.customers import lock_customer
from customers.signals import customer_changed
from dunning.core import audit, events
from dunning.core.errors import DomainError

REASON = "insolvency"


def record_insolvency(
    *, customer: Customer, kind: str, opened_on: date, published_on: date | None = None, actor: str, today: date, now: datetime
) -> None:
    """Record the opening judgment of `opened_on`, and its BODACC publication once known; called again, it corrects what was entered.

    From then on items delivered before the judgment are frozen (`invoices.selectors.insolvency_split`) and deadlines run
    (`customers.selectors.insolvency_deadlines`). Raises DomainError for unknown proceedings, a judgment to come or a publication before it.
    """
    if kind not in InsolvencyKind.values:
        raise DomainError(_("Say which proceedings were opened."), code="bad_kind", field="kind")
    if opened_on > today:
        raise DomainError(_("The opening judgment cannot lie in the future."), code="future_date", field="opened_on")
    if published_on is not None and published_on < opened_on:
        raise DomainError(_("The publication cannot come before the judgment."), code="bad_date", field="published_on")
    locked = lock_customer(customer)
    before = _facts(locked)
    for row in (locked, customer):
        row.insolvency_kind, row.insolvency_opened_on, row.insolvency_published_on = kind, opened_on, published_on
    if _facts(locked) == before:
        return
    locked.save(update_fields=["insolvency_kind", "insolvency_opened_on", "insolvency_published_on", "updated_at"])
    body = {"before": before, "after": _facts(locked)}
    audit.record(actor=actor, action="customer.insolvency_recorded", target=locked, body=body, now=now)
    events.emit(type="customer.insolvent", object_type="customer", object_ids=[locked.pk], now=now, payload=_facts(locked))
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason=REASON, today=today, now=now)


def clear_insolvency(*, customer: Customer, reason: str, actor: str, today: date, now: datetime) -> None:
    """The proceedings were entered by mistake, or are over; a reason is required."""
    if not reason.strip():
        raise DomainError(_("Say why the proceedings no longer apply."), code="required", field="reason")
    locked = lock_customer(customer)
    if not locked.insolvency_kind:
        return
    before = _facts(locked)
    for row in (locked, customer):
        row.insolvency_kind, row.insolvency_opened_on, row.insolvency_published_on = "", None, None
    locked.save(update_fields=["insolvency_kind", "insolvency_opened_on", "insolvency_published_on", "updated_at"])
    audit.record(actor=actor, action="customer.insolvency_cleared", target=locked, body={"before": before, "reason": reason}, now=now)
    events.emit(type="customer.insolvency_ended", object_type="customer", object_ids=[locked.pk], now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason=REASON, today=today, now=now)


def _facts(customer: Customer) -> dict[str, str | None]:
    opened, published = customer.insolvency_opened_on, customer.insolvency_published_on
    return {
        "kind": str(customer.insolvency_kind),
        "opened_on": opened.isoformat() if opened else None,
        "published_on": published.isoformat() if published else None,
    }
