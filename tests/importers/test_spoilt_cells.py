"""Workbook cells that show no value: errors, and formulas nobody calculated."""

import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import ImportKind
from invoices.importers.fields import INVOICE_FIELDS
from invoices.importers.looking import look, understand
from invoices.importers.mapping import recogniser
from invoices.importers.reading import Said, look_at
from invoices.importers.workbook import Spoilt
from invoices.models import Invoice
from tests.factories import make_organization
from tests.importers.files import counts, load_invoices, workbook

HEADING = ["N° facture", "Code client", "Date facture", "Échéance", "Montant TTC", "Marge"]
ISSUED = date(2026, 9, 15)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def _rewritten(path: Path, sheet: str) -> Path:
    """The workbook with this XML in place of its sheet's."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | {"xl/worksheets/sheet1.xml": sheet.encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _sheet(rows: str) -> str:
    """A sheet of these rows below the heading."""
    heading = "".join(f'<c t="inlineStr"><is><t>{title}</t></is></c>' for title in HEADING)
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{name}"><sheetData><row r="1">{heading}</row>{rows}</sheetData></worksheet>'


def _cells(path: Path) -> dict[int, list[object]]:
    with look_at(path, recognised=recogniser(INVOICE_FIELDS, {}, {})).rows() as rows:
        return {row.line: list(row.cells) for row in rows}


def _spoilt(path: Path) -> dict[int, dict[int, str]]:
    found = {line: {place: cell for place, cell in enumerate(cells) if isinstance(cell, Spoilt)} for line, cells in _cells(path).items()}
    return {line: {place: str(cell) for place, cell in cells.items()} for line, cells in found.items() if cells}


@pytest.mark.django_db
def test_a_due_date_that_is_an_error_is_no_empty_due_date(organization: Organization, tmp_path: Path) -> None:
    """The due dates were looked up in another sheet: of F1 none was found, of F2 nobody calculated it, F3 has none."""
    path = workbook(
        tmp_path / "f.xlsx",
        HEADING,
        ["F1", "C1", ISSUED, "#N/A", 100],
        ["F2", "C1", ISSUED, "=C3+45", 100],
        ["F3", "C1", ISSUED, None, 100],
        ["F4", "C1", ISSUED, date(2026, 10, 30), "=2*50"],
    )
    report = load_invoices(path, organization)
    assert counts(report) == (1, 0, 0, 3)
    assert [(line, problem.column) for line, problem in report.problems] == [(2, "Échéance"), (3, "Échéance"), (5, "Montant TTC")]
    reasons = [problem.reason for _line, problem in report.problems]
    assert "the error #N/A" in reasons[0] and all("recalculate it and save it" in reason for reason in reasons[1:])
    with tenant(organization):
        assert list(Invoice.objects.values_list("number", "due_on")) == [("F3", date(2026, 10, 15))]
    errors = (tmp_path / "f.xlsx.errors.csv").read_text("utf-8-sig").splitlines()
    assert ";#N/A;" in errors[1] and ";'=C3+45;" in errors[2]  # nothing that would load as empty


@pytest.mark.django_db
def test_only_columns_that_are_used_matter(organization: Organization, tmp_path: Path) -> None:
    """A margin nobody loads was drawn down to line 5, and shows #DIV/0! wherever there is no invoice."""
    path = workbook(
        tmp_path / "f.xlsx",
        [*HEADING, None, "#REF!"],
        ["F1", "C1", ISSUED, None, 100, "#DIV/0!", "#REF!", "#REF!"],
        ["F2", "C1", ISSUED, None, 80, "=E3*0.2", None, "=1"],
        *[[None] * 5 + ["#DIV/0!"]] * 2,
    )
    assert counts(load_invoices(path, organization)) == (2, 0, 0, 0)


