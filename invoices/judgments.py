"""On which side of an opening judgment a debt stands (rule 12; C. com. L622-7, L622-17): what was supplied before it is frozen."""

from enum import Enum
from typing import Final

UNSURE_DAYS: Final = 45
"""An invoice issued within so many days after the judgment, and whose delivery nobody noted, may bill what came before: that of a month is
issued after its end."""


class Side(Enum):
    """Of the judgment."""

    BEFORE = "before"  # frozen: declared, neither asked for nor paid
    UNSURE = "unsure"  # nothing is asked for until a person has said when it was supplied
    AFTER = "after"  # payable when due


def side_of(*, supplied_on: int | None, issued_on: int, judged_on: int) -> Side:
    """The side of a debt; all days as ordinals, `supplied_on` None where delivery or service is not known."""
    if supplied_on is not None:
        return Side.BEFORE if supplied_on < judged_on else Side.AFTER
    if issued_on < judged_on:
        return Side.BEFORE
    return Side.UNSURE if issued_on < judged_on + UNSURE_DAYS else Side.AFTER
