"""Paying on the debtor's page: account, amount, reference and QR code, each read back as a bank's app reads it."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from customers.models import Customer
from dunning.core import bank, clock
from dunning.core.enums import Role
from dunning.core.models import Membership, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.models import Dispute, Installment, Invoice, Payment, PaymentRequest
from invoices.references import creditor_reference, printed_reference
from invoices.services import PaymentDraft, record_payment
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened, owe
from tests.portal.tools import code_in, notice
from tests.scenarios.houses import CLERK

IBAN = "FR2099999000010000000001A82"
OTHER = "FR7630006000011234567890189"


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def three(debt: Debt) -> list[Installment]:
    """1 200, 300 and 250.50, all due."""
    with tenant(debt.organization):
        late = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 9, 20)}
        return [
            debt.item,
            make_invoice(debt.customer, number="FA-2", amount="300.00", **late),
            make_invoice(debt.customer, number="FA-3", amount="250.50", **late),
        ]


def receive(amount: str, text: str) -> None:
    draft = PaymentDraft(amount=Decimal(amount), currency="EUR", received_on=TODAY, reference_text=text, external_reference=text)
    record_payment(draft=draft, actor=CLERK, today=TODAY, now=NOW)


def test_one_invoice_is_paid_under_its_own_reference(debt: Debt) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(payment_reference=(reference := creditor_reference("FA-1")))
    answer = opened(debt.path).post("/portal/pay/")
    assert answer["Location"] == f"/portal/pay/?item={debt.item.pk}"
    page = opened(debt.path).get(answer["Location"]).content.decode()
    assert "Pay €1,200.00" in page and "FR20 9999 9000 0100 0000 0001 A82" in page and printed_reference(reference) in page
    assert f'hidden data-copy="{IBAN}"' in page  # without a script there is no button that does nothing
    assert code_in(page).split("\n")[6:] == [IBAN, "EUR1200.00", "", reference]
    with tenant(debt.organization):
        assert not PaymentRequest.objects.exists()


def test_an_invoice_without_a_reference_is_paid_under_its_number(visitor: Client) -> None:
    page = visitor.get("/portal/pay/").content.decode()
    assert code_in(page).split("\n")[7:] == ["EUR1200.00", "", "", "FA-1"]


def test_several_are_paid_in_one_transfer_that_finds_them(debt: Debt, three: list[Installment]) -> None:
    browser = opened(debt.path)
    looked = browser.get("/portal/pay/").content.decode()
    assert "Pay €1,750.50 in one transfer" in looked
    with tenant(debt.organization):
        assert not PaymentRequest.objects.exists()  # looking writes nothing
    answer = browser.post("/portal/pay/", {"item": [str(three[1].pk), str(three[2].pk)]})
    page = browser.get(answer["Location"]).content.decode()
    lines = code_in(page).split("\n")
    assert lines[6:8] == [IBAN, "EUR550.50"] and lines[9].startswith("RF")
    assert browser.post("/portal/pay/", {"item": [str(three[2].pk), str(three[1].pk)]})["Location"] == answer["Location"]
    with tenant(debt.organization):
        receive("550.50", f"VIR DURAND {lines[9]}")
        assert [Installment.objects.get(pk=item.pk).outstanding for item in three] == [Decimal("1200.00"), 0, 0]
        assert Payment.objects.get().customer == debt.customer
    assert browser.get(answer["Location"])["Location"] == "/portal/"  # nothing of it is left


def test_what_was_paid_meanwhile_is_asked_for_anew(debt: Debt, three: list[Installment]) -> None:
    browser = opened(debt.path)
    place = browser.post("/portal/pay/")["Location"]
    with tenant(debt.organization):
        Installment.objects.filter(pk=three[1].pk).update(outstanding=0)
    page = browser.get(place).content.decode()
    assert "Pay €1,450.50 in one transfer" in page and "<svg" not in page


def test_what_is_contested_is_not_asked_for(debt: Debt, visitor: Client) -> None:
    with tenant(debt.organization):
        opened_on = {"opened_on": TODAY, "answer_due_on": TODAY}
        dispute = Dispute.objects.create(installment=debt.item, customer=debt.customer, reason="PU_ERR", amount=Decimal(200), **opened_on)
    assert "EUR1000.00" in code_in(visitor.get("/portal/pay/").content.decode())
    with tenant(debt.organization):
        Dispute.objects.filter(pk=dispute.pk).update(amount=None)
    page = visitor.get("/portal/pay/").content.decode()
    assert "Nothing to pay now" in page and "<svg" not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"currency": "CHF"}, "several currencies"),
        ({"pay_to_iban": OTHER}, "several bank accounts"),
        ({"pay_to_iban": "", "is_factored": True}, "several bank accounts"),
    ],
)
def test_what_cannot_be_paid_together_is_paid_one_by_one(debt: Debt, fields: dict[str, str], said: str) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20), **fields)
    browser = opened(debt.path)
    assert "in one transfer" not in browser.get("/portal/pay/").content.decode()
    answer = browser.post("/portal/pay/")
    assert answer.status_code == 422 and said in notice(answer)
    assert "FA-1" in answer.content.decode() and "FA-2" in answer.content.decode()


def test_another_currency_has_no_code_and_a_factors_invoice_no_account(debt: Debt, visitor: Client) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(currency="CHF")
    page = visitor.get("/portal/pay/").content.decode()
    assert "CHF" in page and "FR20 9999" in page and "<svg" not in page
    with tenant(debt.organization):
        Invoice.objects.update(pay_to_iban="", is_factored=True)
    page = visitor.get("/portal/pay/").content.decode()
    assert "Pay to the bank details printed on these invoices." in page and "FR20" not in page


def test_an_invoice_that_names_an_account_is_paid_there(debt: Debt, visitor: Client) -> None:
    with tenant(debt.organization):
        Invoice.objects.update(pay_to_iban=OTHER)
    assert code_in(visitor.get("/portal/pay/").content.decode()).split("\n")[6] == OTHER


def test_cheques_when_they_are_offered(debt: Debt, visitor: Client) -> None:
    assert "By cheque" not in visitor.get("/portal/pay/").content.decode()
    with tenant(debt.organization):
        OrganizationProfile.objects.update(
            cheques_offered=True, cheque_order="ATELIER FICTIF", cheque_address="TSA 12345\n69999 LYON CEDEX"
        )
    page = visitor.get("/portal/pay/").content.decode()
    assert "To the order of ATELIER FICTIF" in page and "TSA 12345<br>69999 LYON CEDEX<br>" in page


def test_new_bank_details_are_pointed_out_for_thirty_days(debt: Debt, visitor: Client, at_noon: clock.VirtualClock) -> None:
    said = "Our bank details changed on 2 October 2026; two people of our house confirmed the change."
    people = []
    for name in ("claire", "denis"):
        user = User.objects.create_user(f"{name}@atelier.example", "correct horse battery", name=name.title())
        Membership.objects.create(user=user, organization=debt.organization, role=Role.OWNER)
        people.append(f"user:{user.pk}")
    assert said not in visitor.get("/portal/pay/").content.decode()
    with tenant(debt.organization):
        change = bank.propose_change(iban=OTHER, holder="Atelier", reason="New bank", actor=people[0], now=NOW)
        bank.confirm_change(change_id=change.pk, actor=people[1], now=NOW)
        assert said not in visitor.get("/portal/pay/").content.decode()  # this invoice names the earlier account
        Invoice.objects.update(pay_to_iban="")
    page = visitor.get("/portal/pay/").content.decode()
    assert said in page and "01\u00a099\u00a000\u00a012\u00a034" in page and code_in(page).split("\n")[6] == OTHER
    at_noon.advance(timedelta(days=31))
    again = opened(debt.path)
    assert said not in again.get("/portal/pay/").content.decode()


def test_a_request_is_shown_to_who_may_see_all_of_it(debt: Debt, three: list[Installment]) -> None:
    place = opened(debt.path).post("/portal/pay/")["Location"]
    stranger = opened(owe(debt.organization, "C2", "FA-9").path)
    assert stranger.get(place).status_code == 404
    with tenant(debt.organization):
        browser = opened(debt.path)
        assert browser.get(place).status_code == 200  # accounting sees the whole account
        debt.contact.role = "purchasing"
        debt.contact.save(update_fields=["role"])
    assert browser.get(place).status_code == 404


def test_a_contact_is_asked_for_what_it_was_sent_alone(debt: Debt, three: list[Installment]) -> None:
    with tenant(debt.organization):
        debt.contact.role = "purchasing"
        debt.contact.save(update_fields=["role"])
    browser = opened(debt.path)
    assert "EUR1200.00" in code_in(browser.get("/portal/pay/").content.decode())
    answer = browser.post("/portal/pay/", {"item": [str(item.pk) for item in three]})
    assert answer["Location"] == f"/portal/pay/?item={debt.item.pk}"


def test_an_administrator_is_asked_for_no_payment(debt: Debt) -> None:
    with tenant(debt.organization):
        debt.contact.role = "administrator"
        debt.contact.save(update_fields=["role"])
    browser = opened(debt.path)
    assert "Pay now" not in browser.get("/portal/").content.decode()
    assert browser.get("/portal/pay/").status_code == 404


def test_a_payer_pays_for_those_it_pays_for(debt: Debt) -> None:
    with tenant(debt.organization):
        daughter = make_customer("C9", name="Filiale", payer=debt.customer)
        make_invoice(daughter, number="FA-9", amount="50.00", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20))
    browser = opened(debt.path)
    page = browser.get(browser.post("/portal/pay/")["Location"]).content.decode()
    assert "EUR1250.00" in code_in(page)
    with tenant(debt.organization):
        assert PaymentRequest.objects.get().customer == Customer.objects.get(number="C1")


def test_nothing_left_leads_back(debt: Debt, visitor: Client) -> None:
    with tenant(debt.organization):
        Installment.objects.update(outstanding=0)
    assert visitor.get("/portal/pay/")["Location"] == "/portal/"
    assert visitor.post("/portal/pay/")["Location"] == "/portal/"


def test_no_inline_style_or_script(visitor: Client) -> None:
    page = visitor.get("/portal/pay/").content.decode()
    assert not re.search(r"<[^>]+ style=|<script(?![^>]* src=)", page)
