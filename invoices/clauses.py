"""The rate of late-payment penalties: which law or clause sets it, for whom, and the recovery indemnity that goes with it.

Pure (docs/domain.md, "Late-payment penalties" and "Other countries").
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Self

from dunning.core.money import quantize
from invoices.rates import RateTable, Semester, Series

FLOOR_MULTIPLE = 3
_HALF_POINT = Decimal("0.5")
_NOTHING = Decimal(0)


class DebtorKind(StrEnum):
    """Who owes; the same words as the customer's kind. A sole trader is a business."""

    BUSINESS = "business"
    PUBLIC = "public"
    CONSUMER = "consumer"
    UNKNOWN = "unknown"


class Mode(StrEnum):
    """Which law or clause sets the rate."""

    DEFAULT_ECB10 = "default_ecb10"
    """France, nothing agreed: ECB + 10 points (L441-10 II)."""
    CONTRACT_FIXED = "contract_fixed"
    CONTRACT_ECB_PLUS = "contract_ecb_plus"
    CONTRACT_LEGAL_X = "contract_legal_x"
    PUBLIC_ECB8 = "public_ecb8"
    """French public buyer: ECB + 8 points of the semester in which the delay began, for the whole delay (CCP R2192-31)."""
    B2C_LEGAL = "b2c_legal"
    """Consumer in France: legal rate, professional series, from the formal notice on (C. civ. 1231-6 and 1344-1)."""
    EU_ECB8 = "eu_ecb8"
    """ECB + 8 points by semester: directive 2011/7/EU as Spain, Italy and the Netherlands apply it (the Dutch fixed sum is a scale)."""
    BE_ECB8 = "be_ecb8"
    """Belgium: ECB + 8 points rounded up to the next half point."""
    DE_BUSINESS = "de_business"
    """Germany, BGB § 288 II: base rate + 9 points."""
    DE_CONSUMER = "de_consumer"
    """Germany, BGB § 288 I: base rate + 5 points."""
    UK_STATUTORY = "uk_statutory"
    """United Kingdom, Late Payment of Commercial Debts (Interest) Act 1998: reference + 8 points, half-year in which the delay began."""


class Split(StrEnum):
    """Which semester's rate a day bears."""

    PER_SEMESTER = "per_semester"
    AT_DEFAULT = "at_default"
    """That of the semester in which interest began, to the end."""


def _forty(_debt: Decimal) -> Decimal:
    return Decimal(40)


def _british_tiers(debt: Decimal) -> Decimal:
    return Decimal(40 if debt < 1000 else 70 if debt < 10000 else 100)


def _dutch_scale(debt: Decimal) -> Decimal:
    """Besluit vergoeding voor buitengerechtelijke incassokosten: slices of the debt, between 40 and 6 775."""
    slices = ((2500, 15), (2500, 10), (5000, 5), (190000, 1))
    total, left = _NOTHING, debt
    for width, percent in slices:
        part = min(left, Decimal(width))
        total += part * percent / 100
        left -= part
    return quantize(min(Decimal(6775), max(Decimal(40), total + left * Decimal("0.005"))), "EUR")


