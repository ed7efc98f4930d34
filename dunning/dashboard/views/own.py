"""Today for who looks after customers without working the ledger: what their customers owe, contest, and are told next."""

from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse

from dunning.dashboard.views.base import MemberRequest, page, today_of
from invoices.selectors import figures
from invoices.selectors.items import open_disputes, requests_of
from scenarios.selectors import list_steps, with_steps
from scenarios.selectors.items import OVERDUE

MOST = 25
TOLD_FOR = timedelta(days=14)
"""How long what became of a request stays on Today."""


def show_own(request: MemberRequest) -> HttpResponse:
    """Of the person's own customers: disputes to answer, what became of their requests, then what is overdue, the largest amounts first."""
    today = today_of(request)
    asked = requests_of(f"user:{request.user.pk}", since=today - TOLD_FOR)
    return page(request, "today_own", nav="today", requests=asked, **_context(today))


def _context(today: date) -> dict[str, Any]:
    overdue = list_steps(today=today, state=OVERDUE, sort="-outstanding")
    return {
        "figures": figures(today=today),
        "disputes": open_disputes(),
        "rows": with_steps(overdue[:MOST], today=today),
        "overdue_count": overdue.count(),
    }
