"""Customers: the list with what each owes, and the record of one."""

from functools import partial
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.enums import MandateState
from customers.models import Customer, Mandate
from customers.selectors import contact_chain, get_customer, insolvency_deadlines, list_customers, list_groups
from dunning.core.permissions import Permission
from dunning.dashboard import exports
from dunning.dashboard.many import CUSTOMERS, many_acts
from dunning.dashboard.payer_index import drawn_index
from dunning.dashboard.records import drawn
from dunning.dashboard.views.base import MemberRequest, member, page, paged, today_of
from invoices.selectors import customer_statement, customer_terms, insolvency_split, kept_indexes, terms_words
from invoices.selectors.habits import good_payer
from invoices.selectors.in_the_way import standing_in_the_way
from invoices.selectors.rates import unpublished_words
from invoices.selectors.statement import customer_totals
from scenarios.selectors import announced_commitments, customer_timeline, explained_index, list_steps, with_steps
from scenarios.selectors.on_file import ANNOUNCED, MANDATE, account_of, on_file
from scenarios.services.plan_following import plan_followed
from scenarios.services.plans import Target

MOST_OPEN = 200


@member(Permission.SEE)
def listing(request: MemberRequest) -> HttpResponse:
    today = today_of(request)
    groups = list(list_groups())
    group = next((group for group in groups if group.key == request.GET.get("group")), None)
    query = request.GET.get("find", "")
    rows = rows_of(request.GET)
    if exports.asked_for(request):
        lines = partial(exports.customer_lines, today=today)
        return exports.saved_list(request, rows, title=_("Customers"), head=exports.customer_head(), lines=lines, today=today)
    found = paged(request, rows)
    customers = list(found.object_list)
    totals = customer_totals([customer.pk for customer in customers], today=today)
    indexes = kept_indexes([customer.pk for customer in customers])
    shown = [
        (
            customer,
            {currency: open_ for currency, (open_, _overdue) in totals[customer.pk].items()},
            {currency: overdue for currency, (_open, overdue) in totals[customer.pk].items()},
            indexes.get(customer.pk),
        )
        for customer in customers
    ]
    acts = many_acts(request, CUSTOMERS)
    return page(request, "customers", nav="customers", rows=shown, page=found, groups=groups, group=group, query=query, many_acts=acts)


def rows_of(query: QueryDict) -> QuerySet[Customer]:
    """The customers the list shows at such an address."""
    key = query.get("group")
    group = next((group for group in list_groups() if group.key == key), None) if key else None
    return list_customers(query=query.get("find", ""), group=group, sort=query.get("sort", ""))


def _mandates(customer: Customer) -> QuerySet[Mandate]:
    """Those that were not ended, the last signed first."""
    return Mandate.objects.filter(customer=customer).exclude(state=MandateState.REVOKED).order_by("-signed_at")


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    customer = get_customer(pk)
    today = today_of(request)
    organization = request.membership.organization
    items = list(list_steps(today=today, customer_id=customer.pk)[:MOST_OPEN])
    known = on_file(account_of(customer))
    split = insolvency_split(customer)
    found = customer_timeline(customer=customer, organization=organization, today=today, known=known)
    return page(
        request,
        "customer",
        nav="customers",
        customer=customer,
        terms=customer_terms(customer).label(get_language() or "fr"),
        terms_remarks=terms_words(customer),
        statements=customer_statement([customer.pk], today=today),
        rows=with_steps(items, today=today),
        in_the_way=standing_in_the_way(items, today=today, customer_id=customer.pk),
        commitments=announced_commitments(customer_id=customer.pk) if ANNOUNCED in known else (),
        contacts=contact_chain([customer.pk], today=today)[customer.pk],
        entries=drawn(found, one_invoice=False),
        split=split,
        unpublished=[unpublished_words(missing) for missing in split.missing] if split is not None else (),
        deadlines=insolvency_deadlines(customer),
        plan=plan_followed(Target(customer=customer)),
        mandates=_mandates(customer) if MANDATE in known else (),
        payer=drawn_index(explained_index(customer.pk, today=today)),
        good_payer=good_payer(customer.pk),
    )
