"""Customers who pay by direct debit: what is loaded after they were confirmed is not chased before its collection."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from customers.models import Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import PaymentMeans
from invoices.importers.installments import InstallmentLoader
from invoices.models import Installment
from invoices.services import InvoiceDraft, issue_invoice, update_invoice
from invoices.services.debits import collect_by_debit
from tests.factories import make_customer, make_organization
from tests.importers.files import NOW, TODAY, counts, load_invoices, run, text_file

pytestmark = pytest.mark.django_db
HEADING = "N° facture;Code client;Date facture;Échéance;Montant TTC;Mode de règlement"
NEXT_MONTH, MONTH_AFTER = date(2026, 12, 2), date(2027, 1, 2)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    with tenant(organization):
        make_customer("C100", payment_means=PaymentMeans.DIRECT_DEBIT.value)
        make_customer("C200")
    return organization


def _load(organization: Organization, path: Path, *rows: str) -> tuple[int, int, int, int]:
    return counts(load_invoices(text_file(path / "factures.csv", HEADING, *rows), organization))


def _collections(organization: Organization) -> dict[str, date | None]:
    with tenant(organization):
        return dict(Installment.objects.order_by("invoice__number", "position").values_list("invoice__number", "collection_on"))


def test_an_invoice_loaded_later_is_collected_on_its_due_date_unless_that_is_past(organization: Organization, tmp_path: Path) -> None:
    assert _load(
        organization,
        tmp_path,
        "FA-1;C100;2026-11-02;2026-12-02;100,00;",
        "FA-2;C100;2026-09-01;2026-10-01;100,00;",
        "FA-3;C200;2026-11-02;2026-12-02;100,00;",
        "FA-4;C200;2026-11-02;2026-12-02;100,00;prélèvement",
        "FA-5;C100;2026-11-02;2026-12-02;100,00;virement",
    ) == (5, 0, 0, 0)
    assert _collections(organization) == {"FA-1": NEXT_MONTH, "FA-2": None, "FA-3": None, "FA-4": NEXT_MONTH, "FA-5": None}


def test_the_collection_moves_with_the_due_date_and_goes_with_the_means(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, "FA-1;C100;2026-11-02;2026-12-02;100,00;", "FA-2;C100;2026-11-02;2026-12-02;80,00;")
    with tenant(organization):  # the bank was given the second one for another day
        Installment.objects.filter(invoice__number="FA-2").update(collection_on=NEXT_MONTH + timedelta(days=3))
    later = ["FA-1;C100;2026-11-02;2027-01-02;100,00;", "FA-2;C100;2026-11-02;2027-01-02;80,00;"]
    assert _load(organization, tmp_path, *later) == (0, 2, 0, 0)
    assert _collections(organization) == {"FA-1": MONTH_AFTER, "FA-2": NEXT_MONTH + timedelta(days=3)}
    assert _load(organization, tmp_path, "FA-1;C100;2026-11-02;2027-01-02;100,00;virement") == (0, 1, 0, 0)
    assert _collections(organization)["FA-1"] is None
    assert _load(organization, tmp_path, "FA-1;C100;2026-11-02;2027-01-02;100,00;prélèvement") == (0, 1, 0, 0)
    assert _collections(organization)["FA-1"] == MONTH_AFTER


def test_each_instalment_is_collected_on_its_own_due_date(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, "FA-1;C100;2026-11-02;2026-12-02;100,00;")
    path = text_file(tmp_path / "parts.csv", "Facture;Échéance;Montant", "FA-1;2026-12-02;40,00", "FA-1;2027-01-02;60,00")
    assert counts(run(InstallmentLoader(), path, organization)) == (1, 1, 0, 0)
    with tenant(organization):
        assert list(Installment.objects.order_by("position").values_list("collection_on", flat=True)) == [NEXT_MONTH, MONTH_AFTER]


def test_an_invoice_entered_by_hand_too(organization: Organization) -> None:
    with tenant(organization):
        [customer] = Customer.objects.filter(number="C200")
        collect_by_debit(customers=[customer], actor="system", today=TODAY, now=NOW)
        customer.refresh_from_db()
        draft = InvoiceDraft(customer=customer, number="FA-9", issued_on=TODAY, due_on=NEXT_MONTH, gross=Decimal("50.00"))
        invoice = issue_invoice(draft=draft, actor="system", today=TODAY, now=NOW)
        item = invoice.installments.get()
        assert (item.means, item.collection_on) == ("direct_debit", NEXT_MONTH)
        update_invoice(invoice=invoice, due_on=MONTH_AFTER, actor="system", today=TODAY, now=NOW)
        assert invoice.installments.get().collection_on == MONTH_AFTER
