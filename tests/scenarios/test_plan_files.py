"""Plan files: read whole or refused with every mistake, and carried from one organization to another."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from dunning.core.enums import Channel, Phase
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications.models import MessageTemplate
from scenarios.enums import Anchor, Condition, Grouping, OffsetUnit
from scenarios.models import ActionPlan, PlanVersion
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_files import LARGEST_FILE, PlanFile, PlanFileError, TextContent, dump_plan_file, parse_plan_file
from scenarios.plan_store import current_version, load_content, text_facts
from scenarios.services.plan_exchange import PlanRefused, export_plan, import_plan
from scenarios.services.setup import set_up_organization
from scenarios.services.texts import load_texts, shipped_contents, write_texts
from scenarios.shipped import PLAN_KEYS, shipped_plans
from scenarios.validator import Surroundings, validate_plan
from tests.factories import make_organization

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
ACTOR = "user:claire"
AT_LEAST = "steps[1].conditions.at_least"
BELOW = "steps[1].conditions.index_below"

SMALL = """\
format: dunning-plan/1
plan:
  key: court
  name: {fr: Court, en: Short}
steps:
  - key: r1
    name: {fr: Rappel, en: Reminder}
    phase: friendly
    channel: email
    anchor: due
    offset: 3
    template: r1
