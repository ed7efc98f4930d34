"""What messages outside the plan say - acknowledgements, confirmations, apologies - and the facts a reminder may recall."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from babel.lists import format_list
from django.db.models import Q
from django.utils.translation import override

from customers.models import Customer
from dunning.core.enums import PAPER_CHANNELS, Channel, Phase
from dunning.core.models import Organization
from dunning.core.selectors import get_profile
from invoices.enums import ActKind, DisputeState, InvoiceState, PromiseState
from invoices.models import Allocation, DebtorAct, Declaration, Dispute, Installment, Payment, Promise
from invoices.references import credit_label
from invoices.selectors.items import unallocated_credits, view_items
from notifications.enums import MessageKind, Obstacle
from notifications.letters import LetterError
from notifications.models import Message
from notifications.placeholders import Value
from notifications.signals import Go, Stop
from scenarios import agreed, formal_notice, outside, wording, written
from scenarios.claims import claimed_cents, claimed_lines, items_of
from scenarios.context import local_date
from scenarios.copies import copies_kept, copies_of
from scenarios.declarations import what_follows
from scenarios.enums import Reason, Section, Variant
from scenarios.models import Action, TaskAttempt
from scenarios.recipients import Directory
from scenarios.statement import Line

_RECALLING: Final = frozenset(
    {MessageKind.ACKNOWLEDGEMENT, MessageKind.RETRACTION, MessageKind.RESEND, MessageKind.PRENOTIFICATION, MessageKind.THANKS}
)
DISPUTE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "AUTRE": ("une remarque de votre part", "a remark of yours"),
    "COORD_BANC_ERR": ("des coordonnées bancaires erronées", "wrong bank details"),
    "TX_TVA_ERR": ("un taux de TVA erroné", "a wrong VAT rate"),
    "MONTANTTOTAL_ERR": ("un total erroné", "a wrong total"),
    "CALCUL_ERR": ("une erreur de calcul", "an arithmetic error"),
    "NON_CONFORME": ("une mention manquante ou non conforme", "a missing or non-conforming mention"),
    "DOUBLON": ("un doublon", "a duplicate"),
    "DEST_INC": ("un destinataire inconnu", "an unknown recipient"),
    "DEST_ERR": ("un destinataire erroné", "a wrong recipient"),
    "TRANSAC_INC": ("une opération inconnue", "an unknown transaction"),
    "EMMET_INC": ("un émetteur inconnu", "an unknown issuer"),
    "CONTRAT_TERM": ("un contrat terminé", "an ended contract"),
    "DOUBLE_FACT": ("une double facturation", "an item billed twice"),
    "CMD_ERR": ("un numéro de commande absent ou erroné", "a missing or wrong order number"),
    "ADR_ERR": ("une adresse erronée", "a wrong address"),
    "SIRET_ERR": ("un SIRET absent ou erroné", "a missing or wrong SIRET number"),
    "CODE_ROUTAGE_ERR": ("un code de routage absent ou erroné", "a missing or wrong routing code"),
    "REF_CT_ABSENT": ("une référence de contrat manquante", "a missing contract reference"),
    "REF_ERR": ("une référence erronée", "a wrong reference"),
    "PU_ERR": ("un écart de prix", "a price difference"),
    "REM_ERR": ("une remise non appliquée", "a discount not applied"),
    "QTE_ERR": ("un écart de quantité", "a difference in quantity"),
    "ART_ERR": ("un article erroné", "a wrong article"),
    "MODPAI_ERR": ("des conditions de paiement erronées", "wrong payment terms"),
    "QUALITE_ERR": ("un problème de qualité", "a quality problem"),
    "LIVR_INCOMP": ("une livraison incomplète ou contestée", "an incomplete or contested delivery"),
}


def dispute_reason(code: str, language: str) -> str:
    """The reason in the middle of a sentence."""
    return DISPUTE_WORDS.get(code, DISPUTE_WORDS["AUTRE"])[0 if language == "fr" else 1]


# --- facts a reminder recalls ------------------------------------------------------------------------------------------------------------


def flags(*, account: wording.Account, lines: Sequence[Line], variant: Variant, contested: bool = True) -> dict[str, Value]:
    """The promise, dispute or payment that the variant of a reminder speaks of; nothing is recalled that did not happen.

    `contested` False: no dispute was ever opened about these lines.
    """
    items = [UUID(line.item_id) for line in lines if line.own_step]
    values: dict[str, Value] = {}
    if variant == Variant.BROKEN_PROMISE:
        unkept = Promise.objects.filter(state=PromiseState.BROKEN, installment__outstanding__gt=0, installment__currency=account.currency)
        broken = unkept.filter(installment__in=items).order_by("-promised_for").first()
        if broken is not None:
            values.update(_promise(list(unkept.filter(reference=broken.reference)), account))
            values["after.broken_promise"] = True
    if variant == Variant.PARTIAL_PAYMENT:
        values.update(_last_payment(items, account))
    if variant == Variant.PAYMENT_NOT_FOUND:
        values.update(_stated_payment(items, account))
    if variant == Variant.AFTER_DISPUTE:
        closed = Dispute.objects.filter(installment__in=items, state=DisputeState.REJECTED).order_by("-closed_on").first()
        if closed is not None:
            values.update(_dispute(closed, account))
            values["dispute.amount"] = ""  # rejected: it is claimed again
    open_parts = Dispute.objects.filter(installment__in=items, state=DisputeState.OPEN, amount__isnull=False)
    parts = list(open_parts) if contested else []
    if parts:
        values = {**_dispute(parts[0], account), **values}  # an answer already told is not silenced
        values["dispute.amount"] = account.money(sum((part.amount for part in parts if part.amount is not None), Decimal(0)))
    return values


def _promise(promises: Sequence[Promise], account: wording.Account) -> dict[str, Value]:
    first = promises[0]
    return {
        "promise.date": account.day(first.promised_for),
        "promise.amount": account.money(sum((promise.amount for promise in promises), Decimal(0))),
        "promise.made_on": account.day(first.made_on),
    }


def _disputes(disputes: Sequence[Dispute], account: wording.Account) -> dict[str, Value]:
    """What was contested in one go: one reason and one owner; an amount only where each names one, the last day an answer is due."""
    last = max(disputes, key=lambda dispute: dispute.answer_due_on)
    amounts = [dispute.amount for dispute in disputes if dispute.amount is not None]
    numbers = sorted({dispute.installment.invoice.number for dispute in disputes})
    return {
        **_dispute(last, account),
        "dispute.amount": account.money(sum(amounts, Decimal(0))) if len(amounts) == len(disputes) else "",
        "dispute.invoices": format_list(numbers, locale=account.language) if len(numbers) > 1 else "",
    }


def _dispute(dispute: Dispute, account: wording.Account) -> dict[str, Value]:
    return {
        "dispute.opened_on": account.day(dispute.opened_on),
        "dispute.reason": dispute_reason(dispute.reason, account.language),
        "dispute.amount": account.money(dispute.amount) if dispute.amount is not None else "",
        "dispute.owner": str(dispute.owner) if dispute.owner is not None else account.profile.signatory_name or account.profile.legal_name,
        "dispute.answer_by": account.day(dispute.answer_due_on),
        "dispute.answer": dispute.resolution_text,
    }


def _payment(payments: Sequence[Payment], account: wording.Account) -> dict[str, Value]:
    """What was paid, in one sum or several, and the day by which all of it had come."""
    return {
        "payment.amount": account.money(sum((payment.amount for payment in payments), Decimal(0))),
        "payment.date": account.day(max(payment.received_on for payment in payments)),
    }


def _last_payment(items: Sequence[UUID], account: wording.Account) -> dict[str, Value]:
    last = (
        Allocation.objects.filter(installment__in=list(items), payment__isnull=False, reversed_at=None)
        .select_related("payment")
        .order_by("-value_on", "-created_at")
        .first()
    )
    if last is None or last.payment is None:
        return {}
    return {**_payment([last.payment], account), "after.partial_payment": True}


def _stated_payment(items: Sequence[UUID], account: wording.Account) -> dict[str, Value]:
    act = DebtorAct.objects.filter(installment__in=list(items), kind=ActKind.SAYS_PAID, undone_at=None).order_by("-at").first()
    if act is None:
        return {}
    stated = act.details.get("paid_on") or ""
    return {
        "payment.stated_date": account.day(date.fromisoformat(stated)) if stated else "",
        "payment.stated_reference": str(act.details.get("reference", "")),
    }


# --- messages outside the plan ----------------------------------------------------------------------------------------------------


def answer(message: Message, *, organization: Organization, today: date, now: datetime) -> Go | Stop:
    profile = get_profile()
    if organization.suspended_at is not None:
        return Stop(reason=Reason.TENANT_SUSPENDED.value, final=True)
    if profile.held_at is not None:
        return Stop(reason=Reason.TENANT_HELD.value)
    if message.kind == MessageKind.WRITTEN:
        return written.say(message, profile=profile, today=today)
    recipient = None
    if not message.recipient:  # else written to one address: the account owner's, the person spoken to, who received an earlier message
        recipient = Directory([message.customer_key]).find(str(message.customer_id), message.channel, message.phase, today=today)
        if recipient is None:
            return Stop(reason=Reason.NO_CONTACT.value)
    items = [UUID(str(pk)) for pk in message.details.get("items", ())]
    if message.kind == MessageKind.THANKS and _no_longer_thankful(message, today):
        return Stop(reason=Reason.NO_THANKS.value, final=True)
    if message.kind == MessageKind.RESEND and not items:
        return Stop(reason=Reason.EMPTY.value, final=True)  # a reminder repeated by hand: only its plan knows what may still be asked for
    recalls = _recalls(message)
    if message.details.get("account"):
        lines = account_lines(message.customer_key, message.currency, today)
    else:
        lines = recalled_lines(items, today) if recalls else item_lines(items, today)
    if items and not recalls and not (lines if message.kind == MessageKind.CONFIRMATION else claimed_lines(lines)):
        return Stop(reason=Reason.SETTLED.value, final=True)
    account = wording.load_account(profile=profile, message=message, lines=lines, today=today)
    overdue = Installment.objects.filter(customer=message.customer_id, outstanding__gt=0, due_on__lt=today).exists()
    context = wording.say(
        account=account, lines=lines, terms=wording.Terms(phase=Phase(message.phase)), channel=message.channel, up_to_date=not overdue
    )
    context.update(_about(message, account, organization))
    context.update(agreed.values(message, account))
    if recalls:
        left = claimed_cents(item_lines(items, today))
        context["amounts.total"] = account.money(left) if left else ""
    letter: dict[str, Any] = {}
    claim = None
    if message.channel in PAPER_CHANNELS:
        printed = formal_notice.complete(context, account=account, lines=lines, legal=False)
        context, letter, claim = printed.words, printed.page, printed.claim
    attached = copies_of(copies_kept(account, lines), message.channel) if message.details.get("copies") else ()
    try:
        attached = (*agreed.papers(message, organization=organization, now=now), *attached)
    except LetterError as error:
        return Stop(reason=Obstacle.LETTER_FAILED.value, text=str(error))
    letter_sent = _letter_copied(message)
    if letter_sent is not None:
        if not Installment.objects.filter(pk__in=[line.item_id for line in lines], outstanding__gt=0).exists():
            return Stop(reason=Reason.SETTLED.value, final=True)
        context.update(_of_letter(letter_sent, account))
        if letter_sent.document_id is not None:
            attached = ((letter_sent.document_id, _letter_name(letter_sent, account)), *attached)
    return Go(
        context={**context, "attached": bool(attached)},
        attachments=attached,
        recipient=recipient.address if recipient is not None else message.recipient,
        recipient_name=recipient.name if recipient is not None else message.recipient_name,
        postal_address=recipient.postal if recipient is not None else (),
        contact_id=recipient.contact_id if recipient is not None else None,
        amount=Decimal(claimed_cents(lines)) / 100,
        item_count=len({line.item_id for line in lines if line.item_id}),
        items=items_of(lines),
        in_reply_to=wording.first_message_id(items) if message.channel == Channel.EMAIL else "",
        letter=letter,
        claim=claim,
    )


def _no_longer_thankful(message: Message, today: date) -> bool:
    """Whether the payment was taken back, or something of the paying group is late or contested, since the thanks were written."""
    family = Customer.objects.filter(Q(pk=message.customer_id) | Q(payer=message.customer_id)).values("pk")
    return (
        not Payment.objects.filter(pk=message.details["payment"], cancelled_at=None).exists()
        or Dispute.objects.filter(customer__in=family, state=DisputeState.OPEN).exists()
        or Installment.objects.filter(customer__in=family, outstanding__gt=0, due_on__lt=today, invoice__state=InvoiceState.ISSUED).exists()
    )


def _letter_copied(message: Message) -> Message | None:
    """The letter a message is the copy of; an apology names an earlier letter too, and does not send it again."""
    previous = message.details.get("previous") if message.kind == MessageKind.CONFIRMATION else None
    return Message.objects.filter(pk=previous, channel__in=PAPER_CHANNELS).first() if previous else None


def _of_letter(letter: Message, account: wording.Account) -> dict[str, Value]:
    """What the letter itself printed: its number, its deadline."""
    values: dict[str, Value] = {"registered.number": letter.tracking_number}
    cargo = Action.objects.filter(carriers__message=letter, step_key=letter.details.get("step", ""))
    deadlines = {details["deadline_on"] for details in cargo.values_list("details", flat=True) if "deadline_on" in details}
    if deadlines:
        values["deadline"] = account.day(date.fromordinal(max(deadlines)))
    return values


def _letter_name(letter: Message, account: wording.Account) -> str:
    """Lettre-C0042-2026-11-06.pdf"""
    number = "".join(char if char.isalnum() or char in "-_." else "-" for char in account.customer.number)
    return f"{'Lettre' if account.language == 'fr' else 'Letter'}-{number}-{letter.planned_on.isoformat()}.pdf"


def _recalls(message: Message) -> bool:
    """Whether the message speaks of something that happened - a dispute, a promise, a letter, a sending - whatever was paid since."""
    if message.kind == MessageKind.CONFIRMATION:
        return "task_attempt" not in message.details
    return message.kind in _RECALLING or "dispute" in message.details


def recalled_lines(items: Sequence[UUID], today: date) -> tuple[Line, ...]:
    """One line for each item, to name its invoice: what is left to pay on it or, settled, what it came to."""
    rows = Installment.objects.filter(pk__in=list(items)).order_by("due_on", "pk")
    return tuple(_line(row, row.outstanding or row.amount, today) for row in rows)


def item_lines(items: Sequence[UUID], today: date) -> tuple[Line, ...]:
    """What is left to pay on these items; what is contested, or will be credited, is for information."""
    rows = Installment.objects.select_related("invoice").filter(pk__in=list(items), outstanding__gt=0).order_by("due_on", "pk")
    lines = []
    for view in view_items(rows, today=today):
        row = view.installment
        rest = min(row.outstanding, view.disputed + view.awaited)
        if row.outstanding > rest:
            lines.append(_line(row, row.outstanding - rest, today))
        if rest:
            reason = Reason.DISPUTED if view.disputed else Reason.CREDIT_NOTE_PENDING
            lines.append(replace(_line(row, rest, today), section=Section.INFORMATION, own_step=False, reason=reason))
    return tuple(lines)


def account_lines(customer_id: UUID, currency: str, today: date) -> tuple[Line, ...]:
    """The whole account in one currency as it stands: every open item, then credits as negative lines."""
    items = Installment.objects.filter(customer=customer_id, invoice__currency=currency, outstanding__gt=0).values_list("pk", flat=True)
    payments, notes = unallocated_credits([customer_id])
    credits = [
        (payment.received_on, payment.unallocated, credit_label(payment.external_reference))
        for payment in payments
        if payment.currency == currency
    ]
    credits += [(note.issued_on, note.unallocated, note.number) for note in notes if note.currency == currency]
    return (
        *item_lines(list(items), today),
        *(
            Line(Section.CREDIT, -round(amount * 100), customer_id=str(customer_id), due_on=on.toordinal(), label=label)
            for on, amount, label in credits
        ),
    )


def _line(row: Installment, amount: Decimal, today: date) -> Line:
    return Line(
        Section.OVERDUE if row.due_on < today else Section.COMING_DUE,
        round(amount * 100),
        item_id=str(row.pk),
        invoice_id=str(row.invoice_id),
        customer_id=str(row.customer_id),
        due_on=row.due_on.toordinal(),
        own_step=True,
    )


def _about(message: Message, account: wording.Account, organization: Organization) -> dict[str, Value]:
    details = message.details
    values: dict[str, Value] = {}
    if ids := outside.dispute_ids(message):
        values.update(_disputes(list(Dispute.objects.select_related("owner", "installment__invoice").filter(pk__in=ids)), account))
    if reference := details.get("promise"):
        made = Promise.objects.filter(reference=reference, installment__invoice__currency=account.currency)
        promises = list(made.order_by("promised_for"))
        if promises:
            values.update(_promise(promises, account))
    payments = list(Payment.objects.filter(pk__in=details.get("payments") or [details.get("payment")]))
    if payments:
        values.update(_payment(payments, account))
    if attempt_id := details.get("task_attempt"):
        attempt = TaskAttempt.objects.get(pk=attempt_id)
        values["call.date"] = account.day(attempt.on)
        values["call.person"] = str(attempt.details.get("person", ""))
        values["call.summary"] = str(attempt.details.get("summary", "")) or attempt.note
    if declaration_id := details.get("declaration"):
        declaration = Declaration.objects.get(pk=declaration_id)
        with override(account.language):
            values["said.next"] = what_follows(declaration)
        values["said.words"] = declaration.wording
        values["said.on"] = account.day(local_date(organization, declaration.at))
    if previous_id := details.get("previous"):
        previous = Message.objects.get(pk=previous_id)
        dated = previous.frozen_at if previous.channel in PAPER_CHANNELS else previous.accepted_at  # a letter is posted later
        if dated is not None:
            values["previous.date"] = account.day(local_date(organization, dated))
        values["previous.subject"] = previous.subject
    return values
