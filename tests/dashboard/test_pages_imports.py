"""Giving a file, naming its columns, checking, loading and taking it back, as pages; old invoices decided about in bulk."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.dashboard.uploads import MOST_BODY
from invoices import tasks
from invoices.enums import FileState
from invoices.models import ImportBatch, ImportFile, Installment, Invoice, LedgerCoverage
from tests.dashboard.conftest import NOW, TODAY, House, sign_in
from tests.factories import make_customer, make_invoice
from tests.importers.files import bomb
from tests.importers.test_files import SNAPSHOT, archive, lines
from tests.scenarios.houses import open_house

GIVE = "/imports/"


@pytest.fixture
def atelier(db: None) -> Organization:
    """A new tenant: nothing is loaded yet."""
    return open_house()


@pytest.fixture
def clerk(atelier: Organization) -> Iterator[Client]:
    with clock.virtual(NOW):
        yield sign_in(atelier, Role.COLLECTOR, "paul@atelier.example")


def drop(client: Client, content: bytes, name: str = "échéancier.csv", **data: str) -> "ImportFile":
    answer = client.post(GIVE, {"file": [SimpleUploadedFile(name, content)], **data})
    assert answer.status_code == 302, answer.content.decode()
    return ImportFile.objects.get(pk=answer["Location"].rstrip("/").rsplit("/", 1)[-1])


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_a_snapshot_from_the_drop_to_the_result_and_back(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        file = drop(clerk, lines(*SNAPSHOT))
    address = reverse("dashboard:import", args=[file.pk])
    page = text(clerk, address)
    assert "Every column that is needed was found" in page and "Dupont SARL" in page and "15 Jul 26" in page and "recognised" in page
    answer = clerk.post(address, {**_chosen(clerk, address), "act": "check"})
    assert answer.status_code == 302
    waiting = text(clerk, address)
    assert "taken up in a moment" in waiting and '<meta http-equiv="refresh"' in waiting
    assert "import-progress" in text(clerk, reverse("dashboard:import_progress", args=[file.pk]))
    assert tasks.work_forgotten() == 1
    assert clerk.get(reverse("dashboard:import_progress", args=[file.pk]))["HX-Refresh"] == "true"
    checked = text(clerk, address)
    assert "€1,720.50" in checked and "Load 3 rows" in checked and "Receipts are entered until" in checked
    load = reverse("dashboard:import_load", args=[file.pk])
    differs = clerk.post(load, {"control_total": "1 800,00", "ledger_through": TODAY.isoformat()})
    assert differs.status_code == 422 and "a difference of -€79.50" in differs.content.decode()
    assert clerk.post(load, {"control_total": "1720.50", "ledger_through": TODAY.isoformat()}).status_code == 302
    assert tasks.work_forgotten() == 1
    result = text(clerk, address)
    assert "Loaded on 9 October 2026" in result and "Claire Petit" in result and "Decide about invoices" not in result
    with tenant(atelier):
        assert (Invoice.objects.count(), LedgerCoverage.objects.get().through) == (3, TODAY)
        batch = ImportBatch.objects.get()
    history = text(clerk, GIVE)
    assert "échéancier.csv" in history and "Open-items snapshot" in history
    undo = reverse("dashboard:import_undo", args=[batch.pk])
    foreseen = text(clerk, undo)
    assert "3 invoices and credit notes" in foreseen and "2 customers" in foreseen
    assert clerk.post(undo).status_code == 302
    assert "Taken back on 9 October 2026" in text(clerk, address) and "Taken back" in text(clerk, GIVE)
    assert "on its own day only, and once" in text(clerk, undo)
    assert clerk.post(undo).status_code == 422
    with tenant(atelier):
        assert not Invoice.objects.exists()


def _chosen(client: Client, address: str) -> dict[str, str]:
    """What the page's form would send as it stands."""
    form = client.get(address).context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_an_unknown_heading_is_mapped_by_hand(atelier: Organization, clerk: Client) -> None:
    rows = ("Ref;Qui;Quand;Combien", "F1;C1;31/12/2026;80,00", "F2;C1;31/02/2026;80,00")
    with tenant(atelier):
        file = drop(clerk, lines(*rows), "export.csv")
    address = reverse("dashboard:import", args=[file.pk])
    assert "What does this file hold?" in text(clerk, address)
    nothing = clerk.post(address, {**_chosen(clerk, address), "kind": "", "act": "check"})
    assert nothing.status_code == 422 and "This field is required." in nothing.content.decode()
    clerk.post(address, {**_chosen(clerk, address), "kind": "invoices"})
    page = text(clerk, address)
    assert "Say which column holds: Invoice number, Customer number, Invoice date, Amount, VAT included." in page
    missing = clerk.post(address, {**_chosen(clerk, address), "act": "check"})
    assert missing.status_code == 422 and "A column is missing" in missing.content.decode()
    columns = {f"column-{place}": name for place, name in enumerate(("number", "customer", "issued_on", "gross"))}
    twice = clerk.post(address, {**_chosen(clerk, address), **columns, "column-3": "number", "act": "check"})
    assert "Two columns are given" in twice.content.decode()
    clerk.post(address, {**_chosen(clerk, address), **columns, "act": "check"})
    tasks.work_forgotten()
    checked = text(clerk, address)
    assert "<mark>31/02/2026</mark>" in checked and "does not exist in the calendar" in checked and "load the other rows" in checked
    errors = clerk.get(reverse("dashboard:import_errors", args=[file.pk]))
    assert errors["Content-Disposition"].startswith("attachment") and b"error_reason" in errors.content
    assert clerk.get(reverse("dashboard:import_original", args=[file.pk])).content == lines(*rows)
    load = reverse("dashboard:import_load", args=[file.pk])
    refused = clerk.post(load)
    assert refused.status_code == 422 and "More than one row in twenty" in refused.content.decode()
    assert "kind" in _chosen(clerk, f"{address}?columns=1")  # the columns can still be changed
    clerk.post(load, {"accept_errors": "on"})
    tasks.work_forgotten()
    assert "Loaded on" in text(clerk, address)
    late = clerk.post(load, follow=True).content.decode()
    assert "Check the file first" in late


