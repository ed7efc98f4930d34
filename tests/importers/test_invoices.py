"""The invoice file: loaded once, loaded again, corrected, contradicted."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from customers.models import Contact, Customer
from dunning.core import audit, search
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceKind, TriageChoice
from invoices.models import Allocation, ImportBatch, ImportRow, Installment, Invoice
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import counts, load_invoices, text_file

pytestmark = pytest.mark.django_db
HEADING = "N° facture;Code client;Raison sociale;Date facture;Échéance;Montant TTC;Devise;Libellé"


def _file(path: Path, *rows: str, heading: str = HEADING, **kwargs: str) -> Path:
    return text_file(path / "factures.csv", heading, *rows, **kwargs)


def test_a_file_makes_invoices_and_their_customers_and_a_second_load_changes_nothing(tmp_path: Path) -> None:
    organization = make_organization()
    path = _file(
        tmp_path,
        "FA-2026-001;C100;Boulangerie Exemple;15/09/2026;15/10/2026;1 234,56;EUR;Fournil",
        "FA-2026-002;C100;Boulangerie Exemple;30/09/2026;30/10/2026;80,00;;",
        "FA-2026-003;C200;Garage Modèle;01/10/2026;31/10/2026;12,5;eur;Vidange",
    )
    assert counts(load_invoices(path, organization)) == (3, 0, 0, 0)
    with tenant(organization):
        rows = Invoice.objects.order_by("number").values_list(
            "number", "customer__number", "issued_on", "due_on", "gross", "currency", "label"
        )
        assert list(rows) == [
            ("FA-2026-001", "C100", date(2026, 9, 15), date(2026, 10, 15), Decimal("1234.56"), "EUR", "Fournil"),
            ("FA-2026-002", "C100", date(2026, 9, 30), date(2026, 10, 30), Decimal("80.00"), "EUR", ""),
            ("FA-2026-003", "C200", date(2026, 10, 1), date(2026, 10, 31), Decimal("12.50"), "EUR", "Vidange"),
        ]
        first = Invoice.objects.get(number="FA-2026-001")
        assert first.payment_reference.startswith("RF") and first.pay_to_iban == "FR2099999000010000000001A82"
        assert list(Installment.objects.order_by("due_on").values_list("amount", "outstanding", "triage", "means")) == [
            (Decimal("1234.56"), Decimal("1234.56"), "", "transfer"),
            (Decimal("80.00"), Decimal("80.00"), "", "transfer"),
            (Decimal("12.50"), Decimal("12.50"), "", "transfer"),
        ]
        assert list(Customer.objects.order_by("number").values_list("number", "name")) == [
            ("C100", "Boulangerie Exemple"),
            ("C200", "Garage Modèle"),
        ]
        assert set(search.find(kind="invoice", query="1 234,56")) == {first.pk}
        assert set(search.find(kind="invoice", query="fa-2026-001")) == {first.pk}
        [event] = AuditEvent.objects.filter(action="invoices.imported")
        assert (event.body["created"], event.body["errors"]) == (3, 0)
        assert list(audit.verify()) == []
    assert counts(load_invoices(path, organization)) == (0, 0, 3, 0)
    with tenant(organization):
        assert Invoice.objects.count() == 3 and ImportBatch.objects.count() == 2


def test_a_corrected_label_and_due_date_update_and_the_instalment_follows(tmp_path: Path) -> None:
    organization = make_organization()
    load_invoices(_file(tmp_path, "F1;C1;X;15/09/2026;15/10/2026;100,00;;ancien", "F2;C1;X;15/09/2026;15/10/2026;50,00;;"), organization)
    report = load_invoices(_file(tmp_path, "F1;C1;X;15/09/2026;30/10/2026;100,00;;nouveau", "F2;C1;X;15/09/2026;;50,00;;"), organization)
    assert counts(report) == (0, 1, 1, 0)
    with tenant(organization):
        assert list(Invoice.objects.order_by("number").values_list("due_on", "label")) == [
            (date(2026, 10, 30), "nouveau"),
            (date(2026, 10, 15), ""),
        ]
        assert list(Installment.objects.order_by("invoice__number").values_list("due_on", flat=True)) == [
            date(2026, 10, 30),
            date(2026, 10, 15),
        ]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("F1;C1;X;15/09/2026;15/10/2026;100,01;;", "Montant TTC", "credit note"),
        ("F1;C1;X;15/09/2026;15/10/2026;100,00;USD;", "Devise", "credit note"),
        ("F1;C2;X;15/09/2026;15/10/2026;100,00;;", "Code client", "credit note"),
    ],
)
def test_amount_currency_and_customer_of_a_known_number_never_change(tmp_path: Path, row: str, column: str, words: str) -> None:
    organization = make_organization()
    load_invoices(_file(tmp_path, "F1;C1;X;15/09/2026;15/10/2026;100,00;;"), organization)
    report = load_invoices(_file(tmp_path, row, "F2;C1;X;16/09/2026;15/10/2026;5,00;;"), organization)
    assert counts(report) == (1, 0, 0, 1)
    [(line, problem)] = report.problems
    assert (line, problem.column) == (2, column) and words in problem.reason
    with tenant(organization):
        known = Invoice.objects.get(number="F1")
        assert (known.gross, known.currency, known.customer.number) == (Decimal("100.00"), "EUR", "C1")
        assert not Customer.objects.filter(number="C2").exists()
        [kept] = ImportRow.objects.all()
        assert (kept.line, kept.column, kept.content["N° facture"]) == (2, column, "F1")


def test_a_number_twice_is_counted_once_when_equal_and_refused_on_both_lines_when_not(tmp_path: Path) -> None:
    organization = make_organization()
    report = load_invoices(
        _file(
            tmp_path,
            "F1;C1;X;15/09/2026;15/10/2026;100,00;;",
            "F2;C1;X;15/09/2026;15/10/2026;20,00;;",
            "F1;C1;X;15/09/2026;15/10/2026;100,00;;",
            "F2;C1;X;15/09/2026;15/10/2026;21,00;;",
        ),
        organization,
    )
    assert counts(report) == (1, 0, 1, 2)
    assert [line for line, _problem in report.problems] == [3, 5]
    with tenant(organization):
        assert list(Invoice.objects.values_list("number", flat=True)) == ["F1"]


def test_bad_rows_are_each_explained_and_the_good_ones_loaded(tmp_path: Path) -> None:
    organization = make_organization()
    report = load_invoices(
        _file(
            tmp_path,
            "F1;C1;X;31/02/2026;15/10/2026;100,00;;",
            "F2;C1;X;15/09/2026;14/09/2026;100,00;;",
            ";C1;X;15/09/2026;15/10/2026;100,00;;",
            "F4;C1;X;15/09/2026;15/10/2026;-100,00;;",
            "F5;C1;X;15/09/2026;15/10/2026;100,00;XYZ;",
            "F6;C1;X;15/09/2026;15/10/2026;100,00;TND;",
            "F7;C1;X;15/09/2026;15/10/2026;cent;;",
            "F8;C1;X;15/09/2026;15/10/2026;1,234;;",
            f"F9;C1;X;15/09/2026;15/10/2026;1,00;;{'x' * 201}",
            "F10;C1;X;15/09/2026",
            "F11;C1;X;15/09/2026;15/10/2026;1,00;;a;b",
            "F12;C1;X;15/09/2026;15/10/2026;1,50;JPY;",
            "F13;C1;X;15/09/2026;15/10/2026;0;;",
            "F14;C1;X;15/09/1026;15/10/2026;1,00;;",
            "=F15;C1;\x07;15/09/2026;15/10/2026;1,00;;",
            "F16;C1;X;15/09/2026;15/10/2026;100,00;;bon",
        ),
        organization,
    )
    assert counts(report) == (1, 0, 0, 15)
    with tenant(organization):
        assert list(Invoice.objects.values_list("number", flat=True)) == ["F16"]
        said = {row.line: (row.column, row.reason) for row in ImportRow.objects.all()}
    assert {line: column for line, (column, _reason) in said.items()} == {
        2: "Date facture", 3: "Échéance", 4: "N° facture", 5: "Montant TTC", 6: "Devise", 7: "Devise", 8: "Montant TTC", 9: "Montant TTC",
        10: "Libellé", 11: "", 12: "", 13: "Montant TTC", 14: "Montant TTC", 15: "Date facture", 16: "Raison sociale",
    }  # fmt: skip
    assert "credit note" in said[5][1] and "3 decimals" in said[7][1] and "calendar" in said[2][1]
    errors = (tmp_path / "factures.csv.errors.csv").read_text("utf-8-sig").splitlines()
    assert errors[0] == f"{HEADING};error_line;error_column;error_reason" and len(errors) == 16
    assert errors[15].startswith("'=F15;C1;")


def test_the_error_file_is_loaded_again_with_its_cells_as_they_were(tmp_path: Path) -> None:
    """Credit notes of 15 September refused for an impossible due date, which alone is corrected in the error file."""
    organization = make_organization()
    heading = f"{HEADING};Type"
    amounts = ("-12,00 €", "-€13,00", "-1'234,50", "-14,00 EUR")
    rows = [f"A{number};C1;X;15/09/2026;31/02/2026;{amount};;=Remise;avoir" for number, amount in enumerate(amounts)]
    assert counts(load_invoices(_file(tmp_path, *rows, heading=heading), organization)) == (0, 0, 0, 4)
    errors = tmp_path / "factures.csv.errors.csv"
    written = errors.read_text("utf-8-sig")
    assert written.count("'=Remise") == 4 and ";'-14,00 EUR;" in written and ";-12,00 €;" in written
    errors.write_text(written.replace("31/02/2026", "28/02/2027"), "utf-8-sig")
    assert counts(load_invoices(errors, organization)) == (4, 0, 0, 0)
    with tenant(organization):
        assert list(Invoice.objects.order_by("number").values_list("gross", "label", "kind")) == [
            (Decimal(amount), "=Remise", InvoiceKind.CREDIT_NOTE) for amount in ("12.00", "13.00", "1234.50", "14.00")
        ]


def test_strict_loads_nothing_when_one_row_is_bad(tmp_path: Path) -> None:
    organization = make_organization()
    path = _file(tmp_path, "F1;C1;X;15/09/2026;15/10/2026;100,00;;", "F2;C1;X;15/09/2026;15/10/2026;cent;;")
    report = load_invoices(path, organization, strict=True)
    assert counts(report) == (1, 0, 0, 1) and not report.loaded
    with tenant(organization):
        assert (Invoice.objects.count(), Customer.objects.count(), ImportBatch.objects.count()) == (0, 0, 0)
    assert (tmp_path / "factures.csv.errors.csv").exists()


def test_a_dry_run_says_everything_and_writes_nothing(tmp_path: Path) -> None:
    organization = make_organization()
    path = _file(tmp_path, "F1;C1;X;15/09/2026;15/10/2026;100,00;;")
    report = load_invoices(path, organization, dry_run=True)
    assert counts(report) == (1, 0, 0, 0) and "Dry run" in report.summary()
    with tenant(organization):
        assert (Invoice.objects.count(), ImportBatch.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)
        assert OrganizationProfile.objects.get().first_import_on is None


def test_credit_notes_say_so_and_reduce_the_invoice_they_name(tmp_path: Path) -> None:
    organization = make_organization()
    heading = "Type;N° facture;Code client;Date facture;Montant TTC;Facture d'origine"
    report = load_invoices(
        _file(
            tmp_path,
            "Facture;F1;C1;15/09/2026;100,00;",
            "Avoir;AV1;C1;20/09/2026;-30,00;F1",
            "Avoir;AV2;C1;21/09/2026;10,00;",
            heading=heading,
        ),
        organization,
    )
    assert counts(report) == (3, 0, 0, 0)
    with tenant(organization):
        first, second = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE).order_by("number")
        assert (first.gross, first.unallocated, first.due_on) == (Decimal("30.00"), Decimal("0.00"), None)
        assert first.credited_invoice is not None and first.credited_invoice.number == "F1"
        assert (second.gross, second.unallocated) == (Decimal("10.00"), Decimal("10.00"))
        [item] = Installment.objects.all()
        assert (item.outstanding, item.due_on) == (Decimal("70.00"), date(2026, 10, 15))
        assert list(Allocation.objects.values_list("amount", "value_on")) == [(Decimal("30.00"), date(2026, 9, 20))]


def test_the_first_import_sends_old_items_to_triage_and_later_ones_do_not(tmp_path: Path) -> None:
    organization = make_organization()
    load_invoices(_file(tmp_path, "OLD;C1;X;01/06/2026;03/08/2026;10,00;;", "EDGE;C1;X;13/05/2026;04/08/2026;10,00;;"), organization)
    load_invoices(_file(tmp_path, "LATER;C1;X;01/05/2026;15/05/2026;10,00;;"), organization, today=date(2026, 11, 3))
    with tenant(organization):
        assert OrganizationProfile.objects.get().first_import_on == date(2026, 11, 2)
        triage = dict(Installment.objects.values_list("invoice__number", "triage"))
    assert triage == {"OLD": TriageChoice.WAITING, "EDGE": "", "LATER": ""}


def test_the_due_date_follows_terms_of_the_row_then_of_the_customer(tmp_path: Path) -> None:
    organization = make_organization()
    with tenant(organization):
        make_customer("C1", payment_days=45, payment_end_of_month="after")
    heading = "N° facture;Code client;Date facture;Conditions de paiement;Montant TTC"
    load_invoices(
        _file(
            tmp_path,
            "F1;C1;31/01/2026;;10,00",
            "F2;C1;31/01/2026;60 jours;10,00",
            "F3;NEW;31/01/2026;;10,00",
            "F4;NEW;31/01/2026;fin de mois + 45 jours;10,00",
            heading=heading,
        ),
        organization,
    )
    with tenant(organization):
        due = dict(Invoice.objects.values_list("number", "due_on"))
    assert due == {"F1": date(2026, 3, 31), "F2": date(2026, 4, 1), "F3": date(2026, 3, 2), "F4": date(2026, 3, 17)}


def test_a_named_column_is_remembered_for_the_next_file_with_its_date_format(tmp_path: Path) -> None:
    organization = make_organization()
    heading = "Num;Code client;Quand;Montant TTC"
    from invoices.importers.dates import Order

    mapping = {"Num": "number", "Quand": "issued_on"}
    load_invoices(_file(tmp_path, "F1;C1;01/02/2026;10,00", heading=heading), organization, mapping=mapping, order=Order.MDY)
    load_invoices(_file(tmp_path, "F2;C1;03/04/2026;10,00", heading=heading), organization)
    with tenant(organization):
        assert dict(Invoice.objects.values_list("number", "issued_on")) == {"F1": date(2026, 1, 2), "F2": date(2026, 3, 4)}


def test_a_stranger_s_contact_is_made_from_the_file(tmp_path: Path) -> None:
    organization = make_organization()
    heading = "N° facture;Code client;Raison sociale;E-mail;SIREN;Date facture;Montant TTC"
    load_invoices(_file(tmp_path, "F1;C1;Essai;compta@essai.example;999 999 022;31/01/2026;10,00", heading=heading), organization)
    with tenant(organization):
        [contact] = Contact.objects.select_related("customer")
        assert (contact.email, contact.customer.name, contact.customer.siren, contact.customer.kind) == (
            "compta@essai.example", "Essai", "999999022", "business",
        )  # fmt: skip


def test_an_invoice_with_several_due_dates_keeps_them(tmp_path: Path) -> None:
    organization = make_organization()
    with tenant(organization):
        item = make_invoice(make_customer("C1"), number="F1", amount="100.00", issued_on=date(2026, 9, 15), due_on=date(2026, 10, 15))
        Installment.objects.filter(pk=item.pk).update(amount=60, outstanding=60)
        Installment.objects.create(
            invoice=item.invoice, customer=item.customer, position=2, due_on=date(2026, 11, 15), amount=Decimal(40), outstanding=Decimal(40)
        )
    report = load_invoices(_file(tmp_path, "F1;C1;X;15/09/2026;30/10/2026;100,00;;"), organization)
    assert counts(report) == (0, 0, 0, 1) and "import_installments" in report.problems[0][1].reason


def test_a_telephone_is_read_in_the_country_of_the_customer_it_is_of(tmp_path: Path) -> None:
    organization = make_organization()
    with tenant(organization):
        make_customer("B1", country="DE")
    heading = "N° facture;Code client;Date facture;Échéance;Montant TTC;Téléphone"
    rows = ["F1;B1;15/09/2026;15/10/2026;100,00;030 12345678", "F2;N1;15/09/2026;15/10/2026;50,00;06 99 00 12 34"]
    assert counts(load_invoices(_file(tmp_path, *rows, "F3;N2;15/09/2026;15/10/2026;50,00;12", heading=heading), organization)) == (
        2,
        0,
        0,
        1,
    )
    with tenant(organization):
        assert Contact.objects.get(customer__number="N1").phone == "+33699001234"


def test_an_invoice_date_does_not_pass_the_due_date_that_is_known(tmp_path: Path) -> None:
    """Due on 1 October, and a file without due dates says it was issued on the 25th."""
    organization = make_organization()
    load_invoices(_file(tmp_path, "F1;C1;X;15/09/2026;01/10/2026;100,00;;", "F2;C1;X;15/09/2026;01/10/2026;50,00;;"), organization)
    heading = "N° facture;Code client;Date facture;Montant TTC"
    report = load_invoices(_file(tmp_path, "F1;C1;25/10/2026;100,00", "F2;C1;01/10/2026;50,00", heading=heading), organization)
    assert counts(report) == (0, 1, 0, 1)
    [(line, problem)] = report.problems
    assert (line, problem.column) == (2, "Date facture") and "2026-10-01" in problem.reason and "give the due date too" in problem.reason
    with tenant(organization):
        assert list(Invoice.objects.order_by("number").values_list("issued_on", "due_on")) == [
            (date(2026, 9, 15), date(2026, 10, 1)),
            (date(2026, 10, 1), date(2026, 10, 1)),
        ]
    report = load_invoices(_file(tmp_path, "F1;C1;X;25/10/2026;24/11/2026;100,00;;"), organization)
    assert counts(report) == (0, 1, 0, 0)
    with tenant(organization):
        assert Installment.objects.get(invoice__number="F1").due_on == date(2026, 11, 24)
