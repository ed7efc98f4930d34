"""Invoices and credit notes: issued, corrected, cancelled, sent again."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customers.enums import EndOfMonth
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.models import Event, Organization
from dunning.core.tenancy import current_scope
from invoices import selectors, services
from invoices.enums import (
    ActKind,
    ActSource,
    DisputeState,
    EInvoiceStatus,
    HoldKind,
    HoldSide,
    InstallmentKind,
    InvoiceState,
    PromiseState,
    TriageChoice,
)
from invoices.models import Allocation, DebtorAct, Dispute, Hold, Installment, Invoice, Promise, WriteOff
from invoices.selectors import ProblemCode
from invoices.services import InstallmentDraft, InvoiceDraft
from tests.factories import make_customer
from tests.invoices.ledger import CLAIRE, at, bill, left, only_part, pay, unallocated

SEPT_1, OCT_1, OCT_5, OCT_6 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 6)


def test_an_invoice_takes_its_due_date_reference_and_iban_from_what_is_known(organization: Organization) -> None:
    customer = make_customer(payment_days=45, payment_end_of_month=EndOfMonth.AFTER)
    draft = InvoiceDraft(customer=customer, number=" FA-2026-00042 ", issued_on=date(2026, 1, 31), gross=Decimal("1200.00"))
    invoice = services.issue_invoice(draft=draft, **at(SEPT_1))
    item = only_part(invoice)
    assert (invoice.number, invoice.due_on, item.due_on) == ("FA-2026-00042", date(2026, 3, 31), date(2026, 3, 31))
    assert (invoice.payment_reference, invoice.pay_to_iban) == ("RF39FA202600042", "FR2099999000010000000001A82")
    assert (item.outstanding, invoice.entered_on) == (Decimal("1200.00"), SEPT_1)


def test_an_invoice_in_three_instalments_falls_due_with_the_last(organization: Organization) -> None:
    parts = (
        InstallmentDraft(due_on=SEPT_1, amount=Decimal("300.00"), kind=InstallmentKind.DEPOSIT),
        InstallmentDraft(due_on=OCT_1, amount=Decimal("650.00")),
        InstallmentDraft(due_on=date(2027, 10, 1), amount=Decimal("50.00"), kind=InstallmentKind.RETENTION),
    )
    draft = InvoiceDraft(customer=make_customer(), number="F-1", issued_on=date(2026, 9, 2), gross=Decimal("1000.00"), installments=parts)
    invoice = services.issue_invoice(draft=draft, **at(SEPT_1))
    rows = Installment.objects.filter(invoice=invoice).order_by("position")
    assert [(row.position, row.kind, row.outstanding) for row in rows] == [
        (1, "deposit", Decimal("300.00")),
        (2, "normal", Decimal("650.00")),
        (3, "retention", Decimal("50.00")),
    ]
    assert invoice.due_on == date(2027, 10, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "  "}, "required"),
        ({"number": "TAKEN"}, "duplicate_number"),
        ({"gross": Decimal("-1.00")}, "bad_amount"),
        ({"currency": "EURO"}, "bad_currency"),
        ({"due_on": date(2026, 8, 1)}, "bad_date"),
        ({"pay_to_iban": "FR2099999000010000000001A83"}, "bad_iban"),
        ({"installments": (InstallmentDraft(due_on=OCT_1, amount=Decimal("99.99")),)}, "bad_total"),
    ],
)
def test_what_cannot_be_issued_is_refused_and_the_rest_of_the_batch_with_it(
    organization: Organization, change: dict[str, object], code: str
) -> None:
    customer = make_customer()
    bill(customer, "10.00", issued_on=SEPT_1, due_on=OCT_1, number="TAKEN")
    good = InvoiceDraft(customer=customer, number="GOOD", issued_on=SEPT_1, due_on=OCT_1, gross=Decimal("100.00"))
    bad = {"customer": customer, "number": "BAD", "issued_on": SEPT_1, "due_on": OCT_1, "gross": Decimal("100.00"), **change}
    with pytest.raises(DomainError) as refusal:
        services.issue_invoices(drafts=[good, InvoiceDraft(**bad)], **at(SEPT_1))
    assert refusal.value.code == code
    assert list(Invoice.objects.values_list("number", flat=True)) == ["TAKEN"]


def test_at_the_first_import_old_items_wait_for_a_person(organization: Organization) -> None:
    customer = make_customer()
    dues = {"OLD": date(2026, 7, 6), "EDGE": date(2026, 7, 7), "NEW": OCT_1}
    drafts = [
        InvoiceDraft(customer=customer, number=number, issued_on=date(2026, 6, 1), due_on=due, gross=Decimal("10.00"))
        for number, due in dues.items()
    ]
    services.issue_invoices(drafts=drafts, first_import=True, **at(OCT_5))
    triage = dict(Installment.objects.values_list("invoice__number", "triage"))
    assert triage == {"OLD": TriageChoice.WAITING, "EDGE": "", "NEW": ""}
    old = Installment.objects.get(invoice__number="OLD")
    services.set_triage(installments=[old], choice=TriageChoice.CHASE, **at(OCT_6))
    assert Installment.objects.get(pk=old.pk).triage == TriageChoice.CHASE


def test_a_batch_leaves_one_audit_event_with_count_and_digest(organization: Organization) -> None:
    customer = make_customer()
    drafts = [
        InvoiceDraft(customer=customer, number=f"F-{number}", issued_on=SEPT_1, due_on=OCT_1, gross=Decimal("10.00")) for number in range(3)
    ]
    services.issue_invoices(drafts=drafts, **at(SEPT_1))
    [entry] = current_scope().pending
    assert (entry.action, entry.actor, entry.body["count"], len(entry.body["digest"])) == ("invoices.issued", CLAIRE, 3, 64)
    assert Event.objects.filter(type="invoice.created").count() == 3


def test_a_credit_note_lowers_its_invoice_last_instalment_first_and_keeps_the_rest(organization: Organization) -> None:
    customer = make_customer()
    parts = (InstallmentDraft(due_on=OCT_1, amount=Decimal("60.00")), InstallmentDraft(due_on=date(2026, 11, 1), amount=Decimal("40.00")))
    draft = InvoiceDraft(customer=customer, number="F-1", issued_on=SEPT_1, gross=Decimal("100.00"), installments=parts)
    invoice = services.issue_invoice(draft=draft, **at(SEPT_1))
    note = services.issue_credit_note(
        customer=customer, number="AV-1", issued_on=OCT_5, gross=Decimal("50.00"), credited_invoice=invoice, **at(OCT_5)
    )
    assert list(Installment.objects.order_by("position").values_list("outstanding", flat=True)) == [Decimal("50.00"), Decimal(0)]
    assert Invoice.objects.get(pk=note.pk).unallocated == 0
    second = services.issue_credit_note(
        customer=customer, number="AV-2", issued_on=OCT_5, gross=Decimal("80.00"), credited_invoice=invoice, **at(OCT_5)
    )
    assert Invoice.objects.get(pk=second.pk).unallocated == Decimal("30.00")


def test_a_credit_note_of_another_customer_or_currency_is_refused(organization: Organization) -> None:
    invoice = bill(make_customer(), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1").invoice
    for customer, currency, code in ((make_customer(), "EUR", "other_customer"), (invoice.customer, "USD", "other_currency")):
        with pytest.raises(DomainError) as refusal:
            services.issue_credit_note(
                customer=customer,
                number="AV-1",
                issued_on=OCT_5,
                gross=Decimal("5.00"),
                currency=currency,
                credited_invoice=invoice,
                **at(OCT_5),
            )
        assert refusal.value.code == code
    assert Invoice.objects.filter(kind="credit_note").count() == 0


def test_a_cancelled_invoice_owes_nothing_and_frees_what_paid_it(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    payment = pay(customer, "60.00", on=OCT_5)
    services.open_dispute(installment=item, reason="DOUBLE_FACT", **at(OCT_5))
    services.make_promise(amounts={item: None}, promised_for=OCT_6, **at(OCT_5))
    services.cancel_invoice(invoice=item.invoice, reason="Facturé deux fois", **at(OCT_6))
    assert (Dispute.objects.get().state, Hold.objects.get().released_on) == (DisputeState.ACCEPTED, OCT_6)
    assert Promise.objects.get().state == PromiseState.CANCELLED
    assert services.break_due_promises(**at(date(2026, 11, 1))) == []
    assert (left(item), unallocated(payment), item.invoice.state) == (Decimal(0), Decimal("60.00"), InvoiceState.CANCELLED)
    assert [row.reason for row in WriteOff.objects.all()] == ["Facturé deux fois"]
    services.cancel_invoice(invoice=item.invoice, reason="again", **at(OCT_6))
    assert WriteOff.objects.count() == 1
    with pytest.raises(DomainError) as refusal:
        services.reverse_write_off(row=WriteOff.objects.get(), reason="no", **at(OCT_6))
    assert refusal.value.code == "cancelled"


def test_after_issue_only_what_may_change_changes(organization: Organization) -> None:
    item = bill(make_customer(), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    assert services.update_invoice(invoice=item.invoice, due_on=OCT_5, purchase_order="BC 77", **at(SEPT_1)) == ["due_on", "purchase_order"]
    assert services.update_invoice(invoice=item.invoice, due_on=OCT_5, **at(SEPT_1)) == []
    assert Installment.objects.get(pk=item.pk).due_on == OCT_5
    assert [found.number for found in selectors.search_invoices(query="bc 77")] == ["F-1"]


def test_people_find_an_invoice_by_what_they_know_of_it(organization: Organization) -> None:
    customer = make_customer(name="Hôtel de l’Œuvre SAS")
    bill(customer, "1200.50", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00042", purchase_order="BC-77")
    bill(make_customer(), "90.00", issued_on=SEPT_1, due_on=OCT_1, number="FA-2026-00043")
    for query in ("FA-2026-00042", "fa-2026-0004", "fa202600042", "FA 2026 00042", "42", "1 200,50", "bc-77"):
        numbers = [found.number for found in selectors.search_invoices(query=query)]
        assert "FA-2026-00042" in numbers, query
    assert [found.number for found in selectors.search_invoices(query="1200.50")] == ["FA-2026-00042"]
    assert selectors.search_invoices(query="FA-2027") == []
    assert selectors.search_invoices(query="…") == []


def test_the_latest_valid_answer_wins_and_an_undone_one_does_not_count(organization: Organization) -> None:
    item = bill(make_customer(), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    services.mark_accepted(installments=[item], source=ActSource.PORTAL, **at(date(2026, 9, 3)))
    assert (item.invoice.received_at, item.invoice.accepted_at) == (_nine(2026, 9, 3), _nine(2026, 9, 3))
    [denial] = services.mark_not_received(installments=[item], source=ActSource.CALL, **at(date(2026, 9, 8)))
    assert (item.invoice.received_at, item.invoice.accepted_at, item.invoice.not_received_at) == (None, None, _nine(2026, 9, 8))
    services.undo_act(act=denial, reason="Autre facture", **at(date(2026, 9, 9)))
    row = Invoice.objects.get(pk=item.invoice_id)
    assert (row.received_at, row.accepted_at, row.not_received_at) == (_nine(2026, 9, 3), _nine(2026, 9, 3), None)
    assert DebtorAct.objects.count() == 2


def test_an_invoice_sent_again_restarts_its_plan_ten_days_later_and_stays_due(organization: Organization) -> None:
    item = bill(make_customer(), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    services.mark_not_received(installments=[item], **at(OCT_5))
    services.restart_plan(invoices=[item.invoice], resent_on=OCT_6, **at(OCT_6))
    row = Invoice.objects.get(pk=item.invoice_id)
    assert (row.restart_on, row.not_received_at, row.due_on) == (date(2026, 10, 16), None, OCT_1)
    services.mark_received(installments=[item], **at(date(2026, 10, 7)))
    assert Invoice.objects.get(pk=item.invoice_id).received_at == _nine(2026, 10, 7)


def _nine(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=UTC)


def test_the_platform_proves_receipt_then_acceptance_and_repeats_itself(organization: Organization) -> None:
    item = bill(make_customer(), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    invoice = item.invoice
    answers = [
        services.record_e_invoice_status(invoice=invoice, status=status, **at(day))
        for status, day in (("200", SEPT_1), ("203", date(2026, 9, 2)), ("202", date(2026, 9, 3)), ("203", date(2026, 9, 3)))
    ]
    assert answers == [True, True, False, False]
    assert (invoice.deposited_on, invoice.received_at, invoice.accepted_at) == (SEPT_1, _nine(2026, 9, 2), None)
    services.record_e_invoice_status(invoice=invoice, status="205", **at(date(2026, 9, 10)))
    assert (invoice.received_at, invoice.accepted_at) == (_nine(2026, 9, 2), _nine(2026, 9, 10))
    assert [act.kind for act in DebtorAct.objects.order_by("at")] == [ActKind.RECEIVED, ActKind.ACCEPTED]


def test_the_platform_disputes_suspends_completes_and_announces_payment(organization: Organization) -> None:
    customer = make_customer()
    partly, wholly, suspended = (bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number=f"F-{number}") for number in range(3))
    with pytest.raises(DomainError):
        services.record_e_invoice_status(invoice=partly.invoice, status="206", **at(OCT_1))
    services.record_e_invoice_status(invoice=partly.invoice, status="206", reason="PU_ERR", contested_amount=Decimal("30.00"), **at(OCT_1))
    services.record_e_invoice_status(invoice=wholly.invoice, status="207", reason="JUSTIF_ABS", **at(OCT_1))
    found = Dispute.objects.order_by("installment__invoice__number").values_list("amount", "reason")
    assert list(found) == [(Decimal("30.00"), "PU_ERR"), (None, "AUTRE")]
    services.record_e_invoice_status(invoice=suspended.invoice, status="208", reason="JUSTIF_ABS", **at(OCT_1))
    [hold] = Hold.objects.all()
    assert (hold.side, hold.kind, hold.installment_id) == (HoldSide.OURS, HoldKind.E_INVOICE_SUSPENDED, suspended.pk)
    services.record_e_invoice_status(invoice=suspended.invoice, status="209", **at(OCT_5))
    assert Hold.objects.get().released_on == OCT_5
    services.record_e_invoice_status(invoice=suspended.invoice, status="211", **at(OCT_5))
    announced = Hold.objects.get(kind=HoldKind.PAYMENT_ANNOUNCED)
    assert (announced.side, announced.ends_on) == (HoldSide.THEIRS, date(2026, 10, 12))
    services.record_e_invoice_status(invoice=suspended.invoice, status="213", reason="DOUBLON", **at(OCT_6))
    assert Invoice.objects.get(pk=suspended.invoice_id).e_invoice_status == EInvoiceStatus.REJECTED


def test_an_unfit_invoice_says_what_to_do(organization: Organization) -> None:
    customer = make_customer(kind="public", siren="", payment_days=30, email="", address_line1="")
    item = bill(customer, "100.00", issued_on=SEPT_1, due_on=date(2026, 12, 1), number="F-1")
    Invoice.objects.filter(pk=item.invoice_id).update(pay_to_iban="")
    problems = selectors.check_invoice(Invoice.objects.get(pk=item.invoice_id))
    assert [problem.code for problem in problems] == [
        ProblemCode.IBAN_MISSING,
        ProblemCode.PURCHASE_ORDER,
        ProblemCode.IDENTIFIER,
        ProblemCode.COPY,
        ProblemCode.DUE_DATE_ILLEGAL,
        ProblemCode.RECIPIENT,
    ]
    assert [problem.code for problem in problems if problem.blocking] == [ProblemCode.IBAN_MISSING, ProblemCode.RECIPIENT]


def test_a_sound_invoice_has_nothing_against_it(organization: Organization, settings: Any, tmp_path: Path) -> None:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "documents": place}
    item = bill(make_customer(payment_days=30), "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    copy = documents.store(content=b"%PDF-1.7 copy", media_type="application/pdf", filename="F-1.pdf", now=_nine(2026, 9, 1))
    services.attach_document(invoice=item.invoice, document=copy, **at(SEPT_1))
    assert selectors.check_invoice(Invoice.objects.get(pk=item.invoice_id)) == []


def test_a_residue_is_listed_and_given_up(organization: Organization) -> None:
    customer = make_customer()
    item = bill(customer, "2000.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    small = bill(customer, "12.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2")
    pay(customer, "1981.00", on=OCT_5, reference_text="F-1")
    assert selectors.residues() == [item]  # 19.00 <= 1 % of 2,000; the untouched 12.00 is no residue
    services.write_off(installment=item, reason="Reliquat", **at(OCT_6))
    assert (left(item), left(small), selectors.residues()) == (Decimal(0), Decimal("12.00"), [])
    assert Allocation.objects.filter(reversed_at=None).count() == 1
