"""Why an invoice stands where it does: state, plan, past acts, today's decision with its reason, what would change it, what comes next."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.functional import Promise as LazyText
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from dunning.core.calendars import Calendar
from dunning.core.models import Organization
from dunning.core.money import format_date, format_money
from invoices.enums import InvoiceState
from invoices.models import Installment, Invoice
from scenarios.context import Case, Frame, load_frame, load_groups
from scenarios.enums import ActionState, DecisionKind, Reason
from scenarios.facts import Decision, Item, Steps
from scenarios.models import Action, PlanStep
from scenarios.plan_words import name_of, worded
from scenarios.planner import decide, forecast
from scenarios.timing import nominal_dates, usual_delay

_MOST_FORECAST: Final = 12
_REASONS: Final = frozenset(Reason.values)

REMEDIES: Final[dict[Reason, LazyText | str]] = {
    Reason.NO_PLAN: gettext_lazy("Assign a plan to the invoice, to its customer, to the customer's group or to everybody."),
    Reason.COVERED_BY_CREDIT: gettext_lazy("Allocate the credit note or the payment; what then remains is chased."),
    Reason.BELOW_MINIMUM: gettext_lazy("It is chased once the account owes more than the plan's minimum."),
    Reason.RESIDUE: gettext_lazy("Write the residue off, or lower the organization's residue threshold."),
    Reason.COLLECTION_PENDING: gettext_lazy("It waits for the collection to be settled, and two business days more."),
    Reason.RETENTION: gettext_lazy("It waits for the release date of the retention."),
    Reason.BILL_NOT_MATURE: gettext_lazy("It waits for the bill's maturity, and two business days more."),
    Reason.FACTORED: gettext_lazy("Record the factor's mandate to remind on the customer, or take the invoice out of the assignment."),
    Reason.E_INVOICE_REFUSED: gettext_lazy("Correct the invoice by a credit note and a new one."),
    Reason.TENANT_SUSPENDED: gettext_lazy("The organization must be resumed."),
    Reason.TENANT_HELD: gettext_lazy("Release the departure board."),
    Reason.TRIAGE: gettext_lazy("Choose on the triage list: chase, old dispute, litigation, to match or write off."),
    Reason.HABIT: gettext_lazy("It goes on by itself on that day; to remind sooner, set the habit aside on the customer's page."),
    Reason.IN_PROGRESS: gettext_lazy("Finish the step under way: its message must leave, or its task be done."),
    Reason.REQUIREMENT_MISSING: gettext_lazy(
        "The step cites an earlier one that was not done: do it, or publish a plan without that requirement."
    ),
    Reason.AWAITING_APPROVAL: gettext_lazy("Approve the message on the departure board, or withdraw it."),
    Reason.LEGAL_REGIME_UNKNOWN: gettext_lazy("Confirm the customer's kind, or enter its SIREN or VAT number."),
    Reason.TOO_EARLY_FOR_LEGAL: gettext_lazy("Two written reminders must have left, the last one eight days ago."),
    Reason.COMMITMENT_PENDING: gettext_lazy("Carry out the announced consequence, or withdraw it with a reason."),
    Reason.PROMISED: gettext_lazy("It resumes by itself after the promised day and its tolerance, if the payment does not come."),
    Reason.PROMISE_FREEZES_CUSTOMER: gettext_lazy("Firm steps resume after the promised day, if the payment does not come."),
    Reason.HELD_THEIRS: gettext_lazy("It resumes by itself when the pause ends."),
    Reason.HELD_OURS: gettext_lazy("End the pause once we have done our part: it never resumes by itself."),
    Reason.DISPUTED: gettext_lazy("Answer the dispute: accept it, reject it, or record its withdrawal."),
    Reason.CREDIT_NOTE_PENDING: gettext_lazy("Issue the credit note."),
    Reason.DISPUTE_OPEN: gettext_lazy("Close the dispute or issue the credit note before any legal step."),
    Reason.UNDISPUTED_PART_WAITS: gettext_lazy("The undisputed part goes on five business days after the dispute was opened."),
    Reason.UNALLOCATED_CREDIT: gettext_lazy("Allocate the customer's payment or credit note."),
    Reason.NOT_RECEIVED: gettext_lazy("Send the invoice again: its plan then starts over, ten days later."),
    Reason.REPLY_PENDING: gettext_lazy("Read the customer's reply and mark it as dealt with."),
    Reason.ABSENCE: gettext_lazy("It resumes the business day after the contact's return; a known substitute would be written to at once."),
    Reason.SOFT_PERIOD: gettext_lazy("It goes on by itself after the soft period; your settings say when such periods are."),
    Reason.LEDGER_NOT_COVERED: gettext_lazy("Load the receipts and say through which day they are complete."),
    Reason.UNMATCHED_RECEIPT: gettext_lazy("Say whose the unidentified receipt is."),
    Reason.INSOLVENCY: gettext_lazy("Nothing is sent for debts older than the judgment: declare the claim."),
    Reason.INSOLVENCY_UNSURE: gettext_lazy("Say on the customer's page when it was delivered: before the judgment, or after."),
    Reason.NO_CONTACT: gettext_lazy("Add a contact who can be reached over this channel."),
    Reason.IBAN_MISSING: gettext_lazy("Enter the IBAN the invoice is to be paid to."),
    Reason.CHECK_LIST: gettext_lazy("Complete the check list of the legal step."),
}
"""What would have to change, by reason; reasons that pass by themselves and need no explanation are left out."""


@dataclass(frozen=True, slots=True)
class Act:
    """One step of the past: its name, state, day, and the reason when it was not simply done."""

    step: str
    state: ActionState
    on: date
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coming:
    """One step to come; `reason` says what moved it, "" when the plan alone says its day."""

    step: str
    on: date
    reason: str = ""


@dataclass(frozen=True)
class Why:
    """The reasoning about one instalment, in its currency; no `decision` when nothing is open or no plan applies.

    `usual_delay`: days after its due date on which a good payer is expected to pay it (rule 13).
    """

    invoice: Invoice
    item: Installment
    plan: str
    version: int | None
    acts: Sequence[Act]
    decision: Decision | None
    next_step: str
    next_on: date | None
    reason: Reason
    chased: Decimal
    forecast: Sequence[Coming]
    usual_delay: int | None = None

    @property
    def remedy(self) -> str:
        """What would have to change, "" when time alone does it."""
        return str(REMEDIES.get(self.reason, ""))


def why(*, invoice: Invoice, organization: Organization, today: date) -> list[Why]:
    """The reasoning about each instalment of the invoice on `today`, by the very functions the daily run uses."""
    return why_each(invoices=[invoice], organization=organization, today=today)


def why_each(*, invoices: Sequence[Invoice], organization: Organization, today: date) -> list[Why]:
    """The reasoning about each instalment of the invoices, in their order, in a number of queries that does not grow with theirs."""
    if not invoices:
        return []
    frame = load_frame(organization, today)
    cases = {case.item.id: case for case in load_groups(frame, list({str(invoice.customer_id) for invoice in invoices})).cases}
    items = defaultdict(list)
    for item in Installment.objects.filter(invoice__in=invoices).order_by("position"):
        items[item.invoice_id].append(item)
    acts = _acts([item for found in items.values() for item in found])
    return [
        _why(item, invoice, frame, cases.get(str(item.pk)), acts.get(item.pk, ())) for invoice in invoices for item in items[invoice.pk]
    ]


def _why(item: Installment, invoice: Invoice, frame: Frame, case: Case | None, acts: Sequence[Act]) -> Why:
    if case is None:
        reason = Reason.CANCELLED if invoice.state == InvoiceState.CANCELLED else Reason.SETTLED
        return Why(invoice, item, "", None, acts, None, "", None, reason, Decimal(0), ())
    if case.steps is None:
        return Why(invoice, item, "", None, acts, None, "", None, Reason.NO_PLAN, Decimal(0), ())
    today = frame.today.toordinal()
    decision = decide(item=case.item, steps=case.steps, history=case.history, calendar=frame.calendar, policy=frame.policy, today=today)
    plan = frame.plans[case.steps.plan]
    return Why(
        invoice=invoice,
        item=item,
        plan=name_of(plan.plan),
        version=plan.version.number,
        acts=acts,
        decision=decision,
        next_step=step_name(plan.rows[decision.step.key]) if decision.step is not None else "",
        next_on=_next_on(decision, frame),
        reason=decision.reason,
        chased=Decimal(decision.chased_cents) / 100,
        forecast=_coming(case, frame),
        usual_delay=usual_delay(case.item),
    )


def _next_on(decision: Decision, frame: Frame) -> date | None:
    if decision.kind == DecisionKind.TAKE:
        return frame.today
    return None if decision.on is None else date.fromordinal(decision.on)


def _coming(case: Case, frame: Frame) -> tuple[Coming, ...]:
    if case.steps is None:
        return ()
    rows = frame.plans[case.steps.plan].rows
    steps = forecast(
        item=case.item,
        steps=case.steps,
        history=case.history,
        calendar=frame.calendar,
        policy=frame.policy,
        today=frame.today.toordinal(),
    )
    moved = waits_for_habit(case.item, case.steps, frame.calendar)
    return tuple(
        Coming(step_name(rows[step.key]), date.fromordinal(on), habit_words(case.item) if moved.get(step.key) == on else "")
        for step, on in steps[:_MOST_FORECAST]
    )


def waits_for_habit(item: Item, steps: Steps, calendar: Calendar) -> dict[str, int | None]:
    """The steps that the customer's habit moves (rule 13), by key, each with the day it moves them to."""
    dates = nominal_dates(steps, item, calendar)
    return {steps.steps[number].key: dates.rolled[number] for number in dates.moved}


