"""Files given on a screen: kept, prepared, checked and loaded by a worker that may die at any moment."""

import io
import os
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dunning.core import audit, clock
from dunning.core.documents import File, read
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Document, Organization
from dunning.core.tenancy import tenant
from invoices import tasks
from invoices.enums import FileState
from invoices.importers import files as given
from invoices.importers import working
from invoices.importers.copies import give_copies
from invoices.importers.looking import understand
from invoices.models import ImportBatch, ImportFile, ImportRow, Installment, Invoice, LedgerCoverage, Payment
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import bomb

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
CLERK = "user:0199aaaa-0000-7000-8000-000000000001"
SNAPSHOT = (
    "Compte;Intitulé;Jal;Pièce;Date;Échéance;Débit;Crédit;Solde;Let;Libellé",
    "411DUP;Dupont SARL;VE;FA1;15/06/2026;15/07/2026;1 000,00;;1 000,00;;Chantier Nord",
    "411DUP;Dupont SARL;VE;FA2;30/09/2026;31/10/2026;600,00;;1 600,00;;Acompte",
    "411MAR;Martin;VE;FA3;01/10/2026;31/10/2026;120,50;;120,50;;",
)


def lines(*rows: str, encoding: str = "utf-8") -> bytes:
    return ("\n".join(rows) + "\n").encode(encoding)


def give(*rows: str, name: str = "échéancier.csv", kind: str = "", encoding: str = "utf-8") -> ImportFile:
    return given.give_file(filename=name, content=lines(*rows, encoding=encoding), kind=kind, language="en", actor=CLERK, now=NOW)


def answer(file: ImportFile, **answers: Any) -> ImportFile:
    kind = answers.pop("kind", file.kind)
    return given.change_answers(file=file, kind=kind, answers=answers, actor=CLERK, now=NOW)


def check(file: ImportFile, organization: Organization) -> ImportFile:
    given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
    return work(file, organization)


def ask(file: ImportFile, **answers: Any) -> None:
    given.ask_load(file=file, language="en", actor=CLERK, today=TODAY, now=NOW, **answers)


def work(file: ImportFile, organization: Organization) -> ImportFile:
    with clock.virtual(NOW):
        working.work_on(organization=organization, file_id=file.pk)
    return ImportFile.objects.get(pk=file.pk)


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization("atelier")


def test_a_file_is_given_checked_and_loaded(organization: Organization) -> None:
    with tenant(organization):
        file = give(*SNAPSHOT)
        assert (file.kind, file.state, file.look["encoding"], file.look["separator"]) == ("open_items", "given", "utf-8", ";")
        assert read(file.document) == lines(*SNAPSHOT)
        file = check(file, organization)
        assert (file.state, file.report["created"], file.report["totals"]) == (FileState.CHECKED, 3, {"EUR": "1720.50"})
        assert not Invoice.objects.exists() and not ImportBatch.objects.exists()
        ask(file, ledger_through=date(2026, 10, 30), control_total=Decimal("1720.50"))
        file = work(file, organization)
        assert (file.state, file.report["created"]) == (FileState.LOADED, 3)
        assert file.batch is not None and (file.batch.actor, file.batch.filename) == (CLERK, "échéancier.csv")
        assert Invoice.objects.count() == 3
        assert [coverage.through for coverage in LedgerCoverage.objects.all()] == [date(2026, 10, 30)]
    with tenant(organization):
        assert list(audit.verify()) == []
        assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"import.given", "open_items.imported"}


def test_the_same_file_twice_changes_nothing(organization: Organization) -> None:
    with tenant(organization):
        for expected in ((3, 0), (0, 3)):
            file = check(give(*SNAPSHOT), organization)
            ask(file)
            file = work(file, organization)
            assert (file.report["created"], file.report["unchanged"]) == expected
        assert (Invoice.objects.count(), Installment.objects.count()) == (3, 3)
        assert not LedgerCoverage.objects.exists()  # nobody said a day


WRONG: tuple[tuple[str, bytes, str], ...] = (
    ("leer.csv", b"", "The file is empty."),
    ("facture.pdf", b"%PDF-1.7 x", "This is a PDF file: export the table as CSV or XLSX."),
    ("photo.xlsx", b"\x89PNG\r\n\x1a\n", "This is a PNG file"),
    ("bruit.csv", bytes(range(32)) * 40, "full of control characters"),
    ("abime.xlsx", b"PK\x03\x04 nothing", "The workbook is damaged"),
    ("titre.csv", b"Facture;Client;Date;TTC\n", "a heading but no row below it"),
)


