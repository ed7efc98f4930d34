"""Every page of the dashboard: axe finds nothing, and nothing is wider than its screen.

Once on a telephone, in French, whose words are long, by day; once at a desk, in English, by night. The addresses are those of the table of
permissions, so that a new page is looked at without anybody thinking of it; `MORE` has further states of an address. The house has a long
name, a large amount and lists of two hundred rows.
"""

from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from django.db import models

from customers.models import Customer
from dunning.core import clock
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from dunning.dashboard.reports.registry import REPORTS
from invoices.models import Installment, Invoice
from notifications.models import InboundMessage, Message
from tests.api.conftest import NOW, NOWHERE
from tests.api.world import World
from tests.browser_fixtures import LiveSite
from tests.dashboard.conftest import sign_in
from tests.dashboard.permission_table import DOORS
from tests.dashboard.permission_world import address, furnish, patterns, staff
from tests.scenarios.houses import open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
DESK, TELEPHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LONG: Final = "Établissements Réunis du Bâtiment et de la Menuiserie du Sud"  # sixty characters
LARGE: Final = Decimal("1234567.89")
MANY: Final = 200
NO_PAGES: Final = """
progress language many_act_progress invoice_copy invoice_delivery said_file import_progress import_errors import_original mandate_paper
plan_paper plan_export text_rendering message_proof message_html message_letter message_file reply_file letters_print letter_proof_file
report_drawing
"""  # files, parts of a page, and messages as they leave, which are shown in a sheet of their own
OWN_FORMS: Final = """
notices_choose hold imports import triage_all confirm addresses rehearsal instalments plan_new plan_load plan_options plan_step_add
plan_step plan_dry_run plan_publish text working_days look join reply_answer
"""  # the other forms stand alone under a title and are all made of the same parts: they are looked at once
PLAIN_FORMS: Final = {door.name for door in DOORS.values() if door.see and door.act} - set(OWN_FORMS.split())
MORE: Final = {  # further states of an address
    "today-sales": ("sales", "/"),
    "refused": ("sales", "/settings/members/"),
    "nothing": ("owner", f"/invoices/{NOWHERE}/"),
    "found": ("owner", "/search/?q=FA"),
    "found-nothing": ("owner", "/search/?q=zebra"),
    "invoices-overdue": ("owner", "/invoices/?state=overdue&sort=-outstanding&page=2"),
    "customers-second": ("owner", "/customers/?page=2"),
    "messages-second": ("owner", "/messages/?page=2"),
    "inbox-second": ("owner", "/messages/inbox/?page=2"),
    "inbox-trouble": ("owner", "/messages/inbox/?kinds=trouble"),
    "calls-end": ("owner", "/calls/?at=end"),
    "text-letter": ("owner", "/texts/formal_notice/registered/fr/usual/"),
    "sending-letter": ("owner", "/settings/sending/letter/"),
    **{f"report-{key}": ("owner", f"/reports/{key}/") for key in REPORTS if key != "ageing"},
    **{
        f"empty{path.replace('/', '-')}": ("newcomer", path)
        for path in ("/", "/board/", "/invoices/", "/messages/inbox/", "/reports/ageing/")
    },
}
REFUSALS: Final = {(403, MORE["refused"][1]), (404, MORE["nothing"][1])}
FRAME: Final = (".rail", ".topbar", ".bottom-bar")  # the same on every page: judged on Today, in every light and width
REST: Final = "tbody tr:nth-child(n+9)"  # of a list: made as its first eight rows are
RUN: Final = """left => axe.run({exclude: left.filter(one => document.querySelector(one))}, {resultTypes: ["violations"], preload: false})
    .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.html)]))"""
WIDE: Final = """() => {
    const slips = [...document.querySelectorAll(".table-wrap:has(> .table-slips)")];
    const wide = [document.documentElement, ...(window.innerWidth < 640 ? slips : [])].filter(box => box.scrollWidth > box.clientWidth);
    return wide.flatMap(box => [...box.querySelectorAll("*")].filter(node => node.getBoundingClientRect().right > window.innerWidth))
        .map(node => node.outerHTML.slice(0, 120)).slice(0, 5);
}"""


class Town(NamedTuple):
    site: LiveSite
    world: World
    keys: dict[str, str]  # of sessions, by who has them


@pytest.fixture(scope="module")
def town(site_for_module: LiveSite) -> Iterator[Town]:
    """A house with something behind every address and much in its lists, on the 9th of October; a newcomer with nothing yet."""
    with clock.virtual(NOW):
        organization = open_house()
        people = staff(organization)
        world = furnish(organization, people["owner"])
        newcomer = sign_in(open_house(), email="newcomer@elsewhere.example")
        with tenant(organization):
            _fill(world)
    clock.shift((NOW - clock.now()).total_seconds())  # the site's threads live that day too
    keys = {role: client.cookies["sessionid"].value for role, client in {**people, "newcomer": newcomer}.items()}
    yield Town(site_for_module, world, keys)
    clock.shift(0)


def _fill(world: World) -> None:
    Customer.objects.filter(pk=world.ids["customers"]).update(name=LONG, sort_name=LONG.lower())
    Invoice.objects.filter(pk=world.ids["invoices"]).update(gross=LARGE)
    Installment.objects.filter(pk=world.ids["installments"]).update(amount=LARGE, outstanding=LARGE)
    client = Customer.objects.get(number="D0")
    _repeat(client, number="E{}", name="Maison {}", sort_name="maison {}")
    invoices = _repeat(Invoice.objects.get(pk=world.ids["invoices"]), number="FB-{}", customer_id=client.pk)
    item = Installment.objects.get(pk=world.ids["installments"])
    Installment.objects.bulk_create([_copy(item, invoice_id=invoice.pk, customer_id=client.pk) for invoice in invoices])
    reply = InboundMessage.objects.get(pk=world.ids["replies"])
    _repeat(Message.objects.get(pk=world.ids["messages"]), group_key="{}")
    InboundMessage.objects.bulk_create([_copy(reply, event_id=new_id()) for _ in range(MANY)])


