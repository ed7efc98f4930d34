"""Plans in the database: published once per change, assigned to whom, loaded for a new organization."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from customers.models import CustomerGroup
from dunning.core.enums import Channel, Phase
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications.enums import ProviderKind
from notifications.models import MessageTemplate, ProviderAccount
from notifications.services import set_provider
from scenarios.enums import Anchor, Consequence
from scenarios.models import ActionPlan, PlanAssignment, PlanStep, PlanVersion
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_files import TextContent
from scenarios.plan_store import current_version, load_content
from scenarios.plans import current_plans, load_assignments
from scenarios.services.plans import (
    InvalidPlan,
    Target,
    archive_plan,
    assign_plan,
    publish_plan,
    unassign_plan,
)
from scenarios.services.setup import set_up_organization
from scenarios.services.texts import load_texts, write_texts
from scenarios.shipped import PLAN_KEYS, shipped_plans
from tests.factories import make_customer, make_organization

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
ACTOR = "user:claire"


def short_plan(*, offset: int = 3, name: str = "Court") -> PlanContent:
    reminder = StepContent(
        key="r1", name="Rappel", phase=Phase.FRIENDLY, channel=Channel.EMAIL, anchor=Anchor.DUE, offset=offset, template="r1"
    )
    return PlanContent(key="court", name=name, steps=(reminder,))


def test_a_new_organization_starts_with_texts_five_plans_five_groups_and_the_post_office() -> None:
    organization = make_organization()
    added = set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    assert added.plans == PLAN_KEYS
    assert added.groups == ("regular", "key-accounts", "late", "public", "consumers")
    assert added.assignments == 6
    with tenant(organization):
        assert MessageTemplate.objects.filter(is_current=True).count() == added.texts.created
        follows = {row.group.key if row.group else "": row.plan.key for row in PlanAssignment.objects.select_related("group", "plan").all()}
        assert follows == {
            "": "standard",
            "regular": "standard",
            "key-accounts": "key-account",
            "late": "firm",
            "public": "public",
            "consumers": "consumer",
        }
        assert {account.kind for account in ProviderAccount.objects.filter(is_active=True)} == {"post_office"}
        for plan in ActionPlan.objects.all():
            version = current_version(plan)
            assert version is not None
            assert load_content(plan, version) == shipped_plans()[plan.key]
        stored = {current.plan.key: current for current in current_plans().values()}
        assert stored["standard"].steps.steps == shipped_plans()["standard"].as_steps()
        assert stored["firm"].steps.steps == shipped_plans()["firm"].as_steps()


def test_setting_up_twice_changes_nothing() -> None:
    organization = make_organization()
    set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    with tenant(organization):
        before = AuditEvent.objects.count()
        texts = MessageTemplate.objects.count()
    again = set_up_organization(organization=organization, actor=ACTOR, now=LATER)
    assert (again.texts.created, again.texts.updated, again.plans, again.groups, again.assignments) == (0, 0, (), (), 0)
    with tenant(organization):
        assert (AuditEvent.objects.count(), MessageTemplate.objects.count(), PlanVersion.objects.count()) == (before, texts, len(PLAN_KEYS))


def test_set_up_leaves_what_the_organization_chose() -> None:
    organization = make_organization()
    set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    with tenant(organization):
        firm = ActionPlan.objects.get(key="firm")
        assign_plan(plan=firm, since=date(2026, 9, 2), actor=ACTOR, now=NOW)
        set_provider(channel="email", kind=ProviderKind.SMTP, actor=ACTOR, now=NOW, settings={"host": "mail.example"})
        standard = shipped_plans()["standard"]
        publish_plan(content=PlanContent(key="standard", name="Le nôtre", steps=standard.steps[:-2][:6]), actor=ACTOR, now=NOW)
    set_up_organization(organization=organization, actor=ACTOR, now=LATER)
    with tenant(organization):
        assert ProviderAccount.objects.get(channel="email", is_active=True).kind == "smtp"
        assert PlanAssignment.objects.get(group=None, customer=None, invoice=None).plan_id == firm.pk
        plan = ActionPlan.objects.get(key="standard")
        version = current_version(plan)
        assert version is not None
        assert (plan.name, version.number) == ("Le nôtre", 2)


def test_publishing_the_same_plan_makes_no_new_version() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        first = publish_plan(content=short_plan(), actor=ACTOR, now=NOW)
        again = publish_plan(content=short_plan(), actor="user:paul", now=LATER)
        assert (first.is_new, again.is_new, again.version.pk) == (True, False, first.version.pk)
        changed = publish_plan(content=short_plan(offset=4), actor="user:paul", now=LATER)
        assert (changed.version.number, changed.version.published_by, changed.version.published_at) == (2, "user:paul", LATER)
        assert [step.offset for step in PlanStep.objects.filter(version=first.version)] == [3]
        assert [step.offset for step in PlanStep.objects.filter(version=changed.version)] == [4]
    with tenant(organization):
        actions = list(AuditEvent.objects.order_by("sequence").values_list("action", "actor"))
        assert actions == [("texts.loaded", ACTOR), ("plan.published", ACTOR), ("plan.published", "user:paul")]


def test_a_new_name_is_not_a_new_version() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        publish_plan(content=short_plan(), actor=ACTOR, now=NOW)
        renamed = publish_plan(content=short_plan(name="Très court"), actor=ACTOR, now=LATER)
        assert (renamed.is_new, renamed.is_renamed, renamed.plan.name) == (False, True, "Très court")
        assert ActionPlan.objects.get().name == "Très court"


def test_a_published_version_never_changes() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        published = publish_plan(content=short_plan(), actor=ACTOR, now=NOW)
        with pytest.raises(DatabaseError), transaction.atomic():
            PlanStep.objects.filter(version=published.version).update(offset=9)
        with pytest.raises(DatabaseError), transaction.atomic():
            PlanVersion.objects.filter(pk=published.version.pk).delete()
        assert PlanStep.objects.get().offset == 3


def test_a_plan_that_cannot_work_is_refused_with_every_sentence() -> None:
    organization = make_organization()
    threat = StepContent(
        key="r2",
        name="Menace",
        phase=Phase.FIRM,
        channel=Channel.EMAIL,
        anchor=Anchor.PREVIOUS,
        offset=10,
        template="unknown",
        announces=Consequence.HAND_OVER,
    )
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        content = PlanContent(key="court", name="Court", steps=(*short_plan().steps, threat))
        with pytest.raises(InvalidPlan) as refused:
            publish_plan(content=content, actor=ACTOR, now=NOW)
        assert [(problem.code, problem.step) for problem in refused.value.problems] == [
            ("never_executed", "r2"),
            ("template_unknown", "r2"),
        ]
        assert len(refused.value.message.splitlines()) == 2
        assert (ActionPlan.objects.count(), PlanVersion.objects.count(), PlanStep.objects.count()) == (0, 0, 0)


def test_the_most_particular_assignment_wins_and_dates_from_its_change() -> None:
    organization = make_organization()
    set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    with tenant(organization):
        late = CustomerGroup.objects.get(key="late")
        customer = make_customer(group=late)
        key_account = ActionPlan.objects.get(key="key-account")
        firm = ActionPlan.objects.get(key="firm")
        assign_plan(plan=key_account, target=Target(customer=customer), since=date(2026, 9, 15), actor=ACTOR, now=LATER)
        found = load_assignments().find(invoice="", customer=str(customer.pk), group=str(late.pk))
        assert found == (str(key_account.pk), date(2026, 9, 15).toordinal())
        assert unassign_plan(target=Target(customer=customer), actor=ACTOR, now=LATER) is True
        assert unassign_plan(target=Target(customer=customer), actor=ACTOR, now=LATER) is False
        found = load_assignments().find(invoice="", customer=str(customer.pk), group=str(late.pk))
        assert found == (str(firm.pk), date(2000, 1, 1).toordinal())


def test_assigning_the_plan_that_is_followed_keeps_its_date() -> None:
    organization = make_organization()
    set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    with tenant(organization):
        late = CustomerGroup.objects.get(key="late")
        firm, standard = ActionPlan.objects.get(key="firm"), ActionPlan.objects.get(key="standard")
        kept = assign_plan(plan=firm, target=Target(group=late), since=date(2026, 9, 15), actor=ACTOR, now=LATER)
        assert kept.since == date(2000, 1, 1)
        moved = assign_plan(plan=standard, target=Target(group=late), since=date(2026, 9, 15), actor=ACTOR, now=LATER)
        assert (moved.pk, moved.since, moved.plan_id) == (kept.pk, date(2026, 9, 15), standard.pk)


def test_a_plan_that_is_followed_cannot_be_archived() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        plan = publish_plan(content=short_plan(), actor=ACTOR, now=NOW).plan
        assign_plan(plan=plan, since=date(2026, 9, 1), actor=ACTOR, now=NOW)
        with pytest.raises(DomainError, match="Court"):
            archive_plan(plan=plan, actor=ACTOR, now=LATER)
        assert ActionPlan.objects.get().archived_at is None
        unassign_plan(target=Target(), actor=ACTOR, now=LATER)
        archive_plan(plan=plan, actor=ACTOR, now=LATER)
        assert ActionPlan.objects.get().archived_at == LATER
        with pytest.raises(DomainError, match="Court"):
            assign_plan(plan=ActionPlan.objects.get(), since=date(2026, 9, 16), actor=ACTOR, now=LATER)
        assert PlanAssignment.objects.count() == 0
        again = publish_plan(content=short_plan(), actor=ACTOR, now=LATER)
        assert (again.is_new, again.plan.archived_at) == (False, None)


def test_a_plan_without_a_version_cannot_be_assigned() -> None:
    organization = make_organization()
    with tenant(organization):
        plan = ActionPlan.objects.create(key="vide", name="Vide")
        with pytest.raises(DomainError, match="Vide"):
            assign_plan(plan=plan, since=date(2026, 9, 1), actor=ACTOR, now=NOW)
        assert PlanAssignment.objects.count() == 0


def test_an_edited_text_survives_an_update_of_the_product_and_an_unedited_one_follows_it() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        ours = TextContent("r1", Channel.EMAIL, "fr", "", Phase.FRIENDLY, "Notre rappel", "Bonjour, {{table}}")
        assert write_texts(texts=(ours,), actor=ACTOR, now=NOW) == 1
        assert write_texts(texts=(ours,), actor=ACTOR, now=NOW) == 0
        # an older product shipped another English text
        MessageTemplate.objects.filter(key="r1", language="en", variant="").update(body="Old words.")
        loaded = load_texts(actor="system", now=LATER)
        assert (loaded.created, loaded.updated, loaded.kept) == (0, 1, 1)
        french = MessageTemplate.objects.get(key="r1", language="fr", variant="", is_current=True)
        assert (french.subject, french.version, french.is_shipped) == ("Notre rappel", 2, False)
        english = MessageTemplate.objects.get(key="r1", language="en", variant="", is_current=True)
        assert (english.version, english.is_shipped, english.body == "Old words.") == (2, True, False)


def test_a_text_with_an_unknown_placeholder_is_refused_and_nothing_is_written() -> None:
    organization = make_organization()
    with tenant(organization):
        good = TextContent("r1", Channel.EMAIL, "fr", "", Phase.FRIENDLY, "Rappel", "Bonjour, {{table}}")
        bad = TextContent("r1", Channel.EMAIL, "en", "", Phase.FRIENDLY, "Reminder", "Hello {{invoice.nubmer}}")
        with pytest.raises(DomainError, match=r"invoice\.nubmer"):
            write_texts(texts=(good, bad), actor=ACTOR, now=NOW)
        assert MessageTemplate.objects.count() == 0


def test_amounts_and_spacing_are_part_of_a_version() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        publish_plan(content=short_plan(), actor=ACTOR, now=NOW)
        steps = short_plan().steps
        content = PlanContent(key="court", name="Court", steps=steps, minimum_amount=Decimal("49.90"), spacing_days=0)
        published = publish_plan(content=content, actor=ACTOR, now=LATER)
        assert (published.is_new, load_content(published.plan, published.version)) == (True, content)
