"""Late-payment penalties, line by line, as a letter prints them (docs/domain.md, "Late-payment penalties").

Pure. Penalties run from the day after the due date to the day of payment, included, on the unpaid amount incl. VAT, over 365 days a year
even in leap years; each semester has its own line and **each line is rounded**, so that printed lines add up. There is no VAT on penalties
nor on the fixed sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from dunning.core.money import format_date, format_money, format_number, quantize
from invoices.clauses import Clause, DebtorKind, Mode, Split, floor
from invoices.rates import RateTable, Semester, UnpublishedRate

YEAR = 365
_DAY = timedelta(days=1)
_NOTHING = Decimal(0)


class MovementKind(StrEnum):
    PAYMENT = "payment"
    CREDIT = "credit"
    """A credit note or a write-off: always reduces the principal."""


@dataclass(frozen=True, slots=True)
class Movement:
    """What reduced the balance: `amount` > 0, and the day the money was at the creditor's disposal.

    A credit note that corrects an error bears the invoice's own date: no interest on what was never owed.
    """

    on: date
    amount: Decimal
    kind: MovementKind = MovementKind.PAYMENT


class Order(StrEnum):
    """What a payment settles first. Statements of this product are principal first everywhere; C. civ. 1343-1 says interest first."""

    PRINCIPAL_FIRST = "principal_first"
    INTEREST_FIRST = "interest_first"


@dataclass(frozen=True, slots=True)
class Segment:
    """One printed line: `days` days from `start` to `end`, both counted, at `rate` per cent a year on `base`, rounded to the minor unit."""

    start: date
    end: date
    days: int
    rate: Decimal
    base: Decimal
    amount: Decimal

    def line(self, currency: str, language: str) -> str:
        """The line in French or English: "du 1er juillet 2026 au 15 août 2026 : 12 000,00 € × 12,40 % × 46/365 = 187,53 €"."""
        start, end = format_date(self.start, language), format_date(self.end, language)
        base, amount = format_money(self.base, currency, language), format_money(self.amount, currency, language)
        rate = format_number(self.rate, 2, language)
        if language == "fr":
            return f"du {start} au {end} : {base} × {rate}\u00a0% × {self.days}/{YEAR} = {amount}"
        return f"from {start} to {end}: {base} × {rate}% × {self.days}/{YEAR} = {amount}"


class WarningCode(StrEnum):
    BELOW_FLOOR = "below_floor"
    """The contract's rate lies below 3 times the legal rate in that semester: the clause is open to challenge and to a fine (L441-16)."""
    DEFAULT_BELOW_FLOOR = "default_below_floor"
    """ECB + 10 lies below 3 times the legal rate in that semester (as in 2024): the text keeps ECB + 10, some creditors bill the floor."""
    FLOOR_UNPUBLISHED = "floor_unpublished"
    """The legal rate of that semester is not known: the floor could not be checked."""
    NO_FORMAL_NOTICE = "no_formal_notice"
    """A consumer owes interest from the formal notice only, and none was sent."""
    KIND_UNKNOWN = "kind_unknown"
    """Neither penalty nor fixed sum: nobody confirmed whether the debtor is a business (rule 11)."""
    STOPPED_BY_INSOLVENCY = "stopped_by_insolvency"
    """Interest stopped at the opening judgment (L622-28)."""


@dataclass(frozen=True, slots=True)
class PenaltyWarning:
    code: WarningCode
    semester: Semester | None = None
    rate: Decimal | None = None
    floor: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PenaltyStatement:
    """What is owed on one invoice at the end of `until`.

    `accrued` is the sum of the segments, `settled` what payments already paid of it, `total` = accrued - settled the penalties still
    due; `principal` the unpaid balance, `fixed_sum` the recovery indemnity (once per invoice, in the currency its law names), `unapplied`
    what was paid beyond principal and penalties.
    """

    until: date
    principal: Decimal
    segments: tuple[Segment, ...]
    accrued: Decimal
    settled: Decimal
    fixed_sum: Decimal
    fixed_sum_currency: str
    currency: str
    unapplied: Decimal
    warnings: tuple[PenaltyWarning, ...]

    @property
    def total(self) -> Decimal:
        return self.accrued - self.settled

    @property
    def days(self) -> int:
        """Days late, each counted once."""
        return sum(segment.days for segment in self.segments)

    @property
    def amount_due(self) -> Decimal:
        """Principal, penalties still due and the fixed sum; without the latter when the invoice is in another currency than it."""
        return self.principal + self.total + (self.fixed_sum if self.fixed_sum_currency == self.currency else _NOTHING)


