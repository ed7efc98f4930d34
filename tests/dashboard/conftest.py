"""A house with a life behind it, and people who sign in to it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

import pytest
from django.test import Client

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, open_dispute, record_payment
from notifications.models import Message
from scenarios import outside
from scenarios.models import Task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, open_house, run_on

TODAY = date(2026, 10, 9)
NOW = datetime(2026, 10, 9, 9, 5, tzinfo=UTC)


class House(NamedTuple):
    organization: Organization
    item: Installment  # Durand's, reminded on the 2nd, to be called on the 9th
    disputed: Installment  # Lefèvre's
    sent: Message
    call: Task
    receipt: UUID  # of nobody


@pytest.fixture
def house(db: None) -> House:
    organization = open_house()
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL", phone="+33199001234")
        item = make_invoice(durand, number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        lefevre = make_customer("C2", name="Ets Lefèvre")
        disputed = make_invoice(lefevre, number="FA-2", amount="800.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 2))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(organization, day)
    with tenant(organization):
        open_dispute(installment=disputed, reason="PU_ERR", actor=CLERK, today=TODAY, now=NOW)
        draft = PaymentDraft(amount=item.amount * 2, received_on=TODAY, payer_name="Inconnu", external_reference="B-1")
        receipt = record_payment(draft=draft, actor=CLERK, today=TODAY, now=NOW).payment
        sent = Message.objects.filter(customer=durand, state="accepted").order_by("planned_on").first()
        assert sent is not None
        call = Task.objects.get(kind="call", customer=durand)
    return House(organization, item, disputed, sent, call, receipt.pk)


def sign_in(organization: Organization, role: Role = Role.OWNER, email: str = "claire@atelier.example") -> Client:
    """Somebody of that role, signed in, reading English."""
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, "correct horse battery", name="Claire Petit")
    Membership.objects.get_or_create(user=user, organization=organization, defaults={"role": role})
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def at_nine() -> Iterator[None]:
    """It is the 9th of October 2026, nine o'clock."""
    with clock.virtual(NOW):
        yield


@pytest.fixture
def owner(house: House, at_nine: None) -> Client:
    return sign_in(house.organization)


@pytest.fixture
def viewer(house: House, at_nine: None) -> Client:
    return sign_in(house.organization, Role.VIEWER, "vera@atelier.example")


@pytest.fixture
def stranger(house: House, at_nine: None) -> Client:
    """The owner of another organization."""
    from tests.factories import make_organization

    return sign_in(make_organization(), email="stranger@elsewhere.example")


@pytest.fixture
def waiting(house: House) -> list[Message]:
    """Two statements that wait for approval."""
    with tenant(house.organization):
        found = []
        for number in ("C8", "C9"):
            customer = make_customer(number)
            item = make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 11, 1))
            found.append(
                outside.write(
                    customer=customer,
                    kind="answer",
                    template_key="account_statement",
                    items=[item.pk],
                    for_clerk=True,
                    actor="system",
                    today=TODAY,
                    now=NOW,
                )
            )
    return found


def states(house: House, messages: list[Message]) -> list[str]:
    with tenant(house.organization):
        known = dict(Message.objects.filter(pk__in=[message.pk for message in messages]).values_list("pk", "state"))
    return [known[message.pk] for message in messages]
