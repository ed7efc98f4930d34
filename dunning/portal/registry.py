"""Every act of the debtor's page, and which of them answer a question."""

from typing import Final

from dunning.portal.acts import Act
from dunning.portal.acts_agreements import DirectDebit, Instalments
from dunning.portal.acts_answers import Accepted, NotReceived, Received
from dunning.portal.acts_contacts import Redirected
from dunning.portal.acts_payment import Promised, SaysPaid
from dunning.portal.acts_questions import Disputed, DocumentAsked, OrderNumberGiven

QUESTIONS: Final[tuple[Act, ...]] = (Disputed(), NotReceived(), DocumentAsked(), OrderNumberGiven(), Redirected())
"""Behind "I have a question", in this order."""
ACTS: Final[tuple[Act, ...]] = (Promised(), SaysPaid(), Accepted(), Received(), Instalments(), DirectDebit(), *QUESTIONS)