@dataclass(frozen=True, slots=True)
class Clause:
    """How a rate is made: `series` x `multiple` + `margin` points, or `fixed` per cent a year.

    `contract` clauses of French law are compared with the floor of 3 times the legal rate. `lift_to_floor` bills the floor where it is
    higher (a practice of some creditors; the text does not say so for the default rate, hence off). `fixed_sum` gives the recovery
    indemnity of a debt in `fixed_sum_currency`, the one its law names; `debtors` are those whom the clause may be held against.
    """

    mode: Mode
    series: Series | None = None
    multiple: Decimal = Decimal(1)
    margin: Decimal = _NOTHING
    fixed: Decimal | None = None
    split: Split = Split.PER_SEMESTER
    half_points_up: bool = False
    contract: bool = False
    lift_to_floor: bool = False
    fixed_sum: Callable[[Decimal], Decimal] | None = _forty
    fixed_sum_currency: str = "EUR"
    debtors: frozenset[DebtorKind] = frozenset({DebtorKind.BUSINESS, DebtorKind.PUBLIC})
    needs_formal_notice: bool = False

    @classmethod
    def default(cls, *, lift_to_floor: bool = False) -> Self:
        return cls(Mode.DEFAULT_ECB10, Series.ECB_MRO, margin=Decimal(10), lift_to_floor=lift_to_floor, debtors=_BUSINESS)

    @classmethod
    def contract_fixed(cls, percent: Decimal, *, lift_to_floor: bool = False) -> Self:
        """Raises ValueError when the rate is negative."""
        if percent < 0:
            raise ValueError("A penalty rate is not negative.")
        return cls(Mode.CONTRACT_FIXED, fixed=percent, contract=True, lift_to_floor=lift_to_floor, debtors=_BUSINESS)

    @classmethod
    def contract_ecb_plus(cls, margin: Decimal, *, lift_to_floor: bool = False) -> Self:
        """Raises ValueError when the margin is negative."""
        if margin < 0:
            raise ValueError("A margin over the ECB rate is not negative.")
        return cls(Mode.CONTRACT_ECB_PLUS, Series.ECB_MRO, margin=margin, contract=True, lift_to_floor=lift_to_floor, debtors=_BUSINESS)

    @classmethod
    def contract_legal_times(cls, multiple: Decimal) -> Self:
        """Raises ValueError below 3 times, the floor of L441-10 II."""
        if multiple < FLOOR_MULTIPLE:
            raise ValueError("A contract cannot set penalties below 3 times the legal rate (L441-10 II du code de commerce).")
        return cls(Mode.CONTRACT_LEGAL_X, Series.FR_LEGAL_PRO, multiple=multiple, contract=True, debtors=_BUSINESS)

    @classmethod
    def public(cls) -> Self:
        return cls(Mode.PUBLIC_ECB8, Series.ECB_MRO, margin=Decimal(8), split=Split.AT_DEFAULT, debtors=frozenset({DebtorKind.PUBLIC}))

    @classmethod
    def consumer(cls) -> Self:
        return cls(Mode.B2C_LEGAL, Series.FR_LEGAL_PRO, fixed_sum=None, debtors=_CONSUMER, needs_formal_notice=True)

    @classmethod
    def eu(cls) -> Self:
        return cls(Mode.EU_ECB8, Series.ECB_MRO, margin=Decimal(8))

    @classmethod
    def netherlands(cls) -> Self:
        return cls(Mode.EU_ECB8, Series.ECB_MRO, margin=Decimal(8), fixed_sum=_dutch_scale)

    @classmethod
    def belgium(cls) -> Self:
        return cls(Mode.BE_ECB8, Series.ECB_MRO, margin=Decimal(8), half_points_up=True)

    @classmethod
    def germany(cls) -> Self:
        return cls(Mode.DE_BUSINESS, Series.DE_BASE, margin=Decimal(9))

    @classmethod
    def germany_consumer(cls) -> Self:
        return cls(Mode.DE_CONSUMER, Series.DE_BASE, margin=Decimal(5), fixed_sum=None, debtors=_CONSUMER)

    @classmethod
    def united_kingdom(cls) -> Self:
        """The fixed sum is in pounds: 40 below 1 000, 70 below 10 000, 100 above."""
        return cls(
            Mode.UK_STATUTORY,
            Series.UK_BOE,
            margin=Decimal(8),
            split=Split.AT_DEFAULT,
            fixed_sum=_british_tiers,
            fixed_sum_currency="GBP",
        )

    def rate(self, semester: Semester, rates: RateTable) -> Decimal:
        """Per cent a year for the days of `semester`. Raises UnpublishedRate."""
        if self.fixed is not None:
            percent = self.fixed
        elif self.series is not None:
            percent = rates.percent(self.series, semester) * self.multiple + self.margin
        else:
            raise ValueError("A clause needs a reference series or a fixed rate.")
        if self.half_points_up:
            percent = (percent / _HALF_POINT).to_integral_value(rounding=ROUND_CEILING) * _HALF_POINT
        return max(percent, floor(semester, rates)) if self.lift_to_floor else percent


_BUSINESS = frozenset({DebtorKind.BUSINESS})
_CONSUMER = frozenset({DebtorKind.CONSUMER})


def clause_for(
    *, debtor: DebtorKind, mode: Mode, value: Decimal | None = None, lift_to_floor: bool = False, country_of_law: str = "FR"
) -> Clause:
    """The clause that applies to a debtor.

    In French law a public buyer and a consumer have their own whatever the contract says; for a business, `mode` is one of the default and
    contract modes, and `value` its rate, margin or multiple. Another `country_of_law` (ISO 3166) has its statutory clause only. Raises
    ValueError when the law, the mode or its value is missing here.
    """
    consumer = debtor == DebtorKind.CONSUMER
    if country_of_law != "FR":
        statutory = (_STATUTORY_CONSUMER if consumer else _STATUTORY).get(country_of_law)
        if statutory is None:
            raise ValueError(f"Penalties under the law of “{country_of_law}” are not known here for a debtor of kind {debtor.value}.")
        return statutory()
    if consumer:
        return Clause.consumer()
    if debtor == DebtorKind.PUBLIC:
        return Clause.public()
    if mode == Mode.DEFAULT_ECB10:
        return Clause.default(lift_to_floor=lift_to_floor)
    if value is None:
        raise ValueError("A contractual penalty clause needs its rate, margin or multiple.")
    if mode == Mode.CONTRACT_FIXED:
        return Clause.contract_fixed(value, lift_to_floor=lift_to_floor)
    if mode == Mode.CONTRACT_ECB_PLUS:
        return Clause.contract_ecb_plus(value, lift_to_floor=lift_to_floor)
    if mode == Mode.CONTRACT_LEGAL_X:
        return Clause.contract_legal_times(value)
    raise ValueError(f"The mode {mode.value} is not one a French contract can choose.")


_STATUTORY: dict[str, Callable[[], Clause]] = {
    "BE": Clause.belgium,
    "DE": Clause.germany,
    "ES": Clause.eu,
    "GB": Clause.united_kingdom,
    "IT": Clause.eu,
    "NL": Clause.netherlands,
}
_STATUTORY_CONSUMER: dict[str, Callable[[], Clause]] = {"DE": Clause.germany_consumer}


def series_of(country_of_law: str) -> tuple[Series, ...]:
    """The reference rates that penalties under this law are made of, or that their floor is; `()` for a law not known here."""
    if country_of_law == "FR":
        return Series.ECB_MRO, Series.FR_LEGAL_PRO
    found = _STATUTORY[country_of_law]().series if country_of_law in _STATUTORY else None
    return () if found is None else (found,)


def floor(semester: Semester, rates: RateTable) -> Decimal:
    """3 times the legal rate (professional series): what a French contract cannot go below (L441-10 II). Raises UnpublishedRate."""
    return rates.percent(Series.FR_LEGAL_PRO, semester) * FLOOR_MULTIPLE
