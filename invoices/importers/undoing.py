"""Taking a load back on the day it was made: what it created and nobody touched since goes; the rest stays, each with its reason.

Invoices, credit notes and customers that nothing refers to are removed, so that a corrected file can bring them anew; the audit trail
keeps that they were there. Receipts are taken back as if they had never come, and what they had settled is owed again. What the file only
brought up to date stays as it is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.models import Contact, Customer
from customers.services import hold_customers
from dunning.core import audit, events, removal
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization, OrganizationProfile, SearchEntry
from dunning.core.removal import Doomed
from invoices.enums import ImportKind, TraceKind, TriageChoice
from invoices.models import Allocation, ImportBatch, ImportTrace, Installment, Invoice, LedgerCoverage, Payment
from invoices.services import lock_items, reverse_allocation
from invoices.services.balances import announce_credit
from invoices.services.withdrawal import withdraw_payments

SHOWN: Final = 200
_WHY: Final[dict[str, Promise]] = {
    "invoices.allocation": gettext_lazy("a receipt or a credit note was set against it"),
    "invoices.writeoff": gettext_lazy("an amount was given up on it"),
    "invoices.dispute": gettext_lazy("it is disputed"),
    "invoices.promise": gettext_lazy("a promise was noted"),
    "invoices.hold": gettext_lazy("it was paused"),
    "invoices.debtoract": gettext_lazy("the customer has answered"),
    "invoices.invoice": gettext_lazy("an invoice or a credit note refers to it"),
    "customers.customer": gettext_lazy("another customer is linked to it"),
    "notifications.message": gettext_lazy("a message was written"),
    "scenarios.action": gettext_lazy("a step of its plan was taken"),
    "scenarios.task": gettext_lazy("a task is about it"),
    "scenarios.planassignment": gettext_lazy("a plan was assigned to it"),
}
_STAYS: Final = {
    "invoices.invoice": gettext_lazy("an invoice of theirs stays"),
    "invoices.payment": gettext_lazy("a receipt of theirs stays"),
}
_OF_CUSTOMER: Final[dict[str, Promise]] = _STAYS | {label: words for label, words in _WHY.items() if label not in _STAYS}
_CHANGED: Final = gettext_lazy("somebody changed it since")
_NEVER: Final = frozenset({ImportKind.INSTALLMENTS.value, ImportKind.REMINDERS.value})


@dataclass
class Undoing:
    """What goes and what stays. `taken`: counts by kind of thing; `kept`: (what, why), the first ones; `reasons`: all of them, counted."""

    taken: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    updated: int = 0

    def keep(self, what: str, why: object) -> None:
        self.reasons[str(why)] += 1
        if len(self.kept) < SHOWN:
            self.kept.append((what, str(why)))

    def as_json(self) -> dict[str, Any]:
        return {
            "taken": dict(self.taken),
            "kept": [list(entry) for entry in self.kept],
            "reasons": dict(self.reasons),
            "updated": self.updated,
        }


@dataclass
class _Plan:
    outcome: Undoing
    doomed: Doomed
    payments: list[UUID]
    allocations: list[UUID]
    coverage: list[UUID]
    copies: dict[UUID, UUID | None]


def may_be_undone(batch: ImportBatch, *, organization: Organization, today: date) -> bool:
    """Whether it is still the day of the load, and it was not taken back before."""
    loaded_on = batch.loaded_at.astimezone(ZoneInfo(organization.timezone)).date()
    return batch.undone_at is None and loaded_on == today and batch.kind not in _NEVER


def look_back(*, batch: ImportBatch) -> Undoing:
    """What taking this load back would do; nothing is written."""
    return _plan(batch).outcome


def undo_load(*, batch: ImportBatch, organization: Organization, actor: str, today: date, now: datetime) -> Undoing:
    """Take a load back. Raises DomainError on a later day, for a load taken back already, and for kinds that only change what was there."""
    row = ImportBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if row.undone_at is not None:
        raise DomainError(_("This load was taken back already."), code="undone")
    if row.kind in _NEVER:
        raise DomainError(_("This kind of load only changes what was there: load a corrected file instead."), code="never_undone")
    if not may_be_undone(row, organization=organization, today=today):
        raise DomainError(
            _("A load can be taken back on its own day only: since then the ledger was worked with. Load a corrected file instead."),
            code="too_late",
        )
    hold_customers(_customers_concerned(row))
    plan = _plan(row)
    _restore_copies(plan)
    for allocation in Allocation.objects.filter(pk__in=plan.allocations).order_by("pk"):
        reverse_allocation(allocation=allocation, reason=_("The load was taken back"), actor=actor, today=today, now=now)
    withdraw_payments(payment_ids=plan.payments, reason=_("The load was taken back"), actor=actor, today=today, now=now)
    gone: Doomed = {model: plan.doomed.get(model, set()) for model in (Invoice, Customer)}
    concerned = _customers_concerned(row) - gone[Customer]
    fresh = [removal.with_parts(model, ids) for model, ids in gone.items()]  # what was taken back wrote anew where these stand
    for doomed in (*fresh, plan.doomed):
        removal.remove(doomed)
    for kind, ids in (("invoice", gone[Invoice]), ("customer", gone[Customer])):
        SearchEntry.objects.filter(kind=kind, object_id__in=ids).delete()
    LedgerCoverage.objects.filter(pk__in=plan.coverage).delete()
    row.undone_at, row.undone_by, row.undone = now, actor, plan.outcome.as_json()
    row.save(update_fields=["undone_at", "undone_by", "undone"])
    _forget_first_import(today)
    body = {
        "file": row.filename,
        "taken": dict(plan.outcome.taken),
        "kept": sum(plan.outcome.reasons.values()),
        "digest": audit.digest(sorted(str(pk) for ids in plan.doomed.values() for pk in ids)),
    }
    audit.record(actor=actor, action="import.undone", target=row, body=body, now=now)
    events.emit(type="invoice.cancelled", object_type="invoice", object_ids=sorted(gone[Invoice]), now=now)
    events.emit(type="customer.archived", object_type="customer", object_ids=sorted(gone[Customer]), now=now)
    announce_credit(concerned, today=today, now=now)
    batch.undone_at, batch.undone_by, batch.undone = row.undone_at, row.undone_by, row.undone
    return plan.outcome


# --- what goes and what stays ------------------------------------------------------------------------------------------------------------


def _plan(batch: ImportBatch) -> _Plan:
    outcome = Undoing(updated=batch.updated if batch.kind != ImportKind.DOCUMENTS else 0)
    plan = _Plan(outcome, {}, [], [], [], {})
    changed = _Changes(batch)
    _plan_payments(batch, plan, changed)
    _plan_invoices(batch, plan, changed)
    _plan_customers(batch, plan, changed)
    _plan_copies(batch, plan, changed)
    latest = LedgerCoverage.objects.order_by("-certified_at", "-pk").first()
    plan.coverage = [pk for pk in _traced(batch, TraceKind.COVERAGE) if latest is not None and latest.pk == pk]
    outcome.taken["coverage"] = len(plan.coverage)
    return plan


def _traced(batch: ImportBatch, kind: TraceKind) -> list[UUID]:
    return list(ImportTrace.objects.filter(batch_id=batch.pk, kind=kind).values_list("object_id", flat=True))


class _Changes:
    """What the audit trail knows about objects after a load."""

    def __init__(self, batch: ImportBatch) -> None:
        own = AuditEvent.objects.filter(object_type="invoices.importbatch", object_id=str(batch.pk)).order_by("sequence").first()
        self._since = own.sequence if own is not None else 0

    def of(self, object_type: str, ids: list[UUID]) -> set[UUID]:
        """Those of these objects about which something was recorded since."""
        found: set[UUID] = set()
        for start in range(0, len(ids), removal.CHUNK):
            part = [str(pk) for pk in ids[start : start + removal.CHUNK]]
            later = AuditEvent.objects.filter(object_type=object_type, object_id__in=part, sequence__gt=self._since)
            found.update(UUID(pk) for pk in later.values_list("object_id", flat=True))
        return found


def _plan_payments(batch: ImportBatch, plan: _Plan, changed: _Changes) -> None:
    ids = _traced(batch, TraceKind.PAYMENT)
    touched = changed.of("invoices.payment", ids)
    for payment in Payment.objects.filter(pk__in=ids).order_by("received_on", "pk"):
        if payment.pk in touched or payment.cancelled_at is not None:
            plan.outcome.keep(_("receipt %(reference)s") % {"reference": payment.reference_text or payment.external_reference}, _CHANGED)
        else:
            plan.payments.append(payment.pk)
    plan.outcome.taken["payments"] = len(plan.payments)
    doomed = removal.with_parts(Payment, plan.payments)
    doomed[Allocation] = set(Allocation.objects.filter(payment__in=plan.payments).values_list("pk", flat=True))
    staying = {target for model, target, _by, _pk in removal.referred_to(doomed) if model is Payment}
    doomed[Payment] -= staying  # cancelled, and left on record for what refers to them
    doomed[Allocation] -= set(Allocation.objects.filter(payment__in=staying).values_list("pk", flat=True))
    plan.doomed = doomed


def _plan_invoices(batch: ImportBatch, plan: _Plan, changed: _Changes) -> None:
    """Invoices and credit notes; what the load set against items is taken back, except of a credit note that stays."""
    made = Allocation.objects.filter(pk__in=_traced(batch, TraceKind.ALLOCATION), reversed_at=None)
    by_note = dict(made.filter(credit_note__batch=batch).values_list("pk", "credit_note_id"))
    invoices = {
        pk: number for pk, number in Invoice.objects.filter(batch=batch).values_list("pk", "number").iterator(chunk_size=removal.CHUNK)
    }
    why: dict[UUID, object] = dict.fromkeys(changed.of("invoices.invoice", list(invoices)), _CHANGED)
    items = dict(Installment.objects.filter(invoice__in=invoices).values_list("pk", "invoice_id"))
    decided = Installment.objects.filter(pk__in=items).exclude(triage__in=["", TriageChoice.WAITING])
    why |= dict.fromkeys(decided.values_list("invoice_id", flat=True), gettext_lazy("it was decided about as an old invoice"))
    doomed = removal.with_parts(Invoice, invoices.keys())
    doomed[Allocation] = plan.doomed.get(Allocation, set()) | by_note.keys()
    found: dict[UUID, set[type[Any]]] = {}
    for model, target, by, _pk in removal.referred_to(doomed):
        owner = target if model is Invoice else items.get(target)
        if owner is not None:
            found.setdefault(owner, set()).add(by)
    why = {pk: _reason(by, _WHY) for pk, by in found.items()} | why
    for pk in sorted(why, key=lambda pk: invoices[pk]):
        plan.outcome.keep(invoices[pk], why[pk])
    going = invoices.keys() - why.keys()
    plan.outcome.taken["invoices"] = len(going)
    plan.allocations = [pk for pk in made.values_list("pk", flat=True) if by_note.get(pk) not in why]
    plan.outcome.taken["allocations"] = len(plan.allocations)
    plan.doomed.setdefault(Allocation, set()).update(pk for pk, note in by_note.items() if note in going)
    for model, ids in removal.with_parts(Invoice, going).items():
        plan.doomed.setdefault(model, set()).update(ids)


def _plan_customers(batch: ImportBatch, plan: _Plan, changed: _Changes) -> None:
    customers = dict(Customer.objects.filter(pk__in=_traced(batch, TraceKind.CUSTOMER)).values_list("pk", "name"))
    contacts = dict(Contact.objects.filter(customer__in=customers).values_list("pk", "customer_id"))
    why: dict[UUID, object] = dict.fromkeys(changed.of("customers.customer", list(customers)), _CHANGED)
    why |= dict.fromkeys((contacts[pk] for pk in changed.of("customers.contact", list(contacts))), _CHANGED)
    doomed: Doomed = {}
    while True:  # a customer that stays keeps those it is linked to
        going = customers.keys() - why.keys()
        doomed = removal.with_parts(Customer, going)
        found: dict[UUID, set[type[Any]]] = {}
        for _model, target, by, _pk in removal.referred_to({**plan.doomed, **doomed}):
            owner = contacts.get(target, target)
            if owner in going:
                found.setdefault(owner, set()).add(by)
        if not found:
            break
        why |= {pk: _reason(by, _OF_CUSTOMER) for pk, by in found.items()}
    for pk in sorted(why, key=lambda pk: customers[pk]):
        plan.outcome.keep(customers[pk], why[pk])
    plan.outcome.taken["customers"] = len(customers) - len(why)
    for model, ids in doomed.items():
        plan.doomed.setdefault(model, set()).update(ids)


def _plan_copies(batch: ImportBatch, plan: _Plan, changed: _Changes) -> None:
    before = dict(ImportTrace.objects.filter(batch_id=batch.pk, kind=TraceKind.COPY).values_list("object_id", "before_id"))
    touched = changed.of("invoices.invoice", list(before))
    for pk, number in Invoice.objects.filter(pk__in=before).order_by("number").values_list("pk", "number"):
        if pk in touched:
            plan.outcome.keep(number, _CHANGED)
        else:
            plan.copies[pk] = before[pk]
    plan.outcome.taken["copies"] = len(plan.copies)


def _reason(by: set[type[Any]], words: dict[str, Promise]) -> object:
    """Of several traces the one that says most: the first in the order of the words."""
    labels = {model._meta.label_lower: model for model in by}
    known = next((words[label] for label in words if label in labels), None)
    return known or _("something refers to it (%(what)s)") % {"what": min(by, key=lambda model: model.__name__)._meta.verbose_name}


# --- what is done ------------------------------------------------------------------------------------------------------------------------


def _customers_concerned(batch: ImportBatch) -> set[UUID]:
    found = set(Invoice.objects.filter(batch=batch).values_list("customer_id", flat=True))
    payments = Payment.objects.filter(pk__in=_traced(batch, TraceKind.PAYMENT), customer__isnull=False)
    found.update(pk for pk in payments.values_list("customer_id", flat=True) if pk is not None)
    return found | set(Customer.objects.filter(pk__in=_traced(batch, TraceKind.CUSTOMER)).values_list("pk", flat=True))


def _restore_copies(plan: _Plan) -> None:
    if not plan.copies:
        return
    locked = lock_items(invoice_ids=plan.copies)
    for pk, before in plan.copies.items():
        locked.invoices[pk].document_id = before
    Invoice.objects.bulk_update(locked.invoices.values(), ["document"], batch_size=500)


def _forget_first_import(today: date) -> None:
    """With nothing loaded any more, the next load is the first one again (rule 3)."""
    kinds = (ImportKind.INVOICES, ImportKind.OPEN_ITEMS, ImportKind.INSTALLMENTS)
    if not ImportBatch.objects.filter(kind__in=kinds, undone_at=None).exists():
        OrganizationProfile.objects.filter(first_import_on=today).update(first_import_on=None)


def in_words(undone: Mapping[str, Any]) -> list[str]:
    """What was or would be taken back, in words for each kind of thing."""
    n = Counter[str](undone.get("taken", {}))
    words = {
        "invoices": ngettext("%(n)s invoice or credit note", "%(n)s invoices and credit notes", n["invoices"]),
        "customers": ngettext("%(n)s customer", "%(n)s customers", n["customers"]),
        "payments": ngettext("%(n)s receipt", "%(n)s receipts", n["payments"]),
        "allocations": ngettext("%(n)s amount set against an invoice", "%(n)s amounts set against invoices", n["allocations"]),
        "copies": ngettext("%(n)s copy of an invoice", "%(n)s copies of invoices", n["copies"]),
        "coverage": _("the day through which receipts are entered"),
    }
    return [sentence % {"n": n[kind]} for kind, sentence in words.items() if n[kind]]
