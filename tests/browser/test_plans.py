"""The plan editor in a real browser: with the mouse alone, with the keyboard alone, on a telephone, and when somebody else was faster."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from invoices.services import InvoiceDraft, issue_invoice
from scenarios.models import ActionPlan, PlanDraft, PlanVersion
from scenarios.services.plan_drafts import begin_draft, draft_content, set_step_day
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
DESK, TELEPHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def house(live_site: LiveSite) -> Organization:
    """One invoice that follows the standard plan, due in ten days; Anne manages plans."""
    today = clock.today("Europe/Paris")
    organization = open_house()
    user = User.objects.create_user("anne@atelier.example", PASSWORD, name="Anne Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL")
        issued_on, due_on = today - timedelta(days=20), today + timedelta(days=10)
        draft = InvoiceDraft(customer=durand, number="FA-1", issued_on=issued_on, due_on=due_on, gross=Decimal("1200.00"))
        issue_invoice(draft=draft, actor="system", today=today, now=clock.now())
    return organization


def sign_in(page: "Page", site: LiveSite, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]  # a TypedDict
    page.goto(site.url)
    page.locator("input[type=email]").fill("anne@atelier.example")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{site.url}/")


def begun(house: Organization) -> PlanDraft:
    """Anne's draft of the standard plan."""
    with tenant(house):
        user = User.objects.get(email="anne@atelier.example")
        return begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=f"user:{user.pk}", now=clock.now())


def day_of(house: Organization, key: str) -> int:
    with tenant(house):
        return next(step.offset for step in draft_content(PlanDraft.objects.get()).steps if step.key == key)


def fits(page: "Page") -> bool:
    """Whether nothing sticks out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def tab_to(page: "Page", wanted: "Locator", most: int = 150) -> None:
    """Press Tab until it has the focus, which must be seen."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("node => node === document.activeElement"):
            outline = wanted.evaluate("node => { const s = getComputedStyle(node); return s.outlineStyle + s.boxShadow; }")
            assert outline != "nonenone", "the focus is not seen"
            return
    raise AssertionError("the keyboard does not come to it")


def test_a_plan_is_changed_tried_run_dry_and_published_with_the_mouse(
    live_site: LiveSite, house: Organization, browser_page: "Page"
) -> None:
    page = browser_page
    sign_in(page, live_site, DESK)
    with tenant(house):
        plan = ActionPlan.objects.get(key="standard")
    page.goto(f"{live_site.url}/plans/{plan.pk}/")
    page.locator(".page-actions form .button-primary").click()
    page.locator(".plan-board").wait_for()

    # A card is dragged three days on, and says so on the way.
    card = page.locator(".board-step[data-step=r1]")
    per_day = page.evaluate(
        "() => { const board = document.querySelector('.plan-board svg');"
        " return Number(board.dataset.perDay) * board.getBoundingClientRect().width / 1000; }"
    )
    box = card.locator("a").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * per_day, y, steps=8)
    assert card.locator(".board-on").inner_text() == "J+4"
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.mouse.up()
    page.wait_for_function("document.querySelector('#day-r1')?.value === '4'")
    assert day_of(house, "r1") == 4

    # The form opens beside its step; the validator speaks before anything is saved.
    page.locator("#step-r2 a[hx-get]").first.click()
    form = page.locator("#step-r2 .plan-form")
    form.locator(".step-remarks .is-settled").wait_for()
    form.locator("input[name=term_days]").fill("30")
    form.locator(".step-remarks .is-late, .step-remarks .is-soon").first.wait_for()
    form.locator("input[name=term_days]").fill("8")
    form.locator(".step-remarks .is-settled").wait_for()
    form.locator("input[name=days]").fill("6")
    form.locator(".form-actions .button-primary").click()
    page.locator("#step-r2 .plan-step-main p", has_text="6 jours").wait_for()
    assert day_of(house, "r2") == 6
    assert fits(page)

    page.locator("a[href$='/try/']").click()
    page.locator("#find").fill("FA-1")
    page.locator("form.filters button").click()
    page.locator(".table-wrap tbody tr.is-step").first.wait_for()
    page.locator(".crumb").click()
    page.locator("a[href$='/dry-run/']").first.click()
    page.locator("form.filters .button-primary").click()
    page.locator("#dry-run .stats").wait_for()
    page.locator("#dry-run .progress").wait_for(state="detached")
    assert page.locator("#dry-run tbody tr").count() > 0
    page.locator(".crumb").click()
    page.locator("a[href$='/publish/']").click()
    page.locator(".form-actions .button-primary").click()
    page.locator(".toast-success").wait_for()
    with tenant(house):
        assert PlanVersion.objects.filter(plan=plan).count() == 2
        assert not PlanDraft.objects.exists()


