"""Links: who may open a page, and that nothing which is kept opens one."""

import email
import email.policy
import io
import logging
import logging.config
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from customers import portal_access
from customers.models import Contact, PortalToken, PortalVisit
from customers.services import deactivate_contact, update_contact
from dunning import logs
from dunning.core import clock, documents, limits
from dunning.core.enums import Role
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.portal.access import MISSES_WITHIN
from notifications import freezing, receipts
from notifications.dispatcher import deliver_due
from notifications.models import InboundMessage, Message, ProviderAccount
from notifications.providers import mime
from notifications.providers.post_office import MAIL
from tests.dashboard.conftest import sign_in
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, link_in, opened, owe, remind
from tests.scenarios.houses import CLERK, open_house

LATER = {"actor": CLERK, "today": TODAY, "now": NOW}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def token_of(debt: Debt) -> str:
    return debt.path.split("/")[2]


def refused(path: str, **headers: str) -> tuple[int, bytes]:
    answer = Client(headers={"accept-language": "en"}).get(path, headers=headers)
    assert answer.status_code != 302
    return answer.status_code, answer.content


# --- what leaves, and what is kept --------------------------------------------------------------------------------------------------


def test_what_leaves_holds_the_link_and_what_is_kept_does_not(debt: Debt) -> None:
    token = token_of(debt)
    envelope = freezing.sealed(debt.message)
    assert len(token) == 43 and token != portal_access.MASK
    assert (
        envelope.text.count(f"{settings.PUBLIC_BASE_URL}/p/{token}/") == envelope.html.count(f"{settings.PUBLIC_BASE_URL}/p/{token}/") == 1
    )
    assert token.encode() in mime.write(envelope).replace(b"=\r\n", b"")
    assert envelope.text.replace(token, portal_access.MASK) == debt.message.body_text
    with tenant(debt.organization):
        assert freezing.is_intact(Message.objects.get(pk=debt.message.pk))
        debt.message.link_digest = "0" * 64
        assert not freezing.is_intact(debt.message)  # the hash covers which link it was


def answered(debt: Debt) -> None:
    """The debtor answers as mail programs do: our message quoted, broken at 76 characters, and attached as it came."""
    sent = freezing.sealed(debt.message)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = debt.contact.email, sent.reply_to, f"Re: {sent.subject}"
    mail["Message-ID"], mail["In-Reply-To"] = "<answer@client.example>", sent.header_id
    quoted = "\n".join(f"> {part}" for line in sent.text.splitlines() for part in textwrap.wrap(line, 74, break_on_hyphens=False) or [""])
    mail.set_content(f"We pay on Friday.\n\n{quoted}\n", cte="8bit")
    mail.add_alternative(sent.html, subtype="html")
    mail.add_attachment(email.message_from_bytes(mime.write(sent), policy=email.policy.default))
    with tenant(debt.organization):
        account = ProviderAccount.objects.get(is_active=True, channel="email")
        event = receipts.keep_local(account=account, key="answer", headers={"content-type": MAIL}, body=mail.as_bytes(), now=NOW)
        assert receipts.apply_one(organization_id=debt.organization.pk, event_id=event.pk, now=NOW) == "applied"


def test_a_dump_of_the_database_holds_no_working_link(debt: Debt) -> None:
    """Every value of every table: neither the token, nor anything that opens a page when it is tried as one."""
    answered(debt)
    token, values = token_of(debt), set()
    with connection.cursor() as cursor, tenant(debt.organization):
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - a name of the catalogue
            values |= {row for (row,) in cursor.fetchall()}
    assert not any(token in value for value in values)
    with tenant(debt.organization):
        reply = InboundMessage.objects.get()
        assert reply.text.count(portal_access.MASK) == 1 and "We pay on Friday." in reply.said
        assert not any(token.encode() in documents.read(file.document) for file in reply.files.all())
    hidden = {bytes.fromhex(found).decode("latin-1") for value in values for found in re.findall(r"\\\\x([0-9a-f]{80,})", value)}
    assert hidden and not any(token[:20] in value for value in hidden)
    tried = {found for value in values for found in re.findall(r"[A-Za-z0-9_-]{32,}", value)}
    assert debt.message.link_digest in tried and portal_access.MASK in tried
    assert [word for word in tried if portal_access.find_link(word, now=NOW) is not None] == []


