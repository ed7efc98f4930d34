"""Every page opens for its owner, sends visitors to sign in, and does not exist for strangers."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dunning.core.tenancy import tenant
from dunning.dashboard.views.base import KeysFirst
from invoices.models import Installment
from invoices.services import PaymentDraft, make_promise, record_payment
from notifications.models import Message
from scenarios.models import Action, ActionPlan
from tests.dashboard.conftest import NOW, House, sign_in
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK

LISTS = (
    "today",
    "board",
    "invoices",
    "customers",
    "plans",
    "messages",
    "letters",
    "payments",
    "reports",
    "search",
    "record_payment",
    "ledger",
    "hold_all",
)


def addresses(house: House) -> dict[str, str]:
    """Every page about one record of the house."""
    item, disputed = house.item, house.disputed
    with tenant(house.organization):
        dispute = disputed.disputes.get()
        plan = ActionPlan.objects.get(key="standard")
    on_item = ("receive", "accept", "promise", "dispute", "hold", "pay", "write_off", "resend")
    found = {name: reverse(f"dashboard:{name}", args=[item.pk]) for name in on_item}
    found |= {
        "invoice": reverse("dashboard:invoice", args=[item.invoice_id]),
        "disputed": reverse("dashboard:invoice", args=[disputed.invoice_id]),
        "close_dispute": reverse("dashboard:close_dispute", args=[dispute.pk]),
        "plan": reverse("dashboard:plan", args=[plan.pk]),
        "payment": reverse("dashboard:payment", args=[house.receipt]),
        "identify": reverse("dashboard:identify", args=[house.receipt]),
        "cancel_payment": reverse("dashboard:cancel_payment", args=[house.receipt]),
    }
    for name in ("customer", "customer_hold", "insolvency", "add_contact", "send_statement"):
        found[name] = reverse(f"dashboard:{name}", args=[item.customer_id])
    for name in ("message", "message_proof", "message_html", "letter_posting", "letter_proof"):
        found[name] = reverse(f"dashboard:{name}", args=[house.sent.pk])
    for name in ("task", "task_postpone", "task_cancel"):
        found[name] = reverse(f"dashboard:{name}", args=[house.call.pk])
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens(owner: Client, name: str) -> None:
    answer = owner.get(reverse(f"dashboard:{name}"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_every_record_opens(owner: Client, house: House) -> None:
    opened = {name: owner.get(url).status_code for name, url in addresses(house).items()}
    assert opened == dict.fromkeys(opened, 200)


def test_every_page_speaks_french_too(owner: Client, house: House) -> None:
    pages = [*(reverse(f"dashboard:{name}") for name in LISTS), *addresses(house).values()]
    assert {url: owner.get(url, headers={"accept-language": "fr"}).status_code for url in pages} == dict.fromkeys(pages, 200)


def test_a_visitor_is_sent_to_sign_in(client: Client, house: House) -> None:
    pages = [*(reverse(f"dashboard:{name}") for name in LISTS), *addresses(house).values()]
    for url in pages:
        answer = client.get(url)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")


def test_a_stranger_tries_every_door(stranger: Client, house: House) -> None:
    answers = {name: stranger.get(url).status_code for name, url in addresses(house).items()}
    assert answers == dict.fromkeys(answers, 404)
    posts = {name: stranger.post(url).status_code for name, url in addresses(house).items()}
    assert set(posts.values()) <= {404, 405}


def test_unknown_ids_are_pages_not_faults(owner: Client) -> None:
    nowhere = "0199aaaa-0000-7000-8000-00000000dead"
    for name in ("invoice", "customer", "plan", "message", "payment", "task", "promise", "close_dispute", "release_hold", "letter_posting"):
        answer = owner.get(reverse(f"dashboard:{name}", args=[nowhere]))
        assert (name, answer.status_code) == (name, 404)


def test_somebody_who_belongs_nowhere_is_refused(house: House, at_nine: None) -> None:
    from dunning.core.models import Membership

    client = sign_in(house.organization, email="gone@atelier.example")
    with tenant(house.organization):
        Membership.objects.filter(user__email="gone@atelier.example").delete()
    assert client.get("/").status_code == 403


def asked(client: Client, address: str) -> int:
    """How many queries the page asks."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


@pytest.mark.parametrize("name", ["invoices", "customers", "messages", "payments", "board"])
def test_a_list_asks_the_same_number_of_queries_whatever_its_rows(owner: Client, house: House, name: str) -> None:
    from datetime import date

    from invoices.services import PaymentDraft, record_payment
    from tests.scenarios.houses import CLERK, run_on

    asked(owner, reverse(f"dashboard:{name}"))
    before = asked(owner, reverse(f"dashboard:{name}"))
    with tenant(house.organization):
        for number in (7, 8, 9):
            customer = make_customer(f"C{number}")
            make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            draft = PaymentDraft(
                amount=house.item.amount, received_on=NOW.date(), customer=customer, external_reference=f"B-{number}0", allocations=()
            )
            record_payment(draft=draft, actor=CLERK, today=NOW.date(), now=NOW)
    run_on(house.organization, "2026-10-09", again=True, deliver=False)
    assert asked(owner, reverse(f"dashboard:{name}")) == before


