"""A dry run foretells what the daily run then does, in slices, beside the plan in force, and says what it does not know."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from dunning.core.enums import Channel, Phase
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.enums import ProviderKind
from notifications.models import Message
from notifications.services import set_provider
from scenarios.enums import Anchor
from scenarios.models import Action, ActionPlan, DryRun, PlanDraft, Schedule
from scenarios.plan_content import PlanContent, StepContent
from scenarios.selectors.dry_runs import DryRunReport, dry_run_report
from scenarios.services.dry_runs import ask_dry_run, go_on
from scenarios.services.plan_drafts import begin_draft, begin_new, remove_step, save_step, set_step_day
from scenarios.services.plans import Target, assign_plan, publish_plan
from scenarios.tasks import dry_run
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on

pytestmark = pytest.mark.django_db

TODAY = date(2026, 10, 1)
NOW = at("2026-10-01", 5)
SHORT = PlanContent(
    key="court",
    name="Court",
    steps=(
        StepContent("pre_due", "Avant", Phase.SERVICE, Channel.EMAIL, Anchor.DUE, -7, template="pre_due"),
        StepContent("r1", "Rappel", Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, name_en="Reminder", template="r1"),
        StepContent("r2", "Relance", Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 9, template="r2", requires=("r1",), term_days=8),
        StepContent("sms", "SMS", Phase.FIRM, Channel.SMS, Anchor.PREVIOUS, 2, template="sms_firm", conditions={"can_receive": True}),
    ),
)


@pytest.fixture
def house() -> Organization:
    """Everybody follows a short plan without calls; four customers, one of whom pays for another, one who cannot be reached."""
    organization = open_house(sms_sender="ATELIER")
    with tenant(organization):
        plan = publish_plan(content=SHORT, actor=CLERK, now=NOW).plan
        assign_plan(plan=plan, since=date(2000, 1, 1), actor=CLERK, now=NOW)
        payer = make_customer("C1", phone="+33612345678")
        for number, (customer, due) in enumerate(
            [
                (payer, date(2026, 9, 20)),
                (make_customer("C2", payer=payer), date(2026, 10, 5)),
                (make_customer("C3"), date(2026, 10, 14)),
                (payer, date(2026, 10, 20)),
                (make_customer("C4", email="", address_line1="", city=""), date(2026, 10, 6)),
            ],
            start=1,
        ):
            make_invoice(customer, number=f"FA-{number}", amount=f"{number}00.00", issued_on=due - timedelta(days=30), due_on=due)
    return organization


def _draft(**fields: object) -> PlanDraft:
    return begin_draft(plan=ActionPlan.objects.get(key="court"), actor=CLERK, now=NOW)


def _ask(organization: Organization, draft: PlanDraft, instead_of: str = "court") -> DryRun:
    plan = ActionPlan.objects.get(key=instead_of)
    return ask_dry_run(draft_id=draft.pk, instead_of=plan, organization=organization, today=TODAY, actor=CLERK, now=NOW)


def _finish(organization: Organization, draft: PlanDraft, instead_of: str = "court") -> DryRunReport:
    asked = _ask(organization, draft, instead_of)
    assert go_on(dry_run_id=asked.pk, organization=organization, today=TODAY, now=NOW, budget=60) is True
    report = dry_run_report(draft)
    assert report is not None
    return report


def test_what_it_foretells_is_what_the_daily_runs_then_do(house: Organization) -> None:
    with tenant(house):
        report = _finish(house, _draft())
        foretold = Counter[tuple[date, str, str]]()
        for row in report.before.rows:
            foretold[row.on, row.channel.value, row.step] += row.n
        assert (report.run.starts_on, report.run.ends_on, report.moved) == (TODAY, date(2026, 10, 30), 0)
        assert report.before == report.after
        assert (report.before.customers, report.before.unreached) == (2, 1)  # the payer is written to for both, C4 by nobody
        assert report.before.unreached_amounts == {"EUR": Decimal("500.00")}
    day = report.run.starts_on
    while day <= report.run.ends_on:
        run_on(house, day.isoformat())
        day += timedelta(days=1)
    with tenant(house):
        happened = Counter(
            (message.planned_on, message.channel, str(message.details["step"]))
            for message in Message.objects.filter(kind="reminder", accepted_at__isnull=False)
        )
    assert sum(foretold.values()) >= 8
    assert foretold == happened


def test_nothing_is_written_but_the_dry_run_itself(house: Organization) -> None:
    with tenant(house):
        _finish(house, _draft())
        assert (Message.objects.count(), Action.objects.count(), Schedule.objects.count()) == (0, 0, 0)


def test_the_draft_stands_beside_the_plan_in_force(house: Organization) -> None:
    with tenant(house):
        draft = set_step_day(draft_id=_draft().pk, revision=1, key="r1", day=4, actor=CLERK, now=NOW)
        draft = remove_step(draft_id=draft.pk, revision=2, key="sms", actor=CLERK, now=NOW)
        report = _finish(house, draft)
        assert report.before != report.after
        counts = {step.name: (step.channel.value, step.counts.before, step.counts.after) for step in report.steps}
        assert counts["SMS"][0] == "sms" and counts["SMS"][1] > 0 == counts["SMS"][2]
        first = [row.on for row in report.after.rows if row.step == "r1" and row.items == 1]
        assert date(2026, 10, 19) in first  # C3's: the 18th is a Sunday
        assert report.moved == 0  # today each item's next step is the same on both roads
        assert sum(pair.after for _on, pair, _by in report.days) == report.after.messages + report.after.by_hand
        nearer = set_step_day(draft_id=draft.pk, revision=3, key="pre_due", day=-5, actor=CLERK, now=NOW)
        assert _finish(house, nearer).moved == 2


def test_costs_are_by_channel_and_what_has_no_price_is_said(house: Organization) -> None:
    with tenant(house):
        unpriced = _finish(house, _draft())
        assert {cost.channel.value: (cost.unit, cost.after) for cost in unpriced.costs} == {"email": (None, None), "sms": (None, None)}
        assert [channel.value for channel in unpriced.unpriced] == ["email", "sms"]
        for channel, price in (("email", "0.004"), ("sms", "0.065")):
            kind = ProviderKind.POST_OFFICE
            set_provider(channel=channel, kind=kind, actor=CLERK, now=NOW, settings={"unit_cost": price})
        report = dry_run_report(PlanDraft.objects.get())
        assert report is not None and report.unpriced == []
        by_channel = {cost.channel.value: cost for cost in report.costs}
        emails = by_channel["email"]
        assert emails.after == Decimal("0.004") * emails.counts.after
        (parts,) = report.parts.values()
        assert by_channel["sms"].after == Decimal("0.065") * by_channel["sms"].counts.after * parts
        assert report.after.cost == sum(cost.after for cost in report.costs if cost.after is not None)


def test_it_goes_on_where_it_stopped_and_comes_to_the_same_end(house: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenarios.services import dry_runs

    with tenant(house):
        whole = _finish(house, _draft())
        monkeypatch.setattr(dry_runs, "AT_ONCE", 1)
        asked = _ask(house, PlanDraft.objects.get())
        assert (asked.total, asked.done) == (4, 0)
        steps = 0
        while go_on(dry_run_id=asked.pk, organization=house, today=TODAY, now=NOW, budget=0) is False:
            steps += 1
            halfway = dry_run_report(PlanDraft.objects.get())
            assert halfway is not None and 0 < halfway.run.done < 4 and not halfway.is_done
        assert steps >= 2
        report = dry_run_report(PlanDraft.objects.get())
        assert report is not None
        assert (report.run.done, report.before, report.after) == (4, whole.before, whole.after)
        assert go_on(dry_run_id=asked.pk, organization=house, today=TODAY, now=NOW, budget=0) is True


def test_a_worker_brings_it_to_its_end_and_leaves_one_alone_that_was_given_up(house: Organization) -> None:
    with tenant(house):
        asked = _ask(house, _draft())
        again = _ask(house, PlanDraft.objects.get())
    dry_run(organization_id=str(house.pk), dry_run_id=str(asked.pk))
    dry_run(organization_id=str(house.pk), dry_run_id=str(again.pk))
    with tenant(house):
        assert DryRun.objects.get().finished_at is not None


def test_a_new_plan_is_tried_on_those_who_follow_another(house: Organization) -> None:
    with tenant(house):
        draft = begin_new(name="Doux", like=ActionPlan.objects.get(key="court"), actor=CLERK, now=NOW)
        report = _finish(house, draft)
        # assigned today, what is late already enters at the first reminder, and what is to come goes on as before
        assert report.run.total == 4
        assert {row.step for row in report.after.rows} == {row.step for row in report.before.rows}
        assign_plan(plan=ActionPlan.objects.get(key="firm"), target=Target(customer=None), since=TODAY, actor=CLERK, now=NOW)
        assert _finish(house, draft).run.total == 0
        assert _finish(house, draft, "firm").run.total == 4


def test_the_day_begins_tomorrow_once_today_was_run(house: Organization) -> None:
    run_on(house, "2026-10-01")
    with tenant(house):
        report = _finish(house, _draft())
        assert report.run.starts_on == date(2026, 10, 2)
        assert all(row.on > TODAY for row in report.before.rows)


def test_a_draft_that_cannot_work_is_not_run(house: Organization) -> None:
    with tenant(house):
        draft = _draft()
        broken = save_step(draft_id=draft.pk, revision=1, step=replace(SHORT.steps[1], template=""), actor=CLERK, now=NOW)
        with pytest.raises(DomainError, match="names no text: choose one"):
            _ask(house, broken)
        assert not DryRun.objects.exists()
