"""The customer file: created, corrected, linked."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from customers.models import Contact, Customer
from customers.services import confirm_kind
from customers.signals import customer_changed
from dunning.core import search
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from invoices.importers.customers import CustomerLoader
from invoices.importers.report import Report
from tests.factories import make_organization
from tests.importers.files import NOW, TODAY, counts, run, text_file, workbook

pytestmark = pytest.mark.django_db
HEADING = "Code client,Raison sociale,SIREN,Groupe,E-mail,Téléphone,Conditions de règlement,Encours autorisé,Payeur,Ville"


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def _load(organization: Organization, path: Path, *rows: str) -> Report:
    return run(CustomerLoader(), text_file(path / "clients.csv", HEADING, *rows, encoding="cp1252"), organization)


ROWS = (
    'C1,Hôtel de l’Œuvre,999 999 014,Grands comptes,compta@hotel.example,01 99 00 12 34,45 jours fin de mois,"12 000,00",,Lyon',
    'C2,"Dupont, Fils",,Grands comptes,"a@dupont.example; b@dupont.example",,,,C1,Paris',
    "C3,Martin,,,,,,,,",
)


def test_customers_are_created_with_contacts_groups_terms_and_payers(organization: Organization, tmp_path: Path) -> None:
    assert counts(_load(organization, tmp_path, *ROWS)) == (3, 0, 0, 0)
    with tenant(organization):
        one, two, three = Customer.objects.select_related("group", "payer").order_by("number")
        assert (one.name, one.siren, one.kind, one.payment_days, one.payment_end_of_month, one.credit_limit, one.city) == (
            "Hôtel de l’Œuvre", "999999014", "business", 45, "after", Decimal("12000.00"), "Lyon",
        )  # fmt: skip
        assert one.group is not None and (one.group.key, one.group.name) == ("grands-comptes", "Grands comptes")
        assert (two.name, two.payer, three.kind) == ("Dupont, Fils", one, "unknown")
        assert list(Contact.objects.filter(customer=two).order_by("position").values_list("email", flat=True)) == [
            "a@dupont.example",
            "b@dupont.example",
        ]
        assert Contact.objects.get(customer=one).phone == "+33199001234"
        assert set(search.find(kind="customer", query="oeuvre")) == {one.pk}
    assert counts(_load(organization, tmp_path, *ROWS)) == (0, 0, 3, 0)


def test_what_changed_is_updated_and_a_new_address_comes_first(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, *ROWS)
    changed = ROWS[0].replace("compta@hotel.example", "nouveau@hotel.example").replace("Lyon", "")
    assert counts(_load(organization, tmp_path, changed, ROWS[1], "C3,Martin SA,,,,,,,,")) == (0, 2, 1, 0)
    with tenant(organization):
        one, three = Customer.objects.get(number="C1"), Customer.objects.get(number="C3")
        assert (one.city, three.name) == ("Lyon", "Martin SA")  # an empty cell says nothing
        emails = Contact.objects.filter(customer=one).order_by("position").values_list("email", flat=True)
        assert list(emails) == ["nouveau@hotel.example", "compta@hotel.example"]


def test_a_payer_changed_by_a_file_is_told_and_kept_in_the_trail(organization: Organization, tmp_path: Path) -> None:
    _load(organization, tmp_path, *ROWS)
    heard: list[tuple[str, list[UUID]]] = []

    def hear(sender: object, *, customer_ids: list[UUID], reason: str, **_rest: object) -> None:
        heard.append((reason, customer_ids))

    customer_changed.connect(hear)
    try:
        assert counts(_load(organization, tmp_path, "C3,Martin,,,,,,,C1,")) == (0, 1, 0, 0)
    finally:
        customer_changed.disconnect(hear)
    with tenant(organization):
        three = Customer.objects.get(number="C3")
        assert three.payer is not None and three.payer.number == "C1"
        assert ("payer", [three.pk]) in heard
        assert AuditEvent.objects.get(action="customers.linked", object_id=str(three.pk)).body["links"] == [["C3", "payer", "C1"]]
    assert counts(_load(organization, tmp_path, "C3,Martin,,,,,,,C1,")) == (0, 0, 1, 0)


def test_a_number_three_times_is_refused_on_every_line(organization: Organization, tmp_path: Path) -> None:
    report = _load(organization, tmp_path, "C1,Un,,,,,,,,", "C1,Un,,,,,,,,", "C1,Un bis,,,,,,,,")
    assert counts(report) == (0, 0, 0, 3)
    with tenant(organization):
        assert not Customer.objects.exists()


def test_bad_rows_and_impossible_links_are_refused(organization: Organization, tmp_path: Path) -> None:
    report = _load(
        organization,
        tmp_path,
        "C1,Un,123456789,,,,,,,",
        "C2,Deux,,,pas une adresse,,,,,",
        "C3,,,,,,,,,",
        "C4,Quatre,,,,,,,C9,",
        "C5,Cinq,,,,,,,C5,",
        "C6,Six,,,,,,,,",
        "C6,Six bis,,,,,,,,",
        "C7,Sept,,,,,,,C8,",
        "C8,Huit,,,,,,,C10,",
        "C10,Dix,,,,,,,,",
    )
    assert counts(report) == (1, 0, 0, 9)
    with tenant(organization):
        assert list(Customer.objects.values_list("number", flat=True)) == ["C10"]


def test_a_workbook_keeps_its_numbers_as_codes(organization: Organization, tmp_path: Path) -> None:
    path = workbook(tmp_path / "clients.xlsx", ["Customer number", "Name", "Postal code"], [411001, "Essai", "01000"])
    assert counts(run(CustomerLoader(), path, organization)) == (1, 0, 0, 0)
    with tenant(organization):
        assert list(Customer.objects.values_list("number", "postal_code")) == [("411001", "01000")]


def test_one_address_written_twice_makes_one_contact(organization: Organization, tmp_path: Path) -> None:
    row = "B1;X;Compta@ex.example, compta@EX.example paul@ex.example"
    for expected in ((1, 0, 0, 0), (0, 0, 1, 0)):
        assert counts(run(CustomerLoader(), text_file(tmp_path / "c.csv", "n° client;nom;e-mail", row), organization)) == expected
    with tenant(organization):
        emails = Contact.objects.filter(customer__number="B1").order_by("position").values_list("email", flat=True)
        assert list(emails) == ["Compta@ex.example", "paul@ex.example"]


def _phones() -> dict[str, str]:
    return dict(Contact.objects.filter(is_active=True).values_list("customer__number", "phone"))


def test_a_local_number_is_read_in_the_country_of_its_customer(organization: Organization, tmp_path: Path) -> None:
    heading = "n° client;nom;pays;téléphone;e-mail"
    path = text_file(
        tmp_path / "c.csv",
        heading,
        "B1;Bruxelles SA;BE;0475 12 34 56;a@b.example",
        "F1;Lyon SA;;06 99 00 12 34;",
        "B2;Gand;Belgique;;g@b.example",
        "B3;Anvers;BE;+33 6 99 00 12 34;",
    )
    assert counts(run(CustomerLoader(), path, organization)) == (4, 0, 0, 0)
    with tenant(organization):
        assert _phones() == {"B1": "+32475123456", "F1": "+33699001234", "B2": "", "B3": "+33699001234"}
    later = text_file(tmp_path / "d.csv", "n° client;nom;téléphone", "B2;Gand;0475 12 34 57", "B1;Bruxelles SA;0475 12 34 56")
    assert counts(run(CustomerLoader(), later, organization)) == (0, 1, 1, 0)
    with tenant(organization):
        assert _phones()["B2"] == "+32475123457"


def test_a_number_that_is_none_refuses_its_row_on_every_line_that_says_the_same(organization: Organization, tmp_path: Path) -> None:
    rows = ["B1;Bruxelles SA;BE;12", "B1;Bruxelles SA;BE;12", "B2;Gand;BE;0475 12 34 56"]
    report = run(CustomerLoader(), text_file(tmp_path / "c.csv", "n° client;nom;pays;téléphone", *rows), organization)
    assert counts(report) == (1, 0, 0, 2)
    assert [(line, problem.column) for line, problem in report.problems] == [(2, "téléphone"), (3, "téléphone")]


def test_a_kind_that_a_person_confirmed_stays_and_the_report_says_so(organization: Organization, tmp_path: Path) -> None:
    heading = "n° client;nom;type de client"
    assert counts(run(CustomerLoader(), text_file(tmp_path / "c.csv", heading, "C7;Jeanne Dubois;", "C8;Midi;"), organization)) == (
        2,
        0,
        0,
        0,
    )
    with tenant(organization):
        confirm_kind(customer=Customer.objects.get(number="C7"), kind="consumer", actor="user:claire", today=TODAY, now=NOW)
    nightly = text_file(tmp_path / "d.csv", heading, "C7;Jeanne Dubois;entreprise", "C8;Midi;entreprise")
    report = run(CustomerLoader(), nightly, organization)
    assert (counts(report), report.notes) == (
        (0, 1, 1, 0),
        ["1 customer stays what a person confirmed, though its row says another kind."],
    )
    married = text_file(tmp_path / "e.csv", heading, "C7;Jeanne Petit;entreprise")
    assert counts(run(CustomerLoader(), married, organization)) == (0, 1, 0, 0)
    with tenant(organization):
        assert list(Customer.objects.order_by("number").values_list("name", "kind")) == [("Jeanne Petit", "consumer"), ("Midi", "business")]
