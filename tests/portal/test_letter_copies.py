"""Copies that are too many to bind behind a letter: it says where they are, and whoever holds it takes them away there."""

import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pypdfium2
import pytest
from django.test import Client
from pypdf import PdfWriter

from dunning.core import clock, documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from notifications import dispatcher, outbox
from notifications.models import Message
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

MORNING = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning() -> Iterator[clock.VirtualClock]:
    with clock.virtual(MORNING) as now:
        yield now


def blank(pages: int, title: str) -> bytes:
    writer, content = PdfWriter(), BytesIO()
    for _page in range(pages):
        writer.add_blank_page(width=595, height=842)
    writer.add_metadata({"/Title": title})
    writer.write(content)
    return content.getvalue()


def a_letter(house: Organization, pages: dict[str, int], language: str = "en") -> Message:
    """A letter about late invoices whose copies have so many pages, printed this morning."""
    with tenant(house):
        customer = make_customer("C1", name="Durand SARL", language=language)
        items = []
        for number, count in pages.items():
            item = make_invoice(customer, number=number, amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            copy = documents.store(content=blank(count, number), media_type="application/pdf", filename=f"{number}.pdf", now=MORNING)
            Invoice.objects.filter(pk=item.invoice_id).update(document=copy)
            items.append(str(item.pk))
        (message,) = outbox.enqueue([Message(
            customer_id=customer.pk, channel="letter", kind="answer", language=language, template_key="r1_letter",
            planned_on=date(2026, 10, 5), currency="EUR", details={"items": items, "copies": True},
        )], now=MORNING)  # fmt: skip
    assert dict(dispatcher.deliver_due(now=MORNING, organization=house)) == {"to_post": 1}
    return message


def words_of(house: Organization, message: Message) -> str:
    with tenant(house):
        message.refresh_from_db()
        assert message.document is not None
        pages = pypdfium2.PdfDocument(documents.read(message.document))
    return re.sub(r"\s+", " ", " ".join(page.get_textpage().get_text_range() for page in pages))


def check_path(words: str) -> str:
    (code,) = set(re.findall(r"v/\s?([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})", words))
    return f"/v/{code}/"


def test_eleven_pages_of_copies_leave_the_letter_and_it_says_where_they_are() -> None:
    house = open_house(default_language="en")
    message = a_letter(house, {"FA-1": 6, "FA-2": 5})
    words = words_of(house, message)
    assert "Enclosures: copies of the 2 invoices, to be downloaded for six months at" in words and "or on request" in words
    assert message.print_document_id == message.document_id and message.copies_are_apart
    path = check_path(words)
    page = Client(headers={"accept-language": "en"}).get(path).content.decode()
    assert "Download the copies of 2 invoices" in page and f'href="{path}copies"' in page.replace("copies/", "copies")
    answer = Client().get(f"{path}copies/")
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/zip", "no-store")
    archive = zipfile.ZipFile(BytesIO(answer.getvalue()))
    assert archive.namelist() == ["Invoice-FA-1.pdf", "Invoice-FA-2.pdf"]
    assert [len(pypdfium2.PdfDocument(archive.read(name))) for name in archive.namelist()] == [6, 5]


def test_ten_pages_are_bound_and_nothing_is_to_be_taken_away() -> None:
    house = open_house()
    message = a_letter(house, {"FA-1": 6, "FA-2": 4}, "fr")
    words = words_of(house, message)
    assert "P.J. : Facture-FA-1.pdf" in words and not message.copies_are_apart
    path = check_path(words)
    assert "copies" not in Client().get(path).content.decode()
    assert Client().get(f"{path}copies/").status_code == 404


def test_the_address_of_the_copies_serves_for_six_months(morning: clock.VirtualClock) -> None:
    house = open_house()
    message = a_letter(house, {"FA-1": 11}, "fr")
    words = words_of(house, message)
    assert "copies des 1 factures" not in words and "copie de la facture, à télécharger pendant six mois à l’adresse" in words
    path = check_path(words)
    assert Client().post(f"{path}copies/").status_code == 405
    assert Client().get("/v/0000-0000-0000-0000/copies/").status_code == 404
    assert Client().get(f"{path}copies/").status_code == 200
    morning.set(datetime(2027, 4, 6, 8, 0, tzinfo=UTC))
    assert Client().get(f"{path}copies/").status_code == 200
    morning.set(MORNING + timedelta(days=184, minutes=1))
    assert Client().get(f"{path}copies/").status_code == 404
    assert "copies" not in Client().get(path).content.decode()


def test_the_copies_of_a_letter_that_never_arrived_are_not_handed_out() -> None:
    house = open_house()
    message = a_letter(house, {"FA-1": 11}, "fr")
    path = check_path(words_of(house, message))
    assert Client().get(f"{path}copies/").status_code == 200
    with tenant(house):
        Message.objects.filter(pk=message.pk).update(not_reached=True)
    assert Client().get(f"{path}copies/").status_code == 404
