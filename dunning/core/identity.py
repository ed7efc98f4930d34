"""Who the creditor is on paper, where it is paid, how it writes, and by which figures it chases: entered by people, checked at the door."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum import bic, iban
from stdnum.fr import siren, siret

from dunning.core import audit
from dunning.core.enums import PenaltyMode
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile

IDENTITY: Final = (
    "legal_name",
    "legal_form",
    "share_capital",
    "siren",
    "siret",
    "rcs_city",
    "vat_number",
    "address_line1",
    "address_line2",
    "postal_code",
    "city",
    "country",
    "phone",
    "email",
    "signatory_name",
    "signatory_title",
    "signatory_phone",
    "account_holder",
    "iban",
    "bic",
    "bank_name",
    "sender_name",
    "sender_email",
    "reply_to",
    "sms_sender",
    "default_language",
    "default_currency",
    "window_start",
    "window_end",
    "holiday_country",
    "holiday_subdivision",
    "spacing_days",
    "acceptance_threshold",
    "residue_amount",
    "residue_percent",
    "promise_share_percent",
    "promise_tolerance_days",
    "promise_max_days",
    "penalty_mode",
    "penalty_value",
    "penalty_lift_to_floor",
)
"""What `update_profile` may change."""
BOUNDS: Final = {
    "spacing_days": (0, 60),
    "acceptance_threshold": (0, 10**9),
    "residue_amount": (0, 100),
    "residue_percent": (0, 10),
    "promise_share_percent": (1, 100),
    "promise_tolerance_days": (0, 15),
    "promise_max_days": (1, 90),
}
"""The least and the most of a figure of the rules, in the currency, per cent or days it counts."""
LEGAL_MULTIPLE: Final = 3
"""What a French contract cannot go below: so many times the legal rate (L441-10 II)."""
ACCOUNT: Final = ("account_holder", "iban", "bic")
"""What is entered once by one person, and changed by two."""


def update_profile(*, actor: str, now: datetime, **fields: str) -> list[str]:
    """Change the open organization's profile; the names of the fields that changed, `[]` when nothing did.

    Values are text, as typed. Raises DomainError naming the first field that cannot be used, with what it should look like, and for
    another bank account than the one on file, which takes two people (`bank`); nothing is written then.
    """
    unknown = sorted(set(fields) - set(IDENTITY))
    if unknown:
        known = ", ".join(IDENTITY)
        raise DomainError(_("There is no field “%(field)s”. Known: %(known)s.") % {"field": unknown[0], "known": known}, field=unknown[0])
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    if "penalty_mode" in fields:
        fields.setdefault("penalty_value", "" if profile.penalty_value is None else str(profile.penalty_value))
    kept = {name: getattr(profile, name) for name in fields}
    before = {name: str(value) for name, value in kept.items()}
    for name, value in fields.items():
        text = " ".join(value.split())
        setattr(profile, name, (text.replace(",", ".") or None) if name == "penalty_value" else clean_identifier(name, text))
    _refuse_other_account(profile, before)
    try:
        profile.full_clean(exclude=["organization"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise DomainError(f"{field}: {' '.join(messages)}", field=field) from None
    _check_figures(profile)
    if fields.keys() & {"penalty_mode", "penalty_value"}:
        _check_penalty_clause(profile)
    if profile.window_start >= profile.window_end:
        raise DomainError(_("The sending hours must end after they begin, such as 09:00 and 18:00."), field="window_end")
    after = {name: str(getattr(profile, name)) for name in fields}
    changed = sorted(name for name in fields if kept[name] != getattr(profile, name))
    if changed:
        profile.save(update_fields=changed)
        body = {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}}
        audit.record(actor=actor, action="organization.profile_changed", target=profile, body=body, now=now)
    return changed


def _check_figures(profile: OrganizationProfile) -> None:
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(profile, name) <= most:
            bounds = {"field": name, "least": least, "most": most}
            raise DomainError(_("%(field)s lies between %(least)s and %(most)s.") % bounds, field=name)
    if profile.residue_percent != round(profile.residue_percent):
        raise DomainError(_("Write whole per cents."), field="residue_percent")


def _check_penalty_clause(profile: OrganizationProfile) -> None:
    """A clause of the contract has its rate, margin or multiple; the rate of the law has none, and is kept without."""
    mode, value = PenaltyMode(profile.penalty_mode), profile.penalty_value
    if mode == PenaltyMode.DEFAULT_ECB10:
        profile.penalty_value = None
    elif value is None:
        raise DomainError(_("Write the figure of your conditions of sale: the rate, the margin or the multiple."), field="penalty_value")
    elif not Decimal(0) <= value <= Decimal(50):
        raise DomainError(_("Between 0 and 50."), field="penalty_value")
    elif mode == PenaltyMode.CONTRACT_LEGAL_X and value < LEGAL_MULTIPLE:
        raise DomainError(
            _("A contract cannot set penalties below 3 times the legal rate (L441-10 II du code de commerce)."), field="penalty_value"
        )


def _refuse_other_account(profile: OrganizationProfile, before: dict[str, str]) -> None:
    """An account that customers were told of is not replaced by one person."""
    known = before.get("iban", profile.iban)
    changed = next((name for name in ACCOUNT if name in before and before[name] not in ("", getattr(profile, name))), "")
    if known and changed:
        raise DomainError(
            _("The bank details customers pay to are changed by two people, on the page of bank details of the settings."),
            code="takes_two_people",
            field=changed,
        )


def clean_identifier(name: str, value: str) -> str:
    """One form for identifiers - "iban", "bic", "siren", "siret" - so that they compare; other fields as they are. Raises DomainError."""
    rules: dict[str, tuple[Any, str]] = {
        "iban": (iban, _("“%(value)s” is not a valid IBAN: copy it from a bank statement.")),
        "bic": (bic, _("“%(value)s” is not a valid BIC: it has 8 or 11 characters.")),
        "siren": (siren, _("“%(value)s” is not a valid SIREN: it has nine digits.")),
        "siret": (siret, _("“%(value)s” is not a valid SIRET: it has fourteen digits.")),
    }
    if not value or name not in rules:
        return value
    rule, sentence = rules[name]
    if not rule.is_valid(value.upper()):
        raise DomainError(sentence % {"value": value[:40]}, field=name)
    compact: str = rule.compact(value.upper())
    return compact
