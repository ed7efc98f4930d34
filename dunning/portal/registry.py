"""Every act of the debtor's page, in the order in which they are offered."""

from typing import Final

from dunning.portal.acts import Act
from dunning.portal.acts_answers import Accepted, Received

ACTS: Final[tuple[Act, ...]] = (Received(), Accepted())


def act_of(action: str) -> Act:
    """The act that makes declarations of this action. Raises LookupError for none."""
    for act in ACTS:
        if act.action == action:
            return act
    raise LookupError(action)
