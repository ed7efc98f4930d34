"""Receipts: what they settle, and what happens when they are not what they seemed."""

from datetime import date
from decimal import Decimal

import pytest

from customers import services as customer_services
from customers.models import Customer
from customers.services.customers import search_tokens
from dunning.core import search
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Event, Organization
from dunning.core.tenancy import tenant
from invoices import services
from invoices.enums import HoldKind, HoldSide, PaymentMeans
from invoices.models import Allocation, Hold, Installment, Payment
from invoices.services import PaymentDraft
from invoices.signals import invoices_changed, invoices_settled
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, left, pay, unallocated

SEPT_1, OCT_1, OCT_5, OCT_6 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 6)

pytestmark = pytest.mark.django_db


def test_a_payment_that_names_its_invoice_settles_that_one(organization: Organization) -> None:
    customer = make_customer()
    older = bill(customer, "500.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="FA-2026-00041")
    named = bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042")
    payment = pay(customer, "1200.00", on=OCT_5, reference_text="VIR FACTURE FA 2026 00042 MERCI")
    assert (left(older), left(named), unallocated(payment)) == (Decimal("500.00"), Decimal(0), Decimal(0))
    assert Installment.objects.get(pk=named.pk).settled_on == OCT_5


def test_a_transfer_sent_twice_stays_on_account(organization: Organization) -> None:
    """Its text names a paid invoice: the debtor said what it was for, and what else is open is not paid with it."""
    customer = make_customer()
    older = bill(customer, "300.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="FA-2026-00041")
    bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042")
    pay(customer, "1200.00", on=OCT_5, reference_text="FA-2026-00042")
    again = pay(customer, "1200.00", on=OCT_6, reference_text="FA-2026-00042", external_reference="VIR-2")
    assert (left(older), unallocated(again)) == (Decimal("300.00"), Decimal("1200.00"))
    nobodys = pay(None, "1200.00", on=OCT_6, reference_text="FA-2026-00042", external_reference="VIR-3")
    assert (nobodys.customer_id, left(older), unallocated(nobodys)) == (customer.pk, Decimal("300.00"), Decimal("1200.00"))

    both = pay(customer, "350.00", on=OCT_6, reference_text="FA-2026-00041 FA-2026-00042", external_reference="VIR-4")
    assert (left(older), unallocated(both)) == (Decimal(0), Decimal("50.00"))


def test_a_clerk_may_set_it_against_what_is_open(organization: Organization) -> None:
    customer = make_customer()
    older = bill(customer, "300.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="FA-2026-00041")
    bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042")
    pay(customer, "1200.00", on=OCT_5, reference_text="FA-2026-00042")
    again = pay(customer, "1200.00", on=OCT_6, reference_text="FA-2026-00042", external_reference="VIR-2")
    services.allocate(payment=again, **at(OCT_6))
    assert (left(older), unallocated(again)) == (Decimal(0), Decimal("900.00"))


def test_an_rf_reference_finds_its_customer_by_itself(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042")
    assert item.invoice.payment_reference == "RF39FA202600042"
    payment = pay(None, "1200.00", on=OCT_5, reference_text="RF39 FA20 2600 042")
    assert payment.customer_id == customer.pk
    assert left(item) == 0


def test_the_reference_of_an_account_finds_its_customer(organization: Organization) -> None:
    customer = make_customer("C-900/10")
    index_customers([customer])
    first = bill(customer, "1200.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="FA-1")
    second = bill(customer, "300.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2")
    payment = pay(None, "1500.00", on=OCT_5, reference_text="RF09 C900 10")  # as a message about several invoices asks
    assert (payment.customer_id, left(first), left(second)) == (customer.pk, Decimal(0), Decimal(0))

    index_customers([make_customer("C90010")])  # two numbers, one reference: it says no more whose the money is
    assert pay(None, "20.00", on=OCT_6, reference_text="RF09C90010").customer_id is None


def index_customers(customers: list[Customer]) -> None:
    search.index(kind="customer", tokens={customer.pk: search_tokens(customer) for customer in customers})


def test_what_exceeds_the_named_invoice_waits_for_a_person(organization: Organization) -> None:
    customer = make_customer()
    other = bill(customer, "300.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="FA-2026-00041")
    named = bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042")
    payment = pay(customer, "1300.00", on=OCT_5, reference_text="FA-2026-00042")
    assert (left(named), left(other), unallocated(payment)) == (Decimal(0), Decimal("300.00"), Decimal("100.00"))


def test_without_a_name_the_exact_amount_then_the_exact_sum_then_the_oldest(organization: Organization) -> None:
    customer = make_customer()
    first = bill(customer, "100.00", issued_on=SEPT_1, due_on=date(2026, 9, 10), number="F-1")
    second = bill(customer, "250.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="F-2")
    third = bill(customer, "400.00", issued_on=SEPT_1, due_on=OCT_1, number="F-3")
    pay(customer, "250.00", on=OCT_5)
    assert (left(first), left(second), left(third)) == (Decimal("100.00"), Decimal(0), Decimal("400.00"))
    pay(customer, "500.00", on=OCT_6)
    assert (left(first), left(third)) == (Decimal(0), Decimal(0))
    fourth = bill(customer, "80.00", issued_on=SEPT_1, due_on=date(2026, 9, 10), number="F-4")
    fifth = bill(customer, "90.00", issued_on=SEPT_1, due_on=date(2026, 9, 20), number="F-5")
    pay(customer, "85.00", on=OCT_6)
    assert (left(fourth), left(fifth)) == (Decimal(0), Decimal("85.00"))


def test_a_wholly_contested_item_is_paid_last(organization: Organization) -> None:
    customer = make_customer()
    contested = bill(customer, "100.00", issued_on=SEPT_1, due_on=date(2026, 9, 10), number="F-1")
    sound = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    services.open_dispute(installment=contested, reason="PU_ERR", **at(SEPT_1))
    pay(customer, "100.00", on=OCT_5)
    assert (left(contested), left(sound)) == (Decimal("100.00"), Decimal(0))


def test_one_transfer_covers_three_subsidiaries(organization: Organization) -> None:
    parent = make_customer()
    daughters = [make_customer() for _number in range(3)]
    items = []
    for number, daughter in enumerate(daughters):
        customer_services.set_payer(customer=daughter, payer=parent, **at(SEPT_1))
        items.append(bill(daughter, "400.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-2026-10{number}"))
    payment = pay(parent, "1200.00", on=OCT_5)
    assert [left(item) for item in items] == [Decimal(0)] * 3
    assert unallocated(payment) == 0


def test_currencies_never_mix(organization: Organization) -> None:
    customer = make_customer()
    euros = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    dollars = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2", currency="USD")
    payment = pay(customer, "100.00", on=OCT_5, currency="USD", reference_text="F-1")
    assert (left(euros), left(dollars), unallocated(payment)) == (Decimal("100.00"), Decimal(0), Decimal(0))
    on_account = pay(customer, "50.00", on=OCT_5, currency="USD")
    with pytest.raises(DomainError) as refusal:
        services.allocate(payment=on_account, parts=[(euros, Decimal("50.00"))], **at(OCT_6))
    assert refusal.value.code == "other_currency"
    assert (left(euros), unallocated(on_account)) == (Decimal("100.00"), Decimal("50.00"))


def test_the_same_receipt_twice_changes_nothing_and_another_content_is_refused(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    first = services.record_payment(draft=_draft(customer, "60.00", "BANK-1"), **at(OCT_5))
    again = services.record_payment(draft=_draft(customer, "60.00", "BANK-1"), **at(OCT_6))
    assert (first.created, again.created, again.payment.pk) == (True, False, first.payment.pk)
    with pytest.raises(DomainError) as refusal:
        services.record_payment(draft=_draft(customer, "61.00", "BANK-1"), **at(OCT_6))
    assert refusal.value.code == "other_content"
    assert left(item) == Decimal("40.00")
    assert Payment.objects.count() == 1


def _draft(customer, amount: str, reference: str) -> PaymentDraft:  # type: ignore[no-untyped-def]
    return PaymentDraft(customer=customer, amount=Decimal(amount), received_on=OCT_5, external_reference=reference)


def test_a_batch_settles_in_order_and_leaves_one_audit_event(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    drafts = [_draft(customer, "40.00", f"BANK-{number}") for number in range(3)]
    recorded = services.record_payments(drafts=drafts, **at(OCT_5))
    assert [unallocated(answer.payment) for answer in recorded] == [Decimal(0), Decimal(0), Decimal("20.00")]
    assert left(item) == 0
    again = services.record_payments(drafts=drafts, **at(OCT_6))
    assert [answer.created for answer in again] == [False] * 3


def test_in_one_batch_what_was_said_and_what_is_found_do_not_meet(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    said = PaymentDraft(customer=customer, amount=Decimal("70.00"), received_on=OCT_5, allocations=((item, Decimal("70.00")),))
    found = PaymentDraft(customer=customer, amount=Decimal("100.00"), received_on=OCT_5, reference_text="F-1")
    recorded = services.record_payments(drafts=[said, found], **at(OCT_5))
    assert [unallocated(answer.payment) for answer in recorded] == [Decimal(0), Decimal("70.00")]
    assert left(item) == 0


def test_a_part_payment_pauses_its_item_five_business_days_and_a_second_part_prolongs(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    pay(customer, "300.00", on=OCT_5)
    [hold] = Hold.objects.all()
    assert (hold.side, hold.kind, hold.starts_on, hold.ends_on) == (HoldSide.THEIRS, HoldKind.PARTIAL_PAYMENT, OCT_5, date(2026, 10, 12))
    pay(customer, "200.00", on=OCT_6)
    [hold] = Hold.objects.all()
    assert (hold.ends_on, left(item)) == (date(2026, 10, 13), Decimal("500.00"))


def test_a_part_payment_loaded_weeks_later_pauses_nothing(organization: Organization) -> None:
    customer = make_customer()
    bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    pay(customer, "300.00", on=OCT_5, entered_on=date(2026, 11, 20))
    assert Hold.objects.count() == 0


def test_a_rejected_debit_opens_its_items_again(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    payment = pay(customer, "1000.00", on=OCT_1, means=PaymentMeans.DIRECT_DEBIT)
    assert left(item) == 0
    services.cancel_payment(payment=payment, reason="AM04", **at(OCT_6))
    row = Installment.objects.get(pk=item.pk)
    assert (row.outstanding, row.settled_on) == (Decimal("1000.00"), None)
    assert unallocated(payment) == 0
    services.cancel_payment(payment=payment, reason="AM04", **at(OCT_6))
    assert Event.objects.filter(type="payment.cancelled").count() == 1
    with pytest.raises(DomainError) as refusal:
        services.allocate(payment=payment, parts=[(item, Decimal("1.00"))], **at(OCT_6))
    assert refusal.value.code == "cancelled"


def test_a_cancelled_receipt_gives_its_reference_to_one_that_says_something_else(organization: Organization) -> None:
    customer = make_customer()
    wrong = pay(customer, "90.00", on=OCT_1, external_reference="R1")
    services.cancel_payment(payment=wrong, reason="typed wrongly", **at(OCT_5))
    again = services.record_payment(
        draft=PaymentDraft(amount=Decimal("90.00"), received_on=OCT_1, customer=customer, external_reference="R1"), **at(OCT_6)
    )
    assert (again.payment.pk, again.created) == (wrong.pk, False)  # said as before: it stays cancelled
    right = pay(customer, "100.00", on=OCT_1, external_reference="R1")
    wrong.refresh_from_db()
    assert (right.external_reference, wrong.external_reference) == ("R1", f"cancelled-{wrong.pk}")
    assert unallocated(right) == Decimal("100.00")


def test_a_corrected_value_date_moves_the_settlement(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    payment = pay(customer, "1000.00", on=OCT_5)
    services.correct_value_date(payment=payment, received_on=OCT_1, **at(OCT_6))
    assert Installment.objects.get(pk=item.pk).settled_on == OCT_1
    assert [part.value_on for part in Allocation.objects.all()] == [OCT_1]


def test_a_value_date_lies_ten_days_ahead_at_most(organization: Organization) -> None:
    """A year mistyped would settle the invoice, and break the promise it keeps."""
    customer = make_customer()
    item = bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    with pytest.raises(DomainError) as refusal:
        pay(customer, "1000.00", on=date(2062, 10, 5), entered_on=OCT_5)
    assert (refusal.value.code, refusal.value.field) == ("too_late", "received_on")
    assert (left(item), Payment.objects.count()) == (Decimal("1000.00"), 0)
    payment = pay(customer, "1000.00", on=date(2026, 10, 15), entered_on=OCT_5)
    assert left(item) == Decimal(0)
    with pytest.raises(DomainError) as refusal:
        services.correct_value_date(payment=payment, received_on=date(2027, 10, 5), **at(OCT_6))
    assert (refusal.value.code, refusal.value.field) == ("too_late", "received_on")
    services.correct_value_date(payment=payment, received_on=date(2026, 10, 16), **at(OCT_6))
    assert Installment.objects.get(pk=item.pk).settled_on == date(2026, 10, 16)


def test_an_unidentified_receipt_settles_nothing_until_a_person_says_whose_it_is(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "1000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    payment = pay(None, "1000.00", on=OCT_5, reference_text="VIREMENT RECU", payer_name="DUPONT")
    assert (left(item), unallocated(payment), payment.customer_id) == (Decimal("1000.00"), Decimal("1000.00"), None)
    with pytest.raises(DomainError) as refusal:
        services.allocate(payment=payment, **at(OCT_5))
    assert refusal.value.code == "unidentified"
    services.identify_payment(payment=payment, customer=customer, **at(OCT_6))
    assert (left(item), unallocated(payment)) == (Decimal(0), Decimal(0))
    with pytest.raises(DomainError) as refusal:
        services.identify_payment(payment=payment, customer=make_customer(), **at(OCT_6))
    assert refusal.value.code == "identified"


def test_news_names_what_is_settled_and_what_only_changed(organization: Organization) -> None:
    customer = make_customer()
    first = bill(customer, "100.00", issued_on=SEPT_1, due_on=date(2026, 9, 10), number="F-1")
    second = bill(customer, "200.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    heard: list[tuple[str, list[object]]] = []

    def settled(installment_ids, **_rest):  # type: ignore[no-untyped-def]
        heard.append(("settled", installment_ids))

    def changed(installment_ids, reason, **_rest):  # type: ignore[no-untyped-def]
        heard.append((reason, installment_ids))

    invoices_settled.connect(settled)
    invoices_changed.connect(changed)
    try:
        pay(customer, "150.00", on=OCT_5)
    finally:
        invoices_settled.disconnect(settled)
        invoices_changed.disconnect(changed)
    assert heard == [("settled", [first.pk]), ("paid", [second.pk])]


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [("0.00", "EUR", "bad_amount"), ("-5.00", "EUR", "bad_amount"), ("1.005", "EUR", "bad_amount"), ("5.00", "XXQ", "bad_currency")],
)
def test_bad_amounts_and_currencies_are_refused_and_nothing_is_written(
    organization: Organization, amount: str, currency: str, code: str
) -> None:
    customer = make_customer()
    with pytest.raises(DomainError) as refusal:
        pay(customer, amount, on=OCT_5, currency=currency)
    assert refusal.value.code == code
    assert Payment.objects.count() == 0


def test_the_audit_trail_tells_a_payment(organization: Organization) -> None:
    customer = make_customer()
    with tenant(organization):
        payment = pay(customer, "60.00", on=OCT_5, external_reference="BANK-7")
    pending = [entry for entry in _pending() if entry.action == "payment.recorded"]
    assert [(entry.object_id, entry.body["reference"]) for entry in pending] == [(str(payment.pk), "BANK-7")]
    assert AuditEvent.objects.filter(action="payment.recorded").count() == 0  # written by the outermost block, at its end


def _pending():  # type: ignore[no-untyped-def]
    from dunning.core.tenancy import current_scope

    return current_scope().pending
