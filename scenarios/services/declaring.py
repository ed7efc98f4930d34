"""How anything is said on the debtor's page: its form checked under the items' locks, its words kept, its receipt sent to both sides."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import override

from customers.enums import PortalAction
from customers.models import Contact
from customers.portal_access import slide
from customers.services import lock_customers
from dunning.core import audit, events
from dunning.core.errors import DomainError
from dunning.core.selectors import get_profile
from invoices.enums import ActSource
from invoices.models import Declaration, Installment
from invoices.selectors import state_of
from invoices.services import lock_items
from notifications.enums import MessageKind
from notifications.models import Message
from scenarios import outside


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

    speaker: Speaker
    declaration: Declaration
    items: list[Installment]
    today: date
    now: datetime

    @property
    def who(self) -> dict[str, Any]:
        """`actor`, `today` and `now` for a service."""
        return {"actor": self.speaker.actor, "today": self.today, "now": self.now}

    def for_us(self, sentence: str) -> str:
        """The sentence in our own people's language, whatever the visitor reads."""
        with override(get_profile().default_language):
            return _(sentence)

    @property
    def common(self) -> dict[str, Any]:
        """What a service that writes a debtor's act takes."""
        return {"source": ActSource.PORTAL, "contact": self.speaker.contact, "declaration": self.declaration, **self.who}


def declare(
    speaker: Speaker,
    action: PortalAction,
    items: Sequence[UUID],
    details: Mapping[str, Any],
    *,
    about_items: bool = True,
    today: date,
    now: datetime,
) -> Said:
    """Lock the items (or, `about_items` False, the contact's customer), refuse what was sent before or is about items that moved, and
    keep the words. Raises AlreadySaid, MovedMeanwhile, and DomainError without any item."""
    if about_items and not items:
        raise DomainError(_("Choose at least one invoice."), code="required", field="items")
    lock_customers([speaker.contact.customer_id])
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
    digest = audit.digest(sorted(map(str, items)))
    body = {"action": str(action), "sha256": declaration.wording_sha256, "count": len(items), "digest": digest}
    audit.record(actor=speaker.actor, action="debtor.declared", target=declaration, body=body, now=now)
    events.emit(type="debtor.declared", object_type="declaration", object_ids=[declaration.pk], now=now, fresh=True)
    slide([speaker.contact.pk], now=now)
    return Said(speaker, declaration, [locked.installment(pk) for pk in items], today, now)


def confirm(said: Said) -> Declaration:
    """Send its receipt to whoever said it, word for word; our side reads it on Today and on the timeline."""
    outside.write(
        customer=said.speaker.contact.customer,
        kind=MessageKind.ACKNOWLEDGEMENT,
        template_key="portal_receipt",
        items=[item.pk for item in said.items],
        about={"declaration": said.declaration.pk},
        contact=said.speaker.contact,
        language=said.declaration.language,
        **said.who,
    )
    return said.declaration


def send_new_link(*, contact: Contact, today: date, now: datetime) -> Message:
    """Another link to the page, to the contact's own address: it asked for it in a browser that had opened an earlier one."""
    return outside.write(
        customer=contact.customer,
        kind=MessageKind.ANSWER,
        template_key="portal_link",
        contact=contact,
        language=contact.language,
        actor=f"contact:{contact.pk}",
        today=today,
        now=now,
    )
