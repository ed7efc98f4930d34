"""The currency beside an amount: taken for the row's, or refused when it says another; never booked as something else."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from customers.models import Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.importers.customers import CustomerLoader
from invoices.importers.installments import InstallmentLoader
from invoices.importers.open_items import Choices, OpenItemsLoader
from invoices.importers.report import Report
from invoices.models import Installment, Invoice, Payment
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import counts, load_invoices, load_payments, run, text_file

pytestmark = pytest.mark.django_db
BARE = "Facture;Client;Date;Échéance;TTC"


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    with tenant(organization):
        make_customer("C1")
    return organization


def _invoices(organization: Organization, path: Path, *amounts: str, heading: str = BARE, **options: str) -> Report:
    """Invoices of 1 September, F0, F1…; an amount may bring its currency cell, "12 $;CAD"."""
    rows = [f"F{number};C1;01/09/2026;15/10/2026;{amount}" for number, amount in enumerate(amounts)]
    return load_invoices(text_file(path / "factures.csv", heading, *rows), organization, **options)


def _booked(organization: Organization) -> dict[str, tuple[Decimal, str]]:
    with tenant(organization):
        rows = Invoice.objects.order_by("number").values_list("number", "gross", "currency")
        return {number: (gross, currency) for number, gross, currency in rows}


def _reasons(report: Report) -> dict[int, tuple[str, str]]:
    return {line: (problem.column, problem.reason) for line, problem in report.problems}


def test_without_a_currency_column_the_amounts_of_september_keep_the_currency_they_carry(
    organization: Organization, tmp_path: Path
) -> None:
    report = _invoices(organization, tmp_path, "1 000,00 USD", "£500,00", "80,00 €", "12,50 euros", "300,00 chf", "40,00")
    assert counts(report) == (6, 0, 0, 0)
    assert _booked(organization) == {
        "F0": (Decimal("1000.00"), "USD"), "F1": (Decimal("500.00"), "GBP"), "F2": (Decimal("80.00"), "EUR"),
        "F3": (Decimal("12.50"), "EUR"), "F4": (Decimal("300.00"), "CHF"), "F5": (Decimal("40.00"), "EUR"),
    }  # fmt: skip
    assert counts(_invoices(organization, tmp_path, "1 000,00 USD", "£500,00")) == (0, 0, 2, 0)


def test_a_dollar_or_a_yen_may_be_anybodys_and_waits_for_its_name(organization: Organization, tmp_path: Path) -> None:
    report = _invoices(organization, tmp_path, "$500,00", "¥500", "$12,00 €")
    assert counts(report) == (0, 0, 0, 3)
    said = _reasons(report)
    assert said[2][0] == "TTC" and "“$” is not EUR" in said[2][1] and "column of its own" in said[2][1] and "“¥” is not EUR" in said[3][1]
    assert _booked(organization) == {}
    assert counts(_invoices(organization, tmp_path, "$500,00", currency="CAD")) == (1, 0, 0, 0)
    assert _booked(organization) == {"F0": (Decimal("500.00"), "CAD")}


def test_a_currency_column_that_agrees_loads_as_ever_and_one_that_does_not_refuses_its_row(
    organization: Organization, tmp_path: Path
) -> None:
    amounts = ("$10,00;CAD", "$10,00 USD;USD", "¥500;CNY", "£10,00;GIP", "10,00 €;EUR", "10,00;USD", "10,00 €;USD", "10,00 USD;", "$1,00;£")
    report = _invoices(organization, tmp_path, *amounts, heading=f"{BARE};Devise")
    assert counts(report) == (7, 0, 0, 2)
    assert [currency for _gross, currency in _booked(organization).values()] == ["CAD", "USD", "CNY", "GIP", "EUR", "USD", "USD"]
    said = _reasons(report)
    assert said.keys() == {8, 10} and said[8] == (
        "TTC",
        "“€” is not USD: correct the amount, or name the row’s currency in a column of its own",
    )


def test_a_receipt_in_pounds_does_not_settle_an_invoice_in_euros(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        make_invoice(Customer.objects.get(), number="F1", amount="500.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    path = text_file(
        tmp_path / "r.csv", "N° règlement;Date;Montant;Client;Facture", "R1;20/10/2026;£500,00;C1;F1", "R2;21/10/2026;$500,00;C1;F1"
    )
    report = load_payments(path, organization)
    assert counts(report) == (1, 0, 0, 1) and _reasons(report)[3][0] == "Montant"
    with tenant(organization):
        payment = Payment.objects.get()
        assert (payment.currency, payment.unallocated) == ("GBP", Decimal("500.00"))
        assert Installment.objects.get().outstanding == Decimal("500.00")


def test_a_snapshot_adds_up_each_currency_it_carries(organization: Organization, tmp_path: Path) -> None:
    path = text_file(
        tmp_path / "s.csv",
        "Compte;Pièce;Date;Échéance;Débit;Crédit",
        "C1;S1;01/09/2026;15/10/2026;1 000,00 €;0,00 €",
        "C1;S2;01/09/2026;15/10/2026;200,00 USD;",
        "C1;S3;01/09/2026;15/10/2026;$7,00;",
    )
    report = run(OpenItemsLoader(Choices()), path, organization)
    assert counts(report) == (2, 0, 0, 1) and _reasons(report)[4][0] == "Débit"
    assert report.totals == {"EUR": Decimal("1000.00"), "USD": Decimal("200.00")}
    assert _booked(organization) == {"S1": (Decimal("1000.00"), "EUR"), "S2": (Decimal("200.00"), "USD")}


def test_instalments_are_in_the_currency_of_their_invoice(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        for number, currency in (("F1", "USD"), ("F2", "EUR")):
            make_invoice(
                Customer.objects.get(),
                number=number,
                amount="100.00",
                currency=currency,
                issued_on=date(2026, 9, 1),
                due_on=date(2026, 10, 1),
            )
    rows = [f"{number};{day}/11/2026;$50,00" for number in ("F1", "F2") for day in (15, 30)]
    report = run(InstallmentLoader(), text_file(tmp_path / "e.csv", "Facture;Échéance;Montant", *rows), organization)
    assert counts(report) == (1, 1, 0, 2)
    assert _reasons(report)[4] == (
        "Montant",
        "the invoice F2 is in EUR, and an instalment of it carries the sign of another currency: correct it",
    )
    with tenant(organization):
        assert Installment.objects.filter(invoice__number="F1").count() == 2


def test_a_credit_limit_in_dollars_is_refused_by_an_organization_in_euros(organization: Organization, tmp_path: Path) -> None:
    path = text_file(tmp_path / "c.csv", "Code client;Raison sociale;Plafond", "D1;Un;12 000,00 €", "D2;Deux;$12 000,00")
    report = run(CustomerLoader(), path, organization)
    assert counts(report) == (1, 0, 0, 1)
    assert _reasons(report)[3] == ("Plafond", "“$” is not EUR: a credit limit is in your organization’s currency")
