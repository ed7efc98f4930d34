"""What debtors may do by themselves and how they may pay, beside a transfer: instalments, cheques, direct debit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.eu import at_02

from dunning.core import audit
from dunning.core.enums import MandateScheme
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile

INSTALMENTS: Final = ("plans_offered", "plan_most_parts", "plan_first_within", "plan_most_days")
CHEQUES: Final = ("cheques_offered", "cheque_order", "cheque_address")
MANDATES: Final = ("mandate_scheme", "creditor_identifier")
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {"plan_most_parts": (2, 12), "plan_first_within": (1, 30), "plan_most_days": (7, 365)}
"""What a policy of instalments may be set to: parts, days until the first, days until the last."""


def change_ways_of_paying(*, actor: str, now: datetime, **fields: Any) -> list[str]:
    """Change what debtors are offered; the names of the fields that changed, `[]` when nothing did.

    Raises DomainError naming the field: a figure out of bounds, a plan whose last part could not come after its first, direct debits
    without a creditor identifier, or one whose check digits are wrong. Nothing is written then.
    """
    if unknown := set(fields) - {*INSTALMENTS, *CHEQUES, *MANDATES}:
        raise ValueError(f"Not a way of paying: {', '.join(sorted(unknown))}.")
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    before = {name: getattr(profile, name) for name in fields}
    for name, value in fields.items():
        setattr(profile, name, _clean(name, value))
    if profile.plan_most_days <= profile.plan_first_within:
        raise DomainError(_("The last part must be allowed later than the first."), field="plan_most_days")
    if profile.mandate_scheme and not profile.creditor_identifier:
        raise DomainError(
            _("A direct-debit mandate names your SEPA creditor identifier (ICS): ask your bank for it."), field="creditor_identifier"
        )
    try:
        profile.full_clean(exclude=["organization"], validate_constraints=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise DomainError(" ".join(messages), field=field) from None
    after = {name: getattr(profile, name) for name in fields}
    changed = sorted(name for name in fields if before[name] != after[name])
    if changed:
        profile.save(update_fields=changed)
        body = {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}}
        audit.record(actor=actor, action="organization.ways_of_paying", target=profile, body=body, now=now)
    return changed


def _clean(name: str, value: Any) -> Any:
    if name in BOUNDS:
        least, most = BOUNDS[name]
        if not least <= int(value) <= most:
            raise DomainError(_("Between %(least)s and %(most)s.") % {"least": least, "most": most}, field=name)
        return int(value)
    if name == "creditor_identifier" and value.strip():
        if not at_02.is_valid(value.upper()):
            raise DomainError(
                _("“%(value)s” is not a SEPA creditor identifier: copy it from your bank's letter.") % {"value": value[:40]}, field=name
            )
        return at_02.compact(value.upper())
    if name == "mandate_scheme" and value and value not in MandateScheme.values:
        raise DomainError(_("Choose one of the two schemes."), field=name)
    if name == "cheque_address":
        return "\n".join(line.strip() for line in value.strip().splitlines() if line.strip())
    return value.strip() if isinstance(value, str) else value


def cheque_to(profile: OrganizationProfile) -> tuple[str, tuple[str, ...]]:
    """To whose order a cheque is made out, and the lines of the address it is sent to."""
    own = (profile.legal_name, profile.address_line1, profile.address_line2, f"{profile.postal_code} {profile.city}".strip())
    lines = profile.cheque_address.splitlines() if profile.cheque_address else own
    return profile.cheque_order or profile.legal_name[:70], tuple(line for line in lines if line)
