"""When a promise to pay is kept (rule 7): the one test, for the ledger that judges it and for the planner that waits for it. Pure."""

from decimal import Decimal
from typing import TypeVar

Money = TypeVar("Money", int, Decimal)


def is_kept(*, promised: Money, paid: Money, credited: Money, is_settled: bool) -> bool:
    """Whether what came in since the promise was made, through the end of its tolerance, keeps it; all in one unit, cents or currency.

    Payments keep it (`paid`). Credit notes (`credited`) lower what is still promised and keep nothing by themselves: with nothing left on
    the item (`is_settled`), payments have kept the promise once they came to what credit notes left of it.
    """
    return paid >= promised or (is_settled and paid > 0 and paid + credited >= promised)
