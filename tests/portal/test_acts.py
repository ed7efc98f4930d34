"""What a debtor does: said once, in the words it was shown, and acted upon at once."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from dunning.core import clock
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration, Invoice
from tests.portal.conftest import NOW, Debt, opened, owe
from tests.portal.tools import form_of, notice, send
from tests.scenarios.houses import open_house


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def said(debt: Debt) -> list[str]:
    with tenant(debt.organization):
        return list(DebtorAct.objects.order_by("at", "pk").values_list("kind", flat=True))


def test_an_acceptance_is_recorded_with_its_words(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "accepted", tick="on")
    assert answer.status_code == 302
    page = visitor.get(answer["Location"]).content.decode()
    assert "Thank you: your agreement is recorded." in page
    with tenant(debt.organization):
        (act,), declaration = DebtorAct.objects.all(), Declaration.objects.get()
        assert (act.kind, act.source, act.contact, act.actor) == ("accepted", "portal", debt.contact, f"contact:{debt.contact.pk}")
        assert act.declaration == declaration
        assert declaration.wording.splitlines() == [
            "The invoices are right",
            "You confirm that you have received these invoices and that they conform to your order.",
            "1 invoice, €1,200.00:",
            "- FA-1: €1,200.00, due on 1 October 2026",
            "I have checked the invoices listed above. [x]",
            "[Invoice received, conforms to our order]",
        ]
        assert declaration.wording_sha256 == hashlib.sha256(declaration.wording.encode()).hexdigest()
        assert (declaration.address, declaration.user_agent, declaration.at) == ("127.0.0.1", "Mozilla/5.0", at_noon.now)
        invoice = Invoice.objects.get()
        assert (invoice.received_at, invoice.accepted_at) == (at_noon.now, at_noon.now)
        audit = AuditEvent.objects.get(action="debtor.declared")
        assert audit.body["sha256"] == declaration.wording_sha256
    assert "Accepted, 02/10/2026" in visitor.get("/portal/").content.decode()


def test_looking_does_nothing(visitor: Client, debt: Debt) -> None:
    for method in (visitor.get, visitor.head, visitor.options):
        for path in (debt.path, "/portal/", "/portal/accepted/", "/portal/received/", f"/portal/accepted/?item={debt.item.pk}&tick=on"):
            method(path)
    assert said(debt) == []


def test_without_the_tick_nothing_is_done(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "accepted")
    assert answer.status_code == 422 and "Tick this box first." in answer.content.decode()
    assert said(debt) == []


def test_too_quick_is_refused_kindly_and_the_form_drawn_again(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    answer = send(visitor, at_noon, "accepted", wait=1.9, tick="on")
    assert answer.status_code == 422 and "Nothing of what you wrote is lost" in notice(answer)
    assert 'name="tick" required id="id_tick" checked' in answer.content.decode()
    assert said(debt) == []
    at_noon.advance(seconds=3)
    assert visitor.post("/portal/accepted/", {**form_of(answer), "tick": "on"}).status_code == 302
    assert said(debt) == ["accepted"]


def test_a_form_serves_once(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    hidden = form_of(visitor.get("/portal/accepted/"))
    at_noon.advance(seconds=3)
    places = {visitor.post("/portal/accepted/", {**hidden, "tick": "on"})["Location"] for _again in range(3)}
    assert len(places) == 1
    assert said(debt) == ["accepted"]


def test_a_form_serves_for_its_act_its_items_and_its_contact_alone(debt: Debt, at_noon: clock.VirtualClock) -> None:
    browser, other = opened(debt.path), owe(debt.organization, "C2", "FA-2")
    hidden, foreign = form_of(browser.get("/portal/accepted/")), form_of(opened(other.path).get("/portal/accepted/"))
    at_noon.advance(seconds=3)
    for path, fields in (
        ("/portal/received/", hidden),
        ("/portal/accepted/", {**hidden, "items": foreign["items"]}),
        ("/portal/accepted/", foreign),
        ("/portal/accepted/", {**hidden, "nonce": hidden["nonce"][:-1] + "x"}),
        ("/portal/accepted/", {"items": hidden["items"]}),
    ):
        assert browser.post(path, {**fields, "tick": "on"}).status_code == 422
    assert said(debt) == []


def test_what_moved_meanwhile_is_shown_and_nothing_is_done(debt: Debt, at_noon: clock.VirtualClock) -> None:
    first, second = opened(debt.path), opened(debt.path)
    hidden = form_of(second.get("/portal/received/"))
    send(first, at_noon, "accepted", tick="on")
    answer = second.post("/portal/received/", {**hidden, "tick": "on"})
    assert answer.status_code == 422 and "Something changed on these invoices" in notice(answer)
    assert said(debt) == ["accepted"]
    at_noon.advance(seconds=3)
    assert second.post("/portal/received/", {**form_of(answer), "tick": "on"}).status_code == 302
    assert said(debt) == ["accepted", "received"]


def test_a_page_that_closed_in_the_middle_of_a_form_loses_nothing(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    hidden = form_of(visitor.get("/portal/accepted/"))
    at_noon.advance(hours=3)
    answer = visitor.post("/portal/accepted/", {**hidden, "tick": "on"})
    page = answer.content.decode()
    assert answer.status_code == 403 and "Your page has closed by itself" in page and "checked" in page
    assert "FA-1" not in page and "Atelier" not in page
    assert said(debt) == []
    visitor.get(debt.path)  # the link again, in the same browser
    assert visitor.post("/portal/accepted/", {**form_of(answer), "tick": "on"}).status_code == 302
    assert said(debt) == ["accepted"]


def test_after_a_day_a_form_is_drawn_again(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    hidden = form_of(visitor.get("/portal/accepted/"))
    at_noon.advance(timedelta(hours=25))
    visitor.get(debt.path)
    answer = visitor.post("/portal/accepted/", {**hidden, "tick": "on"})
    assert answer.status_code == 422 and "open for too long" in notice(answer)
    assert said(debt) == []


def test_an_act_that_the_link_does_not_allow_is_not_there(debt: Debt) -> None:
    from customers.models import Contact, PortalToken

    PortalToken.objects.update(actions=["received"])
    browser = opened(debt.path)
    assert browser.get("/portal/received/").status_code == 200
    assert browser.get("/portal/accepted/").status_code == 404
    assert browser.post("/portal/accepted/", {}).status_code == 404
    assert "/portal/accepted/" not in browser.get("/portal/").content.decode()
    PortalToken.objects.update(actions=["received", "accepted"])
    with tenant(debt.organization):
        Contact.objects.update(role="administrator")
    assert browser.get("/portal/accepted/").status_code == 404


def test_a_strangers_items_cannot_be_named(debt: Debt, at_noon: clock.VirtualClock) -> None:
    stranger = owe(open_house(), "C1", "FA-7")
    browser = opened(debt.path)
    assert "FA-7" not in browser.get(f"/portal/accepted/?item={stranger.item.pk}").content.decode()
    send(browser, at_noon, "accepted", f"?item={stranger.item.pk}", tick="on")
    assert said(debt) == said(stranger) == []