def _copy(row: Any, **values: Any) -> Any:
    given = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.generated}
    return type(row)(**{**given, "id": new_id(), **values})


def _repeat(row: models.Model, **values: Any) -> list[Any]:
    """Two hundred more like it; `{}` in a value is their number."""
    numbered = [{name: value.format(n) if isinstance(value, str) else value for name, value in values.items()} for n in range(MANY)]
    return type(row)._default_manager.bulk_create([_copy(row, **one) for one in numbered])


class Walk:
    """Somebody's walk from page to page, and what is wrong on the way."""

    def __init__(self, town: Town, browser: "Browser", tmp_path: Path, *, language: str, scheme: str, size: dict[str, int]) -> None:
        from axe_playwright_python.sync_playwright import Axe

        self.town, self.tmp_path, self.language = town, tmp_path, language
        self.axe = Axe().axe_script
        mode: dict[str, Any] = {"locale": language, "color_scheme": scheme, "viewport": size, "reduced_motion": "reduce"}
        self.context = browser.new_context(timezone_id="Europe/Paris", **mode)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.who = ""
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self._hear(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._hear(str(error)))

    def _hear(self, text: str) -> None:
        if not any(f"status of {status} " in text for status in (403, 404, 422)):  # asked for here
            self.wrong.append(f"{self.page.url}: {text}")

    def open(self, who: str, path: str) -> None:
        if who != self.who:
            self.who = who
            self.context.add_cookies([{"name": "sessionid", "value": self.town.keys[who], "url": self.town.site.url}])
        answer = self.page.goto(self.town.site.url + path, wait_until="domcontentloaded")
        if answer is None or (answer.status, path) not in {(200, path), *REFUSALS}:
            self.wrong.append(f"{path}: {answer and answer.status}")

    def look(self, name: str, *, frame: bool = False) -> None:
        """Judge the page that is open; with `frame`, what is around it as well."""
        self.page.evaluate(self.axe)
        left_out = [REST] if frame else [REST, *FRAME]
        found = self.page.evaluate(RUN, left_out)
        wrong = [f"{rule}: {places}" for rule, places in found]
        if self.page.locator("html").get_attribute("lang") != self.language:
            wrong.append("another language")
        if out := self.page.evaluate(WIDE):
            wrong.append(f"wider than its screen: {out}")
        if wrong:
            self.page.screenshot(path=self.tmp_path / f"{name}.png", full_page=True)
            self.wrong += [f"{name} ({self.page.url}): {text}" for text in wrong]


def addresses(town: Town) -> dict[str, tuple[str, str]]:
    """Who opens which address, by the name of the page."""
    ids, known = town.world.ids | {"notices": town.world.ids["notices of owner"]}, patterns()
    pages = {
        door.name: ("owner", address(known[door.name], ids)) for door in DOORS.values() if door.see and door.name not in NO_PAGES.split()
    }
    return {**pages, **MORE}


def states(walk: Walk) -> Iterator[str]:
    """What pages become when something is done on them; nothing is saved."""
    page = walk.page
    for name in ("invoices", "customers", "messages/inbox"):
        walk.open("owner", f"/{name}/")
        page.locator("#many-form [data-select-all]").check()
        yield f"{name}-ticked"
        page.locator("#many-form button[name=act]").first.click()
        page.wait_for_url("**/many/")
        yield f"{name}-chosen"
    for name in ("payments/record", "settings/members/invite", "plans/new"):
        walk.open("owner", f"/{name}/")
        page.locator("main form").first.evaluate("form => { form.noValidate = true; }")  # so that the product itself refuses
        page.locator("main form .button-primary").first.click()
        page.locator("main .has-error").first.wait_for()
        yield f"{name}-refused"
    walk.open("owner", f"/invoices/{walk.town.world.ids['invoices']}/")
    page.locator("a[href$='/promise/']").first.click()
    page.locator("#act form").wait_for()
    yield "invoice-act"
    walk.open("owner", "/")
    page.locator("details.work-open summary").first.click()
    page.locator("details.work-open form").first.wait_for()
    yield "today-open"


def walk_everywhere(walk: Walk, *, without: Collection[str] = ()) -> list[str]:
    for name, (who, path) in addresses(walk.town).items():
        if name not in without:
            walk.open(who, path)
            walk.look(name)
    for name in states(walk):
        walk.look(name.replace("/", "-"))
    for scheme in ("light", "dark"):
        walk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a word, not a literal
        walk.open("owner", "/")
        walk.page.locator("details[data-menu] > summary:visible").last.click()
        walk.look(f"frame-{scheme}", frame=True)
    walk.context.close()
    return walk.wrong


def test_on_a_telephone_in_french_by_day(town: Town, chromium: "Browser", tmp_path: Path) -> None:
    walk = Walk(town, chromium, tmp_path, language="fr", scheme="light", size=TELEPHONE)
    assert walk_everywhere(walk) == []


def test_at_a_desk_in_english_by_night(town: Town, chromium: "Browser", tmp_path: Path) -> None:
    walk = Walk(town, chromium, tmp_path, language="en", scheme="dark", size=DESK)
    walk.open("owner", "/texts/r1/email/fr/usual/")
    sheet = walk.page.frame_locator("iframe.sheet-frame").locator("body")
    assert sheet.evaluate("node => getComputedStyle(node).color") == "rgb(0, 0, 0)"  # ink on white paper, which axe does not look into
    assert walk_everywhere(walk, without=PLAIN_FORMS) == []
