"""Is this letter ours? The sheet is printed and read back as an image; what it leads to says what it claims, and what it is worth."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pypdfium2
import pytest
import zxingcpp
from django.conf import settings
from django.db import connection
from django.test import Client

from dunning import logs
from dunning.core import bank, clock, documents
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications import dispatcher, letter_codes, outbox, posting, services
from notifications.models import LetterCode, Message
from tests.core.test_bank import NEW, OLD, person
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, open_house
from tests.scenarios.road import pay

MORNING = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
TODAY = date(2026, 10, 5)
pytestmark = pytest.mark.django_db


class Sheet(NamedTuple):
    organization: Organization
    item: Installment
    message: Message
    codes: list[str]  # what the QR codes of the printed sheet say
    path: str

    @property
    def code(self) -> str:
        return self.path.split("/")[2]


@pytest.fixture(autouse=True)
def morning() -> Iterator[clock.VirtualClock]:
    with clock.virtual(MORNING) as now:
        yield now


@pytest.fixture
def sheet() -> Sheet:
    return printed(open_house(default_language="en"))


def printed(organization: Organization, number: str = "C1", **invoice: str) -> Sheet:
    """A letter about one late invoice, printed this morning; its QR codes as a camera sees them."""
    with tenant(organization):
        customer = make_customer(number, name="Durand SARL", language="en")
        item = make_invoice(
            customer, number=f"FA-{number}", amount="1840.25", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), **invoice
        )
        (message,) = outbox.enqueue([a_letter(customer.pk, item)], now=MORNING)
    assert dict(dispatcher.deliver_due(now=MORNING, organization=organization)) == {"to_post": 1}
    return read_back(organization, item, message)


def a_letter(customer_id: object, item: Installment) -> Message:
    return Message(
        customer_id=customer_id, channel="letter", kind="answer", language="en", template_key="r1_letter", planned_on=TODAY, currency="EUR",
        details={"items": [str(item.pk)]},
    )  # fmt: skip


def read_back(organization: Organization, item: Installment, message: Message) -> Sheet:
    with tenant(organization):
        message.refresh_from_db()
        assert message.document is not None
        pages = pypdfium2.PdfDocument(documents.read(message.document))
        codes = [code.text for page in pages for code in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
        words = "".join(page.get_textpage().get_text_range() for page in pages)
    (address,) = [code for code in codes if code.startswith(settings.PUBLIC_BASE_URL)]
    path = address.removeprefix(settings.PUBLIC_BASE_URL)
    assert path.strip("/").removeprefix("v/") in words  # whoever has no camera types it
    return Sheet(organization, item, message, codes, f"{path}/")


def look(path: str, **headers: str) -> tuple[int, str]:
    answer = Client(headers={"accept-language": "en", **headers}).get(path)
    return answer.status_code, re.sub(r"\s+", " ", answer.content.decode().replace("\u00a0", " "))


def test_a_letter_prints_where_to_pay_and_where_to_check_it(sheet: Sheet) -> None:
    (payment,) = [code for code in sheet.codes if code.startswith("BCD")]
    assert len(sheet.codes) == 2
    assert payment.split("\n")[6:8] == [OLD, "EUR1840.25"]
    assert re.fullmatch(r"/v/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/", sheet.path)


def test_whoever_holds_it_reads_what_it_says(sheet: Sheet) -> None:
    status, page = look(sheet.path)
    assert status == 200
    with tenant(sheet.organization):
        name = OrganizationProfile.objects.get().legal_name
    for words in (f"This letter comes from {name}", "5 October 2026", "€1,840.25", "FR20 9999 9000 0100 0000 0001 A82", "01 99 00 12 34"):
        assert words in page
    for words in ("Durand", "FA-C1", "changed"):  # nothing of the debtor, nothing that is not so
        assert words not in page
    assert '<html lang="fr">' in look(f"{sheet.path}?lang=fr")[1]


def test_the_code_is_read_as_people_type_it(sheet: Sheet) -> None:
    plain = sheet.code.replace("-", "").lower()
    for typed in (plain, plain.replace("0", "o").replace("1", "l"), f" {sheet.code} "):
        answer = Client().post("/v/", {"code": typed})
        assert (answer.status_code, answer["Location"]) == (302, sheet.path.rstrip("/"))
    answer = Client(headers={"accept-language": "en"}).post("/v/", {"code": "K7QM"})
    assert answer.status_code == 422 and 'value="K7QM"' in answer.content.decode()
    assert Client().get("/v/").status_code == 200
    assert Client().delete("/v/").status_code == Client().post(sheet.path).status_code == 405


def test_every_code_that_belongs_to_no_letter_is_answered_alike(sheet: Sheet) -> None:
    stranger = printed(open_house())
    with tenant(sheet.organization):
        waiting = a_letter(sheet.message.customer_id, sheet.item)
        waiting.state = "awaiting_approval"
        outbox.enqueue([waiting], now=MORNING)
    guessed = look("/v/0000-0000-0000-0000/")
    assert guessed[0] == 404 and "We know no letter with this code" in guessed[1]
    with tenant(sheet.organization):
        digest = LetterCode.objects.get(message_id=sheet.message.pk).digest
    tried = [look("/v/x/"), look(f"/v/{digest}/"), look(f"/v/{sheet.message.pk}/"), look("/v/a/b/"), look(f"/v/{'é' * 16}/")]
    Organization.objects.filter(pk=stranger.organization.pk).update(suspended_at=MORNING)
    tried.append(look(stranger.path))
    assert tried == [guessed] * len(tried)
    assert look(sheet.path)[0] == 200


def test_guessing_is_limited_and_a_limited_address_learns_nothing(sheet: Sheet) -> None:
    for number in range(20):
        assert look(f"/v/0000-0000-0000-{number:04}/")[0] == 404
    assert look(sheet.path)[0] == 429
    assert Client(REMOTE_ADDR="203.0.113.9").get(sheet.path).status_code == 200


def test_it_is_kept_by_nobody_and_told_to_nobody(sheet: Sheet) -> None:
    for path in (sheet.path, "/v/", "/v/nothing/"):
        answer = Client().get(path)
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert not answer.cookies
    assert sheet.code not in logs.without_links(f"GET {sheet.path} HTTP/1.1")


def test_a_dump_of_the_database_holds_no_code(sheet: Sheet) -> None:
    values = set()
    with connection.cursor() as cursor, tenant(sheet.organization):
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - a name of the catalogue
            values |= {row for (row,) in cursor.fetchall()}
    said = " ".join(values)
    assert str(sheet.message.pk) in said
    assert sheet.code not in said and sheet.code.replace("-", "") not in said
    words = {found for value in values for found in re.findall(r"[A-Za-z0-9-]{16,}", value)}
    assert [word for word in words if letter_codes.find(word) is not None] == []


def test_a_key_that_was_replaced_still_finds_what_was_printed_under_it(sheet: Sheet, settings: object) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"  # type: ignore[attr-defined]
    assert look(sheet.path)[0] == 200
    settings.SECRET_KEY_FALLBACKS = []  # type: ignore[attr-defined]
    assert look(sheet.path)[0] == 404


# --- what became of it ------------------------------------------------------------------------------------------------------------------


def test_part_of_it_paid_then_all_of_it(sheet: Sheet, morning: clock.VirtualClock) -> None:
    morning.advance(hours=1)
    with tenant(sheet.organization):
        pay(sheet.item.customer, "1000.00", "2026-10-06", sheet.item)
    status, page = look(sheet.path)
    assert "Part of it was paid or credited since" in page and "€1,840.25" in page and "840.25" not in page.replace("€1,840.25", "")
    with tenant(sheet.organization):
        pay(sheet.item.customer, "840.25", "2026-10-07", sheet.item)
    status, page = look(sheet.path)
    assert status == 200 and "This letter is settled" in page and "nothing is left to pay" in page


def test_a_letter_withdrawn_before_it_left_is_said_to_be(sheet: Sheet) -> None:
    with tenant(sheet.organization):
        services.withdraw(message_ids=[sheet.message.pk], reason="Paid this morning", actor=CLERK, now=MORNING)
    assert "This letter was withdrawn" in look(sheet.path)[1]


def test_a_posted_letter_stands(sheet: Sheet) -> None:
    with tenant(sheet.organization):
        posting.record_posting(message_id=sheet.message.pk, posted_on=TODAY, tracking_number="", actor=CLERK, now=MORNING)
    assert "This letter comes from" in look(sheet.path)[1]


def change_account(organization: Organization, at: datetime) -> None:
    with tenant(organization):
        claire, paul = person(organization, f"claire{at:%d}"), person(organization, f"paul{at:%d}")
        change = bank.propose_change(iban=NEW, reason="New bank", actor=f"user:{claire.pk}", now=at)
        bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=at)


def test_an_account_that_changed_since_is_said_for_as_long_as_the_letter_lives(sheet: Sheet, morning: clock.VirtualClock) -> None:
    change_account(sheet.organization, MORNING + timedelta(days=3))
    for days in (4, 200):
        morning.set(MORNING + timedelta(days=days))
        page = look(sheet.path)[1]
        assert "Our bank details changed on 8 October 2026, and this letter names the account before: ask us where to pay." in page
        assert "FR20 9999 9000 0100 0000 0001 A82" in page  # what the sheet says, and it says so


def test_a_new_account_is_pointed_out_for_thirty_days(morning: clock.VirtualClock) -> None:
    organization = open_house(default_language="en")
    change_account(organization, MORNING - timedelta(days=2))
    sheet = printed(organization, pay_to_iban=NEW)
    assert "Our bank details changed on 3 October 2026; two people of our house confirmed the change." in look(sheet.path)[1]
    morning.set(MORNING + timedelta(days=28, seconds=1))
    status, page = look(sheet.path)
    assert status == 200 and "changed" not in page and "FR76 3000 6000 0112 3456 7890 189" in page