@pytest.mark.parametrize(("name", "content", "words"), WRONG, ids=[name for name, _content, _words in WRONG])
def test_what_is_no_table_is_answered_in_words_and_not_kept(organization: Organization, name: str, content: bytes, words: str) -> None:
    with tenant(organization):
        with pytest.raises(DomainError) as refused:
            given.give_file(filename=name, content=content, language="en", actor=CLERK, now=NOW)
        assert words in refused.value.message and "--" not in refused.value.message
        assert not ImportFile.objects.exists() and not Document.objects.exists()


def test_a_bomb_and_a_giant_are_answered_in_words(organization: Organization, tmp_path: Path) -> None:
    with tenant(organization):
        with pytest.raises(DomainError, match="built to overflow"):
            give_one(bomb(tmp_path / "bombe.xlsx", 150).read_bytes())
        with pytest.raises(DomainError, match="larger than 50 MB"):
            give_one(b"Facture;Client;Date;TTC\n" + b"x" * (50 * 1024**2))


def give_one(content: bytes) -> ImportFile:
    return given.give_file(filename="f.xlsx", content=content, language="en", actor=CLERK, now=NOW)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\Users\\claire\\export.xlsx", "export.xlsx"),
        ("a\x00b\n.csv", "ab.csv"),
        ("..", "file"),
        ("<script>.csv", "script.csv"),
        ("é" * 100 + ".csv", "é" * 73 + ".csv"),
    ],
)
def test_a_name_leads_nowhere(name: str, kept: str) -> None:
    assert given.safe_name(name) == kept


def test_columns_are_guessed_shown_and_changed(organization: Organization) -> None:
    rows = ("Ref;Qui;Date;Combien;Note", "F1;C1;31/12/2026;1 234,56;x", "F2;C2;31/02/2026;80,00;y")
    with tenant(organization):
        file = give(*rows)
        assert file.kind == ""
        with pytest.raises(DomainError, match="Say what the file holds"):
            answer(file, kind="nothing")
        file = answer(file, kind="invoices")
        seen = understand(file.look, kind=file.kind, answers=file.answers)
        assert seen.missing == ("number", "customer", "gross")
        assert [(column.title, column.field, column.samples) for column in seen.columns][2:4] == [
            ("Date", "issued_on", ("31/12/2026", "31/02/2026")),
            ("Combien", "", ("1 234,56", "80,00")),
        ]
        with pytest.raises(DomainError, match="A column is missing"):
            given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
        columns = {"0": "number", "1": "customer", "2": "issued_on", "3": "gross", "4": "-"}
        file = answer(file, columns=columns)
        seen = understand(file.look, kind=file.kind, answers=file.answers)
        assert seen.is_complete and seen.fields == ("number", "customer", "issued_on", "gross")
        assert [value.value for value in seen.rows[0].values] == ["F1", "C1", date(2026, 12, 31), Decimal("1234.56")]
        assert [value.is_wrong for value in seen.rows[1].values] == [False, False, True, False]
        assert seen.rows[1].problem == "Date: “31/02/2026” does not exist in the calendar."
        twice = answer(file, columns={**columns, "4": "gross"})
        assert "Two columns are given" in understand(twice.look, kind=twice.kind, answers=twice.answers).problem
        file = check(answer(file, columns=columns), organization)
        assert (file.report["created"], file.report["errors"]) == (1, 1)
        [row] = file.report["refused"]
        assert (row["line"], row["column"], row["cells"][2]) == (3, "Date", "31/02/2026")
        assert file.errors is not None and "error_reason" in read(file.errors).decode("utf-8-sig")
        with pytest.raises(DomainError, match="one row in twenty"):
            ask(file)
        ask(file, accept_errors=True)
        assert work(file, organization).state == FileState.LOADED
        assert ImportRow.objects.get().reason == row["reason"]
        remembered = give("Ref;Qui;Date;Combien;Note", "F3;C1;31/12/2026;5,00;z", kind="invoices")
        assert understand(remembered.look, kind="invoices", answers={}).is_complete


