"""What steps bring and cost, how far it went before payment, who collects, and what waits for us."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dunning.core.enums import Phase
from dunning.core.models import Organization, User
from dunning.core.tenancy import tenant
from invoices import services
from invoices.measures.ageing import Cell
from invoices.models import Installment
from invoices.owed import Scope
from invoices.reports.collected import collected_by_owner
from invoices.reports.delays import Period
from invoices.reports.rows import CountedItems
from notifications.models import Message, ProviderAccount
from scenarios.models import Task, TaskAttempt
from scenarios.reports.collectors import collected_by_collector
from scenarios.reports.costs import cost_to_collect, costs_by_channel, costs_by_step
from scenarios.reports.effects import PAID, RECENT, UNPAID, funnel, funnel_rows, step_effects, step_rows
from scenarios.reports.frozen import frozen, frozen_rows
from scenarios.selectors.frozen import frozen_by_us
from scenarios.services.plan_exchange import import_plan
from scenarios.services.runs import refresh_schedule
from tests.factories import make_customer
from tests.invoices.ledger import at, pay
from tests.reports.ledger import owe, settle
from tests.scenarios.houses import live, open_house

EURO = Scope("EUR")
TODAY = date(2026, 10, 30)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
ISSUED = date(2026, 9, 1)
PLAN = """
format: dunning-plan/1
plan: {key: standard, name: {fr: Deux pas, en: Two steps}}
steps:
  - {key: due_day_notice, name: {fr: Échéance, en: Due day}, phase: service, channel: email, anchor: due, offset: 0,
     template: due_day_notice}
  - {key: r1, name: {fr: Premier rappel, en: First reminder}, phase: friendly, channel: email, anchor: due, offset: 1, template: r1}
