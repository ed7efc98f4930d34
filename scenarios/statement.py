"""The lines of a message: every open item of the account once, credits as negative lines, so that the sum is the customer's statement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from scenarios.enums import Condition, DecisionKind, Phase, Reason, Section, Variant
from scenarios.facts import Credit, Decision, Item, fact

# A run asks for these a hundred thousand times, and an enumeration looks its members up anew each time.
_INFORMATION: Final = Section.INFORMATION
_OVERDUE: Final = Section.OVERDUE
_COMING_DUE: Final = Section.COMING_DUE
_TAKE: Final = DecisionKind.TAKE
_SERVICE: Final = Phase.SERVICE
_NO_VARIANT: Final = Variant.NONE


@fact(frozen=True, slots=True)
class Line:
    """One line. `cents` is negative in section CREDIT. `own_step`: the item's plan moves with this message; else it is only shown.

    An item with a part that is not asked for has two lines. `item_id` is "" on a credit (`label` says which) and on the one line that
    stands for everything shown in other messages.
    """

    section: Section
    cents: int
    item_id: str = ""
    invoice_id: str = ""
    customer_id: str = ""
    due_on: int | None = None
    step_key: str = ""
    occurrence: int = 1
    variant: Variant = Variant.NONE
    own_step: bool = False
    reason: Reason = Reason.DUE_NOW
    label: str = ""


# An item that merely waits for its next step is overdue like any other; one that is barred is shown for information, with its reason.
_STILL_CLAIMED: Final = frozenset(
    {
        Reason.DUE_NOW,
        Reason.NOT_YET,
        Reason.HABIT,
        Reason.IN_PROGRESS,
        Reason.AWAITING_APPROVAL,
        Reason.ONE_PER_DAY,
        Reason.SPACING,
        Reason.COMMITMENT_PENDING,
        Reason.PLAN_FINISHED,
        Reason.TOO_EARLY_FOR_LEGAL,
        Reason.REQUIREMENT_MISSING,
        Reason.ABSENCE,
        Reason.SOFT_PERIOD,
        Reason.NO_CONTACT,
        Reason.LEGAL_REGIME_UNKNOWN,
        Reason.UNALLOCATED_CREDIT,
    }
)


def is_open(item: Item) -> bool:
    return item.outstanding_cents > 0 and not item.situation.cancelled


def credits_of(members: Iterable[Decision], *, legal: bool) -> dict[str, tuple[str, Credit]]:
    """Credits with the customer they belong to, each once by its id, in the currency of the members (which all share one).

    Those of everybody in the paying group, a payer without any open item included; for a `legal` message the debtor's own.
    """
    found: dict[str, tuple[str, Credit]] = {}
    for decision in members:
        customer, currency = decision.item.customer, decision.item.currency
        balance = customer.balances.get(currency) if legal else customer.account(currency)
        if balance is not None and balance.credits:
            for credit in balance.credits:
                found[credit.id] = (credit.customer_id or customer.id, credit)
    return found


def account_lines(
    members: Sequence[Decision],
    acting: Mapping[str, Decision],
    shown: Collection[str],
    asked: Mapping[str, int],
    today: int,
    *,
    legal: bool,
    with_credits: bool,
) -> tuple[Line, ...]:
    """The lines of one message about the account of `members`: all decisions about the recipient's items in one currency.

    `acting` are the decisions whose own step the message carries, by item; `shown` the items it lists; `asked` the cents asked for each.
    A `legal` message claims its acting items alone, everything else is for information. Credits stand in one message of the account;
    the others count them in the line for what is shown elsewhere. The lines add up to the customers' statements, whatever the grouping.
    """
    lines: list[Line] = []
    elsewhere = 0
    for member in members:
        item = member.item
        if not is_open(item):
            continue
        if item.id not in shown:
            elsewhere += item.outstanding_cents
            continue
        own = acting.get(item.id)
        lines += _item_lines(own or member, own is not None, asked.get(item.id, 0), today, legal)
    for customer_id, credit in credits_of(members, legal=legal).values():
        if with_credits:
            lines.append(_credit_line(credit, customer_id))
        else:
            elsewhere -= credit.cents
    if elsewhere:
        lines.append(Line(Section.INFORMATION, elsewhere, reason=Reason.ELSEWHERE))
    return tuple(lines)


def _credit_line(credit: Credit, customer_id: str) -> Line:
    return Line(
        Section.CREDIT, -credit.cents, customer_id=customer_id, due_on=credit.on, reason=Reason.UNALLOCATED_CREDIT, label=credit.label
    )


def _item_lines(decision: Decision, acts: bool, asked: int, today: int, legal: bool) -> tuple[Line, ...]:
    item = decision.item
    section = _section(decision, acts, today, legal)
    asked = min(asked, item.outstanding_cents) if section is not _INFORMATION else 0
    rest = item.outstanding_cents - asked
    about = (item.id, item.invoice_id, item.customer.id, item.due_on)
    claim: tuple[Line, ...] = ()
    if asked:
        step = decision.step
        step_key = step.key if acts and step is not None else ""
        variant = decision.variant if acts else _NO_VARIANT
        claim = (Line(section, asked, *about, step_key, decision.occurrence, variant, acts, decision.reason),)
    if not rest:
        return claim
    return (*claim, Line(_INFORMATION, rest, *about, reason=_reason_of_rest(item) if asked else decision.reason))


def _section(decision: Decision, acts: bool, today: int, legal: bool) -> Section:
    step = decision.step
    if acts and step is not None:
        if step.phase > _SERVICE:
            return _OVERDUE
        return Section.TO_CONFIRM if Condition.QUESTION in step.conditions else _COMING_DUE
    if legal:
        return _INFORMATION
    if decision.kind is not _TAKE and decision.reason not in _STILL_CLAIMED:
        return _INFORMATION
    return _OVERDUE if today > decision.item.due_on else _COMING_DUE


def _reason_of_rest(item: Item) -> Reason:
    if item.situation.disputes:
        return Reason.DISPUTED
    return Reason.PROMISED if item.situation.promises else Reason.CREDIT_NOTE_PENDING
