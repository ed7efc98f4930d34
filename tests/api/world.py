"""An organization with something of everything the API shows, most of it written by the API itself."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from customers.models import Customer
from dunning.api.v1.events import settled
from dunning.api.v1.urls import urlpatterns
from dunning.core import documents
from dunning.core.enums import Channel, Role
from dunning.core.models import Event, Membership, Organization, User
from dunning.core.tenancy import tenant
from notifications.enums import MessageState
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from tests.api.conftest import NOW, Api, program
from tests.chaos.ground import until
from tests.notifications.mailroom import write
from tests.scenarios.houses import run_on
from tests.scenarios.road import pdf

TODAY = date(2026, 10, 9)
KINDS = {  # what the field of a body is an id of
    "customer_id": "customers",
    "payer_id": "customers",
    "parent_id": "customers",
    "group_id": "groups",
    "contact_id": "contacts",
    "contact": "contacts",
    "substitute": "contacts",
    "substitute_id": "contacts",
    "installment_id": "installments",
    "installment_ids": "installments",
    "invoice_id": "invoices",
    "credited_invoice_id": "invoices",
    "plan_id": "plans",
    "owner_id": "members",
    "assignee_id": "members",
    "account_owner_id": "members",
}


@dataclass
class World:
    """`ids`: one object of each kind, by the word its address has ("customers" → /customers/{id})."""

    organization: Organization
    api: Api
    ids: dict[str, str] = field(default_factory=dict)

    def make(self, kind: str, body: Any) -> dict[str, Any]:
        """Create by the API; the first of a kind is kept in `ids`."""
        answer = self.api.post(f"/{kind}", body)
        assert answer.status_code == 201, (kind, answer.content)
        said = answer.json()
        made: dict[str, Any] = said["data"][0] if "data" in said else said
        self.ids.setdefault(kind, made["id"])
        return made

    def act(self, path: str, body: Any) -> None:
        answer = self.api.post(path, body)
        assert answer.status_code == 200, (path, answer.content)

    def invoice(self, number: str, **fields: Any) -> str:
        """An invoice of C1, overdue since the 1st of October; the id of its only instalment."""
        given = {"number": number, "customer_number": "C1", "issued_on": "2026-09-01", "due_on": "2026-10-01", "gross": "1200.00"}
        made = self.make("invoices", {**given, **fields})
        item: str = made["installments"][0]["id"]
        self.ids.setdefault("installments", item)
        return item


def collections() -> list[str]:
    """The words under which something has an address of its own: "customers", "credit-notes"…"""
    patterns = [str(pattern.pattern) for pattern in urlpatterns]
    return [pattern.removesuffix("/<uuid:pk>") for pattern in patterns if pattern.count("/") == 1 and pattern.endswith("/<uuid:pk>")]


def inhabit(organization: Organization, *, times: int = 1) -> World:
    """Fill an organization that has its plans with at least so many of everything, committed: the log shows events only then."""
    world = World(organization, program(organization))
    group = world.make("groups", {"key": "grands-comptes", "name": "Grands comptes"})
    client = {"number": "C1", "name": "Ateliers Durand SARL", "kind": "business", "siren": "999999022", "city": "Lyon"}
    address = {"address_line1": "12 rue des Essais", "postal_code": "69001", "country": "FR", "group_id": group["id"]}
    customer = world.make("customers", {**client, **address})
    world.invoice("FA-1")
    plan = world.api.get("/plans").json()["data"][0]
    person = User.objects.create(email=f"marie@{organization.slug}.example", name="Marie Petit")
    Membership.objects.create(user=person, organization=organization, role=Role.COLLECTOR)
    world.ids["members"] = str(person.pk)
    world.make("assignments", {"plan_id": plan["id"], "group_id": group["id"]})
    for kind in ("document", "delivery-proof"):
        answer = world.api("PUT", f"/invoices/{world.ids['invoices']}/{kind}", pdf(), content_type="application/pdf")
        assert answer.status_code == 200, answer.content
    for number in range(times):
        _one_of_each(world, customer["id"], number)
    for day in reversed(range(times)):
        run_on(organization, (TODAY - timedelta(days=day)).isoformat(), covered=False, deliver=day == 0)
    _by_hand(organization, world, times)
    until(lambda: _all_told(organization), within=60)
    for kind in set(collections()) - world.ids.keys():
        rows = world.api.get(f"/{kind}").json()["data"]
        assert rows, f"There is nothing under /{kind}."
        world.ids[kind] = rows[0]["id"]
    return world


def _all_told(organization: Organization) -> bool:
    """The log tells of a commit once no older transaction is open on the server, and other tests run there too."""
    with tenant(organization):
        return settled().count() == Event.objects.count()


def _one_of_each(world: World, customer: str, number: int) -> None:
    world.make("customers", {"number": f"D{number}", "name": "Menuiserie Petit", "payment_days": 30})
    person = {"name": "Claire Martin", "email": f"claire{number}@durand.example", "role": "accounting", "phone": "01 99 00 12 34"}
    world.make("contacts", {"customer_id": customer, **person})
    contested, promised, paused, given_up, part = (world.invoice(f"FA-{number}{n}", gross=f"{n}400.00") for n in range(1, 6))
    world.make("disputes", {"installment_id": contested, "reason": "QUALITE_ERR", "text": "Une porte est rayée."})
    world.make("promises", {"installments": [{"installment_id": promised, "amount": "150.00"}], "promised_for": "2026-10-16"})
    world.make("holds", {"installment_id": paused, "kind": "pause", "side": "theirs", "ends_on": "2026-10-20", "reason": "Congés"})
    world.act(f"/installments/{given_up}/write-off", {"amount": "10.00", "reason": "Frais de port"})
    world.act(f"/installments/{given_up}/acts", {"kind": "received"})
    settled = {"allocations": [{"installment_id": part, "amount": "200.00"}], "customer_number": "C1"}
    world.make("payments", {"amount": "1450.00", "received_on": "2026-10-08", "external_reference": f"VIR-{number}", **settled})
    world.make("credit-notes", {"number": f"AV-{number}", "customer_number": "C1", "gross": "50.00", "issued_on": "2026-10-05"})
    world.make("ledger-certifications", {"through": (TODAY - timedelta(days=5) + timedelta(days=number)).isoformat()})


def _by_hand(organization: Organization, world: World, times: int) -> None:
    """What only the road or a person makes: a letter to post, a message that waits, a call to make."""
    later = datetime(2026, 10, 12, 8, tzinfo=UTC)
    for number in range(times):
        webhook = world.make("webhooks", {"url": f"https://example.com/hooks/{number}", "types": ["mandate.revoked"]})
        assert world.api.post(f"/webhooks/{webhook['id']}/test").status_code == 201
    with tenant(organization):
        client = Customer.objects.get(number="C1")
        printed = documents.store(content=pdf(), media_type="application/pdf", filename="lettre.pdf", now=NOW)
        given = {"document": printed, "print_document": printed, "planned_on": TODAY, "template_key": "formal_notice"}
        letters = [write(client, channel=Channel.REGISTERED, state=MessageState.TO_POST, **given) for _ in range(times)]
        mails = [write(client, planned_on=TODAY, not_before=later, subject="Facture FA-1") for _ in range(times)]
        known = {"kind": TaskKind.CALL, "customer": client, "opened_on": TODAY, "due_on": TODAY, "amount": 1200, "currency": "EUR"}
        calls = [Task.objects.create(**known, state=TaskState.DONE if number else TaskState.OPEN) for number in range(times)]
    world.ids |= {"letters": str(letters[0].pk), "messages": str(mails[0].pk), "tasks": str(calls[0].pk)}
