"""Paying by card: a page opened at a service that speaks Stripe's API, its signed reports over the real road, and the ledger after them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.tenancy import tenant
from invoices.models import Allocation, Checkout, Payment, PaymentRequest
from notifications import cards, receipts, routes
from notifications.enums import EventState
from notifications.models import InboundEvent
from scenarios.models import Schedule
from tests.dashboard.conftest import sign_in
from tests.factories import make_invoice
from tests.fakes.stripe import LIVE_KEY, SIGNING_SECRET, TEST_KEY, event, signature
from tests.notifications.callers import insist, knock, read_what_came
from tests.portal.conftest import NOW, TODAY, opened, owe
from tests.portal.till import Till, take_cards
from tests.portal.tools import notice
from tests.scenarios.houses import CLERK, open_house
from tests.scenarios.road import pay

pytestmark = pytest.mark.usefixtures("at_noon")
HOUR = timedelta(hours=1)


# --- asking -----------------------------------------------------------------------------------------------------------------------------


def test_a_debtor_pays_by_card_and_the_plan_stops(till: Till) -> None:
    page = till.page(f"/portal/pay/?item={till.debt.item.pk}")
    assert "Pay €1,200.00 by card" in page and "Test mode" not in page
    place = till.order()
    (asked,) = till.stripe.asked
    with tenant(till.debt.organization):
        checkout = Checkout.objects.get()
        assert asked["client_reference_id"] == str(checkout.pk)
    assert (asked["line_items[0][price_data][unit_amount]"], asked["line_items[0][price_data][currency]"]) == ("120000", "eur")
    assert asked["line_items[0][price_data][product_data][name]"].endswith(" – FA-1")
    assert asked["success_url"] == f"{settings.PUBLIC_BASE_URL}{place}?back=paid"
    assert asked["expires_at"] == str(int((NOW + timedelta(hours=2)).timestamp()))
    page = till.page(place)
    assert f'href="{till.session["url"]}"' in page and "We never see its number" in page
    assert "Nothing was paid. You can take it up again" in till.page(f"{place}?back=left")
    waiting = till.page(f"{place}?back=paid")
    assert "We are waiting for the confirmation" in waiting and "You need not pay again" in waiting
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})  # an address that says so pays nothing

    assert till.hear(till.paid()) == {"applied": 1}
    assert till.ledger() == ([(Decimal(1200), Decimal(0), "card")], {"FA-1": Decimal(0)})
    assert "Thank you, your payment has arrived" in till.page(f"{place}?back=paid")
    with tenant(till.debt.organization):
        checkout.refresh_from_db()
        assert (checkout.provider_id, checkout.paid_at, checkout.payment) == (till.session["id"], NOW, Payment.objects.get())
        assert Payment.objects.get().received_on == TODAY
        assert not Schedule.objects.filter(installment=till.debt.item, next_on__isnull=False).exists()


def test_several_invoices_are_paid_in_one_amount(till: Till) -> None:
    with tenant(till.debt.organization):
        other = make_invoice(till.debt.customer, number="FA-2", amount="300.50", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20))
    till.order(till.debt.item, other)
    assert till.session["amount_total"] == 150050
    till.hear(till.paid())
    assert till.ledger() == ([(Decimal("1500.50"), Decimal(0), "card")], {"FA-1": Decimal(0), "FA-2": Decimal(0)})


def test_two_clicks_are_one_payment_page(till: Till, at_noon: clock.VirtualClock) -> None:
    first = till.order()
    assert [till.order() for _click in range(3)] == [first] * 3
    assert len(till.stripe.sessions) == len(till.stripe.asked) == 1
    at_noon.advance(minutes=111)
    till.browser = opened(till.debt.path)
    assert till.order() != first  # the first would close under the payer's hands
    with tenant(till.debt.organization):
        assert (Checkout.objects.count(), PaymentRequest.objects.count()) == (2, 1)


def test_a_lost_answer_opens_no_second_page(till: Till) -> None:
    till.stripe.hang_up = 1
    place = till.order()
    page = till.page(place)
    assert "The payment page could not be opened" in page and "Pay €1,200.00 by card" in page
    assert till.order() == place
    assert till.session["url"] in till.page(place)
    assert (len(till.stripe.asked), len(till.stripe.sessions)) == (2, 1)


def test_a_service_that_refuses_or_is_away_takes_nothing_from_the_debtor(till: Till) -> None:
    till.stripe.refuse = "Your account cannot currently make live charges."
    place = till.order()
    page = till.page(place)
    assert "could not be opened" in page and "live charges" not in page
    assert "IBAN" in till.page(f"/portal/pay/?item={till.debt.item.pk}")
    take_cards(till.debt, "http://127.0.0.1:9")
    assert "could not be opened" in till.page(till.order())
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "120000"), ("EUR", "0.40"), ("EUR", "1000000.00"), ("TND", "300.00")])
def test_no_button_for_what_a_card_cannot_pay(till: Till, currency: str, amount: str) -> None:
    with tenant(till.debt.organization):
        item = make_invoice(
            till.debt.customer, number="FA-2", amount=amount, currency=currency, issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20)
        )
    assert "by card" not in till.page(f"/portal/pay/?item={item.pk}")
    answer = till.browser.post("/portal/pay/card/", {"item": [str(item.pk)]})
    assert answer.status_code == 422 and "cannot be paid by card" in notice(answer)
    assert till.stripe.asked == []


def test_no_button_until_reports_can_be_verified_nor_after_it_was_stopped(till: Till) -> None:
    take_cards(till.debt, till.stripe.url, secret="")
    path = f"/portal/pay/?item={till.debt.item.pk}"
    assert "by card" not in till.page(path)
    answer = till.browser.post("/portal/pay/card/", {"item": [str(till.debt.item.pk)]})
    assert answer.status_code == 422 and "Cards are not taken here any more" in notice(answer)
    take_cards(till.debt, till.stripe.url)
    assert "by card" in till.page(path)
    with tenant(till.debt.organization):
        cards.stop(actor=CLERK, now=NOW)
    assert "by card" not in till.page(path)


def test_a_stranger_sees_no_payment_page(till: Till) -> None:
    place = till.order()
    for other in (owe(till.debt.organization, "C2", "FA-2"), owe(open_house(), "C1", "FA-3")):
        assert opened(other.path).get(place).status_code == 404
        assert opened(other.path).post("/portal/pay/card/", {"item": [str(till.debt.item.pk)]})["Location"] == "/portal/"
    assert Client().get(place).status_code == 404
    assert len(till.stripe.asked) == 1


# --- what is reported -------------------------------------------------------------------------------------------------------------------


def test_the_same_report_again_and_again_books_once(till: Till) -> None:
    till.order()
    body = till.paid()
    assert [till.report(body).status_code for _time in range(3)] == [200] * 3
    assert read_what_came(till.debt.organization, at=NOW) == {"applied": 1}
    till.hear(till.paid(kind="checkout.session.async_payment_succeeded"))  # another event of the same payment
    till.hear(event(till.session, "checkout.session.expired", at=NOW.timestamp(), number=77))  # out of order
    payments, left = till.ledger()
    assert (len(payments), left) == (1, {"FA-1": Decimal(0)})
    with tenant(till.debt.organization):
        assert (InboundEvent.objects.count(), Checkout.objects.get().closed_reason) == (3, "")


def test_reports_read_at_one_moment_book_once(till: Till) -> None:
    till.order()
    for _time in range(6):
        assert till.report(till.paid()).status_code == 200
    with tenant(till.debt.organization):
        waiting = list(InboundEvent.objects.values_list("pk", flat=True))

    def read(pk: Any) -> str:
        try:
            return receipts.apply_one(organization_id=till.debt.organization.pk, event_id=pk, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=6) as pool:
        assert set(pool.map(read, waiting)) == {"applied"}
    assert till.ledger() == ([(Decimal(1200), Decimal(0), "card")], {"FA-1": Decimal(0)})


def test_an_expired_page_is_closed_and_a_payment_on_it_counts_all_the_same(till: Till) -> None:
    place = till.order()
    till.hear(event(till.session, "checkout.session.expired", at=NOW.timestamp(), number=50, payment_status="unpaid"))
    assert "This payment page has closed" in till.page(place)
    till.hear(till.paid())
    assert till.ledger()[1] == {"FA-1": Decimal(0)}
    assert "Thank you, your payment has arrived" in till.page(place)


def test_a_report_before_our_own_note_waits_for_nothing(till: Till) -> None:
    """The service reports at once; that its page was opened is written after its answer."""
    till.stripe.hang_up = 1
    till.order()
    assert till.hear(till.paid()) == {"applied": 1}
    assert till.ledger()[1] == {"FA-1": Decimal(0)}


def test_a_page_nobody_asked_for_is_parked_and_books_nothing(till: Till) -> None:
    till.order()
    foreign = {**till.session, "id": "cs_live_other", "client_reference_id": None}
    assert till.hear(till.paid(foreign)) == {"parked": 1}
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})


@pytest.mark.parametrize(
    ("said", "payment", "left"),
    [
        ({"amount_total": 100000}, (Decimal(1000), Decimal(0)), Decimal(200)),
        ({"amount_total": 130000}, (Decimal(1300), Decimal(100)), Decimal(0)),
        ({"currency": "usd"}, (Decimal(1200), Decimal(1200)), Decimal(1200)),
    ],
    ids=["less", "more", "another currency"],
)
def test_what_was_paid_is_booked_as_it_was_paid(till: Till, said: dict[str, Any], payment: tuple[Decimal, Decimal], left: Decimal) -> None:
    till.order()
    assert till.hear(till.paid(**said)) == {"applied": 1}
    payments, items = till.ledger()
    assert ([row[:2] for row in payments], items) == ([payment], {"FA-1": left})
    with tenant(till.debt.organization):
        booked = Payment.objects.get()
        assert (booked.customer, booked.currency) == (till.debt.customer, str(said.get("currency", "eur")).upper())


def test_an_invoice_paid_meanwhile_leaves_the_surplus_on_account(till: Till) -> None:
    with tenant(till.debt.organization):
        other = make_invoice(till.debt.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 9, 20))
    till.order(till.debt.item, other)
    with tenant(till.debt.organization):
        pay(till.debt.customer, "1200.00", "2026-10-02", till.debt.item)
    till.hear(till.paid())
    payments, left = till.ledger()
    assert payments[1] == (Decimal(1500), Decimal(1200), "card") and left == {"FA-1": Decimal(0), "FA-2": Decimal(0)}
    with tenant(till.debt.organization):
        assert Allocation.objects.filter(payment__means="card").get().installment == other


def test_a_payment_that_is_not_made_yet_books_nothing(till: Till) -> None:
    till.order()
    till.hear(till.paid(payment_status="unpaid"))
    till.hear(event(till.session, "checkout.session.async_payment_failed", at=NOW.timestamp(), number=60, payment_status="unpaid"))
    till.hear(event(till.session, "charge.refunded", at=NOW.timestamp(), number=61))
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})


def test_forged_old_and_altered_reports_are_refused(till: Till) -> None:
    till.order()
    body = till.paid()
    moment = NOW.timestamp()
    account = till.account()
    path = urlsplit(routes.address(account)).path
    assert till.report(body, secret="whsec_another").status_code == 404
    for late in (-301, 301):
        assert till.report(body, at=moment + late).status_code == 404
    stamp = signature(body, at=moment)
    for altered in (body.replace(b"120000", b"120001"), body + b" ", b"{}"):
        assert insist(lambda altered=altered: knock(path, altered, **{"stripe-signature": stamp})).status_code == 404
    for header in ("", "t=,v1=", f"t={int(moment)}", stamp.replace("v1=", "v0="), f"t={int(moment)},v1={'0' * 64}"):
        assert insist(lambda header=header: knock(path, body, **{"stripe-signature": header})).status_code == 404
    assert insist(lambda: knock(path, body)).status_code == 404
    with tenant(till.debt.organization):
        assert InboundEvent.objects.count() == 0
        standing = cards.standing()
        assert standing is not None and standing.refused >= 10
    assert till.report(body).status_code == 200


def test_another_organization_cannot_report_our_payments(till: Till) -> None:
    till.order()
    stranger = owe(open_house(), "C1", "FA-3")
    take_cards(stranger, till.stripe.url)
    theirs = Till(stranger, till.stripe, opened(stranger.path), till.numbers)
    assert theirs.hear(till.paid()) == {"parked": 1}
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})
    with tenant(stranger.organization):
        assert Payment.objects.count() == 0


def test_what_is_paid_after_cards_were_stopped_or_keys_replaced_is_booked(till: Till) -> None:
    till.order()
    path, body = urlsplit(routes.address(till.account())).path, till.paid()
    take_cards(till.debt, till.stripe.url, secret=f"whsec_new {SIGNING_SECRET}")
    assert urlsplit(routes.address(till.account())).path == path  # the address at Stripe stays
    with tenant(till.debt.organization):
        cards.stop(actor=CLERK, now=NOW)
    assert insist(lambda: knock(path, body, **{"stripe-signature": signature(body, at=NOW.timestamp())})).status_code == 200
    assert read_what_came(till.debt.organization, at=NOW) == {"applied": 1}
    assert till.ledger()[1] == {"FA-1": Decimal(0)}


def test_in_test_mode_nothing_is_booked(till: Till) -> None:
    take_cards(till.debt, till.stripe.url, key=TEST_KEY)
    assert "Test mode: no money moves" in till.page(f"/portal/pay/?item={till.debt.item.pk}")
    place = till.order()
    assert "Use a test card, never a real one" in till.page(place)
    till.hear(till.paid())
    assert "This was a test" in till.page(f"{place}?back=paid")
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})
    live = {**till.session, "livemode": True}
    assert till.hear(till.paid(live)) == {"unreadable": 1}  # of the other mode
    with tenant(till.debt.organization):
        assert InboundEvent.objects.filter(state=EventState.UNREADABLE).count() == 1


def test_a_database_holds_no_key(till: Till) -> None:
    with connection.cursor() as cursor, tenant(till.debt.organization):
        cursor.execute("SELECT t::text FROM notifications_provideraccount t")
        rows = " ".join(row for (row,) in cursor.fetchall())
    assert "stripe" in rows and LIVE_KEY not in rows and SIGNING_SECRET not in rows


# --- setting it up ------------------------------------------------------------------------------------------------------------------------


def test_it_is_set_up_on_screen_with_ones_password(at_noon: clock.VirtualClock) -> None:
    organization = open_house(default_language="en")
    owner = sign_in(organization, Role.OWNER)
    assert "You need an account at Stripe" in owner.get("/settings/paying/").content.decode()
    secret = owner.get("/settings/paying/card/")
    assert secret.status_code == 200
    refused = owner.post("/settings/paying/card/", {"api_key": "pk_live_1", "password": "correct horse battery"})
    assert refused.status_code == 422 and "not the publishable key" in refused.content.decode()
    refused = owner.post("/settings/paying/card/", {"api_key": LIVE_KEY, "password": "wrong"})
    assert refused.status_code == 422 and "This is not your password" in refused.content.decode()
    with tenant(organization):
        assert cards.standing() is None
    assert owner.post("/settings/paying/card/", {"api_key": TEST_KEY, "password": "correct horse battery"}).status_code == 302
    page = owner.get("/settings/paying/").content.decode()
    assert "its signing secret is missing" in page and f"{settings.PUBLIC_BASE_URL}/hooks/stripe/" in page and TEST_KEY not in page
    assert owner.post("/settings/paying/card/", {"signing_secret": SIGNING_SECRET, "password": "correct horse battery"}).status_code == 302
    assert "Test mode" in owner.get("/settings/paying/").content.decode()
    assert SIGNING_SECRET not in owner.get("/settings/paying/card/").content.decode()
    assert owner.post("/settings/paying/card/stop/", {"password": "correct horse battery"}).status_code == 302
    assert "You need an account at Stripe" in owner.get("/settings/paying/").content.decode()
    assert sign_in(organization, Role.VIEWER, "viewer@atelier.example").get("/settings/paying/card/").status_code == 403
