"""A plan being written: changed step by step, by several people, without anybody's work being lost; what changed, in words."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dunning.core.enums import Channel, Phase
from dunning.core.errors import DomainError, StaleObject
from dunning.core.models import AuditEvent, Organization, User
from dunning.core.tenancy import tenant
from scenarios import plan_editing
from scenarios.enums import Anchor, Consequence, Grouping, OffsetUnit, TaskKind
from scenarios.models import ActionPlan, PlanDraft
from scenarios.plan_content import MOST_STEPS, PlanContent, StepContent
from scenarios.plan_differences import differences
from scenarios.plan_store import current_version
from scenarios.plan_words import difference_words
from scenarios.services.plan_drafts import (
    add_step,
    begin_draft,
    begin_from_file,
    begin_from_version,
    begin_new,
    discard_draft,
    draft_content,
    draft_file,
    move_step,
    remove_step,
    save_options,
    save_step,
    set_step_day,
    undo_change,
)
from scenarios.services.plan_exchange import export_plan
from scenarios.services.plans import publish_plan
from scenarios.services.setup import set_up_organization
from scenarios.shipped import shipped_plans
from tests.factories import make_organization

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
ACTOR = "user:0199aaaa-0000-7000-8000-000000000001"
STANDARD = shipped_plans()["standard"]


def step(key: str, **fields: object) -> StepContent:
    usual = {"name": key.upper(), "phase": Phase.FRIENDLY, "channel": Channel.EMAIL, "anchor": Anchor.DUE, "offset": 1, "template": "r1"}
    return StepContent(key=key, **{**usual, **fields})  # type: ignore[arg-type]


def plan(*steps: StepContent, **fields: object) -> PlanContent:
    return PlanContent(**{"key": "court", "name": "Court", "steps": steps, **fields})  # type: ignore[arg-type]


# --- pure --------------------------------------------------------------------------------------------------------------------------------


def test_the_standard_plan_is_drawn_around_its_due_date() -> None:
    days = dict(zip((found.key for found in STANDARD.steps), plan_editing.usual_days(STANDARD.steps), strict=True))
    assert days == {
        "receipt_check": -25,
        "pre_due": -7,
        "due_day_notice": 0,
        "r1": 1,
        "call": 8,
        "r2": 13,
        "r3": 24,
        "formal_notice": 35,
        "hand_over": 46,
    }


def test_a_step_put_on_another_day_takes_along_what_is_counted_from_it() -> None:
    moved = plan_editing.redate_step(STANDARD, "call", 10)
    assert plan_editing.find_step(moved, "call").offset == 9
    assert plan_editing.usual_days(moved.steps) == [-25, -7, 0, 1, 10, 15, 26, 37, 48]


def test_business_days_take_the_nearest_figure() -> None:
    content = plan(step("r1"), step("r2", anchor=Anchor.PREVIOUS, offset=5, unit=OffsetUnit.BUSINESS_DAYS))
    assert plan_editing.usual_days(content.steps) == [1, 8]
    assert plan_editing.find_step(plan_editing.redate_step(content, "r2", 15), "r2").offset == 10
    assert plan_editing.find_step(plan_editing.redate_step(content, "r2", 100_000), "r2").offset == plan_editing.LONGEST_OFFSET


def test_a_step_taken_out_is_cited_no_more() -> None:
    without = plan_editing.remove_step(STANDARD, "r2")
    assert [found.key for found in without.steps] == [found.key for found in STANDARD.steps if found.key != "r2"]
    assert plan_editing.find_step(without, "r3").requires == ("r1",)
    assert plan_editing.find_step(without, "formal_notice").requires == ("r1", "r3")


def test_steps_change_places_as_far_as_there_is_room() -> None:
    content = plan(step("a"), step("b"), step("c"))
    assert [found.key for found in plan_editing.move_step(content, "a", 1).steps] == ["b", "a", "c"]
    assert [found.key for found in plan_editing.move_step(content, "a", -5).steps] == ["a", "b", "c"]
    assert [found.key for found in plan_editing.move_step(content, "a", 9).steps] == ["b", "c", "a"]


def test_a_plan_takes_forty_steps_and_no_more() -> None:
    full = plan(*(step(f"s{number}") for number in range(MOST_STEPS)))
    with pytest.raises(plan_editing.TooManySteps):
        plan_editing.add_step(full, step("more"))
    assert plan_editing.free_key(full, "s1") == "s1-2"
    assert len(plan_editing.free_key(plan(step("x" * 40)), "x" * 60)) == 40


def test_the_same_plan_has_no_difference() -> None:
    assert differences(STANDARD, STANDARD) == []


def test_only_what_left_its_order_is_said_to_be_moved() -> None:
    old = plan(step("a"), step("b"), step("c"), step("d"))
    new = plan(step("b"), step("c"), step("d"), step("a"))
    assert [(found.code, found.step) for found in differences(old, new)] == [("reordered", "a")]


def test_everything_that_changed_is_said_in_a_sentence_each() -> None:
    old = plan(
        step("a", name="Premier", name_en="First"),
        step(
            "b", name="Appel", name_en="Call", channel=Channel.CALL, template="", task_kind=TaskKind.CALL, anchor=Anchor.PREVIOUS, offset=7
        ),
        step("c", name="Dernier", name_en="Last", phase=Phase.FIRM, offset=20, term_days=8),
    )
    new = replace(
        old,
        name="Autre",
        grouping=Grouping.ITEM,
        minimum_amount=Decimal("15.00"),
        spacing_days=5,
        thanks=True,
        steps=(
            replace(old.steps[0], offset=3, template="r1_soft", conditions={"at_least": 500, "no_promise": True}, needs_approval=True),
            replace(
                old.steps[2],
                name="Ultime",
                name_en="Final",
                phase=Phase.LEGAL,
                channel=Channel.REGISTERED,
                term_days=None,
                announces=Consequence.HAND_OVER,
                executes=Consequence.FORMAL_NOTICE,
                requires=("a",),
                contact_roles=("management",),
            ),
            step("sms", name="SMS", name_en="Text", channel=Channel.SMS, anchor=Anchor.PREVIOUS, offset=2, unit=OffsetUnit.BUSINESS_DAYS),
        ),
    )
    assert [difference_words(found) for found in differences(old, new)] == [
        "The plan is now called “Autre” (before: “Court”).",
        "One message covers something else: One message per invoice (before: One message per customer).",
        "Nobody is chased who owes no more than 15.00 (before: 0.00).",
        "Business days between two messages: 5 (before: the organization's usual).",
        "The plan now thanks for payments.",
        "“First” comes 3 days after the due date instead of 1 day after the due date.",
        "“First” uses another text: r1_soft (before: r1).",
        "“First” has another condition: the amount asked for reaches 500; No promise was ever made (before: always).",
        "“First” now waits for a person's approval.",
        "“Last” is now called “Final”.",
        "“Final” has the tone “Legal” instead of “Firm”.",
        "“Final” goes by another channel: Registered letter (before: E-mail).",
        "“Final” cites other steps: a (before: none).",
        "“Final” gives another term: none (before: 8 days).",
        "“Final” announces something else: Hand-over for recovery (before: nothing).",
        "“Final” carries out something else: Formal notice (before: nothing).",
        "“Final” is written to others first: Management (before: the usual chain).",
        "“Text” is new, 2 business days after the previous step.",
        "“Call” is gone.",
    ]
    back = [difference_words(found) for found in differences(new, old)]
    assert "The plan no longer thanks for payments." in back and "“First” no longer waits for a person's approval." in back


# --- kept between visits -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def house(db: None) -> Organization:
    organization = make_organization()
    set_up_organization(organization=organization, actor="system", now=NOW)
    return organization


def _standard() -> ActionPlan:
    return ActionPlan.objects.get(key="standard")


def test_a_draft_says_what_the_version_in_force_says_and_is_found_again(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=_standard(), actor=ACTOR, now=NOW)
        assert draft_content(draft) == STANDARD
        assert draft.based_on == current_version(_standard())
        changed = remove_step(draft_id=draft.pk, revision=1, key="call", actor=ACTOR, now=LATER)
        again = begin_draft(plan=_standard(), actor="user:paul", now=LATER)
        assert (again.pk, again.revision, again.begun_by) == (draft.pk, 2, ACTOR)
        assert draft_content(again) == draft_content(changed) != STANDARD


def test_a_new_plan_is_named_and_may_start_like_another(house: Organization) -> None:
    with tenant(house):
        empty = begin_new(name="Très doux", name_en="Very soft", actor=ACTOR, now=NOW)
        assert (empty.key, draft_content(empty).steps, empty.based_on) == ("tres-doux", (), None)
        copy = begin_new(name="Très doux", like=_standard(), actor=ACTOR, now=NOW)
        assert copy.key == "tres-doux-2"
        assert draft_content(copy).steps == STANDARD.steps
        assert (draft_content(copy).name, draft_content(copy).thanks, draft_content(copy).description) == ("Très doux", True, "")
        with pytest.raises(DomainError, match="a name with letters"):
            begin_new(name="***", actor=ACTOR, now=NOW)


def test_each_change_is_kept_audited_and_can_be_taken_back(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=_standard(), actor=ACTOR, now=NOW)
        r1 = plan_editing.find_step(STANDARD, "r1")
        draft = save_step(draft_id=draft.pk, revision=1, step=replace(r1, offset=3), actor=ACTOR, now=NOW)
        draft, key = add_step(
            draft_id=draft.pk,
            revision=2,
            step=StepContent(
                key="", name="Un SMS", phase=Phase.FRIENDLY, channel=Channel.SMS, anchor=Anchor.PREVIOUS, offset=1, template="sms_r2"
            ),
            after="r1",
            actor=ACTOR,
            now=NOW,
        )
        draft = move_step(draft_id=draft.pk, revision=3, key=key, by=1, actor=ACTOR, now=NOW)
        draft = set_step_day(draft_id=draft.pk, revision=4, key="pre_due", day=-10, actor=ACTOR, now=NOW)
        draft = save_options(draft_id=draft.pk, revision=5, minimum_amount=Decimal("20.00"), thanks=False, actor=ACTOR, now=NOW)
        content = draft_content(draft)
        assert (key, draft.revision) == ("un-sms", 6)
        assert [found.key for found in content.steps][3:6] == ["r1", "call", "un-sms"]
        assert (plan_editing.find_step(content, "r1").offset, plan_editing.find_step(content, "pre_due").offset) == (3, -10)
        assert (content.minimum_amount, content.thanks) == (Decimal("20.00"), False)
        back = undo_change(draft_id=draft.pk, revision=6, actor=ACTOR, now=NOW)
        assert draft_content(back).thanks is True
        assert draft_content(undo_change(draft_id=draft.pk, revision=7, actor=ACTOR, now=NOW)) == content
    with tenant(house):
        told = AuditEvent.objects.filter(action="plan.draft_changed").order_by("sequence").values_list("body__what", flat=True)
        assert list(told) == [
            "changed r1", "added un-sms", "moved un-sms", "redated pre_due", "changed the plan", "took back a change", "took back a change",
        ]  # fmt: skip


def test_what_somebody_else_changed_is_not_overwritten(house: Organization) -> None:
    paul = User.objects.create_user("paul@atelier.example", name="Paul Martin")
    with tenant(house):
        draft = begin_draft(plan=_standard(), actor=ACTOR, now=NOW)
        remove_step(draft_id=draft.pk, revision=1, key="call", actor=f"user:{paul.pk}", now=NOW)
        before = PlanDraft.objects.get().source
        with pytest.raises(StaleObject, match="Paul Martin has changed this plan"):
            move_step(draft_id=draft.pk, revision=1, key="r1", by=1, actor=ACTOR, now=LATER)
        with pytest.raises(StaleObject):
            discard_draft(draft_id=draft.pk, revision=1, actor=ACTOR, now=LATER)
        kept = PlanDraft.objects.get()
        assert (kept.source, kept.revision, kept.changed_at) == (before, 2, NOW)


def test_a_change_that_changes_nothing_counts_for_nothing(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=_standard(), actor=ACTOR, now=NOW)
        same = save_step(draft_id=draft.pk, revision=1, step=plan_editing.find_step(STANDARD, "r1"), actor=ACTOR, now=LATER)
        assert (same.revision, same.before) == (1, "")
        with pytest.raises(DomainError, match="no change to take back"):
            undo_change(draft_id=draft.pk, revision=1, actor=ACTOR, now=LATER)
        with pytest.raises(DomainError, match="not in the plan any more"):
            remove_step(draft_id=draft.pk, revision=1, key="gone", actor=ACTOR, now=LATER)


def test_a_draft_given_up_leaves_the_plan_as_it_is(house: Organization) -> None:
    with tenant(house):
        draft = begin_draft(plan=_standard(), actor=ACTOR, now=NOW)
        discard_draft(draft_id=draft.pk, revision=1, actor=ACTOR, now=LATER)
        assert not PlanDraft.objects.exists()
        version = current_version(_standard())
        assert version is not None and version.number == 1


def test_a_file_becomes_a_draft_with_its_texts_and_replaces_one_only_when_told_to(house: Organization) -> None:
    with tenant(house):
        source = export_plan(key="consumer", with_texts=True)
        draft = begin_from_file(source=source, actor=ACTOR, now=NOW)
        assert (draft.key, draft_content(draft)) == ("consumer", shipped_plans()["consumer"])
        assert {text.key for text in draft_file(draft).texts} >= {"r1_consumer"}
        assert begin_from_file(source=source, actor=ACTOR, now=NOW).revision == 1
        changed = remove_step(draft_id=draft.pk, revision=1, key=draft_content(draft).steps[0].key, actor=ACTOR, now=NOW)
        with pytest.raises(DomainError, match="is being written already") as refused:
            begin_from_file(source=source, actor=ACTOR, now=LATER)
        assert refused.value.field == "replace_draft" and PlanDraft.objects.get().source == changed.source
        replaced = begin_from_file(source=source, replace_draft=True, actor=ACTOR, now=LATER)
        assert (replaced.revision, draft_content(replaced)) == (3, shipped_plans()["consumer"])


def test_an_earlier_version_comes_back_as_a_draft(house: Organization) -> None:
    with tenant(house):
        first = current_version(_standard())
        assert first is not None
        publish_plan(content=replace(STANDARD, name="Le nôtre", steps=STANDARD.steps[:5]), actor=ACTOR, now=NOW)
        draft = begin_from_version(version=first, actor=ACTOR, now=LATER)
        assert draft_content(draft) == replace(STANDARD, name="Le nôtre")
        assert draft.based_on is not None and draft.based_on.number == 2