def test_a_plan_is_changed_and_published_with_the_keyboard_alone(live_site: LiveSite, house: Organization, browser_page: "Page") -> None:
    page = browser_page
    sign_in(page, live_site, DESK)
    draft = begun(house)
    page.goto(f"{live_site.url}/plans/drafts/{draft.pk}/")
    tab_to(page, page.locator("#day-r1"))
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.locator("#step-r1 .step-day", has_text="J+3").wait_for()
    assert day_of(house, "r1") == 3
    # One goes on from the step that was changed, not from the top.
    assert page.evaluate("document.activeElement.closest('.plan-step')?.id ?? document.activeElement.id") == "step-r1"

    edit = page.locator("#step-r1 a[hx-get]").first
    tab_to(page, edit, most=12)
    page.keyboard.press("Enter")
    days = page.locator("#step-r1 .plan-form input[name=days]")
    days.wait_for()
    tab_to(page, days, most=25)
    page.keyboard.press("Control+A")
    page.keyboard.type("2")
    page.locator("#step-r1 .step-remarks p", has_text="J+2").wait_for()
    page.keyboard.press("Enter")
    page.locator("#step-r1 .step-day", has_text="J+2").wait_for()
    assert day_of(house, "r1") == 2

    page.goto(f"{live_site.url}/plans/drafts/{draft.pk}/")
    tab_to(page, page.locator("a[href$='/publish/']"))
    page.keyboard.press("Enter")
    publish = page.locator(".form-actions .button-primary")
    publish.wait_for()
    tab_to(page, publish)
    page.keyboard.press("Enter")
    page.locator(".toast-success").wait_for()
    with tenant(house):
        assert not PlanDraft.objects.exists()


@pytest.mark.parametrize("size", [DESK, TELEPHONE], ids=["desk", "telephone"])
def test_a_stale_form_is_shown_again_and_overwrites_nothing(
    live_site: LiveSite, house: Organization, chromium: "Browser", size: dict[str, int]
) -> None:
    page = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris").new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    sign_in(page, live_site, size)
    draft = begun(house)
    page.goto(f"{live_site.url}/plans/drafts/{draft.pk}/")
    assert fits(page)
    page.locator("#step-r1 a[hx-get]").first.click()
    form = page.locator("#step-r1 .plan-form")
    form.locator("input[name=days]").fill("9")
    form.locator(".step-remarks p", has_text="J+9").wait_for()
    assert fits(page)
    with tenant(house):
        bruno = User.objects.create_user("bruno@atelier.example", PASSWORD, name="Bruno Roy")
        Membership.objects.create(user=bruno, organization=house, role=Role.OWNER)
        set_step_day(draft_id=draft.pk, revision=draft.revision, key="r1", day=5, actor=f"user:{bruno.pk}", now=clock.now())
    form.locator(".form-actions .button-primary").click()
    page.locator(".error-summary", has_text="Bruno Roy").wait_for()
    assert day_of(house, "r1") == 5
    assert page.locator("input[name=days]").input_value() == "9"  # what was typed is there
    assert page.locator(".plan-changes li").count() == 1
    assert fits(page)
    page.locator(".form-actions .button-primary").click()  # with both in sight, it is decided
    page.locator("#step-r1 .step-day", has_text="J+9").wait_for()
    assert day_of(house, "r1") == 9
    page.context.close()
    assert [line for line in said if "422" not in line] == []  # the refusal itself
