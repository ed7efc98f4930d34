"""`manage.py play`: a file lived day by day; and the plan the documentation offers for comparison."""

from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from notifications.models import Message
from scenarios.models import DailyRun
from tests.scenarios.houses import open_house

pytestmark = pytest.mark.django_db

BARE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "bare-plan.yaml"
FILE = """customer;invoice;issued;due;amount;paid
K1;R-1;2026-02-02;2026-03-03;500.00;2026-03-20
K1;R-2;2026-02-05;2026-03-06;700.00;2026-03-02
K2;R-3;2026-02-10;2026-03-12;90.00;2026-05-30
"""


@pytest.fixture
def house() -> Organization:
    return open_house("2026-01-01")


def _play(house: Organization, file: Path, **options: object) -> str:
    out, said = StringIO(), options.pop("said", None) or StringIO()
    given = {
        "invoices": file,
        "payments": file,
        "first": date(2026, 2, 2),
        "last": date(2026, 3, 31),
        "map": ["paid=received_on"],
        **options,
    }
    with translation.override("en"):
        call_command("play", organization=house.slug, stdout=out, stderr=said, **given)
    return out.getvalue()


def test_each_row_is_fed_on_its_own_date_and_nobody_is_chased_after_paying(house: Organization, tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(FILE)
    with translation.override("en"):
        call_command("import_plan", BARE, organization=house.slug, stdout=StringIO(), stderr=StringIO())
    printed = _play(house, file, plan="bare", every_day_works=True)
    steps = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in printed.splitlines()[2:] if len(line.split()) == 5}
    # R-1 is paid on day 17, R-2 before its due date, R-3 after the last day played (day 19). Items, messages, tasks, letters.
    assert steps["r1"] == [2, 2, 0, 0]
    assert steps["day_8"] == [2, 2, 0, 0]
    assert steps["day_15"] == [2, 2, 0, 0]
    assert "day_22" not in steps
    assert printed.startswith("3 invoices, 58 days, ")
    assert printed.endswith("messages after payment: 0\n")
    with tenant(house):
        assert dict(Invoice.objects.values_list("number", "issued_on")) == {
            "R-1": date(2026, 2, 2),
            "R-2": date(2026, 2, 5),
            "R-3": date(2026, 2, 10),
        }
        sent = set(Message.objects.filter(template_key="r1").values_list("customer__number", "planned_on"))
        assert sent == {("K1", date(2026, 3, day)) for day in (4, 11, 18)} | {("K2", date(2026, 3, day)) for day in (13, 20, 27)}


def test_dates_that_can_be_read_both_ways_are_asked_about_and_nothing_is_played(house: Organization, tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text("customer;invoice;issued;due;amount;paid\nK1;R-1;01/02/2026;03/03/2026;500.00;04/03/2026\n")
    with pytest.raises(CommandError, match=r"file\.csv: “01/02/2026” may begin with the day or with the month"):
        _play(house, file)
    with pytest.raises(CommandError, match="dmy"):
        _play(house, file, date_format="sometimes")
    with tenant(house):
        assert (Invoice.objects.count(), DailyRun.objects.count()) == (0, 0)


def test_what_is_missing_is_said_before_and_after(tmp_path: Path) -> None:
    """Without an IBAN no reminder leaves: one sentence says so, and what to do."""
    house = open_house("2026-01-01", iban="")
    file = tmp_path / "file.csv"
    file.write_text(FILE)
    said = StringIO()
    printed = _play(house, file, said=said)
    missing = (
        "No reminder leaves for an invoice without an IBAN: the organization has none, and a message that asks for money says "
        f"where to pay. Enter it: python3 manage.py profile --organization {house.slug} iban=FR76…"
    )
    assert said.getvalue().splitlines()[0] == missing
    assert missing in printed.splitlines()
    assert "No IBAN is known: 1 invoice, US$90.00. Enter the IBAN the invoice is to be paid to." in printed.splitlines()
    with tenant(house):
        assert Message.objects.filter(phase__gt=10).count() == 0


def test_messages_are_counted_in_words(house: Organization, tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(FILE)
    printed = _play(house, file)
    assert [line for line in printed.splitlines() if line.startswith("E-mail, Sent: ")] != []
    assert "No reminder leaves" not in printed
