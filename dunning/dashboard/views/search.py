"""Search: an invoice number, a customer, an e-mail or an amount."""

from django.http import HttpResponse
from django.shortcuts import redirect

from customers.selectors import list_customers
from dunning.core.permissions import Permission
from dunning.dashboard.views.base import MemberRequest, member, page
from invoices.selectors import search_invoices

MOST = 20


@member(Permission.SEE)
def show(request: MemberRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    invoices = search_invoices(query=query, limit=MOST) if query else []
    customers = list(list_customers(query=query)[:MOST]) if query else []
    exact = [invoice for invoice in invoices if invoice.number.casefold() == query.casefold()]
    if len(exact) == 1:
        return redirect("dashboard:invoice", pk=exact[0].pk)
    return page(request, "search", nav="", query=query, invoices=invoices, customers=customers)
