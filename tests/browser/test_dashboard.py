"""A clerk's morning in a real browser: sign in, approve, open a message, record a call in place."""

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.models import Task
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture
def house(live_site: LiveSite) -> Organization:
    """Today: a statement waits for approval, and Durand is to be called about an invoice three weeks late."""
    from scenarios import outside

    today, now = clock.today("Europe/Paris"), clock.now()
    organization = open_house()
    user = User.objects.create_user("claire@atelier.example", PASSWORD, name="Claire Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL", phone="+33199001234")
        issued = today - timedelta(days=51)
        item = make_invoice(durand, number="FA-1", issued_on=issued, due_on=issued + timedelta(days=30))
        Task.objects.create(kind="call", customer=durand, opened_on=today, due_on=today, amount=item.amount, currency="EUR")
        outside.write(
            customer=durand,
            kind="answer",
            template_key="account_statement",
            items=[item.pk],
            for_clerk=True,
            actor="system",
            today=today,
            now=now,
        )
    return organization


def sign_in(page: "Page", site: LiveSite) -> None:
    page.goto(site.url)
    page.locator("input[type=email]").fill("claire@atelier.example")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{site.url}/")


def test_sign_in_approve_all_and_read_the_message(live_site: LiveSite, house: Organization, browser_page: "Page") -> None:
    sign_in(browser_page, live_site)
    browser_page.locator(".board-actions .button-primary").click()
    browser_page.locator("table tbody th a").first.click()
    frame = browser_page.frame_locator("iframe.sheet-frame")
    assert "FA-1" in frame.locator("body").inner_text()
    browser_page.go_back()
    browser_page.locator(".approve-actions .button-primary").click()
    browser_page.locator("dialog[open] .button-primary").click()
    browser_page.locator(".toast-success").wait_for()
    with tenant(house):
        assert Message.objects.get().state == "queued"


def test_only_what_is_ticked_is_approved(live_site: LiveSite, house: Organization, browser_page: "Page") -> None:
    with tenant(house):
        Message.objects.update(amount=Decimal("1200.00"), currency="EUR")
    sign_in(browser_page, live_site)
    browser_page.goto(f"{live_site.url}/board/")
    approve = browser_page.locator(".approve button[value=approve]")
    assert approve.is_disabled()
    browser_page.locator("table input[name=message]").check()
    assert browser_page.locator(".approve-count").inner_text() == "1 sélectionné, 1\u202f200,00\u00a0€"
    approve.click()
    browser_page.locator(".toast-success").wait_for()
    with tenant(house):
        assert Message.objects.get().state == "queued"


def test_a_call_is_recorded_without_leaving_the_page(live_site: LiveSite, house: Organization, browser_page: "Page") -> None:
    sign_in(browser_page, live_site)
    browser_page.keyboard.press("j")
    browser_page.locator("details.work-open summary").click()
    card = browser_page.locator("article.call")
    card.wait_for()
    assert "01\u00a099\u00a000\u00a012\u00a034" in card.inner_text()
    day = card.locator("input[type=date]")
    assert not day.is_visible()
    card.locator("input[value=promise]").check()
    card.locator("form button[type=submit]").click()
    browser_page.locator(".field.has-error input[type=date]").wait_for()
    promised = clock.today("Europe/Paris") + timedelta(days=5)
    browser_page.locator(".field.has-error input[type=date]").fill(promised.isoformat())
    browser_page.locator("article.call form button[type=submit]").click()
    browser_page.locator(".work-done").wait_for()
    assert browser_page.url == f"{live_site.url}/"
    with tenant(house):
        task = Task.objects.get(kind="call")
        assert (task.state, task.outcome) == ("done", "promise")


def test_an_act_opens_in_place_and_is_noted(live_site: LiveSite, house: Organization, browser_page: "Page") -> None:
    from invoices.models import Hold, Invoice

    sign_in(browser_page, live_site)
    with tenant(house):
        invoice = Invoice.objects.get()
        item = invoice.installments.get()
    browser_page.goto(f"{live_site.url}/invoices/{invoice.pk}/")
    browser_page.locator(f"a[href='/items/{item.pk}/hold/']").click()
    form = browser_page.locator("#act form")
    form.wait_for()
    form.locator("input[name=reason]").fill("Closed for a week")
    form.locator("button[type=submit]").click()
    browser_page.locator(".toast-success").wait_for()
    with tenant(house):
        placed = Hold.objects.get()
        today: date = clock.today("Europe/Paris")
        assert (placed.reason, placed.ends_on) == ("Closed for a week", today + timedelta(days=7))
