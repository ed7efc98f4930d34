"""The demonstration's business: invoices go out in the morning, money comes in when its customers' habits say so."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from customers.models import Customer
from dunning.core import documents
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_profile
from invoices.enums import DisputeState, HoldKind, InvoiceState, PromiseState
from invoices.models import Dispute, Hold, Installment, Invoice, Payment, Promise
from invoices.references import printed_reference, reference_for
from invoices.services.drafts import InstallmentDraft, InvoiceDraft, PaymentDraft
from invoices.services.invoices import due_date_for, issue_invoices
from invoices.services.ledger import certify_ledger
from invoices.services.payments import identify_payment, record_payments
from scenarios.models import Action
from scenarios.simulation.book import OPEN, Sale, intended_day, is_hurried_by, pays_part, roll, sales_of
from scenarios.simulation.cast import Character, cast
from scenarios.simulation.paper import Sheet, draw

ACTOR: Final = "demo"
CENT: Final = Decimal("0.01")


class Trade:
    """Issues the day's invoices and records the day's receipts. What it knows of the future is a function of the seed."""

    def __init__(self) -> None:
        self.characters = {character.number: character for character in cast()}
        self.profile: OrganizationProfile = get_profile()
        self.customers = {customer.number: customer for customer in Customer.objects.all()}
        self._days: dict[str, date] = {}  # invoice number -> when its customer means to pay
        self._split: set[str] = set()

    def character_of(self, customer: Customer) -> Character | None:
        return self.characters.get(customer.number)

    # --- invoices ----------------------------------------------------------------------------------------------------------------------

    def issue(self, today: date, now: datetime) -> None:
        """The day's invoices, each with its copy and most with their delivery note."""
        sales = sales_of(today, list(self.characters.values()))
        if not sales:
            return
        start = Invoice.objects.filter(number__startswith=f"FA-{today.year}-").count()
        numbers = [f"FA-{today.year}-{start + place:05d}" for place in range(1, len(sales) + 1)]
        plain = [self._draft(sale, number, today) for sale, number in zip(sales, numbers, strict=True)]
        issue_invoices(drafts=self._with_papers(sales, plain, now), actor=ACTOR, today=today, now=now)

    def draft(
        self,
        sale: Sale,
        number: str,
        today: date,
        now: datetime,
        *,
        due_on: date | None = None,
        delivered_on: date | None = None,
        installments: tuple[InstallmentDraft, ...] = (),
    ) -> InvoiceDraft:
        """The invoice of a sale, with its papers; due as the customer's terms say, unless `due_on`."""
        plain = self._draft(sale, number, today, due_on=due_on, delivered_on=delivered_on, installments=installments)
        return self._with_papers([sale], [plain], now)[0]

    def _draft(
        self,
        sale: Sale,
        number: str,
        today: date,
        *,
        due_on: date | None = None,
        delivered_on: date | None = None,
        installments: tuple[InstallmentDraft, ...] = (),
    ) -> InvoiceDraft:
        customer = self.customers[sale.character.number]
        return InvoiceDraft(
            customer=customer,
            number=number,
            issued_on=today,
            gross=sale.gross,
            due_on=due_on or due_date_for(customer, today),
            delivered_on=delivered_on or OPEN.roll_back(today - timedelta(days=2)),
            label=sale.label,
            purchase_order=sale.purchase_order,
            installments=installments,
        )

    def _with_papers(self, sales: Sequence[Sale], drafts: Sequence[InvoiceDraft], now: datetime) -> list[InvoiceDraft]:
        """The drafts with their copies and delivery notes, kept together."""
        sheets = [sheet for sale, draft in zip(sales, drafts, strict=True) for sheet in self._papers(sale, draft)]
        files = [documents.File(draw(sheet, self.profile), "application/pdf", f"{sheet.number}.pdf") for sheet in sheets]
        kept = iter(documents.store_all(files=files, now=now))
        return [
            replace(draft, document=next(kept), delivery_proof=next(kept) if sale.has_delivery_note else None)
            for sale, draft in zip(sales, drafts, strict=True)
        ]

    def _papers(self, sale: Sale, draft: InvoiceDraft) -> list[Sheet]:
        """The invoice's page, then its delivery note's."""
        number, french = draft.number, draft.customer.language == "fr"
        sheets = [self._sheet(sale, "Facture" if french else "Invoice", number, draft.issued_on, draft.due_on, draft.customer)]
        if sale.has_delivery_note and draft.delivered_on is not None:
            title = "Bon de livraison" if french else "Delivery note"
            sheets.append(self._sheet(sale, title, number.replace("F", "B", 1), draft.delivered_on, None, draft.customer))
        return sheets

    def _sheet(self, sale: Sale, title: str, number: str, on: date, due_on: date | None, customer: Customer) -> Sheet:
        return Sheet(
            title=title,
            number=number,
            issued_on=on,
            due_on=due_on,
            customer=(customer.name, customer.address_line1, f"{customer.postal_code} {customer.city}"),
            label=sale.label,
            gross=sale.gross,
            vat=sale.vat,
            language=customer.language,
            purchase_order=sale.purchase_order,
            reference=printed_reference(reference_for(number)) if due_on else "",
        )

    # --- money -------------------------------------------------------------------------------------------------------------------------

    def receive(self, today: date, now: datetime) -> None:
        """Yesterday's bank statement: one transfer for each customer who pays, referenced as customers do."""
        if not OPEN.is_business_day(today):
            return
        due: dict[str, list[tuple[Installment, Decimal]]] = defaultdict(list)
        for item in self._open_items():
            amount = self._pays_today(item, today)
            if amount:
                due[item.customer.number].append((item, amount))
        drafts = [self._receipt(number, parts, today) for number, parts in due.items()]
        record_payments(drafts=drafts, actor=ACTOR, today=today, now=now)
        self._identify(today, now)
        certify_ledger(through=OPEN.add_business_days(today, -1), actor=ACTOR, today=today, now=now)

    def _open_items(self) -> list[Installment]:
        """What is left to pay, the oldest first; only what this play looks at is read."""
        items = Installment.objects.select_related("invoice", "customer").filter(outstanding__gt=0, invoice__state=InvoiceState.ISSUED)
        self._promises = {p.installment_id: p for p in Promise.objects.filter(state=PromiseState.OPEN)}
        awaited = Hold.objects.filter(kind=HoldKind.CREDIT_NOTE_PENDING, released_on=None, amount__isnull=False)
        self._awaited = dict(awaited.values_list("installment_id", "amount"))
        self._disputed = set(Dispute.objects.filter(state=DisputeState.OPEN).values_list("installment_id", flat=True))
        few = ("due_on", "amount", "outstanding", "invoice__number", "customer__number", "customer__insolvency_kind")
        return list(items.order_by("due_on", "pk").only(*few))

    def _pays_today(self, item: Installment, today: date) -> Decimal:
        character = self.character_of(item.customer)
        if character is None or item.customer.insolvency_kind or item.pk in self._disputed:
            return Decimal(0)
        number = item.invoice.number
        promise = self._promises.get(item.pk)
        if promise is not None:
            keeps = roll("word", number, promise.made_on).random() < character.habit.keeps_word
            day = promise.promised_for if keeps else promise.promised_for + timedelta(days=roll("late", number).randint(9, 40))
            return min(item.outstanding, promise.amount) if OPEN.roll(day) <= today else Decimal(0)
        if number not in self._days:
            self._days[number] = intended_day(number, item.due_on, character.habit)
        if self._days[number] > today:
            return Decimal(0)
        share = pays_part(number)
        if share is not None and item.outstanding == item.amount and number not in self._split:
            self._split.add(number)
            self._days[number] = OPEN.roll(today + timedelta(days=roll("rest", number).randint(8, 30)))
            return (item.amount * share).quantize(CENT)
        return max(Decimal(0), item.outstanding - (self._awaited.get(item.pk) or 0))  # nobody pays what a credit note will take off

    def _receipt(self, number: str, parts: list[tuple[Installment, Decimal]], today: date) -> PaymentDraft:
        customer = self.customers[number]
        draw = roll("receipt", number, today)
        invoices = [item.invoice.number for item, _ in parts]
        amount = sum((amount for _, amount in parts), Decimal(0))
        unknown = draw.random() < 0.015
        return PaymentDraft(
            customer=None if unknown else customer,
            amount=amount,
            received_on=OPEN.add_business_days(today, -1),
            means=customer.payment_means,
            external_reference=f"RELEVE-{today:%Y%m%d}-{number}",
            reference_text="VIREMENT" if unknown else " ".join(invoices),
            payer_name="" if unknown else customer.name,
            payer_iban="" if unknown else customer.iban,
            allocations=None if unknown else tuple(parts),
        )

    def _identify(self, today: date, now: datetime) -> None:
        """A receipt without a name is found out within the week."""
        before = OPEN.add_business_days(today, -3)
        for payment in Payment.objects.filter(customer=None, cancelled_at=None, entered_on__lte=before):
            customer = self.customers.get(payment.external_reference.rsplit("-", 1)[-1])
            if customer is not None:
                identify_payment(payment=payment, customer=customer, actor=ACTOR, today=today, now=now)

    def hurry(self, actions: Iterable[Action], today: date) -> None:
        """A reminder that arrived makes some pay sooner than they meant to."""
        for action in actions:
            character = self.character_of(action.customer)
            if character is None:
                continue
            number = action.installment.invoice.number
            within = is_hurried_by(number, action.step_key, character.habit)
            if within is None:
                continue
            meant = self._days.get(number) or intended_day(number, action.installment.due_on, character.habit)
            self._days[number] = min(meant, OPEN.roll(today + timedelta(days=within)))
