"""Instalments on the debtor's page: chosen, read, signed, kept - and what an agreement does to the reminders."""

import hashlib
import io
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pypdfium2
import pytest
from django.test import Client

from customers.models import Customer
from dunning.core import clock
from dunning.core.models import Membership, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.enums import PlanState
from invoices.models import DebtorAct, Declaration, Dispute, PaymentPlan, PaymentRequest
from invoices.services import undo_declaration
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.selectors import why
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened, owe
from tests.portal.tools import form_of, notice
from tests.scenarios.houses import CLERK

CHOSEN = {"count": "3", "first_on": "2026-10-09", "gap": "month"}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def offering(debt: Debt) -> Debt:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(plans_offered=True)
    return debt


def reason_of(debt: Debt) -> str:
    with tenant(debt.organization):
        (found,) = why(invoice=debt.item.invoice, organization=debt.organization, today=TODAY)
        return str(found.reason.value)


def draw(browser: Client, now: clock.VirtualClock, query: str = "", **chosen: str) -> str:
    """Choose the schedule; the page that shows the agreement."""
    hidden = form_of(browser.get(f"/portal/instalments/{query}"))
    now.advance(seconds=3)
    answer = browser.post("/portal/instalments/", {**hidden, **CHOSEN, **chosen})
    assert answer.status_code == 200, answer.content.decode()
    now.advance(seconds=3)
    return answer.content.decode()


def hidden_of(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)}


def sign(browser: Client, now: clock.VirtualClock, query: str = "", **chosen: str) -> str:
    answer = browser.post("/portal/instalments/", {**hidden_of(draw(browser, now, query, **chosen)), "name": "Anne Durand", "tick": "on"})
    assert answer.status_code == 302, notice(answer)
    return str(answer["Location"])


def test_an_agreement_is_chosen_read_signed_and_kept(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    assert "Pay in instalments" in browser.get("/portal/").content.decode()
    page = draw(browser, at_noon)
    text = unescape(re.sub(r"<[^>]+>", "\n", page))
    assert "€400.00 by 9 October 2026" in text and "€400.00 by 9 December 2026" in text and "without novation" in text
    with tenant(offering.organization):
        assert not PaymentPlan.objects.exists()  # reading is not signing
    answer = browser.post("/portal/instalments/", {**hidden_of(page), "name": "Anne Durand", "tick": "on"})
    done = browser.get(answer["Location"]).content.decode()
    assert "The first instalment, €400.00, is expected by 9 October 2026." in done
    with tenant(offering.organization):
        plan, act, declaration = PaymentPlan.objects.get(), DebtorAct.objects.get(), Declaration.objects.get()
        assert (plan.amount, plan.source, plan.signatory, plan.signed_from) == (Decimal(1200), "portal", "Anne Durand", "127.0.0.1")
        assert plan.contact == offering.contact and plan.agreed_by == f"contact:{offering.contact.pk}"
        assert plan.text in declaration.wording and declaration.wording.endswith(
            "Your first and last name Anne Durand\nI have read this agreement and accept it for Durand SARL. [x]\n[Sign this agreement]"
        )
        assert plan.text_sha256 == hashlib.sha256(plan.text.encode()).hexdigest() == declaration.details["text_sha256"]
        assert (act.kind, act.declaration) == ("agreed_plan", declaration)
    assert reason_of(offering) == "held_theirs"
    deliver_due(now=at_noon.now, organization=offering.organization)
    with tenant(offering.organization):
        sent = Message.objects.get(template_key="plan_agreed")
        assert sent.recipient == offering.contact.email and sent.attachments.count() == 1
        assert not Message.objects.filter(template_key="portal_receipt").exists()  # its copy is the receipt
    page = browser.get("/portal/").content.decode()
    assert "Your payment plan" in page and "Pay the next instalment" in page
    paper = browser.get(f"/portal/agreement/{plan.pk}/")
    assert paper["Content-Type"] == "application/pdf" and paper["Content-Disposition"].startswith("attachment")
    printed = "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(io.BytesIO(paper.content)))
    assert "Anne Durand" in printed and plan.text_sha256 in re.sub(r"\s", "", printed)


def test_the_agreement_follows_the_language_of_the_page(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    browser.get("/portal/?lang=fr")
    sign(browser, at_noon)
    with tenant(offering.organization):
        plan = PaymentPlan.objects.get()
        assert plan.language == "fr" and "article 2240 du code civil" in plan.text


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"first_on": "2026-10-11"}, "The first instalment is paid by 10 October 2026."),
        ({"first_on": "2026-10-01"}, "The first instalment is in the past."),
        ({"first_on": "2026-02-30"}, "Write a day such as 31/12/2026."),
        ({"first_on": ""}, "Which day?"),
        ({"count": "12"}, "Select a valid choice."),
        ({"count": ""}, "Choose in how many payments."),
        ({"gap": ""}, "Choose how far apart they are."),
    ],
)
def test_what_cannot_be_agreed_is_said_and_nothing_typed_is_lost(
    offering: Debt, at_noon: clock.VirtualClock, chosen: dict[str, str], said: str
) -> None:
    browser = opened(offering.path)
    answer = browser.post("/portal/instalments/", {**form_of(browser.get("/portal/instalments/")), **CHOSEN, **chosen})
    page = unescape(answer.content.decode())
    assert answer.status_code == 422 and said in page
    typed = {**CHOSEN, **chosen}
    assert f'name="first_on" value="{typed["first_on"]}"' in page or not typed["first_on"]
    if typed["gap"]:
        assert re.search(r'name="gap" value="month"[^>]* checked', page)


