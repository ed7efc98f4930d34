"""A debtor's minute in a real browser: from the e-mail the local post office kept to what the plan makes of the answer."""

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from customers.models import Contact
from dunning.core import clock, documents
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration, Installment, Promise
from notifications import mailbox
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Schedule
from scenarios.services.answers import send_statement
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
PAGES = ("", "?page=2", "promise/", "question/", "dispute/", "paid/", "accepted/", "document/")


class House(NamedTuple):
    organization: Organization
    item: Installment
    message: Message
    path: str


@pytest.fixture
def house(live_site: LiveSite) -> House:
    """Durand has thirty open invoices, one of them three weeks late, and was sent a statement just now."""
    today, now = clock.today("Europe/Paris"), clock.now()
    organization = open_house()
    user = User.objects.create_user("claire@atelier.example", PASSWORD, name="Claire Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    with tenant(organization):
        OrganizationProfile.objects.update(legal_name="Établissements Réunis du Bâtiment et de la Menuiserie du Grand Sud")
        durand = make_customer("C1", name="Durand SARL")
        Contact.objects.update(name="Mme Durand")
        copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="FA-1.pdf", now=now)
        late = {"issued_on": today - timedelta(days=51), "due_on": today - timedelta(days=21)}
        item = make_invoice(durand, number="FA-2026-00001", amount="1234567.89", purchase_order="CDE-7781", document=copy, **late)
        for number in range(2, 31):
            soon = {"issued_on": today, "due_on": today + timedelta(days=number)}
            make_invoice(durand, number=f"FA-2026-{number:05}", amount=f"{number}40.25", **soon)
        (message,) = send_statement(customer=durand, actor="system", today=today, now=now)
    deliver_due(now=now, organization=organization)
    with tenant(organization):
        message.refresh_from_db()
        return House(organization, item, message, mailbox.page_of(message))


def sign_in(page: "Page", site: LiveSite) -> None:
    page.goto(site.url)
    page.locator("input[type=email]").fill("claire@atelier.example")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{site.url}/")


def test_from_the_email_to_the_plan(live_site: LiveSite, house: House, browser_page: "Page") -> None:
    page = browser_page
    sign_in(page, live_site)
    page.goto(f"{live_site.url}/messages/{house.message.pk}/")
    frame = page.frame_locator("iframe.sheet-frame")
    assert frame.get_by_role("link", name="Voir et répondre en ligne").is_visible()
    page.locator(f"form[action$='{house.message.pk}/page/'] button").click()
    page.wait_for_url(f"{live_site.url}/portal/")
    assert page.locator(".creditor").inner_text().startswith("Établissements Réunis")
    page.locator("input[name=item]").first.check()
    page.locator("button[formaction='/portal/promise/']").first.click()
    assert "FA-2026-00001" in page.locator(".about").inner_text()
    promised = clock.today("Europe/Paris") + timedelta(days=5)
    page.locator("input[name=promised_for]").fill(promised.isoformat())
    page.wait_for_timeout(2100)
    page.locator("form.act button").click()
    page.wait_for_url(f"{live_site.url}/portal/done/**")
    assert "FA-2026-00001" in page.locator(".words").inner_text()
    with tenant(house.organization):
        made = Promise.objects.get()
        assert (made.installment_id, made.promised_for, made.source) == (house.item.pk, promised, "portal")
        assert Schedule.objects.get(installment=house.item).reason == "promised"
    page.goto(f"{live_site.url}/invoices/{house.item.invoice_id}/")
    act = page.locator("details[hx-get*='/said/']").first
    act.locator("summary").click()
    act.locator("pre").wait_for()
    assert "FA-2026-00001" in act.locator("pre").inner_text()


def test_without_javascript_and_in_a_hurry(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    context = chromium.new_context(java_script_enabled=False, locale="fr-FR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(live_site.url + house.path)
    assert page.url == f"{live_site.url}/portal/"
    page.locator("button[formaction='/portal/accepted/']").first.click()
    page.locator("input[name=tick]").check()
    page.locator("form.act button").click()  # at once
    assert page.locator("[role=alert]").is_visible() and page.locator("input[name=tick]").is_checked()
    page.wait_for_timeout(2100)
    page.locator("form.act button").click()
    page.wait_for_url(f"{live_site.url}/portal/done/**")
    with tenant(house.organization):
        assert (Declaration.objects.count(), DebtorAct.objects.count()) == (1, 1)
    context.close()


def test_a_program_that_presses_every_button_does_nothing(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    """Reliability C7: a scanner with a browser of its own follows the link and presses whatever can be pressed, at once and later."""
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(live_site.url + house.path)
    assert page.locator("button").count() == 13  # above and below the list, and the copies
    for number in range(6):
        page.goto(f"{live_site.url}/portal/")
        page.locator("button").nth(number).click()
        address = page.url
        for inner in range(page.locator("button, a.choice").count()):
            page.goto(address)
            page.wait_for_timeout(2100 if inner % 2 else 0)
            page.locator("button, a.choice").nth(inner).click()
            page.wait_for_load_state()
    with tenant(house.organization):
        assert (Declaration.objects.count(), DebtorAct.objects.count()) == (0, 0)
    context.close()


def test_the_link_is_nowhere_after_a_whole_journey(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    """Reliability C8: neither in a page, nor in an address, nor told to anybody as where the visitor came from."""
    token = house.path.split("/")[2]
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers}") if house.path not in request.url else None)
    page.goto(live_site.url + house.path)
    seen = [page.content()]
    for path in PAGES:
        page.goto(f"{live_site.url}/portal/{path}")
        seen.append(page.content() + page.url)
    page.goto(f"{live_site.url}/portal/nothing/")
    seen.append(page.content())
    assert len(sent) > len(PAGES)
    assert not any(token in text for text in (*sent, *seen))
    assert all("referer" not in text or "/p/" not in text for text in sent)
    context.close()
