"""What every page of the debtor's page shares: its frame, and how a file leaves it."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import content_disposition_header

from customers.enums import PortalAction
from dunning.core.enums import Language
from dunning.portal.access import Visitor
from scenarios.wording import greeting, legal_mention

NAMED: Final = 60  # items in an address, of some 4,000 characters


def page(request: HttpRequest, visitor: Visitor, template: str, *, status: int = 200, again: str = "", **context: Any) -> HttpResponse:
    """Draw templates/portal/<template>.html with the creditor's name, its telephone, and what the visitor may do (`may.promised`…).

    `again` is the address at which a link finds what was sent: the form, about the same invoices.
    """
    profile = visitor.profile
    frame = {
        "visitor": visitor,
        "creditor": profile,
        "creditor_phone": profile.signatory_phone or profile.phone,
        "creditor_legal": legal_mention(profile, visitor.language),
        "greeting": greeting(visitor.contact, visitor.language),
        "today": visitor.today,
        "languages": _languages(visitor, again or request.get_full_path()),
        "may": may(visitor),
        "page_number": request.GET.get("page", ""),
    }
    return render(request, f"portal/{template}.html", {**frame, **context}, status=status)


def _languages(visitor: Visitor, address: str) -> list[tuple[str, str, str]]:
    """The other languages by their code and name, each with the address of this page in it."""
    path, _question, query = address.partition("?")
    asked, found = QueryDict(query, mutable=True), []
    for code, name in LANGUAGE_NAMES.items():
        if code != visitor.language:
            asked["lang"] = code
            found.append((code, name, f"{path}?{asked.urlencode()}"))
    return found


def about(address: str, ids: Sequence[UUID]) -> str:
    """The address of a form about these items; about what it is usually about when they are more than an address holds."""
    return f"{address}?{urlencode([('item', str(pk)) for pk in ids])}" if 0 < len(ids) <= NAMED else address


def may(visitor: Visitor, *, without: Collection[PortalAction] = ()) -> dict[str, bool]:
    """Every act by its name, and whether it is offered."""
    withheld = {*_not_offered(visitor), *without}
    return {str(action): visitor.may(action) and action not in withheld for action in PortalAction}


def _not_offered(visitor: Visitor) -> set[PortalAction]:
    """What the link allows and this creditor does not offer, or not to this customer."""
    is_insolvent = visitor.customer.insolvency_opened_on is not None
    offered = {
        PortalAction.INSTALMENTS: visitor.profile.plans_offered and not visitor.customer.insurer and not is_insolvent,
        PortalAction.MANDATE: bool(visitor.profile.mandate_scheme) and not is_insolvent,
    }
    return {action for action, is_offered in offered.items() if not is_offered}


LANGUAGE_NAMES = {str(Language.FRENCH): "Français", str(Language.ENGLISH): "English"}
"""Each language by its own name, for those who read no other."""


def saved_file(content: bytes, filename: str, media_type: str = "application/octet-stream") -> HttpResponse:
    """A file that is saved, whatever it is: it never runs nor shows on this address."""
    answer = HttpResponse(content, content_type=media_type)
    answer["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
