"""The plan pages: who may do what, a draft changed from its forms and buttons, stale forms, files, publication, assignment."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import CustomerGroup
from dunning.core.enums import Role
from dunning.core.tenancy import tenant
from scenarios.models import ActionPlan, PlanAssignment, PlanDraft, PlanVersion, Schedule
from scenarios.services.plan_drafts import begin_draft, draft_content
from tests.dashboard.conftest import NOW, House, sign_in
from tests.scenarios.houses import CLERK

STEP = {
    "revision": "1",
    "name": "Premier rappel",
    "name_en": "First reminder",
    "channel": "email",
    "days": "3",
    "unit": "days",
    "side": "after",
    "anchor": "due",
    "phase": "20",
    "template": "r1",
}


@pytest.fixture
def draft(house: House) -> PlanDraft:
    with tenant(house.organization):
        return begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)


def _plan(house: House, key: str = "standard") -> ActionPlan:
    with tenant(house.organization):
        return ActionPlan.objects.get(key=key)


def _now(house: House) -> PlanDraft:
    with tenant(house.organization):
        return PlanDraft.objects.get()


def _url(name: str, *arguments: object) -> str:
    return reverse(f"dashboard:{name}", args=arguments)


def readable(house: House, draft: PlanDraft) -> list[str]:
    return [
        _url("plans"),
        _url("plans_archived"),
        _url("plan", _plan(house).pk),
        _url("plan_export", _plan(house).pk),
        _url("plan_draft", draft.pk),
        _url("plan_try", draft.pk),
    ]


def writable(house: House, draft: PlanDraft) -> list[str]:
    plan = _plan(house)
    on_step = [_url(name, draft.pk, "r1") for name in ("plan_step", "plan_step_day", "plan_step_move", "plan_step_remove")]
    on_draft = [_url(f"plan_{name}", draft.pk) for name in ("options", "undo", "discard", "step_check", "step_add", "publish")]
    on_plan = [_url(f"plan_{name}", plan.pk) for name in ("edit", "copy", "archive", "assign")]
    on_records = [_url("customer_plan", house.item.customer_id), _url("invoice_plan", house.item.invoice_id)]
    return [_url("plan_new"), _url("plan_load"), _url("plan_restore", plan.pk, 1), *on_plan, *on_draft, *on_step, *on_records]


def test_everybody_reads_and_only_those_who_manage_plans_change(
    owner: Client, viewer: Client, stranger: Client, house: House, draft: PlanDraft
) -> None:
    collector = sign_in(house.organization, Role.COLLECTOR, "paul@atelier.example")
    for url in readable(house, draft):
        assert (url, owner.get(url).status_code, viewer.get(url).status_code) == (url, 200, 200)
        assert Client().get(url).status_code == 302
    for url in writable(house, draft):
        assert (url, owner.get(url).status_code in (200, 405)) == (url, True)
        assert (url, viewer.get(url).status_code in (403, 405), viewer.post(url).status_code) == (url, True, 403)
        assert (url, collector.post(url).status_code) == (url, 403)
    about_one = [url for url in [*readable(house, draft)[2:], *writable(house, draft)[2:]]]
    assert {url: stranger.post(url).status_code in (404, 405) for url in about_one} == dict.fromkeys(about_one, True)
    assert {url: stranger.get(url).status_code in (404, 405) for url in about_one} == dict.fromkeys(about_one, True)
    page = viewer.get(_url("plan_draft", draft.pk)).content.decode()
    assert "Last changed by" in page and "<form" not in page.split("<main")[1].split("</main>")[0]


def test_the_list_says_who_follows_what_in_a_constant_number_of_queries(owner: Client, house: House) -> None:
    page = owner.get(_url("plans")).content.decode()
    assert "everybody else, Clients réguliers (0)" in " ".join(page.split())

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert owner.get(_url("plans")).status_code == 200
        return len(found)

    before = count()
    with tenant(house.organization):
        for name in ("un", "deux", "trois"):
            plan = ActionPlan.objects.create(key=name, name=name)
            version = PlanVersion.objects.create(plan=plan, number=1, published_at=NOW, published_by=CLERK)
            PlanAssignment.objects.create(plan=plan, since=NOW.date(), group=CustomerGroup.objects.create(key=name, name=name))
            Schedule.objects.filter(installment=house.item).update(version=version)
    assert count() == before
    page = owner.get(_url("plans")).content.decode()
    assert "trois (0)" in page and "€1,200.00" in page


def test_editing_opens_one_draft_and_finds_it_again(owner: Client, house: House) -> None:
    edit = _url("plan_edit", _plan(house).pk)
    first = owner.post(edit)
    assert (first.status_code, first["Location"]) == (302, _url("plan_draft", _now(house).pk))
    assert owner.post(edit)["Location"] == first["Location"]
    assert "Go on with the draft" in owner.get(_url("plan", _plan(house).pk)).content.decode()


def test_a_step_is_edited_and_what_its_channel_has_no_use_for_is_left_out(owner: Client, house: House, draft: PlanDraft) -> None:
    url = _url("plan_step", draft.pk, "r1")
    form = owner.get(url).context["form"]
    assert (form["days"].value(), form["side"].value(), form["template"].value(), form["revision"].value()) == (1, "after", "r1", 1)
    sent = {**STEP, "revision": "1", "at_least": "49,90", "conditions": ["no_promise"], "first": "management", "second": "accounting"}
    assert owner.post(url, sent)["Location"] == _url("plan_draft", draft.pk) + "#step-r1"
    r1 = next(step for step in draft_content(_now(house)).steps if step.key == "r1")
    assert (r1.offset, r1.template, dict(r1.conditions)) == (3, "r1", {"at_least": 49.9, "no_promise": True})
    assert r1.contact_roles == ("management", "accounting")
    again = owner.get(url).context["form"]
    assert (again["at_least"].value(), again["conditions"].value(), again["second"].value()) == (49.9, ["no_promise"], "accounting")
    owner.post(url, {**sent, "revision": "2", "channel": "call", "term_days": "8", "announces": "penalties"})
    call = next(step for step in draft_content(_now(house)).steps if step.key == "r1")
    assert (call.channel, call.template, call.term_days, call.announces, call.task_kind) == ("call", "", None, None, "call")


def test_a_form_that_cannot_be_read_is_shown_again_with_what_was_typed(owner: Client, house: House, draft: PlanDraft) -> None:
    answer = owner.post(_url("plan_step", draft.pk, "r1"), {**STEP, "revision": "1", "days": "-4", "name": "", "at_least": "abc"})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"days", "name", "at_least"}
    assert 'value="abc"' in answer.content.decode()
    assert _now(house).revision == 1


def test_a_stale_form_overwrites_nothing_and_says_what_it_would_change_now(owner: Client, house: House, draft: PlanDraft) -> None:
    url = _url("plan_step", draft.pk, "r1")
    owner.post(url, {**STEP, "revision": "1", "days": "5", "term_days": "10"})
    answer = owner.post(url, {**STEP, "revision": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Claire Petit has changed this plan since you opened it" in page
    assert "“First reminder” comes 3 days after the due date instead of 5 days after the due date." in page
    assert "gives another term: none (before: 10 days)" in page
    assert (_now(house).revision, answer.context["form"]["revision"].value()) == (2, "2")
    assert owner.post(url, {**STEP, "revision": "2"}).status_code == 302
    assert next(step for step in draft_content(_now(house)).steps if step.key == "r1").offset == 3
    options = owner.post(_url("plan_options", draft.pk), {"revision": "1", "name": "Autre", "grouping": "item"})
    assert options.status_code == 422 and "The plan is now called “Autre”" in options.content.decode()
    pressed = owner.post(_url("plan_step_remove", draft.pk, "call"), {"revision": "1"}, follow=True).content.decode()
    assert "Nothing of yours was saved" in pressed and _now(house).revision == 3


def test_steps_are_added_moved_redated_removed_and_taken_back(owner: Client, house: House, draft: PlanDraft) -> None:
    add = _url("plan_step_add", draft.pk) + "?after=r1"
    sent = {**STEP, "revision": "1", "name": "Un SMS", "name_en": "A text", "channel": "sms", "template": "sms_firm", "anchor": "previous"}
    assert owner.post(add, sent)["Location"] == _url("plan_draft", draft.pk) + "#step-un-sms"
    owner.post(_url("plan_step_move", draft.pk, "un-sms"), {"revision": "2", "to": "later"})
    owner.post(_url("plan_step_day", draft.pk, "pre_due"), {"revision": "3", "day": "-10"})
    owner.post(_url("plan_step_remove", draft.pk, "due_day_notice"), {"revision": "4"})
    keys = [step.key for step in draft_content(_now(house)).steps]
    assert keys == ["receipt_check", "pre_due", "r1", "call", "un-sms", "r2", "r3", "formal_notice", "hand_over"]
    owner.post(_url("plan_undo", draft.pk), {"revision": "5"})
    content = draft_content(_now(house))
    assert "due_day_notice" in [step.key for step in content.steps]
    assert next(step for step in content.steps if step.key == "pre_due").offset == -10
    for wrong in ({"revision": "6", "day": "soon"}, {"revision": "x", "day": "1"}):
        assert owner.post(_url("plan_step_day", draft.pk, "r1"), wrong).status_code == 302
    assert _now(house).revision == 6
    assert owner.get(_url("plan_step", draft.pk, "gone")).status_code == 404
    owner.post(_url("plan_discard", draft.pk), {"revision": "6"})
    with tenant(house.organization):
        assert not PlanDraft.objects.exists()


def test_the_validator_speaks_beside_the_step_before_anything_is_saved(owner: Client, house: House, draft: PlanDraft) -> None:
    check = _url("plan_step_check", draft.pk)
    good = owner.post(f"{check}?step=r1", STEP).content.decode()
    assert "Nothing to say about this step" in good and "On D+3" in good
    early = owner.post(f"{check}?step=r2", {**STEP, "phase": "30", "template": "r2", "anchor": "previous", "days": "0"}).content.decode()
    assert "is planned no later than “call”" in early
    missing = owner.post(f"{check}?step=r1", {**STEP, "template": ""}).content.decode()
    assert "writes to the customer and names no text" in missing
    idle = {**STEP, "channel": "task", "task_kind": "hand_over", "phase": "40", "anchor": "previous", "days": "11"}
    elsewhere = owner.post(f"{check}?step=hand_over", idle).content.decode()
    assert "One fault would be elsewhere in the plan" in elsewhere  # the formal notice announces what no step carries out any more
    assert "not filled in yet" in owner.post(f"{check}?step=r1", {**STEP, "name": ""}).content.decode()
    assert "On D+4" in owner.post(f"{check}?after=r1", {**STEP, "anchor": "previous"}).content.decode()
    assert owner.post(f"{check}?step=gone", STEP).status_code == 404
    assert _now(house).revision == 1


def test_options_are_saved_and_faults_keep_it_from_being_published(owner: Client, house: House, draft: PlanDraft) -> None:
    sent = {"revision": "1", "name": "Courant", "name_en": "Usual", "grouping": "item", "minimum_amount": "20", "spacing_days": "4"}
    assert owner.post(_url("plan_options", draft.pk), sent).status_code == 302
    content = draft_content(_now(house))
    assert (content.name, content.grouping, str(content.minimum_amount), content.spacing_days, content.thanks) == (
        "Courant", "item", "20.00", 4, False,
    )  # fmt: skip
    assert owner.post(_url("plan_options", draft.pk), {**sent, "revision": "2", "minimum_amount": "-1"}).status_code == 422
    owner.post(_url("plan_step", draft.pk, "r1"), {**STEP, "revision": "2", "template": ""})
    editor = owner.get(_url("plan_draft", draft.pk)).content.decode()
    assert "One fault keeps it from being published" in editor and "names no text: choose one" in editor
    page = owner.get(_url("plan_publish", draft.pk)).content.decode()
    assert "This plan cannot work yet" in page
    refused = owner.post(_url("plan_publish", draft.pk), {"revision": "3", "in_force": "1"})
    assert refused.status_code == 422 and "Nothing was published" in refused.content.decode()
    with tenant(house.organization):
        assert PlanVersion.objects.filter(plan__key="standard").count() == 1


def test_a_draft_is_published_after_its_consequences_were_read(owner: Client, house: House, draft: PlanDraft) -> None:
    url = _url("plan_publish", draft.pk)
    assert "no new version would be made" in owner.get(url).content.decode()
    owner.post(_url("plan_step_day", draft.pk, "r2"), {"revision": "1", "day": "20"})
    page = " ".join(owner.get(url).content.decode().split())
    assert "Publish “Standard” as version 2" in page
    assert "“Second reminder” comes 12 days after the previous step instead of 5 days after the previous step." in page
    stale = owner.post(url, {"revision": "1", "in_force": "1"})
    assert stale.status_code == 422 and "Nothing was published" in stale.content.decode()
    done = owner.post(url, {"revision": "2", "in_force": "1"})
    assert done["Location"] == _url("plan", _plan(house).pk)
    page = owner.get(done["Location"]).content.decode()
    assert "version 2, is in force" in page and "Take up version 1 again" in page
    compared = owner.get(done["Location"], {"older": "2", "newer": "1"}).content.decode()
    assert "From version 1 to version 2" in compared
    assert "From version" not in owner.get(done["Location"], {"older": "7", "newer": "x"}).content.decode()
    back = owner.post(_url("plan_restore", _plan(house).pk, 1), {})
    assert owner.get(back["Location"]).context["view"].changes == [
        "“Second reminder” comes 5 days after the previous step instead of 12 days after the previous step."
    ]
    assert owner.get(_url("plan_restore", _plan(house).pk, 9)).status_code == 404


def test_a_plan_file_goes_out_and_comes_in_as_a_draft(owner: Client, house: House) -> None:
    answer = owner.get(_url("plan_export", _plan(house).pk))
    assert answer["Content-Disposition"] == 'attachment; filename="standard.yaml"'
    source = answer.content.decode()
    assert source.startswith("format: dunning-plan/1") and "texts:" not in source
    assert "texts:" in owner.get(_url("plan_export", _plan(house).pk), {"texts": ""}).content.decode()

    def load(content: str, **fields: str) -> object:
        return owner.post(_url("plan_load"), {"file": SimpleUploadedFile("plan.yaml", content.encode()), **fields})

    wrong = load(source.replace("phase: friendly", "phase: angry", 1))
    assert wrong.status_code == 422  # type: ignore[attr-defined]
    assert "“angry” is not known; choose among: service, friendly, firm, legal." in wrong.content.decode()  # type: ignore[attr-defined]
    assert "this is not YAML" in load("plan: [").content.decode()  # type: ignore[attr-defined]
    with tenant(house.organization):
        assert not PlanDraft.objects.exists()
    load(source.replace("offset: 7", "offset: 9"))
    assert _now(house).key == "standard"
    again = load(source)
    assert again.status_code == 422 and "is being written already" in again.content.decode()  # type: ignore[attr-defined]
    assert load(source, replace_draft="on").status_code == 302  # type: ignore[attr-defined]
    assert _now(house).revision == 2


def test_a_plan_is_copied_put_away_and_refused_while_it_is_followed(owner: Client, house: House) -> None:
    copy = owner.get(_url("plan_copy", _plan(house).pk)).context["form"]
    assert (copy["name"].value(), copy["like"].value()) == ("Standard (copy)", str(_plan(house).pk))
    owner.post(_url("plan_new"), {"name": "Le doux", "like": str(_plan(house).pk)})
    assert _now(house).key == "le-doux"
    assert "le-doux" in owner.get(_url("plans")).content.decode()
    followed = owner.post(_url("plan_archive", _plan(house).pk))
    assert followed.status_code == 422 and "is still followed (2 assignments)" in followed.content.decode()
    assert owner.post(_url("plan_archive", _plan(house, "proceedings").pk)).status_code == 302
    assert "Insolvency proceedings" in owner.get(_url("plans_archived")).content.decode()
    assert "put away" in owner.get(_url("plan", _plan(house, "proceedings").pk)).content.decode()


def test_a_group_an_invoice_and_a_customer_are_assigned_with_counts(owner: Client, house: House) -> None:
    firm, item = _plan(house, "firm"), house.item
    with tenant(house.organization):
        group = CustomerGroup.objects.get(key="regular")
        item.customer.group = group
        item.customer.save()
    url = _url("plan_assign", firm.pk)
    assert "Clients réguliers" in owner.get(url).content.decode()
    page = " ".join(owner.get(f"{url}?to=group:{group.pk}").content.decode().split())
    assert "1 open invoices of 1 customer (€1,200.00) leave “Standard”" in page
    assert owner.post(f"{url}?to=group:{group.pk}")["Location"] == _url("plan", firm.pk)
    with tenant(house.organization):
        assert PlanAssignment.objects.get(group=group).plan_id == firm.pk
        assert Schedule.objects.get(installment=item).version.plan_id == firm.pk  # shown at once
    assert "They follow this plan already" in owner.get(f"{url}?to=group:{group.pk}").content.decode()
    for unknown in ("group:x", "planet:1", f"customer:{group.pk}"):
        assert owner.get(f"{url}?to={unknown}").status_code == 404
    assert "Everybody else" in owner.get(url).content.decode()

    on_customer = _url("customer_plan", item.customer_id)
    assert "Durand SARL follows “Firm”" in owner.get(on_customer).content.decode()
    owner.post(on_customer, {"plan": str(_plan(house).pk)})
    assert "Standard" in owner.get(_url("customer", item.customer_id)).content.decode()
    on_invoice = _url("invoice_plan", item.invoice_id)
    owner.post(on_invoice, {"plan": str(firm.pk)})
    with tenant(house.organization):
        assert PlanAssignment.objects.get(invoice=item.invoice_id).plan_id == firm.pk
        assert Schedule.objects.get(installment=item).version.plan_id == firm.pk
    owner.post(on_invoice, {"plan": ""})
    owner.post(on_customer, {"plan": ""})
    with tenant(house.organization):
        assert not PlanAssignment.objects.filter(group=None).exclude(customer=None, invoice=None).exists()
    assert owner.post(on_invoice, {"plan": "nonsense"}).status_code == 422


def test_a_draft_is_tried_on_a_real_invoice_with_the_reason_of_each_date(owner: Client, house: House, draft: PlanDraft) -> None:
    url = _url("plan_try", draft.pk)
    assert owner.get(url).status_code == 200
    assert "Nothing was found" in owner.get(url, {"find": "nichts"}).content.decode()
    page = owner.get(url, {"invoice": str(house.item.invoice_id)}).content.decode()
    assert "Counts as done: Before the due date, First reminder." in " ".join(page.split()) or page
    lines = owner.get(url, {"invoice": str(house.item.invoice_id)}).context["tried"][0].lines
    steps = [(line.name, line.on, line.why) for line in lines if line.kind == "step"]
    assert steps[0] == ("Second reminder", date(2026, 10, 14), "5 days after the previous step")
    assert steps[1] == (
        "Last reminder before the formal notice",
        date(2026, 10, 26),
        "11 days after the previous step would be 25 October 2026: moved to the next business day.",
    )
    owner.post(_url("plan_step_day", draft.pk, "r2"), {"revision": "1", "day": "20"})
    later = owner.get(url, {"invoice": str(house.item.invoice_id)}).context["tried"][0].lines
    assert next(line.on for line in later if line.kind == "step") == date(2026, 10, 21)
    disputed = owner.get(url, {"invoice": str(house.disputed.invoice_id)}).context["tried"][0].lines
    assert [(line.kind, line.why) for line in disputed] == [("waits", "Disputed")]
    for wrong in ("x", "0199aaaa-0000-7000-8000-00000000dead"):
        assert owner.get(url, {"invoice": wrong}).status_code == 404