def test_another_encoding_or_separator_has_the_file_read_anew(organization: Organization) -> None:
    with tenant(organization):
        file = give("Facture;Client;Date;TTC", "F1;Hôtel, Nord;31/12/2026;80,00", encoding="cp1252")
        assert file.look["encoding"] == "cp1252"
        file = answer(file, separator=",", columns={"0": "number"})
        assert file.look["heading"] == ["Facture;Client;Date;TTC"] and file.answers["columns"] == {}
        with pytest.raises(DomainError, match="cannot be read as utf-8"):
            answer(file, encoding="utf-8")
        assert ImportFile.objects.get().look["encoding"] == "cp1252"


def test_dates_that_can_be_read_both_ways_are_asked_about(organization: Organization) -> None:
    with tenant(organization):
        file = give("Facture;Client;Date;TTC", "F1;C1;01/02/2026;80,00")
        with pytest.raises(DomainError, match="with the day or with the month") as refused:
            given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
        assert refused.value.field == "order" and "--" not in refused.value.message
        file = check(answer(file, order="dmy"), organization)
        ask(file)
        work(file, organization)
        assert Invoice.objects.get().issued_on == date(2026, 2, 1)


def test_what_the_whole_file_shows_later_comes_back_as_a_question(organization: Organization) -> None:
    """The first fifty rows prove nothing, the rest contradicts itself: the check says so, and the page asks."""
    rows = [f"F{number};C1;13/02/2026;1,00" for number in range(60)]
    with tenant(organization):
        file = check(give("Facture;Client;Date;TTC", *rows, "F99;C1;02/13/2026;1,00"), organization)
        assert (file.state, file.refusal_field) == (FileState.GIVEN, "order")
        assert "contradict each other" in file.refusal and "--" not in file.refusal


def test_a_control_total_that_differs_and_too_large_a_settlement_stop_before_the_load(organization: Organization) -> None:
    with tenant(organization):
        file = check(give(*SNAPSHOT), organization)
        with pytest.raises(DomainError) as refused:
            ask(file, control_total=Decimal("1800.00"))
        assert "€1,720.50" in refused.value.message and "€1,800.00" in refused.value.message and "-€79.50" in refused.value.message
        with pytest.raises(DomainError, match="not come"):
            ask(file, ledger_through=date(2026, 11, 3))
        ask(file, control_total=Decimal("1720.50"))
        work(file, organization)
        half = check(give(*SNAPSHOT[:2]), organization)
        assert half.report["absent"]["count"] == 2 and half.report["absent"]["totals"] == {"EUR": "720.50"}
        assert [row["number"] for row in half.report["absent"]["largest"]] == ["FA2", "FA3"]
        with pytest.raises(DomainError, match="looks like half a file"):
            ask(half, apply_settled=True)
        most = check(give(*SNAPSHOT[:3], *(f"411B;Bon;VE;G{n};01/10/2026;31/10/2026;10,00;;10,00;;" for n in range(9))), organization)
        ask(most)
        work(most, organization)
        rest = check(give(*SNAPSHOT[:3], *(f"411B;Bon;VE;G{n};01/10/2026;31/10/2026;10,00;;10,00;;" for n in range(9))), organization)
        ask(rest, apply_settled=True)
        assert work(rest, organization).state == FileState.LOADED
        assert Installment.objects.get(invoice__number="FA3").outstanding == 0


def test_a_file_at_work_or_done_is_left_alone(organization: Organization) -> None:
    with tenant(organization):
        file = give(*SNAPSHOT)
        given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
        for act in (lambda: answer(file), lambda: given.ask_check(file=file, language="en", actor=CLERK, now=NOW), lambda: ask(file)):
            with pytest.raises(DomainError, match="being worked on"):
                act()
        file = work(file, organization)
        ask(file)
        file = work(file, organization)
        with pytest.raises(DomainError, match="loaded already"):
            ask(file)
        other = give(*SNAPSHOT)
        given.discard_file(file=other, actor=CLERK, now=NOW)
        with pytest.raises(DomainError, match="set aside"):
            answer(other)


def test_the_sweep_finds_what_no_bell_announced(organization: Organization) -> None:
    with tenant(organization):
        file = give(*SNAPSHOT)
        given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
    assert Organization.objects.get().files_waiting_since == NOW
    assert tasks.work_forgotten() == 1
    assert tasks.work_forgotten() == 0
    assert Organization.objects.get().files_waiting_since is None
    with tenant(organization):
        assert ImportFile.objects.get().state == FileState.CHECKED


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return packed.getvalue()


