"""The payment file: set against what it names, loaded once, never twice."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import PlanState
from invoices.models import Allocation, Hold, Installment, LedgerCoverage, Payment, PaymentPlan
from invoices.schedules import Part
from invoices.services import agree_on_plan, break_due_plans, cancel_payment, make_promise
from invoices.signals import invoices_settled
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import NOW, TODAY, counts, load_payments, text_file
from tests.invoices.ledger import at
from tests.invoices.test_payment_plans import SIGNED

pytestmark = pytest.mark.django_db
HEADING = "N° règlement;Date règlement;Montant;Code client;Facture;Libellé"


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    with tenant(organization):
        boulangerie, garage = make_customer("C1"), make_customer("C2")
        for number, customer, amount in (("F1", boulangerie, "100.00"), ("F2", boulangerie, "50.00"), ("F3", garage, "70.00")):
            make_invoice(customer, number=number, amount=amount, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    return organization


def _file(path: Path, *rows: str, heading: str = HEADING) -> Path:
    return text_file(path / "reglements.csv", heading, *rows)


def _outstanding() -> dict[str, Decimal]:
    return dict(Installment.objects.values_list("invoice__number", "outstanding"))


def test_a_receipt_naming_an_invoice_settles_it_and_a_second_load_changes_nothing(organization: Organization, tmp_path: Path) -> None:
    told: list[object] = []

    def listen(installment_ids: list[object], **_news: object) -> None:
        told.extend(installment_ids)

    invoices_settled.connect(listen)
    path = _file(tmp_path, "R1;20/10/2026;100,00;C1;F1;", "R2;21/10/2026;70,00;;F3;virement")
    assert counts(load_payments(path, organization)) == (2, 0, 0, 0)
    invoices_settled.disconnect(listen)
    with tenant(organization):
        assert _outstanding() == {"F1": Decimal(0), "F2": Decimal("50.00"), "F3": Decimal(0)}
        rows = Payment.objects.order_by("external_reference").values_list(
            "customer__number", "amount", "unallocated", "received_on", "entered_on"
        )
        assert list(rows) == [
            ("C1", Decimal("100.00"), Decimal("0.00"), date(2026, 10, 20), TODAY),
            ("C2", Decimal("70.00"), Decimal("0.00"), date(2026, 10, 21), TODAY),
        ]
        settled = Installment.objects.filter(outstanding=0).order_by("settled_on")
        assert list(settled.values_list("settled_on", flat=True)) == [date(2026, 10, 20), date(2026, 10, 21)]
        assert sorted(told) == sorted(item.pk for item in settled)
        assert [row.through for row in LedgerCoverage.objects.all()] == [TODAY]
    assert counts(load_payments(path, organization)) == (0, 0, 2, 0)
    with tenant(organization):
        assert (Payment.objects.count(), Allocation.objects.count()) == (2, 2)


def test_every_other_way_of_paying(organization: Organization, tmp_path: Path) -> None:
    """A part, two invoices at once, too much, an unknown number, nobody - each as a person would enter it."""
    path = _file(
        tmp_path,
        "R1;20/10/2026;40,00;C1;F1;",
        "R2;21/10/2026;130,00;C2;F3, F9;",
        "R3;22/10/2026;12,00;C1;INCONNUE;",
        "R4;23/10/2026;33,00;;;merci",
        "R5;24/10/2026;110,00;C1;F1 + F2;",
    )
    report = load_payments(path, organization)
    assert counts(report) == (5, 0, 0, 0)
    with tenant(organization):
        assert _outstanding() == {"F1": Decimal(0), "F2": Decimal(0), "F3": Decimal(0)}
        left = dict(Payment.objects.values_list("external_reference", "unallocated"))
        assert left == {"R1": Decimal(0), "R2": Decimal("60.00"), "R3": Decimal("12.00"), "R4": Decimal("33.00"), "R5": Decimal(0)}
        assert Payment.objects.get(external_reference="R4").customer is None


def test_a_partial_payment_pauses_its_item_as_the_service_does(organization: Organization, tmp_path: Path) -> None:
    load_payments(_file(tmp_path, "R1;02/11/2026;30,00;C1;F1;", "R2;30/10/2026;70,00;C2;F3;"), organization)
    with tenant(organization):
        [hold] = Hold.objects.all()
        assert hold.installment is not None and hold.installment.invoice.number == "F1"


def test_a_promised_item_keeps_its_promise(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        item = Installment.objects.get(invoice__number="F1")
        make_promise(amounts={item: None}, promised_for=date(2026, 11, 10), actor="system", today=date(2026, 10, 25), now=NOW)
    load_payments(_file(tmp_path, "R1;30/10/2026;100,00;C1;F1;"), organization)
    with tenant(organization):
        [promise] = item.promises.all()
        assert (promise.state, _outstanding()["F1"]) == ("kept", Decimal(0))


def test_receipts_without_a_reference_are_told_apart_by_content_and_ordinal(organization: Organization, tmp_path: Path) -> None:
    heading = "Date règlement;Montant;Code client;Libellé"
    twice = ["20/10/2026;10,00;C2;espèces", "20/10/2026;10,00;C2;espèces"]
    assert counts(load_payments(_file(tmp_path, *twice, heading=heading), organization)) == (2, 0, 0, 0)
    thrice = [*twice, "20/10/2026;10,00;C2;espèces"]
    assert counts(load_payments(_file(tmp_path, *thrice, heading=heading), organization)) == (1, 0, 2, 0)
    with tenant(organization):
        assert _outstanding()["F3"] == Decimal("40.00")


def test_contradictions_are_refused_and_coverage_is_not_certified_by_default(organization: Organization, tmp_path: Path) -> None:
    load_payments(_file(tmp_path, "R1;20/10/2026;100,00;C1;F1;"), organization, ledger_through=date(2026, 10, 20))
    report = load_payments(
        _file(
            tmp_path,
            "R1;20/10/2026;101,00;C1;F1;",
            "R2;20/10/2026;-5,00;C1;F2;",
            "R3;20/10/2026;5,00;C1;F2;",
            "R3;20/10/2026;6,00;C1;F2;",
            "R4;20/12/2026;6,00;C1;F2;",
        ),
        organization,
    )
    assert counts(report) == (0, 0, 0, 5)
    with tenant(organization):
        assert Payment.objects.count() == 1 and _outstanding()["F2"] == Decimal("50.00")
        assert [row.through for row in LedgerCoverage.objects.all()] == [date(2026, 10, 20)]


def test_an_invoice_of_somebody_else_is_not_paid(organization: Organization, tmp_path: Path) -> None:
    load_payments(_file(tmp_path, "R1;20/10/2026;70,00;C1;F3;"), organization)
    with tenant(organization):
        assert _outstanding()["F3"] == Decimal("70.00")
        assert Payment.objects.get().unallocated == Decimal("70.00")


def test_the_payer_pays_for_the_one_it_pays_for(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        payer = make_customer("HEAD")
        owner = Installment.objects.get(invoice__number="F3").customer
        owner.payer = payer
        owner.save(update_fields=["payer"])
    load_payments(_file(tmp_path, "R1;20/10/2026;70,00;HEAD;F3;"), organization)
    with tenant(organization):
        payment = Payment.objects.select_related("customer").get()
        assert payment.customer is not None and (payment.customer.number, _outstanding()["F3"]) == ("HEAD", Decimal(0))


def _agree_in_two_parts(first: date, second: date) -> PaymentPlan:
    item = Installment.objects.get(invoice__number="F1")
    parts = (Part(first, Decimal("50.00")), Part(second, Decimal("50.00")))
    return agree_on_plan(installments=[item], parts=parts, signature=SIGNED, **at(date(2026, 10, 1)))


def test_a_plan_is_kept_by_the_receipt_that_pays_it_whole(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        plan = _agree_in_two_parts(date(2026, 12, 5), date(2026, 12, 12))
    load_payments(_file(tmp_path, "R1;30/10/2026;100,00;C1;F1;"), organization)
    with tenant(organization):
        plan.refresh_from_db()
        assert (plan.state, _outstanding()["F1"]) == (PlanState.KEPT, Decimal(0))


def test_a_broken_plan_is_mended_by_money_that_had_come_in_time(organization: Organization, tmp_path: Path) -> None:
    """Broken on 20 October for want of the file, which says on 2 November that all was paid on 5 October."""
    with tenant(organization):
        plan = _agree_in_two_parts(date(2026, 10, 5), date(2026, 10, 12))
        break_due_plans(**at(date(2026, 10, 20)))
        plan.refresh_from_db()
        assert plan.state == PlanState.BROKEN
    load_payments(_file(tmp_path, "R1;2026-10-05;100,00;C1;F1;"), organization)
    with tenant(organization):
        plan.refresh_from_db()
        assert plan.state == PlanState.KEPT


def test_a_cancelled_receipt_is_loaded_anew_with_what_it_should_have_said(organization: Organization, tmp_path: Path) -> None:
    load_payments(_file(tmp_path, "R1;20/10/2026;90,00;C1;F1;"), organization)
    with tenant(organization):
        wrong = Payment.objects.get()
        cancel_payment(payment=wrong, reason="a typing error", actor="system", today=TODAY, now=NOW)
    corrected = _file(tmp_path, "R1;20/10/2026;100,00;C1;F1;")
    assert counts(load_payments(corrected, organization)) == (1, 0, 0, 0)
    assert counts(load_payments(corrected, organization)) == (0, 0, 1, 0)
    with tenant(organization):
        assert _outstanding()["F1"] == Decimal(0)
        wrong.refresh_from_db()
        assert (wrong.external_reference, wrong.cancelled_reason) == (f"cancelled-{wrong.pk}", "a typing error")


def test_a_cancelled_receipt_that_the_file_goes_on_naming_stays_cancelled_and_is_said(organization: Organization, tmp_path: Path) -> None:
    """A debit that was rejected stands in the accounts' export for ever."""
    path = _file(tmp_path, "R1;20/10/2026;100,00;C1;F1;", "R2;20/10/2026;70,00;C2;F3;")
    load_payments(path, organization)
    with tenant(organization):
        cancel_payment(payment=Payment.objects.get(external_reference="R1"), reason="rejected", actor="system", today=TODAY, now=NOW)
    report = load_payments(path, organization)
    assert counts(report) == (0, 0, 2, 0)
    assert "1 receipt was cancelled here, and stays so: its row says the same as before." in report.notes
    with tenant(organization):
        assert (_outstanding()["F1"], _outstanding()["F3"]) == (Decimal("100.00"), Decimal(0))
