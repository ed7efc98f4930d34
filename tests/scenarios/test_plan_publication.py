"""Putting a draft in force: what it would do is said first, and done as said."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dunning.core.errors import StaleObject
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message, MessageTemplate
from scenarios import plan_editing
from scenarios.enums import Anchor
from scenarios.following import amounts_following, followings
from scenarios.models import Action, ActionPlan, PlanDraft, PlanVersion, Schedule
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_files import dump_plan_file, parse_plan_file
from scenarios.plan_words import difference_words
from scenarios.selectors.plans import plan_view, plan_views
from scenarios.services import plan_publication
from scenarios.services.dry_runs import ask_dry_run, go_on
from scenarios.services.plan_drafts import begin_draft, begin_from_file, begin_new, draft_content, remove_step, save_options, save_step
from scenarios.services.plan_exchange import PlanRefused, export_plan
from scenarios.services.plan_publication import Consequences, consequences, publish_draft
from scenarios.services.plans import Publication, Target, assign_plan, publish_plan
from scenarios.shipped import shipped_plans
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on

pytestmark = pytest.mark.django_db

STANDARD = shipped_plans()["standard"]
TODAY = date(2026, 10, 2)
NOW = at("2026-10-02")


@pytest.fixture
def house() -> Organization:
    """Two invoices of the standard plan, reminded on 2 October, the second message waiting for nine o'clock; one of the firm plan."""
    organization = open_house()
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL")
        make_invoice(durand, number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        make_invoice(make_customer("C2"), number="FA-2", amount="800.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        make_invoice(
            make_customer("C3"), number="FA-3", amount="99.00", received_at=NOW, issued_on=date(2026, 9, 10), due_on=date(2026, 10, 20)
        )
        firm = make_customer("C4")
        make_invoice(firm, number="FA-4", amount="50.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        plan = ActionPlan.objects.get(key="firm")
        assign_plan(plan=plan, target=Target(customer=firm), since=date(2026, 9, 1), actor=CLERK, now=at("2026-09-01"))
    run_on(organization, "2026-10-02", deliver=False)
    return organization


def _draft(**fields: object) -> PlanDraft:
    """The standard plan with its first reminder three days after the due date, or with other fields of that step."""
    draft = begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)
    r1 = plan_editing.find_step(STANDARD, "r1")
    return save_step(draft_id=draft.pk, revision=1, step=replace(r1, **(fields or {"offset": 3})), actor=CLERK, now=NOW)  # type: ignore[arg-type]


def _look(organization: Organization, draft: PlanDraft) -> Consequences:
    return consequences(draft=draft, organization=organization, today=TODAY)


def _publish(organization: Organization, draft: PlanDraft, **seen: int) -> Publication:
    told = {"revision": draft.revision, "in_force": 1, **seen}
    return publish_draft(draft_id=draft.pk, organization=organization, today=TODAY, actor=CLERK, now=NOW, **told)


@pytest.mark.parametrize("dollars", [{}, {"USD": Decimal("7.00")}])
def test_a_plan_s_record_says_of_what_follows_it_what_the_list_says(house: Organization, dollars: dict[str, Decimal]) -> None:
    """And what the saved file says, which counts the customers too; with one currency, by which nothing is told apart, and with two."""
    for amount in dollars.values():
        with tenant(house):
            make_invoice(
                make_customer("C5"), number="U-1", currency="USD", amount=amount, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)
            )
    run_on(house, "2026-10-05", deliver=False)
    with tenant(house):
        saved, listed = ({view.plan.pk: view.following for view in plan_views(counted=by)} for by in (followings, amounts_following))
        alone = {pk: plan_view(pk).following for pk in listed}
        for seen in (listed, alone):
            assert {pk: (one.items, one.amounts) for pk, one in seen.items()} == {pk: (one.items, one.amounts) for pk, one in saved.items()}
        assert not any(view.following.items for view in plan_views())  # nothing is counted where plans are only named
        standard = saved[ActionPlan.objects.get(key="standard").pk]
        assert (standard.items, standard.amounts) == (3 + len(dollars), {"EUR": Decimal("2099.00"), **dollars})
        assert standard.customers == 3  # of the currency in which most customers owe


def test_what_it_would_do_is_counted_and_said(house: Organization) -> None:
    with tenant(house):
        found = _look(house, _draft())
        assert [difference_words(change) for change in found.changes] == [
            "“First reminder” comes 3 days after the due date instead of 1 day after the due date."
        ]
        assert (found.refusals, found.warnings, found.overtaken) == ([], [], None)
        assert (found.following.items, found.following.customers, found.following.amounts) == (3, 3, {"EUR": Decimal("2099.00")})
        # two are in the first reminder already, and the third comes to an earlier step first
        assert (found.moved, found.waiting) == (0, 2)
        pre_due = replace(plan_editing.find_step(STANDARD, "pre_due"), offset=-5)
        again = _look(house, save_step(draft_id=PlanDraft.objects.get().pk, revision=2, step=pre_due, actor=CLERK, now=NOW))
        assert again.moved == 1
        assert PlanVersion.objects.filter(plan__key="standard").count() == 1


