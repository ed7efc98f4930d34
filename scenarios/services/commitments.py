"""Do what you say: an announced consequence is carried out, or withdrawn with a reason (rule 11)."""

from datetime import date, datetime

from django.utils.translation import gettext as _

from customers.services import lock_customers
from dunning.core.errors import DomainError
from scenarios import effects
from scenarios.enums import CommitmentState
from scenarios.models import Commitment


def withdraw_commitment(*, commitment: Commitment, reason: str, actor: str, today: date, now: datetime) -> None:
    """The announced consequence will not follow. Raises DomainError without a reason, or when it was executed or withdrawn already."""
    if not reason.strip():
        raise DomainError(_("Say why this is not carried out."), code="required", field="reason")
    lock_customers([commitment.customer_id])
    commitment.refresh_from_db()
    if commitment.state != CommitmentState.OPEN:
        raise DomainError(_("This was carried out or withdrawn already."), code="closed")
    effects.withdraw_commitments([commitment], reason=reason.strip(), on=today, actor=actor, now=now)
    commitment.refresh_from_db()
