"""What a debtor takes away: its copies in one archive, its account as a table no formula hides in."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import Client

from customers.models import Customer
from dunning.core import clock, documents
from dunning.core.models import Document, OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.portal import access
from invoices.models import Invoice, Payment
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, Debt, opened, owe

LATE = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 9, 20)}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def copy(text: str) -> Document:
    return documents.store(content=f"%PDF-1.7 {text}".encode(), media_type="application/pdf", filename="x.pdf", now=NOW)


def unzipped(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_copies_come_in_one_archive_under_names_of_their_own(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(document=copy("1"))
        make_invoice(debt.customer, number="FA/2", document=copy("2"), **LATE)
        make_invoice(debt.customer, number="fa-2", document=copy("3"), **LATE)
        make_invoice(debt.customer, number="FA-3", **LATE)  # without a copy
    browser = opened(debt.path)
    answer = browser.get("/portal/files/")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("application/zip", "nosniff", "no-store")
    assert answer["Content-Disposition"] == 'attachment; filename="invoices.zip"'
    found = unzipped(answer)
    assert sorted(found) == ["Invoice-FA-1.pdf", "Invoice-FA-2.pdf", "Invoice-fa-2-2.pdf"]
    assert sorted(found.values()) == [b"%PDF-1.7 1", b"%PDF-1.7 2", b"%PDF-1.7 3"]
    assert sorted(unzipped(browser.get("/portal/files/?lang=fr")))[0] == "Facture-FA-1.pdf"


def test_ticked_ones_alone_and_never_anothers(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(document=copy("1"))
        second = make_invoice(debt.customer, number="FA-2", document=copy("2"), **LATE)
        other = make_invoice(make_customer("C8"), number="FA-8", document=copy("8"), **LATE)
    browser = opened(debt.path)
    assert list(unzipped(browser.get(f"/portal/files/?item={second.pk}&item={other.pk}"))) == ["Invoice-FA-2.pdf"]
    assert browser.get(f"/portal/files/?item={other.pk}").status_code == 404
    with tenant(debt.organization):
        debt.contact.role = "purchasing"
        debt.contact.save(update_fields=["role"])
    assert list(unzipped(browser.get("/portal/files/"))) == ["Invoice-FA-1.pdf"]  # what it was sent


def test_a_lost_copy_is_named_and_the_others_come(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(document=(lost := copy("1")))
        make_invoice(debt.customer, number="FA-2", document=copy("2"), **LATE)
        storages["documents"].delete(f"{debt.organization.pk}/{lost.sha256[:2]}/{lost.sha256}")
    found = unzipped(opened(debt.path).get("/portal/files/"))
    assert sorted(found) == ["Invoice-FA-2.pdf", "missing.txt"] and b"Invoice-FA-1.pdf" in found["missing.txt"]


def test_too_much_at_once_is_said(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(document=copy("1"))
        Document.objects.update(size=201 * 1024 * 1024)
    answer = opened(debt.path).get("/portal/files/")
    assert answer.status_code == 413 and "tick some of the invoices" in answer.content.decode()


def test_without_a_copy_there_is_no_archive(visitor: Client) -> None:
    assert "ZIP" not in visitor.get("/portal/").content.decode()
    assert visitor.get("/portal/files/").status_code == 404


def test_taking_away_has_its_measure(debt: Debt, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "TAKEN_EACH", 2)
    assert [visitor.get("/portal/account.csv").status_code for _time in range(3)] == [200, 200, 429]
    assert opened(owe(debt.organization, "C2", "FA-9").path).get("/portal/account.csv").status_code == 200


def rows_of(answer: Any, delimiter: str) -> list[list[str]]:
    text = answer.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def test_the_account_as_a_table(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(purchase_order="CDE-7", payment_reference="RF92FA1")
        Payment.objects.create(
            customer=debt.customer, amount=Decimal(80), unallocated=Decimal(30), currency="EUR", received_on=date(2026, 9, 30),
            entered_on=date(2026, 9, 30), external_reference="x", reference_text="=1+1",
        )  # fmt: skip
    browser = opened(debt.path)
    answer = browser.get("/portal/account.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8" and answer["Content-Disposition"] == 'attachment; filename="account.csv"'
    heading, item, credit = rows_of(answer, ",")
    assert heading[0] == "Invoice" and len(heading) == 10
    assert item == ["FA-1", "Durand SARL", "2026-09-01", "2026-10-01", "CDE-7", "EUR", "1200.00", "1200.00", "1", "RF92FA1"]
    assert credit == ["Payment on account", "Durand SARL", "2026-09-30", "", "", "EUR", "-80.00", "-30.00", "", "'=1+1"]
    french = rows_of(browser.get("/portal/account.csv?lang=fr"), ";")
    assert french[1][2:8] == ["01/09/2026", "01/10/2026", "CDE-7", "EUR", "1200,00", "1200,00"] and french[2][7] == "-30,00"


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(debt: Debt, begins: str) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(number=f"{begins}HYPERLINK(1)", purchase_order=f"{begins}cmd|x")
        Customer.objects.update(name=f"{begins}A1")
    answer = opened(debt.path).get("/portal/account.csv")
    row = rows_of(answer, ",")[1]
    assert [row[0], row[1], row[4]] == [f"'{begins}HYPERLINK(1)", f"'{begins}A1", f"'{begins}cmd|x"]


def test_a_contact_takes_away_what_it_was_sent(debt: Debt) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", **LATE)
        Payment.objects.create(
            customer=debt.customer, amount=Decimal(80), unallocated=Decimal(30), currency="EUR", received_on=date(2026, 9, 30),
            entered_on=date(2026, 9, 30), external_reference="x",
        )  # fmt: skip
        debt.contact.role = "purchasing"
        debt.contact.save(update_fields=["role"])
        assert OrganizationProfile.objects.exists()
    assert [row[0] for row in rows_of(opened(debt.path).get("/portal/account.csv"), ",")] == ["Invoice", "FA-1"]
