"""Penalties and the fixed sum, to date: the accessory of what is owed, kept apart from it (rule 1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from customers.enums import CustomerKind
from customers.models import Customer
from customers.selectors import has_legal_regime
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_profile
from invoices.clauses import Clause, DebtorKind, Mode, clause_for
from invoices.enums import InvoiceState
from invoices.judgments import Side, side_of
from invoices.models import Allocation, Installment, Invoice, ReferenceRate, WriteOff
from invoices.penalties import Movement, MovementKind, PenaltyStatement, penalties
from invoices.rates import PUBLISHED, RateRow, RateTable, Semester, Series, UnpublishedRate

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Accessory:
    """What one item costs its debtor beyond the principal, at the end of a day.

    `statement` holds the lines a letter prints; None when nothing can be claimed, for `reason`: "waived", "invoiced", "cancelled",
    "unknown_kind", "rate_unpublished" (of `missing`), "unknown_law". The fixed sum is counted once per invoice, on its first late item
    (D441-5).
    """

    statement: PenaltyStatement | None
    reason: str = ""
    fixed_sum: Decimal = _NOTHING
    missing: UnpublishedRate | None = None

    @property
    def penalties(self) -> Decimal:
        return self.statement.total if self.statement is not None else _NOTHING

    @property
    def total(self) -> Decimal:
        """Penalties still due and the fixed sum."""
        return self.penalties + self.fixed_sum


def rate_table() -> RateTable:
    """The published rates with what this organization entered over them."""
    entered = [
        RateRow(Series(row.series), Semester.parse(row.semester), row.rate, row.source, row.verified_on)
        for row in ReferenceRate.objects.order_by("pk")
    ]
    return PUBLISHED.extended(entered)


def clause_of(customer: Customer, profile: OrganizationProfile) -> Clause | None:
    """The clause that holds against this customer; None while its legal regime is unknown (rule 11) or the law is not known here."""
    if not has_legal_regime(customer):
        return None
    try:
        return clause_for(
            debtor=DebtorKind(customer.kind),
            mode=Mode(profile.penalty_mode),
            value=profile.penalty_value,
            lift_to_floor=profile.penalty_lift_to_floor,
            country_of_law=profile.country,
        )
    except ValueError:
        return None


def accessories(
    installment_ids: Collection[UUID], *, until: date, formal_notices: Mapping[UUID, date] | None = None
) -> dict[UUID, Accessory]:
    """The accessory of each item at the end of `until`, in four queries whatever their number.

    `formal_notices` gives, for items of consumers, the day their formal notice was received: their interest counts from it. A credit note
    that corrects the invoice counts from the issue date, so that nothing accrues on what was never owed. Rates that are not published yet
    leave the item without a figure, never with a guess.
    """
    items = list(Installment.objects.select_related("invoice", "customer").filter(pk__in=installment_ids).order_by("position", "pk"))
    profile, rates = get_profile(), rate_table()
    movements = _movements(items)
    found: dict[UUID, Accessory] = {}
    charged: set[UUID] = set()
    for item in sorted(items, key=lambda item: (item.due_on, item.position)):
        accessory = _of(item, movements.get(item.pk, []), profile, rates, until, (formal_notices or {}).get(item.pk))
        statement = accessory.statement
        claimable = statement is not None and statement.fixed_sum and statement.fixed_sum_currency == item.invoice.currency
        if statement is not None and claimable and item.invoice_id not in charged:
            charged.add(item.invoice_id)
            accessory = Accessory(statement, fixed_sum=statement.fixed_sum)
        found[item.pk] = accessory
    return found


def _of(
    item: Installment, movements: list[Movement], profile: OrganizationProfile, rates: RateTable, until: date, notice: date | None
) -> Accessory:
    invoice, customer = item.invoice, item.customer
    if invoice.state == InvoiceState.CANCELLED:
        return Accessory(None, "cancelled")
    if invoice.penalties_waived_at is not None:
        return Accessory(None, "waived")
    if invoice.penalties_invoiced_on is not None:
        return Accessory(None, "invoiced")
    if not has_legal_regime(customer) or customer.kind == CustomerKind.UNKNOWN:
        return Accessory(None, "unknown_kind")
    clause = clause_of(customer, profile)
    if clause is None:
        return Accessory(None, "unknown_law")
    try:
        statement = penalties(
            amount=item.amount,
            due_on=item.due_on,
            until=until,
            clause=clause,
            rates=rates,
            debtor=DebtorKind(customer.kind),
            movements=movements,
            currency=invoice.currency,
            formal_notice_on=notice,
            insolvency_on=insolvency_of(invoice, customer),
        )
    except UnpublishedRate as missing:
        return Accessory(None, "rate_unpublished", missing=missing)
    return Accessory(statement)


def insolvency_of(invoice: Invoice, customer: Customer) -> date | None:
    """The opening judgment when it freezes this invoice: its delivery, else its issue, precedes it (rule 12)."""
    opened = customer.insolvency_opened_on
    return opened if opened is not None and side_of_judgment(invoice, opened) is Side.BEFORE else None


def side_of_judgment(invoice: Invoice, opened: date) -> Side:
    """On which side of the judgment of that day an invoice stands."""
    delivered = invoice.delivered_on.toordinal() if invoice.delivered_on is not None else None
    return side_of(supplied_on=delivered, issued_on=invoice.issued_on.toordinal(), judged_on=opened.toordinal())


def _movements(items: Iterable[Installment]) -> dict[UUID, list[Movement]]:
    rows = {item.pk: item for item in items}
    found: dict[UUID, list[Movement]] = {}
    for part in Allocation.objects.select_related("credit_note").filter(installment__in=rows, reversed_at=None):
        item, note = rows[part.installment_id], part.credit_note
        if note is None:
            movement = Movement(part.value_on, part.amount)
        else:
            corrects = note.credited_invoice_id == item.invoice_id
            movement = Movement(item.invoice.issued_on if corrects else part.value_on, part.amount, MovementKind.CREDIT)
        found.setdefault(item.pk, []).append(movement)
    for row in WriteOff.objects.filter(installment__in=rows, reversed_at=None):
        found.setdefault(row.installment_id, []).append(Movement(row.written_off_on, row.amount, MovementKind.CREDIT))
    return found