@pytest.mark.django_db
def test_rows_of_nothing_but_formulas_are_not_lost(organization: Organization, tmp_path: Path) -> None:
    """Lines 3 and 5 are taken over from another sheet by a program that calculates nothing; nothing stands in or below the last."""
    taken = ["=Ventes!A2", "=Ventes!B2", "=Ventes!C2", None, "=Ventes!E2"]
    path = workbook(tmp_path / "f.xlsx", HEADING, ["F1", "C1", ISSUED, None, 100], taken, [], taken)
    report = load_invoices(path, organization)
    assert counts(report) == (1, 0, 0, 2)
    assert [(line, problem.column) for line, problem in report.problems] == [(3, "N° facture"), (5, "N° facture")]


@pytest.mark.django_db
def test_the_first_look_shows_them(organization: Organization, tmp_path: Path) -> None:
    path = workbook(tmp_path / "f.xlsx", HEADING, ["F1", "C1", ISSUED, "#N/A", 100], ["F2", "C1", ISSUED, None, 100])
    with tenant(organization):
        seen = understand(look(path, Said()), kind=ImportKind.INVOICES, answers={})
    assert "Échéance: this cell holds the error #N/A" in seen.rows[0].problem and seen.rows[1].problem == ""
    assert [(value.value, value.is_wrong) for value in seen.rows[0].values if value.is_wrong] == [("#N/A", True)]


def test_a_formula_may_come_to_nothing_but_not_lack_its_result(tmp_path: Path) -> None:
    cells = {
        '<c r="A{0}"><f>1+1</f><v>2</v></c>': None,
        '<c r="A{0}" t="str"><f>IF(B1,"","")</f><v></v></c>': None,
        '<c r="A{0}" t="str"><f>IF(B1,"","")</f><v/></c>': None,
        '<c r="A{0}" t="str"><f t="shared" si="0"/><v>x</v></c>': None,
        '<c r="A{0}" s="3"/>': None,
        '<c r="A{0}" t="inlineStr"><is><t>#N/A</t></is></c>': None,
        '<c r="A{0}"><f>B1&amp;C1</f></c>': "=B1&C1",
        '<c r="A{0}"><f>B1</f><v></v></c>': "=B1",
        '<c r="A{0}"><f>B1</f> <v /></c>': "=B1",
        '<c r="A{0}"><f t="shared" si="0"/></c>': "=",
        '<c r="A{0}" t="str"><f>B1</f></c>': "=B1",
        "<c r='A{0}' t='e'><v>#NAME?</v></c>": "#NAME?",
        '<c t="e" r="A{0}"><f>1/0</f><v>#DIV/0!</v></c>': "#DIV/0!",
    }
    rows = "".join(f'<row r="{line}">{cell.format(line)}<c r="B{line}"><v>1</v></c></row>' for line, cell in enumerate(cells, 2))
    found = _spoilt(_rewritten(workbook(tmp_path / "f.xlsx"), _sheet(rows)))
    assert found == {line: {0: text} for line, text in enumerate(cells.values(), 2) if text is not None}


def test_cells_that_do_not_say_where_they_stand_follow_each_other(tmp_path: Path) -> None:
    rows = '<row><c><v>1</v></c><c/><c t="e"><f>B1</f></c></row><row/>'
    rows += '<row><c t="e"><v>#REF!</v></c><c r="D4"><v>1</v></c><c><f>B1</f></c></row>'
    path = _rewritten(workbook(tmp_path / "f.xlsx"), _sheet(rows))
    assert _spoilt(path) == {2: {2: "#"}, 4: {0: "#REF!", 4: "=B1"}}
    assert _cells(path)[4][3] == Decimal(1)


def test_names_may_have_a_prefix(tmp_path: Path) -> None:
    sheet = _sheet('<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#N/A</v></c><c r="C2"><f>B1</f></c></row>')
    sheet = re.sub(r"<(/?)(?=\w)", r"<\1x:", sheet).replace("xmlns=", "xmlns:x=")
    assert _spoilt(_rewritten(workbook(tmp_path / "f.xlsx"), sheet)) == {2: {1: "#N/A", 2: "=B1"}}
