"""Whom a message goes to: the usual chain of a phase, a step's own first choice, and who cannot be reached (rule 9)."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from customers.enums import ContactRole, InsolvencyKind, Reachability
from customers.models import Contact, Customer
from dunning.core.enums import Channel, Phase
from dunning.core.tenancy import tenant
from notifications.models import Suppression
from scenarios.recipients import Directory, Recipient
from tests.factories import make_customer, make_organization

pytestmark = pytest.mark.django_db

TODAY = date(2026, 10, 5)
NOW = datetime(2026, 10, 5, 8, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture
def durand() -> Iterator[Customer]:
    """A customer with one contact for each usual role, and nobody else."""
    with tenant(make_organization()):
        customer = make_customer("C1", name="Durand SAS", email="")
        for position, role in enumerate(
            (
                ContactRole.MANAGEMENT,
                ContactRole.FINANCE_MANAGER,
                ContactRole.ACCOUNTING,
                ContactRole.INVOICING_SERVICE,
                ContactRole.PURCHASING,
            ),
            start=1,
        ):
            Contact.objects.create(customer=customer, position=position, name=role.label, role=role, email=f"{role.value}@durand.example")
        yield customer


def found(
    customer: Customer, phase: Phase, *, channel: str = Channel.EMAIL, roles: tuple[str, ...] = (), tried: frozenset[str] = frozenset()
) -> str | None:
    """Where the message would go (an address without its domain), None when there is nobody."""
    recipient: Recipient | None = Directory([customer.pk]).find(str(customer.pk), channel, phase, roles=roles, today=TODAY, tried=tried)
    return None if recipient is None else recipient.address.split("@")[0]


def test_the_usual_chain_begins_with_those_who_enter_invoices_and_rises_with_the_phase(durand: Customer) -> None:
    assert found(durand, Phase.SERVICE) == "invoicing_service"
    assert found(durand, Phase.FRIENDLY) == "invoicing_service"
    assert found(durand, Phase.FIRM) == "finance_manager"
    assert found(durand, Phase.LEGAL) == "management"  # nobody is named as the legal representative


@pytest.mark.parametrize(
    ("roles", "first", "then"),
    [
        (("management",), "management", "invoicing_service"),
        (("accounting", "management"), "accounting", "management"),
        (("purchasing",), "purchasing", "invoicing_service"),  # outside the usual chain
        (("legal_representative",), "invoicing_service", "accounting"),  # there is none
    ],
)
def test_a_step_s_own_choice_comes_before_the_usual_chain(durand: Customer, roles: tuple[str, ...], first: str, then: str) -> None:
    assert found(durand, Phase.FRIENDLY, roles=roles) == first
    assert found(durand, Phase.FRIENDLY, roles=roles, tried=frozenset({f"{first}@durand.example"})) == then


def test_an_address_that_failed_was_tried_or_is_suppressed_is_passed_over(durand: Customer) -> None:
    Contact.objects.filter(role=ContactRole.INVOICING_SERVICE).update(email_state=Reachability.FAILED)
    assert found(durand, Phase.FRIENDLY) == "accounting"
    Suppression.objects.create(channel="email", address="accounting@durand.example", reason="complaint", since=NOW)
    assert found(durand, Phase.FRIENDLY) == "finance_manager"
    assert found(durand, Phase.FRIENDLY, tried=frozenset({"finance_manager@durand.example"})) == "management"
    everybody = frozenset(Contact.objects.values_list("email", flat=True))
    assert found(durand, Phase.FRIENDLY, tried=everybody) is None


def test_a_substitute_answers_until_the_absent_person_is_back(durand: Customer) -> None:
    purchasing = Contact.objects.get(role=ContactRole.PURCHASING)
    Contact.objects.filter(role=ContactRole.INVOICING_SERVICE).update(absent_until=TODAY, substitute=purchasing)
    assert found(durand, Phase.FRIENDLY) == "purchasing"
    Contact.objects.filter(role=ContactRole.INVOICING_SERVICE).update(absent_until=date(2026, 10, 4))
    assert found(durand, Phase.FRIENDLY) == "invoicing_service"


def test_a_colleague_who_is_there_is_written_to_before_the_one_who_is_away(durand: Customer) -> None:
    Contact.objects.filter(role=ContactRole.INVOICING_SERVICE).update(absent_until=date(2026, 10, 8))
    assert found(durand, Phase.FRIENDLY) == "accounting"
    Contact.objects.update(absent_until=date(2026, 10, 8))
    assert found(durand, Phase.FRIENDLY) == "invoicing_service"  # nobody is there: the usual chain


def test_whoever_is_outside_the_chain_comes_after_it_whatever_the_step_names(durand: Customer) -> None:
    Contact.objects.filter(role__in=[ContactRole.INVOICING_SERVICE, ContactRole.ACCOUNTING]).delete()
    Contact.objects.filter(role=ContactRole.PURCHASING).update(position=0)
    assert found(durand, Phase.FRIENDLY, roles=("invoicing_service", "accounting")) == "finance_manager"


def test_in_insolvency_the_administrator_comes_second(durand: Customer) -> None:
    Contact.objects.create(customer=durand, position=9, role=ContactRole.ADMINISTRATOR, email="administrator@durand.example")
    Customer.objects.filter(pk=durand.pk).update(insolvency_kind=InsolvencyKind.SAFEGUARD, insolvency_opened_on=date(2026, 9, 1))
    assert found(durand, Phase.FIRM) == "finance_manager"
    assert found(durand, Phase.FIRM, tried=frozenset({"finance_manager@durand.example"})) == "administrator"


def test_a_text_message_goes_to_the_first_mobile_number(durand: Customer) -> None:
    assert found(durand, Phase.FRIENDLY, channel=Channel.SMS) is None
    Contact.objects.filter(role=ContactRole.INVOICING_SERVICE).update(phone="+33199001234")  # a desk
    Contact.objects.filter(role=ContactRole.MANAGEMENT).update(phone="+33639980000")
    assert found(durand, Phase.FRIENDLY, channel=Channel.SMS) == "+33639980000"


def test_a_registered_letter_names_the_representative_at_the_registered_office(durand: Customer) -> None:
    Customer.objects.filter(pk=durand.pk).update(
        registered_line1="2 place du Siège", registered_postal_code="69003", registered_city="Lyon", legal_representative="Anne Durand"
    )
    letter = Directory([durand.pk]).find(str(durand.pk), Channel.REGISTERED, Phase.LEGAL, today=TODAY)
    assert letter is not None
    assert letter.postal == ("Durand SAS", "À l’attention d’Anne Durand, représentant légal", "2 place du Siège", "69003 Lyon")
    plain = Directory([durand.pk]).find(str(durand.pk), Channel.LETTER, Phase.FIRM, today=TODAY)
    assert plain is not None
    assert plain.postal == ("Durand SAS", "12 avenue des Essais", "75001 Paris")
    Customer.objects.filter(pk=durand.pk).update(address_line1="", postal_code="", city="")
    plain = Directory([durand.pk]).find(str(durand.pk), Channel.LETTER, Phase.FIRM, today=TODAY)
    assert plain is not None  # the planner counts on the registered office: it is the only address
    assert plain.postal == ("Durand SAS", "2 place du Siège", "69003 Lyon")


@pytest.mark.parametrize(
    ("name", "said"), [("Élodie Petit", "d’Élodie Petit"), ("Hugo Petit", "de Hugo Petit"), ("Marc Œuvrard", "de Marc Œuvrard")]
)
def test_the_window_elides_as_french_does(durand: Customer, name: str, said: str) -> None:
    Customer.objects.filter(pk=durand.pk).update(legal_representative=name)
    letter = Directory([durand.pk]).find(str(durand.pk), Channel.REGISTERED, Phase.LEGAL, today=TODAY)
    assert letter is not None
    assert letter.postal[1] == f"À l’attention {said}, représentant légal"
