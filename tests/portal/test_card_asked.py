"""Payment pages whose report never came: the service is asked what became of them. One page serves all who were sent the same."""

from datetime import timedelta
from decimal import Decimal

from dunning.core import clock
from dunning.core.tenancy import tenant
from invoices.models import Checkout, Payment
from scenarios.services import card_payments
from tests.fakes.stripe import TEST_KEY
from tests.portal.conftest import NOW
from tests.portal.test_second_contact import pair_of
from tests.portal.till import Till, take_cards

HOUR = timedelta(hours=1)


def test_a_report_that_never_came_is_asked_for(till: Till, at_noon: clock.VirtualClock) -> None:
    till.order()
    assert card_payments.find_out(now=NOW + 2 * HOUR) == 0  # its page may still be in use
    till.session["payment_status"] = "paid"
    assert card_payments.find_out(now=NOW + 3 * HOUR) == 1
    assert card_payments.find_out(now=NOW + 4 * HOUR) == 0
    assert till.ledger() == ([(Decimal(1200), Decimal(0), "card")], {"FA-1": Decimal(0)})
    till.hear(till.paid())  # and then it comes
    assert len(till.ledger()[0]) == 1


def test_a_page_found_paid_days_later_is_dated_by_its_own_end(till: Till) -> None:
    till.order()
    till.session["payment_status"] = "paid"
    assert card_payments.find_out(now=NOW + 3 * timedelta(days=1)) == 1
    with tenant(till.debt.organization):
        ended_at = Checkout.objects.get().expires_at
        assert ended_at is not None and Payment.objects.get().received_on == ended_at.date() == NOW.date()


def test_a_page_that_cannot_be_booked_keeps_no_other_waiting(till: Till) -> None:
    till.order()
    till.session["payment_status"] = "paid"
    strange = {**till.session, "id": "cs_live_strange", "amount_total": 0}  # paid, and nothing: it cannot be booked
    till.stripe.sessions["strange"] = strange
    with tenant(till.debt.organization):
        known = Checkout.objects.get()
        assert known.expires_at is not None
        request = known.request
        Checkout.objects.create(
            request=request,
            account_id=known.account_id,
            amount=known.amount,
            currency=known.currency,
            provider_id="cs_live_strange",
            opened_at=known.opened_at,
            expires_at=known.expires_at - timedelta(minutes=5),
        )
    assert card_payments.find_out(now=NOW + 3 * HOUR) == 1
    assert till.ledger() == ([(Decimal(1200), Decimal(0), "card")], {"FA-1": Decimal(0)})


def test_a_test_that_was_never_reported_books_nothing_either(till: Till) -> None:
    take_cards(till.debt, till.stripe.url, key=TEST_KEY)
    place = till.order()
    till.session["payment_status"] = "paid"
    assert card_payments.find_out(now=NOW + 3 * HOUR) == 1
    assert "This was a test" in till.page(f"{place}?back=paid")
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})


def test_a_page_nobody_paid_is_closed_when_it_is_asked_about(till: Till) -> None:
    place = till.order()
    till.session["status"] = "expired"
    assert card_payments.find_out(now=NOW + 3 * HOUR) == 1
    assert "This payment page has closed" in till.page(place)
    assert till.ledger() == ([], {"FA-1": Decimal(1200)})


def test_a_card_page_is_shared_by_who_was_sent_the_same(till: Till) -> None:
    pair = pair_of(till.debt, sent=2)
    form = {"item": [str(item.pk) for item in pair.sent]}
    address = pair.anne.post("/portal/pay/card/", form)["Location"]
    assert pair.paul.post("/portal/pay/card/", form)["Location"] == address
    assert pair.paul.get(address).status_code == 200
