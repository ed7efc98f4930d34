"""Any file people have: encodings, separators, workbooks, traps."""

import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.importers.fields import INVOICE_FIELDS, PAYMENT_FIELDS
from invoices.importers.mapping import Columns, recogniser, resolve
from invoices.importers.problems import FileRefused
from invoices.importers.reading import MAX_LINE, Row, Said, Source, look_at
from invoices.importers.report import harmless
from tests.importers.files import bomb, text_file, workbook

KNOWN = recogniser(INVOICE_FIELDS, {}, {})
HEADING = ["N° facture", "Code client", "Date facture", "Montant TTC"]
FIRST = ["F-1", "Boulangerie Éric & Zoë", "31/12/2026", "1 234,56"]


def _rows(source: Source) -> list[Row]:
    with source.rows() as rows:
        return list(rows)


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_usual_text_is_read_the_same(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    quoted = [f'"{cell}"' if separator in cell else cell for cell in FIRST]
    path = text_file(tmp_path / "f.csv", separator.join(HEADING), separator.join(quoted), encoding=encoding, end=end)
    source = look_at(path, recognised=KNOWN)
    assert (source.heading, source.separator) == (HEADING, separator)
    assert [(row.line, row.cells, row.problem) for row in _rows(source)] == [(2, FIRST, "")]


def test_titles_blank_lines_and_excel_s_mark_stand_above_the_heading(tmp_path: Path) -> None:
    path = text_file(tmp_path / "f.csv", "sep=;", "Export du 31/12/2026", "", ";".join(HEADING), "", ";".join(FIRST), ";;;")
    source = look_at(path, recognised=KNOWN)
    assert source.heading_line == 4 and [row.line for row in _rows(source)] == [6]


def test_a_forgotten_quotation_mark_costs_one_row(tmp_path: Path) -> None:
    rows = [f"F{number};C1;31/12/2026;1,00" for number in range(100)]
    rows[3] = 'F3;"C1;31/12/2026;1,00'
    rows[50] = 'F50;"deux\nlignes";31/12/2026;1,00'
    rows[60] = 'F60;écran 12" plat;31/12/2026;1,00'
    source = look_at(text_file(tmp_path / "f.csv", ";".join(HEADING), *rows), recognised=KNOWN)
    read = _rows(source)
    assert [row.line for row in read if row.problem] == [5]
    assert len(read) == 100 and read[50].cells[1] == "deux\nlignes" and read[60].cells[1] == 'écran 12" plat'
    assert read[-1].line == 102 and read[-1].cells[0] == "F99"


def test_nul_bytes_and_ragged_rows_are_the_row_s_problem(tmp_path: Path) -> None:
    source = look_at(
        text_file(
            tmp_path / "f.csv", ";".join(HEADING), "F1;C\x001;31/12/2026;1,00", "F2;C1", "F3;C1;31/12/2026;1,00;x", "F4;C1;31/12/2026;1,00;"
        ),
        recognised=KNOWN,
    )
    assert [bool(row.problem) for row in _rows(source)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n \n", "no row"),
        (b"%PDF-1.7 \x00", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"),
        (random.Random(1).randbytes(4000), "control characters"),
        (b"PK\x03\x04 not an archive", "damaged"),
        ("N° facture;x\n".encode() + b"\x81\x8d;\xff\n", "damaged"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "damaged"),
        (b"a;b\n" + b"x" * (MAX_LINE + 10), "million"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=words):
        _rows(look_at(path, recognised=KNOWN))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"absent\.csv"):
        look_at(tmp_path / "absent.csv", recognised=KNOWN)


def test_a_workbook_gives_dates_and_numbers_as_they_are_shown(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "f.xlsx", ["Export"], HEADING, ["F-1", 411001, date(2026, 12, 31), 0.1 + 0.2], ["F-2", "C2", "31/12/2026", 1234.56]
    )
    read = _rows(look_at(path, recognised=KNOWN))
    assert [(row.line, row.cells) for row in read] == [
        (3, ["F-1", Decimal(411001), date(2026, 12, 31), Decimal("0.3")]),
        (4, ["F-2", "C2", "31/12/2026", Decimal("1234.56")]),
    ]


def test_a_table_below_and_beside_empty_cells_keeps_the_lines_of_its_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path / "f.xlsx", [], [], ["", *HEADING], [], ["", *FIRST])
    source = look_at(path, recognised=KNOWN)
    assert source.heading_line == 3 and [(row.line, row.cells[-4:]) for row in _rows(source)] == [(5, FIRST)]


def test_the_sheet_with_the_heading_is_found_and_a_wrong_one_named(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    book.active.append(["Bonjour"])
    sheet = book.create_sheet("Factures")
    sheet.append(HEADING)
    sheet.append(FIRST)
    path = tmp_path / "f.xlsx"
    book.save(path)
    assert look_at(path, recognised=KNOWN).sheet == "Factures"
    with pytest.raises(FileRefused, match="Notes, Factures"):
        look_at(path, recognised=KNOWN, said=Said(sheet="Clients"))


def test_a_zip_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="unpacks to 101 MB"):
        look_at(bomb(tmp_path / "f.xlsx", 101), recognised=KNOWN)
    with pytest.raises(FileRefused, match="built to overflow"):
        look_at(bomb(tmp_path / "g.xlsx", 20), recognised=KNOWN)


def test_a_workbook_that_lies_about_its_dimensions_stops_its_reader_alone(tmp_path: Path) -> None:
    """Two cells in opposite corners: 17 billion cells for a reader that believes the sheet's rectangle."""
    path = tmp_path / "f.xlsx"
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active["A1"] = "N° facture"
    book.active["XFD1048576"] = 1
    book.save(path)
    with pytest.raises(FileRefused, match="Save the sheet as CSV"):
        _rows(look_at(path, recognised=KNOWN))


def _columns(heading: list[str], fields: tuple[object, ...] = INVOICE_FIELDS, **explicit: str) -> Columns:
    return resolve(heading, fields, explicit=explicit, remembered={})  # type: ignore[arg-type]  # a tuple of fields


def test_headings_are_known_in_both_languages_whatever_their_spelling() -> None:
    for heading in (
        ["NUMÉRO DE FACTURE", "code_client", "date d'émission", "Total TTC", "Échéance"],
        ["invoiceNumber", "customerID", "InvoiceDate", "InvoiceAmount", "DueDate"],
        ["Invoice no", "Customer", "Issue date", "Amount incl. VAT", "due-date"],
    ):
        assert dict(_columns(heading).index) == {"number": 0, "customer": 1, "issued_on": 2, "gross": 3, "due_on": 4}
    paid = _columns(["customerID", "invoiceNumber", "SettledDate", "InvoiceAmount", "InvoiceDate"], PAYMENT_FIELDS)
    assert dict(paid.index) == {"customer": 0, "invoice": 1, "received_on": 2, "amount": 3} and paid.ignored == ("InvoiceDate",)


def test_the_surer_heading_wins_and_net_of_tax_is_never_taken() -> None:
    found = _columns(["Facture", "Client", "Date", "Montant", "Montant HT", "Montant TTC"])
    assert found.heading[found.index["gross"]] == "Montant TTC" and "Montant HT" in found.ignored
    with pytest.raises(FileRefused, match="gross"):
        _columns(["Facture", "Client", "Date", "Montant HT"])


def test_a_mapping_is_checked_against_the_file() -> None:
    heading = ["A", "B", "C", "D"]
    assert dict(_columns(heading, A="number", B="customer", C="issued_on", D="gross").index) == {
        "number": 0,
        "customer": 1,
        "issued_on": 2,
        "gross": 3,
    }
    for explicit, words in (
        ({"X": "number"}, "no column “X”"),
        ({"A": "nummer"}, "no field “nummer”"),
        ({"A": "number", "B": "number"}, "Two columns"),
    ):
        with pytest.raises(FileRefused, match=words):
            _columns(heading, **explicit)
    with pytest.raises(FileRefused, match="several columns"):
        _columns(["Facture", "Facture", "Client", "Date", "TTC"])


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+33 1", "+33 1"),
        ("-12,50", "-12,50"),
        ("-12,00 €", "-12,00 €"),
        ("-€12.00", "-€12.00"),
        ("- 1\u202f234,50", "- 1\u202f234,50"),
        ("-1'234.50", "-1'234.50"),
        ("-12,00 EUR", "'-12,00 EUR"),
        ("-1+1", "'-1+1"),
        ("-1-€1", "'-1-€1"),
        ("-1'=A1", "'-1'=A1"),
        ("'=1+1", "''=1+1"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        ("plain", "plain"),
        ("-", "'-"),
    ],
)
def test_cells_of_the_error_file_do_nothing_in_a_spreadsheet(cell: str, written: str) -> None:
    assert harmless(cell) == written


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(str.strip).filter(bool),
            min_size=4,
            max_size=4,
        ),
        min_size=1,
        max_size=20,
    ),
    separator=st.sampled_from([";", ",", "\t"]),
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], separator: str) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "f.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([HEADING, *rows])
    assert [row.cells for row in _rows(look_at(path, recognised=KNOWN))] == rows