def test_a_paper_is_not_signed_without_a_name_and_a_tick(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    answer = browser.post("/portal/instalments/", {**hidden, "tick": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "Write your name: it is your signature." in page and "without novation" in page
    at_noon.advance(seconds=3)
    answer = browser.post("/portal/instalments/", {**hidden_of(page), "name": "Anne Durand"})
    assert answer.status_code == 422 and 'value="Anne Durand"' in answer.content.decode()
    at_noon.advance(seconds=3)
    assert browser.post("/portal/instalments/", {**hidden_of(answer.content.decode()), "name": "Anne", "tick": "on"}).status_code == 302


def test_change_leads_back_with_everything_chosen(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    answer = browser.post("/portal/instalments/", {**hidden_of(draw(browser, at_noon, count="2")), "change": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200 and 'name="first_on" value="2026-10-09"' in page
    assert re.search(r'name="count" value="2"[^>]* checked', page)


def test_words_that_were_not_read_are_not_signed(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    answer = browser.post("/portal/instalments/", {**hidden, "count": "2", "name": "Anne Durand", "tick": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "please read it again" in notice(answer)
    assert "€600.00 by 9 October 2026" in page and 'value="Anne Durand"' in page
    with tenant(offering.organization):
        assert not PaymentPlan.objects.exists()
    at_noon.advance(seconds=3)
    assert browser.post("/portal/instalments/", {**hidden_of(page), "name": "Anne Durand", "tick": "on"}).status_code == 302
    with tenant(offering.organization):
        assert PaymentPlan.objects.get().parts.count() == 2


def test_what_moved_meanwhile_is_drawn_up_anew(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser, other = opened(offering.path), opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    sign(other, at_noon)
    answer = browser.post("/portal/instalments/", {**hidden, "name": "Anne Durand", "tick": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "A payment plan already runs" in page
    with tenant(offering.organization):
        assert PaymentPlan.objects.count() == 1


def test_several_invoices_are_divided_together_under_one_reference(offering: Debt, at_noon: clock.VirtualClock) -> None:
    with tenant(offering.organization):
        OrganizationProfile.objects.update(iban="FR7630006000011234567890189")
        make_invoice(offering.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 2), due_on=date(2026, 9, 20))
        offering.contact.role = "accounting"
        offering.contact.save(update_fields=["role"])
    browser = opened(offering.path)
    sign(browser, at_noon)
    with tenant(offering.organization):
        plan, request = PaymentPlan.objects.get(), PaymentRequest.objects.get()
        assert plan.amount == Decimal(1500) == request.amount and plan.reference == request.reference
    page = browser.get(f"/portal/pay/plan/{plan.pk}/").content.decode()
    assert "Pay €500.00" in page and "The instalment of 9 October 2026" in page and "<svg" in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"insurer": "Coface"}, "Instalments cannot be agreed on here for this account"),
        ({"factor_name": "Facto"}, "only the factor can grant instalments"),
    ],
)
def test_who_may_not_is_told_to_call(offering: Debt, given: dict[str, str], said: str) -> None:
    with tenant(offering.organization):
        Customer.objects.update(**given)
    page = opened(offering.path).get("/portal/instalments/").content.decode()
    assert said in page and 'name="first_on"' not in page


def test_not_offered_is_not_shown_and_not_granted(debt: Debt, visitor: Client, at_noon: clock.VirtualClock) -> None:
    assert "Pay in instalments" not in visitor.get("/portal/").content.decode()
    page = visitor.get("/portal/instalments/").content.decode()
    assert "Instalments are not offered here: please call us." in page
    answer = visitor.post("/portal/instalments/", {**CHOSEN, "items": "", "name": "Anne", "tick": "on", "sha256": "x"})
    assert answer.status_code == 422
    with tenant(debt.organization):
        assert not PaymentPlan.objects.exists()


def test_what_is_contested_is_not_divided(offering: Debt) -> None:
    with tenant(offering.organization):
        Dispute.objects.create(
            installment=offering.item, customer=offering.customer, reason="quality", opened_on=TODAY, answer_due_on=TODAY
        )
    assert "the contest comes first" in opened(offering.path).get("/portal/instalments/").content.decode()


def test_an_agreement_is_for_one_company(offering: Debt) -> None:
    with tenant(offering.organization):
        daughter = make_customer("C9", name="Filiale", payer=offering.customer)
        make_invoice(daughter, number="FA-9", amount="50.00", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20))
        offering.contact.role = "accounting"
        offering.contact.save(update_fields=["role"])
    assert "An agreement is made for one company" in opened(offering.path).get("/portal/instalments/").content.decode()


def test_anothers_agreement_is_not_there(offering: Debt, at_noon: clock.VirtualClock) -> None:
    sign(opened(offering.path), at_noon)
    other = opened(owe(offering.organization, "C2", "FA-2").path)
    with tenant(offering.organization):
        plan = PaymentPlan.objects.get()
    assert other.get(f"/portal/agreement/{plan.pk}/").status_code == 404
    assert other.get(f"/portal/pay/plan/{plan.pk}/")["Location"] == "/portal/"


def test_staff_undo_what_was_signed_by_who_may_not(offering: Debt, at_noon: clock.VirtualClock) -> None:
    sign(opened(offering.path), at_noon)
    with tenant(offering.organization):
        undo_declaration(declaration=Declaration.objects.get(), reason="Signed by a trainee", actor=CLERK, today=TODAY, now=at_noon.now)
        plan = PaymentPlan.objects.get()
        assert (plan.state, plan.closed_reason) == (PlanState.CANCELLED, "Signed by a trainee")
    assert reason_of(offering) != "held_theirs"


def test_who_signs_is_known_by_the_address_whatever_port_the_proxy_names_with_it(
    offering: Debt, at_noon: clock.VirtualClock, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    browser = opened(offering.path)
    browser.defaults["HTTP_X_FORWARDED_FOR"] = "10.0.0.1, 203.0.113.7:51234"
    sign(browser, at_noon)
    with tenant(offering.organization):
        assert PaymentPlan.objects.get().signed_from == "203.0.113.7"
        assert Declaration.objects.get().address == "203.0.113.7"


def test_staff_see_the_signed_words(offering: Debt, at_noon: clock.VirtualClock) -> None:
    sign(opened(offering.path), at_noon)
    user = User.objects.create_user("claire@atelier.example", "correct horse battery", name="Claire Petit")
    Membership.objects.create(user=user, organization=offering.organization, role="owner")
    staff = Client()
    staff.force_login(user)
    with tenant(offering.organization):
        act = DebtorAct.objects.get()
    assert "without novation" in staff.get(f"/said/{act.pk}/").content.decode()
    assert "Anne Durand" in staff.get(f"/invoices/{offering.item.invoice_id}/").content.decode()


def test_a_page_that_closed_over_an_agreement_loses_nothing(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    at_noon.advance(hours=3)
    answer = browser.post("/portal/instalments/", {**hidden, "name": "Anne Durand", "tick": "on"})
    page = answer.content.decode()
    assert answer.status_code == 403 and 'value="2026-10-09"' in page and "FA-1" not in page
    browser.get(offering.path)
    answer = browser.post("/portal/instalments/", {**hidden_of(page), **CHOSEN})
    assert answer.status_code == 200 and "without novation" in answer.content.decode()
