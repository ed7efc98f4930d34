"""What a new day brings before anything is decided: promises that ran out, pauses that expired, tasks that waited too long (rules 7 to 12).

Everything here can be done twice without doing anything twice: a task has a key, an alert a date, a warning its day.
"""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from customers.models import Customer
from customers.services import record_owner_warned
from dunning.core.enums import PAPER_CHANNELS, Role
from dunning.core.models import Membership, User
from dunning.core.prepared import ask
from dunning.core.tenancy import current_organization_id
from invoices.enums import TriageChoice
from invoices.models import Installment, Payment
from invoices.services import break_due_plans, break_due_promises, escalate_expired_holds, lapse_hold_requests
from notifications.enums import MessageKind, MessageState
from notifications.models import Message
from scenarios import effects, outside, work
from scenarios.context import Frame
from scenarios.enums import HUMAN_CHANNELS, ActionState, Phase, Reason, TaskKind, TaskState
from scenarios.limitation import LOOKED_AT, open_limitation_tasks
from scenarios.models import Action, PlanStep, Schedule, Task
from scenarios.outcomes import ALERT_AFTER, Age, approval_age, call_age, posting_is_late

ACTOR: Final = "system"
UNMATCHED_AFTER: Final = 3  # business days before an unidentified receipt becomes a task (rule 8)

_COMING: Final = (Reason.NOT_YET, Reason.HABIT, Reason.TOO_EARLY_FOR_LEGAL, Reason.SPACING, Reason.ONE_PER_DAY, Reason.LEDGER_NOT_COVERED)


def keep_house(*, frame: Frame, now: datetime) -> Counter[str]:
    """Everything that is due on the morning of `frame.today`, inside the open organization; counts by what was done."""
    today = frame.today
    waits = _what_waits(frame)
    done: Counter[str] = Counter()
    done["promises_broken"] = len(break_due_promises(actor=ACTOR, today=today, now=now)) if waits["promises"] else 0
    done["plans_broken"] = len(break_due_plans(actor=ACTOR, today=today, now=now)) if waits["payment_plans"] else 0
    done["requests_lapsed"] = _lapsed_requests(frame, now) if waits["requests"] else 0
    done["holds_expired"] = _expired_holds(frame, now) if waits["holds"] else 0
    done["tasks_alerted"], done["tasks_closed"] = _old_tasks(frame, now) if waits["tasks"] else (0, 0)
    done["letters_late"] = _late_letters(frame, now) if waits["letters"] else 0
    done["owners_warned"] = _warn_owners(frame, now) if waits["legal_steps"] else 0
    done["receipts_to_match"] = _unmatched_receipts(frame, now) if waits["receipts"] else 0
    done["triage"] = _triage(frame, now) if waits["triage"] else 0
    done["disputes"] = work.open_dispute_tasks(today=today, now=now) if waits["disputes"] else 0
    done["our_work"] = work.open_work_of_holds(today=today, now=now) if waits["our_holds"] else 0
    done["replies"] = work.open_reply_tasks(today=today, now=now) if waits["replies"] else 0
    done["insolvencies"] = work.open_insolvency_tasks(profile=frame.profile, today=today, now=now) if waits["insolvencies"] else 0
    done["limitations"] = open_limitation_tasks(profile=frame.profile, today=today, now=now) if waits["limitations"] else 0
    return done


