"""A word of thanks: once for a payment, once a quarter for a customer, never after a firm reminder, never when something is late."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from invoices.services import PaymentDraft, cancel_payment, open_dispute, record_payment
from notifications.models import Message, MessageTemplate
from scenarios import thanks
from scenarios.context import load_frame
from scenarios.models import ActionPlan
from scenarios.plan_store import current_version, load_content
from scenarios.services.approvals import approve_messages
from scenarios.services.plans import InvalidPlan, Target, assign_plan, publish_plan
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.scenarios.road import call, pay, plain

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def house() -> Organization:
    """Durand owes FA-1 of 1 200,00, due on Thursday 1 October."""
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1", name="Durand SARL"), number="FA-1", amount="1200.00", issued_on=ISSUED, due_on=DUE)
    return house


def durand() -> Customer:
    return Customer.objects.get(number="C1")


def fa_1() -> Installment:
    return Installment.objects.get(invoice__number="FA-1")


def said() -> list[tuple[str, str, str]]:
    """(customer, day, state) of the thanks."""
    rows = Message.objects.filter(kind="thanks").order_by("planned_on", "customer__number").select_related("customer")
    return [(row.customer.number, row.planned_on.isoformat(), row.state) for row in rows]


def test_who_pays_in_time_is_thanked_the_next_morning_in_a_few_words(house: Organization) -> None:
    with tenant(house):
        pay(durand(), "1200.00", "2026-09-30", fa_1(), hour=14)
    run_on(house, "2026-10-01")
    with tenant(house):
        assert said() == [("C1", "2026-10-01", "accepted")]
        message = Message.objects.get(kind="thanks")
        assert message.not_before == datetime.combine(date(2026, 10, 1), time(9), tzinfo=ZoneInfo("Europe/Paris"))
        assert (message.recipient, plain(message.subject)) == ("compta.c1@client.example", "Merci de votre règlement de 1 200,00 €")
        words = plain(message.body_text)
        assert "Nous avons bien reçu, le 30 septembre 2026, votre règlement de 1 200,00 €. Merci. Votre compte est à jour." in words
        assert [word for word in ("relance", "IBAN", "en retard") if word in words] == []
    run_on(house, "2026-10-01", again=True)
    run_on(house, "2026-10-02")
    with tenant(house):
        assert len(said()) == 1


def test_once_a_quarter_whatever_is_paid(house: Organization) -> None:
    with tenant(house):
        pay(durand(), "1200.00", "2026-09-30", fa_1())
    run_on(house, "2026-10-01")
    for number, due, paid in (
        ("FA-2", "2026-11-02", "2026-10-30"),
        ("FA-3", "2026-12-31", "2026-12-29"),
        ("FA-4", "2027-01-08", "2027-01-05"),
    ):
        with tenant(house):
            item = make_invoice(
                durand(), number=number, amount="500.00", issued_on=date.fromisoformat(due).replace(day=1), due_on=date.fromisoformat(due)
            )
            pay(durand(), "500.00", paid, item)
        run_on(house, paid)
    with tenant(house):
        assert [day for _customer, day, _state in said()] == ["2026-10-01", "2027-01-05"]  # 29 December is 89 days later


def _late_too(house: Organization) -> None:
    make_invoice(durand(), number="FA-2", amount="50.00", issued_on=ISSUED, due_on=date(2026, 9, 29))


def _contested(house: Organization) -> None:
    other = make_invoice(durand(), number="FA-2", amount="50.00", issued_on=ISSUED, due_on=date(2026, 11, 30))
    open_dispute(installment=other, reason="PU_ERR", actor=CLERK, today=date(2026, 9, 30), now=at("2026-09-30"))


def _subsidiary_is_late(house: Organization) -> None:
    make_invoice(make_customer("S1", payer=durand()), number="FA-2", amount="50.00", issued_on=ISSUED, due_on=date(2026, 9, 29))


def _pays_by_debit(house: Organization) -> None:
    Payment.objects.update(means="direct_debit")


def _paid_long_ago(house: Organization) -> None:
    Payment.objects.update(received_on=date(2026, 9, 10))


def _entered_long_ago(house: Organization) -> None:
    Payment.objects.update(entered_on=date(2026, 9, 10))


def _payment_was_taken_back(house: Organization) -> None:
    cancel_payment(payment=Payment.objects.get(), reason="Chèque impayé", actor=CLERK, today=date(2026, 9, 30), now=at("2026-09-30", 15))


def _replied(house: Organization) -> None:
    Customer.objects.update(reply_pending_since=at("2026-09-30", 15))


def _follows_another_plan(house: Organization) -> None:
    plan = ActionPlan.objects.get(key="firm")
    assign_plan(plan=plan, target=Target(customer=durand()), since=ISSUED, actor=CLERK, now=at("2026-09-30"))


def _unreachable(house: Organization) -> None:
    durand().contacts.update(email_state="failed")


@pytest.mark.parametrize(
    "spoil",
    [
        _late_too, _contested, _subsidiary_is_late, _pays_by_debit, _paid_long_ago, _entered_long_ago, _payment_was_taken_back, _replied,
        _follows_another_plan, _unreachable,
    ],
)  # fmt: skip
def test_nobody_is_thanked_out_of_place(house: Organization, spoil: Callable[[Organization], None]) -> None:
    with tenant(house):
        pay(durand(), "1200.00", "2026-09-30", fa_1())
        spoil(house)
    run_on(house, "2026-10-01")
    with tenant(house):
        assert said() == []


def test_a_payment_that_settles_nothing_or_next_to_nothing_is_not_worth_a_letter(house: Organization) -> None:
    with tenant(house):
        small = make_invoice(durand(), number="FA-2", amount="99.99", issued_on=ISSUED, due_on=DUE)
        pay(durand(), "99.99", "2026-09-29", small)
        pay(durand(), "600.00", "2026-09-29", fa_1())
    run_on(house, "2026-09-30")
    with tenant(house):
        assert said() == []


def test_never_after_a_firm_reminder_even_for_another_invoice(house: Organization) -> None:
    with tenant(house):
        other = make_invoice(durand(), number="FA-2", amount="800.00", issued_on=date(2026, 10, 1), due_on=date(2026, 12, 15))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    run_on(house, "2026-10-14")
    with tenant(house):
        assert Message.objects.filter(template_key="r2", state="accepted").count() == 1
        pay(durand(), "1200.00", "2026-10-20", fa_1())
    run_on(house, "2026-10-20")
    with tenant(house):
        pay(durand(), "800.00", "2026-12-10", other)
    run_on(house, "2026-12-10")
    with tenant(house):
        assert said() == []


def test_a_friendly_reminder_is_no_obstacle(house: Organization) -> None:
    run_on(house, "2026-10-02")
    with tenant(house):
        pay(durand(), "1200.00", "2026-10-05", fa_1())
    run_on(house, "2026-10-06")
    with tenant(house):
        assert said() == [("C1", "2026-10-06", "accepted")]


def test_never_beside_another_message_of_the_day_nor_behind_an_apology(house: Organization) -> None:
    """FA-2's notice leaves on the day the payment is learnt of: the thanks come the day after."""
    with tenant(house):
        make_invoice(durand(), number="FA-2", amount="800.00", issued_on=ISSUED, due_on=date(2026, 10, 8))  # pre-due notice: 1 October
        pay(durand(), "1200.00", "2026-09-30", fa_1())
    run_on(house, "2026-10-01")
    with tenant(house):
        assert Message.objects.filter(kind="reminder", planned_on=date(2026, 10, 1)).count() == 1
        assert said() == []
    run_on(house, "2026-10-02")
    with tenant(house):
        assert said() == [("C1", "2026-10-02", "accepted")]


