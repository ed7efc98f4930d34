"""The account customers pay to: entered once, and changed only by two people, because whoever can change it alone can divert the money.

A proposal counts for nothing until another owner or administrator confirms it. A confirmed change is shown as new for thirty days,
wherever customers read where to pay.
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dunning.core import audit, events
from dunning.core.enums import BankChangeState
from dunning.core.errors import DomainError, NotAllowed
from dunning.core.identity import clean_identifier
from dunning.core.models import BankDetailsChange, Membership, OrganizationProfile, User
from dunning.core.permissions import ALLOWED, Permission
from dunning.core.tenancy import current_organization_id

NEW_FOR: Final = timedelta(days=30)
"""How long a confirmed change is pointed out."""


def people_in_charge() -> list[User]:
    """Who may propose and confirm: the open organization's active owners and administrators."""
    roles = [role for role, allowed in ALLOWED.items() if Permission.MANAGE in allowed]
    rows = Membership.objects.filter(organization=current_organization_id(), role__in=roles, user__is_active=True)
    return [row.user for row in rows.select_related("user").order_by("created_at")]


def waiting_change() -> BankDetailsChange | None:
    """The proposal that waits for a second person."""
    return BankDetailsChange.objects.select_related("proposed_by").filter(state=BankChangeState.PROPOSED).first()


def new_since(*, now: datetime) -> BankDetailsChange | None:
    """The last confirmed change while it is pointed out, None when the account is an old one."""
    changes = BankDetailsChange.objects.select_related("proposed_by", "decided_by").filter(
        state=BankChangeState.CONFIRMED, decided_at__gt=now - NEW_FOR
    )
    return changes.order_by("-decided_at").first()


def changed_on(*, today: date, zone: ZoneInfo) -> date | None:
    """The day of the last confirmed change, for thirty days after it: until then nobody says that nothing changed."""
    changes = BankDetailsChange.objects.filter(state=BankChangeState.CONFIRMED).order_by("-decided_at")
    decided_at = changes.values_list("decided_at", flat=True).first()
    return day_shown(decided_at, today=today, zone=zone)


def day_shown(decided_at: datetime | None, *, today: date, zone: ZoneInfo) -> date | None:
    """The local day of a change decided then, while it is pointed out."""
    day = decided_at.astimezone(zone).date() if decided_at is not None else None
    return day if day is not None and today <= day + NEW_FOR else None


def replaced_since(iban: str, *, since: datetime) -> BankDetailsChange | None:
    """The first confirmed change after `since` by which this account stopped being the one in force; None when there was none."""
    changes = BankDetailsChange.objects.filter(state=BankChangeState.CONFIRMED, previous_iban=iban, decided_at__gt=since)
    return changes.order_by("decided_at").first()


def former_accounts() -> set[str]:
    """The IBANs a confirmed change took out of use: who pays there paid us, though not where it should."""
    return set(BankDetailsChange.objects.filter(state=BankChangeState.CONFIRMED).values_list("previous_iban", flat=True))


def history() -> list[BankDetailsChange]:
    """Every change and what became of it, the latest first."""
    return list(BankDetailsChange.objects.select_related("proposed_by", "decided_by").order_by("-proposed_at", "-pk"))


def propose_change(
    *, iban: str, holder: str = "", bic: str = "", bank_name: str = "", reason: str, actor: str, now: datetime
) -> BankDetailsChange:
    """Ask for another account; nothing changes until somebody else confirms it (`confirm_change`).

    Raises DomainError for a wrong IBAN or BIC, without a reason, for the account in force, while another proposal waits, and when nobody
    else could confirm it; NotAllowed unless `actor` is an owner or administrator here.
    """
    person = _person(actor)
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    others = [other for other in people_in_charge() if other.pk != person.pk]
    if not others:
        raise DomainError(
            _(
                "You are the only owner or administrator here, and a change of bank details needs a second person: "
                "have a colleague added as an administrator first. Nothing was changed."
            ),
            code="needs_second_person",
        )
    change = BankDetailsChange(
        iban=clean_identifier("iban", iban.strip()),
        holder=" ".join(holder.split())[:70] or profile.account_holder or profile.legal_name[:70],
        bic=clean_identifier("bic", bic.strip()),
        bank_name=" ".join(bank_name.split())[:80],
        reason=reason.strip()[:300],
        previous_holder=profile.account_holder,
        previous_iban=profile.iban,
        proposed_by=person,
        proposed_at=now,
    )
    if not change.iban:
        raise DomainError(_("Enter the new IBAN."), code="required", field="iban")
    if not change.reason:
        raise DomainError(_("Say why the account changes: whoever confirms it reads this."), code="required", field="reason")
    if (change.iban, change.holder, change.bic) == (profile.iban, profile.account_holder, profile.bic):
        raise DomainError(_("This is the account in force already."), code="unchanged", field="iban")
    try:
        with transaction.atomic():
            change.save(force_insert=True)
    except IntegrityError as error:
        if "one_bank_change_at_a_time" not in str(error):
            raise
        raise DomainError(_("Another change waits for a second person: decide about that one first."), code="already_proposed") from None
    body = {"iban": change.iban, "before": profile.iban, "holder": change.holder, "reason": change.reason}
    audit.record(actor=actor, action="bank.change_proposed", target=change, body=body, now=now)
    return change


