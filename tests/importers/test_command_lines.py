"""What a person mistypes on the command line of a load: a sentence, nothing half done, and no traceback."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, load_command_class

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.importers.report import Report
from invoices.models import Invoice, Payment
from tests.factories import make_customer, make_invoice, make_organization
from tests.importers.files import load_payments, text_file

pytestmark = pytest.mark.django_db

LOADS = ("import_customers", "import_invoices", "import_installments", "import_payments", "import_open_items")
RECEIPTS = ("date;client;montant;facture;n° règlement", "2026-10-05;C1;900,00;FA-1;R-1", "2026-10-06;C1;XX;FA-1;R-2")


@pytest.fixture
def atelier() -> Organization:
    organization = make_organization("atelier")
    with tenant(organization):
        make_invoice(make_customer("C1"), number="FA-1", amount="1000.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    return organization


@pytest.mark.parametrize(
    ("errors", "words"), [("ailleurs", "“.*ailleurs” is a folder"), ("/", "“/” is a folder"), ("absent/refus.csv", "no folder “.*absent”")]
)
def test_refused_rows_that_no_file_can_take_stop_the_load_before_it_begins(
    atelier: Organization, tmp_path: Path, errors: str, words: str
) -> None:
    (tmp_path / "ailleurs").mkdir()
    path = text_file(tmp_path / "reglements.csv", *RECEIPTS)
    with pytest.raises(CommandError, match=f"{words}.* Name another with --errors"):
        call_command("import_payments", str(path), "--organization=atelier", f"--errors={tmp_path / errors}")
    with tenant(atelier):
        assert Payment.objects.count() == 0
    assert {found.name for found in tmp_path.iterdir()} == {"ailleurs", "reglements.csv"}


def test_the_folder_named_like_the_error_file_is_seen_in_time(atelier: Organization, tmp_path: Path) -> None:
    path = text_file(tmp_path / "reglements.csv", *RECEIPTS)
    (tmp_path / "reglements.csv.errors.csv").mkdir()
    with pytest.raises(CommandError, match="is a folder"):
        call_command("import_payments", str(path), "--organization=atelier")
    with tenant(atelier):
        assert Payment.objects.count() == 0


def test_an_error_file_that_cannot_be_named_at_the_end_leaves_its_rows_and_the_summary(atelier: Organization, tmp_path: Path) -> None:
    """Somebody makes a folder of that name while the file is read: the load stands, and says where its refused rows are."""
    path, errors = text_file(tmp_path / "reglements.csv", *RECEIPTS), tmp_path / "refus.csv"
    report: Report = load_payments(path, atelier, errors_path=errors, progress=lambda _done, _of: errors.mkdir(exist_ok=True))
    said = report.summary()
    assert "new: 1   updated: 0   unchanged: 0   errors: 1" in said
    assert f"The error file {errors} cannot be written (Is a directory)." in said
    assert f"Every refused row, with its reason: {errors}.part" in said
    assert "2026-10-06;C1;XX;FA-1;R-2" in (tmp_path / "refus.csv.part").read_text(encoding="utf-8-sig")
    with tenant(atelier):
        assert Payment.objects.count() == 1


@pytest.mark.parametrize("command", LOADS)
def test_what_is_no_file_is_said_to_be_none(atelier: Organization, tmp_path: Path, command: str) -> None:
    for file in (".", "/", "", str(tmp_path), str(tmp_path / "absent.csv")):
        with pytest.raises(CommandError, match="There is no file “"):
            call_command(command, file, "--organization=atelier")
    with pytest.raises(CommandError, match="cannot be read: File name too long"):
        call_command(command, str(tmp_path / ("x" * 300)), "--organization=atelier")


def test_a_copy_that_cannot_be_read_does_not_stop_the_others(
    atelier: Organization, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FA-1.pdf").write_bytes(b"%PDF-1.7 one")
    (tmp_path / "FA-2.pdf").symlink_to("/proc/self/mem")  # whose first page nobody reads
    call_command("attach_pdfs", str(tmp_path), "--organization=atelier")
    said = capsys.readouterr().out
    assert "attached: 1   replaced: 0   unchanged: 0   unknown: 0   refused: 1" in said
    assert "FA-2.pdf: it cannot be read: Input/output error" in said
    with pytest.raises(CommandError, match="cannot be read: File name too long"):
        call_command("attach_pdfs", str(tmp_path / ("x" * 300)), "--organization=atelier")
    with tenant(atelier):
        assert Invoice.objects.exclude(document=None).count() == 1


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("import_payments", ["x.csv", "--ledger-through", "2026-13-45"], "“2026-13-45” is not a date: write it like 2026-12-31."),
        ("import_payments", ["x.csv", "--ledger-through", "0202-11-02"], "“0202-11-02” lies outside 1970-2100: is the year right?"),
        ("import_open_items", ["x.csv", "--ledger-through", "02/11/2026"], "“02/11/2026” is not a date"),
        ("import_open_items", ["x.csv", "--control-total", "abc"], "The control total cannot be read: “abc”"),
        ("run_day", ["--on", "9999-12-31"], "“9999-12-31” lies outside 1970-2100"),
        ("run_day", ["--on", "0001-01-01"], "“0001-01-01” lies outside 1970-2100"),
        ("run_day", ["--on", "demain"], "“demain” is not a date"),
        ("play", ["--invoices=x", "--payments=x", "--from=0001-01-01", "--to=2026-02-05"], "“0001-01-01” lies outside 1970-2100"),
        ("play", ["--invoices=x", "--payments=x", "--from=2026-02-01", "--to=9999-12-31"], "“9999-12-31” lies outside 1970-2100"),
    ],
)
def test_a_day_or_an_amount_that_is_none_is_answered_as_a_terminal_does(
    capsys: pytest.CaptureFixture[str], command: str, arguments: list[str], words: str
) -> None:
    """`run_from_argv` is what the terminal calls: an error in reading an option leaves by it, as no CommandError would."""
    app = "scenarios" if command in ("run_day", "play") else "invoices"
    with pytest.raises(SystemExit):
        load_command_class(app, command).run_from_argv(["manage.py", command, *arguments, "--organization", "atelier"])
    assert words in capsys.readouterr().err
