"""A plan being written, as its editor shows it: each step with its day, its words and what the validator says beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dunning.core.selectors import actor_names
from notifications.validation import Severity
from scenarios.models import ActionPlan, PlanDraft, PlanVersion
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_differences import differences
from scenarios.plan_editing import usual_days
from scenarios.plan_files import TextContent, parse_plan_file
from scenarios.plan_sentences import sentence
from scenarios.plan_store import current_version, load_content, load_surroundings
from scenarios.plan_words import condition_words, difference_words, name_of, role_words, when_words, worded
from scenarios.validator import Problem, validate_plan


@dataclass(frozen=True, slots=True)
class Remark:
    """What the validator says of a step or of the plan; a refusal keeps it from being published."""

    text: str
    refuses: bool


@dataclass(frozen=True, slots=True)
class DraftStep:
    """One step of a draft. `day` counts from the due date; `is_outside` stands outside the order (a promise's)."""

    content: StepContent
    name: str
    day: int
    when: str
    is_outside: bool
    conditions: Sequence[str]
    recipients: str
    remarks: Sequence[Remark]


@dataclass(frozen=True)
class DraftView:
    """A draft with its plan, when there is one in force. `changes` are sentences: what it would change of the version in force."""

    draft: PlanDraft
    content: PlanContent
    name: str
    description: str
    steps: Sequence[DraftStep]
    remarks: Sequence[Remark]  # about the whole plan
    plan: ActionPlan | None
    in_force: PlanVersion | None
    changes: Sequence[str]
    texts: int  # that came with it
    begun_by: str
    changed_by: str
    all_remarks: Sequence[Remark] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        return sum(remark.refuses for remark in self.all_remarks)

    @property
    def warnings(self) -> int:
        return len(self.all_remarks) - self.refusals

    @property
    def is_overtaken(self) -> bool:
        """Whether a version was published since the draft was begun."""
        return self.in_force is not None and self.in_force.pk != self.draft.based_on_id


def draft_view(pk: UUID) -> DraftView:
    """One draft. Raises PlanDraft.DoesNotExist."""
    draft = PlanDraft.objects.get(pk=pk)
    plan_file = parse_plan_file(draft.source)
    content = plan_file.plan
    problems = problems_of(content, plan_file.texts)
    plan = ActionPlan.objects.filter(key=draft.key).first()
    version = current_version(plan) if plan is not None else None
    changes = differences(load_content(plan, version), content) if plan is not None and version is not None else []
    names = actor_names([draft.begun_by, draft.changed_by])
    return DraftView(
        draft=draft,
        content=content,
        name=name_of(content),
        description=worded(content.description, content.description_en),
        steps=_steps(content, problems),
        remarks=_remarks(problems, ""),
        plan=plan,
        in_force=version,
        changes=[difference_words(found) for found in changes],
        texts=len(plan_file.texts),
        begun_by=names[draft.begun_by],
        changed_by=names[draft.changed_by],
        all_remarks=[_remark(problem) for problem in problems],
    )


def problems_of(content: PlanContent, texts: Sequence[TextContent] = ()) -> list[Problem]:
    """What the validator says of a plan in the open organization; `texts` come with it."""
    return validate_plan(content.as_steps(), load_surroundings(texts), thanks=content.thanks)


def remarks_of(content: PlanContent, key: str, texts: Sequence[TextContent] = ()) -> tuple[list[Remark], int]:
    """What the validator says beside one step of a plan, and how many refusals the rest of the plan has."""
    problems = problems_of(content, texts)
    elsewhere = sum(problem.step != key and problem.severity is Severity.ERROR for problem in problems)
    return _remarks(problems, key), elsewhere


def _steps(content: PlanContent, problems: Sequence[Problem]) -> list[DraftStep]:
    return [
        DraftStep(
            content=step,
            name=name_of(step),
            day=day,
            when=when_words(step),
            is_outside=step.anchor == "promise",
            conditions=condition_words(step.conditions),
            recipients=role_words(step.contact_roles) if step.contact_roles else "",
            remarks=_remarks(problems, step.key),
        )
        for step, day in zip(content.steps, usual_days(content.steps), strict=True)
    ]


def _remarks(problems: Sequence[Problem], key: str) -> list[Remark]:
    """Refusals first, as the validator orders them within each."""
    found = [_remark(problem) for problem in problems if problem.step == key]
    return sorted(found, key=lambda remark: not remark.refuses)


def _remark(problem: Problem) -> Remark:
    return Remark(sentence(problem), problem.severity is Severity.ERROR)
