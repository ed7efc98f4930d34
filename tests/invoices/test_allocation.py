"""The order in which a receipt finds what it pays; pure."""

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices import selectors, services
from invoices.models import Allocation
from invoices.reconciliation import Evidence, OpenItem, Receipt, numbers_in, open_items, propose, settle
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, left, pay, unallocated

SEPT_1, OCT_1, OCT_5, OCT_6 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 6)
DUPONT, DURAND = uuid4(), uuid4()


def item(
    amount: str, *, due: date = OCT_1, number: str = "", customer: UUID = DUPONT, currency: str = "EUR", reference: str = ""
) -> OpenItem:
    return OpenItem(uuid4(), customer, number or f"F-{amount}", reference, due, Decimal(amount), currency)


def paid(receipt: Receipt, *items: OpenItem) -> list[tuple[str, Decimal, Evidence]]:
    names = {each.id: each.invoice_number for each in items}
    return [(names[part.item_id], part.amount, part.evidence) for part in settle(receipt, items)]


def test_a_text_is_read_for_numbers_however_they_are_written() -> None:
    assert {"fa202600042", "202600042"} <= numbers_in("Règlement FA-2026 / 00042")
    assert numbers_in("VIREMENT DUPONT") == frozenset()
    assert numbers_in("42") == frozenset()


def test_named_items_come_before_amounts_and_the_rest_stays() -> None:
    named, exact = item("80.00", number="FA-2026-7"), item("100.00", number="FA-2026-8")
    assert paid(Receipt(Decimal("100.00"), "EUR", text="solde fa 2026 7"), named, exact) == [
        ("FA-2026-7", Decimal("80.00"), Evidence.NUMBER)
    ]


def test_a_valid_reference_counts_a_mistyped_one_does_not() -> None:
    wanted = item("80.00", number="FA-2026-00042", reference="RF39FA202600042")
    assert paid(Receipt(Decimal("80.00"), "EUR", text="RF39 FA20 2600 042"), wanted)[0][2] == Evidence.REFERENCE
    assert paid(Receipt(Decimal("70.00"), "EUR", text="RF39 FA20 2600 043"), wanted)[0][2] == Evidence.OLDEST_FIRST


def test_an_exact_sum_prefers_the_oldest_items_and_leaves_none_half_paid() -> None:
    items = [item("100.00", due=date(2026, 9, day), number=f"F-{day}") for day in (1, 2, 3)]
    items.append(item("55.00", due=date(2026, 9, 20), number="F-20"))
    receipt = Receipt(Decimal("155.00"), "EUR")
    assert paid(receipt, *items) == [("F-1", Decimal("100.00"), Evidence.EXACT_SUM), ("F-20", Decimal("55.00"), Evidence.EXACT_SUM)]


def test_the_oldest_first_when_nothing_fits() -> None:
    older, newer = item("100.00", due=date(2026, 9, 1), number="F-1"), item("40.00", number="F-2")
    assert paid(Receipt(Decimal("120.00"), "EUR"), newer, older) == [
        ("F-1", Decimal("100.00"), Evidence.OLDEST_FIRST),
        ("F-2", Decimal("20.00"), Evidence.OLDEST_FIRST),
    ]


def test_an_unidentified_receipt_gets_proposals_and_a_name_alone_proves_nothing() -> None:
    mine = item("1000.00", number="FA-1", customer=DUPONT)
    theirs = item("999.00", number="FA-2", customer=DURAND)
    names, ibans = {DUPONT: "Dupont SARL", DURAND: "Durand SAS"}, {DURAND: "FR76X"}
    by_name = propose(Receipt(Decimal("1000.00"), "EUR", payer_name="DUPONT"), [mine, theirs], names=names, ibans=ibans)
    assert [(found.customer_id, found.evidence) for found in by_name] == [(DUPONT, Evidence.NAME)]
    other_amount = propose(Receipt(Decimal("123.00"), "EUR", payer_name="DUPONT"), [mine, theirs], names=names, ibans=ibans)
    assert other_amount == []
    by_account = propose(Receipt(Decimal("1000.00"), "EUR", payer_iban="FR76X"), [mine, theirs], names=names, ibans=ibans)
    assert [(found.customer_id, found.evidence) for found in by_account] == [(DURAND, Evidence.IBAN), (DUPONT, Evidence.EXACT_AMOUNT)]


def test_a_payer_is_proposed_for_the_exact_sum_of_those_it_pays_for() -> None:
    group, others = uuid4(), [uuid4(), uuid4(), uuid4()]
    amounts = ("100.00", "250.00", "400.00")
    items = [item(amount, number=f"FA-{n}", customer=others[n]) for n, amount in enumerate(amounts)]
    names, payers = {group: "Groupe Dupont SA"}, dict.fromkeys(others, group)

    def who(amount: str, name: str = "") -> list[tuple[UUID, Evidence, int]]:
        found = propose(Receipt(Decimal(amount), "EUR", payer_name=name), items, names=names, ibans={}, payers=payers)
        return [(each.customer_id, each.evidence, len(each.parts)) for each in found]

    assert who("750.00", "DUPONT GROUPE") == [(group, Evidence.NAME, 3)]
    assert who("350.00", "DUPONT GROUPE") == [(group, Evidence.NAME, 2)]
    assert who("360.00", "DUPONT GROUPE") == []
    assert who("750.00") == [(group, Evidence.EXACT_SUM, 3)]  # all that the account owes
    assert who("350.00") == []  # some of it, and no name: it could be anybody's
    assert who("250.00") == [(others[1], Evidence.EXACT_AMOUNT, 1)]


