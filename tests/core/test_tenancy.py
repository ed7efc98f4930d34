"""The wall: what one organization writes, no other can read, touch or refer to."""

import uuid

import pytest
from django.db import connection, transaction
from django.db.utils import DataError, IntegrityError, ProgrammingError
from django.utils import translation

from customers.models import Contact, Customer
from dunning.core.tenancy import TenancyError, tenant
from invoices.enums import InvoiceKind
from invoices.models import Invoice
from tests.factories import make_customer, make_organization

pytestmark = pytest.mark.django_db


def test_an_organization_sees_its_own_rows_alone() -> None:
    first, second = make_organization(), make_organization()
    with tenant(first):
        make_customer("C1", name="Boulangerie Exemple")
    with tenant(second):
        make_customer("C1", name="Garage Exemple")
        assert [customer.name for customer in Customer.objects.all()] == ["Garage Exemple"]
        assert Customer.objects.filter(organization=first).count() == 0
        assert Customer.objects.filter(organization=first).update(name="vol") == 0
    with tenant(first):
        assert Customer.objects.get().name == "Boulangerie Exemple"


def test_a_forgotten_scope_fails_closed() -> None:
    organization = make_organization()
    with tenant(organization):
        make_customer()
    with pytest.raises((DataError, ProgrammingError)), transaction.atomic():
        Customer.objects.count()


def test_raw_sql_cannot_write_for_another_organization() -> None:
    first, second = make_organization(), make_organization()
    with tenant(first), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customergroup (id, organization_id, key, name, description) VALUES (%s, %s, 'k', 'n', '')",
            [uuid.uuid4(), second.pk],
        )


def test_a_foreign_key_cannot_cross_the_wall() -> None:
    first, second = make_organization(), make_organization()
    with tenant(first):
        foreign = make_customer()
    with pytest.raises(IntegrityError), tenant(second):
        Contact.objects.create(customer_id=foreign.pk, email="x@client.example")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_second_organization_cannot_be_entered_inside_a_first() -> None:
    first, second = make_organization(), make_organization()
    with tenant(first), pytest.raises(TenancyError), tenant(second):
        pass


def test_a_row_outside_any_scope_cannot_even_be_made() -> None:
    with pytest.raises(TenancyError):
        Customer(number="C1", name="x", sort_name="x")


def test_truncate_is_not_granted() -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_customer CASCADE")


def test_rolled_back_work_leaves_no_audit_event() -> None:
    from dunning.core import audit
    from dunning.core.models import AuditEvent

    organization = make_organization()
    with tenant(organization):
        audit.record(actor="user:1", action="kept")
        with pytest.raises(RuntimeError), tenant(organization):
            audit.record(actor="user:1", action="lost")
            raise RuntimeError
    with tenant(organization):
        assert list(AuditEvent.objects.values_list("action", flat=True)) == ["kept"]


def test_the_word_for_a_choice_is_said_in_the_language_of_the_moment() -> None:
    invoice = Invoice(organization_id=uuid.uuid4(), kind=InvoiceKind.CREDIT_NOTE, state="pawned")
    with translation.override("en"):
        assert invoice.get_kind_display() == "Credit note"
    with translation.override("fr"):
        assert invoice.get_kind_display() == "Avoir"
    assert invoice.get_state_display() == "pawned"  # a value nobody foresaw is shown as it is
