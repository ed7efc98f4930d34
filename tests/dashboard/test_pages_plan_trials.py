"""The dry run's page: begun by who may change plans, read by everybody, finished while somebody looks on."""

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from scenarios.models import ActionPlan, DryRun, PlanDraft
from scenarios.services import dry_runs
from scenarios.services.plan_drafts import begin_draft, begin_new
from tests.dashboard.conftest import NOW, House
from tests.scenarios.houses import CLERK


@pytest.fixture
def draft(house: House) -> PlanDraft:
    with tenant(house.organization):
        return begin_draft(plan=ActionPlan.objects.get(key="standard"), actor=CLERK, now=NOW)


def _url(draft: PlanDraft, name: str = "plan_dry_run") -> str:
    return reverse(f"dashboard:{name}", args=[draft.pk])


def test_it_is_run_and_read(owner: Client, viewer: Client, stranger: Client, house: House, draft: PlanDraft) -> None:
    assert "Nothing was worked out yet" in viewer.get(_url(draft)).content.decode()
    ((plan, name),) = owner.get(_url(draft)).context["form"].fields["instead_of"].choices
    assert name == "Standard"
    assert viewer.post(_url(draft), {"instead_of": plan}).status_code == 403
    assert stranger.post(_url(draft), {"instead_of": plan}).status_code == 404
    assert owner.post(_url(draft), {"instead_of": "x"}).status_code == 422
    assert owner.post(_url(draft), {"instead_of": plan})["Location"] == _url(draft)
    page = viewer.get(_url(draft)).content.decode()
    assert "Second reminder" in page and "Day by day" in page and "hx-post" not in page.split('id="dry-run"')[1]
    assert "No price is known for:" in page and "Run it again" not in page and "<svg viewBox" in page
    owner.post(reverse("dashboard:plan_step_day", args=[draft.pk, "r2"]), {"revision": "1", "day": "20"})
    assert "The draft has changed since" in owner.get(_url(draft)).content.decode()


def test_a_long_one_goes_on_while_somebody_looks(owner: Client, house: House, draft: PlanDraft, monkeypatch: pytest.MonkeyPatch) -> None:
    from dunning.dashboard.views import plan_trials

    monkeypatch.setattr(dry_runs, "AT_ONCE", 1)
    monkeypatch.setattr(plan_trials, "FIRST_SLICE", 0)
    monkeypatch.setattr(plan_trials, "SLICE", 0)
    plan = owner.get(_url(draft)).context["form"].fields["instead_of"].choices[0][0]
    owner.post(_url(draft), {"instead_of": plan})
    page = owner.get(_url(draft)).content.decode()
    assert 'value="1" max="2"' in page and _url(draft, "plan_dry_run_on") in page
    go_on = _url(draft, "plan_dry_run_on")
    part = owner.post(go_on, headers={"hx-request": "true"}).content.decode()
    assert part.lstrip().startswith('<div class="stack">') and "Go on and look again" not in part
    assert owner.post(go_on)["Location"] == _url(draft)
    with tenant(house.organization):
        assert DryRun.objects.get().finished_at is not None


def test_a_plan_that_is_new_asks_on_whom_it_is_tried_and_a_faulty_one_is_refused(owner: Client, house: House) -> None:
    with tenant(house.organization):
        empty = begin_new(name="Doux", actor=CLERK, now=NOW)
        standard = str(ActionPlan.objects.get(key="standard").pk)
    assert len(owner.get(_url(empty)).context["form"].fields["instead_of"].choices) == 6
    refused = owner.post(_url(empty), {"instead_of": standard})
    assert refused.status_code == 422 and "The plan has no step: add one." in refused.content.decode()
