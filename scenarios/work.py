"""Tasks that a state of affairs calls for: a dispute to answer, a reply to read, a pause to end, an insolvency to declare in.

Each has a key, so it is opened once, whoever asks: the service at once when it changed something, the night for what came otherwise.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, Sum

from customers.models import Customer
from dunning.core.models import OrganizationProfile
from invoices.enums import DisputeState, HoldKind, HoldSide, InvoiceState
from invoices.models import Dispute, Hold, HoldRequest, Installment
from invoices.selectors import UNSURE
from scenarios import effects, telling
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from scenarios.outcomes import declare_claim_by, reclaim_goods_by
from scenarios.selectors.replies import reply_key

ACTOR: Final = "system"
OVERSEAS: Final = ("97", "98")  # postal codes outside metropolitan France: four months to declare a claim

WORK_OF_OURS: Final[dict[str, TaskKind]] = {
    HoldKind.CREDIT_NOTE_PENDING: TaskKind.CREDIT_NOTE,
    HoldKind.DOCUMENT_OWED: TaskKind.SUPPLY_DOCUMENT,
    HoldKind.PURCHASE_ORDER_MISSING: TaskKind.SUPPLY_DOCUMENT,
    HoldKind.E_INVOICE_SUSPENDED: TaskKind.SUPPLY_DOCUMENT,
    HoldKind.COMPENSATION: TaskKind.DECISION,
    HoldKind.OTHER_PAYER: TaskKind.FIND_CONTACT,
}
"""What our people must do while a pause of our own runs (rule 7); a pause by hand asks for nothing but its end."""


def open_amounts(holds: Sequence[Hold | HoldRequest]) -> dict[UUID, tuple[Any, str]]:
    """What each pause keeps back: its own amount, else what is open on its item, or on its whole customer in the main currency."""
    items = {hold.installment_id for hold in holds if hold.installment_id}
    rows = {row.pk: row for row in Installment.objects.select_related("invoice").filter(pk__in=items)} if items else {}
    whole = {hold.customer_id for hold in holds if hold.installment_id is None}
    accounts = (
        Installment.objects.filter(customer__in=whole, outstanding__gt=0)
        .values("customer_id", "invoice__currency")
        .annotate(open=Sum("outstanding"))
        .order_by("open")
    )
    open_of = {row["customer_id"]: (row["open"], row["invoice__currency"]) for row in accounts} if whole else {}
    amounts = {hold.pk: open_of[hold.customer_id] for hold in holds if hold.installment_id is None and hold.customer_id in open_of}
    for hold in holds:
        if hold.installment_id in rows:
            item = rows[hold.installment_id]
            amounts[hold.pk] = (getattr(hold, "amount", None) or item.outstanding, item.invoice.currency)
    return amounts


def open_work_of_holds(*, today: date, now: datetime, holds: Collection[Hold] | None = None) -> int:
    """A task for every pause that waits for us to act (a credit note, a document…), once; due when the pause ends."""
    if holds is None:
        known = Task.objects.filter(hold__isnull=False).values("hold")
        holds = list(
            Hold.objects.filter(side=HoldSide.OURS, released_on=None, kind__in=WORK_OF_OURS, ends_on__gte=today).exclude(pk__in=known)
        )
    amounts = open_amounts(list(holds))
    opened = 0
    for hold in holds:
        kind = WORK_OF_OURS.get(hold.kind)
        if kind is None:
            continue
        amount, currency = amounts.get(hold.pk, (0, ""))
        opened += (
            effects.open_once(
                kind=kind,
                key=f"hold:{hold.pk}",
                today=today,
                now=now,
                due_on=hold.ends_on,
                customer_id=hold.customer_id,
                installment_id=hold.installment_id,
                hold=hold,
                amount=amount,
                currency=currency,
            )
            is not None
        )
    return opened


def open_dispute_tasks(*, today: date, now: datetime) -> int:
    """Every open dispute is on its owner's desk, due on the day announced to the customer; how many are new."""
    known = Task.objects.filter(kind=TaskKind.ANSWER_DISPUTE, dispute__isnull=False).values("dispute")
    disputes = (
        Dispute.objects.select_related("installment__invoice")
        .filter(state=DisputeState.OPEN)
        .exclude(pk__in=known)
        .order_by("opened_on", "pk")
    )
    opened = [
        effects.open_once(
            kind=TaskKind.ANSWER_DISPUTE,
            key=f"dispute:{dispute.pk}",
            today=today,
            now=now,
            due_on=dispute.answer_due_on,
            customer_id=dispute.customer_id,
            installment_id=dispute.installment_id,
            dispute=dispute,
            amount=dispute.amount or dispute.installment.outstanding,
            currency=dispute.installment.invoice.currency,
            assignee_id=dispute.owner_id,
        )
        for dispute in disputes
    ]
    new = [task for task in opened if task is not None]
    telling.tell_disputes(tasks=new, now=now)
    return len(new)


