"""The open-items snapshot, month after month."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceKind, TriageChoice
from invoices.importers.open_items import Choices, OpenItemsLoader
from invoices.importers.problems import FileRefused
from invoices.importers.report import Report
from invoices.models import ImportBatch, Installment, Invoice, LedgerCoverage, Payment
from tests.factories import make_organization
from tests.importers.files import TODAY, counts, run, text_file

pytestmark = pytest.mark.django_db
HEADING = "Compte;Intitulé;Jal;Pièce;Date;Échéance;Débit;Crédit;Solde;Let;Libellé"
OCTOBER = (
    "411DUP;Dupont SARL;VE;FA1;15/06/2026;15/07/2026;1 000,00;;1 000,00;;Chantier Nord",
    "411DUP;Dupont SARL;VE;FA2;30/09/2026;31/10/2026;600,00;;1 600,00;;Acompte",
    "411DUP;Dupont SARL;VE;FA2;30/09/2026;30/11/2026;400,00;;2 000,00;;Solde",
    "411DUP;Dupont SARL;BQ;VIR12;20/10/2026;;;250,00;1 750,00;;Virement Dupont",
    "411DUP;Dupont SARL;VE;AV7;21/10/2026;;;50,00;1 700,00;;Avoir sur FA1",
    "411DUP;Dupont SARL;VE;FA0;01/05/2026;31/05/2026;80,00;;1 780,00;A;réglée",
    "Total Dupont;;;;;;2 080,00;300,00;1 780,00;;",
    "411MAR;Martin;VE;FA3;01/10/2026;31/10/2026;120,50;;120,50;;",
)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def _load(
    organization: Organization, path: Path, *rows: str, today: date = TODAY, choices: Choices | None = None, **options: object
) -> Report:
    file = text_file(path / "echeancier.csv", HEADING, *rows)
    return run(OpenItemsLoader(choices or Choices()), file, organization, today=today, **options)


def _open() -> dict[tuple[str, int], Decimal]:
    rows = Installment.objects.filter(outstanding__gt=0).values_list("invoice__number", "position", "outstanding")
    return {(number, position): left for number, position, left in rows}


def test_debits_become_invoices_and_credits_credit_notes_or_money_on_account(organization: Organization, tmp_path: Path) -> None:
    report = _load(organization, tmp_path, *OCTOBER, choices=Choices(control_total=Decimal("1820.50")))
    assert counts(report) == (6, 0, 0, 0) and report.ignored == 2
    with tenant(organization):
        assert _open() == {
            ("FA1", 1): Decimal("1000.00"),
            ("FA2", 1): Decimal("600.00"),
            ("FA2", 2): Decimal("400.00"),
            ("FA3", 1): Decimal("120.50"),
        }
        assert list(Installment.objects.filter(invoice__number="FA2").order_by("position").values_list("due_on", flat=True)) == [
            date(2026, 10, 31),
            date(2026, 11, 30),
        ]
        note = Invoice.objects.get(kind=InvoiceKind.CREDIT_NOTE)
        assert (note.number, note.unallocated) == ("AV7", Decimal("50.00"))
        payment = Payment.objects.select_related("customer").get()
        assert payment.customer is not None
        assert (payment.customer.number, payment.unallocated, payment.received_on) == ("411DUP", Decimal("250.00"), date(2026, 10, 20))
        assert dict(Installment.objects.values_list("invoice__number", "triage"))["FA1"] == TriageChoice.WAITING
        assert OrganizationProfile.objects.get().first_import_on == TODAY
        assert [row.through for row in LedgerCoverage.objects.all()] == [TODAY]
    again = _load(organization, tmp_path, *OCTOBER, choices=Choices(control_total=Decimal("1820.50")))
    assert counts(again) == (0, 0, 6, 0)
    assert again.absent.count == 0


def test_a_control_total_that_does_not_agree_loads_nothing_and_shows_both_figures(organization: Organization, tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        _load(organization, tmp_path, *OCTOBER, choices=Choices(control_total=Decimal("1900.00")))
    assert "€1,820.50" in refused.value.message and "€1,900.00" in refused.value.message and "€79.50" in refused.value.message
    with tenant(organization):
        assert (Invoice.objects.count(), ImportBatch.objects.count()) == (0, 0)


def _many(count: int) -> list[str]:
    return [f"411X;X;VE;FB{number};01/10/2026;31/10/2026;100,00;;;;" for number in range(count)]


def test_what_is_absent_is_proposed_and_settled_only_when_asked(organization: Organization, tmp_path: Path) -> None:
    rows = [*OCTOBER[:2], OCTOBER[3], *_many(8)]  # FA1, a part of FA2, money on account, eight others
    _load(organization, tmp_path, *rows)
    november = rows[1:2] + rows[3:]  # FA1 and the money on account are gone: matched with each other and a transfer
    report = _load(organization, tmp_path, *november, today=date(2026, 11, 9))
    assert counts(report) == (0, 0, 9, 0)
    assert "1 open item (€1,000.00)" in report.summary()
    with tenant(organization):
        assert _open()[("FA1", 1)] == Decimal("1000.00")
    with pytest.raises(FileRefused, match="41 %") as refused:  # 1,000 of 2,400 is 41 % of what is open
        _load(organization, tmp_path, *november, today=date(2026, 11, 9), choices=Choices(apply_settled=True))
    assert (refused.value.field, "--force" in refused.value.for_command) == ("settled", True)
    _load(organization, tmp_path, *november, today=date(2026, 11, 9), choices=Choices(apply_settled=True, force=True))
    with tenant(organization):
        assert ("FA1", 1) not in _open() and len(_open()) == 9
        amounts = sorted(Payment.objects.values_list("amount", "unallocated"))
        assert amounts == [(Decimal("250.00"), Decimal(0)), (Decimal("750.00"), Decimal(0))]


def test_a_smaller_debit_was_paid_in_part(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, *_many(8))
    smaller = ["411X;X;VE;FB0;01/10/2026;31/10/2026;40,00;;;;", *_many(8)[1:]]
    report = _load(organization, tmp_path, *smaller, choices=Choices(apply_settled=True))
    assert counts(report) == (0, 0, 8, 0)
    with tenant(organization):
        assert _open()[("FB0", 1)] == Decimal("40.00")
    report = _load(organization, tmp_path, *smaller)
    assert counts(report) == (0, 0, 8, 0) and "seem" not in report.summary()
    report = _load(organization, tmp_path, "411X;X;VE;FB0;01/10/2026;31/10/2026;70,00;;;;", *_many(8)[1:])
    assert counts(report) == (0, 0, 7, 1)


def test_refused_rows_never_count_as_settled(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, *_many(8))
    with pytest.raises(FileRefused, match="rows were refused"):
        _load(organization, tmp_path, "411X;X;VE;FB0;31/02/2026;;1,00;;;;", *_many(8)[1:], choices=Choices(apply_settled=True))
    with tenant(organization):
        assert len(_open()) == 8


def test_confusions_are_refused(organization: Organization, tmp_path: Path) -> None:
    report = _load(
        organization,
        tmp_path,
        "411A;A;VE;F1;13/10/2026;31/10/2026;1,00;;;;",
        "411B;B;VE;F1;13/10/2026;31/10/2026;2,00;;;;",
        "411A;A;VE;F2;13/10/2026;31/10/2026;1,00;1,00;;;",
        "411A;A;VE;F3;13/10/2026;31/10/2026;1,00;;;;",
        "411A;A;VE;F3;13/10/2026;31/10/2026;1,00;;;;",
        "411A;A;VE;F4;13/10/2026;01/10/2026;1,00;;;;",
    )
    assert counts(report) == (0, 0, 0, 6)


def test_a_credit_note_under_its_invoice_s_number_adds_nothing_to_it(organization: Organization, tmp_path: Path) -> None:
    """1,000.00 invoiced on 1 September, 200.00 credited on the 15th, both as F-900: the accounting says 800.00, not 1,200.00."""
    rows = (
        "411A;A;VE;F-900;01/09/2026;01/10/2026;1 000,00;;;;",
        "411A;A;VE;F-900;15/09/2026;;;200,00;;;Avoir sur F-900",
        "411A;A;VE;F-901;01/09/2026;01/10/2026;50,00;;;;",
    )
    report = _load(organization, tmp_path, *rows, *_many(3))
    assert counts(report) == (4, 0, 0, 2)
    assert [line for line, _problem in report.problems] == [2, 3]
    assert {problem.column for _line, problem in report.problems} == {"Pièce"}
    assert all("F-900" in problem.reason and "a number of its own" in problem.reason for _line, problem in report.problems)
    assert counts(_load(organization, tmp_path, rows[1], rows[0], dry_run=True)) == (0, 0, 0, 2)
    with tenant(organization):
        assert ("F-900", 1) not in _open() and not Invoice.objects.filter(number="F-900").exists()


def test_a_control_total_does_not_agree_on_lines_that_are_refused(organization: Organization, tmp_path: Path) -> None:
    rows = ("411A;A;VE;F-900;01/09/2026;01/10/2026;1 000,00;;;;", "411A;A;VE;F-900;15/09/2026;;;200,00;;;Avoir")
    with pytest.raises(FileRefused, match="2 rows cannot be read, the first on line 2"):
        _load(organization, tmp_path, *rows, choices=Choices(control_total=Decimal("800.00")))
    own = rows[1].replace("F-900", "F-902")
    assert counts(_load(organization, tmp_path, rows[0], own, choices=Choices(control_total=Decimal("800.00")))) == (2, 0, 0, 0)
    plain = "411B;B;BQ;F-900;15/09/2026;;;200,00;;;Virement"
    assert counts(_load(organization, tmp_path, rows[0], plain)) == (1, 0, 1, 0)
