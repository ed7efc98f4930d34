"""Direct-debit mandates: who may sign what, an account nobody reads, and one mandate in use at a time."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from customers import services
from customers.models import Customer, Mandate
from customers.services import MandateSigning
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Event, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from tests.factories import make_customer, make_organization

IBAN = "FR7630006000011234567890189"
TODAY, NOW = date(2026, 10, 5), datetime(2026, 10, 5, 9, tzinfo=UTC)
WHO: dict[str, Any] = {"actor": "contact:anne", "today": TODAY, "now": NOW}


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization(mandate_scheme="core", creditor_identifier="FR72ZZZ123456")


def sign(customer: Customer, iban: str = IBAN, name: str = "Anne Durand") -> Mandate:
    account = services.check_account(iban=iban, holder="Durand SARL")
    signing = MandateSigning(text=f"J'autorise… {account.masked}", language="fr", name=name, address="203.0.113.7")
    return services.sign_mandate(customer=customer, reference=services.new_reference(), account=account, signing=signing, **WHO)


def test_the_account_lies_nowhere_in_the_clear(organization: Organization) -> None:
    with tenant(organization):
        mandate = sign(make_customer())
        assert (mandate.iban_masked, mandate.state, mandate.scheme) == ("FR76 •••• 0189", "signed", "core")
        assert services.open_iban(mandate=mandate, actor="user:claire", now=NOW) == IBAN
        with connection.cursor() as cursor:
            cursor.execute("SELECT m::text FROM customers_mandate m")
            assert "30006000011234567890189" not in str(cursor.fetchall())
    with tenant(organization):
        trail = [(event.action, event.actor) for event in AuditEvent.objects.filter(action__startswith="mandate.").order_by("sequence")]
        assert trail == [("mandate.signed", "contact:anne"), ("mandate.account_read", "user:claire")]
        told = str(list(AuditEvent.objects.values_list("body", flat=True))) + str(list(Event.objects.values_list("payload", flat=True)))
        assert "30006000011234567890189" not in told


@pytest.mark.parametrize(
    ("iban", "holder", "bic", "code", "field"),
    [
        ("", "Durand", "", "required", "iban"),
        ("FR7630006000011234567890188", "Durand", "", "bad_iban", "iban"),
        ("BR1800360305000010009795493C1", "Durand", "", "not_sepa", "iban"),
        ("FR20 9999 9000 0100 0000 0001 A82", "Durand", "", "own_account", "iban"),
        (IBAN, " ", "", "required", "holder"),
        (IBAN, "Durand", "XX", "bad_bic", "bic"),
    ],
)
def test_an_account_that_cannot_be_debited_is_refused_by_name(
    organization: Organization, iban: str, holder: str, bic: str, code: str, field: str
) -> None:
    with tenant(organization), pytest.raises(DomainError) as refusal:
        services.check_account(iban=iban, holder=holder, bic=bic)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_a_mandate_counts_once_a_person_has_checked_it_and_one_at_a_time(organization: Organization) -> None:
    with tenant(organization):
        customer = make_customer()
        first = sign(customer)
        services.activate_mandate(mandate=first, **WHO)
        second, third = sign(customer), sign(customer)
        second.refresh_from_db()
        assert (second.state, second.revoked_reason) == ("revoked", "Signed anew")
        services.activate_mandate(mandate=third, **WHO)
        first.refresh_from_db()
        assert (first.state, first.revoked_reason) == ("revoked", f"Replaced by {third.reference}")
        with pytest.raises(DomainError) as refusal:
            services.activate_mandate(mandate=first, **WHO)
        assert refusal.value.code == "not_waiting"
        with pytest.raises(IntegrityError, match="one_mandate_in_use_per_customer"), transaction.atomic():
            Mandate.objects.filter(pk=first.pk).update(state="active", revoked_at=None)
        with pytest.raises(DomainError):
            services.revoke_mandate(mandate=third, reason=" ", **WHO)
        services.revoke_mandate(mandate=third, reason="Compte clos", **WHO)
        assert not Mandate.objects.exclude(state="revoked").exists()


def test_who_may_be_a_consumer_signs_core_and_nobody_signs_what_is_not_offered(organization: Organization) -> None:
    with tenant(organization):
        OrganizationProfile.objects.update(mandate_scheme="b2b")
        business, unknown = make_customer(), make_customer(kind="unknown", siren="")
        assert (services.offered_scheme(business), services.offered_scheme(unknown)) == ("b2b", "core")
        OrganizationProfile.objects.update(mandate_scheme="")
        with pytest.raises(DomainError) as refusal:
            sign(business)
        assert refusal.value.code == "not_offered"
        assert not Mandate.objects.exists()


def test_a_name_is_wanted(organization: Organization) -> None:
    with tenant(organization):
        with pytest.raises(DomainError) as refusal:
            sign(make_customer(), name="  ")
        assert refusal.value.field == "name"
        assert not Mandate.objects.exists()


def test_references_are_what_the_rulebook_allows() -> None:
    references = {services.new_reference() for _ in range(200)}
    assert len(references) == 200
    assert all(len(reference) == 11 and reference.isalnum() and reference.isascii() for reference in references)