def test_a_payment_that_crossed_a_reminder_is_apologised_for_and_not_thanked_for_as_well(house: Organization) -> None:
    run_on(house, "2026-10-02")
    with tenant(house):
        draft = PaymentDraft(
            customer=durand(), amount=Decimal("1200.00"), received_on=date(2026, 10, 1), allocations=((fa_1(), Decimal("1200.00")),)
        )
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 3))
    for day in ("2026-10-05", "2026-10-06", "2026-10-07"):
        run_on(house, day)
    with tenant(house):
        assert Message.objects.filter(kind="retraction", state="accepted").count() == 1
        assert said() == []


def test_a_payer_is_thanked_for_what_it_pays_for_its_subsidiary(house: Organization) -> None:
    with tenant(house):
        subsidiary = make_customer("S1", name="Durand Nord", payer=durand())
        pay(durand(), "1200.00", "2026-09-29", fa_1())
        item = make_invoice(subsidiary, number="FA-2", amount="3000.00", issued_on=ISSUED, due_on=DUE)
        pay(subsidiary, "3000.00", "2026-09-30", item)
    run_on(house, "2026-10-01")
    with tenant(house):
        assert said() == [("C1", "2026-10-01", "accepted")]  # one word, for the larger of the two
        assert "3 000,00 €" in plain(Message.objects.get(kind="thanks").subject)


def test_a_supervised_organization_sees_its_thanks_first_and_they_are_not_said_when_something_has_come_between(house: Organization) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
        pay(durand(), "1200.00", "2026-09-30", fa_1())
    run_on(house, "2026-10-01")
    with tenant(house):
        assert said() == [("C1", "2026-10-01", "awaiting_approval")]
        make_invoice(durand(), number="FA-2", amount="50.00", issued_on=ISSUED, due_on=date(2026, 10, 2))
        ids = list(Message.objects.values_list("pk", flat=True))
        approve_messages(message_ids=ids, organization=house, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
    assert send(house, "2026-10-05", 10) == {"cancelled": 1}
    with tenant(house):
        assert Message.objects.get().reason == "no_thanks"


def test_two_hundred_payments_cost_no_more_questions_than_two(house: Organization) -> None:
    def questions(count: int, start: int) -> int:
        with tenant(house):
            for number in range(start, start + count):
                customer = make_customer(f"K{number}")
                item = make_invoice(customer, number=f"K-{number}", amount="500.00", issued_on=ISSUED, due_on=DUE)
                pay(customer, "500.00", "2026-09-30", item)
        with tenant(house):
            frame = load_frame(house, date(2026, 10, 1))
            with CaptureQueriesContext(connection) as captured:
                written = thanks.write_thanks(frame=frame, not_before=at("2026-10-01"), actor="system", now=at("2026-10-01", 4))
        assert len(written) == count
        return len(captured)

    assert questions(2, 0) == questions(40, 10)


def test_a_plan_says_whether_it_thanks_and_needs_the_text(house: Organization) -> None:
    with tenant(house):
        plan = ActionPlan.objects.get(key="firm")
        version = current_version(plan)
        assert version is not None
        content = replace(load_content(plan, version), thanks=True)
        assert publish_plan(content=content, actor=CLERK, now=at("2026-09-30")).version.thanks
        MessageTemplate.objects.filter(key="thanks_paid", language="fr").update(is_current=False)
        with pytest.raises(InvalidPlan, match="thanks_paid"):
            publish_plan(content=replace(content, key="other"), actor=CLERK, now=at("2026-09-30"))