BAD = [
    ("leer.csv", b"", "The submitted file is empty."),
    ("facture.exe", b"MZ\x00\x01\x02" * 200, "full of control characters"),
    ("table.xls", b"\xd0\xcf\x11\xe0 x", "This is a XLS file"),
    ("deux.zip", b"PK\x03\x04 nothing", "The archive is damaged"),
    ("vide.zip", archive(**{"lisez.txt": b"bonjour"}), "There is no PDF file among these"),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[name for name, _content, _words in BAD])
def test_what_cannot_be_loaded_is_said_beside_the_field(
    atelier: Organization, clerk: Client, name: str, content: bytes, words: str
) -> None:
    answer = clerk.post(GIVE, {"file": [SimpleUploadedFile(name, content)]})
    assert answer.status_code == 422 and words in answer.content.decode()
    with tenant(atelier):
        assert not ImportFile.objects.exists()


def test_a_bomb_is_defused_and_a_flood_not_even_kept(
    atelier: Organization, clerk: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bomb(tmp_path_factory.mktemp("bomb") / "b.xlsx", 150).read_bytes()
    answer = clerk.post(GIVE, {"file": [SimpleUploadedFile("b.xlsx", content)]})
    assert answer.status_code == 422 and "built to overflow" in answer.content.decode()
    flood = clerk.post(GIVE, {"file": [SimpleUploadedFile("big.csv", b"x" * (MOST_BODY + 1))]})
    assert flood.status_code == 422 and "larger than 50 MB" in flood.content.decode()
    two = clerk.post(GIVE, {"file": [SimpleUploadedFile(f"{n}.csv", b"a;b\n1;2\n") for n in range(2)]})
    assert two.status_code == 422 and "one at a time" in two.content.decode()
    assert "Choose a file first." in clerk.post(GIVE, {}).content.decode()


def test_copies_are_dropped_together(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        make_invoice(make_customer(), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    files = [SimpleUploadedFile("FA-1.pdf", b"%PDF-1 x"), SimpleUploadedFile("FA-2.pdf", b"%PDF-1 y")]
    answer = clerk.post(GIVE, {"file": files})
    tasks.work_forgotten()
    page = text(clerk, answer["Location"])
    assert "FA-2.pdf" in page and "no invoice has this number" in page and "Load one row" in page
    clerk.post(answer["Location"] + "load/", {"accept_errors": "on"})
    tasks.work_forgotten()
    with tenant(atelier):
        assert Invoice.objects.get().document is not None


def test_a_file_is_set_aside(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        file = drop(clerk, lines(*SNAPSHOT))
    assert "In hand" in text(clerk, GIVE)
    said = clerk.post(reverse("dashboard:import_discard", args=[file.pk]), follow=True).content.decode()
    assert "is set aside; nothing of it was loaded" in said and "In hand" not in said
    with tenant(atelier):
        assert ImportFile.objects.get().state == FileState.DISCARDED


def test_those_who_work_load_files_and_strangers_find_none(atelier: Organization, clerk: Client, house: House) -> None:
    with tenant(atelier):
        file = drop(clerk, lines(*SNAPSHOT))
    names = ("import", "import_progress", "import_errors", "import_original")
    addresses = [GIVE, "/triage/", *(reverse(f"dashboard:{name}", args=[file.pk]) for name in names)]
    viewer = sign_in(atelier, Role.VIEWER, "vera@atelier.example")
    stranger = sign_in(house.organization, Role.OWNER, "owner@elsewhere.example")
    for address in addresses:
        assert viewer.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    for address in addresses[2:]:
        assert stranger.get(address).status_code == 404
    for name in ("import_load", "import_discard", "import"):
        assert stranger.post(reverse(f"dashboard:{name}", args=[file.pk])).status_code == 404
        assert viewer.post(reverse(f"dashboard:{name}", args=[file.pk])).status_code == 403
    assert viewer.post(GIVE, {"file": [SimpleUploadedFile("a.csv", b"a;b\n1;2\n")]}).status_code == 403


def test_lists_ask_the_same_questions_however_long_they_are(
    atelier: Organization, clerk: Client, django_assert_num_queries: object
) -> None:
    counts = []
    for round_ in range(2):
        with tenant(atelier):
            for n in range(1 + 2 * round_):
                ImportBatch.objects.create(kind="invoices", filename=f"f{round_}{n}.csv", sha256="x", actor="system", loaded_at=NOW)
                old = make_customer(f"C{round_}{n}")
                for _ in range(1 + 2 * round_):
                    item = make_invoice(old, issued_on=date(2026, 1, 1), due_on=date(2026, 2, 1))
                    Installment.objects.filter(pk=item.pk).update(triage="waiting")
        counts.append([_queries(clerk, address) for address in (GIVE, "/triage/")])
    assert counts[0] == counts[1]


def _queries(client: Client, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_old_invoices_are_decided_about_in_bulk(atelier: Organization, clerk: Client) -> None:
    with tenant(atelier):
        people = [make_customer(f"C{n}", name=f"Client {n} " + "x" * 50) for n in range(3)]
        items = []
        for customer in people:
            for n in range(2):
                due_on = TODAY - timedelta(days=100 + n)
                item = make_invoice(customer, number=f"{customer.number}-{n}", amount="1234567.89", issued_on=due_on, due_on=due_on)
                items.append(item)
        Installment.objects.update(triage="waiting")
    page = text(clerk, "/triage/")
    assert "6 invoices of 3 customers, €7,407,407.34" in page
    nothing = clerk.post("/triage/", {"act": "chase"}, follow=True).content.decode()
    assert "No invoice was ticked" in nothing
    said = clerk.post("/triage/", {"act": "chase", "customer": [str(people[0].pk)], "item": [str(items[2].pk)]}, follow=True)
    assert "3 invoices, €3,703,703.67: Chase." in said.content.decode()
    clerk.post("/triage/", {"act": "litigation", "customer": [str(people[2].pk)]})
    with tenant(atelier):
        decided = dict(Installment.objects.values_list("invoice__number", "triage"))
    assert decided == {
        "C0-0": "chase", "C0-1": "chase", "C1-0": "chase", "C1-1": "waiting", "C2-0": "litigation", "C2-1": "litigation",
    }  # fmt: skip
    assert "Litigation" in text(clerk, "/triage/?choice=litigation")
    clerk.post("/triage/?choice=litigation", {"act": "write_off", "item": [str(items[4].pk)]})
    with tenant(atelier):
        assert Installment.objects.get(pk=items[4].pk).triage == "write_off"
        assert Installment.objects.filter(triage="write_off").get().outstanding == Decimal("1234567.89")
