"""Invoices: the list with every item's next step, and the record of one."""

from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.selectors import contact_chain, get_customer, list_groups
from dunning.core import documents
from dunning.core.permissions import Permission, require
from dunning.core.selectors import get_profile
from dunning.dashboard import exports
from dunning.dashboard.components import Tab
from dunning.dashboard.files import answer_file
from dunning.dashboard.forms.acts import FileForm
from dunning.dashboard.many import INVOICES, many_acts
from dunning.dashboard.records import drawn
from dunning.dashboard.reports.counted import Counted, counted
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting,
    choices_of,
    done,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from invoices.enums import InstallmentKind, InvoiceKind
from invoices.models import Installment, WriteOff
from invoices.selectors import Accessory, accessories, check_invoice, get_invoice
from invoices.selectors.habits import good_payer
from invoices.selectors.in_the_way import standing_in_the_way
from invoices.selectors.items import items_with_invoice
from invoices.selectors.rates import floor_words, unpublished_words
from invoices.services import attach_document
from scenarios.limitation import ending_items
from scenarios.selectors import Why, list_steps, state_counts, timeline, today_sentence, why, with_steps
from scenarios.selectors.accessories import accessory_life, formal_notices_served
from scenarios.selectors.items import COMING, DATED, DISPUTED, FROZEN, OPEN, OVERDUE, PROMISED, SETTLED, STATES


@member(Permission.SEE)
def listing(request: MemberRequest) -> HttpResponse:
    """Items by state; or (`?counted=`) those behind a figure of a report, with what of each is counted."""
    today = today_of(request)
    if "counted" in request.GET:
        require(request.membership, Permission.VIEW)  # reports count the whole organization
    behind = counted(request.GET, today=today)
    if behind is not None:
        return _behind_a_figure(request, behind, today)
    state = choices_of(request, "state", STATES, OPEN)
    groups = list(list_groups())
    group = next((group for group in groups if group.key == request.GET.get("group")), None)
    query = request.GET.get("find", "")
    rows = rows_of(request.GET, today=today)
    if exports.asked_for(request):
        lines = partial(exports.invoice_lines, today=today)
        return exports.saved_list(request, rows, title=_("Invoices"), head=exports.invoice_head(), lines=lines, today=today)
    counts = state_counts(today=today)
    known = counts.get(state) if state in DATED and not query.strip() and group is None else None
    found = paged(request, rows, count=known, keys_first="sort" in request.GET)
    return page(
        request,
        "invoices",
        nav="invoices",
        rows=with_steps(found.object_list, today=today),
        page=found,
        tabs=state_tabs(request, state, counts),
        groups=groups,
        group=group,
        query=query,
        state=state,
        many_acts=many_acts(request, INVOICES),
    )


def rows_of(query: QueryDict, *, today: date) -> QuerySet[Installment]:
    """The items the list shows at such an address."""
    state, key = query.get("state", OPEN), query.get("group")
    group = next((group for group in list_groups() if group.key == key), None) if key else None
    known = state if state in STATES else OPEN
    return list_steps(today=today, query=query.get("find", ""), state=known, group=group, sort=query.get("sort", ""))


def _behind_a_figure(request: MemberRequest, behind: Counted, today: date) -> HttpResponse:
    found = paged(request, behind.items)
    items = {item.pk: item for item in items_with_invoice([pk for pk, _amount in found.object_list])}
    rows = {row.item.pk: row for row in with_steps(items.values(), today=today)}
    query = urlencode(behind.filters.query)
    return page(
        request,
        "counted",
        nav="invoices",
        behind=behind,
        rows=[(rows[pk], amount) for pk, amount in found.object_list],
        page=found,
        customer=get_customer(behind.filters.scope.customer_id) if behind.filters.scope.customer_id is not None else None,
        back=reverse("dashboard:report", args=[behind.report.key]) + (f"?{query}" if query else ""),
    )


