"""The five stories of the demonstration, told in its last ten weeks so that a reader finds them on the board, the desk and the records.

1. A transfer that covers three subsidiaries, a receipt nobody can name, a reminder that crossed a payment and gets its apology.
2. Forty invoices and one message: late ones, a price dispute, a retention, a residue, money on account.
3. The formal notice that waits for one delivery note.
4. 128 000 € frozen by us: two credit notes, an expired hold, an absence reply nobody read.
5. An insolvency, and an account number that is not ours.

Days are counted back from the board day. An event whose trace is there already is not told twice.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from stdnum import luhn

from customers.enums import ContactRole, CustomerKind, EndOfMonth, InsolvencyKind, PaymentMeans
from customers.models import Contact, Customer
from customers.services import record_insolvency, set_payer
from dunning.core.enums import Language
from dunning.core.money import format_date
from invoices.enums import DisputeReason, DisputeState, HoldKind, InstallmentKind
from invoices.models import Hold, Installment, Invoice, Payment
from invoices.services.acts import says_paid
from invoices.services.disputes import close_dispute, open_dispute
from invoices.services.drafts import InstallmentDraft, InvoiceDraft, PaymentDraft
from invoices.services.holds import place_hold
from invoices.services.invoices import issue_invoice
from invoices.services.payments import record_payment
from notifications import mailbox
from notifications.enums import LEFT
from notifications.models import Message
from scenarios.enums import CallOutcome, TaskKind, TaskState
from scenarios.models import Task
from scenarios.services.calls import record_call
from scenarios.simulation.book import OPEN, Sale
from scenarios.simulation.cast import PROMPT, Character, Person
from scenarios.simulation.trade import Trade

ACTOR: Final = "demo"
PAYER, SUBSIDIARIES = "C90001", ("C90002", "C90003", "C90004")
CROSSED, FORTY, NOTICE = "C90005", "C90010", "C90020"
CREDIT_1, CREDIT_2, EXPIRED, ABSENT = "C90030", "C90031", "C90032", "C90033"
INSOLVENT, FALSE_IBAN = "C90040", "C90041"
FROZEN: Final = {CREDIT_1: Decimal(51300), CREDIT_2: Decimal(32700), EXPIRED: Decimal(29000), ABSENT: Decimal(15000)}

_NAMES: Final = {
    PAYER: "Groupe Beauregard SA",
    "C90002": "Beauregard Bâtiment SARL",
    "C90003": "Beauregard Travaux SARL",
    "C90004": "Beauregard Services SARL",
    CROSSED: "Atelier Marronnier SARL",
    FORTY: "Résidences des Hautes Rives SAS",
    NOTICE: "Charpentes Valmont SARL",
    CREDIT_1: "Hôtel du Belvédère SA",
    CREDIT_2: "Promotion Grand Large SAS",
    EXPIRED: "Clinique des Trois Chênes SA",
    ABSENT: "Laboratoire Fontaine SAS",
    INSOLVENT: "Constructions Roche-Brune SARL",
    FALSE_IBAN: "Garage des Tilleuls SARL",
}
# How many business days before the board, and what happens.
Told = tuple[tuple[int, Callable[[date, datetime], None]], ...]
_SIRENS: Final = "99998"  # another unassigned range


def story_cast() -> list[Character]:
    """The customers the stories are about."""
    return [_character(number, name, place) for place, (number, name) in enumerate(_NAMES.items())]


def _character(number: str, name: str, place: int) -> Character:
    stem = f"{_SIRENS}{place:03d}"
    host = f"{number.lower()}.example"
    people = [Person("Mme Fabre", ContactRole.ACCOUNTING, f"compta@{host}", f"+33639980{place:03d}")]
    people.append(Person("M. Leroy", ContactRole.FINANCE_MANAGER, f"finances@{host}"))
    return Character(
        number=number,
        name=name,
        kind=CustomerKind.BUSINESS,
        group="regular",
        habit=PROMPT,
        rhythm=0,
        median=0,
        legal_form=name.rsplit(" ", 1)[1],
        siren=stem + luhn.calc_check_digit(stem),
        language=Language.FRENCH,
        means=PaymentMeans.TRANSFER,
        terms=(30, EndOfMonth.NONE),
        address=(f"{place + 3} rue du Récit", "69003", "Lyon"),
        representative="Camille Rosier",
        people=tuple(people),
    )


def tie_together(*, today: date, now: datetime) -> None:
    """The group pays for its three subsidiaries."""
    payer = Customer.objects.get(number=PAYER)
    for customer in Customer.objects.filter(number__in=SUBSIDIARIES):
        set_payer(customer=customer, payer=payer, actor=ACTOR, today=today, now=now)


class Stories:
    """Each day may add a line to a story."""

    def __init__(self, trade: Trade, board_day: date) -> None:
        self.trade = trade
        self.board_day = board_day
        self._mornings: Told = ((65, self._notice_begins), (24, self._invoices), (8, self._forty_is_contested), (6, self._freeze))
        self._afternoons: Told = ((1, self._payment_crosses), (5, self._absence), (0, self._monday), (0, self._insolvency))

    def morning(self, today: date, now: datetime) -> None:
        self._tell(self._mornings, today, now)

    def at_work(self, today: date, now: datetime) -> None:
        self._answer_the_phone(today, now)
        self._tell(self._afternoons, today, now)

    def days(self) -> list[date]:
        """The days on which something is told."""
        return sorted({OPEN.add_business_days(self.board_day, -days) for days, _ in (*self._mornings, *self._afternoons)})

    def _tell(self, events: Told, today: date, now: datetime) -> None:
        for days, tell in events:
            if OPEN.add_business_days(self.board_day, -days) == today:
                tell(today, now)

    # --- telling -----------------------------------------------------------------------------------------------------------------------

    def _issue(
        self, number: str, ordinal: int, gross: Decimal, due_on: date, today: date, now: datetime, **extra: Any
    ) -> Installment | None:
        """One invoice of a story, in a series of its own; None when it was issued already."""
        name = f"FB-{today.year}-{number[-2:]}{ordinal:03d}"
        if Invoice.objects.filter(number=name).exists():
            return None
        sale = Sale(
            character=_character(number, _NAMES[number], 0),
            gross=gross,
            label=extra.pop("label", "Menuiseries extérieures, lot 2"),
            vat=Decimal(20),
            purchase_order=f"CDE-{number[-4:]}{ordinal:02d}",
            has_delivery_note=extra.pop("delivery_note", True),
        )
        draft: InvoiceDraft = self.trade.draft(sale, name, today, now, due_on=due_on, **extra)
        invoice = issue_invoice(draft=draft, actor=ACTOR, today=today, now=now)
        return Installment.objects.filter(invoice=invoice).order_by("position").first()

    def _customer(self, number: str) -> Customer:
        return Customer.objects.get(number=number)

    def _notice_begins(self, today: date, now: datetime) -> None:
        """Story 3: two invoices, the delivery note of the second is missing; of a third only the retention is left, due next year."""
        due_on = OPEN.add_business_days(self.board_day, -42)
        self._issue(NOTICE, 1, Decimal("8640.00"), due_on, today, now)
        self._issue(NOTICE, 2, Decimal("3912.50"), due_on, today, now, delivery_note=False)
        matures_on = self.board_day + timedelta(days=300)
        retained = (InstallmentDraft(due_on=matures_on, amount=Decimal("425.00"), kind=InstallmentKind.RETENTION),)
        self._issue(NOTICE, 3, Decimal("425.00"), matures_on, today, now, installments=retained, label="Retenue de garantie")

    def _invoices(self, today: date, now: datetime) -> None:
        """Everything the other stories are about falls due two business days before the board, or a little later."""
        late = OPEN.add_business_days(self.board_day, -2)
        for place, number in enumerate(SUBSIDIARIES):
            self._issue(number, 1, Decimal(4200 + 1150 * place), late, today, now)
        self._issue(CROSSED, 1, Decimal("2376.00"), OPEN.add_business_days(self.board_day, -5), today, now)
        for number, amount in FROZEN.items():
            self._issue(number, 1, amount, OPEN.add_business_days(self.board_day, -9), today, now)
        self._issue(INSOLVENT, 1, Decimal("11240.00"), late, today, now)
        self._issue(FALSE_IBAN, 1, Decimal("5304.00"), OPEN.add_business_days(self.board_day, -5), today, now)
        self._forty(late, today, now)

    def _forty(self, late: date, today: date, now: datetime) -> None:
        """Story 2: three late ones, a contested one, a retention of 5 %, a residue of 4.37, the rest to come."""
        for ordinal, amount in enumerate(("1860.00", "942.60", "3120.00"), start=1):
            self._issue(FORTY, ordinal, Decimal(amount), late, today, now)
        self._issue(FORTY, 4, Decimal("2712.00"), late, today, now, label="Portes palières : prix contesté")
        retained = (
            InstallmentDraft(due_on=self.board_day + timedelta(days=20), amount=Decimal("7600.00")),
            InstallmentDraft(due_on=self.board_day + timedelta(days=300), amount=Decimal("400.00"), kind=InstallmentKind.RETENTION),
        )
        self._issue(FORTY, 5, Decimal("8000.00"), retained[1].due_on, today, now, installments=retained, label="Escalier, retenue de 5 %")
        residue = self._issue(FORTY, 6, Decimal("804.37"), late, today, now)
        for ordinal in range(7, 41):
            self._issue(FORTY, ordinal, Decimal(380 + 37 * ordinal), self.board_day + timedelta(days=5 + ordinal), today, now)
        if residue is not None:
            paid = ((residue, Decimal("800.00")),)
            self._receive("residue", self._customer(FORTY), Decimal("800.00"), today, today, now, allocations=paid)
            self._receive("account", self._customer(FORTY), Decimal("1000.00"), today, today, now, allocations=())

    def _receive(self, name: str, customer: Customer | None, amount: Decimal, on: date, today: date, now: datetime, **extra: Any) -> None:
        reference = f"RECIT-{name}"
        if Payment.objects.filter(external_reference=reference).exists():
            return
        draft = PaymentDraft(amount=amount, received_on=on, customer=customer, external_reference=reference, **extra)
        record_payment(draft=draft, actor=ACTOR, today=today, now=now)

    def _item(self, number: str, ordinal: int) -> Installment | None:
        numbers = Invoice.objects.filter(customer__number=number, number__endswith=f"{number[-2:]}{ordinal:03d}")
        return Installment.objects.filter(invoice__in=numbers, outstanding__gt=0).order_by("position").first()

    def _forty_is_contested(self, today: date, now: datetime) -> None:
        """Story 2: the price of the doors was wrong; a credit note of 312.00 is owed."""
        item = self._item(FORTY, 4)
        if item is None or item.disputes.exists():
            return
        contested = Decimal("312.00")
        dispute = open_dispute(
            installment=item,
            reason=DisputeReason.UNIT_PRICE,
            amount=contested,
            text="Prix du devis : 260 € la porte",
            actor=ACTOR,
            today=today,
            now=now,
        )
        answer = "Vous avez raison : un avoir de 312,00 € vous sera adressé."
        close_dispute(
            dispute=dispute, outcome=DisputeState.ACCEPTED, text=answer, credit_amount=contested, actor=ACTOR, today=today, now=now
        )

    def _freeze(self, today: date, now: datetime) -> None:
        """Story 4: two credit notes promised and never issued, a document owed until yesterday."""
        for number in (CREDIT_1, CREDIT_2):
            self._hold(number, HoldKind.CREDIT_NOTE_PENDING, OPEN.add_business_days(self.board_day, 3), "Avoir à établir", today, now)
        self._hold(
            EXPIRED, HoldKind.DOCUMENT_OWED, OPEN.add_business_days(self.board_day, -1), "Procès-verbal de réception à fournir", today, now
        )

    def _hold(self, number: str, kind: HoldKind, ends_on: date, reason: str, today: date, now: datetime) -> None:
        item = self._item(number, 1)
        if item is not None and not Hold.objects.filter(installment=item, released_on=None).exists():
            place_hold(installment=item, kind=kind, ends_on=ends_on, reason=reason, actor=ACTOR, today=today, now=now)

    def _payment_crosses(self, today: date, now: datetime) -> None:
        """Story 1: the money was on the account before the reminder left; the apology goes at once."""
        item = self._item(CROSSED, 1)
        if item is not None:
            value_on = OPEN.add_business_days(self.board_day, -5)
            self._receive("crossed", item.customer, item.outstanding, value_on, today, now, allocations=((item, item.outstanding),))

    def _absence(self, today: date, now: datetime) -> None:
        """Story 4: who was reminded answers that she is away, and names who is there instead; nobody has read it."""
        reminded = Message.objects.filter(customer__number=ABSENT, template_key="r1", state__in=LEFT).order_by("planned_on").first()
        if reminded is None or reminded.customer is None or reminded.customer.reply_pending_since is not None:
            return
        instead = Contact.objects.filter(customer=reminded.customer).order_by("position")[1]
        until = format_date(self.board_day + timedelta(days=12), Language.FRENCH, "long")
        text = f"Bonjour,\nJe suis absente jusqu’au {until}. Pour cette facture, merci d’écrire à {instead.name}, {instead.email}."
        mailbox.answer(message_id=reminded.pk, act="reply", text=text, now=now)

    def _monday(self, today: date, now: datetime) -> None:
        """Story 1: Friday's statement. One transfer covers three subsidiaries, another names nobody."""
        total = sum((item.outstanding for number in SUBSIDIARIES if (item := self._item(number, 1)) is not None), Decimal(0))
        on = OPEN.add_business_days(today, -1)
        if total:
            self._receive("group", None, total, on, today, now, payer_name="BEAUREGARD GROUPE", reference_text="VIR FACTURES FILIALES")
        self._receive("unknown", None, Decimal("1284.50"), on, today, now, payer_name="", reference_text="VIREMENT RECU")

    def _insolvency(self, today: date, now: datetime) -> None:
        """Story 5: the judgment is known today; a delivery after it stays payable. Another customer paid an account that is not ours."""
        customer = self._customer(INSOLVENT)
        if not customer.insolvency_kind:
            opened = today - timedelta(days=6)
            record_insolvency(
                customer=customer, kind=InsolvencyKind.RECEIVERSHIP, opened_on=opened, published_on=today, actor=ACTOR, today=today, now=now
            )
            self._issue(INSOLVENT, 2, Decimal("1480.00"), today + timedelta(days=30), today, now, delivered_on=today)
        item = self._item(FALSE_IBAN, 1)
        if item is not None and not item.acts.exists():
            says_paid(
                installments=[item],
                paid_on=today - timedelta(days=2),
                reference="VIR 4471",
                credited_iban_end="4417",
                actor=ACTOR,
                today=today,
                now=now,
            )

    def _answer_the_phone(self, today: date, now: datetime) -> None:
        """Story 3: on the telephone Valmont promises the money for next week, and does not keep its word."""
        calls = Task.objects.select_related("customer").filter(kind=TaskKind.CALL, state=TaskState.OPEN, customer__number=NOTICE)
        for task in calls:
            soon = OPEN.roll(today + timedelta(days=3))
            details = {"date": soon, "person": "Mme Fabre"}
            record_call(task=task, outcome=CallOutcome.PROMISE, actor=ACTOR, today=today, now=now, details=details)
