"""Each act of a debtor, and what it does to the plan."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer
from dunning.core import clock, documents
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration, Dispute, Hold, Installment, Invoice, Promise
from invoices.services import attach_document
from notifications import freezing
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Task
from scenarios.selectors import why
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened
from tests.portal.tools import form_of, notice, send
from tests.scenarios.houses import CLERK

PDF = b"%PDF-1.7\n%%EOF\n"


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def reason_of(debt: Debt) -> str:
    """Why nothing follows the invoice now, as the screens of the creditor say it."""
    with tenant(debt.organization):
        (found,) = why(invoice=debt.item.invoice, organization=debt.organization, today=TODAY)
        return str(found.reason.value)


# --- the receipt ----------------------------------------------------------------------------------------------------------------------


def test_a_receipt_goes_to_whoever_said_it_word_for_word(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "accepted", tick="on")
    assert deliver_due(now=at_noon.now, organization=debt.organization) == {"accepted": 1}
    with tenant(debt.organization):
        receipt, declaration = Message.objects.get(template_key="portal_receipt"), Declaration.objects.get()
        assert (receipt.kind, receipt.recipient, receipt.language) == ("acknowledgement", debt.contact.email, "en")
        assert declaration.wording in receipt.body_text
        assert "Thank you: your agreement is recorded." in receipt.body_text
        assert receipt.subject == "We have received your answer of 2 October 2026 about invoice FA-1"
    assert freezing.sealed(receipt).text.count("/p/") == 1


def test_a_supervised_creditor_sees_the_receipt_first(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(supervised_until=TODAY)
    send(visitor, at_noon, "accepted", tick="on")
    with tenant(debt.organization):
        assert Message.objects.get(template_key="portal_receipt").state == "awaiting_approval"


# --- a promise ------------------------------------------------------------------------------------------------------------------------


def test_a_promise_holds_the_plan_at_once(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "promise", promised_for="2026-10-20")
    assert answer.status_code == 302
    assert "we expect your payment on 20 October 2026" in visitor.get(answer["Location"]).content.decode()
    with tenant(debt.organization):
        made = Promise.objects.get()
        assert (made.amount, made.promised_for, made.source, made.state) == (Decimal("1200.00"), date(2026, 10, 20), "portal", "open")
        act = DebtorAct.objects.get()
        assert (act.kind, act.contact, act.declaration) == ("promised", debt.contact, Declaration.objects.get())
    assert reason_of(debt) == "promised"


def test_an_amount_is_spread_over_the_oldest(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", amount="500.00", issued_on=date(2026, 8, 29), due_on=date(2026, 10, 1))
    send(visitor, at_noon, "promise", promised_for="20/10/2026", amount="1 300,00")
    with tenant(debt.organization):
        parts = dict(Promise.objects.values_list("installment__invoice__number", "amount"))
        assert sorted(parts.values()) == [Decimal("100.00"), Decimal("1200.00")]


def test_without_a_tick_it_is_about_what_is_due(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        later = make_invoice(debt.customer, number="FA-2", issued_on=TODAY, due_on=date(2026, 11, 1))
    assert "FA-2" not in visitor.get("/portal/promise/").content.decode()
    assert "FA-2" in visitor.get(f"/portal/promise/?item={later.pk}").content.decode()


def test_what_is_wrong_is_never_about_several_invoices_by_oversight(visitor: Client, debt: Debt) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", issued_on=TODAY, due_on=date(2026, 11, 1))
    answer = visitor.get("/portal/dispute/")
    assert answer["Location"] == "/portal/?for=dispute"
    page = visitor.get(answer["Location"]).content.decode()
    assert "tick the invoices it is about" in page and 'formaction="/portal/dispute/"' in page and "/portal/promise/" not in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"promised_for": "2026-10-01"}, "This day has passed"),
        ({"promised_for": "2026-11-02"}, "Here we can agree on a day until 1 November 2026."),
        ({"promised_for": "bientôt"}, "Write a day such as 31/12/2026."),
        ({"promised_for": ""}, "Which day?"),
        ({"promised_for": "2026-10-20", "amount": "1200.01"}, "more than what is left to pay"),
        ({"promised_for": "2026-10-20", "amount": "-5"}, "Write an amount"),
        ({"promised_for": "2026-10-20", "amount": "beaucoup"}, "Write an amount such as 1,840.25."),
        ({"promised_for": "2026-10-20", "amount": "1,200"}, "“1,200” may mean thousands or decimals: write 1200 for thousands"),
        ({"promised_for": "2026-10-20", "amount": "1.200"}, "“1.200” may mean thousands or decimals: write 1200 for thousands"),
    ],
)
def test_what_cannot_be_promised_is_said_and_what_was_typed_stays(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, typed: dict[str, str], sentence: str
) -> None:
    answer = send(visitor, at_noon, "promise", **typed)
    page = answer.content.decode()
    assert answer.status_code == 422 and sentence in page
    assert all(f'value="{value}"' in page for value in typed.values() if value)
    with tenant(debt.organization):
        assert (Promise.objects.count(), Declaration.objects.count(), Message.objects.filter(kind="acknowledgement").count()) == (0, 0, 0)


def test_after_two_broken_promises_the_page_takes_no_more(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    hidden = form_of(visitor.get("/portal/promise/"))
    with tenant(debt.organization):
        for number in (8, 9):
            other = make_invoice(debt.customer, number=f"FA-{number}", issued_on=date(2026, 7, 1), due_on=date(2026, 8, 1))
            Promise.objects.create(
                installment=other,
                customer=debt.customer,
                amount=other.amount,
                made_on=date(2026, 8, 2),
                promised_for=date(2026, 8, 9),
                state="broken",
                closed_on=date(2026, 8, 13),
                reference=other.pk,
            )
    page = visitor.get("/portal/promise/").content.decode()
    assert "Two earlier promises were not kept: please call us" in page and "<form class" not in page
    at_noon.advance(seconds=3)
    answer = visitor.post("/portal/promise/", {**hidden, "promised_for": "2026-10-20"})
    assert answer.status_code == 422 and "Two earlier promises were not kept" in answer.content.decode()
    with tenant(debt.organization):
        assert Promise.objects.filter(state="open").count() == 0


def test_a_second_date_is_refused_kindly(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "promise", promised_for="2026-10-20")
    answer = send(visitor, at_noon, "promise", promised_for="2026-10-25")
    assert (
        answer.status_code == 422
        and "A payment date is already announced for FA-1. To change it, answer our e-mail" in answer.content.decode()
    )


# --- a dispute ------------------------------------------------------------------------------------------------------------------------


def test_a_contested_thousand_is_never_one_euro(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    """Of 1,200.00 EUR they contest "1,000": it is asked what that means, and 1000 is taken as it stands."""
    asked = send(visitor, at_noon, "dispute", reason="PU_ERR", amount="1,000")
    assert asked.status_code == 422 and "“1,000” may mean thousands or decimals" in asked.content.decode()
    assert send(visitor, at_noon, "dispute", reason="PU_ERR", amount="1000").status_code == 302
    with tenant(debt.organization):
        assert Dispute.objects.get().amount == Decimal(1000)


def test_a_dispute_with_files_is_on_somebodys_desk_at_once(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    files = [SimpleUploadedFile("../../bon de livraison.pdf", PDF), SimpleUploadedFile("photo.exe.png", b"\x89PNG\r\n\x1a\n....")]
    answer = send(visitor, at_noon, "dispute", reason="PU_ERR", amount="200", text="The doors: 400, not 600.", attached=files)
    assert answer.status_code == 302
    page = visitor.get(answer["Location"]).content.decode()
    assert "will answer you by 9 October 2026" in page
    with tenant(debt.organization):
        opened_ = Dispute.objects.get()
        assert (opened_.reason, opened_.amount, opened_.text) == ("PU_ERR", Decimal(200), "The doors: 400, not 600.")
        declaration = Declaration.objects.get()
        kept = [(file.filename, file.document.media_type) for file in declaration.files.order_by("position")]
        assert kept == [("bon de livraison.pdf", "application/pdf"), ("photo.exe.png", "image/png")]
        assert "The price is not the one agreed" in declaration.wording and "bon de livraison.pdf (SHA-256 " in declaration.wording
        task = Task.objects.get(kind="answer_dispute")
        assert (task.dispute, task.amount) == (opened_, Decimal(200))
    assert deliver_due(now=at_noon.now, organization=debt.organization) == {"accepted": 1}
    with tenant(debt.organization):
        assert Dispute.objects.get().acknowledged_on == TODAY


def test_a_whole_dispute_takes_the_promise_and_the_acceptance_back(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "accepted", tick="on")
    send(visitor, at_noon, "promise", promised_for="2026-10-20")
    send(visitor, at_noon, "dispute", reason="QUALITE_ERR")
    with tenant(debt.organization):
        assert Promise.objects.get().state == "cancelled"
        invoice = Invoice.objects.get()
        assert (invoice.accepted_at, invoice.received_at is not None) == (None, True)
    assert reason_of(debt) == "disputed"


def test_an_acceptance_after_a_dispute_withdraws_it(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "dispute", reason="QUALITE_ERR")
    send(visitor, at_noon, "accepted", tick="on")
    with tenant(debt.organization):
        assert Dispute.objects.get().state == "withdrawn"
        assert Invoice.objects.get().accepted_at == at_noon.now
        assert not Task.objects.filter(kind="answer_dispute", state="open").exists()
    assert reason_of(debt) not in ("disputed", "dispute_open")


def test_what_is_wrong_must_be_said(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    assert "Choose what is wrong." in send(visitor, at_noon, "dispute", text="x").content.decode()
    assert "Tell us in a few words what it is." in send(visitor, at_noon, "dispute", reason="AUTRE").content.decode()
    send(visitor, at_noon, "dispute", reason="PU_ERR")
    again = send(visitor, at_noon, "dispute", reason="PU_ERR")
    assert "We are already looking into what you wrote about FA-1." in notice(again)
    with tenant(debt.organization):
        assert Dispute.objects.count() == 1


def test_an_amount_is_disputed_on_one_invoice_alone(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        other = make_invoice(debt.customer, number="FA-2", issued_on=date(2026, 9, 5), due_on=date(2026, 10, 5))
    answer = send(visitor, at_noon, "dispute", f"?item={debt.item.pk}&item={other.pk}", reason="PU_ERR", amount="10")
    assert answer.status_code == 422 and "choose one invoice alone" in answer.content.decode()
    assert send(visitor, at_noon, "dispute", f"?item={debt.item.pk}", reason="PU_ERR", amount="10").status_code == 302


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("facture.pdf", b"MZ\x90\x00" + b"x" * 100, "“facture.pdf” is no PDF and no picture"),
        ("page.html", b"<html><script>alert(1)</script>", "is no PDF and no picture"),
        ("dessin.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no PDF and no picture"),
        ("gros.pdf", b"%PDF-1.7" + b"0" * (10 * 1024 * 1024), "“gros.pdf” is larger than 10 MB"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused_in_words(
    visitor: Client, debt: Debt, at_noon: clock.VirtualClock, name: str, content: bytes, sentence: str
) -> None:
    good = SimpleUploadedFile("bon.pdf", PDF)
    typed = {"reason": "PU_ERR", "text": "Look at the note."}
    answer = send(visitor, at_noon, "dispute", attached=[SimpleUploadedFile(name, content), good], **typed)
    page = answer.content.decode()
    assert answer.status_code == 422 and sentence in page
    assert "Look at the note." in page and "Keep the file bon.pdf" in page
    with tenant(debt.organization):
        assert (Dispute.objects.count(), Declaration.objects.count()) == (0, 0)
    ticket = page.split('name="kept" value="')[1].split('"')[0]
    at_noon.advance(seconds=3)
    assert visitor.post("/portal/dispute/", {**form_of(answer), **typed, "kept": ticket}).status_code == 302
    with tenant(debt.organization):
        assert [file.filename for file in Declaration.objects.get().files.all()] == ["bon.pdf"]


def test_a_form_of_fifty_megabytes_is_refused_in_words(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    hidden = form_of(visitor.get("/portal/dispute/"))
    at_noon.advance(seconds=3)
    large = SimpleUploadedFile("gros.pdf", b"%PDF-1.7" + b"0" * (50 * 1024 * 1024))
    answer = visitor.post("/portal/dispute/", {**hidden, "reason": "PU_ERR", "text": "My words", "attached": large})
    assert answer.status_code == 422 and "larger than 10 MB" in answer.content.decode() and "My words" in answer.content.decode()
    larger = visitor.post("/portal/dispute/", b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(65 * 1024 * 1024))
    assert larger.status_code == 413 and "Nothing was sent" in larger.content.decode()


# --- it is paid -----------------------------------------------------------------------------------------------------------------------


def test_already_paid_waits_for_the_money(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "paid", paid_on="2026-10-01", amount="1200", reference="VIR 42", credited_iban_end="1a82")
    assert "we are looking for your payment" in visitor.get(answer["Location"]).content.decode()
    with tenant(debt.organization):
        hold = Hold.objects.get()
        assert (hold.kind, hold.side, hold.installment) == ("already_paid", "theirs", debt.item)
        details = DebtorAct.objects.get().details
        assert (details["reference"], details["credited_iban_end"], details["amount"]) == ("VIR 42", "1A82", "1200")
        assert details["foreign_account"] is False
    assert reason_of(debt) == "held_theirs"


def test_another_account_stops_everything_and_is_told_calmly(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "paid", paid_on="2026-10-01", credited_iban_end="0189")
    page = visitor.get(answer["Location"]).content.decode()
    said, foot = page.split("<footer")
    assert "call us at the number you already know" in said and "01\u00a099" not in said
    assert "01\u00a099" in foot
    with tenant(debt.organization):
        hold = Hold.objects.get()
        assert (hold.kind, hold.side, hold.installment) == ("pause", "ours", None)
        task = Task.objects.get(kind="fraud_alert")
        assert "Possible fraud" in task.title and task.alerted_on == TODAY
    assert reason_of(debt) == "held_ours"
    assert deliver_due(now=at_noon.now, organization=debt.organization) == {"accepted": 1}  # the receipt says the same
    with tenant(debt.organization):
        assert "call us at the number you already know" in Message.objects.get(template_key="portal_receipt").body_text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"paid_on": "2026-10-03"}, "This day is still to come"),
        ({"paid_on": "2026-10-01", "credited_iban_end": "12"}, "at least 4 characters"),
    ],
)
def test_what_cannot_have_been_paid(visitor: Client, debt: Debt, at_noon: clock.VirtualClock, typed: dict[str, str], sentence: str) -> None:
    answer = send(visitor, at_noon, "paid", **typed)
    assert answer.status_code == 422 and sentence in answer.content.decode()
    with tenant(debt.organization):
        assert (Hold.objects.count(), DebtorAct.objects.count()) == (0, 0)


# --- not received, missing ------------------------------------------------------------------------------------------------------------


def test_an_invoice_that_never_came_is_sent_again(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        copy = documents.store(content=PDF, media_type="application/pdf", filename="FA-1.pdf", now=NOW)
        attach_document(invoice=debt.item.invoice, document=copy, actor=CLERK, today=TODAY, now=NOW)
    send(visitor, at_noon, "not-received", tick="on")
    with tenant(debt.organization):
        resent = Message.objects.get(kind="resend")
        assert (resent.recipient, resent.state) == (debt.contact.email, "queued")
        assert Invoice.objects.get().not_received_at == at_noon.now
    deliver_due(now=at_noon.now, organization=debt.organization)
    with tenant(debt.organization):
        assert Invoice.objects.get().restart_on == TODAY + timedelta(days=10)
    send(visitor, at_noon, "not-received", tick="on")
    with tenant(debt.organization):
        assert Message.objects.filter(kind="resend").count() == 1  # a second time somebody looks
        assert Task.objects.get(kind="supply_document").customer == debt.customer


def test_without_a_copy_somebody_must_supply_it(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "not-received", tick="on")
    with tenant(debt.organization):
        assert not Message.objects.filter(kind="resend").exists()
        assert Task.objects.get(kind="supply_document").state == "open"
    assert reason_of(debt) == "not_received"


def test_a_document_asked_for_is_ours_to_supply(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "document", document="Bon de livraison 77")
    with tenant(debt.organization):
        hold, task = Hold.objects.get(), Task.objects.get()
        assert (hold.kind, hold.side, hold.reason) == ("document_owed", "ours", "Asks for: Bon de livraison 77")
        assert (task.kind, task.hold) == ("supply_document", hold)
        assert DebtorAct.objects.get().kind == "asked"
    again = send(visitor, at_noon, "document", document="Encore")
    assert again.status_code == 422 and "asked for already" in notice(again)


def test_an_order_number_is_proposed_and_never_written_on_the_invoice(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "order-number", number="CDE-7781")
    with tenant(debt.organization):
        assert Invoice.objects.get().purchase_order == ""
        hold = Hold.objects.get()
        assert (hold.kind, hold.reason) == ("purchase_order_missing", "Gives the order number CDE-7781.")
        assert Declaration.objects.get().details["purchase_order"] == "CDE-7781"
        Invoice.objects.update(purchase_order="CDE-7781")
    again = send(visitor, at_noon, "order-number", number="CDE-7781")
    assert again.status_code == 422 and "on the invoices already" in again.content.decode()


# --- who pays for others --------------------------------------------------------------------------------------------------------------


def test_who_pays_for_others_sees_and_answers_for_them(debt: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(debt.organization):
        daughter = make_customer("C9", name="Durand Sud", payer=debt.customer)
        make_invoice(daughter, number="FA-90", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        make_invoice(Customer.objects.create(number="C10", name="Autre", sort_name="autre"), number="FA-91", issued_on=TODAY, due_on=TODAY)
    browser = opened(debt.path)
    page = browser.get("/portal/").content.decode()
    assert "FA-90" in page and "Durand Sud" in page and "FA-91" not in page
    send(browser, at_noon, "promise", promised_for="2026-10-20")
    with tenant(debt.organization):
        assert set(Promise.objects.values_list("customer__number", flat=True)) == {"C1", "C9"}
        assert Installment.objects.filter(invoice__number="FA-90").get().outstanding == Decimal(300)
