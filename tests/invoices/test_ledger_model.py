"""Whatever is done to the ledger, in whatever order, it agrees with a notebook kept beside it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from dunning.core.errors import DomainError
from dunning.core.tenancy import tenant
from invoices import services
from invoices.models import Allocation, Installment, Invoice, Payment
from invoices.selectors import customer_statement, ledger_balance
from invoices.services import InstallmentDraft, InvoiceDraft, PaymentDraft
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at

pytestmark = pytest.mark.django_db
TODAY = date(2026, 10, 5)
CENTS = st.integers(min_value=1, max_value=50_000).map(lambda cents: Decimal(cents) / 100)


class Rollback(Exception):
    """Ends one run without a trace."""


class Ledger(RuleBasedStateMachine):
    """The notebook: what each item is owed, each payment and credit note has left, and which allocation moved what."""

    def __init__(self) -> None:
        super().__init__()
        self.scope = self._scope()
        next(self.scope)
        self.owed: dict[object, Decimal] = {}
        self.sources: dict[object, Decimal] = {}
        self.currency: dict[object, str] = {}
        self.number = 0

    def _scope(self) -> Iterator[None]:
        try:
            with transaction.atomic():
                organization = make_organization()
                with tenant(organization):
                    self.customer = make_customer()
                    yield
                    raise Rollback
        except Rollback:
            yield

    def teardown(self) -> None:
        next(self.scope)

    def name(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}-2026-{self.number:04d}"

    def book(self, allocations: list[Allocation]) -> None:
        for part in allocations:
            self.owed[part.installment_id] -= part.amount
            self.sources[part.payment_id or part.credit_note_id] -= part.amount

    @rule(amounts=st.lists(CENTS, min_size=1, max_size=3), currency=st.sampled_from(["EUR", "EUR", "USD"]), days=st.integers(0, 60))
    def issue(self, amounts: list[Decimal], currency: str, days: int) -> None:
        due = date.fromordinal(TODAY.toordinal() - 30 + days)
        parts = tuple(InstallmentDraft(due_on=due, amount=amount) for amount in amounts)
        draft = InvoiceDraft(
            customer=self.customer,
            number=self.name("FA"),
            issued_on=date(2026, 8, 1),
            gross=sum(amounts, Decimal(0)),
            currency=currency,
            installments=parts,
        )
        invoice = services.issue_invoice(draft=draft, **at(TODAY))
        for item in Installment.objects.filter(invoice=invoice):
            self.owed[item.pk], self.currency[item.pk] = item.amount, currency

    @rule(amount=CENTS, currency=st.sampled_from(["EUR", "EUR", "USD"]), on_account=st.booleans())
    def receive(self, amount: Decimal, currency: str, on_account: bool) -> None:
        draft = PaymentDraft(
            customer=self.customer, amount=amount, currency=currency, received_on=TODAY, allocations=() if on_account else None
        )
        payment = services.record_payment(draft=draft, **at(TODAY)).payment
        self.sources[payment.pk], self.currency[payment.pk] = amount, currency
        self.book(list(Allocation.objects.filter(payment=payment)))
        open_ = sum(owed for key, owed in self.owed.items() if self.currency[key] == currency)
        assert on_account or self.sources[payment.pk] == 0 or open_ == 0

    @rule(amount=CENTS, data=st.data())
    def credit(self, amount: Decimal, data: st.DataObject) -> None:
        invoices = list(Invoice.objects.filter(kind="invoice", state="issued").order_by("number"))
        corrected = data.draw(st.sampled_from([None, *invoices])) if invoices else None
        currency = corrected.currency if corrected else "EUR"
        note = services.issue_credit_note(
            customer=self.customer,
            number=self.name("AV"),
            issued_on=TODAY,
            gross=amount,
            currency=currency,
            credited_invoice=corrected,
            **at(TODAY),
        )
        self.sources[note.pk], self.currency[note.pk] = amount, currency
        self.book(list(Allocation.objects.filter(credit_note=note)))

    @rule()
    def spend_credit_notes(self) -> None:
        self.book(services.allocate_credit_notes(customer=self.customer, **at(TODAY)))

    @precondition(lambda self: self.owed and self.sources)
    @rule(data=st.data(), amount=CENTS)
    def allocate(self, data: st.DataObject, amount: Decimal) -> None:
        payments = list(Payment.objects.filter(cancelled_at=None).order_by("pk"))
        if not payments:
            return
        payment = data.draw(st.sampled_from(payments))
        item = Installment.objects.get(pk=data.draw(st.sampled_from(sorted(self.owed))))
        fits = amount <= self.sources[payment.pk] and amount <= self.owed[item.pk]
        allowed = fits and self.currency[payment.pk] == self.currency[item.pk]
        try:
            self.book(services.allocate(payment=payment, parts=[(item, amount)], **at(TODAY)))
        except DomainError:
            assert not allowed
        else:
            assert allowed

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        active = list(Allocation.objects.filter(reversed_at=None).order_by("pk"))
        if active:
            part = data.draw(st.sampled_from(active))
            services.reverse_allocation(allocation=part, reason="error", **at(TODAY))
            self.owed[part.installment_id] += part.amount
            self.sources[part.payment_id or part.credit_note_id] += part.amount

    @rule(data=st.data())
    def cancel_payment(self, data: st.DataObject) -> None:
        payments = list(Payment.objects.filter(cancelled_at=None).order_by("pk"))
        if payments:
            payment = data.draw(st.sampled_from(payments))
            for part in Allocation.objects.filter(payment=payment, reversed_at=None):
                self.owed[part.installment_id] += part.amount
            services.cancel_payment(payment=payment, reason="AM04", **at(TODAY))
            self.sources[payment.pk] = Decimal(0)

    @rule(data=st.data())
    def cancel_invoice(self, data: st.DataObject) -> None:
        invoices = list(Invoice.objects.filter(kind="invoice", state="issued").order_by("number"))
        if invoices:
            invoice = data.draw(st.sampled_from(invoices))
            for part in Allocation.objects.filter(installment__invoice=invoice, reversed_at=None):
                self.sources[part.payment_id or part.credit_note_id] += part.amount
            services.cancel_invoice(invoice=invoice, reason="error", **at(TODAY))
            for item in Installment.objects.filter(invoice=invoice):
                self.owed[item.pk] = Decimal(0)

    @precondition(lambda self: any(self.owed.values()))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, owed in self.owed.items() if owed)))
        services.write_off(installment=Installment.objects.get(pk=key), reason="residue", **at(TODAY))
        self.owed[key] = Decimal(0)

    @invariant()
    def the_database_agrees(self) -> None:
        rows = Installment.objects.all()
        assert {row.pk: row.outstanding for row in rows} == self.owed
        assert all((row.outstanding == 0) == (row.settled_on is not None) for row in rows)
        left = dict(Payment.objects.values_list("pk", "unallocated"))
        left |= dict(Invoice.objects.filter(kind="credit_note").values_list("pk", "unallocated"))
        assert left == self.sources

    @invariant()
    def the_statement_equals_the_ledger(self) -> None:
        nets = {statement.currency: statement.net for statement in customer_statement([self.customer.pk], today=TODAY)}
        assert {currency: net for currency, net in nets.items() if net} == ledger_balance([self.customer.pk])


def test_the_ledger_agrees_with_its_notebook() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
        ),
    )