def state_tabs(request: MemberRequest, state: str, counts: dict[str, int]) -> list[Tab]:
    """The states of the list as tabs, their open items counted."""
    words = {
        OPEN: _("To be paid"),
        OVERDUE: _("Overdue"),
        COMING: _("Not due yet"),
        PROMISED: _("Promised"),
        DISPUTED: _("Disputed"),
        FROZEN: pgettext("invoices", "Frozen by us"),
        SETTLED: pgettext("invoices", "Paid"),
    }
    address = {key: with_query(request, state="" if key == OPEN else key) for key in words}
    return [Tab(label, address[key], is_current=key == state, count=counts.get(key)) for key, label in words.items()]


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    invoice = get_invoice(pk)
    today = today_of(request)
    organization = request.membership.organization
    found = why(invoice=invoice, organization=organization, today=today)
    items = [reasoning.item for reasoning in found]
    ids = [item.pk for item in items]
    extras = accessories(ids, until=today, formal_notices=formal_notices_served(ids, organization=organization)) if items else {}
    return page(
        request,
        "invoice",
        nav="invoices",
        invoice=invoice,
        items=[_item(reasoning, extras.get(reasoning.item.pk), today) for reasoning in found],
        outstanding=sum((item.outstanding for item in items), start=invoice.gross - invoice.gross),
        days_late=max(((today - item.due_on).days for item in items if item.outstanding > 0), default=None),
        in_the_way=standing_in_the_way(items, today=today),
        problems=check_invoice(invoice) if any(item.outstanding > 0 for item in items) else [],
        contacts=contact_chain([invoice.customer_id], today=today)[invoice.customer_id],
        entries=drawn(timeline(invoice=invoice, organization=organization, today=today, reasoning=found)),
        write_offs=WriteOff.objects.filter(installment__invoice=invoice, reversed_at=None).order_by("written_off_on", "pk"),
        ending=next(iter(ending_items(profile=get_profile(), today=today, items=ids)), None) if items else None,
        life=accessory_life(invoice, organization=organization) if items else None,
        has_accessory=any(extra.total > 0 for extra in extras.values()),
        is_credit_note=invoice.kind == InvoiceKind.CREDIT_NOTE,
        good_payer=good_payer(invoice.customer_id, currency=invoice.currency) if any(item.outstanding > 0 for item in items) else None,
        is_waited_for=any(reasoning.usual_delay is not None for reasoning in found),
    )


def _item(found: Why, extra: Accessory | None, today: Any) -> dict[str, Any]:
    item = found.item
    return {
        "item": item,
        "is_open": item.outstanding > 0,
        "days_late": (today - item.due_on).days,
        "kind": "" if item.kind == InstallmentKind.NORMAL else item.get_kind_display(),
        "sentence": today_sentence(found),
        "remedy": found.remedy,
        "plan": found.plan,
        "version": found.version,
        "chased": found.chased,
        "penalties": extra.penalties if extra is not None else None,
        "fixed_sum": extra.fixed_sum if extra is not None else None,
        "floor": floor_words(extra.statement) if extra is not None and extra.statement is not None else (),
        "unpublished": unpublished_words(extra.missing) if extra is not None and extra.missing is not None else "",
    }


@member(Permission.SEE)
def copy(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The copy of the invoice, as it goes with letters."""
    invoice = get_invoice(pk)
    if invoice.document is None:
        raise Http404(_("The copy of this invoice is not on file."))
    return answer_file(documents.read(invoice.document), invoice.document.media_type, invoice.document.filename)


@member(Permission.SEE)
def delivery(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The proof of delivery."""
    proof = get_invoice(pk).delivery_proof
    if proof is None:
        raise Http404(_("The proof of delivery is not on file."))
    return answer_file(documents.read(proof), proof.media_type, proof.filename)


@member(Permission.WORK, methods=("GET", "HEAD", "POST"))
def attach(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put the copy of the invoice, or its proof of delivery, on file."""
    invoice = get_invoice(pk)
    back = reverse("dashboard:invoice", args=[pk])
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()

    def act(data: dict[str, Any]) -> None:
        when = acting(request)
        document = documents.store(content=data["file"].read(), media_type="application/pdf", filename=data["file"].name, now=when["now"])
        attach_document(invoice=invoice, document=document, proof_of_delivery=data["kind"] == "delivery", **when)

    if submitted(request, form, act):
        return done(request, _("The file is kept with %s.") % invoice.number, back)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Add a file to this invoice"),
        verb=_("Keep the file"),
        back=back,
        lead=f"{invoice.number}, {invoice.customer.name}",
        icon="paperclip",
    )
