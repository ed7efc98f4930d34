"""What every page of the debtor's page shares: its frame, and how a file leaves it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from customers.enums import PortalAction
from dunning.core.enums import Language
from dunning.portal.access import Visitor
from scenarios.wording import greeting, legal_mention


def page(request: HttpRequest, visitor: Visitor, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Draw templates/portal/<template>.html with the creditor's name, its telephone, and what the visitor may do (`may.promised`…)."""
    profile = visitor.profile
    frame = {
        "visitor": visitor,
        "creditor": profile,
        "creditor_phone": profile.signatory_phone or profile.phone,
        "creditor_legal": legal_mention(profile, visitor.language),
        "greeting": greeting(visitor.contact, visitor.language),
        "today": visitor.today,
        "languages": [(code, str(label)) for code, label in LANGUAGE_NAMES.items() if code != visitor.language],
        "may": {str(action): visitor.may(action) and action not in _not_offered(visitor) for action in PortalAction},
        "page_number": request.GET.get("page", ""),
    }
    return render(request, f"portal/{template}.html", {**frame, **context}, status=status)


def _not_offered(visitor: Visitor) -> set[PortalAction]:
    """What the link allows and this creditor does not offer, or not to this customer."""
    offered = {
        PortalAction.INSTALMENTS: visitor.profile.plans_offered and not visitor.customer.insurer,
        PortalAction.MANDATE: bool(visitor.profile.mandate_scheme),
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
