"""A direct-debit mandate on the debtor's page: its account checked, its words read, signed, and shown nowhere in full."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.test import Client

from customers.models import Mandate
from dunning.core import clock
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Task
from tests.portal.conftest import NOW, Debt, opened
from tests.portal.tools import form_of, notice

IBAN = "FR7630001007941234567890185"
ACCOUNT = {"holder": "Durand SARL", "iban": "FR76 3000 1007 9412 3456 7890 185", "bic": ""}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def offering(debt: Debt) -> Debt:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(mandate_scheme="core", creditor_identifier="FR72ZZZ123456")
    return debt


def hidden_of(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)}


def draw(browser: Client, now: clock.VirtualClock, **typed: str) -> str:
    hidden = form_of(browser.get("/portal/direct-debit/"))
    answer = browser.post("/portal/direct-debit/", {**hidden, **ACCOUNT, **typed})
    assert answer.status_code == 200, answer.content.decode()
    now.advance(seconds=3)
    return answer.content.decode()


def test_a_mandate_is_drawn_read_signed_and_put_on_a_desk(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    assert "Pay by direct debit from now on" in browser.get("/portal/pay/").content.decode()
    page = draw(browser, at_noon)
    assert "FR72ZZZ123456" in page and "FR76" in page
    with tenant(offering.organization):
        assert not Mandate.objects.exists()
    answer = browser.post("/portal/direct-debit/", {**hidden_of(page), "name": "Anne Durand", "tick": "on"})
    assert "your mandate is recorded" in browser.get(answer["Location"]).content.decode()
    deliver_due(now=at_noon.now, organization=offering.organization)
    with tenant(offering.organization):
        mandate, declaration, act = Mandate.objects.get(), Declaration.objects.get(), DebtorAct.objects.get()
        assert (mandate.state, mandate.signatory, mandate.signed_from, mandate.contact) == (
            "signed",
            "Anne Durand",
            "127.0.0.1",
            offering.contact,
        )
        assert mandate.text in declaration.wording and mandate.reference in page
        assert (act.kind, act.installment, act.declaration) == ("signed_debit", None, declaration)
        assert Task.objects.get(kind="activate_mandate").details["mandate"] == str(mandate.pk)
        assert Message.objects.get(template_key="mandate_signed").recipient == offering.contact.email


def test_the_account_is_kept_nowhere_in_full(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    browser.post("/portal/direct-debit/", {**hidden_of(draw(browser, at_noon)), "name": "Anne Durand", "tick": "on"})
    deliver_due(now=at_noon.now, organization=offering.organization)
    inside = IBAN[8:-4]
    with tenant(offering.organization):
        kept = [
            *Declaration.objects.values_list("wording", "details"),
            *DebtorAct.objects.values_list("text", "details"),
            *AuditEvent.objects.values_list("body"),
            *Mandate.objects.values_list("text", "iban_masked", "iban_sealed"),
            *Message.objects.values_list("body_text", "body_html"),
            *Task.objects.values_list("title", "details"),
        ]
    assert len(kept) > 6
    assert not any(inside in re.sub(r"\s", "", str(row)) for row in kept)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"iban": ""}, "Write the IBAN of the account to debit."),
        ({"iban": "FR76 3000 1007 9412 3456 7890 186"}, "is not a valid IBAN: check it letter by letter"),
        ({"iban": "12345"}, "“12345” is not a valid IBAN"),
        ({"iban": "AE070331234567890123456"}, "Direct debits reach accounts of the SEPA area only"),
        ({"holder": ""}, "Write the holder of the account."),
        ({"bic": "XX"}, "“XX”"),
    ],
)
def test_a_wrong_account_is_said_and_nothing_typed_is_lost(
    offering: Debt, at_noon: clock.VirtualClock, typed: dict[str, str], said: str
) -> None:
    browser = opened(offering.path)
    answer = browser.post("/portal/direct-debit/", {**form_of(browser.get("/portal/direct-debit/")), **ACCOUNT, **typed})
    page = unescape(answer.content.decode())
    assert answer.status_code == 422 and said in re.sub(r"<label.*?</label>|<p class=\"hint\".*?</p>", "", page)
    for name, value in {**ACCOUNT, **typed}.items():
        assert not value or f'name="{name}" value="{value}"' in page


def test_a_foreign_account_of_the_sepa_area_is_good(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    page = draw(browser, at_noon, iban="DE89 3704 0044 0532 0130 00", bic="COBADEFFXXX")
    assert browser.post("/portal/direct-debit/", {**hidden_of(page), "name": "Anne", "tick": "on"}).status_code == 302


def test_a_reference_is_never_chosen_by_who_signs(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    answer = browser.post("/portal/direct-debit/", {**hidden, "reference": "MINE:x", "name": "Anne", "tick": "on"})
    assert answer.status_code == 422 and "please read it again" in notice(answer)
    with tenant(offering.organization):
        assert not Mandate.objects.exists()


def test_another_account_than_the_one_that_was_read_is_not_signed(offering: Debt, at_noon: clock.VirtualClock) -> None:
    browser = opened(offering.path)
    hidden = hidden_of(draw(browser, at_noon))
    answer = browser.post("/portal/direct-debit/", {**hidden, "iban": "DE89370400440532013000", "name": "Anne", "tick": "on"})
    assert answer.status_code == 422 and "please read it again" in notice(answer)


def test_not_offered_is_not_shown_and_not_taken(debt: Debt, visitor: Client) -> None:
    assert "direct debit" not in visitor.get("/portal/pay/").content.decode()
    assert "Direct debit is not offered here." in visitor.get("/portal/direct-debit/").content.decode()
    assert visitor.post("/portal/direct-debit/", ACCOUNT).status_code == 422
    with tenant(debt.organization):
        assert not Mandate.objects.exists()


def test_a_paper_that_was_signed_is_not_signed_again_one_page_back(offering: Debt, at_noon: clock.VirtualClock) -> None:
    """The paper is sent without a name, drawn again, signed. Twice back, the first paper is there still, and is signed as well."""
    browser = opened(offering.path)
    first = hidden_of(draw(browser, at_noon))
    again = browser.post("/portal/direct-debit/", {**first, "name": "", "tick": "on"})
    at_noon.advance(seconds=3)
    second = hidden_of(again.content.decode())
    assert browser.post("/portal/direct-debit/", {**second, "name": "Anne Durand", "tick": "on"}).status_code == 302
    answer = browser.post("/portal/direct-debit/", {**first, "name": "Anne Durand", "tick": "on"})
    assert answer.status_code == 422 and "This mandate is signed and recorded already." in unescape(answer.content.decode())
    with tenant(offering.organization):
        assert (Mandate.objects.count(), Declaration.objects.count()) == (1, 1)
    changed = browser.post("/portal/direct-debit/", {**hidden_of(answer.content.decode()), "change": "1"})
    assert 'name="iban"' in changed.content.decode()  # and from there another may be drawn up
    at_noon.advance(seconds=3)
    fresh = browser.post("/portal/direct-debit/", {**hidden_of(changed.content.decode()), **ACCOUNT})
    at_noon.advance(seconds=3)
    signed = browser.post("/portal/direct-debit/", {**hidden_of(fresh.content.decode()), "name": "Anne Durand", "tick": "on"})
    assert signed.status_code == 302
