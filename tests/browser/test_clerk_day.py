"""A clerk's day: at a desk without touching the mouse, and on a telephone with a thumb."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from customers.models import Customer
from dunning.core import clock, documents
from dunning.core.enums import Channel, Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.models import Dispute, Installment, Promise
from notifications.enums import MessageState
from notifications.models import InboundMessage, Message
from scenarios import outside
from scenarios.models import Task, TaskAttempt
from tests.browser.test_dashboard import PASSWORD, sign_in
from tests.browser.test_plans import tab_to
from tests.browser_fixtures import LiveSite
from tests.factories import make_customer, make_invoice
from tests.notifications.mailroom import write
from tests.scenarios.houses import open_house
from tests.scenarios.road import pdf

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


class House(NamedTuple):
    organization: Organization
    items: dict[str, Installment]  # by customer number
    letter: Message


@pytest.fixture
def house(live_site: LiveSite) -> House:
    """Three customers to ring, one statement to approve, a reply of nobody's, a registered letter to post."""
    today, now = clock.today("Europe/Paris"), clock.now()
    organization = open_house()
    user = User.objects.create_user("claire@atelier.example", PASSWORD, name="Claire Petit")
    Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
    items = {}
    with tenant(organization):
        for number, name, days in (("C1", "Durand SARL", 40), ("C2", "Lefèvre & Fils", 20), ("C3", "Menuiserie Roux", 10)):
            customer = make_customer(number, name=name, phone="+33199001234")
            due_on = today - timedelta(days=days)
            items[number] = make_invoice(customer, number=f"FA-{number}", issued_on=due_on - timedelta(days=30), due_on=due_on)
            Task.objects.create(kind="call", customer=customer, opened_on=today, due_on=today, amount=items[number].amount, currency="EUR")
        asked = {"kind": "answer", "template_key": "account_statement", "for_clerk": True, "actor": "system", "today": today, "now": now}
        outside.write(customer=customer, items=[items["C3"].pk], **asked)
        said = {"channel": Channel.EMAIL, "kind": "human", "sender": "compta@durand.example", "said": "Pouvez-vous renvoyer la facture ?"}
        InboundMessage.objects.create(event_id=new_id(), received_at=now, subject="Votre facture", text=said["said"], **said)
        printed = documents.store(content=pdf(), media_type="application/pdf", filename="lettre.pdf", now=now)
        given = {"document": printed, "print_document": printed, "planned_on": today, "template_key": "formal_notice"}
        letter = write(customer, channel=Channel.REGISTERED, state=MessageState.TO_POST, **given)
    return House(organization, items, letter)


@contextmanager
def page_of(browser: "Browser", **device: Any) -> Iterator["Page"]:
    """A page on that device, which logs no error but the refusals that are asked for."""
    context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris", **device)
    page = context.new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert [line for line in said if "422" not in line] == []


@pytest.fixture
def desk(chromium: "Browser") -> Iterator["Page"]:
    with page_of(chromium, viewport={"width": 1440, "height": 900}) as page:
        yield page


@pytest.fixture
def telephone(chromium: "Browser") -> Iterator["Page"]:
    """Held in a hand: 390 pixels wide, touched."""
    with page_of(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        yield page


def press(page: "Page", wanted: "Locator") -> None:
    """Walk there with Tab, and press Enter."""
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def has_focus(wanted: "Locator") -> bool:
    return bool(wanted.evaluate("node => node === document.activeElement"))


def expect_focus(wanted: "Locator") -> None:
    """What a key or an answer leads to has the focus, or gets it within moments."""
    from playwright.sync_api import expect

    expect(wanted).to_be_focused()


def type_day(page: "Page", day: date) -> None:
    """Into the field of a day that has the focus, as Chromium set to English takes it."""
    page.keyboard.type(f"{day:%m%d%Y}")


def test_a_day_at_the_desk_without_a_mouse(live_site: LiveSite, house: House, desk: "Page") -> None:
    page, today = desk, clock.today("Europe/Paris")
    sign_in(page, live_site)
    walk_the_queue(page, house)
    approve(page, house)
    page.goto(f"{live_site.url}/calls/")
    ring(page, house, today)
    read_and_join(page, live_site, house)
    open_and_decide(page, live_site, house)
    print_and_post(page, live_site, house, today)


def walk_the_queue(page: "Page", house: House) -> None:
    """`j` and `k` go from row to row; Enter opens one, which is finished in its place, and one goes on from there."""
    work = page.locator("[data-work]:has(.work-open)")
    last = work.filter(has_text="Menuiserie Roux").locator(".work-open > summary")
    for _row in range(page.locator("[data-work]").count()):
        page.keyboard.press("j")
        if has_focus(last):
            break
    page.keyboard.press("Enter")
    page.locator("article.call").wait_for()
    page.keyboard.press("Tab")  # the number
    page.keyboard.press("Tab")  # the outcomes, whose ring is drawn around the whole of one
    ring = page.locator("label.outcome:has(:focus-visible)").evaluate("node => getComputedStyle(node).boxShadow")
    assert ring != "none"
    for _other in range(6):  # no answer
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".work-done:focus:not(.htmx-added)").wait_for()  # htmx gives the focus when what it put there has settled
    page.keyboard.press("k")
    expect_focus(work.filter(has_text="Lefèvre & Fils").locator(".work-open > summary"))
    with tenant(house.organization):
        attempt = TaskAttempt.objects.get()
        assert (attempt.task.customer, attempt.outcome) == (house.items["C3"].customer, "no_answer")


