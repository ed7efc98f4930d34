"""Money noted on one item: a payment, an amount given up."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse as address_of
from django.utils.translation import gettext as _

from dunning.core.permissions import Permission, allows
from dunning.core.selectors import get_profile
from dunning.dashboard import formatting
from dunning.dashboard.forms.acts import CreditNoteForm, ItemPaymentForm, ReasonForm, WriteOffForm
from dunning.dashboard.templatetags.words import message_name
from dunning.dashboard.views.acts import WORK, invoice_url, of_item
from dunning.dashboard.views.base import MemberRequest, act_page, acting, done, member, submitted, today_of
from invoices.enums import HoldKind
from invoices.models import Installment, Invoice, WriteOff
from invoices.selectors import get_installment, get_invoice
from invoices.selectors.items import running_holds
from invoices.services import PaymentDraft, issue_credit_note, record_payment, reverse_write_off, write_off
from notifications.models import Message
from scenarios.selectors.stopping import what_stops


@member(Permission.WORK, methods=WORK)
def pay_item(request: MemberRequest, pk: UUID) -> HttpResponse:
    item = get_installment(pk)
    first = {"amount": formatting.plain_amount(item.outstanding), "received_on": today_of(request), "means": item.means}
    form = ItemPaymentForm(request.POST) if request.method == "POST" else ItemPaymentForm(initial=first)

    def act(data: dict[str, Any]) -> None:
        part = min(data["amount"], item.outstanding)
        draft = PaymentDraft(
            amount=data["amount"],
            received_on=data["received_on"],
            currency=item.invoice.currency,
            customer=item.customer,
            means=data["means"],
            reference_text=data["reference_text"],
            allocations=((item, part),) if part > 0 else (),
        )
        record_payment(draft=draft, **acting(request))

    if submitted(request, form, act):
        amount = formatting.money(form.cleaned_data["amount"], item.invoice.currency)
        return done(
            request, _("%(amount)s is entered on %(number)s.") % {"amount": amount, "number": item.invoice.number}, invoice_url(item)
        )
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Enter a payment"),
        verb=_("Enter the payment"),
        back=invoice_url(item),
        lead=of_item(item),
        icon="wallet",
    )


@member(Permission.WORK, methods=WORK)
def write_off_item(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give up what is left of an item, or a part of it: any amount for who may, up to the organization's limit for who works."""
    item = get_installment(pk)
    limit = None if allows(request.membership, Permission.WRITE_OFF) else get_profile().write_off_limit
    form = WriteOffForm(request.POST) if request.method == "POST" else WriteOffForm()
    if submitted(request, form, lambda data: write_off(installment=item, limit=limit, **data, **acting(request))):
        return done(request, _("The amount is given up on %s.") % item.invoice.number, invoice_url(item))
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Give up what is left to pay"),
        verb=_("Write off"),
        back=invoice_url(item),
        lead=f"{of_item(item)} {_consequence(item, limit)}",
        icon="eraser",
        consequences=_stopping(item, today_of(request)),
    )


def _stopping(item: Installment, today: date) -> list[str]:
    """What stops when all of it is given up, each in a sentence."""
    found = what_stops(item=item, today=today)
    said = [_("Withdrawn: %s.") % _message_words(message) for message in found.alone]
    said += [_("Leaves without this invoice: %s.") % _message_words(message) for message in found.others]
    for task in found.tasks:
        words = {"task": task.get_kind_display(), "day": formatting.date_long(task.due_on)}
        said.append(_("No longer to do, unless it is about other invoices too: %(task)s of %(day)s.") % words)
    for commitment in found.announced:
        words = {"what": commitment.get_consequence_display(), "day": formatting.date_long(commitment.due_on)}
        said.append(_("Announced and no longer carried out: %(what)s, by %(day)s.") % words)
    step = found.next
    if step.next_step and step.next_on is not None:
        said.append(_("Never comes: %(step)s, on %(day)s.") % {"step": step.next_step, "day": formatting.date_long(step.next_on)})
    return said or [_("No message, call or step about it waits today.")]


def _message_words(message: Message) -> str:
    """`“First reminder” to Mme Durand, planned for 12 October 2026 (awaiting approval)`."""
    words = {
        "what": message_name(message),
        "who": message.recipient_name or message.recipient,
        "day": formatting.date_long(message.planned_on),
        "state": message.get_state_display(),
    }
    return _("“%(what)s” to %(who)s, planned for %(day)s (%(state)s)") % words


def _consequence(item: Installment, limit: Decimal | None) -> str:
    """What giving it up does, and how far this person may go."""
    words = _(
        "Given up entirely, it counts as settled: reminders, calls and penalties about it stop, and the customer’s balance falls by it. "
        "A part given up is no longer asked for. It can be reversed from the invoice."
    )
    if limit is None:
        return words
    if limit <= 0:
        return f"{words} {_('Your role gives nothing up by itself: ask an owner or administrator.')}"
    allowed = formatting.money(limit, item.invoice.currency)
    return f"{words} {_('Your role may give up %s of one invoice; an owner or administrator gives up more.') % allowed}"


@member(Permission.WORK, methods=WORK)
def reverse(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What was given up is owed after all."""
    row = WriteOff.objects.select_related("installment__invoice", "installment__customer").get(pk=pk)
    item = row.installment
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if submitted(request, form, lambda data: reverse_write_off(row=row, reason=data["reason"], **acting(request))):
        return done(request, _("The amount is owed again; the plan goes on with the next run."), invoice_url(item))
    amount = formatting.money(row.amount, item.invoice.currency)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Ask for this amount again"),
        verb=_("It is owed"),
        back=invoice_url(item),
        lead=_("%(amount)s given up on %(number)s (%(kind)s: %(reason)s) is owed again, and its plan goes on.")
        % {"amount": amount, "number": item.invoice.number, "kind": row.get_kind_display(), "reason": row.reason},
        icon="undo-2",
    )


@member(Permission.WORK, methods=WORK)
def credit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Enter the credit note that corrects an invoice."""
    invoice = get_invoice(pk)
    back = address_of("dashboard:invoice", args=[pk])
    today = today_of(request)
    first = {"issued_on": today, "gross": formatting.plain_amount(_to_credit(invoice, today))}
    form = CreditNoteForm(request.POST) if request.method == "POST" else CreditNoteForm(initial=first)

    def act(data: dict[str, Any]) -> None:
        issue_credit_note(customer=invoice.customer, currency=invoice.currency, credited_invoice=invoice, **data, **acting(request))

    if submitted(request, form, act):
        words = {
            "amount": formatting.money(form.cleaned_data["gross"], invoice.currency),
            "credited": form.cleaned_data["number"],
            "number": invoice.number,
        }
        return done(request, _("Credit note %(credited)s of %(amount)s is entered on %(number)s.") % words, back)
    return act_page(
        request,
        form,
        nav="invoices",
        title=_("Enter a credit note"),
        verb=_("Enter the credit note"),
        back=back,
        lead=_("%(number)s, %(customer)s: what exceeds the amount left to pay stays in the customer’s favour.")
        % {"number": invoice.number, "customer": invoice.customer.name},
        icon="receipt",
    )


def _to_credit(invoice: Invoice, today: date) -> Decimal:
    """The credit note that is awaited, else all that is left to pay."""
    items = list(invoice.installments.all())
    awaited = running_holds(today=today).filter(installment__in=items, kind=HoldKind.CREDIT_NOTE_PENDING, amount__gt=0).first()
    if awaited is not None and awaited.amount is not None:
        return awaited.amount
    return sum((item.outstanding for item in items), start=Decimal(0))