def open_reply_tasks(*, today: date, now: datetime, customer_ids: Collection[UUID] | None = None) -> int:
    """A human reply pauses its customer until somebody has read it (rule 9): a task each, of all customers or of some; how many are new."""
    rows = Customer.objects.filter(reply_pending_since__isnull=False)
    if customer_ids is not None:
        rows = rows.filter(pk__in=list(customer_ids))
    return sum(
        effects.open_once(
            kind=TaskKind.REPLY,
            key=reply_key(pk, since),
            today=today,
            now=now,
            customer_id=pk,
        )
        is not None
        for pk, since in rows.values_list("pk", "reply_pending_since")
    )


def open_insolvency_tasks(*, profile: OrganizationProfile, today: date, now: datetime, customer_ids: Collection[UUID] | None = None) -> int:
    """Rule 12: declare the claim within 2 months of publication in the BODACC (4 for a creditor outside metropolitan France), reclaim
    goods under retention of title within 3. Until the publication is known, the earliest possible day counts: that of the judgment.
    And say of invoices issued soon after the judgment what they bill."""
    insolvent = Customer.objects.filter(insolvency_opened_on__isnull=False)
    if customer_ids is not None:
        insolvent = insolvent.filter(pk__in=list(customer_ids))
    metropolitan = profile.country == "FR" and not profile.postal_code.startswith(OVERSEAS)
    opened = 0
    for customer in insolvent.order_by("pk"):
        judged_on = customer.insolvency_opened_on
        if judged_on is None:
            continue
        published_on = customer.insolvency_published_on or judged_on
        for kind, due_on in (
            (TaskKind.DECLARE_CLAIM, declare_claim_by(published_on, in_metropolitan_france=metropolitan)),
            (TaskKind.RECLAIM_GOODS, reclaim_goods_by(published_on)),
        ):
            opened += _deadline_task(kind, customer, due_on, today, now)
        opened += _split_task(customer, today, now)
    return opened


def _split_task(customer: Customer, today: date, now: datetime) -> int:
    """One open task while it is not known of an open invoice on which side of the judgment it stands; over once a person has said so."""
    unsure = Installment.objects.filter(UNSURE, customer=customer, outstanding__gt=0, invoice__state=InvoiceState.ISSUED)
    row = unsure.values("invoice__currency").annotate(open=Sum("outstanding")).order_by("-open").first()
    asked = list(Task.objects.filter(kind=TaskKind.CONFIRM_SPLIT, customer=customer, state=TaskState.OPEN))
    if row is None:
        effects.close_tasks(asked, state=TaskState.DONE, outcome="confirmed", actor=ACTOR, now=now)
        return 0
    if asked:
        return 0
    newest = unsure.order_by("-invoice__issued_on", "-pk").values_list("pk", flat=True)[0]
    task = effects.open_once(
        kind=TaskKind.CONFIRM_SPLIT,
        key=f"{TaskKind.CONFIRM_SPLIT}:{customer.pk}:{newest}",
        today=today,
        now=now,
        customer=customer,
        amount=row["open"],
        currency=row["invoice__currency"],
    )
    return int(task is not None)


def _deadline_task(kind: TaskKind, customer: Customer, due_on: date, today: date, now: datetime) -> int:
    """One task per judgment; when the publication becomes known its deadline moves. Frozen debts are its amount."""
    key = f"{kind}:{customer.pk}:{customer.insolvency_opened_on}"
    if Task.objects.filter(key=key, state=TaskState.OPEN).exclude(due_on=due_on).update(due_on=due_on):
        return 0
    frozen = (
        Installment.objects.filter(customer=customer, outstanding__gt=0)
        .filter(
            Q(invoice__delivered_on__lt=customer.insolvency_opened_on)
            | Q(invoice__delivered_on=None, invoice__issued_on__lt=customer.insolvency_opened_on)
        )
        .values("invoice__currency")
        .annotate(open=Sum("outstanding"))
        .order_by("-open")
        .first()
    )
    if frozen is None or due_on < today - timedelta(days=365):
        return 0
    task = effects.open_once(
        kind=kind,
        key=key,
        today=today,
        now=now,
        due_on=due_on,
        customer=customer,
        amount=frozen["open"],
        currency=frozen["invoice__currency"],
    )
    return int(task is not None)