def test_staff_never_see_a_working_link(debt: Debt) -> None:
    owner = sign_in(debt.organization)
    for path in (f"/messages/{debt.message.pk}/", f"/messages/{debt.message.pk}/content/"):
        page = owner.get(path)
        assert token_of(debt) not in page.content.decode()


def test_the_link_of_another_rendering_for_the_same_contact_stays(debt: Debt) -> None:
    with tenant(debt.organization):
        link = portal_access.new_link(
            message_id=debt.message.pk,
            customer_id=debt.customer.pk,
            contact_id=debt.contact.pk,
            items=[debt.item.pk],
            earlier=True,
            now=NOW,
        )
        assert link.digest == debt.message.link_digest
        other = Contact.objects.create(customer=debt.customer, name="Mme Roy", email="roy@client.example")
        link = portal_access.new_link(
            message_id=debt.message.pk, customer_id=debt.customer.pk, contact_id=other.pk, items=[debt.item.pk], earlier=True, now=NOW
        )
        portal_access.save_links([link], now=NOW)
    assert link.generation == 2
    assert refused(debt.path)[0] == 404


def test_a_key_that_was_replaced_still_opens_what_left_under_it(debt: Debt, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert opened(debt.path).get("/portal/").status_code == 200
    assert debt.path in freezing.sealed(debt.message).text  # and what waits under it still leaves with the same link
    settings.SECRET_KEY_FALLBACKS = []
    assert refused(debt.path)[0] == 404
    assert portal_access.MASK in freezing.sealed(debt.message).text


# --- who may open -----------------------------------------------------------------------------------------------------------------------


def test_every_link_that_does_not_serve_is_answered_alike(debt: Debt) -> None:
    guessed = refused(f"/p/{'A' * 43}/")
    assert guessed[0] == 404
    answers = [refused(f"/p/{portal_access.MASK}/"), refused("/p/x/"), refused("/p/" + "é" * 40), refused(f"/p/{debt.message.link_digest}")]
    PortalToken.objects.update(expires_at=NOW)
    answers.append(refused(debt.path))
    PortalToken.objects.update(expires_at=NOW + timedelta(days=1), revoked_at=NOW)
    answers.append(refused(debt.path))
    PortalToken.objects.update(revoked_at=None)
    Organization.objects.update(suspended_at=NOW)
    answers.append(refused(debt.path))
    answers += [refused("/portal/"), refused("/portal/nothing/"), refused("/p/")]
    assert answers == [guessed] * len(answers)
    assert b"Atelier" not in guessed[1] and b"Dunning" not in guessed[1]


def test_an_open_page_closes_when_its_link_ends(visitor: Client, debt: Debt) -> None:
    assert visitor.get("/portal/").status_code == 200
    PortalToken.objects.update(revoked_at=NOW)
    assert visitor.get("/portal/").status_code == 404


def test_a_contact_with_another_address_or_put_away_has_no_link(debt: Debt) -> None:
    with tenant(debt.organization):
        update_contact(contact=debt.contact, name="Mme Roy", **LATER)
    assert Client().get(debt.path).status_code == 302
    with tenant(debt.organization):
        update_contact(contact=debt.contact, email="roy@client.example", **LATER)
    assert refused(debt.path)[0] == 404
    again = owe(debt.organization, "C2", "FA-2")
    with tenant(debt.organization):
        deactivate_contact(contact=again.contact, **LATER)
    assert refused(again.path)[0] == 404


def test_a_link_serves_ninety_days_after_the_last_step_and_a_year_at_most(debt: Debt, at_noon: clock.VirtualClock) -> None:
    made = debt.message.frozen_at
    assert made is not None
    assert PortalToken.objects.get().expires_at == made + timedelta(days=90)
    with tenant(debt.organization):
        portal_access.slide([debt.contact.pk], now=made + timedelta(days=60))
    assert PortalToken.objects.get().expires_at == made + timedelta(days=150)
    at_noon.set(made + timedelta(days=149))
    assert Client().get(debt.path).status_code == 302
    for days in (140, 220, 300, 364):
        with tenant(debt.organization):
            portal_access.slide([debt.contact.pk], now=made + timedelta(days=days))
    assert PortalToken.objects.get().expires_at == made + timedelta(days=365)


def test_whoever_is_signed_in_elsewhere_sees_the_debtors_page_all_the_same(debt: Debt) -> None:
    clerk = sign_in(open_house(), Role.OWNER, "somebody@else.example")
    assert clerk.get(debt.path).status_code == 302
    assert clerk.get("/portal/").status_code == 200


def test_each_sees_its_own(debt: Debt) -> None:
    neighbour, stranger = owe(debt.organization, "C2", "FA-2"), owe(open_house(), "C1", "FA-3")
    for other in (neighbour, stranger):
        browser = opened(other.path)
        assert "FA-1" not in browser.get("/portal/").content.decode()
        assert browser.get(f"/portal/file/{debt.item.pk}/").status_code == 404
        assert "FA-1" not in browser.get(f"/portal/received/?item={debt.item.pk}").content.decode()


def test_who_is_neither_accounting_nor_management_sees_what_it_was_sent(debt: Debt) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-9", issued_on=TODAY, due_on=TODAY + timedelta(days=30))
    assert "FA-9" in opened(debt.path).get("/portal/").content.decode()
    with tenant(debt.organization):
        Contact.objects.update(role="purchasing")
    page = opened(debt.path).get("/portal/").content.decode()
    assert "FA-1" in page and "FA-9" not in page and "The invoices we wrote to you about" in page


def test_a_program_that_opens_links_is_known_and_is_evidence_of_nothing(debt: Debt, at_noon: clock.VirtualClock) -> None:
    Client().head(debt.path)
    Client(headers={"user-agent": "SafeLinks scanner"}).get(debt.path)
    Client().get(debt.path)
    opened(debt.path).get("/portal/")
    with tenant(debt.organization):
        sent = Message.objects.get(pk=debt.message.pk)
        signs = list(PortalVisit.objects.order_by("pk").values_list("machine", flat=True))
        assert (sent.state, signs) == ("accepted", ["head", "named", "no_cookie", ""])
    assert "portal" not in Client().head(debt.path).cookies


def test_at_once_is_a_machine(debt: Debt) -> None:
    with tenant(debt.organization):
        Message.objects.update(accepted_at=NOW - timedelta(seconds=30))
    opened(debt.path).get("/portal/")
    with tenant(debt.organization):
        assert PortalVisit.objects.get().machine == "at_once"


# --- limits, headers, logs ----------------------------------------------------------------------------------------------------------------


def test_guessing_is_limited_by_address_and_a_limited_address_learns_nothing(debt: Debt) -> None:
    for number in range(20):
        assert refused(f"/p/guess-{number}/")[0] == 404
    status, page = refused(debt.path)
    assert status == 429 and b"Please wait" in page
    assert Client(REMOTE_ADDR="203.0.113.9").get(debt.path).status_code == 302


def test_one_network_that_takes_a_new_address_for_every_guess_shuts_out_nobody_else(debt: Debt) -> None:
    answers = [Client(REMOTE_ADDR=f"2001:db8:1:2::{number:x}").get(f"/p/guess-{number}/").status_code for number in range(40)]
    assert answers == [404] * 20 + [429] * 20
    assert Client(REMOTE_ADDR="2001:db8:1:2:ffff::1").get(debt.path).status_code == 429
    assert Client(REMOTE_ADDR="2001:db8:1:3::1").get(debt.path).status_code == 302
    assert limits.counted("portal.miss", seconds=MISSES_WITHIN) == 20


def test_headers(visitor: Client, debt: Debt) -> None:
    answers = [Client().get(debt.path), visitor.get("/portal/"), visitor.get("/portal/nothing/"), Client().get("/p/x/")]
    for answer in answers:
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
    cookie = answers[0].cookies["portal"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert answers[0]["Location"] == "/portal/"


def test_over_https_the_cookie_is_bound_to_this_host(debt: Debt, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://relances.example"
    cookie = Client().get(debt.path).cookies["__Host-portal"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


def test_links_lead_to_the_public_address_whatever_host_is_asked(debt: Debt, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = Client(headers={"host": "evil.example"}).get(debt.path)
    assert answer["Location"] == "/portal/"
    assert "evil.example" not in Client(headers={"host": "evil.example"}).get("/p/x/").content.decode()


def test_no_log_holds_a_link(debt: Debt) -> None:
    stream = io.StringIO()
    for style in ("json", "human"):
        handler = logging.StreamHandler(stream)
        formatter = logs.configuration(style=style, level="INFO")["formatters"]["structured"]
        handler.setFormatter(logging.config.DictConfigurator({"version": 1}).configure_formatter(dict(formatter)))
        logger = logging.getLogger("django.request")
        logger.addHandler(handler)
        PortalToken.objects.update(revoked_at=NOW)
        Client().get(debt.path)
        logger.error("Fault at %s", debt.path, exc_info=ValueError(debt.path))
        logger.removeHandler(handler)
    assert stream.getvalue().count("/p/***") >= 4
    assert token_of(debt) not in stream.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "/join/{}/",
        "/accounts/login/?next=%2Fjoin%2F{}%2F",
        "/accounts/password/reset/key/019ac1e27d3c7a4e9f7e0f6d4f0b8a11-{}/",
        "/digest/019ac1e2-7d3c-7a4e-9f7e-0f6d4f0b8a11:{}/",
        "/hooks/anymail/{}",
    ],
)
def test_no_log_holds_what_opens_something_to_whoever_reads_it(path: str) -> None:
    line = logs.without_links(f"GET {path.format('Ab_9-' * 8)} HTTP/1.1")
    assert "Ab_9" not in line and "***" in line and line.startswith("GET /") and line.endswith("HTTP/1.1")


def test_an_address_that_opens_nothing_is_logged_as_it_is() -> None:
    for line in ("GET /accounts/password/reset/key/done/ HTTP/1.1", "GET /customers/019ac1e2-7d3c-7a4e-9f7e-0f6d4f0b8a11/ HTTP/1.1"):
        assert logs.without_links(line) == line


def test_gunicorn_masks_links_in_its_access_log() -> None:
    from gunicorn.config import Config

    from dunning.gunicorn import Logger

    class Request:
        method, uri, path, query, version = "GET", f"/p/{'A' * 43}/", f"/p/{'A' * 43}/", "", (1, 1)
        headers = [("REFERER", f"https://mail.example/p/{'A' * 43}/")]

    class Response:
        status, sent, headers = "302 Found", 0, ()

    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": Request.uri,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "PATH_INFO": Request.path,
        "HTTP_REFERER": Request.headers[0][1],
    }
    atoms = Logger(Config()).atoms(Response(), Request(), environ, timedelta(seconds=1))
    assert "A" * 43 not in str(atoms) and atoms["r"] == "GET /p/***/ HTTP/1.1"


def test_the_second_reminder_carries_a_link_of_its_own_and_the_first_still_serves(debt: Debt) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-5", issued_on=TODAY, due_on=datetime(2026, 10, 20, tzinfo=UTC).date())
    second = remind(debt.organization, debt.customer, "2026-10-13")
    assert second.pk != debt.message.pk and second.link_digest != debt.message.link_digest
    assert PortalToken.objects.count() == 2
    assert Client().get(debt.path).status_code == 302


def test_a_closed_page_lets_its_reader_ask_for_another_link(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    assert Client().post("/portal/link/").status_code == 404
    at_noon.advance(hours=3)
    closed = visitor.get("/portal/")
    assert closed.status_code == 404 and "Send me a new link by e-mail" in closed.content.decode()
    answers = {visitor.post("/portal/link/").content for _time in range(5)}
    assert len(answers) == 1 and "on its way to the address that one was sent to" in answers.pop().decode()
    deliver_due(now=at_noon.now, organization=debt.organization)
    with tenant(debt.organization):
        sent = list(Message.objects.filter(template_key="portal_link"))
    assert [message.recipient for message in sent] == [debt.contact.email] * 3
    assert opened(link_in(sent[0])).get("/portal/").status_code == 200
    PortalToken.objects.update(revoked_at=NOW)
    assert "on its way" in visitor.post("/portal/link/").content.decode()  # and nothing is
    with tenant(debt.organization):
        assert Message.objects.filter(template_key="portal_link").count() == 3
