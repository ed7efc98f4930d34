"""The first page - who asks, what is owed, three choices - and one invoice with its file."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.enums import MachineSign, PortalAction
from customers.models import PortalVisit
from dunning.core import documents
from dunning.core.enums import Phase
from dunning.core.look import deeper
from dunning.portal.access import Visitor, debtor
from dunning.portal.base import may, page, saved_file
from dunning.portal.items import choose
from dunning.portal.registry import ACTS
from invoices.selectors import has_running_plans, payer_index_sentence, plans_about
from scenarios.copies import copy_name
from scenarios.selectors.portal import Account, portal_account, portal_items, sees_all, visible_items

ROWS: Final = 20
BINDING: Final = frozenset({PortalAction.PAID_ONLINE, PortalAction.PROMISED, PortalAction.ACCEPTED, PortalAction.INSTALMENTS})
"""Not offered while a judgment froze all there is."""
NEW: Final = timedelta(minutes=5)  # as long as its cookie is not renewed


@debtor()
def account(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    _note_person(visitor)
    items = visible_items(visitor.contact, visitor.family)
    figures = portal_account(contact=visitor.contact, family=visitor.family, items=items, today=visitor.today)
    paginator = Paginator(items, ROWS)
    paginator.count = figures.count  # counted already
    rows = paginator.get_page(request.GET.get("page"))
    plans = plans_about(items, running=True) if has_running_plans(visitor.family) else []
    seen = [view for view in plans if sees_all(visitor.contact, view.items)]
    context: dict[str, Any] = {
        "account": figures,
        "rows": rows,
        "items": portal_items(list(rows.object_list), today=visitor.today),
        "intro": intro(figures),
        "may": may(visitor, without=() if figures.is_payable else BINDING),
        "asked": (asked := next((act for act in ACTS if act.name == request.GET.get("for") and visitor.may(act.action)), None)),
        "asked_address": reverse(f"portal:{asked.name}") if asked is not None else "",
        "several_customers": len(visitor.family) > 1,
        "habit": payer_index_sentence(visitor.customer),
        "has_copies": any(item.invoice.document_id for item in rows.object_list),
        "plans": seen,
        "is_planned_with_others": len(seen) < len(plans),
    }
    return page(request, visitor, "account", **context)


def intro(figures: Account) -> str:
    """Why they are asked, as firmly as the plan of their most advanced invoice is by now (docs/domain.md 6.3)."""
    if not figures.count:
        return _("Nothing is open on your account. Thank you.")
    if figures.is_frozen:
        return _(
            "Insolvency proceedings are open: we do not ask you to pay what is older than the judgment, and our claim is made in the"
            " proceedings. What we supplied after it is due as agreed."
        )
    if not figures.is_overdue:
        return _("Nothing is late on your account, thank you. Here is what comes due next.")
    sentences: dict[Phase, str] = {
        Phase.SERVICE: _("Unless we are mistaken, the payment of the invoices below has not reached us yet."),
        Phase.FRIENDLY: _(
            "Unless we are mistaken, the payment of the invoices below has not reached us yet. It is no doubt an oversight: tell us"
            " when you expect to pay, or what stands in the way."
        ),
        Phase.FIRM: _(
            "In spite of our messages, the invoices below remain unpaid. Please tell us the date of your payment or, if something is wrong,"
            " what it is."
        ),
        Phase.LEGAL: _(
            "A formal notice to pay was sent to you. An amicable solution remains possible: tell us the date of your payment, or what you"
            " dispute."
        ),
    }
    return sentences[figures.phase]


def _note_person(visitor: Visitor) -> None:
    """The cookie came back: whoever opened the link is no program that keeps none."""
    if visitor.now - visitor.session.at < NEW:
        PortalVisit.objects.filter(pk=UUID(hex=visitor.session.key), machine=MachineSign.NO_COOKIE).update(machine="")


@debtor()
def invoice_file(request: HttpRequest, visitor: Visitor, pk: UUID) -> HttpResponse:
    """The invoice's own file, saved and never run."""
    found = choose(visitor, [pk])
    if not found or found[0].invoice.document is None:
        raise Http404
    invoice = found[0].invoice
    return saved_file(documents.read(invoice.document), copy_name(invoice, visitor.language))


@debtor()
def logo(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    document = visitor.profile.logo
    if document is None:
        raise Http404
    answer = HttpResponse(documents.read(document), content_type=document.media_type)  # PNG or JPEG: looked at when it was given
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@debtor()
def brand(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The creditor's colour as a style sheet: the page's policy allows no style of its own inside it."""
    colour = visitor.profile.accent_colour
    if not colour:
        raise Http404
    buttons = f":root{{--button-accent:{colour};--button-accent-deep:{deeper(colour)}}}"
    links = f"@media (prefers-color-scheme:light){{:root{{--accent:{colour}}}}}"
    return HttpResponse(f"{buttons}{links}\n", content_type="text/css")
