"""Every act of the debtor's page, and which of them answer a question."""

from typing import Final

from dunning.portal.acts import Act
from dunning.portal.acts_answers import Accepted, NotReceived, Received
from dunning.portal.acts_payment import Promised, SaysPaid
from dunning.portal.acts_questions import Disputed, DocumentAsked, OrderNumberGiven

QUESTIONS: Final[tuple[Act, ...]] = (Disputed(), NotReceived(), DocumentAsked(), OrderNumberGiven())
"""Behind "I have a question", in this order."""
ACTS: Final[tuple[Act, ...]] = (Promised(), SaysPaid(), Accepted(), Received(), *QUESTIONS)
