"""A town of creditors with reminders due this morning: written as the product writes them, by the daily run of each organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connections

from customers.enums import ContactRole, CustomerKind
from customers.models import Contact, Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceKind
from invoices.models import Installment, Invoice
from notifications.enums import ProviderKind
from notifications.services import set_provider
from scenarios.services.runs import run_organization
from tests.scenarios.houses import cover, open_house

DAY = "2026-10-05"  # a Monday
TODAY = date(2026, 10, 5)
RUN_AT = datetime(2026, 10, 5, 4, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)  # ten o'clock in Paris: the sending hours have just opened
ISSUED_ON, DUE_ON = date(2026, 9, 3), date(2026, 10, 2)  # the first reminder is due on the Monday
IBAN = "FR2099999000010000000001A82"


@dataclass(frozen=True)
class Way:
    """How an organization of the town sends."""

    channel: str
    kind: ProviderKind
    settings: dict[str, Any]
    secrets: dict[str, str] | None = None


def build(*, organizations: int, sends: int, way: Way, label: str = "ville") -> list[Organization]:
    """Organizations with `sends` queued reminders in all, one a customer, that leave by `way` from SEND_AT on."""
    houses = []
    for number in range(organizations):
        house = open_house(DAY, **_profile(f"{label}-{number}"))
        share = sends // organizations + (number < sends % organizations)
        with tenant(house):
            set_provider(channel=way.channel, kind=way.kind, actor="system", now=RUN_AT, settings=way.settings, secrets=way.secrets or {})
            add_customers(share)
            cover(DAY)
        _know_the_tables()
        run_organization(organization=house, today=TODAY, now=RUN_AT, actor="system", played=True)
        houses.append(house)
    return houses


def _know_the_tables() -> None:
    """What autovacuum does within a minute of a great load: without it PostgreSQL takes fifty thousand items for a handful."""
    if "owner" in connections.settings:
        with connections["owner"].cursor() as cursor:
            cursor.execute("ANALYZE")


def _profile(name: str) -> dict[str, Any]:
    return {"legal_name": f"{name} SAS", "sender_email": f"compta@{name}.example", "reply_to": f"compta@{name}.example"}


def add_customers(count: int, *, first: int = 0) -> list[UUID]:
    """Customers with an e-mail address, a mobile number and one invoice a working day late; inside `tenant()`. Their ids."""
    customers = Customer.objects.bulk_create(
        [
            Customer(
                number=f"C{number:06}", name=f"Client {number} SARL", sort_name=f"client {number} sarl", kind=CustomerKind.BUSINESS,
                siren="999999022", address_line1="12 avenue des Essais", postal_code="75001", city="Paris",
            )
            for number in range(first, first + count)
        ],
        batch_size=1000,
    )  # fmt: skip
    Contact.objects.bulk_create(
        [
            Contact(
                customer=customer, name="Service comptable", role=ContactRole.ACCOUNTING, 
                email=f"compta.{customer.number.lower()}@client.example",
                phone="+33612345678",
            )
            for customer in customers
        ],
        batch_size=1000,
    )  # fmt: skip
    invoices = Invoice.objects.bulk_create(
        [
            Invoice(
                number=f"FA-{customer.number}", kind=InvoiceKind.INVOICE, customer=customer, issued_on=ISSUED_ON, due_on=DUE_ON,
                currency="EUR", gross="1200.00", pay_to_iban=IBAN, entered_on=ISSUED_ON, delivered_on=ISSUED_ON,
            )
            for customer in customers
        ],
        batch_size=1000,
    )  # fmt: skip
    Installment.objects.bulk_create(
        [
            Installment(
                invoice=invoice,
                customer_id=invoice.customer_id,
                currency=invoice.currency,
                due_on=DUE_ON,
                amount="1200.00",
                outstanding="1200.00",
            )
            for invoice in invoices
        ],
        batch_size=1000,
    )
    return [customer.pk for customer in customers]


def queued(houses: Sequence[Organization]) -> dict[UUID, list[UUID]]:
    """The reminders that wait to leave, by organization."""
    from notifications.models import Message

    found: dict[UUID, list[UUID]] = {}
    for house in houses:
        with tenant(house):
            found[house.pk] = list(Message.objects.filter(state="queued").values_list("pk", flat=True))
    return found