def test_a_record_asks_the_same_number_of_queries_whatever_is_open(owner: Client, house: House) -> None:
    from datetime import date

    from tests.scenarios.houses import run_on

    page = reverse("dashboard:customer", args=[house.item.customer_id])
    asked(owner, page)
    before = asked(owner, page)
    with tenant(house.organization):
        for number in ("FA-11", "FA-12", "FA-13"):
            make_invoice(house.item.customer, number=number, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 7))
    run_on(house.organization, "2026-10-09", again=True, deliver=False)
    answer = owner.get(page).content.decode()
    assert "FA-11" in answer
    assert "FA-13" in answer
    assert asked(owner, page) == before


def test_a_message_is_shown_in_a_frame_that_runs_nothing(owner: Client, house: House) -> None:
    page = owner.get(reverse("dashboard:message", args=[house.sent.pk])).content.decode()
    address = reverse("dashboard:message_html", args=[house.sent.pk])
    assert f'src="{address}"' in page
    assert 'sandbox="' in page
    assert "allow-scripts" not in page
    framed = owner.get(address)
    shown = framed.content.decode()
    assert '<meta name="color-scheme" content="light">' in shown  # its ink stays dark on the white sheet
    assert shown.replace('content="light"', 'content="light dark"') == house.sent.body_html
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    policy = dict(part.strip().partition(" ")[::2] for part in framed["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'self'"
    assert "'unsafe-inline'" in policy["style-src"]
    assert "unsafe" not in policy["script-src"]
    assert "unsafe" not in owner.get("/")["Content-Security-Policy"]


def test_the_copy_of_an_invoice_opens_in_the_browser(owner: Client, house: House) -> None:
    from dunning.core import documents
    from invoices.services import attach_document

    url = reverse("dashboard:invoice_copy", args=[house.item.invoice_id])
    assert owner.get(url).status_code == 404
    content = b"%PDF-1.7 copy"
    with tenant(house.organization):
        document = documents.store(content=ContentFile(content).read(), media_type="application/pdf", filename="FA-1.pdf", now=NOW)
        attach_document(invoice=house.item.invoice, document=document, actor="system", today=NOW.date(), now=NOW)
    answer = owner.get(url)
    assert (answer.content, answer["Content-Type"], answer["Content-Disposition"]) == (
        content,
        "application/pdf",
        'inline; filename="FA-1.pdf"',
    )


def test_search_finds_numbers_customers_and_amounts(owner: Client, house: House) -> None:
    from customers.services.customers import search_tokens
    from dunning.core import search

    with tenant(house.organization):
        customer = house.item.customer
        search.index(kind="customer", tokens={customer.pk: search_tokens(customer)})
        search.index(
            kind="invoice", tokens={house.item.invoice_id: search.number_tokens("FA-1") | {search.amount_token(house.item.amount)}}
        )
    exact = owner.get(reverse("dashboard:search"), {"q": "fa-1"})
    assert (exact.status_code, exact["Location"]) == (302, reverse("dashboard:invoice", args=[house.item.invoice_id]))
    for query in ("durand", "1200,00", "1 200.00"):
        assert "Durand SARL" in owner.get(reverse("dashboard:search"), {"q": query}).content.decode()
    assert "Durand SARL" not in owner.get(reverse("dashboard:search"), {"q": "nobody"}).content.decode()


def test_a_credit_note_and_a_paid_invoice_have_their_page(owner: Client, house: House) -> None:
    from invoices.services import issue_credit_note, write_off
    from tests.scenarios.houses import CLERK

    item = house.item
    with tenant(house.organization):
        note = issue_credit_note(
            customer=item.customer,
            number="AV-1",
            issued_on=NOW.date(),
            gross=item.amount / 2,
            credited_invoice=item.invoice,
            actor=CLERK,
            today=NOW.date(),
            now=NOW,
        )
        item.refresh_from_db()
        write_off(installment=item, reason="agreed", actor=CLERK, today=NOW.date(), now=NOW)
    page = owner.get(reverse("dashboard:invoice", args=[note.pk]))
    assert (page.status_code, "AV-1" in page.content.decode()) == (200, True)
    paid = owner.get(reverse("dashboard:invoice", args=[item.invoice_id])).content.decode()
    assert reverse("dashboard:promise", args=[item.pk]) not in paid
    assert "Credit note AV-1" in paid
    assert "FA-1" in owner.get(reverse("dashboard:invoices"), {"state": "settled"}).content.decode()


def test_filters_and_orders_are_in_the_address(owner: Client, house: House) -> None:
    def shown(**query: str) -> list[str]:
        rows = owner.get(reverse("dashboard:invoices"), query).context["rows"]
        return [row.item.invoice.number for row in rows]

    assert shown() == ["FA-1", "FA-2"]
    assert shown(sort="-due") == ["FA-2", "FA-1"]
    assert shown(sort="nonsense", page="99") == ["FA-1", "FA-2"]
    assert shown(state="disputed") == ["FA-2"]
    assert shown(state="coming") == []
    assert shown(state="overdue", sort="amount") == ["FA-2", "FA-1"]
    with tenant(house.organization):
        from customers.models import Customer, CustomerGroup

        Customer.objects.filter(pk=house.item.customer_id).update(group=CustomerGroup.objects.order_by("key").first())
        key = CustomerGroup.objects.order_by("key").values_list("key", flat=True)[0]
    assert shown(group=key) == ["FA-1"]


def test_pages_that_are_sorted_by_their_keys_follow_one_another(house: House) -> None:
    with tenant(house.organization):
        rows = Installment.objects.select_related("invoice").order_by("-invoice__number")
        pages = KeysFirst(rows, 1)
        assert [row.invoice.number for number in pages.page_range for row in pages.page(number)] == ["FA-2", "FA-1"]
        assert (pages.count, pages.get_page("99").number, pages.get_page("x").number) == (2, 2, 1)


def test_a_list_says_why_an_item_waits(owner: Client, house: House) -> None:
    from scenarios.services.runs import refresh_schedule

    refresh_schedule(organization=house.organization, today=NOW.date(), now=NOW)
    rows = owner.get(reverse("dashboard:invoices")).context["rows"]
    assert [(row.item.invoice.number, row.code, row.reason) for row in rows if row.code == "disputed"] == [("FA-2", "disputed", "Disputed")]


def test_today_tells_the_figures(owner: Client, house: House) -> None:
    page = owner.get("/")
    figures = page.context["figures"]
    assert (figures.overdue, figures.overdue_items, figures.overdue_customers) == ({"EUR": house.item.amount + house.disputed.amount}, 2, 2)
    assert (figures.disputed, figures.disputes) == ({"EUR": house.disputed.amount}, 1)
    assert (figures.overdue_old, figures.promises) == ({}, 0)
    assert figures.collected == {"EUR": house.item.amount * 2}
    calls = [row for group in page.context["groups"] for row in group.rows if row.entry.kind == "call"]
    assert next((row.title, row.reason) for row in calls) == ("Durand SARL", "One invoice overdue since 1 October 2026")


def test_what_was_paid_of_a_promise_is_not_promised_any_more(owner: Client, house: House) -> None:
    """1,000.00 for Sunday, of which 600.00 came this morning."""
    with tenant(house.organization):
        item = make_invoice(make_customer("C9"), number="FA-9", amount="1000.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 8))
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 11), actor=CLERK, today=NOW.date(), now=NOW)
        draft = PaymentDraft(customer=item.customer, amount=Decimal(600), received_on=NOW.date(), allocations=[(item, Decimal(600))])
        record_payment(draft=draft, actor=CLERK, today=NOW.date(), now=NOW)
    figures = owner.get("/").context["figures"]
    assert (figures.promised, figures.promises) == ({"EUR": Decimal(400)}, 1)


def test_a_search_keeps_the_filters_it_starts_from(owner: Client, house: House) -> None:
    page = owner.get(
        reverse("dashboard:payments"), {"state": "all", "received_from": "2026-10-01", "find": "x", "page": "2"}
    ).content.decode()
    assert '<input type="hidden" name="received_from" value="2026-10-01">' in page and 'type="hidden" name="page"' not in page
    page = owner.get(reverse("dashboard:invoices"), {"sort": "due", "state": "overdue", "find": "x"}).content.decode()
    assert '<input type="hidden" name="sort" value="due">' in page and '<input type="hidden" name="state" value="overdue">' in page
    assert 'type="hidden" name="find"' not in page


def test_a_message_that_went_to_a_wrong_address_says_so_on_its_page_and_in_the_invoices_timeline(house: House, owner: Client) -> None:
    page, record = reverse("dashboard:message", args=[house.sent.pk]), reverse("dashboard:invoice", args=[house.item.invoice_id])
    wrong, uncounted = "It went to a wrong address: it does not count", "The customer had not received the invoice FA-1: for it"
    first = owner.get(page).content.decode()
    assert wrong not in first
    assert uncounted not in first

    with tenant(house.organization):
        Action.objects.filter(carriers__message=house.sent).update(state="taken_back", reason="not_received")
    assert uncounted in owner.get(page).content.decode()
    assert "the invoice had not been received: it does not count" in owner.get(record).content.decode()

    with tenant(house.organization):
        Message.objects.filter(pk=house.sent.pk).update(not_reached=True)
    assert wrong in owner.get(page).content.decode()
    assert "Not received" in owner.get(record).content.decode()


def test_a_customer_entered_today_is_listed_before_its_payer_index_is_known(owner: Client, house: House) -> None:
    with tenant(house.organization):
        make_customer("C9", name="Entré ce matin")
    answer = owner.get(reverse("dashboard:customers"))
    assert (answer.status_code, "Entré ce matin" in answer.content.decode()) == (200, True)
