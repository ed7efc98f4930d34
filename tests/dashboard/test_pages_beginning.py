"""The first hour as pages: the check list, who customers are, addresses, what would leave, the first ten."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Contact, Customer
from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.dashboard.choosing import carried
from invoices.models import Installment
from invoices.services import certify_ledger
from notifications.models import Message
from notifications.selectors import awaiting_approval_ids
from scenarios.models import Action, DailyRun, Schedule
from scenarios.selectors.beginning import first_steps, is_beginning
from scenarios.tasks import run, tick
from tests.dashboard.conftest import NOW, TODAY, House, sign_in
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, open_house

STEPS, CONFIRM, ADDRESSES, BOARD = "/first-steps/", "/first-steps/customers/", "/first-steps/addresses/", "/first-steps/board/"
WHEN = {"actor": CLERK, "today": TODAY, "now": NOW}


@pytest.fixture
def atelier(db: None) -> Organization:
    organization = open_house()
    with tenant(organization):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
    return organization


@pytest.fixture
def clerk(atelier: Organization) -> Iterator[Client]:
    with clock.virtual(NOW):
        yield sign_in(atelier, Role.COLLECTOR, "paul@atelier.example")


def late(customer: Customer, amount: str = "100.00", days: int = 9) -> Installment:
    due_on = TODAY - timedelta(days=days)
    return make_invoice(customer, amount=amount, issued_on=due_on - timedelta(days=30), due_on=due_on, entered_on=TODAY)


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def done(organization: Organization) -> set[str]:
    with tenant(organization):
        return {step.key for step in first_steps(today=TODAY) if step.is_done}


def test_an_empty_organization_has_all_its_steps_to_do(atelier: Organization, clerk: Client) -> None:
    assert done(atelier) == set()
    page = text(clerk, STEPS)
    assert "Nothing is in the ledger yet" in page and "An administrator sets up" in page
    assert "0 of 9 are done" in text(clerk, "/")
    owner = sign_in(atelier, Role.OWNER)
    assert "Through the real way out" in text(owner, STEPS)


def test_the_steps_are_done_one_by_one_and_leave_today(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        known = make_customer("C1", name="Durand SARL")
        old = late(known, days=120)
        Installment.objects.filter(pk=old.pk).update(triage="waiting")
        for n in range(12):
            late(make_customer(f"N{n}", name=f"Maison {n} Roux", siren=""))
        unknown = make_customer("C2", name="Mairie de Lyon", siren="", kind="unknown", email="")
        late(unknown, "318.00")
    assert done(atelier) == {"items"}
    page = text(clerk, STEPS)
    assert "1 customer without e-mail: €318.00 overdue." in page and "One invoice (€100.00) waits for a decision" in page
    clerk.post(reverse("dashboard:first_step", args=["control"]), {"done": "1"})
    clerk.post("/triage/", {"act": "litigation", "item": [str(old.pk)]})
    clerk.post(CONFIRM + "?topic=public", {"customer": [str(unknown.pk)], "others": ""})
    clerk.post(ADDRESSES, {"text": "C2\tcompta@lyon.example", "act": "add"})
    clerk.post(reverse("dashboard:ledger"), {"through": TODAY.isoformat()})
    assert done(atelier) == {"items", "control", "triage", "customers", "addresses", "ledger"}
    assert "12 messages would leave, 2 items are held" in text(clerk, BOARD)  # old, or of the mairie, whose plan begins later
    assert clerk.post(BOARD)["Location"] == "/board/"
    assert Organization.objects.get().next_run_at == NOW
    run(organization_id=str(atelier.pk))
    with tenant(atelier):
        assert Message.objects.filter(state="awaiting_approval").count() == 12
    assert "Approve the first 10" in text(clerk, "/board/")
    with tenant(atelier):
        shown = carried(awaiting_approval_ids())
    clerk.post("/board/act/", {"act": "approve_first", "shown": shown})
    with tenant(atelier):
        assert Message.objects.filter(state="queued").count() == 10
        assert is_beginning()
        Message.objects.filter(state="queued").update(state="accepted")
    assert done(atelier) == {"items", "control", "triage", "customers", "addresses", "ledger", "board", "approve"}
    assert "First steps" not in text(clerk, "/")
    assert "First steps" in text(clerk, STEPS)
    assert "Approve the first" not in text(clerk, "/board/")
    clerk.post(BOARD)
    assert "Today was run already" in text(clerk, BOARD)
    with tenant(atelier):
        assert DailyRun.objects.count() == 1


def test_a_word_is_taken_back(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        late(make_customer(siren="", kind="unknown", name="Mairie de Lyon"))
    address = reverse("dashboard:first_step", args=["customers"])
    clerk.post(address, {"done": "1"})
    assert "customers" in done(atelier)
    clerk.post(address)
    assert "customers" not in done(atelier)
    assert clerk.post(reverse("dashboard:first_step", args=["triage"]), {"done": "1"}).status_code == 404


def test_customers_are_proposed_and_confirmed_by_ticking(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        mairie = make_customer("P1", name="Mairie de Lyon", siren="", kind="unknown")
        person = make_customer("P2", name="Mme Roux", siren="", kind="unknown")
        business = make_customer("P3", name="Garage Petit SARL", siren="", kind="unknown")
        factored = make_customer("P4", name="Durand", siren="")
        item = late(factored)
        item.invoice.is_factored = True
        item.invoice.save()
        debited = make_customer("P5", name="Blanc", siren="")
        coming = make_invoice(debited, issued_on=TODAY, due_on=TODAY + timedelta(days=30), label="Abonnement, prélèvement SEPA")
        overdue = late(debited)
        other = make_customer("P6", name="Vert", siren="")
    page = text(clerk, CONFIRM)
    assert "Mairie de Lyon" in page and "by its name" in page and "Mme Roux" not in page
    none = clerk.post(CONFIRM, {"others": ""})
    assert none.status_code == 422 and "Tick at least one customer." in none.content.decode()
    wrong = clerk.post(CONFIRM, {"others": "P6 NOBODY"})
    assert wrong.status_code == 422 and "No customer has the number NOBODY." in wrong.content.decode()
    clerk.post(CONFIRM, {"customer": [str(mairie.pk)], "others": "P6"})
    clerk.post(f"{CONFIRM}?topic=consumer", {"customer": [str(person.pk)], "others": ""})
    clerk.post(f"{CONFIRM}?topic=business", {"customer": [str(business.pk)], "others": ""})
    nameless = clerk.post(f"{CONFIRM}?topic=factored", {"customer": [str(factored.pk)], "others": "", "factor": ""})
    assert nameless.status_code == 422 and "Name the factor." in nameless.content.decode()
    clerk.post(f"{CONFIRM}?topic=factored", {"customer": [str(factored.pk)], "others": "", "factor": "Eurofactor"})
    clerk.post(f"{CONFIRM}?topic=debit", {"customer": [str(debited.pk)], "others": ""})
    with tenant(atelier):
        rows = {row.number: row for row in Customer.objects.select_related("group")}
        assert [(rows[n].kind, rows[n].kind_confirmed_at is not None) for n in ("P1", "P2", "P3", "P6")] == [
            ("public", True), ("consumer", True), ("business", True), ("public", True),
        ]  # fmt: skip
        groups = [rows[n].group for n in ("P1", "P2", "P3")]
        assert [group.key if group else None for group in groups] == ["public", "consumers", None]
        assert (rows["P4"].factor_name, rows["P5"].payment_means) == ("Eurofactor", "direct_debit")
        for part in (coming, overdue):
            part.refresh_from_db()
        assert (coming.collection_on, overdue.collection_on, overdue.means) == (coming.due_on, None, "direct_debit")
        assert other.pk == rows["P6"].pk
    assert "Nobody is proposed" in text(clerk, f"{CONFIRM}?topic=debit")


def test_accounts_of_one_company_are_linked(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        head, *members = [make_customer(f"G{n}", name=f"Groupe {n}", siren="999999014") for n in range(3)]
        named = [make_customer(f"H{n}", name=f"Durand Industries{' Lyon' * n}", siren="") for n in range(2)]
        late(head, "900.00")
    page = text(clerk, f"{CONFIRM}?topic=houses")
    assert "Groupe 0: 3 accounts" in page and "Durand Industries: 2 accounts" in page
    everybody = [str(row.pk) for row in (head, *members)]
    alone = clerk.post(f"{CONFIRM}?topic=houses", {"customer": everybody[:1], "head": everybody[0], "others": "", "act": "pays"})
    assert alone.status_code == 422 and "Tick at least two accounts" in alone.content.decode()
    clerk.post(f"{CONFIRM}?topic=houses", {"customer": everybody, "head": everybody[0], "others": "", "act": "pays"})
    clerk.post(
        f"{CONFIRM}?topic=houses",
        {"customer": [str(row.pk) for row in named], "head": str(named[1].pk), "others": "", "act": "parent"},
    )
    with tenant(atelier):
        assert set(Customer.objects.filter(payer=head).values_list("number", flat=True)) == {"G1", "G2"}
        assert Customer.objects.get(parent__isnull=False).number == "H0"
    assert "Nobody is proposed" in text(clerk, f"{CONFIRM}?topic=houses")
    chain = clerk.post(f"{CONFIRM}?topic=houses", {"customer": everybody, "head": everybody[1], "others": "", "act": "pays"})
    assert chain.status_code == 422 and "is itself paid for by another customer" in chain.content.decode()


def test_addresses_are_pasted_looked_at_and_added(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        for n in range(3):
            late(make_customer(f"411 {n}", name=f"Client {n} " + "x" * 50, email=""), "1234567.89")
        reached = make_customer("R1", name="Joignable", email="a@joignable.example")
        late(reached)
    page = text(clerk, ADDRESSES)
    assert "3 customers without e-mail: €3,703,703.67 overdue." in page and "Joignable" not in page
    pasted = "\n".join(
        [
            "411 0\tcompta@zero.example",
            "411 1;compta@un.example",
            "411 1;COMPTA@un.example",
            "R1 a@joignable.example",
            "NOBODY\tx@y.example",
            "411 2\tnot-an-address",
            "",
            "lonely",
        ]
    )
    looked = clerk.post(ADDRESSES, {"text": pasted, "act": "look"})
    said = looked.content.decode()
    assert "Add 2 addresses" in said and "5 lines cannot be used" in said
    for words in (
        "this customer already has the address",
        "no customer has the number “NOBODY”",
        "“not-an-address” is not an e-mail address.",
        "a customer number and an e-mail address, with a tab between them",
    ):
        assert words in said
    with tenant(atelier):
        assert Contact.objects.filter(email__endswith="un.example").count() == 0
    added = clerk.post(ADDRESSES, {"text": pasted, "act": "add"}, follow=True).content.decode()
    assert "2 addresses are added. 5 lines were left out." in added and "One customer without e-mail: €1,234,567.89 overdue." in added
    again = clerk.post(ADDRESSES, {"text": pasted, "act": "add"}, follow=True).content.decode()
    assert "0 addresses are added. 7 lines were left out." in again
    assert clerk.post(ADDRESSES, {"text": ""}).status_code == 422
    many = clerk.post(ADDRESSES, {"text": "x\n" * 5001, "act": "look"})
    assert many.status_code == 422 and "at most 5,000 lines" in many.content.decode()


def test_a_rehearsal_writes_nothing_and_says_why(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        late(make_customer("C1"), "1200.00")
        waiting = late(make_customer("C2"), "300.00", days=120)
        Installment.objects.filter(pk=waiting.pk).update(triage="waiting")
        make_invoice(make_customer("C3"), amount="50.00", issued_on=TODAY, due_on=TODAY + timedelta(days=60))
        late(make_customer("C4", email=""), "77.00")
    before = text(clerk, BOARD)
    assert "No message would leave, 4 items are held" in before and "Receipts" in before
    with tenant(atelier):
        certify_ledger(through=TODAY, **WHEN)
    page = text(clerk, BOARD)
    assert "One message would leave, 3 items are held" in page and "€1,200.00" in page
    assert "More than 90 days overdue at the first import: a person chooses" in page and "Choose on the triage list" in page
    with tenant(atelier):
        assert not Message.objects.exists() and not Action.objects.exists() and not DailyRun.objects.exists()
        assert Schedule.objects.count() in (0, 4)  # written when the day was certified, not by looking


def test_the_first_hour_is_for_those_who_work_here(atelier: Organization, clerk: Client, house: House) -> None:
    viewer = sign_in(atelier, Role.VIEWER, "vera@atelier.example")
    for address in (STEPS, CONFIRM, ADDRESSES, BOARD):
        assert viewer.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    assert "First steps" not in text(viewer, "/")
    stranger = sign_in(house.organization, Role.OWNER, "owner@elsewhere.example")
    with tenant(atelier):
        ours = make_customer("X1", name="Mairie de Lyon", siren="", kind="unknown")
    answer = stranger.post(CONFIRM, {"customer": [str(ours.pk)], "others": ""})
    assert answer.status_code == 422
    with tenant(atelier):
        assert Customer.objects.get(pk=ours.pk).kind == "unknown"


def test_pages_ask_the_same_questions_however_many_customers(atelier: Organization, clerk: Client) -> None:
    counts: list[list[int]] = []
    for round_ in range(2):
        with tenant(atelier):
            for n in range(1 + 2 * round_):
                late(make_customer(f"M{round_}{n}", name=f"Mairie de Lieu {round_}{n}", siren="", kind="unknown", email=""))
                late(make_customer(f"S{round_}{n}", name=f"Groupe {round_}{n}", siren="999999014", email=""))
                late(make_customer(f"T{round_}{n}", name=f"Groupe {round_}{n}", siren="999999014", email=""))
        found = []
        for address in (STEPS, CONFIRM, f"{CONFIRM}?topic=houses", ADDRESSES):
            with CaptureQueriesContext(connection) as queries:
                assert clerk.get(address).status_code == 200
            found.append(len(queries))
        counts.append(found)
    assert counts[0] == counts[1]


def test_an_asked_run_is_found_by_the_next_tick(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        late(make_customer())
    clerk.post(BOARD)
    assert tick() == 1
    with tenant(atelier):
        assert OrganizationProfile.objects.get().first_steps == {"board": TODAY.isoformat()}
        assert Decimal(Installment.objects.get().outstanding) == Decimal(100)
    Organization.objects.update(suspended_at=NOW)
    refused = clerk.post(BOARD, follow=True).content.decode()
    assert "does not run now" in refused
