"""What an organization gives up: small differences by themselves, and how much a collector may at once."""

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile

MOST_TOLERATED = Decimal(100)
"""Of the invoice's currency: what is more is no small difference."""
FIELDS = ("tolerance_amount", "write_off_limit")


def change_write_off_policy(*, tolerance_amount: Decimal, write_off_limit: Decimal, actor: str, now: datetime) -> list[str]:
    """Set both amounts, each in whatever currency an invoice has; 0 switches it off. The names of those that changed.

    Raises DomainError for a negative amount, or a tolerance above 100.
    """
    given = {"tolerance_amount": tolerance_amount, "write_off_limit": write_off_limit}
    for name, value in given.items():
        if value < 0:
            raise DomainError(_("An amount, or 0 for none."), code="bad_amount", field=name)
    if tolerance_amount > MOST_TOLERATED:
        raise DomainError(_("At most %s: more is no small difference.") % MOST_TOLERATED, code="bad_amount", field="tolerance_amount")
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    before = {name: getattr(profile, name) for name in FIELDS}
    changed = [name for name in FIELDS if before[name] != given[name]]
    if changed:
        for name in changed:
            setattr(profile, name, given[name])
        profile.save(update_fields=changed)
        body = {"before": {name: str(before[name]) for name in changed}, "after": {name: str(given[name]) for name in changed}}
        audit.record(actor=actor, action="organization.write_off_policy", target=profile, body=body, now=now)
    return changed