_WAITING: Final = """
SELECT EXISTS (SELECT 1 FROM invoices_promise WHERE state = 'open' AND promised_for < %(today)s) AS promises,
       EXISTS (SELECT 1 FROM invoices_paymentplan WHERE state = 'active' AND held_through < %(today)s) AS payment_plans,
       EXISTS (SELECT 1 FROM invoices_hold WHERE side = 'ours' AND released_on IS NULL AND escalated_on IS NULL AND ends_on < %(today)s)
           AS holds,
       EXISTS (SELECT 1 FROM invoices_holdrequest WHERE state = 'open' AND ends_on < %(today)s) AS requests,
       EXISTS (SELECT 1 FROM scenarios_task t WHERE t.state = 'open' AND t.due_on <= %(oldest)s AND t.kind <> 'post_letter'
               AND (t.alerted_on IS NULL OR EXISTS (SELECT 1 FROM scenarios_action a WHERE a.organization_id = t.organization_id
                                                    AND a.task_id = t.id AND a.state = 'planned'))) AS tasks,
       EXISTS (SELECT 1 FROM notifications_message WHERE state = 'to_post') AS letters,
       EXISTS (SELECT 1 FROM scenarios_schedule s JOIN scenarios_planstep p ON p.organization_id = s.organization_id
               AND p.version_id = s.version_id AND p.key = s.next_step_key
               JOIN customers_customer c ON c.organization_id = s.organization_id AND c.id = s.customer_id
               WHERE p.phase = %(legal)s AND (s.next_on <= %(warned)s OR s.reason = 'awaiting_approval')
               AND (c.owner_warned_on IS NULL OR c.owner_warned_on <= s.last_done_on)) AS legal_steps,
       EXISTS (SELECT 1 FROM invoices_payment p WHERE p.customer_id IS NULL AND p.unallocated > 0 AND p.cancelled_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM scenarios_task t WHERE t.organization_id = p.organization_id AND t.payment_id = p.id
                               AND t.kind = 'match_receipt')) AS receipts,
       EXISTS (SELECT 1 FROM invoices_installment WHERE triage = 'waiting' AND outstanding > 0) AS triage,
       EXISTS (SELECT 1 FROM invoices_dispute d WHERE d.state = 'open'
               AND NOT EXISTS (SELECT 1 FROM scenarios_task t WHERE t.organization_id = d.organization_id AND t.dispute_id = d.id
                               AND t.kind = 'answer_dispute')) AS disputes,
       EXISTS (SELECT 1 FROM invoices_hold h WHERE h.released_on IS NULL AND h.side = 'ours' AND h.ends_on >= %(today)s
               AND NOT EXISTS (SELECT 1 FROM scenarios_task t WHERE t.organization_id = h.organization_id AND t.hold_id = h.id))
           AS our_holds,
       EXISTS (SELECT 1 FROM customers_customer WHERE reply_pending_since IS NOT NULL) AS replies,
       EXISTS (SELECT 1 FROM customers_customer WHERE insolvency_opened_on IS NOT NULL) AS insolvencies,
       EXISTS (SELECT 1 FROM invoices_installment i JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
               WHERE i.outstanding > 0 AND i.due_on < %(today)s AND coalesce(v.delivered_on, v.issued_on) <= %(aged)s)
           OR EXISTS (SELECT 1 FROM scenarios_task WHERE kind = 'limitation' AND state = 'open') AS limitations
"""


def _what_waits(frame: Frame) -> dict[str, bool]:
    """Whether there is anything at all for each part to look at, in one question: most mornings there is little."""
    with connection.cursor() as cursor:
        days = {
            "today": frame.today,
            "oldest": frame.today - timedelta(days=ALERT_AFTER),
            "warned": _warned_until(frame),
            "aged": frame.today - LOOKED_AT,
        }
        ask(cursor, _WAITING, {**days, "legal": int(Phase.LEGAL)})
        (row,) = cursor.fetchall()
        return {column.name: there for column, there in zip(cursor.description, row, strict=True)}


# --- pauses and disputes -----------------------------------------------------------------------------------------------------------------


def _lapsed_requests(frame: Frame, now: datetime) -> int:
    """Rule 7: a pause that was asked for and not answered by its day is not placed; the task about it is over."""
    lapsed = lapse_hold_requests(actor=ACTOR, today=frame.today, now=now)
    tasks = list(Task.objects.filter(key__in=[f"hold_request:{row.pk}" for row in lapsed], state=TaskState.OPEN))
    effects.close_tasks(tasks, state=TaskState.NOT_DONE, outcome="lapsed", actor=ACTOR, now=now)
    return len(lapsed)


