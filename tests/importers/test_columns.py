"""Which kind of file a heading speaks of, which column is which, and what a load teaches the next one."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.kinds import FIELDS, recognise_kind
from invoices.importers.labels import label_of
from invoices.importers.problems import FileRefused
from invoices.importers.reading import Said
from invoices.models import ImportBatch, Invoice
from tests.factories import make_organization
from tests.importers.files import counts, load_invoices, run, text_file, workbook

HEADINGS = {
    "open_items": "Compte;Intitulé;Jal;Pièce;Date;Échéance;Débit;Crédit;Solde;Let;Libellé",
    "invoices": "N° facture;Code client;Date de facture;Échéance;Montant TTC",
    "customers": "Code client;Raison sociale;SIREN;E-mail;Téléphone",
    "payments": "Date de règlement;Montant;Libellé;Donneur d'ordre",
    "installments": "Facture;Échéance;Montant",
    "": "Bleu;Rouge;Vert",
}


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization("atelier")


@pytest.mark.parametrize(("kind", "heading"), HEADINGS.items(), ids=[kind or "none" for kind in HEADINGS])
def test_a_heading_says_what_kind_of_file_it_is(kind: str, heading: str) -> None:
    assert recognise_kind(heading.split(";")) == kind


def test_a_snapshot_with_balances_alone_is_told_from_an_invoice_file() -> None:
    assert recognise_kind(["Code client", "N° facture", "Date", "Échéance", "Solde"]) == "open_items"
    assert recognise_kind(["Code client", "N° facture", "Date", "Échéance", "Montant"]) == "invoices"


def test_every_field_has_a_name_a_person_reads() -> None:
    assert [(kind, field.name) for kind, fields in FIELDS.items() for field in fields if not str(label_of(kind, field.name))] == []


def test_a_column_is_named_by_its_place_where_two_have_one_heading(organization: Organization, tmp_path: Path) -> None:
    path = text_file(tmp_path / "f.csv", "Facture;Client;Date;Montant;Montant", "F1;C1;31/12/2026;100,00;120,00")
    with pytest.raises(FileRefused, match="several columns “Montant”") as refused:
        load_invoices(path, organization)
    assert (refused.value.field, refused.value.remedy) == ("columns", "Or use --map.")
    assert counts(load_invoices(path, organization, mapping={4: "gross", 3: "-"})) == (1, 0, 0, 0)
    with tenant(organization):
        assert str(Invoice.objects.get().gross) == "120.00"
    with pytest.raises(FileRefused, match="no column “9”"):
        load_invoices(path, organization, mapping={9: "gross"})


def test_the_columns_are_remembered_for_each_set_of_headings(organization: Organization, tmp_path: Path) -> None:
    """Two programs write two files of one kind: the answer for one does not spoil the other."""
    one = text_file(tmp_path / "one.csv", "Ref;Qui;Quand;Combien;Note", "F1;C1;31/12/2026;100,00;x")
    two = text_file(tmp_path / "two.csv", "Combien;Ref;Qui;Quand;Net", "F2;100,00;31/12/2026;C1;90,00")
    chosen = {"Ref": "number", "Qui": "customer", "Quand": "issued_on", "Combien": "gross", "Note": "-"}
    assert counts(load_invoices(one, organization, mapping=chosen))[0] == 1
    other = {"Combien": "number", "Ref": "gross", "Qui": "issued_on", "Quand": "customer", "Net": "-"}
    assert counts(load_invoices(two, organization, mapping=other))[0] == 1
    assert counts(load_invoices(one, organization)) == (0, 0, 1, 0)
    assert counts(load_invoices(two, organization)) == (0, 0, 1, 0)
    with tenant(organization):
        assert ImportBatch.objects.order_by("-loaded_at", "-pk").first().mapping["columns"]["Net"] == "-"  # type: ignore[union-attr]


def test_what_a_person_says_about_a_file_counts_more_than_what_it_looks_like(organization: Organization, tmp_path: Path) -> None:
    path = text_file(tmp_path / "f.csv", "Liste du jour;a;b;c", "Facture;Client;Date;TTC", "F1;Hôtel;31/12/2026;100,00", encoding="cp1252")
    report = run(InvoiceLoader(), path, organization, source=Said(encoding="cp1252", separator=";", heading_line=2), dry_run=True)
    assert counts(report) == (1, 0, 0, 0)
    with pytest.raises(FileRefused, match="cannot be read as utf-8"):
        run(InvoiceLoader(), path, organization, source=Said(encoding="utf-8"))
    with pytest.raises(FileRefused, match="no column for"):
        run(InvoiceLoader(), path, organization, source=Said(heading_line=1))


def test_a_refused_row_is_reported_with_its_cells(organization: Organization, tmp_path: Path) -> None:
    path = text_file(tmp_path / "f.csv", "Facture;Client;Date;TTC", "F1;C1;31/12/2026;100,00", "F2;C1;31/02/2026;50,00")
    [row] = load_invoices(path, organization, dry_run=True).refused
    assert (row.line, row.column, row.cells) == (3, "Date", ("F2", "C1", "31/02/2026", "50,00"))
    assert row.reason == "“31/02/2026” does not exist in the calendar."


def test_the_command_line_still_names_the_option_that_helps(organization: Organization, tmp_path: Path) -> None:
    unclear = text_file(tmp_path / "a.csv", "Facture;Client;Date;TTC", "F1;C1;01/02/2026;1,00")
    unnamed = text_file(tmp_path / "b.csv", "Facture;Client;TTC", "F1;C1;1,00")
    book = workbook(tmp_path / "c.xlsx", ["Bleu", "Rouge"], [1, 2])
    for path, words in ((unclear, "--date-format"), (unnamed, "--map"), (book, "--map")):
        with pytest.raises(CommandError, match=words):
            call_command("import_invoices", str(path), "--organization=atelier")
