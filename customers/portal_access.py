"""Links to the debtor's page: made, found again, revoked - and never kept.

A link ends in 256 bits that nobody can guess: an HMAC-SHA-256 of the message it leaves with, under a key of the environment. So it can be
made again whenever that very message is handed over, and lies nowhere: rows hold its digest under a second key, frozen texts hold `MASK`
in its place. Whoever has the database, or reads every message on screen, has not one working link; whoever has the e-mail has his own.

A link serves as often as its recipient likes, for ninety days after the last step towards him and a year at the very most. It ends when the
contact's address changes or he is written to no more.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Least

from customers.enums import ADMINISTRATOR_ACTIONS, ContactRole, PortalAction
from customers.models import Contact, PortalToken
from dunning.core.rows import columns_of, read_rows
from dunning.core.tenancy import current_organization_id

SLIDING: Final = timedelta(days=90)
LONGEST: Final = timedelta(days=365)
LENGTH: Final = 43  # characters of a token: 32 bytes in URL-safe base64, without padding
PATH: Final = "/p/"
MASK: Final = "personal-link-known-to-its-recipient-alone_"
"""What stands for a token in everything that is kept; of its length, so that texts keep their shape."""
# Programs that quote break long lines, with an equals sign in quoted-printable, and begin the next with quotation marks.
_BREAK: Final = r"(?:=?\r?\n[> \t]*)?"
_TOKEN: Final = re.compile(rf"/p/(?:{_BREAK}[A-Za-z0-9_-]){{43}}(?![A-Za-z0-9_-])")
_TOKEN_BYTES: Final = re.compile(_TOKEN.pattern.encode())
_BY_ID: Final = (
    f"SELECT {columns_of(PortalToken)} FROM customers_portaltoken"  # noqa: S608 - made of column names
    " WHERE id = %s AND revoked_at IS NULL AND expires_at > %s::timestamptz"
)


def _keys() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _derived(purpose: bytes, key: str) -> bytes:
    return hashlib.sha256(b"dunning.portal." + purpose + b"\x00" + key.encode()).digest()


def _token(key: str, organization_id: UUID, message_id: UUID, contact_id: UUID, generation: int) -> str:
    content = organization_id.bytes + message_id.bytes + contact_id.bytes + generation.to_bytes(2)
    return base64.urlsafe_b64encode(hmac.new(_derived(b"link", key), content, hashlib.sha256).digest()).decode().rstrip("=")


def _digest(key: str, token: str) -> str:
    return hmac.new(_derived(b"pepper", key), token.encode(), hashlib.sha256).hexdigest()


# --- in messages ---------------------------------------------------------------------------------------------------------------------


def masked_address() -> str:
    """The address a message is rendered with: the product's public one, never a request's, with `MASK` for the token."""
    return f"{settings.PUBLIC_BASE_URL}{PATH}{MASK}/"


def mask(text: str) -> str:
    """The text with every token in it replaced: what debtors quote in their answers is kept without it."""
    return _TOKEN.sub(f"{PATH}{MASK}", text)


def mask_bytes(content: bytes) -> bytes:
    """The same for a file that is text, or an e-mail that was written out."""
    return _TOKEN_BYTES.sub(f"{PATH}{MASK}".encode(), content)


def new_link(*, message_id: UUID, customer_id: UUID, contact_id: UUID, items: Iterable[UUID], earlier: bool, now: datetime) -> PortalToken:
    """The row of a message's link, for `save_links`. `earlier`: the message was rendered before, and certainly did not leave.

    Rendered again for the same contact it keeps its link; for another one the earlier link is void.
    """
    generation = 1
    if earlier:
        rows = list(PortalToken.objects.filter(message_id=message_id).order_by("generation"))
        kept = next((row for row in rows if row.contact_id == contact_id and row.revoked_at is None), None)
        if kept is not None:
            kept.items = sorted(set(items))
            return kept
        generation = max((row.generation for row in rows), default=0) + 1
    organization_id = current_organization_id()
    token = _token(settings.SECRET_KEY, organization_id, message_id, contact_id, generation)
    return PortalToken(
        organization_id=organization_id,
        customer_id=customer_id,
        contact_id=contact_id,
        message_id=message_id,
        generation=generation,
        digest=_digest(settings.SECRET_KEY, token),
        actions=sorted(PortalAction),
        items=sorted(set(items)),
        created_at=now,
        expires_at=now + SLIDING,
    )


def allowed_actions(link: PortalToken, role: str) -> frozenset[PortalAction]:
    """What the link allows a contact of this role to do on the page beside looking."""
    given = frozenset(PortalAction(action) for action in link.actions)
    return given & ADMINISTRATOR_ACTIONS if role == ContactRole.ADMINISTRATOR else given


def save_links(links: Sequence[PortalToken], *, now: datetime) -> None:
    """Write the links of messages frozen now: each voids its message's earlier ones, and is a step that prolongs its contact's others."""
    if not links:
        return
    again = [link.message_id for link in links if link.generation > 1]
    if again:
        others = PortalToken.objects.filter(message_id__in=again, revoked_at=None).exclude(digest__in=[link.digest for link in links])
        others.update(revoked_at=now)
    PortalToken.objects.bulk_create(links, update_conflicts=True, unique_fields=["id"], update_fields=["items"])
    slide({link.contact_id for link in links}, now=now)


def void_links(message_id: UUID, *, now: datetime) -> None:
    """End the links of a message that certainly did not leave as it was rendered with them."""
    PortalToken.objects.filter(message_id=message_id, revoked_at=None).update(revoked_at=now)


def slide(contact_ids: Collection[UUID], *, now: datetime) -> None:
    """A step happened with these contacts: their links serve ninety days from now, a year after they were made at most."""
    running = PortalToken.objects.filter(contact_id__in=list(contact_ids), revoked_at=None, expires_at__gt=now)
    running.filter(expires_at__lt=now + SLIDING - timedelta(hours=1)).update(expires_at=Least(F("created_at") + LONGEST, now + SLIDING))


def reveal(text: str, *, digest: str, message_id: UUID, contact_id: UUID | None, generation: int, organization_id: UUID) -> str:
    """The text as it leaves: `MASK` replaced by the token whose digest was kept with the message.

    A token that no key of the installation makes any more stays masked: the recipient can still answer by e-mail.
    """
    if not digest or contact_id is None or MASK not in text:
        return text
    token = derive(digest=digest, message_id=message_id, contact_id=contact_id, generation=generation, organization_id=organization_id)
    return text.replace(f"{PATH}{MASK}", f"{PATH}{token}") if token else text


def derive(*, digest: str, message_id: UUID, contact_id: UUID, generation: int, organization_id: UUID) -> str:
    """The token of a message's link, made again; "" when its key is gone."""
    for key in _keys():
        token = _token(key, organization_id, message_id, contact_id, generation)
        if hmac.compare_digest(_digest(key, token), digest):
            return token
    return ""