def _expired_holds(frame: Frame, now: datetime) -> int:
    """Rule 7: a pause of our own past its end never resumes by itself; the owner's manager is told."""
    expired = escalate_expired_holds(actor=ACTOR, today=frame.today, now=now)
    amounts = work.open_amounts(expired)
    for hold in expired:
        amount, currency = amounts.get(hold.pk, (0, frame.profile.default_currency))
        effects.open_once(
            kind=TaskKind.HOLD_EXPIRED,
            key=f"hold_expired:{hold.pk}",
            today=frame.today,
            now=now,
            customer_id=hold.customer_id,
            installment_id=hold.installment_id,
            hold=hold,
            amount=amount,
            currency=currency,
            alerted_on=frame.today,
        )
    return len(expired)


# --- tasks that grow old -----------------------------------------------------------------------------------------------------------------


def _old_tasks(frame: Frame, now: datetime) -> tuple[int, int]:
    """Rule 9: calls and tasks of the plan open 5 business days are told to the manager, open 8 closed as not done, and the plan goes on.

    An approval and a legal step are told and never closed by time. A call put off to an agreed day counts from that day.
    """
    today = frame.today.toordinal()
    oldest = frame.today - timedelta(days=ALERT_AFTER)  # business days are never fewer
    tasks = list(Task.objects.filter(state=TaskState.OPEN, due_on__lte=oldest).exclude(kind=TaskKind.POST_LETTER).order_by("due_on", "pk"))
    steps = _steps_of([task.pk for task in tasks])
    closing: list[Task] = []
    alerting: list[UUID] = []
    for task in tasks:
        actions = steps.get(task.pk, [])
        since = max(task.opened_on, task.due_on).toordinal()
        expires = bool(actions) and all(action.phase < Phase.LEGAL and action.channel in HUMAN_CHANNELS for action in actions)
        age = call_age(since, frame.calendar, today) if expires else approval_age(since, frame.calendar, today)
        if age is Age.CLOSE:
            closing.append(task)
        elif age is Age.ALERT and task.alerted_on is None:
            alerting.append(task.pk)
    Task.objects.filter(pk__in=alerting).update(alerted_on=frame.today)
    effects.close_tasks(closing, state=TaskState.NOT_DONE, outcome=Reason.NOT_DONE, actor=ACTOR, now=now)
    effects.give_up((action for task in closing for action in steps[task.pk]), state=ActionState.SKIPPED, reason=Reason.NOT_DONE)
    return len(alerting), len(closing)


def _steps_of(task_ids: Collection[UUID]) -> dict[UUID, list[Action]]:
    steps: dict[UUID, list[Action]] = {}
    for action in Action.objects.filter(task__in=list(task_ids), state=ActionState.PLANNED):
        if action.task_id is not None:
            steps.setdefault(action.task_id, []).append(action)
    return steps


def _late_letters(frame: Frame, now: datetime) -> int:
    """Rule 9: a letter printed and not posted after 3 business days."""
    today = frame.today.toordinal()
    printed = (MessageState.TO_POST, MessageState.ENTRUSTED)  # by us, or by a postal service that should have posted it by now
    waiting = Message.objects.filter(state__in=printed, channel__in=PAPER_CHANNELS, frozen_at__isnull=False)
    late = [
        message
        for message in waiting
        if message.frozen_at is not None
        and posting_is_late(message.frozen_at.astimezone(frame.zone).date().toordinal(), frame.calendar, today)
    ]
    return sum(
        effects.open_once(
            kind=TaskKind.POST_LETTER,
            key=f"post:{message.pk}",
            today=frame.today,
            now=now,
            customer_id=message.customer_id,
            message=message,
            amount=message.amount,
            currency=message.currency,
            alerted_on=frame.today,
        )
        is not None
        for message in late
    )


# --- the owner is told before a legal step -----------------------------------------------------------------------------------------------


