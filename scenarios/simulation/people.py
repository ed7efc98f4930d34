"""What people do in the demonstration: debtors answer, promise and contest; the staff calls, approves, posts and puts things right."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices.enums import ActSource, DisputeReason, DisputeState, HoldKind, InvoiceKind
from invoices.models import Dispute, Hold, Installment, Invoice
from invoices.services.acts import mark_accepted, mark_received
from invoices.services.credit_notes import issue_credit_note
from invoices.services.disputes import close_dispute, open_dispute
from invoices.services.holds import release_hold
from invoices.services.promises import make_promise
from notifications.enums import LetterProof, MessageState
from notifications.models import Message
from notifications.posting import record_letter_proof, record_posting
from notifications.selectors import print_queue
from scenarios.enums import ActionState, CallOutcome, Channel, TaskKind, TaskState
from scenarios.models import Action, Task
from scenarios.services.answers import acknowledge_disputes
from scenarios.services.approvals import approve_messages
from scenarios.services.calls import record_call
from scenarios.services.tasks import complete_task
from scenarios.simulation.book import OPEN, roll
from scenarios.simulation.trade import Trade

STAFF: Final = "demo"
CALLS_A_DAY: Final = 15
REASONS: Final = (
    DisputeReason.UNIT_PRICE,
    DisputeReason.QUANTITY,
    DisputeReason.DELIVERY,
    DisputeReason.ORDER_NUMBER,
    DisputeReason.QUALITY,
)


class People:
    """One business day of everybody around the ledger."""

    def __init__(self, trade: Trade, organization: Organization) -> None:
        self.trade = trade
        self.organization = organization

    def spend(self, today: date, now: datetime) -> None:
        """Debtors read what arrived, then the staff works its desk."""
        if not OPEN.is_business_day(today):
            return
        arrived = list(
            Action.objects.select_related("installment__invoice", "customer").filter(
                state=ActionState.DONE, done_on=today, channel__in=[Channel.EMAIL, Channel.SMS, Channel.REGISTERED]
            )
        )
        self.trade.hurry(arrived, today)
        self._debtors_answer(arrived, today, now)
        self._call(today, now)
        self._approve(today, now)
        self._post(today, now)
        self._settle_disputes(today, now)
        self._clear_desk(today, now)

    # --- debtors -----------------------------------------------------------------------------------------------------------------------

    def _debtors_answer(self, arrived: list[Action], today: date, now: datetime) -> None:
        accepted: dict[UUID, Installment] = {}
        received: dict[UUID, Installment] = {}
        for action in arrived:
            item = action.installment
            character = self.trade.character_of(action.customer)
            if character is None or item.outstanding <= 0:
                continue
            draw = roll("answer", item.invoice.number, action.step_key)
            chance = draw.random()
            if action.step_key.startswith("receipt"):
                if chance < 0.45 * character.habit.talks:
                    accepted[item.pk] = item
                elif chance < 0.8 * character.habit.talks:
                    received[item.pk] = item
            elif action.step_key in ("r1", "r2", "r3"):
                self._answer_reminder(item, chance, draw, character.habit, today, now)
        for mark, items in ((mark_accepted, accepted), (mark_received, received)):
            if items:
                mark(installments=list(items.values()), source=ActSource.REPLY, actor=STAFF, today=today, now=now)

    def _answer_reminder(self, item: Installment, chance: float, draw: Any, habit: Any, today: date, now: datetime) -> None:
        if chance < habit.disputes:
            self._contest(item, draw, today, now)
        elif chance < habit.disputes + 0.12 * habit.talks:
            self._promise(item, draw, ActSource.REPLY, today, now)

    def _contest(self, item: Installment, draw: Any, today: date, now: datetime) -> None:
        amount = (item.outstanding * Decimal(draw.randint(5, 35)) / 100).quantize(Decimal("0.01")) if draw.random() < 0.6 else None
        try:
            dispute = open_dispute(
                installment=item,
                reason=draw.choice(REASONS),
                amount=amount or None,
                source=ActSource.REPLY,
                actor=STAFF,
                today=today,
                now=now,
            )
        except DomainError:
            return  # it is contested already, or settled meanwhile
        acknowledge_disputes(disputes=[dispute], actor=STAFF, today=today, now=now)

    def _promise(self, item: Installment, draw: Any, source: str, today: date, now: datetime) -> None:
        day = OPEN.roll(today + timedelta(days=draw.randint(3, 18)))
        try:
            make_promise(amounts={item: None}, promised_for=day, source=source, actor=STAFF, today=today, now=now)
        except DomainError:
            return  # promised already, or settled meanwhile

    # --- staff -------------------------------------------------------------------------------------------------------------------------

    def _call(self, today: date, now: datetime) -> None:
        calls = Task.objects.select_related("customer").filter(kind=TaskKind.CALL, state=TaskState.OPEN, due_on__lte=today)
        for task in calls.order_by("opened_on", "-amount", "pk")[:CALLS_A_DAY]:
            if task.not_before is not None and task.not_before > now:
                continue
            character = self.trade.character_of(task.customer) if task.customer is not None else None
            if character is None:
                continue  # a customer of the stories: they make their own calls
            outcome, details = self._said_on_the_phone(task, character, today)
            try:
                record_call(task=task, outcome=outcome, actor=STAFF, today=today, now=now, details=details)
            except DomainError:
                continue  # three attempts this week already, or nothing left to talk about

    def _said_on_the_phone(self, task: Task, character: Any, today: date) -> tuple[CallOutcome, dict[str, Any]]:
        draw = roll("call", task.customer.number if task.customer else "", today)
        talks = character.habit.talks if character is not None else 0.6
        if draw.random() > 0.35 + talks / 2:
            return draw.choice((CallOutcome.NO_ANSWER, CallOutcome.VOICEMAIL)), {}
        chance = draw.random()
        soon = OPEN.roll(today + timedelta(days=draw.randint(3, 15)))
        if chance < 0.5:
            return CallOutcome.PROMISE, {"date": soon}
        if chance < 0.65:
            return CallOutcome.PAYMENT_SENT, {"date": OPEN.add_business_days(today, -1)}
        if chance < 0.75:
            return CallOutcome.IN_VALIDATION, {"date": soon}
        if chance < 0.82:
            return CallOutcome.DISPUTE, {"reason": draw.choice(REASONS)}
        if chance < 0.9:
            return CallOutcome.NEXT_PAY_RUN, {"date": soon}
        return CallOutcome.REFUSAL, {}

    def _approve(self, today: date, now: datetime) -> None:
        """What waits since yesterday is approved; a legal message whose check list is not green stays, as in life."""
        waiting = Message.objects.filter(state=MessageState.AWAITING_APPROVAL, planned_on__lt=today).values_list("pk", flat=True)
        if waiting:
            approve_messages(message_ids=list(waiting), organization=self.organization, actor=STAFF, today=today, now=now)

    def _post(self, today: date, now: datetime) -> None:
        for letter in print_queue():
            number = (
                f"1A {roll('letter', letter.pk).randint(100, 999)} {today:%j} {letter.planned_on:%j} {roll('no', letter.pk).randint(0, 9)}"
            )
            record_posting(message_id=letter.pk, posted_on=today, tracking_number=number, actor=STAFF, now=now)
        before = OPEN.add_business_days(today, -3)
        posted = Message.objects.filter(channel=Channel.REGISTERED, state=MessageState.ACCEPTED, posted_on__lte=before, proof="posted")
        for letter in posted:
            outcomes = (LetterProof.DELIVERED, LetterProof.UNCLAIMED, LetterProof.REFUSED)
            proof = roll("proof", letter.pk).choices(outcomes, (80, 15, 5))[0]
            record_letter_proof(message_id=letter.pk, proof=proof, on=today, actor=STAFF, now=now)

    def _settle_disputes(self, today: date, now: datetime) -> None:
        disputes = Dispute.objects.select_related("installment__invoice", "customer").filter(state=DisputeState.OPEN)
        for dispute in disputes.filter(answer_due_on__lte=today, customer__number__in=self.trade.characters):
            draw = roll("verdict", dispute.installment.invoice.number)
            if draw.random() < 0.6:
                close_dispute(dispute=dispute, outcome=DisputeState.ACCEPTED, text="Avoir accordé", actor=STAFF, today=today, now=now)
            else:
                text = "Après vérification, la facture est conforme à votre commande."
                close_dispute(dispute=dispute, outcome=DisputeState.REJECTED, text=text, actor=STAFF, today=today, now=now)
        for hold in Hold.objects.select_related("installment__invoice", "customer").filter(
            kind=HoldKind.CREDIT_NOTE_PENDING,
            released_on=None,
            starts_on__lte=OPEN.add_business_days(today, -4),
            customer__number__in=self.trade.characters,
        ):
            self._credit(hold, today, now)

    def _credit(self, hold: Hold, today: date, now: datetime) -> None:
        if hold.installment is None or hold.installment.outstanding <= 0:
            return
        count = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE, number__startswith=f"AV-{today.year}-").count() + 1
        issue_credit_note(
            customer=hold.customer,
            number=f"AV-{today.year}-{count:05d}",
            issued_on=today,
            gross=min(hold.amount or hold.installment.outstanding, hold.installment.outstanding),
            currency=hold.installment.invoice.currency,
            credited_invoice=hold.installment.invoice,
            label="Avoir",
            actor=STAFF,
            today=today,
            now=now,
        )

    def _clear_desk(self, today: date, now: datetime) -> None:
        """Everything else is done within three days; what froze because of us is freed."""
        before = OPEN.add_business_days(today, -3)
        quick = [TaskKind.SUPPLY_DOCUMENT, TaskKind.CHORUS_STATUS, TaskKind.DECISION, TaskKind.OTHER, TaskKind.HAND_OVER]
        for task in Task.objects.filter(kind__in=quick, state=TaskState.OPEN, opened_on__lte=before).exclude(
            customer__number__startswith="C9"
        ):
            complete_task(task=task, actor=STAFF, today=today, now=now)
        ours = (HoldKind.DOCUMENT_OWED, HoldKind.COMPENSATION, HoldKind.OTHER_PAYER)
        mine = {"customer__number__in": self.trade.characters}
        for hold in Hold.objects.filter(kind__in=ours, released_on=None, starts_on__lte=before, **mine):
            release_hold(hold=hold, reason="Réglé avec le client", actor=STAFF, today=today, now=now)
