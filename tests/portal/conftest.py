"""A house that wrote to its debtors, and the browsers of those who open the links."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest
from django.test import Client

from customers.models import Contact, Customer
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications import freezing
from notifications.models import Message
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house, run_on

if TYPE_CHECKING:
    from tests.portal.till import Till

TODAY = date(2026, 10, 2)
NOW = datetime(2026, 10, 2, 10, 0, tzinfo=UTC)
LINK = re.compile(r"https?://[^\s\"<>]+(/p/[A-Za-z0-9_-]{43}/)")


class Debt(NamedTuple):
    organization: Organization
    customer: Customer
    contact: Contact
    item: Installment
    message: Message  # the first reminder, which left this morning
    path: str  # of the link it left with


def link_in(message: Message) -> str:
    """The path of the link in the message as it leaves."""
    found = LINK.search(freezing.sealed(message).text)
    assert found is not None
    return found[1]


def remind(organization: Organization, customer: Customer, day: str = "2026-10-02") -> Message:
    """The day's run writes to the customer, and it leaves."""
    run_on(organization, day, again=True)
    with tenant(organization):
        message = Message.objects.filter(customer=customer).order_by("-created_at").first()
        assert message is not None and message.link_digest
        return message


@pytest.fixture
def debt(db: None) -> Debt:
    return owe(open_house(default_language="en"))


def owe(organization: Organization, number: str = "C1", invoice: str = "FA-1") -> Debt:
    with tenant(organization):
        customer = make_customer(number, name="Durand SARL", language="en")
        item = make_invoice(customer, number=invoice, amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    message = remind(organization, customer)
    with tenant(organization):
        contact = Contact.objects.get(customer=customer)
        return Debt(organization, customer, contact, item, message, link_in(message))


@pytest.fixture
def visitor(debt: Debt) -> Client:
    """A browser that opened the link of the reminder."""
    return opened(debt.path)


def opened(path: str) -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0", "accept-language": "en"})
    assert client.get(path).status_code == 302
    return client


@pytest.fixture
def at_noon(committed_database: str) -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def till(at_noon: clock.VirtualClock) -> Iterator["Till"]:
    from tests.portal.till import open_till

    with open_till() as opened_till:
        yield opened_till
