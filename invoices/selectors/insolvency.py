"""What insolvency proceedings do to a customer's items (rule 12)."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Q
from django.db.models.functions import Coalesce

from customers.models import Customer
from invoices.models import Installment
from invoices.rates import Semester, Series, UnpublishedRate
from invoices.selectors.accessory import Accessory, accessories, insolvency_of
from invoices.selectors.items import open_items

_NOTHING = Decimal(0)
FROZEN: Final = Q(customer__insolvency_opened_on__gt=Coalesce("invoice__delivered_on", "invoice__issued_on"))
"""What `is_frozen` says of an item, for a query of them."""


@dataclass(frozen=True, slots=True)
class InsolvencySplit:
    """`frozen` items go into the claim with what had accrued the day before the judgment; `payable` ones stay due. A person confirms.

    `claim` is, by currency, the principal of the frozen items with their penalties and fixed sums; `missing` are the reference rates for
    lack of which it counts the principal alone of `incomplete` items.
    """

    opened_on: date
    frozen: tuple[Installment, ...]
    payable: tuple[Installment, ...]
    accrued: dict[str, Decimal]
    claim: dict[str, Decimal]
    incomplete: tuple[Installment, ...] = ()
    missing: tuple[UnpublishedRate, ...] = ()


def is_frozen(item: Installment) -> bool:
    """Whether an item, its invoice and customer loaded, was delivered or issued before the judgment: it is neither asked for nor paid."""
    return insolvency_of(item.invoice, item.customer) is not None


def insolvency_split(customer: Customer) -> InsolvencySplit | None:
    """The proposed split of a customer's open items by the opening judgment; None when no proceedings are recorded.

    An item is frozen when its delivery or service - its issue where that is not known - precedes the judgment.
    """
    opened = customer.insolvency_opened_on
    if opened is None:
        return None
    frozen: list[Installment] = []
    payable: list[Installment] = []
    for item in open_items(customer_ids=[customer.pk]):
        (frozen if (item.invoice.delivered_on or item.invoice.issued_on) < opened else payable).append(item)
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
    return InsolvencySplit(opened, tuple(frozen), tuple(payable), accrued, claim, tuple(incomplete), tuple(missing.values()))
