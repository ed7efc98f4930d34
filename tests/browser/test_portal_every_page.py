"""Every page of the debtor's page and of the letters' one: axe finds nothing, and nothing is wider than its screen.

Once on a telephone, in French, by day; once on a desk, in English, by night. What is refused is looked at as well as what is asked.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dunning.core import clock, documents
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.portal.registry import ACTS
from invoices.models import Installment
from notifications import letter_codes, mailbox, outbox, services
from notifications.dispatcher import deliver_due
from notifications.enums import PayBy, ProviderKind
from notifications.models import Message
from scenarios.services.answers import send_statement
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer, make_invoice
from tests.fakes.stripe import LIVE_KEY, SIGNING_SECRET, Stripe
from tests.scenarios.houses import CLERK, open_house
from tests.servers import http_service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
NOBODYS = ("gone", "no-link")  # in the browser's language, which is French


class House(NamedTuple):
    organization: Organization
    items: list[Installment]
    path: str  # of the link
    letter: str  # where its letter is checked
    stripe: Stripe


@pytest.fixture
def house(live_site: LiveSite) -> Iterator[House]:
    """A creditor that offers everything, and a debtor with thirty open invoices, two of them late, a statement and a letter."""
    today, now = clock.today("Europe/Paris"), clock.now()
    offers = {"plans_offered": True, "cheques_offered": True, "mandate_scheme": "core", "creditor_identifier": "FR72ZZZ123456"}
    organization, stripe = open_house(**offers), Stripe()
    with http_service(stripe.answer) as service:
        stripe.url = service.url
        with tenant(organization):
            OrganizationProfile.objects.update(legal_name="Établissements Réunis du Bâtiment et de la Menuiserie du Grand Sud")
            services.set_provider(
                channel=PayBy.CARD,
                kind=ProviderKind.STRIPE,
                actor=CLERK,
                now=now,
                settings={"api_url": service.url},
                secrets={"api_key": LIVE_KEY, "signing_secret": SIGNING_SECRET},
            )
            durand = make_customer("C1", name="Durand SARL")
            copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="FA-1.pdf", now=now)
            late = {"issued_on": today - timedelta(days=51), "due_on": today - timedelta(days=21), "document": copy}
            items = [make_invoice(durand, number=f"FA-2026-{number:05}", amount=f"{number}34567.89", **late) for number in (1, 2)]
            for number in range(3, 31):  # a second page
                soon = {"issued_on": today, "due_on": today + timedelta(days=number)}
                make_invoice(durand, number=f"FA-2026-{number:05}", amount=f"{number}40.25", **soon)
            (statement,) = send_statement(customer=durand, actor="system", today=today, now=now)
            letter = Message(
                customer=durand, channel="letter", kind="answer", language="fr", template_key="r1_letter", planned_on=today, currency="EUR",
                details={"items": [str(items[0].pk)]},
            )  # fmt: skip
            outbox.enqueue([letter], now=now)
        deliver_due(now=now, organization=organization)
        with tenant(organization):
            statement.refresh_from_db()
            printed = f"/v/{letter_codes.check_of(letter.pk).address.rpartition('/')[2]}"
            yield House(organization, items, mailbox.page_of(statement), printed, stripe)


def look_at(page: "Page", name: str, tmp_path: Path, language: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name} ({page.url}): {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert page.locator("html").get_attribute("lang") in (language, "fr" if name in NOBODYS else ""), name


@pytest.mark.parametrize(("language", "scheme", "width"), [("fr", "light", 390), ("en", "dark", 1440)])
def test_every_page_is_accessible_and_fits(
    live_site: LiveSite, house: House, chromium: "Browser", tmp_path: Path, language: str, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    context = chromium.new_context(locale="fr-FR", viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # words, not literals
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    for name, path in (("letter", house.letter), ("letter-enter", "/v/"), ("letter-unknown", "/v/0000-0000-0000-0000")):
        page.goto(f"{live_site.url}{path}?lang={language}")
        look_at(page, name, tmp_path, language)
    page.goto(live_site.url + house.path)
    one, both = f"?item={house.items[0].pk}", "&".join(f"item={item.pk}" for item in house.items)
    page.goto(f"{live_site.url}/portal/?lang={language}")
    look_at(page, "page", tmp_path, language)
    for act in ACTS:
        page.goto(f"{live_site.url}/portal/{act.name}/{one}")
        look_at(page, act.name, tmp_path, language)
        page.locator("form.act button").last.click()  # with everything missing
        look_at(page, f"{act.name}-refused", tmp_path, language)
    for name, path in (
        ("second", "?page=2"),
        ("question", f"question/{one}"),
        ("pay", f"pay/{one}"),
        ("pay-each", f"pay/?{both}"),
        ("gone", "nothing/"),
    ):
        page.goto(f"{live_site.url}/portal/{path}")
        look_at(page, name, tmp_path, language)
    page.goto(f"{live_site.url}/portal/pay/?{both}")
    page.locator("main form button").first.click()
    look_at(page, "pay-together", tmp_path, language)
    page.locator("form[action='/portal/pay/card/'] button").click()
    assert page.locator(f"a[href='{list(house.stripe.sessions.values())[-1]['url']}']").is_visible()
    look_at(page, "card", tmp_path, language)
    for back in ("paid", "left"):
        page.goto(f"{page.url.partition('?')[0]}?back={back}")
        look_at(page, f"card-{back}", tmp_path, language)
    page.goto(f"{live_site.url}/portal/direct-debit/")
    page.locator("input[name=iban]").fill("DE89370400440532013000")
    page.locator("form.act button").click()
    look_at(page, "mandate", tmp_path, language)
    page.goto(f"{live_site.url}/portal/instalments/{one}")
    page.locator("form.act button").click()
    look_at(page, "agreement", tmp_path, language)
    page.locator("form.act > button:not([name])").click()
    look_at(page, "agreement-refused", tmp_path, language)
    page.goto(f"{live_site.url}/p/nothing/")
    look_at(page, "no-link", tmp_path, language)
    page.goto(f"{live_site.url}/portal/accepted/{one}")
    page.locator("input[name=tick]").check()
    page.wait_for_timeout(2100)
    page.locator("form.act button").last.click()
    page.wait_for_url(f"{live_site.url}/portal/done/**")
    look_at(page, "done", tmp_path, language)
    context.close()
    assert [line for line in said if "404" not in line and "422" not in line] == []
