"""What who writes a program meets in a browser: a key made and copied, and the documentation of every call."""

from typing import TYPE_CHECKING

import pytest

from dunning.core.enums import Role
from dunning.core.models import ApiKey, Membership, User
from dunning.core.scopes import ApiResource
from tests.browser_fixtures import LiveSite
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture
def claire(live_site: LiveSite) -> User:
    user = User.objects.create_user("claire@atelier.example", PASSWORD, name="Claire Petit")
    Membership.objects.create(user=user, organization=open_house(), role=Role.OWNER)
    return user


def sign_in(page: "Page", site: LiveSite) -> None:
    page.goto(site.url)
    page.locator("input[type=email]").fill("claire@atelier.example")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{site.url}/")


def make_key(page: "Page", site: LiveSite) -> str:
    """Tick two boxes; the key that is shown."""
    page.goto(f"{site.url}/settings/api-keys/new/")
    page.locator("input[name=name]").fill("Sage 100")
    page.locator("input[name=which][value=some]").check()
    page.locator('input[value="customers:read"]').check()
    page.locator('input[value="invoices:write"]').check()
    page.locator("form .button-primary").last.click()
    page.locator(".secret").wait_for()
    return page.locator(".secret .copy").inner_text().split()[0]


def test_a_key_is_made_copied_and_opens(live_site: LiveSite, claire: User, browser_page: "Page") -> None:
    browser_page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_site.url)
    sign_in(browser_page, live_site)
    browser_page.goto(f"{live_site.url}/settings/api-keys/new/")
    assert not browser_page.locator(".scope-boxes").is_visible()  # until “only what I tick” is chosen
    token = make_key(browser_page, live_site)
    browser_page.locator(".secret .copy-button").click()
    browser_page.wait_for_function("token => navigator.clipboard.readText().then((text) => text === token)", arg=token)
    headers = {"Authorization": f"Bearer {token}"}
    assert browser_page.request.get(f"{live_site.url}/api/v1/customers", headers=headers).status == 200
    assert browser_page.request.get(f"{live_site.url}/api/v1/payments", headers=headers).status == 403


def test_a_key_is_made_without_javascript(live_site: LiveSite, claire: User, chromium: "Browser") -> None:
    with chromium.new_context(java_script_enabled=False, locale="en-GB") as context:
        page = context.new_page()
        sign_in(page, live_site)
        assert make_key(page, live_site).startswith("rk_live_")
        assert page.locator(".secret .copy-button").is_hidden()
    assert ApiKey.objects.get().scopes == ["customers:read", "invoices:write"]


def test_every_call_is_documented_on_a_page_of_ours(live_site: LiveSite, browser_page: "Page") -> None:
    fetched: list[str] = []
    browser_page.on("request", lambda request: fetched.append(request.url))
    browser_page.goto(f"{live_site.url}/api/docs")
    browser_page.locator(".opblock-tag").first.wait_for(timeout=60_000)  # the document is made for the first who asks
    assert browser_page.locator(".opblock-tag").count() == len(ApiResource)
    browser_page.locator("#operations-tag-webhooks").click()
    browser_page.locator("#operations-webhooks-createWebhook .opblock-summary-control").click()
    example = browser_page.locator("#operations-webhooks-createWebhook .opblock-section-request-body")
    example.wait_for()
    assert "https://erp.example.com/dunning" in example.inner_text()
    assert [url for url in fetched if not url.startswith((live_site.url, "data:"))] == []
