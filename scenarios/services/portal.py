"""What a debtor does on its page, each time with the exact words it was shown: kept, acted upon at once, and confirmed to both sides.

Who wins (docs/portal.md): a form is about items as they were when it was drawn. If anybody - a payment, a colleague, our staff - moved them
since, nothing is done and what happened is shown; so that of two answers at one moment one stands. Afterwards the latest answer wins.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.enums import PortalAction
from customers.models import Contact
from dunning.core import audit, events
from dunning.core.errors import DomainError
from invoices.enums import ActSource
from invoices.models import Declaration, Installment
from invoices.selectors import state_of
from invoices.services import lock_items, mark_accepted, mark_received


class AlreadySaid(DomainError):
    """This very form was sent before: its declaration stands, and nothing is done again."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__(_("This was sent already and is recorded."), code="already_said")
        self.declaration = declaration


class MovedMeanwhile(DomainError):
    """Something happened to the items since the form was drawn; nothing was done."""

    def __init__(self) -> None:
        super().__init__(
            _("Something changed on these invoices while you were writing: please read what is shown now, and confirm once more."),
            code="moved_meanwhile",
        )


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, and with which form: `words` is exactly what was shown and typed, `seen` the `state_of` its items when drawn."""

    contact: Contact
    link_id: UUID
    nonce: str
    seen: str
    language: str
    words: str
    address: str = ""
    user_agent: str = ""

    @property
    def actor(self) -> str:
        return f"contact:{self.contact.pk}"


@dataclass(frozen=True, slots=True)
class Said:
    """A declaration under way: its row, and its items under their locks."""

    declaration: Declaration
    items: list[Installment]
    common: dict[str, Any] = field(default_factory=dict)  # what every service below takes


def confirm_receipt(*, speaker: Speaker, items: Sequence[UUID], today: date, now: datetime) -> Declaration:
    """The invoices have arrived. Raises AlreadySaid, MovedMeanwhile, and DomainError as the services of what is owed."""
    said = _declare(speaker, PortalAction.RECEIVED, items, {}, today=today, now=now)
    mark_received(installments=said.items, **said.common)
    return said.declaration


def accept(*, speaker: Speaker, items: Sequence[UUID], today: date, now: datetime) -> Declaration:
    """The invoices have arrived and conform to the order ("bon à payer"). Raises as `confirm_receipt`."""
    said = _declare(speaker, PortalAction.ACCEPTED, items, {}, today=today, now=now)
    mark_accepted(installments=said.items, **said.common)
    return said.declaration


def _declare(speaker: Speaker, action: PortalAction, items: Sequence[UUID], details: dict[str, Any], *, today: date, now: datetime) -> Said:
    """Lock the items, refuse what was sent before or is about items that moved, and keep the words."""
    if not items:
        raise DomainError(_("Choose at least one invoice."), code="required", field="items")
    locked = lock_items(items)
    known = Declaration.objects.filter(nonce=speaker.nonce).first()
    if known is not None:
        raise AlreadySaid(known)
    if state_of(items) != speaker.seen:
        raise MovedMeanwhile
    declaration = Declaration.objects.create(
        customer_id=speaker.contact.customer_id,
        contact=speaker.contact,
        nonce=speaker.nonce,
        action=action,
        language=speaker.language,
        wording=speaker.words,
        wording_sha256=hashlib.sha256(speaker.words.encode()).hexdigest(),
        details={**details, "items": [str(pk) for pk in items]},
        at=now,
        address=speaker.address[:45],
        user_agent=speaker.user_agent[:300],
        link_id=speaker.link_id,
    )
    body = {
        "action": str(action),
        "sha256": declaration.wording_sha256,
        "count": len(items),
        "digest": audit.digest(sorted(map(str, items))),
    }
    audit.record(actor=speaker.actor, action="debtor.declared", target=declaration, body=body, now=now)
    events.emit(type="debtor.declared", object_type="declaration", object_ids=[declaration.pk], now=now, fresh=True)
    common = {
        "source": ActSource.PORTAL,
        "contact": speaker.contact,
        "declaration": declaration,
        "actor": speaker.actor,
        "today": today,
        "now": now,
    }
    return Said(declaration, [locked.installment(pk) for pk in items], common)