def _warn_owners(frame: Frame, now: datetime) -> int:
    """Rule 11: the account owner hears of a legal step two business days before it, once for each step that comes.

    A step that something held back until its very day is told of while it waits for approval, which is not given before. A warning given
    before the item's last done step was about another one, and is given again.
    """
    until = _warned_until(frame)
    legal = set(PlanStep.objects.filter(phase=Phase.LEGAL).values_list("version_id", "key"))
    if not legal:
        return 0
    coming = Schedule.objects.filter(
        Q(next_on__lte=until, reason__in=_COMING) | Q(reason=Reason.AWAITING_APPROVAL),
        version__in={version for version, _key in legal},
        next_step_key__in={key for _version, key in legal},
    ).select_related("customer__account_owner", "installment__invoice")
    by_customer: dict[UUID, list[Schedule]] = {}
    for row in coming.order_by("customer_id", "installment__due_on"):
        warned_on = row.customer.owner_warned_on
        fresh = warned_on is not None and (row.last_done_on is None or warned_on > row.last_done_on)
        if (row.version_id, row.next_step_key) in legal and not fresh:
            by_customer.setdefault(row.customer_id, []).append(row)
    for rows in by_customer.values():
        customer = rows[0].customer
        owner = in_charge_of(customer)
        record_owner_warned(customer=customer, actor=ACTOR, today=frame.today, now=now)
        if owner is None:
            continue
        outside.write(
            customer=customer,
            kind=MessageKind.INTERNAL,
            template_key="owner_warning",
            items=[row.installment_id for row in rows],
            recipient=(str(owner), owner.email),
            language=owner.language,
            actor=ACTOR,
            today=frame.today,
            now=now,
        )
    return len(by_customer)


def _warned_until(frame: Frame) -> date:
    """The last day whose legal steps are announced today."""
    return date.fromordinal(frame.calendar.add_bd_ordinal(frame.today.toordinal(), frame.policy.owner_warning))


def in_charge_of(customer: Customer) -> User | None:
    """Whom to tell of a customer's affairs: its account owner, else the organization's owner, else an administrator."""
    if customer.account_owner is not None:
        return customer.account_owner
    members = Membership.objects.select_related("user").filter(
        organization=current_organization_id(), role__in=[Role.OWNER, Role.ADMIN], user__is_active=True
    )
    ranked = sorted(members, key=lambda member: (member.role != Role.OWNER, member.created_at))
    return ranked[0].user if ranked else None


# --- receipts, old items -----------------------------------------------------------------------------------------------------------------


def _unmatched_receipts(frame: Frame, now: datetime) -> int:
    """Rule 8: a receipt nobody recognised holds its possible payers for 3 business days; then a person must say whose it is."""
    today = frame.today.toordinal()
    before = date.fromordinal(frame.calendar.add_bd_ordinal(today, -UNMATCHED_AFTER))
    receipts = Payment.objects.filter(customer=None, cancelled_at=None, unallocated__gt=0, entered_on__lt=before)
    known = Task.objects.filter(kind=TaskKind.MATCH_RECEIPT, payment__isnull=False).values("payment")
    return sum(
        effects.open_once(
            kind=TaskKind.MATCH_RECEIPT,
            key=f"match:{payment.pk}",
            today=frame.today,
            now=now,
            payment=payment,
            amount=payment.unallocated,
            currency=payment.currency,
        )
        is not None
        for payment in receipts.exclude(pk__in=known).order_by("received_on", "pk")
    )


def _triage(frame: Frame, now: datetime) -> int:
    """Rule 3: what was long overdue at the first import waits for a person's choice, one task for each customer."""
    waiting = (
        Installment.objects.filter(triage=TriageChoice.WAITING, outstanding__gt=0)
        .values("customer_id", "invoice__currency")
        .annotate(open=Sum("outstanding"))
        .order_by("customer_id", "-open")
    )
    return sum(
        effects.open_once(
            kind=TaskKind.TRIAGE,
            key=f"triage:{row['customer_id']}",
            today=frame.today,
            now=now,
            customer_id=row["customer_id"],
            amount=row["open"],
            currency=row["invoice__currency"],
        )
        is not None
        for row in waiting
    )