def penalties(
    *,
    amount: Decimal,
    due_on: date,
    until: date,
    clause: Clause,
    rates: RateTable,
    debtor: DebtorKind,
    movements: Iterable[Movement] = (),
    order: Order = Order.PRINCIPAL_FIRST,
    currency: str = "EUR",
    formal_notice_on: date | None = None,
    insolvency_on: date | None = None,
) -> PenaltyStatement:
    """Penalties on an invoice of `amount` due on `due_on`, at the end of `until` (that day counted), after its `movements`.

    - An UNKNOWN debtor gets none, with a warning. A CONSUMER under French law owes interest from `formal_notice_on` only (the day after it
      is the first), never the fixed sum.
    - From the opening judgment on (`insolvency_on`, that day included: a judgment takes effect from its date) nothing accrues, and a fixed
      sum that was not due before is not claimed.
    - Movements after `until` are not looked at; those on the due date or before reduce the balance without interest.
    - The fixed sum is due once something remained unpaid after the due date, even if all is paid since.

    Raises UnpublishedRate when a semester's rate is not known (nothing is extrapolated), ValueError for a movement that is not positive or
    a clause that cannot be held against this debtor.
    """
    paid = sorted((movement for movement in movements if movement.on <= until), key=lambda movement: movement.on)
    if amount < 0 or any(movement.amount <= 0 for movement in paid):
        raise ValueError("An invoice's amount is not negative, and what reduces it is positive.")
    warnings: list[PenaltyWarning] = []
    begins, stops = _span(due_on, until, clause, debtor, formal_notice_on, insolvency_on, warnings)
    ledger = _Ledger(amount, begins, stops, clause, rates, currency)
    late = _NOTHING
    for movement in paid:
        ledger.accrue_to(movement.on)
        if movement.on > due_on and not late:
            late = ledger.principal
        ledger.apply(movement, order)
    ledger.accrue_to(until)
    if not late and until > due_on:
        late = ledger.principal
    claimed = debtor in (DebtorKind.BUSINESS, DebtorKind.PUBLIC) and late > 0 and stops > due_on
    warnings += _floor_warnings(clause, ledger.segments, rates)
    return PenaltyStatement(
        until=until,
        principal=ledger.principal,
        segments=tuple(ledger.segments),
        accrued=ledger.accrued,
        settled=ledger.settled,
        fixed_sum=clause.fixed_sum(late) if claimed and clause.fixed_sum else _NOTHING,
        fixed_sum_currency=clause.fixed_sum_currency,
        currency=currency,
        unapplied=ledger.unapplied,
        warnings=tuple(warnings),
    )


def _span(
    due_on: date,
    until: date,
    clause: Clause,
    debtor: DebtorKind,
    formal_notice_on: date | None,
    insolvency_on: date | None,
    warnings: list[PenaltyWarning],
) -> tuple[date, date]:
    """The day before the first day of interest, and the last one; equal when there is no interest."""
    if debtor == DebtorKind.UNKNOWN:
        warnings.append(PenaltyWarning(WarningCode.KIND_UNKNOWN))
        return until, until
    if debtor not in clause.debtors:
        raise ValueError(f"The clause {clause.mode.value} cannot be held against a debtor of kind {debtor.value}.")
    begins, stops = due_on, until
    if clause.needs_formal_notice:
        if formal_notice_on is None:
            warnings.append(PenaltyWarning(WarningCode.NO_FORMAL_NOTICE))
            return until, until
        begins = max(due_on, formal_notice_on)
    if insolvency_on is not None and insolvency_on <= until:
        stops = insolvency_on - _DAY
        if until > begins:
            warnings.append(PenaltyWarning(WarningCode.STOPPED_BY_INSOLVENCY))
    return begins, max(begins, stops)


class _Ledger:
    """The balance walking through time; `at` is the last day already counted."""

    def __init__(self, amount: Decimal, begins: date, stops: date, clause: Clause, rates: RateTable, currency: str) -> None:
        self.principal = amount
        self.at = begins
        self.begins = begins
        self.stops = stops
        self.clause = clause
        self.rates = rates
        self.currency = currency
        self.segments: list[Segment] = []
        self.settled = _NOTHING
        self.unapplied = _NOTHING

    @property
    def accrued(self) -> Decimal:
        return sum((segment.amount for segment in self.segments), _NOTHING)

    def accrue_to(self, day: date) -> None:
        """Add the segments of the days after `at` through `day`."""
        last = min(day, self.stops)
        while self.at < last:
            start = self.at + _DAY
            if self.clause.split == Split.AT_DEFAULT:
                semester, end = Semester.of(self.begins + _DAY), last
            else:
                semester = Semester.of(start)
                end = min(last, semester.last_day)
            if self.principal > 0:
                days = (end - self.at).days
                rate = self.clause.rate(semester, self.rates)
                interest = quantize(self.principal * rate / 100 * days / YEAR, self.currency)
                self.segments.append(Segment(start, end, days, rate, self.principal, interest))
            self.at = end

    def apply(self, movement: Movement, order: Order) -> None:
        left = movement.amount
        if movement.kind == MovementKind.PAYMENT and order == Order.INTEREST_FIRST:
            left -= self._settle_interest(left)
        reduction = min(left, self.principal)
        self.principal -= reduction
        left -= reduction
        if movement.kind == MovementKind.PAYMENT:
            left -= self._settle_interest(left)
        self.unapplied += left

    def _settle_interest(self, available: Decimal) -> Decimal:
        part = min(available, self.accrued - self.settled)
        self.settled += part
        return part


def _floor_warnings(clause: Clause, segments: Iterable[Segment], rates: RateTable) -> list[PenaltyWarning]:
    """One warning for each semester crossed in which the billed rate lies below the floor."""
    if not clause.contract and clause.mode != Mode.DEFAULT_ECB10:
        return []
    code = WarningCode.BELOW_FLOOR if clause.contract else WarningCode.DEFAULT_BELOW_FLOOR
    found: dict[Semester, PenaltyWarning] = {}
    for segment in segments:
        semester = Semester.of(segment.start)
        try:
            lowest = floor(semester, rates)
        except UnpublishedRate:
            # The default rate needs no legal rate; only a contract must be checked against it.
            if clause.contract:
                found[semester] = PenaltyWarning(WarningCode.FLOOR_UNPUBLISHED, semester, segment.rate)
            continue
        if segment.rate < lowest:
            found[semester] = PenaltyWarning(code, semester, segment.rate, lowest)
    return list(found.values())
