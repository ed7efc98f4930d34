"""A mandate signed on the debtor's page: its words, its copy without the account, the task to check it, the paper for the bank."""

from datetime import date

import pytest

from customers.models import Customer, Mandate
from dunning.core import documents
from dunning.core.errors import StaleObject
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from notifications.models import Message
from scenarios.models import Task
from scenarios.selectors import why
from scenarios.services import mandates
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, send
from tests.scenarios.road import plain, words_of

IBAN, OCT_5 = "FR76 3000 6000 0112 3456 7890 189", date(2026, 10, 5)


@pytest.fixture
def house(db: None) -> Organization:
    return open_house(mandate_scheme="core", creditor_identifier="FR72ZZZ123456", legal_name="Atelier SAS")


@pytest.fixture
def customer(house: Organization) -> Customer:
    with tenant(house):
        return make_customer("C1", name="Durand SARL")


def draft(customer: Customer, language: str = "fr", reference: str = "") -> mandates.DraftMandate:
    return mandates.draft_mandate(customer=customer, iban=IBAN, holder="Durand SARL", reference=reference, language=language, today=OCT_5)


def sign(house: Organization, customer: Customer) -> Mandate:
    with tenant(house):
        made = draft(customer)
        who = {"actor": "contact:anne", "today": OCT_5, "now": at("2026-10-05")}
        return mandates.sign_mandate(customer=customer, draft=made, sha256=made.sha256, name="Anne Durand", address="203.0.113.7", **who)


def test_the_words_are_those_of_the_rulebook(house: Organization, customer: Customer) -> None:
    with tenant(house):
        french = plain(draft(customer).text)
        assert "vous autorisez Atelier SAS à envoyer des instructions à votre banque pour débiter votre compte" in french
        assert "dans les 8 semaines suivant la date de débit" in french
        assert "Identifiant créancier SEPA (ICS) : FR72ZZZ123456" in french and "IBAN : FR76 •••• 0189" in french
        OrganizationProfile.objects.update(mandate_scheme="b2b")
        english = plain(draft(customer, "en").text)
        assert "business-to-business" in english and "not entitled to a refund" in english and "8 weeks" not in english
        assert "3000" not in french + english


def test_it_waits_on_a_desk_and_the_debtor_has_its_copy_without_the_account(house: Organization, customer: Customer) -> None:
    mandate = sign(house, customer)
    send(house, "2026-10-05")
    with tenant(house):
        task = Task.objects.get(kind="activate_mandate")
        assert (task.state, task.details) == ("open", {"mandate": str(mandate.pk)})
        sent = Message.objects.get(template_key="mandate_signed")
        assert sent.state == "accepted" and mandate.reference in sent.subject
        [file] = sent.attachments.all()
        said = words_of(documents.read(file.document))
        assert "Mandat de prélèvement SEPA" in said and f"(RUM) : {mandate.reference}" in said
        assert "Accepté en ligne par Anne Durand" in said and "0112 3456" not in said
    with tenant(house):
        full = words_of(mandates.full_mandate(mandate=mandate, organization=house, actor=CLERK, now=at("2026-10-06")))
        assert IBAN in full
        mandates.activate(mandate=mandate, actor=CLERK, today=OCT_5, now=at("2026-10-06"))
        task.refresh_from_db()
        assert (task.state, task.outcome) == ("done", "activated")


def test_signed_anew_the_first_task_is_over_and_revoked_the_second_too(house: Organization, customer: Customer) -> None:
    sign(house, customer)
    second = sign(house, customer)
    with tenant(house):
        assert sorted(Task.objects.values_list("state", "outcome")) == [("cancelled", "replaced"), ("open", "")]
        mandates.revoke(mandate=second, reason="Compte clos", actor=CLERK, today=OCT_5, now=at("2026-10-06"))
        assert not Task.objects.filter(state="open").exists()


def test_words_that_changed_since_they_were_read_are_not_signed(house: Organization, customer: Customer) -> None:
    with tenant(house):
        read = draft(customer)
        OrganizationProfile.objects.update(legal_name="Atelier Nouveau SAS")
        who = {"actor": "contact:anne", "today": OCT_5, "now": at("2026-10-05")}
        with pytest.raises(StaleObject):
            mandates.sign_mandate(customer=customer, draft=draft(customer, reference=read.reference), sha256=read.sha256, name="A", **who)
        assert not Mandate.objects.exists() and not Task.objects.exists()


def collections(customer: Customer) -> dict[str, tuple[str, date | None]]:
    rows = Installment.objects.filter(customer=customer).select_related("invoice")
    return {row.invoice.number: (row.means, row.collection_on) for row in rows}


def test_put_to_use_it_is_how_the_customer_pays_and_what_comes_due_is_not_chased(house: Organization, customer: Customer) -> None:
    """Signed on 5 October it changes nothing: it is not checked yet. Put to use, FA-2, due on the 20th, waits for its collection, FA-3 for
    the day the bank was given; FA-1 is late and asked for as before. Ended on the 12th, FA-2 is announced and asked for like a transfer."""
    with tenant(house):
        for number, due_on in (("FA-1", date(2026, 10, 1)), ("FA-2", date(2026, 10, 20)), ("FA-3", date(2026, 10, 21))):
            make_invoice(customer, number=number, issued_on=date(2026, 9, 1), due_on=due_on)
        given = date(2026, 10, 28)
        Installment.objects.filter(invoice__number="FA-3").update(collection_on=given)
    mandate = sign(house, customer)
    with tenant(house):
        customer.refresh_from_db()
        assert customer.payment_means == "transfer" and collections(customer)["FA-2"] == ("transfer", None)
        mandates.activate(mandate=mandate, actor=CLERK, today=OCT_5, now=at("2026-10-05"))
        customer.refresh_from_db()
        assert customer.payment_means == "direct_debit"
        debit = "direct_debit"
        assert collections(customer) == {"FA-1": (debit, None), "FA-2": (debit, date(2026, 10, 20)), "FA-3": (debit, given)}
        (found,) = why(invoice=Invoice.objects.get(number="FA-2"), organization=house, today=OCT_5)
        assert found.reason.value == "collection_pending"
    with tenant(house):
        mandates.revoke(mandate=mandate, reason="Compte clos", actor=CLERK, today=date(2026, 10, 12), now=at("2026-10-12"))
        customer.refresh_from_db()
        assert customer.payment_means == "transfer"
        assert collections(customer) == {"FA-1": ("transfer", None), "FA-2": ("transfer", None), "FA-3": ("transfer", given)}
        (found,) = why(invoice=Invoice.objects.get(number="FA-2"), organization=house, today=date(2026, 10, 12))
        assert found.reason.value != "collection_pending"


def test_a_mandate_that_was_never_put_to_use_ends_nothing_else(house: Organization, customer: Customer) -> None:
    """The customer is debited under a paper mandate of old; the one it signed on its page is refused."""
    with tenant(house):
        Customer.objects.filter(pk=customer.pk).update(payment_means="direct_debit")
    mandate = sign(house, customer)
    with tenant(house):
        mandates.revoke(mandate=mandate, reason="Wrong account", actor=CLERK, today=OCT_5, now=at("2026-10-06"))
        assert Customer.objects.get().payment_means == "direct_debit"
