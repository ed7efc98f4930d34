"""What a debtor sees."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, CustomerGroup
from dunning.core import clock, documents
from dunning.core.enums import Phase
from dunning.core.look import change_look
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Installment, Invoice, PayerIndex
from invoices.services import PaymentDraft, attach_document, record_payment
from scenarios.models import Action
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened
from tests.scenarios.houses import CLERK


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with clock.virtual(NOW):
        yield


def test_the_first_page(visitor: Client, debt: Debt) -> None:
    answer = visitor.get("/portal/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "FA-1" in page and "€1,200.00" in page
    assert "Unless we are mistaken" in page and "due since 1 October 2026" in page
    assert "Dunning" not in page


def test_currencies_are_never_added(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", amount="34.56", issued_on=TODAY, due_on=TODAY, currency="USD")
        make_invoice(debt.customer, number="FA-3", amount="1234567.89", issued_on=TODAY, due_on=TODAY)
    sums = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", visitor.get("/portal/").content.decode())
    assert sums == [("To be paid now", "€1,200.00"), ("Coming due", "€1,234,567.89"), ("Coming due", "US$34.56")]


def test_credits_lower_the_balance(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        draft = PaymentDraft(customer=debt.customer, amount=Decimal("1500.00"), received_on=TODAY, external_reference="B-1")
        record_payment(draft=draft, actor=CLERK, today=TODAY, now=NOW)
        make_invoice(debt.customer, number="FA-4", amount="500.00", issued_on=TODAY, due_on=TODAY)
    sums = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", visitor.get("/portal/").content.decode())
    assert sums == [
        ("Coming due", "€500.00"),
        ("To be deducted: credit notes and payments on account", "−€300.00"),
        ("Balance of your account", "€200.00"),
    ]


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.SERVICE, "has not reached us yet."),
        (Phase.FRIENDLY, "It is no doubt an oversight"),
        (Phase.FIRM, "In spite of our messages"),
        (Phase.LEGAL, "A formal notice to pay was sent to you. An amicable solution remains possible"),
    ],
)
def test_the_tone_follows_the_most_advanced_invoice(visitor: Client, debt: Debt, phase: Phase, words: str) -> None:
    with tenant(debt.organization):
        Action.objects.filter(installment=debt.item).update(phase=phase)
    assert words in visitor.get("/portal/").content.decode()


def test_when_nothing_is_late_or_open(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        Installment.objects.update(due_on=TODAY)
    assert "Nothing is late on your account, thank you." in visitor.get("/portal/").content.decode()
    with tenant(debt.organization):
        Installment.objects.update(outstanding=0)
    page = visitor.get("/portal/").content.decode()
    assert "Nothing is open on your account. Thank you." in page and "choice" not in page


def test_the_language_is_the_contacts_and_can_be_switched(visitor: Client, debt: Debt) -> None:
    assert 'lang="en"' in visitor.get("/portal/").content.decode()
    assert '<html lang="fr">' in visitor.get("/portal/?lang=fr").content.decode()
    assert '<html lang="fr">' in visitor.get("/portal/promise/").content.decode()
    assert '<html lang="en">' in visitor.get("/portal/?lang=en").content.decode()
    assert '<html lang="en">' in visitor.get("/portal/?lang=xx").content.decode()
    with tenant(debt.organization):
        debt.contact.language = "fr"
        debt.contact.save()
    assert '<html lang="fr">' in opened(debt.path).get("/portal/").content.decode()


def test_the_file_of_an_invoice_is_saved_and_never_run(visitor: Client, debt: Debt) -> None:
    assert visitor.get(f"/portal/file/{debt.item.pk}/").status_code == 404
    with tenant(debt.organization):
        copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="x.pdf", now=NOW)
        attach_document(invoice=debt.item.invoice, document=copy, actor=CLERK, today=TODAY, now=NOW)
    answer = visitor.get(f"/portal/file/{debt.item.pk}/")
    assert (answer.content, answer["Content-Disposition"]) == (b"%PDF-1.7", 'attachment; filename="Invoice-FA-1.pdf"')
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")


def test_names_are_escaped(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(number="<script>alert(1)</script>", purchase_order='"><img src=x>')
        Customer.objects.update(name="<b>Durand</b>")
    for path in ("/portal/", "/portal/dispute/", "/portal/question/"):
        page = visitor.get(path).content.decode()
        assert "<script" not in page and "<img src=x" not in page and "<b>Durand" not in page


def test_a_fault_is_answered_in_words_without_our_name(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        copy = documents.store(content=b"%PDF-1.7 lost", media_type="application/pdf", filename="x.pdf", now=NOW)
        attach_document(invoice=debt.item.invoice, document=copy, actor=CLERK, today=TODAY, now=NOW)
    storages["documents"].delete(f"{debt.organization.pk}/{copy.sha256[:2]}/{copy.sha256}")
    answer = visitor.get(f"/portal/file/{debt.item.pk}/")
    page = answer.content.decode()
    assert answer.status_code == 500 and "through no fault of yours" in page and "Dunning" not in page


@pytest.mark.parametrize("count", [1, 3, 200])
def test_the_page_asks_the_same_number_of_queries_whatever_is_open(visitor: Client, debt: Debt, count: int) -> None:
    with tenant(debt.organization):
        many(debt, count - 1)
    visitor.get("/portal/")  # whose statements the session has prepared from here on
    with CaptureQueriesContext(connection) as queries:
        page = visitor.get("/portal/").content
    assert len(queries) == 21
    assert page.count(b'class="item"') == min(count, 20)


def many(debt: Debt, count: int) -> None:
    """So many more open invoices, each with a copy and something said about it."""
    document = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="x.pdf", now=NOW)
    for number in range(count):
        item = make_invoice(
            debt.customer,
            number=f"FA-2026-{number:05}",
            amount=f"{1000 + number}.25",
            issued_on=date(2026, 9, 1),
            due_on=date(2026, 9, 20),
            purchase_order=f"CDE-{number}",
            document=document,
        )
        DebtorAct.objects.create(customer=debt.customer, installment=item, kind="accepted", source="portal", at=NOW, actor="contact:x")


def test_two_hundred_invoices_load_in_forty_kilobytes(visitor: Client, debt: Debt) -> None:
    """HTML and styles, as they are served: without compression, which would tell an attacker lengths of secrets."""
    with tenant(debt.organization):
        many(debt, 200)
    styles = sum(len((settings.BASE_DIR / "static" / "css" / name).read_bytes()) for name in ("tokens.css", "pages/portal.css"))
    for path in ("/portal/", "/portal/?page=5", "/portal/?lang=fr"):
        answer = visitor.get(path)
        assert "Content-Encoding" not in answer
        assert len(answer.content) + styles <= 40_000
    assert "Page 5 of 11" in visitor.get("/portal/?page=5&lang=en").content.decode()
    form = visitor.get("/portal/promise/").content.decode()
    assert "201 invoices" in form and "and 191 others" in form


def test_the_creditors_logo_and_colour(visitor: Client, debt: Debt) -> None:
    plain = visitor.get("/portal/").content.decode()
    assert "brand.css" not in plain and "/portal/logo/" not in plain and debt.message.body_html.count("#1f3f77") == 2
    for path in ("/portal/logo/", "/portal/brand.css"):
        assert visitor.get(path).status_code == 404
    with tenant(debt.organization):
        change_look(accent_colour="#7a1f1f", logo=b"\x89PNG\r\n\x1a\n", actor=CLERK, now=NOW)
    page = visitor.get("/portal/").content.decode()
    assert 'src="/portal/logo/" alt="' in page and 'href="/portal/brand.css"' in page
    picture, style = visitor.get("/portal/logo/"), visitor.get("/portal/brand.css")
    assert (picture["Content-Type"], picture["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert style["Content-Type"] == "text/css" and b"--button-accent:#7a1f1f" in style.content
    assert Client().get("/portal/logo/").status_code == 404


def test_a_good_payer_is_told_so_when_its_group_is(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        group = CustomerGroup.objects.create(key="good", name="Good", shows_payer_index=True)
        Customer.objects.update(group=group)
        assert "on time" not in visitor.get("/portal/").content.decode()
        kept = {"value": 92, "paid_invoices": 10, "currency": "EUR", "since": TODAY}
        PayerIndex.objects.update_or_create(customer=debt.customer, defaults=kept)
    assert "Your payments reach us on time. Thank you." in visitor.get("/portal/").content.decode()
