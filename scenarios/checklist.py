"""The check list a person sees before a legal step is approved (rule 11). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dunning.core.calendars import Calendar
from scenarios.eligibility import NO_BALANCE, credit_note_pending, open_disputes, written_reminders
from scenarios.facts import HistoryEntry, Item, Policy


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check list a person sees before a legal step (rule 11). `name` is stable: the screens translate it."""

    name: str
    passed: bool


def legal_checks(item: Item, history: Sequence[HistoryEntry], calendar: Calendar, policy: Policy, today: int) -> tuple[Check, ...]:
    """The check list of rule 11 for one item; the approval is possible when every line passes."""
    customer = item.customer
    reminders = written_reminders(history)
    warned_on = customer.owner_warned_on
    return (
        Check("regime_known", bool(customer.regime)),
        Check("two_reminders", len(reminders) >= policy.legal_reminders and today >= reminders[-1] + policy.legal_rest_days),
        Check("registered_office", customer.registered_office_known),
        Check("legal_representative", customer.representative_known),
        Check("no_open_dispute", not open_disputes(item)),
        Check("no_credit", not (customer.account(item.currency) or NO_BALANCE).credit_cents and not credit_note_pending(item)),
        Check("delivery_proof", item.situation.delivery_proof),
        Check("owner_warned", warned_on is not None and today >= calendar.add_bd_ordinal(warned_on, policy.owner_warning)),
    )
