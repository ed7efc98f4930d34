"""The instalment file replaces one due date by several, or nothing."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.importers.installments import InstallmentLoader
from invoices.importers.report import Report
from invoices.models import Installment
from invoices.services import PaymentDraft, record_payment
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import NOW, TODAY, counts, load_invoices, run, text_file

pytestmark = pytest.mark.django_db
HEADING = "N° facture;N° échéance;Échéance;Montant;Type;Mode de règlement"


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    with tenant(organization):
        customer = make_customer("C1")
        for number in ("F1", "F2"):
            make_invoice(customer, number=number, amount="1000.00", issued_on=date(2026, 9, 15), due_on=date(2026, 10, 15))
    return organization


def _load(organization: Organization, path: Path, *rows: str) -> Report:
    return run(InstallmentLoader(), text_file(path / "echeances.csv", HEADING, *rows), organization)


THREE = (
    "F1;1;15/09/2026;300,00;Acompte;Virement",
    "F1;2;30/11/2026;650,00;;Traite",
    "F1;3;15/09/2027;50,00;Retenue de garantie;",
)


def test_three_instalments_replace_one_in_place(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        [before] = Installment.objects.filter(invoice__number="F1")
    assert counts(_load(organization, tmp_path, *THREE)) == (2, 1, 0, 0)
    with tenant(organization):
        rows = Installment.objects.filter(invoice__number="F1").order_by("position")
        assert [(row.kind, row.means, row.due_on, row.amount, row.outstanding) for row in rows] == [
            ("deposit", "transfer", date(2026, 9, 15), Decimal("300.00"), Decimal("300.00")),
            ("normal", "bill", date(2026, 11, 30), Decimal("650.00"), Decimal("650.00")),
            ("retention", "transfer", date(2027, 9, 15), Decimal("50.00"), Decimal("50.00")),
        ]
        assert rows[0].pk == before.pk and rows[0].invoice.due_on == date(2027, 9, 15)
    assert counts(_load(organization, tmp_path, *THREE)) == (0, 0, 3, 0)


def test_they_must_add_up_and_stand_together(organization: Organization, tmp_path: Path) -> None:
    report = _load(
        organization, tmp_path, "F1;1;15/10/2026;300,00;;", "F1;2;30/11/2026;600,00;;", "F2;1;15/10/2026;400,00;;",
        "F2;2;31/02/2026;600,00;;",
        "F9;1;15/10/2026;1,00;;",
    )  # fmt: skip
    assert counts(report) == (0, 0, 0, 5)
    with tenant(organization):
        assert Installment.objects.count() == 2


def test_an_invoice_already_paid_in_part_keeps_its_due_date(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        item = Installment.objects.get(invoice__number="F1")
        draft = PaymentDraft(
            amount=Decimal("10.00"), received_on=date(2026, 10, 1), customer=item.customer, allocations=((item, Decimal("10.00")),)
        )
        record_payment(draft=draft, actor="system", today=TODAY, now=NOW)
    assert counts(_load(organization, tmp_path, *THREE)) == (0, 0, 0, 3)
    with tenant(organization):
        assert list(Installment.objects.filter(invoice__number="F1").values_list("outstanding", flat=True)) == [Decimal("990.00")]


def test_the_invoice_file_loaded_again_leaves_each_instalment_its_means_and_date(organization: Organization, tmp_path: Path) -> None:
    """The invoice file says “virement” for the whole; the instalments then came by transfer and by bill."""
    heading = "N° facture;Code client;Date facture;Montant TTC;Mode de règlement"
    invoices = text_file(tmp_path / "f.csv", heading, "F1;C1;15/09/2026;1000,00;Virement", "F2;C1;15/09/2026;1000,00;Traite")
    _load(organization, tmp_path, *THREE)
    assert counts(load_invoices(invoices, organization)) == (0, 1, 1, 0)
    assert counts(load_invoices(invoices, organization)) == (0, 0, 2, 0)
    redated = text_file(tmp_path / "f.csv", heading, "F1;C1;30/11/2026;1000,00;Virement")
    assert counts(load_invoices(redated, organization)) == (0, 1, 0, 0)  # the deposit alone is due before
    redated = text_file(tmp_path / "f.csv", heading, "F1;C1;01/12/2026;1000,00;Virement")
    assert counts(load_invoices(redated, organization)) == (0, 0, 0, 1)
    with tenant(organization):
        means = Installment.objects.order_by("invoice__number", "position").values_list("invoice__number", "means")
        assert list(means) == [("F1", "transfer"), ("F1", "bill"), ("F1", "transfer"), ("F2", "bill")]
