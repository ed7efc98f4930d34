"""What debtors said about their invoices: received, accepted, not received, "already paid" - whoever recorded it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from customers.selectors import payer_family
from dunning.core import audit, bank, events
from dunning.core.errors import DomainError
from dunning.core.money import format_date
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import ActKind, ActSource, HoldKind, HoldSide
from invoices.models import DebtorAct, Declaration, Hold, Installment, Invoice
from invoices.services import holds
from invoices.services.balances import announce_change
from invoices.services.locks import Locked, lock_items
from invoices.services.payment_requests import account_of

ALREADY_PAID_DAYS = 5
"""Business days after the stated payment date during which its item is left alone (rule 7)."""
RESTART_DAYS = 10
"""Days after an invoice was sent again from which its plan counts (rule 7)."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How something was said: over which way, by which contact, with which form of the debtor's page."""

    source: str = ActSource.STAFF
    contact: Contact | None = None
    declaration: Declaration | None = None


ANSWERS = (ActKind.RECEIVED, ActKind.ACCEPTED, ActKind.NOT_RECEIVED)


def mark_received(
    *,
    installments: Collection[Installment],
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    text: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> list[DebtorAct]:
    """The customer has these invoices. The latest valid act wins."""
    said_by = Voice(source, contact, declaration)
    return _answer(ActKind.RECEIVED, installments, said_by, text, actor=actor, today=today, now=now)


def mark_accepted(
    *,
    installments: Collection[Installment],
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    text: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> list[DebtorAct]:
    """The customer agrees to pay these invoices ("bon à payer"); it has received them, then."""
    said_by = Voice(source, contact, declaration)
    return _answer(ActKind.ACCEPTED, installments, said_by, text, actor=actor, today=today, now=now)


def mark_not_received(
    *,
    installments: Collection[Installment],
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    text: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> list[DebtorAct]:
    """The customer does not have these invoices: they must be sent again, with proof, and their plan restarts then (`restart_plan`)."""
    said_by = Voice(source, contact, declaration)
    return _answer(ActKind.NOT_RECEIVED, installments, said_by, text, actor=actor, today=today, now=now)


def says_paid(
    *,
    installments: Collection[Installment],
    paid_on: date,
    amount: Decimal | None = None,
    reference: str = "",
    credited_iban_end: str = "",
    source: str = ActSource.STAFF,
    contact: Contact | None = None,
    declaration: Declaration | None = None,
    text: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> list[DebtorAct]:
    """The customer says it has paid: its items wait until five business days after the stated day (rule 7).

    `credited_iban_end` are the last four characters of the account the money went to. When no invoice named here bears such an IBAN, and
    none is or was the organization's own, somebody else may have been paid: everything to this customer, to who pays for it and to all it
    pays for stops until a person has looked. Nothing is suspected of an invoice whose factor's account is unknown. Raises DomainError for a
    day more than three weeks ahead, or other than four characters.
    """
    end = credited_iban_end.strip().upper()
    if end and len(end) != 4:
        raise DomainError(_("Give the last four characters of the credited account."), code="bad_iban_end", field="credited_iban_end")
    if paid_on > today + timedelta(days=21):
        raise DomainError(_("A payment announced for later is a promise."), code="too_far", field="paid_on")
    locked = lock_items(item.pk for item in installments)
    items = [locked.installment(item.pk) for item in installments]
    profile = get_profile()
    named = {account_of(item, profile.iban) for item in items}
    is_former = bool(end) and end not in _ends(named | {profile.iban}) and end in _ends(bank.former_accounts())
    suspect = bool(end) and not is_former and "" not in named and end not in _ends(named | {profile.iban})
    details: dict[str, Any] = {
        "paid_on": paid_on.isoformat(),
        "reference": reference,
        "credited_iban_end": end,
        "foreign_account": suspect,
        **({"former_account": True} if is_former else {}),
        **({"amount": str(amount)} if amount is not None else {}),
    }
    acts = write_act(ActKind.SAYS_PAID, items, Voice(source, contact, declaration), text, details, actor=actor, now=now)
    ids = sorted({item.invoice_id for item in items})
    events.emit(type="invoice.said_paid", object_type="invoice", object_ids=ids, now=now, payload={"paid_on": paid_on})
    if suspect:
        for customer in {item.customer_id: item.customer for item in items}.values():
            _stop_everything(customer, end, actor=actor, today=today, now=now)
    else:
        until = get_calendar(profile).add_business_days(max(paid_on, today), ALREADY_PAID_DAYS)
        holds.release_matching(
            [item.pk for item in items], kinds=[HoldKind.ALREADY_PAID], reason=_("Said again"), actor=actor, today=today, now=now
        )
        pauses = [
            Hold(
                customer=item.customer,
                installment=item,
                side=HoldSide.THEIRS,
                kind=HoldKind.ALREADY_PAID,
                starts_on=today,
                ends_on=until,
                reason=_("Says it was paid on %s.") % format_date(paid_on, profile.default_language),
                requested_by=actor,
            )
            for item in items
        ]
        holds.add_holds(pauses, actor=actor, today=today, now=now)
    announce_change([item.pk for item in items], reason="says_paid", today=today, now=now)
    return acts


def restart_plan(
    *, invoices: Collection[Invoice], resent_on: date, days: int = RESTART_DAYS, reason: str = "", actor: str, today: date, now: datetime
) -> None:
    """The invoices were sent again on `resent_on`: overdue steps count from `days` later; the legal due date does not move (rule 7)."""
    ids = sorted(invoice.pk for invoice in invoices)
    locked = lock_items(invoice_ids=ids)
    parts = [part.pk for part in locked.installments.values() if part.invoice_id in set(ids)]
    acts = list(DebtorAct.objects.filter(installment__in=parts, kind=ActKind.NOT_RECEIVED, undone_at=None, at__lte=now))
    for act in acts:
        act.details = {**act.details, "resent_on": resent_on.isoformat()}
    DebtorAct.objects.bulk_update(acts, ["details"])
    restart_on = resent_on + timedelta(days=days)
    rows = [locked.invoices[identifier] for identifier in ids]
    for row in rows:
        row.restart_on, row.not_received_at = restart_on, None
    Invoice.objects.bulk_update(rows, ["restart_on", "not_received_at"])
    for invoice in invoices:
        invoice.restart_on, invoice.not_received_at = restart_on, None
    body = {"restart_on": restart_on, "reason": reason, "count": len(ids), "digest": audit.digest(ids)}
    audit.record(actor=actor, action="invoices.resent", target=rows[0] if len(rows) == 1 else None, body=body, now=now)
    events.emit(type="invoice.resent", object_type="invoice", object_ids=ids, now=now, payload={"restart_on": restart_on})
    announce_change(parts, reason="resent", today=today, now=now)


def record_platform_answer(invoice: Invoice, kind: ActKind, locked: Locked, *, actor: str, now: datetime) -> None:
    """An e-invoicing status says that a locked invoice was received or accepted."""
    parts = [part for part in locked.installments.values() if part.invoice_id == invoice.pk]
    write_act(kind, parts, Voice(ActSource.PLATFORM), "", {}, actor=actor, now=now)
    replay([invoice])
    events.emit(type=f"invoice.{kind.value}", object_type="invoice", object_ids=[invoice.pk], now=now)


def _answer(
    kind: ActKind,
    installments: Collection[Installment],
    said_by: Voice,
    text: str,
    *,
    actor: str,
    today: date,
    now: datetime,
) -> list[DebtorAct]:
    locked = lock_items(item.pk for item in installments)
    items = [locked.installment(item.pk) for item in installments]
    acts = write_act(kind, items, said_by, text, {}, actor=actor, now=now)
    replay({item.invoice_id: item.invoice for item in items}.values())
    for item in installments:
        fresh = locked.installments[item.pk].invoice
        if Installment.invoice.is_cached(item):  # the caller's own copy follows
            for name in ("received_at", "accepted_at", "not_received_at"):
                setattr(item.invoice, name, getattr(fresh, name))
    events.emit(type=f"invoice.{kind.value}", object_type="invoice", object_ids=sorted({item.invoice_id for item in items}), now=now)
    announce_change([item.pk for item in items], reason=kind.value, today=today, now=now)
    return acts


def write_act(
    kind: ActKind, items: Sequence[Installment], said_by: Voice, text: str, details: Mapping[str, Any], *, actor: str, now: datetime
) -> list[DebtorAct]:
    """The rows of one thing said about locked items, and their audit event; the caller does what follows from it."""
    if not items:
        raise DomainError(_("Name the invoices this is about."), code="required", field="installments")
    contact = said_by.contact
    if contact is not None and any(contact.customer_id not in (item.customer_id, item.customer.payer_id) for item in items):
        raise DomainError(_("This contact belongs to another customer."), code="other_customer", field="contact")
    acts = [
        DebtorAct(
            customer=item.customer,
            installment=item,
            contact=contact,
            kind=kind,
            source=said_by.source,
            at=now,
            actor=actor,
            text=text.strip(),
            details=dict(details),
            declaration=said_by.declaration,
        )
        for item in items
    ]
    DebtorAct.objects.bulk_create(acts)
    ids = [str(item.pk) for item in items]
    body = {"source": str(said_by.source), "items": ids if len(ids) <= 20 else len(ids), "digest": audit.digest(ids), **details}
    audit.record(actor=actor, action=f"debtor.{kind.value}", target=acts[0], body=body, now=now)
    return acts


def replay(invoices: Collection[Invoice]) -> None:
    """Work out each locked invoice's answers from its valid acts: of "received", "accepted", "not received" and a dispute the latest wins.

    Who contests an invoice has it, and does not agree to pay it: an earlier acceptance ends, and stands again if the dispute is undone.
    """
    by_invoice: dict[UUID, list[DebtorAct]] = {invoice.pk: [] for invoice in invoices}
    acts = DebtorAct.objects.select_related("installment").filter(
        installment__invoice__in=list(by_invoice), kind__in=(*ANSWERS, ActKind.DISPUTED), undone_at=None
    )
    for act in acts.order_by("at", "pk"):
        if act.installment is not None:
            by_invoice[act.installment.invoice_id].append(act)
    for invoice in invoices:
        invoice.received_at = invoice.accepted_at = invoice.not_received_at = None
        for act in by_invoice[invoice.pk]:
            if act.kind == ActKind.NOT_RECEIVED:
                invoice.received_at = invoice.accepted_at = None
                invoice.not_received_at = None if "resent_on" in act.details else act.at
                continue
            invoice.not_received_at = None
            invoice.received_at = invoice.received_at or act.at
            invoice.accepted_at = act.at if act.kind == ActKind.ACCEPTED else invoice.accepted_at
            if act.kind == ActKind.DISPUTED:
                invoice.accepted_at = None
    Invoice.objects.bulk_update(invoices, ["received_at", "accepted_at", "not_received_at"])


def _ends(accounts: Collection[str]) -> set[str]:
    return {account[-4:] for account in accounts if account}


def _stop_everything(customer: Customer, end: str, *, actor: str, today: date, now: datetime) -> None:
    """Pause the whole paying group of a locked customer: whoever of it was written to, it is the payer whose money went astray."""
    reason = _("Possible fraud: says it paid an account ending in %s, which is not ours.") % end
    group = payer_family(customer.payer_id or customer.pk)
    paused = set(
        Hold.objects.filter(customer__in=group, installment=None, reason=reason, released_on=None).values_list("customer_id", flat=True)
    )
    pauses = [
        Hold(
            customer_id=identifier,
            side=HoldSide.OURS,
            kind=HoldKind.PAUSE,
            starts_on=today,
            ends_on=today + timedelta(days=holds.LONGEST_DAYS),
            reason=reason,
            requested_by=actor,
        )
        for identifier in group
        if identifier not in paused
    ]
    holds.add_holds(pauses, actor=actor, today=today, now=now)
    events.emit(type="customer.fraud_suspected", object_type="customer", object_ids=[customer.pk], now=now, payload={"iban_end": end})
    holds.tell_holds(pauses, reason="fraud_suspected", today=today, now=now)
