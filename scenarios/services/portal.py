"""What a debtor does on its page, each time with the exact words it was shown: kept, acted upon at once, and confirmed to both sides.

Who wins (docs/portal.md): a form is about items as they were when it was drawn. If anybody - a payment, a colleague, our staff - moved them
since, nothing is done and what happened is shown; so that of two answers at one moment one stands. Afterwards the latest answer wins.

Every function here raises AlreadySaid, MovedMeanwhile, and DomainError as the services of what is owed do.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from customers.enums import PortalAction
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import ActKind, ActSource, DisputeState, HoldKind, PromiseState
from invoices.models import Declaration, DeclarationFile, Dispute, Hold, Installment, Promise
from invoices.services import (
    Voice,
    cancel_promise,
    close_dispute,
    make_promise,
    mark_accepted,
    mark_not_received,
    mark_received,
    open_dispute,
    place_hold,
    refuse_frozen,
    says_paid,
    write_act,
)
from scenarios import effects, work
from scenarios.enums import TaskKind
from scenarios.models import Task
from scenarios.services import answers
from scenarios.services.declaring import AlreadySaid, MovedMeanwhile, Said, Speaker, confirm, declare

__all__ = [
    "AlreadySaid",
    "MovedMeanwhile",
    "Speaker",
    "accept",
    "ask_for_document",
    "confirm_receipt",
    "dispute",
    "give_order_number",
    "promise",
    "say_not_received",
    "say_paid",
]

_FRAUD: Final = gettext_noop("Possible fraud: says it paid an account ending in %s. Call the number you already know.")
OURS_DAYS: Final = 10  # business days our own people have for what they are asked
MOST_WAITING: Final = timedelta(days=30)


def confirm_receipt(*, speaker: Speaker, items: Sequence[UUID], today: date, now: datetime) -> Declaration:
    """The invoices have arrived."""
    said = declare(speaker, PortalAction.RECEIVED, items, {}, today=today, now=now)
    mark_received(installments=said.items, **said.common)
    return confirm(said)


def accept(*, speaker: Speaker, items: Sequence[UUID], today: date, now: datetime) -> Declaration:
    """The invoices have arrived and conform to the order ("bon à payer"). What the debtor disputed about them is withdrawn by that."""
    said = declare(speaker, PortalAction.ACCEPTED, items, {}, today=today, now=now)
    refuse_frozen(said.items)
    for found in Dispute.objects.filter(installment__in=said.items, state=DisputeState.OPEN).order_by("pk"):
        words = said.for_us(gettext_noop("Withdrawn by the customer, who accepts the invoice."))
        close_dispute(dispute=found, outcome=DisputeState.WITHDRAWN, text=words, **said.who)
    mark_accepted(installments=said.items, **said.common)
    return confirm(said)


def say_not_received(*, speaker: Speaker, items: Sequence[UUID], today: date, now: datetime) -> Declaration:
    """The invoices never came: they are sent again, once by themselves. Without a copy, or the second time, somebody sees to it."""
    said = declare(speaker, PortalAction.NOT_RECEIVED, items, {}, today=today, now=now)
    mark_not_received(installments=said.items, **said.common)
    again = [item for item in said.items if item.invoice.document_id is not None and item.invoice.restart_on is None]
    for customer_id in sorted({item.customer_id for item in said.items}):
        if theirs := [item for item in again if item.customer_id == customer_id]:
            answers.send_invoices_again(installments=theirs, contact=speaker.contact, **said.who)
    for item in said.items:
        if item not in again:
            _owe_document(item, said.for_us(gettext_noop("Says it has not received the invoice: send it again.")), today, now)
    return confirm(said)


def _owe_document(item: Installment, title: str, today: date, now: datetime) -> None:
    """The alert of the daily run, at once: it closes by itself when its cause is gone."""
    known = Task.objects.filter(kind=TaskKind.SUPPLY_DOCUMENT, key="", customer=item.customer, state="open")
    if not known.exists():
        task = Task.objects.create(
            kind=TaskKind.SUPPLY_DOCUMENT,
            customer=item.customer,
            installment=item,
            title=title,
            amount=item.outstanding,
            currency=item.invoice.currency,
            opened_on=today,
            due_on=today,
        )
        effects.tell_opened([task.pk], now=now)


def dispute(
    *,
    speaker: Speaker,
    items: Sequence[UUID],
    reason: str,
    amount: Decimal | None,
    text: str,
    files: Sequence[documents.File] = (),
    today: date,
    now: datetime,
) -> Declaration:
    """The invoices are contested, whole or (one alone) an amount. What was promised for what is wholly contested is withdrawn."""
    if amount is not None and len(items) != 1:
        raise DomainError(_("To dispute an amount, choose one invoice alone."), code="one_item", field="amount")
    details = {"reason": reason, "amount": str(amount) if amount is not None else None, "text": text}
    said = declare(speaker, PortalAction.DISPUTED, items, details, today=today, now=now)
    known = Dispute.objects.select_related("installment__invoice").filter(installment__in=said.items, state=DisputeState.OPEN)
    if numbers := sorted(found.installment.invoice.number for found in known):
        known_already = _("We are already looking into what you wrote about %s. To add to it, answer our e-mail.")
        raise DomainError(known_already % ", ".join(numbers), code="already_open")
    if amount is None:
        for made in Promise.objects.filter(installment__in=said.items, state=PromiseState.OPEN).order_by("pk"):
            cancel_promise(promise=made, reason=said.for_us(gettext_noop("The customer disputes the invoice.")), **said.who)
    kept = documents.store_all(files=files, now=now)
    DeclarationFile.objects.bulk_create(
        [
            DeclarationFile(declaration=said.declaration, document=document, filename=document.filename, position=position)
            for position, document in enumerate(kept, start=1)
        ]
    )
    for item in said.items:
        open_dispute(installment=item, reason=reason, amount=amount, text=text, **said.common)
    work.open_dispute_tasks(today=today, now=now)
    return confirm(said)


def promise(
    *, speaker: Speaker, items: Sequence[UUID], promised_for: date, amount: Decimal | None, today: date, now: datetime
) -> Declaration:
    """The invoices will be paid on a day, all or an amount, the oldest first. What is contested is not promised."""
    details = {"promised_for": promised_for.isoformat(), "amount": str(amount) if amount is not None else None}
    said = declare(speaker, PortalAction.PROMISED, items, details, today=today, now=now)
    refuse_frozen(said.items)
    parts = _promised(said, amount)
    for customer_id in sorted({item.customer_id for item in parts}):
        theirs = {item: part for item, part in parts.items() if item.customer_id == customer_id}
        make_promise(amounts=theirs, promised_for=promised_for, **said.common)
    return confirm(said)


def _promised(said: Said, amount: Decimal | None) -> dict[Installment, Decimal | None]:
    contested = {
        found.installment_id: found.amount for found in Dispute.objects.filter(installment__in=said.items, state=DisputeState.OPEN)
    }
    open_amounts: dict[Installment, Decimal] = {}
    for item in sorted(said.items, key=lambda item: (item.due_on, item.pk)):
        disputed = (contested[item.pk] or item.outstanding) if item.pk in contested else Decimal(0)
        if item.outstanding > disputed:
            open_amounts[item] = item.outstanding - disputed
    if not open_amounts:
        raise DomainError(_("You dispute these invoices: no payment is expected while we look into it."), code="disputed")
    if amount is None:
        return {item: part if item.pk in contested else None for item, part in open_amounts.items()}
    if len({item.invoice.currency for item in open_amounts}) > 1:
        raise DomainError(_("These invoices are in several currencies: choose those of one."), code="several_currencies", field="amount")
    if amount > sum(open_amounts.values()):
        raise DomainError(_("This is more than what is left to pay on these invoices."), code="bad_amount", field="amount")
    parts: dict[Installment, Decimal | None] = {}
    for item, left in open_amounts.items():
        if amount > 0:
            parts[item] = min(left, amount)
            amount -= min(left, amount)
    return parts


def say_paid(
    *,
    speaker: Speaker,
    items: Sequence[UUID],
    paid_on: date,
    amount: Decimal | None,
    reference: str,
    credited_iban_end: str,
    today: date,
    now: datetime,
) -> Declaration:
    """The invoices are paid. When the credited account does not end as ours does, everything to the customer stops and somebody is told."""
    details = {
        "paid_on": paid_on.isoformat(),
        "amount": str(amount) if amount is not None else None,
        "reference": reference,
        "credited_iban_end": credited_iban_end,
    }
    said = declare(speaker, PortalAction.SAYS_PAID, items, details, today=today, now=now)
    acts = []
    for customer_id in sorted({item.customer_id for item in said.items}):
        theirs = [item for item in said.items if item.customer_id == customer_id]
        acts += says_paid(
            installments=theirs, paid_on=paid_on, amount=amount, reference=reference, credited_iban_end=credited_iban_end, **said.common
        )
    if any(act.details.get("foreign_account") for act in acts):
        first = said.items[0]
        effects.open_once(
            kind=TaskKind.FRAUD_ALERT,
            key=f"fraud:{said.declaration.pk}",
            today=today,
            now=now,
            customer=first.customer,
            title=said.for_us(_FRAUD) % credited_iban_end,
            amount=amount or sum((item.outstanding for item in said.items), Decimal(0)),
            currency=first.invoice.currency,
            alerted_on=today,
        )
    return confirm(said)


def ask_for_document(*, speaker: Speaker, items: Sequence[UUID], document: str, today: date, now: datetime) -> Declaration:
    """A document is missing before they can pay: it is ours to supply, and the invoices wait for it."""
    said = declare(speaker, PortalAction.ASKED, items, {"document": document}, today=today, now=now)
    _wait_for_us(said, HoldKind.DOCUMENT_OWED, said.for_us(gettext_noop("Asks for: %s")) % document)
    return confirm(said)


def give_order_number(*, speaker: Speaker, items: Sequence[UUID], number: str, today: date, now: datetime) -> Declaration:
    """Their order number, missing on the invoices: proposed to our people, who enter it; the invoices wait for that."""
    said = declare(speaker, PortalAction.ASKED, items, {"purchase_order": number}, today=today, now=now)
    if all(item.invoice.purchase_order == number for item in said.items):
        raise DomainError(_("This number is on the invoices already."), code="known_number", field="number")
    _wait_for_us(said, HoldKind.PURCHASE_ORDER_MISSING, said.for_us(gettext_noop("Gives the order number %s.")) % number)
    return confirm(said)


def _wait_for_us(said: Said, kind: HoldKind, reason: str) -> None:
    """A pause of our own on each item, with its task; one that runs already stands for both."""
    until = get_calendar(get_profile()).add_business_days(said.today, OURS_DAYS)
    running = Hold.objects.filter(installment__in=said.items, kind=kind, released_on=None).values_list("installment_id", flat=True)
    if set(running) >= {item.pk for item in said.items}:
        raise DomainError(_("This was asked for already, and we are looking into it."), code="already_asked")
    voice = Voice(ActSource.PORTAL, said.speaker.contact, said.declaration)
    waiting = []
    for item in said.items:
        if item.pk in set(running):
            continue
        hold = place_hold(installment=item, kind=kind, ends_on=min(until, said.today + MOST_WAITING), reason=reason, **said.who)
        write_act(ActKind.ASKED, [item], voice, reason, {"hold": str(hold.pk)}, actor=said.speaker.actor, now=said.now)
        waiting.append(hold)
    work.open_work_of_holds(today=said.today, now=said.now, holds=waiting)