def habit_words(item: Item) -> str:
    """The habit by which the item is waited for, "" when it is not."""
    days = usual_delay(item)
    return "" if days is None else _("Habit: pays around D+%s") % days


def _acts(items: Sequence[Installment]) -> dict[UUID, list[Act]]:
    """The steps taken for each item, the oldest first."""
    found = Action.objects.filter(installment__in=items).order_by("taken_on", "created_at", "pk")
    rows = list(found.values_list("installment", "version", "step_key", "state", "done_on", "taken_on", "reason"))
    names = names_of_steps({version for _item, version, *_rest in rows if version})
    acts = defaultdict(list)
    for item_id, version, key, state, done_on, taken_on, reason in rows:
        act = Act(
            names.get((version, key), key or _("Earlier reminder")),
            ActionState(state),
            done_on or taken_on,
            "" if state == ActionState.DONE else reason_words(reason),
        )
        acts[item_id].append(act)
    return dict(acts)


def names_of_steps(versions: Collection[UUID]) -> dict[tuple[UUID | None, str], str]:
    """The names of the steps of these plan versions in the reader's language, by version and key."""
    rows = PlanStep.objects.filter(version__in=versions).values_list("version", "key", "name", "name_en")
    return {(version, key): worded(name, name_en) for version, key, name, name_en in rows}


