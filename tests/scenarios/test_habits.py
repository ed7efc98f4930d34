"""Rule 13: a good payer's first reminder waits for the usual pay run, two business days before it; the call for the usual day and three."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.enums import DisputeState
from invoices.models import HabitSetAside, Installment, PayerHabit
from invoices.services import PaymentDraft, count_on_habit, find_good_payers, record_payments, set_habit_aside
from scenarios import calm
from scenarios.context import load_batch, load_frame
from scenarios.facts import Dispute, Habit, Item, ItemSituation, Promise, compile_steps
from scenarios.models import ActionPlan, Schedule
from scenarios.planner import forecast
from scenarios.selectors import timeline, why, why_sentences
from scenarios.selectors.dry_runs import dry_run_report
from scenarios.services.dry_runs import ask_dry_run, go_on
from scenarios.services.plan_drafts import begin_draft
from scenarios.services.plan_trials import try_on_invoice
from tests.factories import make_customer, make_invoice
from tests.scenarios.builders import BARE, COVERED, FRANCE, STANDARD, World, ask, day, done, iso, item
from tests.scenarios.houses import CLERK, at, live, open_house, steps_of

TENTH = Habit(10, 1_000_00)
USUAL = item(habit=TENTH)  # due on Thursday 1 October 2026: expected on Sunday 11


def overdue(subject: Item, **world: Any) -> list[tuple[str, str]]:
    return [(key, on) for key, on in World(subject, **world).live("2026-09-01", "2026-11-30").taken if on > "2026-10-01"]


# --- the planner --------------------------------------------------------------------------------------------------------------------------


def test_the_reminder_comes_two_business_days_before_the_pay_run_and_the_call_three_days_after_the_usual_day() -> None:
    assert overdue(USUAL) == [
        ("r1", "2026-10-08"),  # Thursday: Friday and Sunday's Friday are the two business days before Sunday 11
        ("call", "2026-10-14"),
        ("r2", "2026-10-19"),
        ("r3", "2026-10-30"),
        ("formal_notice", "2026-11-10"),
        ("hand_over", "2026-11-24"),
    ]
    assert overdue(item())[:3] == [("r1", "2026-10-02"), ("call", "2026-10-09"), ("r2", "2026-10-14")]


def test_messages_up_to_the_due_date_do_not_wait() -> None:
    taken = dict(World(USUAL).live("2026-09-01", "2026-10-07").taken)
    assert (taken["pre_due"], taken["due_notice"], taken.get("r1")) == ("2026-09-24", "2026-10-01", None)


def test_a_habit_never_makes_a_step_earlier() -> None:
    assert overdue(replace(USUAL, habit=Habit(1, 1_000_00))) == overdue(item())
    third = overdue(replace(USUAL, habit=Habit(5, 1_000_00)))
    assert third[:2] == [("r1", "2026-10-02"), ("call", "2026-10-09")]  # two business days before Tuesday 6 is the plan's own day


def test_steps_with_days_of_their_own_keep_their_gaps_after_the_moved_reminder() -> None:
    story = overdue(USUAL, steps=BARE)
    assert story[:3] == [("d1", "2026-10-08"), ("d8", "2026-10-15"), ("d15", "2026-10-22")]


def test_after_an_outage_the_call_keeps_the_plan_s_own_gap_and_never_comes_before_it() -> None:
    for subject in (USUAL, item()):
        world = World(subject).live("2026-09-01", "2026-10-01")
        world.live("2026-10-22", "2026-11-06")
        assert [entry for entry in world.taken if entry[1] > "2026-10-01"][:2] == [("r1", "2026-10-22"), ("call", "2026-10-29")]


@pytest.mark.parametrize(
    "changes",
    [
        {"outstanding_cents": 2_000_01, "amount_cents": 2_000_01},
        {"situation": ItemSituation(promises=(Promise(1_000_00, day("2026-09-20"), day("2026-09-25")),))},
        {"situation": ItemSituation(disputes=(Dispute(100_00, day("2026-09-01"), DisputeState.WITHDRAWN, day("2026-09-10")),))},
        {"situation": ItemSituation(restart_on=day("2026-10-01"))},
    ],
    ids=["twice the usual", "a promise", "a dispute", "sent again"],
)
def test_what_is_out_of_the_habit_follows_the_plan(changes: dict[str, Any]) -> None:
    subject = replace(USUAL, **changes)
    assert overdue(subject)[:1] == overdue(replace(subject, habit=None))[:1] == [("r1", "2026-10-02")]


def test_twice_the_usual_is_still_within_the_habit() -> None:
    assert overdue(replace(USUAL, amount_cents=2_000_00, outstanding_cents=2_000_00))[0] == ("r1", "2026-10-08")


def test_it_says_why_and_until_when() -> None:
    found = ask("2026-10-02", USUAL, [done("due_notice", "2026-10-01")])
    assert (found.kind, found.reason, found.step.key, iso(found.on)) == ("wait", "habit", "r1", "2026-10-08")
    after = ask("2026-10-09", USUAL, [done("r1", "2026-10-08")])
    assert (after.reason, after.step.key, iso(after.on)) == ("habit", "call", "2026-10-14")
    then = ask("2026-10-15", USUAL, [done("r1", "2026-10-08"), done("call", "2026-10-14")])
    assert (then.reason, then.step.key, iso(then.on)) == ("not_yet", "r2", "2026-10-19")
    before = ask("2026-09-10", USUAL)
    assert (before.reason, before.step.key) == ("not_yet", "pre_due")


def test_a_plan_without_a_friendly_reminder_has_nothing_to_move() -> None:
    firm = compile_steps([step for step in STANDARD.steps if step.key in ("pre_due", "r2", "r3")])
    plain = forecast(item=item(), steps=firm, history=[], calendar=FRANCE, policy=COVERED, today=day("2026-09-01"))
    moved = forecast(item=USUAL, steps=firm, history=[], calendar=FRANCE, policy=COVERED, today=day("2026-09-01"))
    assert plain == moved


# --- an organization's life ---------------------------------------------------------------------------------------------------------------


def pays(customer: Customer, late: list[int], *, amount: str = "1000.00", first: str = "2026-01-15") -> None:
    """Invoices due a month apart from `first`, each paid so many days after its due date."""
    drafts = []
    for number, days in enumerate(late):
        due_on = date.fromisoformat(first) + timedelta(days=30 * number)
        name = f"OLD-{customer.number}-{number}"
        paid = make_invoice(customer, amount=amount, number=name, issued_on=due_on - timedelta(30), due_on=due_on)
        drafts.append(
            PaymentDraft(
                amount=paid.amount,
                received_on=due_on + timedelta(days=days),
                customer=customer,
                external_reference=name,
                allocations=((paid, paid.amount),),
            )
        )
    record_payments(drafts=drafts, actor="system", today=date(2026, 9, 1), now=at("2026-09-01"))


def house_of_a_good_payer() -> tuple[Organization, Customer, Installment]:
    house = open_house()
    with tenant(house):
        customer = make_customer("C1")
        pays(customer, [9, 10, 11, 10, 8, 12, 40])
        owed = make_invoice(customer, amount="1200.00", number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    return house, customer, owed


def where(owed: Installment) -> tuple[str, str, date | None]:
    row = Schedule.objects.get(installment=owed)
    return row.reason, row.next_step_key, row.next_on


@pytest.mark.django_db
def test_a_good_payer_is_waited_for_until_somebody_says_otherwise() -> None:
    house, customer, owed = house_of_a_good_payer()
    live(house, ["2026-10-01", "2026-10-02"])
    with tenant(house):
        habit = PayerHabit.objects.get()
        assert (habit.days, habit.items, habit.paid, habit.usual_amount) == (10, 6, 7, Decimal("1000.00"))
        assert (habit.first_on, habit.latest_on, habit.found_on) == (date(2026, 1, 24), date(2026, 6, 26), date(2026, 10, 1))
        assert where(owed) == ("habit", "r1", date(2026, 10, 8))

        set_habit_aside(customer=customer, reason=" New owner ", actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        assert where(owed) == ("due_now", "r1", date(2026, 10, 5))  # shown at once: the day's run takes it
    with tenant(house):
        event = AuditEvent.objects.get(action="customer.habit_set_aside")
        assert (event.actor, event.body["reason"], event.body["habits"]) == (CLERK, "New owner", {"EUR": 10})
        count_on_habit(customer=customer, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 10))
        assert where(owed) == ("habit", "r1", date(2026, 10, 8))
        kept = HabitSetAside.objects.get()
        assert (kept.reason, kept.set_aside_by, kept.set_aside_on, kept.lifted_by) == ("New owner", CLERK, date(2026, 10, 5), CLERK)
    live(house, ["2026-10-07", "2026-10-08", "2026-10-14"])
    with tenant(house):
        assert [(key, on) for key, _state, on in steps_of(owed) if key in ("r1", "call")] == [("r1", "2026-10-08"), ("call", "2026-10-14")]
        assert AuditEvent.objects.get(action="customer.habit_counted_on").object_id == str(customer.pk)


@pytest.mark.django_db
def test_a_refusal_leaves_everything_as_it_was() -> None:
    house, customer, _owed = house_of_a_good_payer()
    when: dict[str, Any] = {"actor": CLERK, "today": date(2026, 10, 2), "now": at("2026-10-02")}
    with tenant(house):
        with pytest.raises(DomainError, match=r"No habit is counted on for this customer\."):
            set_habit_aside(customer=customer, reason="x", **when)
        find_good_payers(today=date(2026, 10, 2))
        with pytest.raises(DomainError, match=r"Say why this habit is not to be counted on\."):
            set_habit_aside(customer=customer, reason="  ", **when)
        with pytest.raises(DomainError, match=r"Nothing is set aside for this customer\."):
            count_on_habit(customer=customer, **when)
        assert not HabitSetAside.objects.exists()
        set_habit_aside(customer=customer, reason="x", **when)
        with pytest.raises(DomainError, match=r"This habit is set aside already\."):
            set_habit_aside(customer=customer, reason="y", **when)
        assert list(HabitSetAside.objects.values_list("reason", flat=True)) == ["x"]
    with tenant(house):
        assert list(AuditEvent.objects.filter(action__startswith="customer.habit").values_list("action", flat=True)) == [
            "customer.habit_set_aside"
        ]


@pytest.mark.django_db
def test_an_organization_may_wait_for_nobody() -> None:
    house, _customer, owed = house_of_a_good_payer()
    with tenant(house):
        OrganizationProfile.objects.update(follows_habits=False)
    live(house, ["2026-10-01", "2026-10-02"])
    with tenant(house):
        assert PayerHabit.objects.count() == 1
        assert steps_of(owed)[-1] == ("r1", "done", "2026-10-02")


@pytest.mark.django_db
def test_the_record_says_the_habit_in_words() -> None:
    house, _customer, owed = house_of_a_good_payer()
    live(house, ["2026-10-01"])
    with tenant(house), translation.override("en"):
        (found,) = why(invoice=owed.invoice, organization=house, today=date(2026, 10, 2))
        said = why_sentences(found)
        assert "Habit: pays around D+10; the next step, First reminder, waits until 8 October 2026." in said
        assert said[-2] == (
            "What would change it: It goes on by itself on that day; to remind sooner, set the habit aside on the customer's page."
        )
        assert said[-1].startswith(
            "If nothing is paid and everybody does their part: First reminder on 8 October 2026 (habit: pays around D+10), "
            "Call on 14 October 2026 (habit: pays around D+10), Second reminder on 19 October 2026, "
        )
        ahead = timeline(invoice=owed.invoice, organization=house, today=date(2026, 10, 2)).future
        assert [(step.on, step.reason) for step in ahead[:3]] == [
            (date(2026, 10, 8), "Habit: pays around D+10"),
            (date(2026, 10, 14), "Habit: pays around D+10"),
            (date(2026, 10, 19), ""),
        ]


@pytest.mark.django_db
def test_a_habit_that_ends_is_waited_for_no_more() -> None:
    house, _customer, _owed = house_of_a_good_payer()
    with tenant(house):
        find_good_payers(today=date(2026, 10, 1))
        assert PayerHabit.objects.count() == 1
        find_good_payers(today=date(2027, 3, 1))  # the payments of January are more than a year old
        assert not PayerHabit.objects.exists()


@pytest.mark.django_db
def test_habits_are_decided_in_classes_as_they_are_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six customers: two with a habit, one with a habit set aside, one who owes more than twice the usual, two without."""

    def lived() -> list[tuple[Any, ...]]:
        house = open_house()
        with tenant(house):
            customers = [make_customer(f"C{number}") for number in range(6)]
            for customer in customers[:4]:
                pays(customer, [10] * 6)
            for number, customer in enumerate(customers):
                amount = "2000.01" if number == 3 else "1000.00"
                make_invoice(customer, amount=amount, number=f"FA-{number}", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            find_good_payers(today=date(2026, 9, 20))
            when: dict[str, Any] = {"actor": CLERK, "today": date(2026, 9, 20), "now": at("2026-09-20")}
            set_habit_aside(customer=customers[2], reason="x", **when)
        live(house, ["2026-09-24", "2026-09-25", "2026-10-01", "2026-10-02", "2026-10-05", "2026-10-08", "2026-10-09"])
        with tenant(house):
            rows = Schedule.objects.order_by("installment__invoice__number")
            return list(rows.values_list("installment__invoice__number", "last_step_key", "next_step_key", "next_on", "reason"))

    one_by_one = lived()
    assert [(row[0], row[1], row[3]) for row in one_by_one] == [
        ("FA-0", "r1", date(2026, 10, 14)),
        ("FA-1", "r1", date(2026, 10, 14)),
        ("FA-2", "r1", date(2026, 10, 9)),
        ("FA-3", "r1", date(2026, 10, 9)),
        ("FA-4", "r1", date(2026, 10, 9)),
        ("FA-5", "r1", date(2026, 10, 9)),
    ]
    monkeypatch.setattr(calm, "WORTH_IT", 0)
    assert lived() == one_by_one


@pytest.mark.django_db
def test_who_waits_for_a_habit_is_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calm, "WORTH_IT", 0)
    house, _customer, _owed = house_of_a_good_payer()
    live(house, ["2026-10-01", "2026-10-02"])
    with tenant(house):
        frame = load_frame(house, date(2026, 10, 5))
        tally = calm.Tally()
        customers = [(str(pk), str(pk)) for pk in Installment.objects.filter(outstanding__gt=0).values_list("customer", flat=True)]
        assert calm.set_apart(frame, customers, tally) == []
        assert (tally.items, dict(tally.decisions["wait"])) == (1, {"habit": 1})


