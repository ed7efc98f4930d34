"""Customers: identified, reached, treated alike, and paid for by others."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from customers import selectors, services
from customers.enums import CustomerKind, Reachability
from customers.models import Contact, Customer, CustomerGroup
from customers.signals import customer_changed
from dunning.core.errors import DomainError
from dunning.core.models import Event, Organization, SearchEntry
from dunning.core.tenancy import current_scope, tenant
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import CLAIRE, at

TODAY, TOMORROW = date(2026, 10, 5), date(2026, 10, 6)


@pytest.fixture
def organization(db: None) -> Iterator[Organization]:
    made = make_organization()
    with tenant(made):
        yield made


@pytest.fixture
def news() -> Iterator[list[str]]:
    heard: list[str] = []

    def listen(reason, **_rest):  # type: ignore[no-untyped-def]
        heard.append(reason)

    customer_changed.connect(listen)
    yield heard
    customer_changed.disconnect(listen)


def test_identifiers_take_one_form_and_propose_a_kind(organization: Organization) -> None:
    customer = services.create_customer(
        number=" C 1 ", name="Hôtel  de l’Œuvre", siret="999 999 014 00015", vat_number="fr 66 999999014", country="fr", **at(TODAY)
    )
    assert (customer.number, customer.name, customer.sort_name) == ("C 1", "Hôtel de l’Œuvre", "hotel de l'oeuvre")
    assert (customer.siren, customer.siret, customer.vat_number) == ("999999014", "99999901400015", "FR66999999014")
    assert (customer.kind, customer.kind_confirmed_at, customer.country) == (CustomerKind.BUSINESS, None, "FR")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, CustomerKind.UNKNOWN),
        ({"siren": "217500016"}, CustomerKind.PUBLIC),
        ({"vat_number": "DE136695976"}, CustomerKind.BUSINESS),
        ({"siren": "999999014", "kind": "consumer"}, CustomerKind.CONSUMER),
    ],
)
def test_a_kind_is_proposed_from_what_is_known_and_never_over_what_was_said(
    organization: Organization, fields: dict[str, str], kind: CustomerKind
) -> None:
    customer = services.create_customer(number="C1", name="Client", **fields, **at(TODAY))
    assert (customer.kind, customer.kind_confirmed_at) == (kind, None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"siren": "999999015"}, "siren"),
        ({"siret": "99999901400016"}, "siret"),
        ({"siren": "999999022", "siret": "99999901400015"}, "siret"),
        ({"vat_number": "FR67999999014"}, "vat_number"),
        ({"iban": "FR2099999000010000000001A83"}, "iban"),
        ({"country": "XX"}, "country"),
        ({"payment_days": 400}, "payment_days"),
        ({"payment_day_of_month": 32}, "payment_day_of_month"),
        ({"credit_limit": Decimal(-1)}, "credit_limit"),
        ({"name": "  "}, "name"),
        ({"number": "TAKEN"}, "number"),
    ],
)
def test_what_is_wrong_is_named_and_nobody_is_created(organization: Organization, fields: dict[str, object], field: str) -> None:
    make_customer("TAKEN")
    with pytest.raises(DomainError) as refusal:
        services.create_customer(**{"number": "C1", "name": "Client", **fields}, **at(TODAY))
    assert (refusal.value.field, Customer.objects.count()) == (field, 1)


def test_the_same_update_twice_writes_nothing_the_second_time(organization: Organization, news: list[str]) -> None:
    customer = services.create_customer(number="C1", name="Client", **at(TODAY))
    changed = services.update_customer(customer=customer, name="Client Rhône", siren="999999014", **at(TODAY))
    assert changed == ["kind", "name", "siren", "sort_name"]
    assert services.update_customer(customer=customer, name="Client Rhône", siren="999999014", **at(TODAY)) == []
    assert news == ["created", "updated"]
    assert [entry.action for entry in current_scope().pending] == ["customer.created", "customer.updated"]
    assert [found.pk for found in selectors.list_customers(query="rhone")] == [customer.pk]
    assert SearchEntry.objects.filter(object_id=customer.pk, token="999999014").count() == 1


def test_an_update_keeps_a_confirmed_kind(organization: Organization) -> None:
    customer = services.create_customer(number="C1", name="Jeanne Dubois", **at(TODAY))
    services.confirm_kind(customer=customer, kind=CustomerKind.CONSUMER, **at(TODAY))
    services.update_customer(customer=customer, siren="999999014", **at(TODAY))
    row = Customer.objects.get(pk=customer.pk)
    assert (row.kind, row.kind_confirmed_at is not None) == (CustomerKind.CONSUMER, True)
    with pytest.raises(DomainError) as refusal:
        services.confirm_kind(customer=customer, kind=CustomerKind.UNKNOWN, **at(TODAY))
    assert (refusal.value.code, Customer.objects.get(pk=customer.pk).kind) == ("bad_kind", CustomerKind.CONSUMER)


def test_another_kind_than_the_confirmed_one_is_refused_until_it_is_confirmed(organization: Organization) -> None:
    customer = services.create_customer(number="C7", name="Jeanne Dubois", **at(TODAY))
    services.update_customer(customer=customer, kind=CustomerKind.BUSINESS, **at(TODAY))  # nobody confirmed anything yet
    services.confirm_kind(customer=customer, kind=CustomerKind.CONSUMER, **at(TODAY))
    with pytest.raises(DomainError) as refusal:
        services.update_customer(customer=customer, name="Dubois SARL", kind=CustomerKind.BUSINESS, **at(TOMORROW))
    assert (refusal.value.code, refusal.value.field) == ("confirmed_kind", "kind")
    row = Customer.objects.get(pk=customer.pk)
    assert (row.name, row.kind, selectors.has_legal_regime(row)) == ("Jeanne Dubois", CustomerKind.CONSUMER, True)
    changed = services.update_customer(customer=customer, name="Jeanne Petit", kind=CustomerKind.CONSUMER, **at(TOMORROW))
    assert changed == ["name", "sort_name"]
    services.confirm_kind(customer=customer, kind=CustomerKind.BUSINESS, **at(TOMORROW))
    assert Customer.objects.get(pk=customer.pk).kind == CustomerKind.BUSINESS


def test_a_batch_is_created_whole_or_not_at_all(organization: Organization) -> None:
    rows = [{"number": "C1", "name": "Un"}, {"number": "C2", "name": "Deux"}]
    with pytest.raises(DomainError):
        services.create_customers(rows=[*rows, {"number": "C1", "name": "Encore"}], **at(TODAY))
    assert Customer.objects.count() == 0
    services.create_customers(rows=rows, **at(TODAY))
    [entry] = current_scope().pending
    assert (entry.action, entry.actor, entry.body["count"]) == ("customers.created", CLAIRE, 2)
    assert Event.objects.filter(type="customer.created").count() == 2


def test_contacts_are_tried_in_order_and_a_substitute_stands_in(organization: Organization) -> None:
    customer = make_customer(email="")
    first = services.add_contact(customer=customer, name="Anne", email="anne@Client.Example", phone="01 99 00 12 34", **at(TODAY))
    second = services.add_contact(customer=customer, name="Bruno", email="bruno@client.example", **at(TODAY))
    assert (first.email, first.phone, first.position, second.position) == ("anne@client.example", "+33199001234", 1, 2)
    services.reorder_contacts(customer=customer, contact_ids=[second.pk, first.pk], **at(TODAY))
    assert selectors.contact_chain([customer.pk], today=TODAY)[customer.pk] == [second, first]
    services.set_absence(contact=second, until=TOMORROW, substitute=first, **at(TODAY))
    assert selectors.contact_chain([customer.pk], today=TOMORROW)[customer.pk] == [first]
    assert selectors.contact_chain([customer.pk], today=date(2026, 10, 7))[customer.pk] == [second, first]
    services.deactivate_contact(contact=second, **at(TODAY))
    assert selectors.contact_chain([customer.pk], today=date(2026, 10, 7))[customer.pk] == [first]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "required"),
        ({"email": "not an address"}, "bad_email"),
        ({"phone": "12"}, "bad_phone"),
        ({"email": "COMPTA@client.example"}, "duplicate_contact"),
    ],
)
def test_a_contact_nobody_can_use_is_refused(organization: Organization, fields: dict[str, str], code: str) -> None:
    customer = make_customer(email="compta@client.example")
    with pytest.raises(DomainError) as refusal:
        services.add_contact(customer=customer, **fields, **at(TODAY))
    assert (refusal.value.code, Contact.objects.count()) == (code, 1)


def test_a_foreign_number_is_read_with_the_customers_country(organization: Organization) -> None:
    customer = make_customer(country="BE")
    contact = services.add_contact(customer=customer, name="Luc", phone="02 123 45 67", **at(TODAY))
    assert contact.phone == "+3221234567"


def test_a_failed_address_is_news_once_and_a_new_one_has_not_been_tried(organization: Organization, news: list[str]) -> None:
    contact = Contact.objects.get(customer=make_customer())
    answers = [services.mark_reachability(contact=contact, means="email", reached=False, reason="550", **at(TODAY)) for _again in range(2)]
    assert (answers, news) == ([True, False], ["reachability"])
    assert [found.pk for found in selectors.without_email()] == [contact.customer_id]
    services.update_contact(contact=contact, email="neuve@client.example", **at(TODAY))
    assert (contact.email_state, selectors.without_email().count()) == (Reachability.UNKNOWN, 0)


def test_a_payer_has_no_payer_and_nobody_pays_for_itself(organization: Organization) -> None:
    parent, daughter, other = make_customer(), make_customer(), make_customer()
    services.set_payer(customer=daughter, payer=parent, **at(TODAY))
    assert selectors.payer_family(parent.pk) == sorted([parent.pk, daughter.pk])
    for customer, payer, code in ((other, daughter, "payer_chain"), (parent, other, "payer_chain"), (other, other, "own_payer")):
        with pytest.raises(DomainError) as refusal:
            services.set_payer(customer=customer, payer=payer, **at(TODAY))
        assert refusal.value.code == code
    assert dict(Customer.objects.exclude(payer=None).values_list("pk", "payer")) == {daughter.pk: parent.pk}
    services.set_payer(customer=daughter, payer=None, **at(TODAY))
    assert Customer.objects.exclude(payer=None).count() == 0


def test_groups_are_found_by_their_key_and_moves_count_once(organization: Organization, news: list[str]) -> None:
    group = services.ensure_group(key="Grands comptes", **at(TODAY))
    assert services.ensure_group(key="grands-comptes", **at(TODAY)) == group
    assert (group.key, CustomerGroup.objects.count()) == ("grands-comptes", 1)
    customers = [make_customer() for _number in range(3)]
    assert services.set_group(customers=customers, group=group, **at(TODAY)) == 3
    assert services.set_group(customers=customers, group=group, **at(TODAY)) == 0
    assert news == ["group"]


def test_an_unread_reply_keeps_its_first_moment_until_it_is_read(organization: Organization, news: list[str]) -> None:
    customer = make_customer()
    services.note_reply_pending(customer=customer, **at(TODAY))
    first = Customer.objects.get(pk=customer.pk).reply_pending_since
    services.note_reply_pending(customer=customer, **at(TOMORROW))
    assert Customer.objects.get(pk=customer.pk).reply_pending_since == first
    services.clear_reply_pending(customer=customer, **at(TOMORROW))
    assert (Customer.objects.get(pk=customer.pk).reply_pending_since, news) == (None, ["reply", "reply"])


def test_a_regime_needs_an_identifier_or_a_person(organization: Organization) -> None:
    assert selectors.has_legal_regime(make_customer(kind="business", siren="999999014"))
    unbacked = make_customer(kind="business", siren="")
    assert not selectors.has_legal_regime(unbacked)
    services.confirm_kind(customer=unbacked, kind=CustomerKind.BUSINESS, **at(TODAY))
    assert selectors.has_legal_regime(unbacked)
    assert not selectors.has_legal_regime(make_customer(kind="unknown", siren="999999014"))


def test_another_organization_sees_and_changes_nothing(db: None) -> None:
    ours, theirs = make_organization(), make_organization()
    with tenant(ours):
        customer = services.create_customer(number="C1", name="Client Secret", **at(TODAY))
    with tenant(theirs):
        assert list(selectors.list_customers(query="secret")) == []
        with pytest.raises(DomainError) as refusal:
            services.update_customer(customer=customer, name="Volé", **at(TODAY))
        assert refusal.value.code == "unknown_customer"
    with tenant(ours):
        assert Customer.objects.get().name == "Client Secret"


def test_vetting_answers_add_up_and_archiving_keeps_the_debt_in_view(organization: Organization) -> None:
    customer = make_customer()
    services.vet_customer(customer=customer, answers={"reputation": "good"}, **at(TODAY))
    services.vet_customer(customer=customer, answers={"responsiveness": "slow"}, **at(TOMORROW))
    assert Customer.objects.get(pk=customer.pk).vetting == {"reputation": "good", "responsiveness": "slow", "checked_on": "2026-10-06"}
    services.archive_customer(customer=customer, **at(TOMORROW))
    assert (list(selectors.list_customers()), [found.pk for found in selectors.list_customers(archived=True)]) == ([], [customer.pk])