def reason_words(reason: str) -> str:
    """A stored reason in the reader's language; one that is not of the plan - a provider's - as it is."""
    return str(Reason(reason).label) if reason in _REASONS else reason


def within_sentence(label: object) -> str:
    """A label as it stands inside a sentence: its first letter small, acronyms as they are."""
    words = str(label)
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def day_words(on: date) -> str:
    """A date in a sentence, in the reader's language."""
    return format_date(on, "fr" if (get_language() or "fr").startswith("fr") else "en", "long")


def step_name(row: PlanStep) -> str:
    """The step's name in the reader's language."""
    return name_of(row)


# --- in sentences ------------------------------------------------------------------------------------------------------------------------


def why_sentences(found: Why) -> list[str]:
    """The reasoning as sentences, in the reader's language."""
    invoice, item = found.invoice, found.item
    money, day = _writers(invoice.currency)
    said = [
        _("Invoice %(number)s of %(issued)s, %(customer)s: %(amount)s due on %(due)s, %(open)s left to pay.")
        % {
            "number": invoice.number,
            "issued": day(invoice.issued_on),
            "customer": invoice.customer.name,
            "amount": money(item.amount),
            "due": day(item.due_on),
            "open": money(item.outstanding),
        }
    ]
    if found.plan:
        said.append(_("It follows the plan “%(plan)s”, version %(version)s.") % {"plan": found.plan, "version": found.version})
    said += [_past_sentence(act, day(act.on)) for act in found.acts] or [_("No step was taken yet.")]
    said.append(_today_sentence(found, day, money))
    if found.remedy:
        said.append(_("What would change it: %s") % found.remedy)
    if found.forecast:
        steps = ", ".join(_coming_words(coming, day) for coming in found.forecast)
        said.append(_("If nothing is paid and everybody does their part: %s.") % steps)
    return said


