"""The commands a person types, and what a stopped load leaves behind."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dunning.core.documents import read
from dunning.core.models import Document
from dunning.core.tenancy import tenant
from invoices.models import ImportBatch, Installment, Invoice, Payment
from scenarios.models import Action
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import text_file

US_HEADING = "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,PaperlessBill"


@pytest.mark.django_db
def test_an_american_file_serves_as_invoices_and_as_payments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    organization = make_organization("atelier")
    path = text_file(
        tmp_path / "receivables.csv",
        US_HEADING,
        "391,0379-NEVHP,4/6/2013,0000611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper",
        "406,8976-AMJEO,3/3/2012,0007900770,1/26/2013,2/25/2013,61.74,Yes,3/3/2013,Electronic",
    )
    call_command("import_invoices", str(path), "--organization=atelier", "--currency=USD")
    call_command("import_payments", str(path), "--organization=atelier", "--currency=USD", "--ledger-through=2013-03-31")
    said = capsys.readouterr().out
    assert said.count("new: 2   updated: 0   unchanged: 0   errors: 0") == 2 and "2013-03-31" in said
    with tenant(organization):
        assert list(Installment.objects.order_by("invoice__number").values_list("invoice__number", "due_on", "amount", "settled_on")) == [
            ("0000611365", date(2013, 2, 1), Decimal("55.94"), date(2013, 1, 15)),
            ("0007900770", date(2013, 2, 25), Decimal("61.74"), date(2013, 3, 3)),
        ]
        assert Payment.objects.filter(unallocated=0, currency="USD").count() == 2


@pytest.mark.django_db
def test_a_wrong_word_on_the_command_line_is_explained(tmp_path: Path) -> None:
    make_organization("atelier")
    path = text_file(tmp_path / "f.csv", "Facture;Client;Date;TTC", "F1;C1;31/12/2026;1,00")
    for arguments, words in (
        ([str(path), "--organization=inconnu"], "no organization “inconnu”"),
        ([str(tmp_path / "absent.csv"), "--organization=atelier"], "no file"),
        ([str(path), "--organization=atelier", "--map=TTC"], "column=field"),
        ([str(path), "--organization=atelier", "--date-format=franc"], "date format"),
        ([str(path), "--organization=atelier", "--currency=XYZ"], "not a currency"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("import_invoices", *arguments)
    strict = text_file(tmp_path / "g.csv", "Facture;Client;Date;TTC", "F1;C1;31/12/2026;un")
    with pytest.raises(CommandError, match="Nothing was loaded"):
        call_command("import_invoices", str(strict), "--organization=atelier", "--strict")


@pytest.mark.django_db
def test_pdf_copies_find_their_invoices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    organization = make_organization("atelier")
    with tenant(organization):
        customer = make_customer()
        for number in ("FA/2026/1", "FA-2"):
            make_invoice(customer, number=number, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    (tmp_path / "FA_2026_1.pdf").write_bytes(b"%PDF-1.7 one")
    (tmp_path / "fa-2.PDF").write_bytes(b"%PDF-1.7 two")
    (tmp_path / "FA-3.pdf").write_bytes(b"%PDF-1.7 three")
    (tmp_path / "faux.pdf").write_bytes(b"GIF89a")
    call_command("attach_pdfs", str(tmp_path), "--organization=atelier")
    said = capsys.readouterr().out
    assert "attached: 2   replaced: 0   unchanged: 0   unknown: 1   refused: 1" in said
    assert "FA-3.pdf: no invoice" in said and "faux.pdf: not a PDF" in said
    (tmp_path / "fa-2.PDF").write_bytes(b"%PDF-1.7 corrected")
    call_command("attach_pdfs", str(tmp_path), "--organization=atelier")
    assert "attached: 0   replaced: 1   unchanged: 1   unknown: 1   refused: 1" in capsys.readouterr().out
    with tenant(organization):
        copies = {invoice.number: read(invoice.document) for invoice in Invoice.objects.select_related("document") if invoice.document}
        assert copies == {"FA/2026/1": b"%PDF-1.7 one", "FA-2": b"%PDF-1.7 corrected"}
        assert Document.objects.count() == 3


@pytest.mark.django_db
def test_two_copies_of_one_invoice_are_refused_and_neither_replaces_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """FA/7 was first saved as FA_7.pdf and, corrected, as FA-7.pdf: only a person knows which counts."""
    organization = make_organization("atelier")
    with tenant(organization):
        make_invoice(make_customer(), number="FA/7", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    (tmp_path / "FA_7.pdf").write_bytes(b"%PDF-1.7 first")
    (tmp_path / "FA-7.pdf").write_bytes(b"%PDF-1.7 corrected")
    for _ in range(2):
        call_command("attach_pdfs", str(tmp_path), "--organization=atelier")
        said = capsys.readouterr().out
        assert "attached: 0   replaced: 0   unchanged: 0   unknown: 0   refused: 2" in said
        assert "FA_7.pdf: FA-7.pdf is a copy of invoice FA/7 too" in said and "FA-7.pdf: FA_7.pdf is a copy" in said
    (tmp_path / "FA_7.pdf").unlink()
    call_command("attach_pdfs", str(tmp_path), "--organization=atelier")
    assert "attached: 1   replaced: 0" in capsys.readouterr().out
    with tenant(organization):
        document = Invoice.objects.select_related("document").get().document
        assert document is not None and read(document) == b"%PDF-1.7 corrected"


@pytest.mark.django_db
def test_earlier_reminders_become_history_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    organization = make_organization("atelier")
    with tenant(organization):
        make_invoice(make_customer(), number="F1", issued_on=date(2026, 7, 1), due_on=date(2026, 8, 1))
    path = text_file(
        tmp_path / "relances.csv",
        "N° facture;Date relance;Canal;Destinataire;Niveau;Texte",
        "F1;20/07/2026;Mail;a@client.example;Avant échéance;Bonjour",
        "F1;10/08/2026;Mail;a@client.example;Relance 1;Sauf erreur",
        "F1;31/08/2026;Courrier;;Relance 3;Avant mise en demeure",
        "F1;20/09/2026;LRAR;;Mise en demeure;",
        "F9;20/09/2026;Mail;;;",
        "F1;20/09/2026;Pigeon;;;",
    )
    call_command("import_reminders", str(path), "--organization=atelier")
    call_command("import_reminders", str(path), "--organization=atelier")
    said = capsys.readouterr().out
    assert "new: 4   updated: 0   unchanged: 0   errors: 2" in said and "new: 0   updated: 0   unchanged: 4   errors: 2" in said
    with tenant(organization):
        assert list(Action.objects.order_by("done_on").values_list("step_key", "phase", "channel", "state", "done_on", "plan")) == [
            ("imported-1", 10, "email", "done", date(2026, 7, 20), None),
            ("imported-2", 20, "email", "done", date(2026, 8, 10), None),
            ("imported-3", 30, "letter", "done", date(2026, 8, 31), None),
            ("imported-4", 40, "registered", "done", date(2026, 9, 20), None),
        ]


def test_a_load_that_is_killed_leaves_nothing(committed_database: str, tmp_path: Path) -> None:
    organization = make_organization("atelier")
    rows = [f"F{number};C{number % 500};31/12/2025;10,00" for number in range(20_000)]
    path = text_file(tmp_path / "f.csv", "Facture;Client;Date;TTC", *rows)
    root = Path(__file__).parents[2]
    code = (
        "import django; django.setup(); from django.core.management import call_command; "
        f"call_command('import_invoices', {str(path)!r}, '--organization=atelier')"
    )
    for seconds in (1.5, 3.0, 4.5):
        child = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "dunning.settings"},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with tenant(organization):
            loaded = (Invoice.objects.count(), Installment.objects.count())
            batches = ImportBatch.objects.count()
        assert loaded in ((0, 0), (20_000, 20_000))  # nothing, or - on a fast machine - all of it, perhaps by more than one of these
        assert (batches > 0) == (loaded != (0, 0))
    call_command("import_invoices", str(path), "--organization=atelier")
    with tenant(organization):
        assert (Invoice.objects.count(), Installment.objects.count()) == (20_000, 20_000)
