"""`manage.py play`: rows that cannot be played are named and left out, and every other row is lived to the end."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from customers.models import Customer
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice, Payment
from notifications.enums import ProviderKind
from notifications.models import ProviderAccount
from scenarios.models import DailyRun
from tests.importers.files import text_file
from tests.scenarios.houses import open_house

pytestmark = pytest.mark.django_db

HEADING = "customer;invoice;issued;due;amount;paid"


@pytest.fixture
def house() -> Organization:
    return open_house("2026-01-01")


def _play(house: Organization, invoices: Path, payments: Path | None = None, **options: object) -> tuple[list[str], str]:
    """The lines said of rows, and the figures."""
    out, said = StringIO(), StringIO()
    given = {"invoices": invoices, "payments": payments or invoices, "first": date(2026, 2, 1), "last": date(2026, 2, 10), **options}
    with translation.override("en"):
        call_command("play", organization=house.slug, map=["paid=received_on"], stdout=out, stderr=said, **given)
    return [line for line in said.getvalue().splitlines() if ", line " in line or line.startswith("  …")], out.getvalue()


def _open(house: Organization) -> dict[str, Decimal]:
    with tenant(house):
        return dict(Installment.objects.values_list("invoice__number", "outstanding"))


def test_a_row_without_what_an_invoice_needs_is_named_and_the_others_are_lived(house: Organization, tmp_path: Path) -> None:
    file = text_file(
        tmp_path / "file.csv",
        HEADING,
        "K1;R-1;2026-02-02;2026-03-03;500.00;2026-02-05",
        ";R-2;2026-02-02;2026-03-04;90.00;2026-02-05",
        "K1;R-3;2026-02-03;2026-03-05;;2026-02-05",
        "K1;R-4;2026-02-04;2026-03-06;-80.00;2026-02-05",
        "K1;R-5;;2026-03-07;80.00;",
        "K1;;2026-02-04;2026-03-07;80.00;",
        "K1;R-7;2026-02-04;2026-01-07;80.00;",
        "K1;R-8;2026-02-04;2026-03-07;80.00;",
    )
    named, printed = _play(house, file)
    assert named == [
        "file.csv, line 3: customer: this cell is empty and must not be",
        "file.csv, line 4: amount: this cell is empty and must not be",
        "file.csv, line 5: amount: only invoices above zero are played, and no credit notes",
        "file.csv, line 6: issued: this cell is empty and must not be",
        "file.csv, line 7: invoice: this cell is empty and must not be",
        "file.csv, line 8: due: the due date 2026-01-07 comes before the invoice date 2026-02-04",
    ]  # and nothing of R-8, which nobody paid
    assert printed.startswith("2 invoices, 10 days, ")
    assert _open(house) == {"R-1": Decimal(0), "R-8": Decimal("80.00")}
    with tenant(house):
        assert Payment.objects.count() == 1  # a row is left out whole: its payment too


def test_a_number_that_stands_twice_counts_once_and_not_at_all_when_the_lines_differ(house: Organization, tmp_path: Path) -> None:
    invoices = text_file(
        tmp_path / "invoices.csv",
        "customer;invoice;issued;due;amount",
        "K1;R-1;2026-02-02;2026-03-03;500.00",
        "K1;R-1;2026-02-02;2026-03-03;500.00",
        "K1;R-2;2026-02-02;2026-03-03;70.00",
        "K1;R-2;2026-02-03;2026-03-03;90.00",
    )
    payments = text_file(
        tmp_path / "payments.csv",
        "payment id;invoice;amount;paid",
        "P-1;R-1;100.00;2026-02-05",
        "P-1;R-1;100.00;2026-02-05",
        "P-2;R-1;20.00;2026-02-05",
        "P-2;R-1;30.00;2026-02-06",
        "P-3;R-1;40.00;",
        "P-4;R-1;0.00;2026-02-06",
    )
    named, printed = _play(house, invoices, payments)
    differ = "stands several times in the file with different content"
    assert named == [
        f"invoices.csv, line 4: invoice: the number R-2 {differ} (lines 4, 5)",
        f"invoices.csv, line 5: invoice: the number R-2 {differ} (lines 4, 5)",
        f"payments.csv, line 4: payment id: the receipt P-2 {differ} (lines 4, 5)",
        f"payments.csv, line 5: payment id: the receipt P-2 {differ} (lines 4, 5)",
        "payments.csv, line 6: paid: this cell is empty and must not be",
        "payments.csv, line 7: amount: only receipts above zero are played",
    ]
    assert printed.startswith("1 invoices, 10 days, ")
    assert _open(house) == {"R-1": Decimal("400.00")}


def test_two_receipts_of_a_day_for_more_than_is_left_of_an_invoice(house: Organization, tmp_path: Path) -> None:
    """On 5 February, 300 + 300 + 300 come in for R-1 of 500, and before them 400 that name nothing: R-1 is paid by those that name it."""
    invoices = text_file(
        tmp_path / "i.csv",
        "customer;invoice;issued;due;amount;currency",
        "K1;R-1;2026-02-02;2026-03-03;500.00;",
        "K1;R-2;2026-02-02;2026-03-13;400.00;",
        "K1;R-3;2026-02-02;2026-03-13;60.00;EUR",
    )
    payments = text_file(
        tmp_path / "p.csv",
        "customer;invoice;amount;paid",
        "K1;;400.00;2026-02-05",
        *[";R-1;300.00;2026-02-05"] * 3,
        "K1;R-3;60.00;2026-02-05",  # in dollars: they pay no euros
    )
    named, printed = _play(house, invoices, payments)
    assert named == [] and printed.startswith("3 invoices, 10 days, ")
    left = _open(house)
    assert (left["R-1"], left["R-3"]) == (Decimal(0), Decimal("60.00"))
    with tenant(house):
        received = list(Payment.objects.filter(customer__number="K1").values_list("amount", "unallocated"))
        assert sum(amount for amount, _left in received) == Decimal("1360.00")
        assert sum(amount for _amount, amount in received) == Decimal("1360.00") - 500 - (400 - left["R-2"])


def test_more_rows_than_are_shown_are_counted(house: Organization, tmp_path: Path) -> None:
    rows = [f"K1;R-{number};2026-02-02;2026-03-03;;" for number in range(25)]
    named, _printed = _play(house, text_file(tmp_path / "file.csv", HEADING, "K1;R-99;2026-02-02;2026-03-03;5.00;", *rows))
    assert len(named) == 21 and named[-1] == "  … and 5 more"


def test_nothing_is_touched_by_a_play_that_is_refused(house: Organization, tmp_path: Path) -> None:
    file = text_file(tmp_path / "file.csv", HEADING, "K1;R-1;2026-02-02;2026-03-03;500.00;")
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 6, 1))
    with pytest.raises(CommandError, match="The first day to play, 2026-02-11, comes after the last, 2026-02-10"):
        _play(house, file, first=date(2026, 2, 11))
    with pytest.raises(CommandError, match="not a currency in use"):
        _play(house, file, currency="dollars")
    with pytest.raises(CommandError, match="There is no file"):
        _play(house, tmp_path)
    with tenant(house):
        ProviderAccount.objects.filter(channel="email").update(kind=ProviderKind.SMTP)
    with pytest.raises(CommandError, match="local post office"):
        _play(house, file)
    with tenant(house):
        assert OrganizationProfile.objects.get().supervised_until == date(2026, 6, 1)
        assert (Customer.objects.count(), Invoice.objects.count(), DailyRun.objects.count()) == (0, 0, 0)