"""


@pytest.fixture
def house(db: None) -> Iterator[Organization]:
    """Three invoices due on 1 October, reminded on the 2nd: one paid on the 5th, one on the 20th, one not; one more due on the 23rd."""
    organization = open_house()
    with tenant(organization):
        import_plan(source=PLAN, actor="system", now=at(ISSUED)["now"])
        for number, due in ((1, "2026-10-01"), (2, "2026-10-01"), (3, "2026-10-01"), (4, "2026-10-23")):
            owe(make_customer(f"C{number}"), f"F-{number}", f"{number}00", due, issued=ISSUED)
    live(organization, ["2026-10-01", "2026-10-02"])
    with tenant(organization):
        settle(find("F-1"), "100", "2026-10-05")
    live(organization, ["2026-10-09"])
    with tenant(organization):
        settle(find("F-2"), "200", "2026-10-20")
    live(organization, ["2026-10-26"])
    with tenant(organization):
        yield organization


def find(number: str) -> Installment:
    return Installment.objects.select_related("invoice", "customer").get(invoice__number=number)


def test_what_a_step_brought_within_a_week(house: Organization) -> None:
    found = {effect.key: effect for effect in step_effects(EURO, OCTOBER, today=TODAY)}
    assert list(found) == ["due_day_notice", "r1"]
    first = found["r1"]
    assert (first.name, first.channel, first.phase) == ("First reminder", "email", Phase.FRIENDLY)
    assert (first.rate.met, first.rate.count, first.rate.met_amount, first.rate.amount) == (1, 3, 100, 600)
    assert (first.collected, first.recent) == (100, Cell(1, Decimal(400)))  # F-4's reminder, on the 26th, is not judged yet
    rows = step_rows(EURO, OCTOBER, today=TODAY)
    assert CountedItems(rows, [f"r1:{PAID}"])[:] == [(find("F-1").pk, Decimal(100))]
    assert CountedItems(rows, [f"r1:{UNPAID}", f"r1:{RECENT}"]).total == Cell(3, Decimal(900))
    assert step_effects(EURO, Period(date(2026, 9, 1), date(2026, 9, 23)), today=TODAY) == []


def test_a_payment_on_the_day_of_the_step_does_not_follow_it(house: Organization) -> None:
    payment = find("F-1").allocations.get().payment
    services.correct_value_date(payment=payment, received_on=date(2026, 10, 2), **at(TODAY))
    assert {effect.key: effect.rate.met for effect in step_effects(EURO, OCTOBER, today=TODAY)}["r1"] == 0


def test_how_far_it_went_before_payment(house: Organization) -> None:
    stages = {stage.phase: stage for stage in funnel(EURO, OCTOBER)}
    assert [(phase, stage.reached.count, stage.paid.count, stage.open.count) for phase, stage in stages.items()] == [
        (0, 4, 0, 0),
        (Phase.SERVICE, 4, 0, 0),
        (Phase.FRIENDLY, 4, 2, 2),
        (Phase.FIRM, 0, 0, 0),
        (Phase.LEGAL, 0, 0, 0),
    ]
    settle(owe(make_customer(), "F-5", "500", "2026-10-12", issued=ISSUED), "500", "2026-10-12")
    stages = {stage.phase: stage for stage in funnel(EURO, OCTOBER)}
    assert (stages[0].reached, stages[0].paid) == (Cell(5, Decimal(1500)), Cell(1, Decimal(500)))
    for earlier, later in zip(list(stages.values()), list(stages.values())[1:], strict=False):
        assert earlier.reached == earlier.paid + earlier.open + later.reached
    assert CountedItems(funnel_rows(EURO, OCTOBER), [f"{int(Phase.FRIENDLY)}:open"]).total == stages[Phase.FRIENDLY].open


def test_what_sending_costs(house: Organization) -> None:
    assert {cost.key: (cost.messages, cost.amount) for cost in costs_by_channel(EURO, OCTOBER)} == {"email": (7, None)}
    assert {cost.amount for cost in costs_by_step(EURO, OCTOBER).values()} == {None}
    assert cost_to_collect(costs_by_channel(EURO, OCTOBER), Decimal(300)) is None  # no cost is known
    Message.objects.filter(state__in=["accepted", "delivered"]).update(cost=Decimal("0.0200"))
    Message.objects.filter(template_key="r1").update(cost=Decimal("0.1000"))
    costs = costs_by_channel(EURO, OCTOBER)
    assert [(cost.key, cost.messages, cost.amount, cost.each) for cost in costs] == [("email", 7, Decimal("0.4600"), Decimal("0.46") / 7)]
    by_step = costs_by_step(EURO, OCTOBER)
    assert {key: (cost.messages, cost.amount) for key, cost in by_step.items()} == {
        "due_day_notice": (3, Decimal("0.0600")),
        "r1": (4, Decimal("0.4000")),
    }
    assert cost_to_collect(costs, Decimal(230)) == Decimal("0.2")
    assert cost_to_collect(costs, Decimal(0)) is None


def test_a_price_of_zero_is_known_and_what_left_before_a_price_is_told_apart(house: Organization) -> None:
    def price(stated: str) -> None:
        ProviderAccount.objects.filter(channel="email").update(settings={"unit_cost": stated})

    def email() -> tuple[Decimal | None, int, Decimal | None]:
        (cost,) = costs_by_channel(EURO, OCTOBER)
        return cost.amount, cost.unpriced, cost.each

    price("0")
    assert email() == (Decimal(0), 0, Decimal(0))
    assert cost_to_collect(costs_by_channel(EURO, OCTOBER), Decimal(100)) == 0  # what costs nothing is known to
    price("0.02")
    assert email() == (Decimal(0), 7, None)  # all left before
    assert cost_to_collect(costs_by_channel(EURO, OCTOBER), Decimal(100)) is None
    Message.objects.filter(template_key="r1").update(cost=Decimal("0.0200"))
    assert email() == (Decimal("0.0800"), 3, Decimal("0.0200"))
    price("")
    assert email() == (Decimal("0.0800"), 3, Decimal("0.0200"))  # what was spent stays known


def test_collected_by_who_spoke_with_the_customer(house: Organization) -> None:
    claire, paul = (User.objects.create_user(f"{name}@atelier.example") for name in ("claire", "paul"))
    customer = find("F-2").customer
    task = Task.objects.create(kind="call", state="done", customer=customer, opened_on=TODAY, due_on=TODAY)
    for user, day, outcome in (
        (paul, date(2026, 9, 10), "promise"),  # more than thirty days before
        (claire, date(2026, 10, 12), "promise"),
        (paul, date(2026, 10, 13), "voicemail"),  # reached nobody
    ):
        TaskAttempt.objects.create(task=task, at=at(day)["now"], on=day, actor=f"user:{user.pk}", outcome=outcome)
    TaskAttempt.objects.create(task=task, at=at(TODAY)["now"], on=TODAY, actor="user:played", outcome="promise")
    found = collected_by_collector(EURO, OCTOBER)
    assert found == {claire.pk: Cell(1, Decimal(200)), None: Cell(1, Decimal(100))}
    pay(customer, "7", on=TODAY, allocations=())
    assert collected_by_collector(EURO, OCTOBER)[None] == Cell(2, Decimal(107))  # whoever "played" is, it is no member
    assert sum(cell.amount for cell in found.values()) == 300
    assert sum(cell.amount for cell in collected_by_owner(EURO, OCTOBER).values()) == 307


def test_frozen_by_us_is_what_today_says(house: Organization) -> None:
    services.open_dispute(installment=find("F-3"), reason="PU_ERR", **at(TODAY))
    ends_on = TODAY + timedelta(days=5)
    services.place_hold(installment=find("F-4"), side="ours", kind="document_owed", reason="delivery note", ends_on=ends_on, **at(TODAY))
    customer = find("F-4").customer  # what is said of the invoice itself comes first
    services.place_hold(customer=customer, side="ours", kind="credit_note_pending", reason="wrong price", ends_on=ends_on, **at(TODAY))
    refresh_schedule(organization=house, today=TODAY, now=at(TODAY)["now"])
    found = frozen(EURO)
    assert [(one.cause, one.label, one.cell, one.oldest_due_on) for one in found] == [
        ("disputed", "Disputed", Cell(1, Decimal(300)), date(2026, 10, 1)),
        ("held_ours:document_owed", "Document owed", Cell(1, Decimal(400)), date(2026, 10, 23)),
    ]
    assert [(one.cause, one.amounts) for one in frozen_by_us()] == [(one.cause, {"EUR": one.cell.amount}) for one in found]
    assert CountedItems(frozen_rows(EURO), ["held_ours:document_owed"])[:] == [(find("F-4").pk, Decimal(400))]
    assert frozen(Scope("USD")) == []


def test_reports_cost_the_same_queries_whatever_the_rows(house: Organization) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            step_effects(EURO, OCTOBER, today=TODAY)
            funnel(EURO, OCTOBER)
            costs_by_channel(EURO, OCTOBER)
            costs_by_step(EURO, OCTOBER)
            collected_by_collector(EURO, OCTOBER)
            frozen(EURO)
        return len(queries)

    before = count()
    for number in (7, 8, 9):
        settle(owe(make_customer(), f"F-{number}", "10", "2026-10-02", issued=ISSUED), "10", "2026-10-20")
    assert count() == before == 10
