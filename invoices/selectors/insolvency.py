"""What insolvency proceedings do to a customer's items (rule 12)."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import DateField, F, Q
from django.db.models.functions import Cast, Coalesce

from customers.models import Customer
from invoices.judgments import UNSURE_DAYS, Side
from invoices.models import Installment
from invoices.rates import Semester, Series, UnpublishedRate
from invoices.selectors.accessory import Accessory, accessories, side_of_judgment
from invoices.selectors.items import open_items

_NOTHING = Decimal(0)
_LAST_SURE: Final = Cast(F("invoice__issued_on") - timedelta(days=UNSURE_DAYS), DateField())
FROZEN: Final = Q(customer__insolvency_opened_on__gt=Coalesce("invoice__delivered_on", _LAST_SURE))
"""What `is_frozen` says of an item, for a query of them."""
UNSURE: Final = FROZEN & Q(invoice__delivered_on=None, invoice__issued_on__gte=F("customer__insolvency_opened_on"))
"""Issued soon after the judgment, and nobody said when it was delivered."""


@dataclass(frozen=True, slots=True)
class InsolvencySplit:
    """`frozen` items go into the claim with what had accrued the day before the judgment; `payable` ones stay due; of the `unsure` ones
    nothing is asked until a person has said when they were delivered (rule 12: "a person confirms the split").

    `claim` is, by currency, the principal of the frozen items with their penalties and fixed sums; `missing` are the reference rates for
    lack of which it counts the principal alone of `incomplete` items.
    """

    opened_on: date
    frozen: tuple[Installment, ...]
    payable: tuple[Installment, ...]
    unsure: tuple[Installment, ...]
    accrued: dict[str, Decimal]
    claim: dict[str, Decimal]
    incomplete: tuple[Installment, ...] = ()
    missing: tuple[UnpublishedRate, ...] = ()


def is_frozen(item: Installment) -> bool:
    """Whether an item, its invoice and customer loaded, was supplied before the judgment, or may have been: it is neither asked for nor
    paid."""
    opened = item.customer.insolvency_opened_on
    return opened is not None and side_of_judgment(item.invoice, opened) is not Side.AFTER


def insolvency_split(customer: Customer) -> InsolvencySplit | None:
    """The proposed split of a customer's open items by the opening judgment; None when no proceedings are recorded.

    An item is frozen when its delivery or service - its issue where that is not known - precedes the judgment; see `invoices.judgments`.
    """
    opened = customer.insolvency_opened_on
    if opened is None:
        return None
    sides: dict[Side, list[Installment]] = {side: [] for side in Side}
    for item in open_items(customer_ids=[customer.pk]):
        sides[side_of_judgment(item.invoice, opened)].append(item)
    frozen = sides[Side.BEFORE]
    figures = accessories([item.pk for item in frozen], until=opened - timedelta(days=1))
    accrued: dict[str, Decimal] = {}
    claim: dict[str, Decimal] = {}
    incomplete: list[Installment] = []
    missing: dict[tuple[Series, Semester], UnpublishedRate] = {}
    for item in frozen:
        currency = item.invoice.currency
        accessory = figures.get(item.pk, Accessory(None))
        extra = accessory.total
        if accessory.missing is not None:
            incomplete.append(item)
            missing.setdefault((accessory.missing.series, accessory.missing.semester), accessory.missing)
        accrued[currency] = accrued.get(currency, _NOTHING) + extra
        claim[currency] = claim.get(currency, _NOTHING) + item.outstanding + extra
    return InsolvencySplit(
        opened_on=opened,
        frozen=tuple(frozen),
        payable=tuple(sides[Side.AFTER]),
        unsure=tuple(sides[Side.UNSURE]),
        accrued=accrued,
        claim=claim,
        incomplete=tuple(incomplete),
        missing=tuple(missing.values()),
    )