# --- on the page -----------------------------------------------------------------------------------------------------------------------


def find_link(token: str, *, now: datetime) -> PortalToken | None:
    """The link of this token while it serves. One look-up of a digest whatever the token is: nothing is told by the time it takes."""
    digests = [_digest(key, token[:200]) for key in _keys()]
    return _serving(now).filter(digest__in=digests).first()


def get_link(link_id: UUID, *, now: datetime) -> PortalToken | None:
    """The link of an open page, while it serves."""
    return next(iter(read_rows(PortalToken, _BY_ID, [link_id, now])), None)


def _serving(now: datetime) -> QuerySet[PortalToken]:
    return PortalToken.objects.filter(revoked_at=None, expires_at__gt=now)


def note_use(link: PortalToken, *, now: datetime) -> None:
    """The link was opened; written at most once in ten minutes."""
    if link.last_used_at is None or link.last_used_at < now - timedelta(minutes=10):
        PortalToken.objects.filter(pk=link.pk).update(last_used_at=now)


def revoke_links(contacts: Iterable[Contact | UUID], *, now: datetime) -> int:
    """End every link of these contacts; how many ended."""
    ids = [contact if isinstance(contact, UUID) else contact.pk for contact in contacts]
    return PortalToken.objects.filter(contact_id__in=ids, revoked_at=None).update(revoked_at=now)