def confirm_change(*, change_id: UUID, actor: str, now: datetime) -> BankDetailsChange:
    """The second person confirms: from now on customers are asked to pay there. Invoices already issued keep the account they print.

    Raises DomainError for whoever proposed it, when it was decided already, when the account in force is not the one it was to replace,
    and when its proposer is not in charge here any more; NotAllowed unless `actor` is an owner or administrator.
    """
    person = _person(actor)
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    change = _waiting(change_id)
    if change.proposed_by_id == person.pk:
        raise DomainError(_("You proposed this change: somebody else must confirm it."), code="same_person")
    if change.proposed_by_id not in {other.pk for other in people_in_charge()}:
        raise DomainError(
            _("Whoever proposed this is not an owner or administrator here any more: refuse it, and propose it anew."), code="proposer_gone"
        )
    if change.previous_iban != profile.iban:
        raise DomainError(_("The account in force has changed since: refuse this, and propose it anew."), code="stale")
    _decide(change, BankChangeState.CONFIRMED, person, "", now)
    profile.iban, profile.bic, profile.account_holder, profile.bank_name = change.iban, change.bic, change.holder, change.bank_name
    profile.save(update_fields=["iban", "bic", "account_holder", "bank_name"])
    body = {"iban": change.iban, "before": change.previous_iban, "proposed_by": f"user:{change.proposed_by_id}"}
    audit.record(actor=actor, action="bank.changed", target=change, body=body, now=now)
    organization_id = current_organization_id()
    events.emit(type="organization.bank_details_changed", object_type="organization", object_ids=[organization_id], now=now)
    return change


def refuse_change(*, change_id: UUID, reason: str, actor: str, now: datetime) -> BankDetailsChange:
    """Refuse a proposal, or - whoever proposed it - withdraw it. Raises DomainError without a reason or when it was decided already."""
    person = _person(actor)
    if not reason.strip():
        raise DomainError(_("Say why this change is refused."), code="required", field="reason")
    change = _waiting(change_id)
    own = change.proposed_by_id == person.pk
    _decide(change, BankChangeState.WITHDRAWN if own else BankChangeState.REFUSED, person, reason.strip()[:300], now)
    action = "bank.change_withdrawn" if own else "bank.change_refused"
    audit.record(actor=actor, action=action, target=change, body={"iban": change.iban, "reason": change.decided_reason}, now=now)
    return change


def _person(actor: str) -> User:
    """The owner or administrator behind an actor. Programs and commands are nobody here."""
    kind, _colon, identifier = actor.partition(":")
    found = next((person for person in people_in_charge() if kind == "user" and str(person.pk) == identifier), None)
    if found is None:
        raise NotAllowed(_("Bank details are changed by an owner or administrator of the organization, on its page of bank details."))
    return found


def _waiting(change_id: UUID) -> BankDetailsChange:
    rows = BankDetailsChange.objects.select_for_update(no_key=True, of=("self",)).select_related("proposed_by")
    change = rows.filter(pk=change_id).first()
    if change is None:
        raise DomainError(_("This change of bank details does not exist."), code="unknown_change")
    if change.state != BankChangeState.PROPOSED:
        raise DomainError(_("This change was decided already: %s.") % change.get_state_display(), code="decided")
    return change


def _decide(change: BankDetailsChange, state: BankChangeState, person: User, reason: str, now: datetime) -> None:
    change.state, change.decided_by, change.decided_at, change.decided_reason = state, person, now, reason
    change.save(update_fields=["state", "decided_by", "decided_at", "decided_reason"])
