"""One pays for several: what the payer itself holds on account counts for all of them, to the cent, and blocks what must not be said."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from customers.services import note_reply_pending
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Payment
from invoices.selectors import customer_statement
from invoices.services import allocate, cancel_payment, issue_credit_note, place_hold
from notifications.models import Message
from scenarios.accounts import behind_payer, share_accounts
from scenarios.enums import Reason, Section, TaskKind
from scenarios.facts import QUIET_CUSTOMER, Balance, Credit, CustomerFacts, CustomerSituation
from scenarios.models import Schedule, Task
from scenarios.services.calls import record_call
from tests.factories import make_customer, make_invoice
from tests.scenarios.builders import day
from tests.scenarios.houses import CLERK, at, open_house, run_on, send, steps_of
from tests.scenarios.road import left_on, mail_of, pay, plain
from tests.scenarios.test_grouping import CALL_DONE, decided, late, owes, written

# --- facts --------------------------------------------------------------------------------------------------------------------------------


def test_rule_5_what_the_payer_holds_itself_is_deducted_whether_it_owes_anything_or_not():
    """The holding owes nothing of its own and has 300,00 on account: 2 000,00 late, 1 700,00 asked for."""
    on_account = Credit("p1", "VIR", 300_00, day("2026-10-20"), customer_id="holding")
    (message,) = written(decided(_group(on_account))).messages

    assert (message.customer_id, message.step.key) == ("holding", "r1")
    assert (message.due_cents, message.statement_cents) == (1_700_00, 1_700_00)
    assert [line.customer_id for line in message.section(Section.CREDIT)] == ["holding"]


def test_rule_9_who_is_away_counts_at_the_payer_whatever_else_is_said_of_it():
    """The debtor's accountant is on leave; the holding's, who is written to, is not."""
    away = CustomerSituation(absent_until=day("2026-10-20"), absence_noted_on=day("2026-10-01"))

    assert behind_payer(away, QUIET_CUSTOMER).absent_until is None
    assert behind_payer(away, CustomerSituation(reply_pending=True)).absent_until is None
    assert behind_payer(QUIET_CUSTOMER, away).absent_until == day("2026-10-20")
    assert behind_payer(QUIET_CUSTOMER, QUIET_CUSTOMER) is QUIET_CUSTOMER


def test_rule_7_what_the_payer_holds_itself_blocks_firm_steps_of_everybody_it_pays_for():
    on_account = Credit("p1", "VIR", 300_00, day("2026-10-20"), customer_id="holding")
    north, south = _group(on_account, due="2026-10-01")
    result = written(decided([north, south], {"N1": CALL_DONE, "S1": CALL_DONE}))

    assert result.messages == ()
    (task,) = result.tasks
    assert (task.kind, task.customer_id, task.also) == (TaskKind.ALLOCATE_CREDIT, "holding", ("N1", "S1"))
    assert task.amounts == {"EUR": 300_00}


def test_rule_1_what_the_payer_holds_itself_covers_the_group():
    on_account = Credit("p1", "VIR", 2_000_00, day("2026-10-20"), customer_id="holding")
    decisions = decided(_group(on_account))
    assert [decision.reason for decision in decisions] == [Reason.COVERED_BY_CREDIT, Reason.COVERED_BY_CREDIT]

    result = written(decisions)
    assert result.messages == ()
    assert [(task.kind, task.customer_id, task.amounts) for task in result.tasks] == [
        (TaskKind.ALLOCATE_CREDIT, "holding", {"EUR": 2_000_00})
    ]


def _group(on_account, due="2026-10-23"):
    """Two subsidiaries with 1 000,00 late each, and a holding that pays for them and owes nothing itself."""
    north = owes(late("N1", due=due), name="north", payer_id="holding")
    south = owes(late("S1", due=due), name="south", payer_id="holding")
    held = Balance(-on_account.cents, credits=(on_account,), credit_cents=on_account.cents)
    people = {one.customer.id: one.customer for one in (*north, *south)}
    people["holding"] = CustomerFacts("holding", {"EUR": held})
    share_accounts(people)
    return [replace(one, customer=people[one.customer.id]) for one in (*north, *south)]


# --- dated stories ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def house() -> Organization:
    return open_house()


def group_of_three() -> tuple[Customer, Installment, Installment]:
    """A holding that owes nothing of its own and pays for two subsidiaries, 1 000,00 each, due on Thursday 1 October."""
    holding = make_customer("H", name="Groupe Durand")
    north, south = (
        make_invoice(
            make_customer(number, name=name, payer=holding),
            number=f"FA-{number}",
            amount="1000.00",
            issued_on=date(2026, 9, 1),
            due_on=date(2026, 10, 1),
        )
        for number, name in (("S1", "Durand Nord"), ("S2", "Durand Sud"))
    )
    return holding, north, south


def statement_of(*customers: Customer, on: str) -> Decimal:
    [statement] = customer_statement([customer.pk for customer in customers], today=date.fromisoformat(on))
    return statement.net


@pytest.mark.django_db
def test_the_payers_own_receipt_is_deducted_and_the_total_is_the_groups_statement(house: Organization) -> None:
    with tenant(house):
        holding, north, south = group_of_three()
        sister = make_customer("S3", name="Durand Ouest", payer=holding)
        pay(holding, "300.00", "2026-09-25")
        issue_credit_note(
            customer=sister, number="AV-3", gross=Decimal("12.34"), issued_on=date(2026, 9, 25), actor=CLERK, today=date(2026, 9, 25),
            now=at("2026-09-25", 6),
        )  # fmt: skip
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "H", "accepted")]
        message = mail_of("2026-10-02")
        assert message.amount == statement_of(holding, north.customer, south.customer, sister, on="2026-10-02") == Decimal("1687.66")
        words = plain(message.body_text)
        assert "1 687,66 €" in words
        assert "Règlement du 25 septembre 2026" in words
        assert "AV-3" in words
        assert "2 000,00 €" not in words.split("Durand Nord")[0]


@pytest.mark.django_db
def test_the_payers_own_receipt_blocks_firm_steps_until_it_is_allocated(house: Organization) -> None:
    with tenant(house):
        holding, north, south = group_of_three()
        pay(holding, "300.00", "2026-09-25")
    for today in ("2026-10-02", "2026-10-09"):
        run_on(house, today)
    with tenant(house):
        calls = list(Task.objects.filter(kind="call").order_by("customer__number"))
        assert [task.customer.number for task in calls if task.customer] == ["S1", "S2"]
    for _subsidiary in range(2):
        _make_call(house, "2026-10-09")
    for today in ("2026-10-14", "2026-10-15"):
        run_on(house, today)
    with tenant(house):
        assert left_on("2026-10-14") == left_on("2026-10-15") == []
        assert set(Schedule.objects.values_list("reason", flat=True)) == {Reason.UNALLOCATED_CREDIT}
        task = Task.objects.get(kind="allocate_credit")  # one, on two days and for two subsidiaries
        assert (task.customer, task.amount, task.currency, task.state) == (holding, Decimal("300.00"), "EUR", "open")
        first = Payment.objects.get()
        pay(holding, "200.00", "2026-10-15")
    run_on(house, "2026-10-16")
    with tenant(house):
        task.refresh_from_db()
        assert (task.amount, task.state) == (Decimal("500.00"), "open")  # it says what is there now
        second = Payment.objects.exclude(pk=first.pk).get()
        cancel_payment(payment=second, reason="impayé", actor=CLERK, today=date(2026, 10, 16), now=at("2026-10-16", 13))
        allocate(
            payment=first,
            parts=[(north, Decimal("300.00"))],
            actor=CLERK,
            today=date(2026, 10, 16),
            now=at("2026-10-16", 14),
        )
        task.refresh_from_db()
        assert task.state == "done"
    run_on(house, "2026-10-19")
    run_on(house, "2026-10-23")
    with tenant(house):
        message = Message.objects.get(template_key="r2", state="accepted")
        assert message.amount == statement_of(holding, north.customer, south.customer, on="2026-10-23") == Decimal("1700.00")


def _make_call(house: Organization, today: str) -> None:
    with tenant(house):
        task = Task.objects.filter(kind="call", state="open").order_by("customer__number").first()
        assert task is not None
        record_call(task=task, outcome="refusal", details={}, actor=CLERK, today=date.fromisoformat(today), now=at(today, 10))


@pytest.mark.django_db
def test_money_on_the_payers_account_stops_a_firm_message_that_waits_to_leave(house: Organization) -> None:
    with tenant(house):
        holding, _north, south = group_of_three()
    for today in ("2026-10-02", "2026-10-09"):
        run_on(house, today)
    for _subsidiary in range(2):
        _make_call(house, "2026-10-09")
    run_on(house, "2026-10-14", deliver=False)
    with tenant(house):
        assert left_on("2026-10-14") == [("r2", "H", "queued")]
        pay(holding, "300.00", "2026-10-14")
    send(house, "2026-10-14")
    with tenant(house):
        assert left_on("2026-10-14") == [("r2", "H", "cancelled")]
        assert steps_of(south)[-1][:2] == ("r2", "taken_back")


@pytest.mark.django_db
def test_a_payer_who_holds_all_the_group_owes_is_not_reminded_and_the_money_is_to_be_allocated(house: Organization) -> None:
    with tenant(house):
        holding, north, _south = group_of_three()
        pay(holding, "2000.00", "2026-09-25")
    run_on(house, "2026-09-28")
    with tenant(house):
        assert Task.objects.count() == 0  # nothing is late yet
    run_on(house, "2026-10-02")
    with tenant(house):
        assert Message.objects.filter(phase__gt=0).count() == 0
        assert Schedule.objects.get(installment=north).reason == Reason.COVERED_BY_CREDIT
        assert [(task.kind, task.customer_id, task.amount) for task in Task.objects.all()] == [
            ("allocate_credit", holding.pk, Decimal("2000.00"))
        ]


@pytest.mark.django_db
def test_an_unread_reply_of_the_payer_pauses_what_it_is_written_about_its_subsidiaries(house: Organization) -> None:
    with tenant(house):
        holding, north, _south = group_of_three()
        note_reply_pending(customer=holding, actor=CLERK, today=date(2026, 10, 1), now=at("2026-10-01", 15))
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == []
        assert Schedule.objects.get(installment=north).reason == Reason.REPLY_PENDING
        Customer.objects.filter(pk=holding.pk).update(reply_pending_since=None)
    run_on(house, "2026-10-05")
    with tenant(house):
        assert left_on("2026-10-05") == [("r1", "H", "accepted")]


@pytest.mark.django_db
def test_a_pause_of_the_payer_pauses_its_subsidiaries(house: Organization) -> None:
    with tenant(house):
        holding, _north, _south = group_of_three()
        pause = {"kind": "pause", "ends_on": date(2026, 10, 9), "reason": "Appel du directeur"}
        place_hold(customer=holding, **pause, actor=CLERK, today=date(2026, 10, 1), now=at("2026-10-01", 15))
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == []
        assert set(Schedule.objects.values_list("reason", flat=True)) == {Reason.HELD_OURS}
