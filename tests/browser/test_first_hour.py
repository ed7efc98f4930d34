"""A new tenant's first hour in a real browser: from the open items of its accounting to the first ten messages it approves."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from customers.models import Contact, Customer
from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, OrganizationProfile, User
from dunning.core.services import SUPERVISED_DAYS
from dunning.core.tenancy import tenant
from invoices import tasks
from invoices.models import ImportFile, Installment, Invoice, LedgerCoverage
from notifications.models import Message
from scenarios.tasks import run
from tests.browser.test_dashboard import PASSWORD, sign_in
from tests.browser_fixtures import LiveSite
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
HEADING = "Compte;Intitulé;Jal;Pièce;Date;Échéance;Débit;Crédit;Solde;Let;Libellé"
HOUSES = 12


@pytest.fixture
def newcomer(live_site: LiveSite) -> Organization:
    """An organization set up a minute ago, open every day, and its owner."""
    organization = open_house(working_days=[0, 1, 2, 3, 4, 5, 6], holiday_country="")
    user = User.objects.create_user("claire@atelier.example", PASSWORD, name="Claire Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    with tenant(organization):
        OrganizationProfile.objects.update(supervised_until=clock.today("Europe/Paris") + timedelta(days=SUPERVISED_DAYS))
    return organization


def snapshot(today: date) -> bytes:
    """Twelve houses and a town hall three weeks late, an old debt, a person; 2 398,50 in all."""
    rows = [HEADING]
    due, old = today - timedelta(days=21), today - timedelta(days=120)
    for n in range(HOUSES):
        rows.append(_row(f"411H{n}", f"Maison {n} & Fils SARL", f"FA-{n}", due, f"{100 + n},00"))
    rows.append(_row("411MAI", "Mairie de Saint-Exemple", "FA-M", due, "1 000,00"))
    rows.append(_row("411OLD", "Ancienne Maison SAS", "FA-O", old, "77,00"))
    rows.append(_row("411PER", "Mme Roux Julie", "FA-P", due, "55,50"))
    return ("\n".join(rows) + "\n").encode("cp1252")


def _row(account: str, name: str, number: str, due: date, amount: str) -> str:
    issued = due - timedelta(days=30)
    return f"{account};{name};VE;{number};{issued:%d/%m/%Y};{due:%d/%m/%Y};{amount};;{amount};;"


def test_the_first_hour(live_site: LiveSite, newcomer: Organization, browser_page: "Page") -> None:
    page, today = browser_page, clock.today("Europe/Paris")
    sign_in(page, live_site)
    page.locator(".notice a[href='/first-steps/']").click()
    assert page.locator("[data-work]").count() == 9 and page.locator(".badge-settled").count() == 0

    # the open items: dropped, checked, compared, loaded
    page.locator("a[href='/imports/?kind=open_items']").last.click()
    _drop(page, snapshot(today))
    page.wait_for_url("**/imports/*-*/")
    assert page.locator("select[name=kind]").input_value() == "open_items"
    assert page.locator("select[name=encoding]").input_value() == "cp1252"
    assert "Maison 0 & Fils SARL" in page.locator("table").first.inner_text()
    page.locator("select[name=column-10]").select_option("")  # the label is not wanted; the page says so at once
    page.locator("tr:has(select[name=column-10]) td:last-child:empty").wait_for(state="attached")
    page.locator("button[value=check]").click()
    page.locator("#import-progress").wait_for()
    assert tasks.work_forgotten() == 1
    page.locator("input[name=control_total]").wait_for()  # the page noticed by itself
    page.locator("input[name=control_total]").fill("2 398,50")
    page.locator("input[name=ledger_through]").fill(today.isoformat())
    page.locator("main form .button-primary").last.click()
    page.locator("#import-progress").wait_for()
    tasks.work_forgotten()
    page.locator(".notice-settled").wait_for()
    with tenant(newcomer):
        assert (Invoice.objects.count(), LedgerCoverage.objects.get().through) == (HOUSES + 3, today)

    # old debts
    page.goto(f"{live_site.url}/triage/")
    page.locator("input[name=customer]").check()
    page.locator("button[value=litigation]").click()
    page.locator(".toast-success").wait_for()

    # who they are
    for topic in ("public", "consumer", "business"):
        page.goto(f"{live_site.url}/first-steps/customers/?topic={topic}")
        page.locator("main form .button-primary").click()
        page.locator(".toast-success").wait_for()
    with tenant(newcomer):
        kinds = dict(Customer.objects.values_list("number", "kind"))
        assert (kinds["411MAI"], kinds["411PER"], kinds["411H0"]) == ("public", "consumer", "business")

    # addresses from a spreadsheet
    page.goto(f"{live_site.url}/first-steps/addresses/")
    pasted = [f"411H{n}\tcompta@maison{n}.example" for n in range(HOUSES)]
    page.locator("textarea[name=text]").fill("\n".join([*pasted, "411PER\tjulie@", "411MAI\tfactures@saint-exemple.example"]))
    page.locator("button[value=look]").click()
    page.locator("button[value=add]").click()
    page.locator(".toast-success").wait_for()
    with tenant(newcomer):
        assert Contact.objects.count() == HOUSES + 1

    # what would leave, and the first run
    page.goto(f"{live_site.url}/first-steps/board/")
    page.locator("main form .button-primary").click()
    page.wait_for_url("**/board/")
    run(organization_id=str(newcomer.pk))
    page.reload()
    assert page.locator("input[name=message]").count() >= HOUSES
    page.locator("button[value=approve_first]").click()
    page.locator(".toast-success").wait_for()
    with tenant(newcomer):
        assert Message.objects.filter(state="queued").count() == 10
        assert Installment.objects.get(invoice__number="FA-O").triage == "litigation"
        assert not Message.objects.filter(customer__number="411OLD").exists()

    # a test to oneself is what is left, and an address nobody knows; the list says so
    page.goto(f"{live_site.url}/first-steps/")
    left = page.locator("[data-work]:not(.is-settled) a.work-title")
    assert [left.nth(n).get_attribute("href") for n in range(left.count())] == [
        "/first-steps/addresses/",
        "/settings/sending/email/test/",
    ]


def _drop(page: "Page", content: bytes) -> None:
    """Drop a file on the form, as a hand would."""
    transfer = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "échéancier clients.csv", {type: "text/csv"})); return data; }""",
        list(content),
    )
    form = page.locator("form[data-drop]")
    form.dispatch_event("dragover", {"dataTransfer": transfer})
    form.dispatch_event("drop", {"dataTransfer": transfer})


def test_a_file_is_given_and_loaded_without_javascript(live_site: LiveSite, newcomer: Organization, browser_page: "Page") -> None:
    browser = browser_page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    page = context.new_page()
    page.set_default_timeout(30_000)
    sign_in(page, live_site)
    page.goto(f"{live_site.url}/imports/")
    rows = b"Ref;Qui;Quand;Combien\nF1;C1;31/12/2026;80,00\n"
    page.locator("input[type=file]").set_input_files(files=[{"name": "export.csv", "mimeType": "text/csv", "buffer": rows}])
    page.locator("main form .button-primary").click()
    page.locator("select[name=kind]").select_option("invoices")
    page.locator("button[value=look]").click()
    for place, name in enumerate(("number", "customer", "issued_on", "gross")):
        page.locator(f"select[name=column-{place}]").select_option(name)
    page.locator("button[value=check]").click()
    tasks.work_forgotten()
    page.locator("main form .button-primary").last.wait_for()  # the page was loaded anew by itself
    page.locator("main form .button-primary").last.click()
    tasks.work_forgotten()
    page.locator(".notice-settled").wait_for()
    context.close()
    with tenant(newcomer):
        assert Invoice.objects.get().number == "F1" and ImportFile.objects.get().state == "loaded"