@pytest.mark.django_db
def test_the_facts_of_a_batch_take_as_many_questions_with_habits_as_without(django_assert_num_queries: Any) -> None:
    house, customer, _owed = house_of_a_good_payer()
    with tenant(house):
        frame = load_frame(house, date(2026, 10, 1))
        load_batch(frame, [str(customer.pk)])  # what is prepared once is prepared
        with django_assert_num_queries(4):
            assert load_batch(frame, [str(customer.pk)]).cases[0].item.habit is None
        find_good_payers(today=date(2026, 10, 1))
        with django_assert_num_queries(4):
            assert load_batch(frame, [str(customer.pk)]).cases[0].item.habit == Habit(10, 1_000_00)


@pytest.mark.django_db
def test_a_draft_tried_and_run_dry_says_what_waits_for_a_habit() -> None:
    house, _customer, owed = house_of_a_good_payer()
    live(house, ["2026-10-01"])
    today = date(2026, 10, 2)
    with tenant(house):
        plan = ActionPlan.objects.get(key="standard")
        draft = begin_draft(plan=plan, actor=CLERK, now=at("2026-10-02"))
        with translation.override("en"):
            (tried,) = try_on_invoice(draft=draft, invoice=owed.invoice, organization=house, today=today)
            assert [(line.name, line.on, line.why) for line in tried.lines if line.kind == "step"][:3] == [
                ("First reminder", date(2026, 10, 8), "1 day after the due date. Habit: pays around D+10: it waits for the usual pay run."),
                ("Call", date(2026, 10, 14), "7 days after the previous step. Habit: pays around D+10: it waits for the usual pay run."),
                ("Second reminder", date(2026, 10, 19), "5 days after the previous step"),
            ]
        asked = ask_dry_run(draft_id=draft.pk, instead_of=plan, organization=house, today=today, actor=CLERK, now=at("2026-10-02"))
    assert go_on(dry_run_id=asked.pk, organization=house, today=today, now=at("2026-10-02"), budget=60)
    with tenant(house):
        report = dry_run_report(draft)
        assert report is not None
        assert (report.before.by_habit, report.after.by_habit) == (1, 1)
        assert [(row.step, row.on) for row in report.after.rows[:2]] == [("r1", date(2026, 10, 8)), ("call", date(2026, 10, 14))]
