"""Many hands on one ledger: what is left to pay is right whatever the order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from customers.models import Customer
from dunning.core.audit import verify
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices import services
from invoices.models import Allocation, Installment, Payment
from invoices.services import PaymentDraft
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, bill, left

AT_ONCE = 20
SEPT_1, OCT_1, OCT_5 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5)


def together(work, count: int) -> list[object]:  # type: ignore[no-untyped-def]
    """Run `work(number)` in `count` threads, 20 connections at once; what each returned, or the refusal it met."""
    slots = threading.Semaphore(AT_ONCE)

    def run(number: int) -> object:
        with slots:
            try:
                return work(number)
            except DomainError as refusal:
                return refusal.code
            finally:
                connection.close()

    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(run, range(count)))


def test_a_hundred_threads_pay_one_invoice_and_the_next_cent_is_left_over(committed_database: str) -> None:
    organization = make_organization()
    with tenant(organization):
        customer = make_customer()
        item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-001")

    def pay_one(number: int) -> Decimal:
        with tenant(organization):
            draft = PaymentDraft(customer=customer, amount=Decimal("1.00"), received_on=OCT_5, external_reference=f"BANK-{number}")
            return services.record_payment(draft=draft, **at(OCT_5)).payment.unallocated

    assert together(pay_one, 100) == [Decimal(0)] * 100
    with tenant(organization):
        assert left(item) == 0
        assert Allocation.objects.filter(installment=item).aggregate(total=Sum("amount"))["total"] == Decimal("100.00")
    assert pay_one(101) == Decimal("1.00")
    with tenant(organization):
        row = Installment.objects.get(pk=item.pk)
        assert (row.outstanding, row.settled_on) == (Decimal(0), OCT_5)
        assert list(verify()) == []


def test_twenty_threads_load_the_same_receipt_and_one_is_kept(committed_database: str) -> None:
    organization = make_organization()
    with tenant(organization):
        customer = make_customer()
        item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-001")

    def load(_number: int) -> bool:
        with tenant(organization):
            draft = PaymentDraft(customer=customer, amount=Decimal("60.00"), received_on=OCT_5, external_reference="BANK-1")
            return services.record_payment(draft=draft, **at(OCT_5)).created

    assert sorted(map(bool, together(load, 20))) == [False] * 19 + [True]
    with tenant(organization):
        assert (left(item), Payment.objects.count()) == (Decimal("40.00"), 1)


def test_payments_cancellations_and_credit_notes_cross_without_deadlock(committed_database: str) -> None:
    organization = make_organization()
    with tenant(organization):
        parent = make_customer()
        customers = [make_customer(payer=parent) for _number in range(3)]
        items = [
            bill(customer, "50.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-2026-{number}{place}")
            for place, customer in enumerate(customers)
            for number in range(3)
        ]
        received = [_receive(organization, customer, "30.00", f"FIRST-{number}") for number, customer in enumerate(customers)]

    def act(number: int) -> None:
        with tenant(organization):
            customer = customers[number % 3]
            if number % 5 == 0:
                services.cancel_payment(payment=Payment.objects.get(pk=received[number % 3]), reason="AM04", **at(OCT_5))
            elif number % 5 == 1:
                services.issue_credit_note(
                    customer=customer, number=f"AV-{number}", issued_on=OCT_5, gross=Decimal("7.00"), credited_invoice=None, **at(OCT_5)
                )
                services.allocate_credit_notes(customer=customer, **at(OCT_5))
            else:
                _receive(organization, parent if number % 2 else customer, "11.00", f"NEXT-{number}")

    assert together(act, 30) == [None] * 30
    with tenant(organization):
        for item in items:
            taken = Allocation.objects.filter(installment=item, reversed_at=None).aggregate(total=Sum("amount"))["total"] or Decimal(0)
            assert left(item) == item.amount - taken
        for payment in Payment.objects.all():
            used = Allocation.objects.filter(payment=payment, reversed_at=None).aggregate(total=Sum("amount"))["total"] or Decimal(0)
            assert payment.unallocated == (Decimal(0) if payment.cancelled_at else payment.amount - used)
        assert list(verify()) == []


def _receive(organization: Organization, customer: Customer, amount: str, reference: str) -> UUID:
    draft = PaymentDraft(customer=customer, amount=Decimal(amount), received_on=OCT_5, external_reference=reference)
    with tenant(organization):
        return services.record_payment(draft=draft, **at(OCT_5)).payment.pk