def test_what_was_allocated_wrongly_moves_in_one_step(organization: Organization) -> None:
    customer = make_customer()
    wrong = bill(customer, "100.00", issued_on=SEPT_1, due_on=date(2026, 9, 10), number="F-1")
    right = bill(customer, "300.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    payment = pay(customer, "60.00", on=OCT_5)
    assert left(wrong) == Decimal("40.00")
    services.reallocate(payment=payment, parts=[(right, Decimal("60.00"))], **at(OCT_6))
    assert (left(wrong), left(right), unallocated(payment)) == (Decimal("100.00"), Decimal("240.00"), Decimal(0))
    [old] = Allocation.objects.exclude(reversed_at=None)
    services.reverse_allocation(allocation=old, reason="again", **at(OCT_6))
    assert left(right) == Decimal("240.00")


def test_an_unmatched_receipt_of_a_payer_reaches_those_it_pays_for(organization: Organization) -> None:
    group = make_customer(name="Groupe Dupont SA")
    paid_for, other = make_customer(payer=group), make_customer()
    for number, customer in enumerate((paid_for, other)):
        bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number=f"FA-77{number}")
    pay(None, "60.00", on=OCT_5, payer_name="DUPONT GROUPE")
    assert selectors.unmatched_reach() == {group.pk: OCT_5, paid_for.pk: OCT_5}
    receipt = pay(None, "100.00", on=OCT_6, payer_name="DUPONT GROUPE")
    assert [(found.customer_id, found.evidence) for found in selectors.proposals_for(receipt)] == [
        (group.pk, Evidence.NAME),
        (paid_for.pk, Evidence.EXACT_AMOUNT),
        (other.pk, Evidence.EXACT_AMOUNT),
    ]


def test_a_cancelled_receipt_of_somebody_like_a_customer_is_proposed_to_nobody(organization: Organization) -> None:
    bill(make_customer(name="Dupont SA"), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-1")
    receipt = pay(None, "60.00", on=OCT_5, payer_name="DUPONT")
    services.cancel_payment(payment=receipt, reason="Entered twice", **at(OCT_6))
    receipt.refresh_from_db()
    assert selectors.proposals_for(receipt) == []
    nothing_left = Receipt(Decimal(0), "EUR", payer_name="DUPONT")
    [item] = open_items()
    assert propose(nothing_left, [item], names={item.customer_id: "Dupont SA"}, ibans={}) == []


def test_a_receipt_that_names_invoices_of_two_customers_holds_both(organization: Organization) -> None:
    ours, theirs, other = make_customer(), make_customer(), make_customer()
    for number, customer in (("FA-2026-00042", ours), ("FA-2026-00043", theirs), ("FA-2026-00044", other)):
        bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number=number)
    receipt = pay(None, "150.00", on=OCT_5, reference_text="RF39 FA20 2600 042 et facture FA/2026/00043")
    assert receipt.customer_id is None
    assert selectors.unmatched_reach() == {ours.pk: OCT_5, theirs.pk: OCT_5}
    assert {(found.customer_id, found.evidence) for found in selectors.proposals_for(receipt)} == {
        (ours.pk, Evidence.REFERENCE),
        (theirs.pk, Evidence.NUMBER),
    }


def test_a_whole_account_is_proposed_for_what_it_owes_in_all(organization: Organization) -> None:
    group = make_customer()
    for number, customer in enumerate((make_customer(payer=group), make_customer(payer=group), make_customer())):
        bill(customer, "50.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-{number}")
    receipt = pay(None, "100.00", on=OCT_5)
    [found] = selectors.proposals_for(receipt)
    assert (found.customer_id, found.evidence, len(found.parts)) == (group.pk, Evidence.EXACT_SUM, 2)


def test_no_more_than_was_received_nor_than_is_left(organization: Organization) -> None:
    customer = make_customer()
    item_ = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    payment = pay(customer, "500.00", on=OCT_5, allocations=())
    for amount, code in (("500.01", "above_source"), ("100.01", "above_item")):
        with pytest.raises(DomainError) as refusal:
            services.allocate(payment=payment, parts=[(item_, Decimal(amount))], **at(OCT_5))
        assert refusal.value.code == code
    assert (left(item_), unallocated(payment), Allocation.objects.count()) == (Decimal("100.00"), Decimal("500.00"), 0)


def test_an_unmatched_receipt_reaches_those_it_may_be_of(organization: Organization) -> None:
    named, likened, known = (
        make_customer(),
        make_customer(name="Boulangerie Martin SARL"),
        make_customer(iban="FR2099999000010000000001A82"),
    )
    fitting = [make_customer() for _number in range(3)]
    bill(named, "10.00", issued_on=SEPT_1, due_on=OCT_1, number="4711")
    for number, customer in enumerate(fitting):
        bill(customer, "777.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-77{number}")
    pay(None, "1.00", on=OCT_1, reference_text="facture 4711")
    pay(None, "2.00", on=OCT_5, payer_name="MARTIN BOULANGERIE")
    pay(None, "3.00", on=OCT_5, payer_iban="FR2099999000010000000001A82")
    pay(None, "777.00", on=OCT_6)
    expected = {named.pk: OCT_1, likened.pk: OCT_5, known.pk: OCT_5, **{customer.pk: OCT_6 for customer in fitting}}
    assert selectors.unmatched_reach() == expected
    fourth = make_customer()
    bill(fourth, "777.00", issued_on=SEPT_1, due_on=OCT_1, number="F-779")
    assert set(selectors.unmatched_reach()) == {named.pk, likened.pk, known.pk}  # four customers: the amount points at nobody
    [receipt] = [payment for payment in selectors.unmatched_payments() if payment.amount == Decimal("1.00")]
    assert [found.customer_id for found in selectors.proposals_for(receipt)] == [named.pk]