def test_publishing_makes_a_version_and_the_schedule_shows_it_at_once(house: Organization) -> None:
    with tenant(house):
        draft = _draft()
        draft = save_step(
            draft_id=draft.pk,
            revision=2,
            step=replace(plan_editing.find_step(STANDARD, "pre_due"), offset=-5),
            actor=CLERK,
            now=NOW,
        )
        done = _publish(house, draft)
        assert (done.is_new, done.version.number, done.version.published_by) == (True, 2, CLERK)
        assert not PlanDraft.objects.exists()
        assert Schedule.objects.get(installment__invoice__number="FA-3").next_on == date(2026, 10, 15)
        assert set(Message.objects.values_list("state", flat=True)) == {"queued"}  # what is under way stays


def test_a_message_of_a_step_that_is_gone_is_withdrawn(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)
        content = PlanContent(key="standard", name="Standard", steps=(StepContent(**_only_a_call()),))
        revision = 1
        for step in STANDARD.steps:
            if step.key != "call":
                draft = remove_step(draft_id=draft.pk, revision=revision, key=step.key, actor=CLERK, now=NOW)
                revision += 1
        draft = save_step(draft_id=draft.pk, revision=revision, step=content.steps[0], actor=CLERK, now=NOW)
        assert _look(house, draft).waiting == 2
        _publish(house, draft)
        waiting = Message.objects.filter(customer__number__in=["C1", "C2"])
        assert set(waiting.values_list("state", flat=True)) == {"cancelled"}
        closed = Action.objects.filter(step_key="r1", installment__invoice__number__in=["FA-1", "FA-2"])
        assert set(closed.values_list("state", "reason")) == {("taken_back", "superseded")}


def _only_a_call() -> dict[str, object]:
    call = plan_editing.find_step(STANDARD, "call")
    return {
        "key": "call",
        "name": call.name,
        "phase": call.phase,
        "channel": call.channel,
        "task_kind": call.task_kind,
        "anchor": Anchor.DUE,
        "offset": 8,
    }


def test_a_plan_that_cannot_work_is_refused_and_stays_a_draft(house: Organization) -> None:
    with tenant(house):
        draft = _draft(template="")
        assert _look(house, draft).refusals == ["“r1” writes to the customer and names no text: choose one."]
        with pytest.raises(PlanRefused, match="names no text"):
            _publish(house, draft)
        assert PlanDraft.objects.filter(pk=draft.pk).exists()
        assert PlanVersion.objects.filter(plan__key="standard").count() == 1


def test_what_was_read_about_is_what_is_published(house: Organization) -> None:
    with tenant(house):
        draft = _draft()
        with pytest.raises(StaleObject, match="Nothing was published"):
            _publish(house, draft, revision=1)
        publish_plan(content=replace(STANDARD, thanks=False), actor="user:paul", now=NOW)
        overtaken = _look(house, draft)
        assert overtaken.overtaken is not None and overtaken.overtaken.number == 2
        assert "The plan now thanks for payments." in [difference_words(change) for change in overtaken.changes]
        with pytest.raises(StaleObject):
            _publish(house, draft)
        assert _publish(house, draft, in_force=2).version.number == 3


def test_a_new_plan_is_followed_by_nobody_yet(house: Organization) -> None:
    with tenant(house):
        draft = begin_new(name="Doux", like=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)
        found = _look(house, draft)
        assert (found.in_force, found.following.items, found.moved, found.waiting, list(found.changes)) == (None, 0, 0, 0, [])
        done = _publish(house, draft, in_force=0)
        assert (done.plan.key, done.version.number, done.plan.name) == ("doux", 1, "Doux")


def test_names_alone_make_no_version_and_move_nothing(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)
        draft = save_options(draft_id=draft.pk, revision=1, name="Courant", name_en="Usual", actor=CLERK, now=NOW)
        assert _look(house, draft).moved == 0
        done = _publish(house, draft)
        assert (done.is_new, done.is_renamed, ActionPlan.objects.get(key="standard").name) == (False, True, "Courant")


def test_the_texts_of_a_file_are_put_in_force_with_it(house: Organization) -> None:
    with tenant(house):
        source = export_plan(key="standard", with_texts=True)
        parsed = parse_plan_file(source)
        (mine,) = [text for text in parsed.texts if (text.key, text.language, text.variant) == ("pre_due", "fr", "")]
        others = tuple(text for text in parsed.texts if text != mine)
        changed = dump_plan_file(replace(parsed, texts=(*others, replace(mine, subject="Votre facture arrive à échéance"))))
        draft = begin_from_file(source=changed, actor=CLERK, now=NOW)
        assert _look(house, draft).texts == 1
        _publish(house, draft)
        now = MessageTemplate.objects.get(key="pre_due", language="fr", variant="", is_current=True)
        assert (now.subject, now.version, now.is_shipped) == ("Votre facture arrive à échéance", 2, False)
        assert draft_content(draft) == STANDARD


def test_beyond_what_a_page_may_count_a_dry_run_does(house: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_publication, "COUNTED_AT_ONCE", 1)
    with tenant(house):
        draft = begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)
        pre_due = replace(plan_editing.find_step(STANDARD, "pre_due"), offset=-5)
        draft = save_step(draft_id=draft.pk, revision=1, step=pre_due, actor=CLERK, now=NOW)
        assert _look(house, draft).moved is None
        plan = ActionPlan.objects.get(key="standard")
        asked = ask_dry_run(draft_id=draft.pk, instead_of=plan, organization=house, today=TODAY, actor=CLERK, now=NOW)
        assert go_on(dry_run_id=asked.pk, organization=house, today=TODAY, now=NOW, budget=60)
        assert _look(house, draft).moved == 1
