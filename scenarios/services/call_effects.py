"""What each outcome of a call does, by the table of rule 10 (`outcomes.CALL_EFFECTS`): exactly one effect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from customers.services import ContactFields, add_contact, mark_reachability, record_insolvency, set_absence
from dunning.core.errors import DomainError
from dunning.core.money import format_date
from dunning.core.selectors import get_calendar, get_profile
from invoices.enums import ActSource, HoldKind
from invoices.models import Dispute, Hold, Installment, Promise
from invoices.services import make_promise, mark_not_received, open_dispute, place_hold, says_paid
from scenarios import effects, work
from scenarios.enums import CallOutcome, TaskKind
from scenarios.models import TaskAttempt
from scenarios.outcomes import CALL_EFFECTS, What

Value = TypeVar("Value")
OURS_DAYS: Final = 10  # business days our own people have before an act they owe is escalated
LONGEST_HOLD: Final = timedelta(days=30)
LONGEST_ABSENCE: Final = 10  # business days (rule 9)


@dataclass(frozen=True)
class CallFacts:
    """What the caller noted; `read_facts` makes it from plain values. Which fields an outcome needs is in `CALL_EFFECTS`.

    `on` is the promised, announced or judgment day, or the last day away; `at` when to call back; `amount` in the currency of the items;
    `reason` a `DisputeReason`; `kind` an `InsolvencyKind`; `new_contact` a person to add, `contact` the known person spoken to;
    `credited_iban_end` the last four characters of the account they paid.
    """

    note: str = ""
    person: str = ""
    summary: str = ""  # one sentence for the customer; blank: made from the outcome
    on: date | None = None
    at: datetime | None = None
    amount: Decimal | None = None
    reason: str = ""
    kind: str = ""
    document: str = ""
    payer: str = ""
    reference: str = ""
    credited_iban_end: str = ""
    contact: Contact | None = None
    substitute: Contact | None = None
    new_contact: ContactFields | None = None

    def as_json(self) -> dict[str, Any]:
        """The particulars worth keeping with the attempt."""
        given = {
            "date": self.on.isoformat() if self.on else None,
            "at": self.at.isoformat() if self.at else None,
            "amount": str(self.amount) if self.amount is not None else None,
            "reason": self.reason or None,
            "kind": self.kind or None,
            "document": self.document or None,
            "payer": self.payer or None,
            "reference": self.reference or None,
            "contact": str(self.contact.pk) if self.contact is not None else None,
        }
        return {key: value for key, value in given.items() if value is not None}


_WORDS: Final = ("person", "summary", "reason", "kind", "document", "payer", "reference", "credited_iban_end")


def read_facts(*, customer: Customer, note: str, details: Mapping[str, Any]) -> CallFacts:
    """Facts from a form or a program: `date` (ISO), `at` (ISO with its zone), `amount`, the words of `CallFacts`, `contact` and
    `substitute` (ids of the customer's contacts), `new_contact` (its fields). Blank means absent.

    Raises DomainError for a key that is not one of these, and naming the field that cannot be read.
    """
    given = {key: value for key, value in details.items() if value not in (None, "")}
    if unknown := set(given) - {"date", "at", "amount", "contact", "substitute", "new_contact", *_WORDS}:
        raise DomainError(_("A call has no %s.") % ", ".join(sorted(unknown)), code="unknown_field", field=sorted(unknown)[0])
    people = {str(contact.pk): contact for contact in Contact.objects.filter(customer=customer, is_active=True)}
    for name in ("contact", "substitute"):
        if name in given and str(given[name]) not in people:
            raise DomainError(_("This contact belongs to another customer."), code="other_customer", field=name)
    return CallFacts(
        note=note.strip(),
        on=_read("date", given, lambda value: value if isinstance(value, date) else date.fromisoformat(str(value))),
        at=_read("at", given, _moment),
        amount=_read("amount", given, lambda value: Decimal(str(value))),
        contact=people.get(str(given.get("contact"))),
        substitute=people.get(str(given.get("substitute"))),
        new_contact=given.get("new_contact"),
        **{name: str(given[name]).strip() for name in _WORDS if name in given},
    )


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError("A moment needs its time zone.")
    return moment


def _read(name: str, given: Mapping[str, Any], parse: Callable[[Any], Value]) -> Value | None:
    if name not in given:
        return None
    try:
        return parse(given[name])
    except (ValueError, ArithmeticError):
        raise DomainError(_("“%s” cannot be read here.") % given[name], code="bad_value", field=name) from None


@dataclass
class Consequences:
    """What an outcome brought about."""

    promises: list[Promise] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    contact: Contact | None = None


@dataclass(frozen=True)
class _Call:
    outcome: CallOutcome
    facts: CallFacts
    customer: Customer
    items: Sequence[Installment]
    attempt: TaskAttempt
    actor: str
    today: date
    now: datetime

    @property
    def words(self) -> str:
        return self.facts.note.strip() or str(self.outcome.label)


def check_facts(outcome: CallOutcome, facts: CallFacts, now: datetime) -> None:
    """Raises DomainError naming the field an outcome needs and was not given."""
    present: Mapping[str, bool] = {
        "date": facts.on is not None,
        "at": facts.at is not None and facts.at > now,
        "amount": facts.amount is not None and facts.amount > 0,
        "reason": bool(facts.reason),
        "kind": bool(facts.kind),
        "document": bool(facts.document.strip()),
        "payer": bool(facts.payer.strip()),
        "contact": bool(facts.new_contact) or facts.contact is not None,
    }
    sentences: Mapping[str, str] = {
        "date": _("Which day?"),
        "at": _("When shall we call back?"),
        "amount": _("Which amount?"),
        "reason": _("What is contested?"),
        "kind": _("Which proceedings were opened?"),
        "document": _("Which document?"),
        "payer": _("Which company pays?"),
        "contact": _("Who is in charge?"),
    }
    for name in CALL_EFFECTS[outcome].needs:
        if not present[name]:
            raise DomainError(sentences[name], code="required", field=name)


def apply(
    *,
    outcome: CallOutcome,
    facts: CallFacts,
    customer: Customer,
    items: Sequence[Installment],
    attempt: TaskAttempt,
    actor: str,
    today: date,
    now: datetime,
) -> Consequences:
    """Do what the outcome asks for, through the services of what is owed and of the customer; their refusals are DomainErrors."""
    call = _Call(outcome, facts, customer, items, attempt, actor, today, now)
    done = Consequences()
    acts: Mapping[What, Callable[[_Call, Consequences], None]] = {
        What.PROMISE: _promise,
        What.DISPUTE: _dispute,
        What.HOLD: _hold,
        What.NEW_CONTACT: _new_contact,
        What.INSOLVENCY: _insolvency,
        What.MANAGER: _ask_manager,
    }
    act = acts.get(CALL_EFFECTS[outcome].what)
    if act is not None:
        act(call, done)
    return done


def _promise(call: _Call, done: Consequences) -> None:
    if call.facts.on is None:
        raise DomainError(_("Which day?"), code="required", field="date")
    done.promises = make_promise(
        amounts=dict(_spread(call.items, call.facts.amount)),
        promised_for=call.facts.on,
        source=ActSource.CALL,
        text=call.words,
        actor=call.actor,
        today=call.today,
        now=call.now,
    )


def _spread(items: Sequence[Installment], amount: Decimal | None) -> list[tuple[Installment, Decimal]]:
    """An amount over the items, the oldest first; None: all of each. Raises DomainError above what is left, or without any item."""
    if not items:
        raise DomainError(_("Tick the invoices this is about."), code="required", field="items")
    if amount is None:
        return [(item, item.outstanding) for item in items]
    if len({item.currency for item in items}) > 1:
        raise DomainError(_("These invoices are in several currencies: choose those of one."), code="several_currencies", field="amount")
    if amount > sum((item.outstanding for item in items), Decimal(0)):
        raise DomainError(_("This is more than what is left to pay on these invoices."), code="bad_amount", field="amount")
    parts = []
    for item in items:
        part = min(item.outstanding, amount)
        if part > 0:
            parts.append((item, part))
        amount -= part
    return parts


def _dispute(call: _Call, done: Consequences) -> None:
    for item, amount in _spread(call.items, call.facts.amount):
        done.disputes.append(
            open_dispute(
                installment=item,
                reason=call.facts.reason,
                amount=amount if call.facts.amount is not None else None,
                text=call.words,
                source=ActSource.CALL,
                actor=call.actor,
                today=call.today,
                now=call.now,
            )
        )


def _hold(call: _Call, done: Consequences) -> None:
    kind = CALL_EFFECTS[call.outcome].hold
    if not call.items:
        raise DomainError(_("Tick the invoices this is about."), code="required", field="items")
    if kind == HoldKind.ALREADY_PAID and call.facts.on is not None:
        says_paid(
            installments=call.items,
            paid_on=call.facts.on,
            reference=call.facts.reference,
            credited_iban_end=call.facts.credited_iban_end,
            source=ActSource.CALL,
            text=call.words,
            actor=call.actor,
            today=call.today,
            now=call.now,
        )
        return
    if call.outcome == CallOutcome.INVOICE_NOT_RECEIVED:
        mark_not_received(installments=call.items, source=ActSource.CALL, text=call.words, actor=call.actor, today=call.today, now=call.now)
    if kind == HoldKind.ABSENCE and call.facts.contact is not None and call.facts.on is not None:
        set_absence(
            contact=call.facts.contact,
            until=call.facts.on,
            substitute=call.facts.substitute,
            actor=call.actor,
            today=call.today,
            now=call.now,
        )
        done.contact = call.facts.substitute
        return
    _place_holds(call, str(kind), done)


def _place_holds(call: _Call, kind: str, done: Consequences) -> None:
    with_amount = kind == HoldKind.CREDIT_NOTE_PENDING
    parts = _spread(call.items, call.facts.amount if with_amount else None)
    for item, amount in parts:
        done.holds.append(
            place_hold(
                installment=item,
                kind=kind,
                ends_on=_end(call, kind),
                amount=amount if with_amount else None,
                reason=_reason(call),
                actor=call.actor,
                today=call.today,
                now=call.now,
            )
        )
    work.open_work_of_holds(today=call.today, now=call.now, holds=done.holds)


def _reason(call: _Call) -> str:
    said = [str(call.outcome.label), call.facts.document, call.facts.payer, call.facts.note]
    return " · ".join(part.strip() for part in said if part.strip())[:300]


def _end(call: _Call, kind: str) -> date:
    """The day they named, at most 30 days ahead (10 business days for an absence); for what we owe, ten business days."""
    calendar = get_calendar(get_profile())
    if CALL_EFFECTS[call.outcome].side == "ours" or call.facts.on is None:
        return calendar.add_business_days(call.today, OURS_DAYS)
    latest = calendar.add_business_days(call.today, LONGEST_ABSENCE) if kind == HoldKind.ABSENCE else call.today + LONGEST_HOLD
    return min(call.facts.on, latest)


def _new_contact(call: _Call, done: Consequences) -> None:
    """Somebody else is in charge: they are added to the chain. A wrong number is not used again; without another one, a task."""
    if call.outcome == CallOutcome.WRONG_NUMBER:
        if call.facts.contact is not None:
            mark_reachability(
                contact=call.facts.contact,
                means="phone",
                reached=False,
                reason=str(call.outcome),
                actor=call.actor,
                today=call.today,
                now=call.now,
            )
        left = Contact.objects.filter(customer=call.customer, is_active=True).exclude(phone="").exclude(phone_state="failed")
        if not left.exists():
            _open_task(call, TaskKind.FIND_CONTACT)
        return
    if call.facts.new_contact:
        done.contact = add_contact(customer=call.customer, actor=call.actor, today=call.today, now=call.now, **call.facts.new_contact)
    else:
        done.contact = call.facts.contact


def _insolvency(call: _Call, done: Consequences) -> None:
    if call.facts.on is None:
        raise DomainError(_("Which day?"), code="required", field="date")
    published_on = call.customer.insolvency_published_on  # known already: a conversation about the judgment does not unsay it
    if published_on is not None and published_on < call.facts.on:
        published_on = None
    record_insolvency(
        customer=call.customer,
        kind=call.facts.kind,
        opened_on=call.facts.on,
        published_on=published_on,
        actor=call.actor,
        today=call.today,
        now=call.now,
    )


def _ask_manager(call: _Call, done: Consequences) -> None:
    """Everything to the customer waits until the manager has decided; the pause is ours and never ends by itself."""
    calendar = get_calendar(get_profile())
    done.holds.append(
        place_hold(
            customer=call.customer,
            kind=HoldKind.PAUSE,
            ends_on=calendar.add_business_days(call.today, OURS_DAYS),
            reason=_reason(call),
            actor=call.actor,
            today=call.today,
            now=call.now,
        )
    )
    _open_task(call, TaskKind.DECISION)


def _open_task(call: _Call, kind: TaskKind) -> None:
    amount = sum((item.outstanding for item in call.items), Decimal(0))
    effects.open_once(
        kind=kind,
        key=f"call:{call.attempt.pk}:{kind}",
        today=call.today,
        now=call.now,
        customer=call.customer,
        amount=amount,
        currency=call.items[0].invoice.currency if call.items else "",
        title=str(call.outcome.label),
        note=call.facts.note.strip(),
    )


# --- the sentence for the customer -------------------------------------------------------------------------------------------------------

_SENTENCES: Final[dict[CallOutcome, tuple[str, str]]] = {
    CallOutcome.INVOICE_NOT_RECEIVED: (
        "La facture ne vous était pas parvenue : nous vous la renvoyons.",
        "The invoice had not reached you: we are sending it again.",
    ),
    CallOutcome.IN_VALIDATION: ("La facture est en cours de validation chez vous.", "The invoice is being validated at your end."),
    CallOutcome.PAYMENT_SENT: ("Vous nous indiquez avoir réglé le {date}.", "You told us that you paid on {date}."),
    CallOutcome.PROMISE: ("Vous prévoyez un règlement le {date}.", "You expect to pay on {date}."),
    CallOutcome.PARTIAL_PROMISE: ("Vous prévoyez un premier règlement le {date}.", "You expect to make a first payment on {date}."),
    CallOutcome.PLAN_REQUEST: (
        "Vous souhaitez un règlement échelonné : nous revenons vers vous.",
        "You would like to pay in instalments: we will get back to you.",
    ),
    CallOutcome.DISPUTE: ("Vous contestez une partie de ces factures.", "You dispute part of these invoices."),
    CallOutcome.CASH_DIFFICULTY: (
        "Vous rencontrez une difficulté de trésorerie : nous revenons vers vous.",
        "You are short of cash at the moment: we will get back to you.",
    ),
    CallOutcome.REFUSAL: ("Vous ne souhaitez pas régler ces factures.", "You do not wish to pay these invoices."),
    CallOutcome.NEXT_PAY_RUN: (
        "Le règlement est prévu à votre prochaine campagne de paiement, le {date}.",
        "Payment is planned with your next pay run, on {date}.",
    ),
    CallOutcome.CREDIT_NOTE_EXPECTED: ("Vous attendez un avoir de notre part.", "You expect a credit note from us."),
    CallOutcome.COMPENSATION: ("Vous demandez une compensation : nous l’étudions.", "You ask for a set-off: we are looking into it."),
    CallOutcome.OTHER_PAYER: ("Une autre société règle ces factures.", "Another company pays these invoices."),
    CallOutcome.ABSENT_UNTIL: (
        "La personne en charge est absente jusqu’au {date}.",
        "The person in charge is away until {date}.",
    ),
    CallOutcome.DOCUMENT_REQUESTED: ("Vous attendez un document de notre part.", "You are waiting for a document from us."),
}


def summary(outcome: CallOutcome, facts: CallFacts, language: str) -> str:
    """What was agreed, in one sentence of the customer's language; "" for an outcome that agrees on nothing."""
    sentence = _SENTENCES.get(outcome, ("", ""))[0 if language == "fr" else 1]
    return sentence.format(date=format_date(facts.on, language, "long") if facts.on is not None else "")