def test_copies_come_as_files_or_as_an_archive(organization: Organization) -> None:
    with tenant(organization):
        customer = make_customer()
        for number in ("FA/1", "FA-2"):
            make_invoice(customer, number=number, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        one, two = File(b"%PDF-1 one", "application/pdf", "FA_1.pdf"), File(b"%PDF-1 two", "application/pdf", "FA-9.pdf")
        file = check(give_copies(files=[one, two], language="en", actor=CLERK, now=NOW), organization)
        assert (file.kind, file.filename, file.report["created"], file.report["errors"]) == ("documents", "FA_1.pdf and 1 more.zip", 1, 1)
        assert [(row["column"], row["reason"]) for row in file.report["refused"]] == [("FA-9.pdf", "no invoice has this number")]
        assert Invoice.objects.filter(document__isnull=False).count() == 0
        ask(file, accept_errors=True)
        work(file, organization)
        assert Invoice.objects.get(number="FA/1").document_id is not None
        packed = archive(**{"dossier/FA-2.pdf": b"%PDF-1 2", "../../FA_1.pdf": b"%PDF-1 one", "lisez.txt": b"x", "FA-2.pdf": b"%PDF-1 3"})
        file = check(give_copies(files=[File(packed, "application/zip", "copies.zip")], language="en", actor=CLERK, now=NOW), organization)
        assert (file.report["created"], file.report["unchanged"]) == (1, 1)
        assert [row["reason"] for row in file.report["refused"]] == ["stands twice in the archive"]


def test_a_hostile_archive_is_answered_in_words(organization: Organization) -> None:
    cases = (
        (archive(**{"FA-1.pdf": b"\x00" * 30 * 1024**2}), "built to overflow"),
        (archive(**{"lisez.txt": b"bonjour"}), "no PDF file"),
        (archive(**{f"{n}.pdf": b"%PDF" for n in range(2001)}), "more than 2,000 files"),
        (b"PK\x03\x04 nothing", "damaged"),
    )
    with tenant(organization):
        for content, words in cases:
            with pytest.raises(DomainError, match=words):
                give_copies(files=[File(content, "application/zip", "copies.zip")], language="en", actor=CLERK, now=NOW)
        with pytest.raises(DomainError, match="Choose PDF files"):
            give_copies(files=[], language="en", actor=CLERK, now=NOW)
        assert not Document.objects.exists()


def _worker(failpoint: str) -> int:
    """A process that dies at that place, if it comes there; its exit code."""
    code = (
        "import django; django.setup(); from dunning.core import failpoints; from invoices import tasks; "
        f"failpoints.arm(failpoints.parse({failpoint!r})); tasks.work_forgotten()"
    )
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dunning.settings"},
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    ).returncode


def test_a_worker_that_is_killed_leaves_nothing_and_the_next_one_begins_anew(committed_database: str) -> None:
    organization = make_organization("atelier")
    with tenant(organization):
        file = give(*SNAPSHOT)
        given.ask_check(file=file, language="en", actor=CLERK, now=NOW)
    assert _worker("mid-import-row:kill:1") == -9
    assert _worker("") == 0
    with tenant(organization):
        file = ImportFile.objects.get()
        assert (file.state, file.tries) == (FileState.CHECKED, 2)
        ask(file)
    for failpoint in ("mid-import-row:kill:1", "before-commit:kill:1"):
        assert _worker(failpoint) == -9
        with tenant(organization):
            assert not Invoice.objects.exists() and not ImportBatch.objects.exists()
            assert ImportFile.objects.get().state == FileState.LOADING
    assert _worker("") == 0
    with tenant(organization):
        assert ImportFile.objects.get().state == FileState.LOADED
        assert (Invoice.objects.count(), Payment.objects.count()) == (3, 0)


def test_a_file_that_kills_every_worker_is_given_back(committed_database: str) -> None:
    organization = make_organization("atelier")
    with tenant(organization):
        given.ask_check(file=give(*SNAPSHOT), language="en", actor=CLERK, now=NOW)
    for _ in range(3):
        assert _worker("mid-import-row:kill:1") == -9
    assert _worker("mid-import-row:kill:1") == 0
    with tenant(organization):
        file = ImportFile.objects.get()
        assert (file.state, "3 times; nothing was loaded" in file.refusal) == (FileState.GIVEN, True)
