"""Direct-debit mandates: signed by the debtor on its page, put to use by a person, revoked by either (docs/domain.md, SEPA).

No debit is collected here. The account number is sealed before it is written, and opened by `open_iban` alone.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _

from customers import identity
from customers.enums import CustomerKind, MandateState
from customers.models import Contact, Customer, Mandate
from customers.selectors import has_legal_regime
from customers.services.customers import lock_customer
from dunning.core import audit, events
from dunning.core.enums import MandateScheme
from dunning.core.errors import DomainError, StaleObject
from dunning.core.money import masked_iban
from dunning.core.sealing import SealBroken, seal, unseal
from dunning.core.selectors import get_profile

# Countries and territories a SEPA direct debit reaches (EPC409-09, "List of SEPA Scheme Countries").
_SEPA_COUNTRIES: Final = (
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK SM VA"
)
SEPA: Final = frozenset(_SEPA_COUNTRIES.split())


@dataclass(frozen=True, slots=True)
class MandateSigning:
    """Who signed for the debtor and from where; `text` are the words they read, with the account masked."""

    text: str
    language: str
    name: str
    address: str | None = None
    browser: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class DebitAccount:
    """The account to debit, checked."""

    iban: str
    holder: str
    bic: str = ""

    @property
    def masked(self) -> str:
        return masked_iban(self.iban)


def check_account(*, iban: str, holder: str, bic: str = "") -> DebitAccount:
    """An account that can be debited. Raises DomainError naming the field: not an IBAN, outside SEPA, ours, a wrong BIC, no holder."""
    bare = identity.clean_iban(iban)
    if not bare:
        raise DomainError(_("Enter the IBAN of the account to debit."), code="required", field="iban")
    if bare[:2] not in SEPA:
        raise DomainError(_("Direct debits reach accounts of the SEPA area only: this one lies elsewhere."), code="not_sepa", field="iban")
    if bare == get_profile().iban:
        raise DomainError(_("This is our own account: enter the one you pay from."), code="own_account", field="iban")
    name = " ".join(holder.split())[:70]
    if not name:
        raise DomainError(_("Enter the holder of the account."), code="required", field="holder")
    return DebitAccount(bare, name, identity.clean_bic(bic))


def new_reference() -> str:
    """A reference nobody has yet ("RUM"): capitals and figures, 50 bits of chance."""
    return f"M{base64.b32encode(secrets.token_bytes(7)).decode().rstrip('=')[:10]}"


def offered_scheme(customer: Customer) -> MandateScheme:
    """The scheme this customer may sign a mandate of. Raises DomainError when none is offered, or B2B to whom may be a consumer."""
    scheme = get_profile().mandate_scheme
    if not scheme:
        raise DomainError(_("Direct debit is not offered here."), code="not_offered")
    may_be_consumer = customer.kind == CustomerKind.CONSUMER or not has_legal_regime(customer)
    return MandateScheme.CORE if may_be_consumer else MandateScheme(scheme)


def sign_mandate(
    *, customer: Customer, reference: str, account: DebitAccount, signing: MandateSigning, actor: str, today: date, now: datetime
) -> Mandate:
    """The debtor authorises debits of its account; a person must still put the mandate to use (`activate_mandate`).

    One that waits to be checked is replaced. Raises DomainError as `offered_scheme` does, and without a name or a creditor identifier;
    StaleObject when a mandate of this reference was signed already.
    """
    locked = lock_customer(customer)
    scheme = offered_scheme(locked)
    if not signing.name.strip():
        raise DomainError(_("Write your name: it stands under the mandate."), code="required", field="name")
    if Mandate.objects.filter(reference=reference).exists():
        raise StaleObject(_("This mandate is signed and recorded already. To sign another one, choose “Change something”."))
    for earlier in Mandate.objects.select_for_update(no_key=True).filter(customer=locked, state=MandateState.SIGNED):
        _revoke(earlier, _("Signed anew"), actor=actor, now=now)
    mandate = Mandate.objects.create(
        customer=locked,
        contact=signing.contact,
        reference=reference,
        scheme=scheme,
        creditor_identifier=get_profile().creditor_identifier,
        holder=account.holder,
        iban_sealed=seal({"iban": account.iban}),
        iban_masked=account.masked,
        bic=account.bic,
        language=signing.language,
        text=signing.text,
        text_sha256=hashlib.sha256(signing.text.encode()).hexdigest(),
        signatory=" ".join(signing.name.split())[:120],
        signed_at=now,
        signed_from=signing.address,
        signed_with=signing.browser[:300],
    )
    _record(mandate, "mandate.signed", {"signatory": mandate.signatory, "address": signing.address}, actor=actor, now=now, fresh=True)
    return mandate


def activate_mandate(*, mandate: Mandate, actor: str, today: date, now: datetime) -> None:
    """A person has checked a signed mandate: it may be used, in place of the one before. Raises DomainError unless it waits for that."""
    lock_customer(mandate.customer_id)
    mandate.refresh_from_db()
    if mandate.state != MandateState.SIGNED:
        raise DomainError(_("This mandate does not wait to be checked."), code="not_waiting")
    for earlier in Mandate.objects.filter(customer=mandate.customer_id, state=MandateState.ACTIVE):
        _revoke(earlier, _("Replaced by %s") % mandate.reference, actor=actor, now=now)
    mandate.state, mandate.activated_at, mandate.activated_by = MandateState.ACTIVE, now, actor
    mandate.save(update_fields=["state", "activated_at", "activated_by"])
    _record(mandate, "mandate.activated", {}, actor=actor, now=now)


def revoke_mandate(*, mandate: Mandate, reason: str, actor: str, today: date, now: datetime) -> None:
    """The mandate may not be used (any more). Nothing happens when it is revoked already. Raises DomainError without a reason."""
    if not reason.strip():
        raise DomainError(_("Say why this mandate ends."), code="required", field="reason")
    lock_customer(mandate.customer_id)
    mandate.refresh_from_db()
    if mandate.state != MandateState.REVOKED:
        _revoke(mandate, reason.strip(), actor=actor, now=now)


def open_iban(*, mandate: Mandate, actor: str, now: datetime) -> str:
    """The account number in full, which the audit trail notes. Raises DomainError when its key is gone."""
    try:
        iban = unseal(mandate.iban_sealed)["iban"]
    except (SealBroken, KeyError):
        raise DomainError(
            _("The account number cannot be read with this installation's key: have it signed again."), code="sealed"
        ) from None
    audit.record(actor=actor, action="mandate.account_read", target=mandate, now=now)
    return iban


def _revoke(mandate: Mandate, reason: str, *, actor: str, now: datetime) -> None:
    mandate.state, mandate.revoked_at, mandate.revoked_by, mandate.revoked_reason = MandateState.REVOKED, now, actor, reason[:300]
    mandate.save(update_fields=["state", "revoked_at", "revoked_by", "revoked_reason"])
    _record(mandate, "mandate.revoked", {"reason": mandate.revoked_reason}, actor=actor, now=now)


def _record(mandate: Mandate, action: str, more: Mapping[str, str | None], *, actor: str, now: datetime, fresh: bool = False) -> None:
    body = {"reference": mandate.reference, "scheme": str(mandate.scheme), "account": mandate.iban_masked, "sha256": mandate.text_sha256}
    audit.record(actor=actor, action=action, target=mandate, body={**body, **more}, now=now)
    events.emit(type=action, object_type="mandate", object_ids=[mandate.pk], now=now, fresh=fresh)
