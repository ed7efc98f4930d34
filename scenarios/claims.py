"""What a message claims: of the lines of an account those it is about, and what it asks for."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from scenarios.enums import Reason, Section
from scenarios.statement import Line

# A run asks for these for every message: an enumeration looks its members up anew each time.
_OVERDUE: Final = (Section.OVERDUE,)
_COMING: Final = (Section.TO_CONFIRM, Section.COMING_DUE)
_ANNOUNCED: Final = (Section.COMING_DUE,)
OPEN: Final = (*_OVERDUE, *_COMING)
_CREDIT: Final = (Section.CREDIT,)
_COVERED: Final = Reason.COVERED_BY_CREDIT


def claimed_lines(lines: Sequence[Line]) -> list[Line]:
    """The lines a message is about: what is overdue; for a SERVICE message its own steps, whatever else is late on the account.

    One that announces due dates is about these: what it also asks to confirm is asked beside them.
    """
    overdue = [line for line in lines if line.section in _OVERDUE and line.cents > 0]
    if any([line.own_step for line in overdue]):
        return overdue
    coming = [line for line in lines if line.section in _COMING and line.cents > 0]
    own = [line for line in coming if line.own_step]
    if overdue and not own:
        return overdue
    return [line for line in own if line.section in _ANNOUNCED] or own or coming


def is_service(claimed: Sequence[Line]) -> bool:
    """Whether a message about these lines is a SERVICE one: it announces or asks for receipt, it does not remind."""
    return bool(claimed) and claimed[0].own_step and claimed[0].section in _COMING


def others_of(lines: Sequence[Line], claimed: Sequence[Line]) -> list[Line]:
    """What else is open on the account of a SERVICE message: it stands in the table and is neither announced nor asked about."""
    return [line for line in lines if line.section in OPEN and not line.own_step] if is_service(claimed) else []


def items_of(lines: Sequence[Line]) -> tuple[UUID, ...]:
    """The items a message names, in whatever section."""
    return tuple({UUID(line.item_id): None for line in lines if line.item_id})


def claimed_cents(lines: Sequence[Line]) -> int:
    """What the message asks for, net of the customer's credits, in cents; never below zero."""
    return net_of_credits(claimed_lines(lines), lines)


def net_of_credits(claimed: Sequence[Line], lines: Sequence[Line]) -> int:
    """The same for a caller that knows which of the `lines` are `claimed`. Before a SERVICE message's own, credits cover what is late."""
    credits = sum([line.cents for line in lines if line.section in _CREDIT])
    if credits and is_service(claimed):
        late = [line.cents for line in lines if line.section in _OVERDUE or line.reason is _COVERED]
        credits = min(0, credits + sum(late))
    return max(0, sum([line.cents for line in claimed]) + credits)
