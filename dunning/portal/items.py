"""Which items a page or a form is about: named in its address or its hidden field, and never more than the visitor may see."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from dunning.portal.access import Visitor
from invoices.models import Installment
from invoices.selectors import is_frozen
from scenarios.selectors.portal import visible_items

MOST: Final = 500  # items of one form


def pack(ids: Iterable[UUID]) -> str:
    """Ids for one hidden field, 22 characters each."""
    return base64.urlsafe_b64encode(b"".join(pk.bytes for pk in ids)).decode().rstrip("=")


def unpack(text: str) -> list[UUID]:
    """The ids of a hidden field; none when it is not one."""
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return []
    if len(content) % 16 or len(content) > 16 * MOST:
        return []
    return [UUID(bytes=content[start : start + 16]) for start in range(0, len(content), 16)]


def ticked(request: HttpRequest) -> list[UUID]:
    """The ids in the address, or of the boxes that were sent; none when nothing was ticked."""
    ids = []
    for text in (request.POST if request.method == "POST" else request.GET).getlist("item")[:MOST]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids


def usual(visitor: Visitor, *, binding: bool = False) -> list[Installment]:
    """What an answer is about when nothing is ticked: everything overdue, or all when nothing is.

    One that is `binding`, or a payment, leaves out what a judgment froze.
    """
    items = choose(visitor, [])
    if binding:
        items = [item for item in items if not is_frozen(item)]
    return [item for item in items if item.due_on < visitor.today] or items


def choose(visitor: Visitor, ids: Sequence[UUID]) -> list[Installment]:
    """Those of these items the visitor may answer for - every one that is open when none is named - the oldest due first."""
    found = visible_items(visitor.contact, visitor.family)
    return list((found.filter(pk__in=ids) if ids else found)[:MOST])