def _coming_words(coming: Coming, day: Callable[[date], str]) -> str:
    words = _("%(step)s on %(day)s") % {"step": coming.step, "day": day(coming.on)}
    return f"{words} ({within_sentence(coming.reason)})" if coming.reason else words


def today_sentence(found: Why) -> str:
    """What today brings the instalment, and why, in one sentence in the reader's language."""
    money, day = _writers(found.invoice.currency)
    return _today_sentence(found, day, money)


def _writers(currency: str) -> tuple[Callable[[Decimal], str], Callable[[date], str]]:
    """How amounts in `currency` and dates are written for the reader."""
    language = "fr" if (get_language() or "fr").startswith("fr") else "en"
    return lambda amount: format_money(amount, currency, language), lambda on: format_date(on, language, "long")


def _past_sentence(act: Act, day: str) -> str:
    if act.state == ActionState.DONE:
        return _("%(step)s: done on %(day)s.") % {"step": act.step, "day": day}
    values = {"step": act.step, "state": within_sentence(act.state.label), "day": day, "reason": act.reason}
    if act.reason:
        return _("%(step)s: %(state)s on %(day)s (%(reason)s).") % values
    return _("%(step)s: %(state)s on %(day)s.") % values


def _today_sentence(found: Why, day: Callable[[date], str], money: Callable[[Decimal], str]) -> str:
    decision, label = found.decision, found.reason.label
    if decision is None:
        return _("Nothing more happens: %s.") % within_sentence(label)
    values = {
        "step": found.next_step,
        "reason": within_sentence(label),
        "day": day(found.next_on) if found.next_on is not None else "",
        "amount": money(found.chased),
    }
    if decision.kind == DecisionKind.TAKE:
        return _("Today: %(step)s, for %(amount)s.") % values
    if decision.kind == DecisionKind.FINISHED:
        return _("Nothing more happens: %(reason)s.") % values
    if found.next_on is not None and not found.next_step:
        return _("Nothing happens before %(day)s: %(reason)s.") % values
    if found.next_on is not None and found.reason == Reason.HABIT:
        habit = habit_words(decision.item)
        return _("%(habit)s; the next step, %(step)s, waits until %(day)s.") % {**values, "habit": habit}
    if found.next_on is not None and found.reason == Reason.NOT_YET:
        return _("The next step, %(step)s, comes on %(day)s.") % values
    if found.next_on is not None:
        return _("The next step, %(step)s, comes on %(day)s: %(reason)s.") % values
    if found.next_step:
        return _("The next step, %(step)s, waits: %(reason)s.") % values
    return _("Nothing happens for now: %(reason)s.") % values