def approve(page: "Page", house: House) -> None:
    """What waits is looked at once more in a dialog, which gives the focus back."""
    press(page, page.locator(".board-actions .button-primary"))
    page.wait_for_url("**/board/")
    opener = page.locator(".approve-actions .button-primary")
    press(page, opener)
    confirm = page.locator("dialog[open] .button-primary")
    confirm.wait_for()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    expect_focus(opener)
    page.keyboard.press("Enter")
    press(page, confirm)
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        assert Message.objects.get(template_key="account_statement").state == "queued"


def ring(page: "Page", house: House, today: date) -> None:
    """Digits choose an outcome and lead to what it asks for; `s` sends the confirmation, `n` leaves a call for later."""
    heading = page.locator("h1")
    assert heading.inner_text() == "Durand SARL"
    page.keyboard.press("1")
    expect_focus(page.locator("article.call input[name=date]"))
    type_day(page, today + timedelta(days=5))
    page.keyboard.press("Enter")
    page.locator("#confirm").wait_for()
    assert heading.inner_text() == "Lefèvre & Fils"
    page.keyboard.press("s")
    page.locator("#confirm").wait_for(state="detached")
    page.locator(".toast-success").wait_for()
    assert heading.inner_text() == "Lefèvre & Fils"
    page.keyboard.press("n")
    page.locator("h1", has_text="Menuiserie Roux").wait_for()
    page.keyboard.press("n")
    page.wait_for_url("**/calls/?at=end")
    press(page, page.locator("main a.button"))
    page.wait_for_url("**/calls/?at=*-*")
    page.keyboard.press("6")
    tab_to(page, page.locator("article.call select[name=reason]"), most=3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    press(page, page.locator("article.call form button[type=submit]"))
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        assert Promise.objects.get().promised_for == today + timedelta(days=5)
        assert Dispute.objects.get().installment == house.items["C2"]
        confirmation = Message.objects.get(customer__number="C1")
        assert (confirmation.template_key, confirmation.state) == ("call_follow_up", "queued")
        assert set(Task.objects.filter(kind="call", state="done").values_list("customer__number", flat=True)) == {"C1", "C2"}


def read_and_join(page: "Page", live_site: LiveSite, house: House) -> None:
    """A reply is read, joined to its customer, answered as it was looked at, and dealt with."""
    page.goto(f"{live_site.url}/messages/inbox/")
    press(page, page.locator("tbody th a"))
    page.wait_for_url("**/messages/inbox/*-*/")
    press(page, page.locator("a[href$='/join/']"))
    field = page.locator("main form input[name=customer]")
    field.wait_for()
    expect_focus(field)
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    page.locator(".has-error input[name=customer]").wait_for()
    expect_focus(field)  # what was refused is what one goes on with
    page.keyboard.press("Control+A")
    page.keyboard.type("C1")
    page.keyboard.press("Enter")
    page.locator(".toast-success").wait_for()
    page.keyboard.press("a")
    words = page.locator("main textarea[name=text]")
    words.wait_for()
    expect_focus(words)
    page.keyboard.press("Control+End")
    page.keyboard.type("La voici.")
    press(page, page.locator("main button[value=look]"))
    look = page.locator("main form pre")
    look.wait_for()
    assert look.inner_text().startswith("Bonjour,\n\nLa voici.\n\nBien cordialement,")
    page.keyboard.press("s")
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        reply = InboundMessage.objects.get()
        assert reply.handled_at is not None and reply.customer == Customer.objects.get(number="C1")
        answer = reply.answers.get()
        assert (answer.state, answer.recipient, answer.details["words"]) == (MessageState.QUEUED, reply.sender, "Bonjour,\n\nLa voici.")


def open_and_decide(page: "Page", live_site: LiveSite, house: House) -> None:
    """An act opens in place and one is in it; so does the decision."""
    item = house.items["C3"]
    page.goto(f"{live_site.url}/invoices/{item.invoice_id}/")
    press(page, page.locator(f"a[href='/items/{item.pk}/dispute/']"))
    page.locator("#act select[name=reason]:focus").wait_for()
    page.keyboard.press("ArrowDown")
    press(page, page.locator("#act button[type=submit]"))
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        dispute = Dispute.objects.get(installment=item)
    press(page, page.locator(f"a[href='/disputes/{dispute.pk}/close/']"))
    page.locator("#act input[name=outcome]:focus").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    chosen = page.locator("#act input[name=outcome]:checked").get_attribute("value")
    page.keyboard.press("Enter")
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        dispute.refresh_from_db()
        assert dispute.state == chosen


def print_and_post(page: "Page", live_site: LiveSite, house: House, today: date) -> None:
    """The letters are printed in one file; what went to the post office is ticked, with its number."""
    page.goto(f"{live_site.url}/letters/")
    printing = page.locator("a[href='/letters/print/']")
    tab_to(page, printing)
    answer = page.request.get(live_site.url + str(printing.get_attribute("href")))
    assert answer.body().startswith(b"%PDF-")
    tab_to(page, page.locator("tbody input[type=checkbox]"))
    page.keyboard.press("Space")
    tab_to(page, page.locator("tbody input[type=text], tbody input.input"), most=3)
    page.keyboard.type("1A 234 567 8901 2")
    page.keyboard.press("Enter")
    page.locator(".toast-success").wait_for()
    with tenant(house.organization):
        house.letter.refresh_from_db()
        assert (house.letter.posted_on, house.letter.tracking_number.replace(" ", "")) == (today, "1A23456789012")


def tap(page: "Page", wanted: "Locator") -> None:
    """Tap it; what is tapped is as large as a fingertip asks for, and in sight."""
    wanted.scroll_into_view_if_needed()
    box = wanted.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= 24, (wanted, box)
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, (wanted, box)
    wanted.tap()


def test_an_hour_on_the_way_with_a_thumb(live_site: LiveSite, house: House, telephone: "Page") -> None:
    page, today = telephone, clock.today("Europe/Paris")
    sign_in(page, live_site)
    first = page.locator("details.work-open summary").first
    tap(page, first)
    card = page.locator("article.call")
    card.wait_for()
    tap(page, card.locator("label.outcome", has=page.locator("input[value=promise]")))
    card.locator("input[name=date]").fill((today + timedelta(days=5)).isoformat())
    tap(page, card.locator("form button[type=submit]"))
    page.locator(".work-done").wait_for()
    with tenant(house.organization):
        assert Promise.objects.count() == 1

    tap(page, page.locator(".bottom-bar a[href='/messages/']"))
    page.wait_for_url("**/messages/")
    tap(page, page.locator("main a[href='/messages/inbox/']"))
    tap(page, page.locator("tbody th a"))
    page.wait_for_url("**/messages/inbox/*-*/")
    tap(page, page.locator("a[href$='/join/']"))
    page.locator("main form input[name=customer]").fill("C1")
    tap(page, page.locator("main form .button-primary"))
    tap(page, page.locator("form[action$='/handled/'] button"))
    page.wait_for_url("**/messages/inbox/")

    tap(page, page.locator(".bottom-bar a[href='/messages/']"))
    tap(page, page.locator("main a[href='/board/']"))
    page.wait_for_url("**/board/")
    for tick in page.locator("table input[name=message]").all():
        tick.tap()
    tap(page, page.locator(".approve button[value=approve]"))
    page.locator(".toast-success").wait_for()

    tap(page, page.locator(".bottom-bar details summary"))
    tap(page, page.locator(".bottom-bar .menu-item").first)
    page.wait_for_load_state()
    with tenant(house.organization):
        assert not Message.objects.filter(state="awaiting_approval").exists()
        assert InboundMessage.objects.get().handled_at is not None
