"""Today for who looks after customers without working the ledger: what their customers owe, contest, and are told next."""

from datetime import date
from typing import Any

from django.http import HttpResponse

from dunning.dashboard.views.base import MemberRequest, page, today_of
from invoices.selectors import figures
from invoices.selectors.items import open_disputes
from scenarios.selectors import list_steps, with_steps
from scenarios.selectors.items import OVERDUE

MOST = 25


def show_own(request: MemberRequest) -> HttpResponse:
    """Disputes to answer first, then what is overdue, the largest amounts first: of the person's own customers alone."""
    today = today_of(request)
    return page(request, "today_own", nav="today", **_context(today))


def _context(today: date) -> dict[str, Any]:
    overdue = list_steps(today=today, state=OVERDUE, sort="-outstanding")
    return {
        "figures": figures(today=today),
        "disputes": open_disputes(),
        "rows": with_steps(overdue[:MOST], today=today),
        "overdue_count": overdue.count(),
    }
