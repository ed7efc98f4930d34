"""What the creditor's people see of it, and how they take it back."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Declaration, Dispute, Hold, Invoice, Promise
from notifications.models import Message
from scenarios.selectors import customer_timeline, timeline
from tests.dashboard.conftest import sign_in
from tests.factories import make_invoice
from tests.portal.conftest import NOW, TODAY, Debt, opened
from tests.portal.tools import send
from tests.scenarios.houses import open_house


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


@pytest.fixture
def clerk(debt: Debt) -> Client:
    return sign_in(debt.organization)


def act_of(debt: Debt) -> DebtorAct:
    with tenant(debt.organization):
        return DebtorAct.objects.order_by("-at", "-pk")[0]


def test_today_and_both_timelines_lead_to_the_exact_words(visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    files = [SimpleUploadedFile("bon.pdf", b"%PDF-1.7")]
    send(visitor, at_noon, "dispute", reason="PU_ERR", amount="200", text="The doors", attached=files)
    act = act_of(debt)
    words = reverse("dashboard:said", args=[act.pk])
    assert words in clerk.get("/").content.decode()
    for record in (reverse("dashboard:invoice", args=[debt.item.invoice_id]), reverse("dashboard:customer", args=[debt.customer.pk])):
        assert words in clerk.get(record).content.decode()
    page = clerk.get(words).content.decode()
    with tenant(debt.organization):
        declaration = Declaration.objects.get()
    for shown in (
        "The price is not the one agreed",
        "127.0.0.1",
        "Mozilla/5.0",
        declaration.wording_sha256[:12],
        "bon.pdf",
        "Service comptable",
    ):
        assert shown in page
    with tenant(debt.organization):
        (file,) = declaration.files.all()
    answer = clerk.get(reverse("dashboard:said_file", args=[act.pk, file.pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="bon.pdf"'
    assert (answer["X-Content-Type-Options"], answer["Content-Type"]) == ("nosniff", "application/octet-stream")


def test_a_stranger_finds_nothing(visitor: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "accepted", tick="on")
    act = act_of(debt)
    stranger = sign_in(open_house(), email="stranger@elsewhere.example")
    for name in ("said", "undo_act"):
        assert stranger.get(reverse(f"dashboard:{name}", args=[act.pk])).status_code == 404
    viewer = sign_in(debt.organization, Role.VIEWER, "vera@atelier.example")
    assert viewer.get(reverse("dashboard:said", args=[act.pk])).status_code == 200
    assert viewer.post(reverse("dashboard:undo_act", args=[act.pk]), {"reason": "x"}).status_code == 403


def test_an_acceptance_undone_counts_no_more(visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "accepted", tick="on")
    act = act_of(debt)
    refused = clerk.post(reverse("dashboard:undo_act", args=[act.pk]), {"reason": ""})
    assert refused.status_code == 422
    answer = clerk.post(reverse("dashboard:undo_act", args=[act.pk]), {"reason": "Clicked by an intern"})
    assert answer.status_code == 302
    with tenant(debt.organization):
        invoice = Invoice.objects.get()
        assert (invoice.received_at, invoice.accepted_at) == (None, None)
        act.refresh_from_db()
        assert (act.undone_at, act.undone_reason) == (at_noon.now, "Clicked by an intern")
        entry = next(entry for entry in timeline(invoice=invoice, organization=debt.organization, today=TODAY).past if entry.kind == "act")
        assert (entry.title, entry.state) == ("Accepted", "Undone")
    assert reverse("dashboard:said", args=[act.pk]) not in clerk.get("/").content.decode()


def test_a_promise_undone_is_withdrawn_for_every_invoice_of_the_answer(
    visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock
) -> None:
    with tenant(debt.organization):
        make_invoice(debt.customer, number="FA-2", issued_on=date(2026, 8, 20), due_on=date(2026, 9, 25))
    send(visitor, at_noon, "promise", promised_for="2026-10-20")
    act = act_of(debt)
    assert "For every invoice of the same answer" in clerk.get(reverse("dashboard:undo_act", args=[act.pk])).content.decode()
    clerk.post(reverse("dashboard:undo_act", args=[act.pk]), {"reason": "Not theirs to promise", "everything": "on"})
    with tenant(debt.organization):
        assert list(Promise.objects.values_list("state", flat=True)) == ["cancelled", "cancelled"]
        assert DebtorAct.objects.filter(undone_at=None).count() == 0


def test_a_dispute_undone_is_closed_and_the_earlier_acceptance_stands(
    visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock
) -> None:
    send(visitor, at_noon, "accepted", tick="on")
    with tenant(debt.organization):
        accepted_at = Invoice.objects.get().accepted_at
    send(visitor, at_noon, "dispute", reason="PU_ERR")
    clerk.post(reverse("dashboard:undo_act", args=[act_of(debt).pk]), {"reason": "Another invoice was meant"})
    with tenant(debt.organization):
        assert Dispute.objects.get().state == "withdrawn"
        assert Invoice.objects.get().accepted_at == accepted_at


def test_already_paid_undone_ends_its_pause(visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "paid", paid_on="2026-10-01")
    clerk.post(reverse("dashboard:undo_act", args=[act_of(debt).pk]), {"reason": "They called: it was another supplier"})
    with tenant(debt.organization):
        assert Hold.objects.get().released_on == TODAY


def test_a_document_asked_for_undone_ends_its_pause(visitor: Client, clerk: Client, debt: Debt, at_noon: clock.VirtualClock) -> None:
    send(visitor, at_noon, "document", document="Bon de livraison")
    clerk.post(reverse("dashboard:undo_act", args=[act_of(debt).pk]), {"reason": "It was attached"})
    with tenant(debt.organization):
        assert Hold.objects.get().released_on == TODAY


def test_visits_are_on_the_timeline_and_prove_nothing(debt: Debt) -> None:
    Client(headers={"user-agent": "SafeLinks scanner"}).get(debt.path)
    opened(debt.path).get("/portal/")
    with tenant(debt.organization):
        found = customer_timeline(customer=debt.customer, organization=debt.organization, today=TODAY)
        seen = [(entry.title, entry.detail, entry.evidence) for entry in found.past if entry.kind == "visit"]
    assert seen == [("Page opened", "", None), ("Page opened", "by a program: names itself", None)]


def test_the_local_post_office_opens_the_customers_page_and_nothing_else_does(clerk: Client, debt: Debt) -> None:
    """A message that left this machine has no way to its link from here."""
    assert "Open the customer" in clerk.get(reverse("dashboard:message", args=[debt.message.pk])).content.decode()
    answer = clerk.post(reverse("dashboard:message_page", args=[debt.message.pk]))
    assert answer["Location"] == debt.path
    assert clerk.get(reverse("dashboard:message_page", args=[debt.message.pk])).status_code == 405
    with tenant(debt.organization):
        Message.objects.filter(pk=debt.message.pk).update(provider="smtp")
    assert clerk.post(reverse("dashboard:message_page", args=[debt.message.pk])).status_code == 404
    assert "Open the customer" not in clerk.get(reverse("dashboard:message", args=[debt.message.pk])).content.decode()
