"""Today: the one number, what leaves next, and the queue of work."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dunning.core import bank, clock
from dunning.core.middleware import SESSION_KEY
from dunning.core.permissions import Permission, allows
from dunning.core.selectors import get_membership, get_profile
from dunning.dashboard import desk_exports, exports
from dunning.dashboard.many import TASKS, many_acts
from dunning.dashboard.queue import grouped
from dunning.dashboard.views.base import MemberRequest, fragment, member, page, today_of
from dunning.dashboard.views.own import show_own
from invoices.reports.collected import targets
from invoices.selectors import coverage_through, figures, residues
from notifications.webhooks.log import switched_off_by_itself
from scenarios.selectors import board, last_night, work_queue
from scenarios.selectors.beginning import first_steps, is_beginning
from scenarios.selectors.declared import said_lately


@member(Permission.SEE)
def show(request: MemberRequest) -> HttpResponse:
    """The organization's day; for who sees their own customers alone, theirs."""
    if not allows(request.membership, Permission.VIEW):
        return show_own(request)
    today = today_of(request)
    entries = work_queue(today=today, now=clock.now())
    if exports.asked_for(request):
        head = desk_exports.queue_head()
        return exports.saved_list(request, entries, title=_("To do"), head=head, lines=desk_exports.queue_lines, today=today)
    found = board(today=today)
    context: dict[str, Any] = {
        "figures": figures(today=today),
        "target": _target(today),
        "board": found,
        "frozen": total_by_currency(found.frozen),
        "groups": grouped(entries, may_work=allows(request.membership, Permission.WORK)),
        "queue_count": len(entries),
        "many_acts": many_acts(request, TASKS),
        "said": said_lately(now=clock.now()),
        "residues": _residues(),
        "night": None if entries else last_night(today=today),
        "ledger_through": coverage_through(),
        "webhooks_off": switched_off_by_itself() if allows(request.membership, Permission.MANAGE) else (),
        "bank_waiting": bank.waiting_change(),
        "bank_new": bank.new_since(now=clock.now()),
    }
    if allows(request.membership, Permission.WORK) and is_beginning():
        steps = first_steps(today=today)
        context |= {"steps": steps, "steps_done": sum(step.is_done for step in steps)}
    return page(request, "today", nav="today", **context)


def _residues() -> tuple[int, dict[str, Decimal]]:
    """The small amounts left that are proposed to be given up: how many, and what they come to by currency."""
    found = residues()
    total: dict[str, Decimal] = {}
    for item in found:
        total[item.invoice.currency] = total.get(item.invoice.currency, Decimal(0)) + item.outstanding
    return len(found), total


def _target(today: date) -> dict[str, Decimal]:
    """What is to be collected this month by the organization, in its own currency; empty without a target."""
    currency, month = get_profile().default_currency, today.replace(day=1)
    amount = targets(currency=currency, months=[month])[month].get(None)
    return {} if amount is None else {currency: amount}


def total_by_currency(frozen: Any) -> dict[str, Any]:
    """What waits for us under every reason together."""
    total: dict[str, Any] = {}
    for part in frozen:
        for currency, amount in part.amounts.items():
            total[currency] = total.get(currency, 0) + amount
    return total


@member(Permission.SEE)
def progress(request: MemberRequest) -> HttpResponse:
    """How far the year being played has come; once it is over the page is loaded anew."""
    if request.membership.organization.playing_until is None:
        answer = HttpResponse(status=204)
        answer["HX-Refresh"] = "true"
        return answer
    return fragment(request, "_playing", polling=True)


@member(Permission.SEE, methods=("POST",))
def switch_organization(request: MemberRequest) -> HttpResponse:
    """Open another of the person's organizations."""
    try:
        chosen = UUID(request.POST.get("organization", ""))
    except ValueError:
        raise Http404 from None
    if get_membership(request.user, chosen) is None:  # type: ignore[arg-type]  # signed in: the decorator saw to it
        raise Http404
    request.session[SESSION_KEY] = str(chosen)
    return redirect(settings.LOGIN_REDIRECT_URL)
