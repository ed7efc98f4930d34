"""Every address of the debtor's page against everybody who must not pass (reliability C6): a new address without a line here fails.

Who knocks: nobody, a guessed link, one that expired or was revoked, another customer's contact, another organization's, a contact whose
link allows no act, and whoever holds a dump of the database. What it finds: the common 404, word for word - or, where a page is everybody's
own, nothing of what is not its own.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers.models import PortalToken
from dunning.core import clock, documents
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from dunning.portal import urls
from dunning.portal.registry import ACTS
from invoices.models import Checkout, DebtorAct, Declaration, Installment, Payment, PaymentPlan, PaymentRequest
from invoices.services import attach_document
from notifications.models import Message
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened, owe
from tests.portal.test_instalments import sign
from tests.portal.tools import form_of
from tests.scenarios.houses import CLERK, open_house

LATE = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 9, 20)}
EVERYBODYS_OWN = {"page", "logo", "brand", "copies", "table", "pay", "pay_by_card", "question", "link", *(act.name for act in ACTS)}
"""Addresses that name nothing: each visitor finds its own there."""
OPEN_TO_ALL = {"open", "letter", "letter_copies", "letter_enter"}
"""Addresses that are a secret themselves, or lead to one; their own tests are test_links, test_letter_checks and test_letter_copies."""


class Owned(NamedTuple):
    """What one debtor has, one of each thing that has an address."""

    debt: Debt
    addresses: dict[str, str]  # by name
    items: list[str]


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def owned(debt: Debt, at_noon: clock.VirtualClock) -> Owned:
    with tenant(debt.organization):
        OrganizationProfile.objects.update(plans_offered=True)
        others = [make_invoice(debt.customer, number=f"FA-{number}", amount="300.00", **LATE) for number in (2, 3)]
        copy = documents.store(content=b"%PDF-1.7", media_type="application/pdf", filename="FA-1.pdf", now=NOW)
        attach_document(invoice=debt.item.invoice, document=copy, actor=CLERK, today=TODAY, now=NOW)
    browser = opened(debt.path)
    done = sign(browser, at_noon, f"?item={debt.item.pk}")
    together = browser.post("/portal/pay/", {"item": [str(item.pk) for item in others]})["Location"]
    with tenant(debt.organization):
        asked, plan = PaymentRequest.objects.get(), PaymentPlan.objects.get()
        checkout = Checkout.objects.create(
            request=asked, account_id=new_id(), amount=asked.amount, currency="EUR", opened_at=NOW, expires_at=NOW + timedelta(hours=2)
        )
    addresses = {
        "file": f"/portal/file/{debt.item.pk}/",
        "agreement": f"/portal/agreement/{plan.pk}/",
        "pay_together": together,
        "pay_part": f"/portal/pay/plan/{plan.pk}/",
        "card": f"/portal/card/{checkout.pk}/",
        "done": done,
    }
    for path in addresses.values():
        assert browser.get(path).status_code == 200, path  # its own debtor finds it
    return Owned(debt, addresses, [str(item.pk) for item in (debt.item, *others)])


def names() -> set[str]:
    return {str(pattern.name) for pattern in urls.urlpatterns if pattern.name}


def closed(change: dict[str, Any]) -> Callable[[Owned], Client]:
    """A browser that had opened the link before it was closed."""

    def knock(owned: Owned) -> Client:
        browser = opened(owned.debt.path)
        PortalToken.objects.update(**change)
        return browser

    return knock


def guesser(owned: Owned) -> Client:
    browser = Client(headers={"user-agent": "Mozilla/5.0", "accept-language": "en"})
    assert browser.get(f"/p/{'A' * 43}/").status_code == 404
    return browser


def neighbour(owned: Owned) -> Client:
    return opened(owe(owned.debt.organization, "C2", "FX-2").path)


def stranger(owned: Owned) -> Client:
    return opened(owe(open_house(default_language="en"), "C1", "FX-3").path)


def thief(owned: Owned) -> Client:
    """Every word of every row is tried as a link and as the cookie of an open page."""
    browser = Client(headers={"user-agent": "Mozilla/5.0", "accept-language": "en"})
    with connection.cursor() as cursor, tenant(owned.debt.organization):
        cursor.execute("SELECT digest, id::text, message_id::text FROM customers_portaltoken")
        words = {word for row in cursor.fetchall() for word in row}
        words |= set(Message.objects.exclude(link_digest="").values_list("link_digest", flat=True))
    for word in sorted(words):
        assert browser.get(f"/p/{word}/").status_code == 404
        browser.cookies["portal"] = word
        assert browser.get("/portal/").status_code == 404
    return browser


WITHOUT_A_LINK = {
    "guessed": guesser,
    "expired": closed({"expires_at": NOW}),
    "revoked": closed({"revoked_at": NOW}),
    "database dump": thief,
}
WITH_ANOTHER = {"other customer": neighbour, "other organization": stranger}


def common_404() -> bytes:
    answer = Client(headers={"user-agent": "Mozilla/5.0", "accept-language": "en"}).get("/portal/nothing/")
    assert answer.status_code == 404
    return bytes(answer.content)


def state(owned: Owned) -> tuple[int, ...]:
    with tenant(owned.debt.organization):
        counts = [model.objects.count() for model in (Declaration, DebtorAct, PaymentRequest, Payment, PaymentPlan, Checkout)]
        return (*counts, Installment.objects.filter(outstanding__gt=0).count())


def test_every_address_is_accounted_for(owned: Owned) -> None:
    assert names() == EVERYBODYS_OWN | OPEN_TO_ALL | set(owned.addresses)


@pytest.mark.parametrize("who", WITHOUT_A_LINK)
def test_without_a_link_that_serves_every_address_is_the_common_404(owned: Owned, who: str, at_noon: clock.VirtualClock) -> None:
    before = state(owned)
    browser = WITHOUT_A_LINK[who](owned)
    nowhere = common_404()
    paths = [*owned.addresses.values(), *(reverse(f"portal:{name}") for name in EVERYBODYS_OWN - {"link", "pay_by_card"})]
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 404, path
        if who in ("guessed", "expired", "revoked"):
            assert answer.content == nowhere, path
    for name in EVERYBODYS_OWN - {"link"}:
        answer = browser.post(reverse(f"portal:{name}"), {"item": owned.items, "tick": "on", "reason": "PU_ERR"})
        assert answer.status_code in (403, 404, 405), name
        assert not any(number in answer.content.decode() for number in ("FA-1", "FA-2", "Durand")), name
    assert state(owned) == before


@pytest.mark.parametrize("who", WITH_ANOTHER)
def test_another_debtors_link_opens_nothing_of_ours(owned: Owned, who: str, at_noon: clock.VirtualClock) -> None:
    browser = WITH_ANOTHER[who](owned)
    before, nowhere = state(owned), common_404()
    for name, path in owned.addresses.items():
        answer = browser.get(path)
        if name == "pay_part":  # a plan that is not theirs is none: they are led back to their own page
            assert (answer.status_code, answer["Location"]) == (302, "/portal/")
        else:
            assert (answer.status_code, answer.content == nowhere) == (404, True), name
    query = "&".join(f"item={item}" for item in owned.items)
    for name in EVERYBODYS_OWN - {"link", "logo", "brand", "pay_by_card"}:
        answer = browser.get(f"{reverse(f'portal:{name}')}?{query}")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert not any(number in content for number in (b"FA-1", b"FA-2", b"FA-3")), name
    for act in ACTS:
        hidden = form_of(browser.get(f"/portal/{act.name}/"))
        at_noon.advance(seconds=3)
        typed = {"tick": "on", "reason": "PU_ERR", "promised_for": "2026-10-09", "paid_on": "2026-10-01", "document": "x", "number": "7"}
        browser.post(f"/portal/{act.name}/", {**hidden, **typed, "item": owned.items, "items": form_of_ours(owned, act.name)})
    browser.post("/portal/pay/", {"item": owned.items})
    browser.post("/portal/pay/card/", {"item": owned.items})
    with tenant(owned.debt.organization):
        assert not DebtorAct.objects.filter(installment__in=owned.items).exclude(contact=owned.debt.contact).exists()
    if who == "other organization":
        assert state(owned) == before


def form_of_ours(owned: Owned, act: str) -> str:
    """The items of a form drawn for their own debtor: carried to another's browser they are worth nothing."""
    return form_of(opened(owned.debt.path).get(f"/portal/{act}/")).get("items", "")


def test_a_link_that_allows_no_act_shows_and_does_nothing_more(owned: Owned) -> None:
    browser, before, nowhere = opened(owned.debt.path), state(owned), common_404()
    PortalToken.objects.update(actions=[])
    assert browser.get("/portal/").status_code == 200
    for path in (
        *(reverse(f"portal:{act.name}") for act in ACTS),
        "/portal/pay/",
        owned.addresses["pay_together"],
        owned.addresses["card"],
    ):
        answer = browser.get(path)
        assert (answer.status_code, answer.content == nowhere) == (404, True), path
        assert browser.post(path, {"item": owned.items, "tick": "on"}).status_code in (404, 405), path
    assert browser.post("/portal/pay/card/", {"item": owned.items}).status_code == 404
    assert state(owned) == before
