"""Paying, agreeing and signing in a real browser, on a telephone: with a script and without, in both languages, whatever is typed."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import zxingcpp
from PIL import Image

from customers.models import Mandate
from dunning.core import bank, clock, documents
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice, PaymentPlan
from invoices.references import creditor_reference
from notifications import mailbox
from notifications.dispatcher import deliver_due
from scenarios.services.answers import send_statement
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser
IBAN = "FR7630006000011234567890189"
PHONE = {"width": 390, "height": 844}


class House(NamedTuple):
    organization: Organization
    items: list[Installment]
    path: str


@pytest.fixture
def house(live_site: LiveSite) -> House:
    """A creditor that offers everything, whose account is new, and a debtor with three late invoices."""
    today, now = clock.today("Europe/Paris"), clock.now()
    organization = open_house(plans_offered=True, cheques_offered=True, mandate_scheme="core", creditor_identifier="FR72ZZZ123456")
    people = []
    for name in ("claire", "denis"):
        user = User.objects.create_user(f"{name}@atelier.example", "correct horse battery", name=name.title())
        Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
        people.append(f"user:{user.pk}")
    with tenant(organization):
        OrganizationProfile.objects.update(legal_name="Établissements Réunis du Bâtiment et de la Menuiserie du Grand Sud")
        change = bank.propose_change(iban=IBAN, holder="Établissements Réunis", reason="Nouvelle banque", actor=people[0], now=now)
        bank.confirm_change(change_id=change.pk, actor=people[1], now=now)
        durand = make_customer("C1", name="Durand SARL")
        copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="FA-1.pdf", now=now)
        late = {"issued_on": today - timedelta(days=51), "due_on": today - timedelta(days=21), "pay_to_iban": ""}
        items = [
            make_invoice(durand, number=f"FA-2026-0000{number}", amount=amount, document=copy, **late)
            for number, amount in ((1, "1234567.89"), (2, "300.00"), (3, "45.50"))
        ]
        for invoice in Invoice.objects.all():
            Invoice.objects.filter(pk=invoice.pk).update(payment_reference=creditor_reference(invoice.number))
        (message,) = send_statement(customer=durand, actor="system", today=today, now=now)
    deliver_due(now=now, organization=organization)
    with tenant(organization):
        message.refresh_from_db()
        return House(organization, items, mailbox.page_of(message))


def phone(chromium: "Browser", **options: object) -> "BrowserContext":
    return chromium.new_context(locale="fr-FR", viewport=PHONE, timezone_id="Europe/Paris", **options)  # type: ignore[arg-type]  # options passed on


def scan(page: "Page", path: Path) -> list[str]:
    """The lines of the code on screen, read from a photograph of it."""
    page.locator(".qr").screenshot(path=path)
    (found,) = zxingcpp.read_barcodes(Image.open(path))
    return str(found.text).split("\n")


def test_paying_with_a_telephone(live_site: LiveSite, house: House, chromium: "Browser", tmp_path: Path) -> None:
    context = phone(chromium)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_site.url)
    page = context.new_page()
    page.goto(live_site.url + house.path)
    page.locator("input[name=item]").nth(1).check()
    page.locator("input[name=item]").nth(2).check()
    page.locator("button[formaction='/portal/pay/']").first.click()
    assert "345,50" in page.locator("h1").inner_text()
    assert "Établissements Réunis" in page.locator(".coordinates").inner_text() and page.locator(".transfer .notice").is_visible()
    lines = scan(page, tmp_path / "code.png")
    assert lines[6:8] == [IBAN, "EUR345.50"] and lines[9].startswith("RF")
    page.locator(".copy").first.click()
    page.locator(".copy", has_text="Copié").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == IBAN
    context.close()


def test_without_a_script_no_button_promises_a_copy(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    context = phone(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(live_site.url + house.path)
    page.goto(f"{live_site.url}/portal/pay/?item={house.items[1].pk}")
    assert page.locator(".copy").count() == 3 and not page.locator(".copy").first.is_visible()
    assert page.locator(".qr svg").is_visible()
    context.close()


def test_agreeing_to_instalments_without_a_script(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    context = phone(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(live_site.url + house.path)
    page.locator("input[name=item]").nth(1).check()
    page.locator("button[formaction='/portal/instalments/']").first.click()
    page.locator("input[name=count][value='2']").check()
    page.locator("input[name=gap][value=month]").check()
    page.locator("form.act button").click()
    assert "150,00" in page.locator(".paper").inner_text() and "2240" in page.locator(".paper").inner_text()
    page.locator("input[name=name]").fill("Anne Durand")
    page.locator("input[name=tick]").check()
    page.wait_for_timeout(2100)
    page.locator("form.act > button:not([name])").click()
    page.wait_for_url(f"{live_site.url}/portal/done/**")
    with tenant(house.organization):
        plan = PaymentPlan.objects.get()
        assert (plan.amount, plan.signatory) == (Decimal(300), "Anne Durand")
    page.goto(f"{live_site.url}/portal/")
    with page.expect_download() as saved:
        page.locator(f"a[href='/portal/agreement/{plan.pk}/']").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF-")
    context.close()


def test_signing_a_mandate_after_a_slip_of_the_finger(live_site: LiveSite, house: House, chromium: "Browser") -> None:
    context = phone(chromium)
    page = context.new_page()
    page.goto(live_site.url + house.path)
    page.goto(f"{live_site.url}/portal/pay/")
    page.locator("button.choice").click()
    page.locator("a[href='/portal/direct-debit/']").click()
    page.locator("input[name=iban]").fill("FR76 3000 1007 9412 3456 7890 186")
    page.locator("form.act button").click()
    assert page.locator(".error").is_visible() and page.locator("input[name=iban]").input_value().endswith("186")
    page.locator("input[name=iban]").fill("FR76 3000 1007 9412 3456 7890 185")
    page.locator("form.act button").click()
    page.locator("input[name=name]").fill("Anne Durand")
    page.locator("input[name=tick]").check()
    page.wait_for_timeout(2100)
    page.locator("form.act > button:not([name])").click()
    page.wait_for_url(f"{live_site.url}/portal/done/**")
    assert "7941 2345" not in page.content() and "30001007" not in page.content()
    with tenant(house.organization):
        assert Mandate.objects.get().iban_masked.endswith("0185")
    context.close()
