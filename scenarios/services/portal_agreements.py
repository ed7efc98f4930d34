"""What a debtor agrees to or sets up on its page: instalments, a direct debit, another person to write to. Kept like all it says there.

Every function raises AlreadySaid, MovedMeanwhile, and DomainError as the services it calls do.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from customers.enums import PortalAction
from invoices.enums import ActKind, ActSource
from invoices.models import DebtorAct, Declaration
from scenarios.services import mandates, other_contact, payment_plans
from scenarios.services.declaring import Said, Speaker, confirm, declare
from scenarios.services.mandates import DraftMandate
from scenarios.services.payment_plans import Draft


def agree_on_instalments(*, speaker: Speaker, draft: Draft, sha256: str, name: str, today: date, now: datetime) -> Declaration:
    """Sign the agreement whose words were read (`sha256`). Its copy is the receipt: both sides are sent it."""
    details = {
        "parts": [[part.due_on.isoformat(), str(part.amount)] for part in draft.parts],
        "currency": draft.currency,
        "text_sha256": draft.sha256,
    }
    said = declare(speaker, PortalAction.INSTALMENTS, [item.pk for item in draft.items], details, today=today, now=now)
    payment_plans.agree_on_plan(
        draft=draft,
        sha256=sha256,
        name=name,
        contact=speaker.contact,
        address=speaker.address or None,
        browser=speaker.user_agent,
        declaration=said.declaration,
        **said.who,
    )
    return said.declaration


def name_other(
    *, speaker: Speaker, items: Sequence[UUID], message_id: UUID | None, name: str, email: str, role: str, today: date, now: datetime
) -> Declaration:
    """Somebody else is in charge: the message goes to them now, or once a person has checked the address."""
    said = declare(speaker, PortalAction.REDIRECTED, items, {"name": name, "email": email, "role": role}, today=today, now=now)
    other_contact.name_other(
        contact=speaker.contact,
        items=items,
        message_id=message_id,
        name=name,
        email=email,
        role=role,
        declaration=said.declaration,
        **said.who,
    )
    return confirm(said)


def sign_mandate(*, speaker: Speaker, draft: DraftMandate, sha256: str, name: str, today: date, now: datetime) -> Declaration:
    """Sign the mandate whose words were read (`sha256`), for the contact's own customer. Its copy is the receipt."""
    details = {"reference": draft.reference, "account": draft.account.masked, "text_sha256": draft.sha256}
    said = declare(speaker, PortalAction.MANDATE, (), details, about_items=False, today=today, now=now)
    mandate = mandates.sign_mandate(
        customer=speaker.contact.customer,
        draft=draft,
        sha256=sha256,
        name=name,
        contact=speaker.contact,
        address=speaker.address or None,
        browser=speaker.user_agent,
        **said.who,
    )
    _write_signed(said, f"{mandate.reference} · {mandate.iban_masked}", {"mandate": str(mandate.pk)})
    return said.declaration


def _write_signed(said: Said, text: str, details: dict[str, str]) -> None:
    DebtorAct.objects.create(
        customer=said.speaker.contact.customer,
        contact=said.speaker.contact,
        kind=ActKind.SIGNED_DEBIT,
        source=ActSource.PORTAL,
        at=said.now,
        actor=said.speaker.actor,
        text=text,
        details=details,
        declaration=said.declaration,
    )
