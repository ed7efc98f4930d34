"""Lines of a timeline, and those about what a customer said: every one leads to the act with its exact words."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from customers.models import PortalVisit
from dunning.core.selectors import actor_names
from invoices.enums import ActKind, ActSource, DisputeState, PromiseState
from invoices.models import DebtorAct, Dispute, Installment, Promise
from notifications.correspondence import list_replies
from scenarios.selectors.on_file import ACT, DISPUTE, PROMISE
from scenarios.selectors.why import day_words

PLANNED, ACCEPTED, DELIVERED, ANSWERED, REGISTERED = range(5)
"""Evidence levels: E0 planned, E1 accepted by the provider or posted, E2 delivered to the recipient's server, E3 an act of the customer, E4
registered delivery."""

EXCERPT: Final = 140  # characters of a reply


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the past. `kind` chooses its icon; `state` is the object's own; `id` leads to it; amounts are in `currency`."""

    on: date
    # invoice, message, reply, visit, step, call, payment, credit, write_off, act, dispute, position, promise, hold, habit, commitment, task
    kind: str
    title: str
    detail: str = ""
    state: str = ""
    at: datetime | None = None
    evidence: int | None = None
    amount: Decimal | None = None
    currency: str = ""
    id: UUID | None = None
    invoice: str = ""  # number
    code: str = ""  # the stored state behind `state`
    channel: str = ""  # of a message or a step
    act: UUID | None = None  # the customer's act behind it


def what_was_said(items: Sequence[Installment], zone: ZoneInfo, known: Collection[str]) -> Iterator[Entry]:
    """Acts, disputes and promises of these items, their invoice loaded; `known`: the kinds of records there are (`on_file`)."""
    numbers = {item.pk: item.invoice.number for item in items}
    acts = list(DebtorAct.objects.select_related("contact").filter(installment__in=list(numbers))) if ACT in known else []
    yield from _acts(acts, numbers, zone)
    if DISPUTE in known:
        yield from _disputes(numbers, {str(act.details.get("dispute")): act for act in acts if act.kind == ActKind.DISPUTED})
    if PROMISE not in known:
        return
    promised = {(str(act.details.get("reference")), act.installment_id): act for act in acts if act.kind == ActKind.PROMISED}
    yield from _promises(numbers, promised)


def said_about_account(customer_id: UUID, zone: ZoneInfo) -> Iterator[Entry]:
    """Acts of the customer about none of its items: a mandate it signed."""
    acts = DebtorAct.objects.select_related("contact").filter(customer=customer_id, installment=None)
    yield from _acts(acts, {}, zone)


def _acts(acts: Iterable[DebtorAct], numbers: dict[UUID, str], zone: ZoneInfo) -> Iterator[Entry]:
    for act in acts:
        if act.kind in (ActKind.PROMISED, ActKind.DISPUTED, ActKind.AGREED_PLAN):  # told apart
            continue
        yield Entry(
            act.at.astimezone(zone).date(),
            "act",
            str(act.get_kind_display()),
            detail=" · ".join(part for part in (by_whom(act), act.text) if part),
            state=_("Undone") if act.undone_at is not None else "",
            at=act.at,
            evidence=ANSWERED,
            id=act.pk,
            invoice=numbers[act.installment_id] if act.installment_id is not None else "",
            act=act.pk,
        )


def last_answers(customer_id: UUID, zone: ZoneInfo, limit: int) -> Iterator[Entry]:
    """What this customer wrote to us and did on their page last, each in its own words."""
    acts = DebtorAct.objects.select_related("contact", "installment__invoice").filter(customer=customer_id, undone_at=None)
    for act in acts.order_by("-at", "kind", "pk").distinct("at", "kind")[:limit]:  # one act about ten invoices is one
        number = act.installment.invoice.number if act.installment is not None else ""
        detail = " · ".join(part for part in (by_whom(act), act.text) if part)
        yield Entry(act.at.astimezone(zone).date(), "act", str(act.get_kind_display()), detail, at=act.at, id=act.pk, invoice=number)
    for reply in list_replies(customer_id=customer_id).order_by("-received_at")[:limit]:
        words = Truncator(" ".join((reply.said or reply.subject).split())).chars(EXCERPT)
        title = _("Reply from %s") % (reply.sender_name or reply.sender)
        yield Entry(reply.received_at.astimezone(zone).date(), "reply", title, words, at=reply.received_at, id=reply.pk)


def by_whom(act: DebtorAct) -> str:
    """`On the debtor's page, Mme Durand`."""
    return ", ".join(part for part in (str(act.get_source_display()), str(act.contact) if act.contact is not None else "") if part)


def _disputes(numbers: dict[UUID, str], acts: dict[str, DebtorAct]) -> Iterator[Entry]:
    disputes = list(Dispute.objects.filter(installment__in=list(numbers)))
    names = actor_names(dispute.position_by for dispute in disputes if dispute.position_by)
    for dispute in disputes:
        number, act = numbers[dispute.installment_id], acts.get(str(dispute.pk))
        said = [str(dispute.get_reason_display()), _online(act)]
        yield Entry(
            dispute.opened_on,
            "dispute",
            _("Dispute opened"),
            " · ".join(part for part in said if part),
            amount=dispute.amount,
            id=dispute.pk,
            invoice=number,
            act=act.pk if act is not None else None,
        )
        if dispute.position_on is not None:
            word = str(DisputeState(dispute.position).label) if dispute.position else ""
            yield Entry(
                dispute.position_on,
                "position",
                _("Position on the dispute: %s") % word if word else _("Position on the dispute"),
                " · ".join((names[dispute.position_by], dispute.position_text)),
                id=dispute.pk,
                invoice=number,
            )
        if dispute.state != DisputeState.OPEN and dispute.closed_on is not None:
            yield Entry(
                dispute.closed_on,
                "dispute",
                _("Dispute closed"),
                dispute.resolution_text,
                state=str(dispute.get_state_display()),
                id=dispute.pk,
                invoice=number,
                code=dispute.state,
            )


def _promises(numbers: dict[UUID, str], acts: dict[tuple[str, UUID | None], DebtorAct]) -> Iterator[Entry]:
    for promise in Promise.objects.filter(installment__in=list(numbers)):
        number, until = numbers[promise.installment_id], day_words(promise.promised_for)
        act = acts.get((str(promise.reference), promise.installment_id))
        yield Entry(
            promise.made_on,
            "promise",
            _("Promised for %s") % until,
            " · ".join(part for part in (promise.text, _online(act)) if part),
            amount=promise.amount,
            id=promise.pk,
            invoice=number,
            act=act.pk if act is not None else None,
        )
        if promise.state != PromiseState.OPEN and promise.closed_on is not None:
            state = str(promise.get_state_display())
            title = _("Promise for %s") % until
            yield Entry(promise.closed_on, "promise", title, state=state, id=promise.pk, invoice=number, code=promise.state)


def _online(act: DebtorAct | None) -> str:
    """Who did it on the debtor's page; "" for what our people noted."""
    return by_whom(act) if act is not None and act.source == ActSource.PORTAL else ""


def visits(found: Collection[PortalVisit] | Iterable[PortalVisit], zone: ZoneInfo) -> Iterator[Entry]:
    """Openings of the debtor's page, those by programs said to be so: no evidence of anything."""
    for visit in found:
        machine = _("by a program: %s") % visit.get_machine_display() if visit.machine else ""
        yield Entry(visit.at.astimezone(zone).date(), "visit", _("Page opened"), detail=machine, at=visit.at, id=visit.pk)