"""


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def mistakes(source: str | bytes) -> tuple[str, ...]:
    with pytest.raises(PlanFileError) as refused:
        parse_plan_file(source)
    return refused.value.mistakes


def test_a_small_plan_is_read() -> None:
    step = StepContent(
        key="r1", name="Rappel", name_en="Reminder", phase=Phase.FRIENDLY, channel=Channel.EMAIL, anchor=Anchor.DUE, offset=3, template="r1"
    )
    assert parse_plan_file(SMALL) == PlanFile(PlanContent(key="court", name="Court", name_en="Short", steps=(step,)))


def test_what_is_written_is_read_back_the_same() -> None:
    step = StepContent(
        key="r1",
        name="Rappel : « n° 1 »",
        phase=Phase.FRIENDLY,
        channel=Channel.SMS,
        anchor=Anchor.PROMISE,
        offset=-2,
        unit=OffsetUnit.BUSINESS_DAYS,
        template="sms_r1",
        conditions={Condition.QUESTION.value: True, Condition.AT_LEAST.value: 49.9, Condition.INDEX_BELOW.value: 60},
        requires=("r0",),
        contact_roles=("accounting", "management"),
    )
    plan = PlanContent(
        key="long", name="Yes", name_en="no", description="on", steps=(step,), grouping=Grouping.STEP, minimum_amount=Decimal("12.50"),
        spacing_days=0, thanks=True,
    )  # fmt: skip
    text = TextContent("sms_r1", Channel.SMS, "fr", "reprise", Phase.FRIENDLY, "", "Bonjour\n\n# pas un commentaire\n- null\n", ("r0",))
    assert parse_plan_file(dump_plan_file(PlanFile(plan, (text,)))) == PlanFile(plan, (text,))


@pytest.mark.parametrize("key", PLAN_KEYS)
def test_every_shipped_plan_survives_the_journey(key: str) -> None:
    content = shipped_plans()[key]
    assert parse_plan_file(dump_plan_file(PlanFile(content))).plan == content


def test_every_mistake_is_named_with_its_line_and_field() -> None:
    source = SMALL.replace("phase: friendly", "phase: brutal").replace("offset: 3", "offset: soon").replace("template: r1", "tempalte: r1")
    assert mistakes(source) == (
        "Line 12, steps[1].tempalte: is not a known field; known are: anchor, announces, channel, conditions, contact_roles, executes, "
        "key, name, needs_approval, offset, phase, requires, task_kind, template, term_days, unit.",
        "Line 8, steps[1].phase: “brutal” is not known; choose among: service, friendly, firm, legal.",
        "Line 11, steps[1].offset: must be a whole number from -1000 to 1000.",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("format: dunning-plan/1\n", "", "Line 1, format: is missing."),
        ("dunning-plan/1", "plan/9", "Line 1, format: “plan/9” is not a format this version reads; it reads dunning-plan/1."),
        ("  key: court\n", "", "Line 3, plan.key: is missing."),
        ("key: court", "key: Très court", "Line 3, plan.key: “Très court” is not a key: use lower-case letters, digits, - and _."),
        ("name: {fr: Court, en: Short}", "name: {en: Short}", "Line 4, plan.name.fr: is missing."),
        ("    anchor: due\n", "", "Line 6, steps[1].anchor: is missing."),
        ("anchor: due", "anchor: payday", "Line 10, steps[1].anchor: “payday” is not known; choose among: issue, due, previous, promise."),
        ("offset: 3", "offset: 5000", "Line 11, steps[1].offset: must be a whole number from -1000 to 1000."),
        ("offset: 3", "offset: 3\n    offset: 4", "Line 12, steps[1].offset: is given twice."),
        ("offset: 3", "offset: 3\n    term_days: 0", "Line 12, steps[1].term_days: must be a whole number from 1 to 365."),
        ("offset: 3", "offset: 3\n    needs_approval: maybe", "Line 12, steps[1].needs_approval: must be true or false."),
        ("offset: 3", "offset: 3\n    requires: r0", "Line 12, steps[1].requires: must be a list."),
        ("offset: 3", "offset: 3\n    conditions: {at_least: -5}", f"Line 12, {AT_LEAST}: must be an amount such as 3000 or 49.90."),
        ("offset: 3", "offset: 3\n    conditions: {at_least: 0}", f"Line 12, {AT_LEAST}: must be above zero."),
        ("offset: 3", "offset: 3\n    conditions: {index_below: 101}", f"Line 12, {BELOW}: must be a whole number from 1 to 100."),
        ("steps:", "stages:", "Line 1, steps: is missing."),
    ],
)  # fmt: skip
def test_a_mistake_says_where_it_is(old: str, new: str, expected: str) -> None:
    assert expected in mistakes(SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "The file is empty."),
        (b"\xff\xfe\x00", "The file is not UTF-8 text: save it as UTF-8."),
        ("plan: [", "Line 1: this is not YAML (expected the node content, but found '<stream end>')."),
        ("a: &x 1\nb: *x\n", "Line 2: aliases (*name) are not allowed; write the value out."),
        ("- 1\n- 2\n", "Line 1: must hold fields (name: value)."),
        ("x" * (LARGEST_FILE + 1), "The file is larger than 512 KB: it is not a plan."),
        ("[" * 250_000 + "]" * 250_000, "The file is nested too deeply: it is not a plan."),
    ],
)
def test_a_file_that_is_no_plan(source: str | bytes, expected: str) -> None:
    assert mistakes(source)[0] == expected


def test_a_tag_that_would_run_code_is_a_mistake() -> None:
    found = mistakes(SMALL.replace("offset: 3", "offset: !!python/object/apply:os.getcwd []"))
    assert found == ("Line 11, steps[1].offset: must be a whole number from -1000 to 1000.",)


# --- carried between organizations ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_plan_travels_with_its_texts() -> None:
    home, away = make_organization(), make_organization()
    set_up_organization(organization=home, actor=ACTOR, now=NOW)
    with tenant(home):
        ours = TextContent("r1", Channel.EMAIL, "fr", "", Phase.FRIENDLY, "Chez nous", "Bonjour,\n\n{{table}}\n")
        write_texts(texts=(ours,), actor=ACTOR, now=NOW)
        carried = export_plan(key="standard", with_texts=True)
        bare = export_plan(key="standard")
    with tenant(away):
        with pytest.raises(PlanRefused, match="receipt_check"):
            import_plan(source=bare, actor=ACTOR, now=NOW)
        assert (ActionPlan.objects.count(), MessageTemplate.objects.count()) == (0, 0)
        done = import_plan(source=carried, actor=ACTOR, now=NOW)
        assert (done.publication.is_new, done.publication.version.number) == (True, 1)
        assert MessageTemplate.objects.filter(is_current=True).count() == done.texts
        french = MessageTemplate.objects.get(key="r1", language="fr", variant="")
        assert (french.subject, french.is_shipped) == ("Chez nous", False)
        assert MessageTemplate.objects.get(key="r1", language="en", variant="").is_shipped is True
        version = current_version(done.publication.plan)
        assert version is not None
        assert load_content(done.publication.plan, version) == shipped_plans()["standard"]
    with tenant(away):
        events = AuditEvent.objects.count()
        again = import_plan(source=carried, actor=ACTOR, now=LATER)
        assert (again.publication.is_new, again.publication.is_renamed, again.texts) == (False, False, 0)
    with tenant(away):
        assert (PlanVersion.objects.count(), AuditEvent.objects.count(), events) == (1, 2, 2)
        assert export_plan(key="standard", with_texts=True) == carried


@pytest.mark.django_db
def test_a_plan_that_cannot_work_is_refused_with_its_texts() -> None:
    organization = make_organization()
    source = SMALL + (
        "    announces: hand_over\n"
        "texts:\n"
        "  - {key: r1, channel: email, language: fr, phase: friendly, subject: Rappel, body: '{{nothing}}'}\n"
    )
    with tenant(organization):
        with pytest.raises(PlanRefused) as refused:
            import_plan(source=source, actor=ACTOR, now=NOW)
        assert refused.value.message.splitlines() == [
            "r1 (email, fr): “nothing” is not a known placeholder: pick one from the palette.",
            "“r1” announces “Hand-over for recovery” and no later step does it: add the step that does, or do not announce it.",
        ]
        assert (ActionPlan.objects.count(), MessageTemplate.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_exporting_an_unknown_plan_names_those_there_are() -> None:
    organization = make_organization()
    with tenant(organization):
        load_texts(actor=ACTOR, now=NOW)
        import_plan(source=SMALL, actor=ACTOR, now=NOW)
        with pytest.raises(DomainError, match=r"There is no plan “standrad”. Known: court\."):
            export_plan(key="standrad")


@pytest.mark.django_db
def test_the_commands_carry_a_plan_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    home, away = make_organization(), make_organization()
    for organization in (home, away):
        set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    file = tmp_path / "plan.yaml"
    out = StringIO()
    call_command("export_plan", "firm", organization=home.slug, output=str(file), stdout=out)
    assert out.getvalue() == f"firm was written to {file}.\n"
    file.write_text(file.read_text(encoding="utf-8").replace("offset: 6", "offset: 9"), encoding="utf-8")
    out = StringIO()
    call_command("import_plan", str(file), organization=away.slug, dry_run=True, stdout=out)
    assert out.getvalue() == "It would put in force: version 2 of firm.\n"
    with tenant(away):
        assert PlanVersion.objects.filter(plan__key="firm").count() == 1
        assert AuditEvent.objects.filter(action="plan.published").count() == len(PLAN_KEYS)
    out = StringIO()
    call_command("import_plan", str(file), organization=away.slug, stdout=out)
    call_command("import_plan", str(file), organization=away.slug, stdout=out)
    assert out.getvalue() == "In force: version 2 of firm.\nfirm is already in force as version 2: nothing to change.\n"
    with tenant(home):
        assert PlanVersion.objects.filter(plan__key="firm").count() == 1


@pytest.mark.django_db
def test_the_terminal_gets_the_plan_itself() -> None:
    organization = make_organization()
    set_up_organization(organization=organization, actor=ACTOR, now=NOW)
    out = StringIO()
    call_command("export_plan", "standard", organization=organization.slug, stdout=out)
    assert parse_plan_file(out.getvalue()).plan == shipped_plans()["standard"]


@pytest.mark.django_db
def test_the_commands_refuse_in_a_sentence(tmp_path: Path) -> None:
    organization = make_organization()
    missing = tmp_path / "nowhere.yaml"
    with pytest.raises(CommandError, match=r"nowhere\.yaml cannot be read: No such file or directory\."):
        call_command("import_plan", str(missing), organization=organization.slug)
    with pytest.raises(CommandError, match="There is no organization “nobody”"):
        call_command("export_plan", "standard", organization="nobody")
    file = tmp_path / "plan.yaml"
    file.write_text(SMALL, encoding="utf-8")
    with pytest.raises(CommandError, match=r"“r1” uses the text “r1”, which does not exist.*\nNothing was written\."):
        call_command("import_plan", str(file), organization=organization.slug)
    with tenant(organization):
        assert ActionPlan.objects.count() == 0


def test_the_documented_example_is_a_plan_that_works() -> None:
    page = Path(__file__).parents[2] / "docs" / "plans.md"
    example = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    plan = parse_plan_file(example).plan
    around = Surroundings(languages=frozenset({"fr", "en"}), texts=text_facts(shipped_contents()))
    assert [step.key for step in plan.steps] == ["pre_due", "r1", "call", "r2", "decision"]
    assert validate_plan(plan.as_steps(), around) == []
