"""What a plan is written with: its options, one step, a new plan, a file, and who follows it."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.enums import ContactRole
from dunning.core.enums import HUMAN_CHANNELS
from dunning.dashboard.forms.fields import AmountField, WordsField
from scenarios.enums import Anchor, Channel, Condition, Consequence, Grouping, OffsetUnit, Phase, TaskKind
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_editing import LONGEST_OFFSET
from scenarios.plan_files import LARGEST_FILE

BEFORE, AFTER = "before", "after"
NO_CHOICE: Final = [("", "—")]
WRITTEN: Final = "email sms letter registered"
DESK: Final = (TaskKind.DECISION, TaskKind.HAND_OVER, TaskKind.CHORUS_STATUS, TaskKind.SUPPLY_DOCUMENT, TaskKind.OTHER)
"""Kinds of tasks a plan may put on the desk; the others open by themselves."""
MOST_ROLES: Final = 3


class RevisionForm(forms.Form):
    """Carries the revision of the draft the person saw, so that a stale form is told."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class StepForm(RevisionForm):
    """One step. `texts` are (key, name) of the texts by channel, `others` (key, name) of the plan's other steps."""

    name = forms.CharField(label=_("Name, in French"), max_length=120)
    name_en = forms.CharField(label=_("Name, in English"), max_length=120, required=False)
    channel = forms.ChoiceField(label=_("Channel"), choices=Channel.choices, widget=forms.RadioSelect)
    days = forms.IntegerField(label=_("How many"), min_value=0, max_value=LONGEST_OFFSET)
    unit = forms.ChoiceField(label=_("Counted in"), choices=OffsetUnit.choices)
    side = forms.ChoiceField(label=_("Before or after"), choices=[(BEFORE, _("before")), (AFTER, _("after"))])
    anchor = forms.ChoiceField(label=_("What it is counted from"), choices=Anchor.choices)
    phase = forms.TypedChoiceField(
        label=_("Phase"),
        choices=Phase.choices,
        coerce=lambda value: Phase(int(value)),
        help_text=_("Service up to the due date, then friendly, firm, legal: how hard it presses."),
    )
    template = forms.ChoiceField(label=_("Text"), required=False, widget=forms.Select(attrs={"data-when": WRITTEN}))
    term_days = forms.IntegerField(
        label=_("Term its text gives, in days"),
        required=False,
        min_value=1,
        max_value=365,
        widget=forms.NumberInput(attrs={"data-when": WRITTEN}),
    )
    announces = forms.ChoiceField(
        label=_("Consequence it announces"),
        choices=[*NO_CHOICE, *Consequence.choices],
        required=False,
        widget=forms.Select(attrs={"data-when": WRITTEN}),
        help_text=_("A later step must carry it out."),
    )
    task_kind = forms.ChoiceField(label=_("Kind of task"), required=False, widget=forms.Select(attrs={"data-when": "task"}))
    executes = forms.ChoiceField(label=_("Consequence it carries out"), choices=[*NO_CHOICE, *Consequence.choices], required=False)
    requires = forms.MultipleChoiceField(
        label=_("Earlier steps its text cites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Without them having been done, the message is held."),
    )
    conditions = forms.MultipleChoiceField(
        label=_("Only if"),
        choices=[choice for choice in Condition.choices if choice[0] != Condition.AT_LEAST],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Read on the day it falls due; otherwise the step is skipped."),
    )
    at_least = AmountField(label=_("Only if this much is asked for"), required=False)
    first = forms.ChoiceField(label=_("Written to first"), required=False)
    second = forms.ChoiceField(label=_("Then"), required=False)
    third = forms.ChoiceField(label=pgettext_lazy("a third choice", "Then"), required=False)
    needs_approval = forms.BooleanField(label=_("A person approves each message"), required=False)

    def __init__(
        self,
        *args: Any,
        texts: Mapping[str, Sequence[tuple[str, str]]],
        others: Iterable[tuple[str, str]],
        step: StepContent | None = None,
        **kwargs: Any,
    ) -> None:
        if step is not None:
            kwargs["initial"] = {**_initial(step), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        groups = [(Channel(channel).label, list(found)) for channel, found in texts.items()]
        known = {key for found in texts.values() for key, _name in found}
        self._choose("template", [*NO_CHOICE, *groups, *_missing(step.template if step else "", known)])
        self._choose("requires", list(others))
        kinds = {kind.value for kind in DESK}
        kind = step.task_kind if step is not None and step.channel == Channel.TASK and step.task_kind not in DESK else None
        self._choose("task_kind", [(kind.value, kind.label) for kind in (*DESK, *([kind] if kind and kind.value not in kinds else []))])
        for field in ("first", "second", "third"):
            self._choose(field, [*NO_CHOICE, *ContactRole.choices])

    def _choose(self, field: str, choices: Sequence[Any]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]  # choice fields, declared above

    def clean_at_least(self) -> Any:
        amount = self.cleaned_data["at_least"]
        if amount is not None and not 0 < amount < 10**12:
            raise forms.ValidationError(_("Write an amount above zero."))
        return amount

    def to_step(self, key: str) -> StepContent:
        """The step as filled in; what its channel has no use for is left out."""
        data = self.cleaned_data
        channel = Channel(data["channel"])
        by_hand = channel in HUMAN_CHANNELS
        conditions: dict[str, Any] = dict.fromkeys(data["conditions"], True)
        if data["at_least"] is not None:
            amount = data["at_least"]
            conditions[Condition.AT_LEAST.value] = int(amount) if amount == int(amount) else float(amount)
        roles = dict.fromkeys(role for role in (data["first"], data["second"], data["third"]) if role)
        task_kind = TaskKind.CALL if channel == Channel.CALL else TaskKind(data["task_kind"] or TaskKind.OTHER) if by_hand else None
        return StepContent(
            key=key,
            name=data["name"],
            name_en=data["name_en"],
            phase=data["phase"],
            channel=channel,
            anchor=Anchor(data["anchor"]),
            offset=-data["days"] if data["side"] == BEFORE else data["days"],
            unit=OffsetUnit(data["unit"]),
            template="" if by_hand else data["template"],
            conditions=conditions,
            requires=tuple(data["requires"]),
            term_days=None if by_hand else data["term_days"],
            announces=Consequence(data["announces"]) if data["announces"] and not by_hand else None,
            executes=Consequence(data["executes"]) if data["executes"] else None,
            contact_roles=tuple(roles),
            needs_approval=data["needs_approval"],
            task_kind=task_kind,
        )


def _initial(step: StepContent) -> dict[str, Any]:
    roles = [*step.contact_roles, "", "", ""]
    return {
        "name": step.name,
        "name_en": step.name_en,
        "channel": step.channel.value,
        "days": abs(step.offset),
        "unit": step.unit.value,
        "side": BEFORE if step.offset < 0 else AFTER,
        "anchor": step.anchor.value,
        "phase": step.phase.value,
        "template": step.template,
        "term_days": step.term_days,
        "announces": step.announces.value if step.announces else "",
        "task_kind": step.task_kind.value if step.task_kind else "",
        "executes": step.executes.value if step.executes else "",
        "requires": list(step.requires),
        "conditions": [key for key in step.conditions if key != Condition.AT_LEAST],
        "at_least": step.conditions.get(Condition.AT_LEAST),
        "first": roles[0],
        "second": roles[1],
        "third": roles[2],
        "needs_approval": step.needs_approval,
    }


def _missing(template: str, known: set[str]) -> list[tuple[str, str]]:
    """A text the step names and nobody wrote stays a choice, so that saving something else does not lose it."""
    return [(template, template)] if template and template not in known else []


class OptionsForm(RevisionForm):
    """What concerns the whole plan."""

    name = forms.CharField(label=_("Name, in French"), max_length=120)
    name_en = forms.CharField(label=_("Name, in English"), max_length=120, required=False)
    description = WordsField(label=_("Description, in French"), max_length=300, required=False, rows=2)
    description_en = WordsField(label=_("Description, in English"), max_length=300, required=False, rows=2)
    grouping = forms.ChoiceField(label=_("What one message covers"), choices=Grouping.choices, widget=forms.RadioSelect)
    minimum_amount = AmountField(
        label=_("Nobody is chased who owes no more than"), required=False, help_text=_("Net, in the invoice's currency. Left blank: 0.")
    )
    spacing_days = forms.IntegerField(
        label=_("Business days between two messages"),
        required=False,
        min_value=0,
        max_value=60,
        help_text=_("Left blank: the organization's own figure."),
    )
    thanks = forms.BooleanField(
        label=_("Thank for payments"), required=False, help_text=_("At most once a quarter, never after a firm reminder.")
    )

    def __init__(self, *args: Any, plan: PlanContent, **kwargs: Any) -> None:
        names = ("name", "name_en", "description", "description_en", "spacing_days", "thanks")
        first = {name: getattr(plan, name) for name in names}
        first |= {"grouping": plan.grouping.value, "minimum_amount": plan.minimum_amount or None}
        kwargs["initial"] = {**first, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)

    def clean_minimum_amount(self) -> Any:
        amount = self.cleaned_data["minimum_amount"]
        if amount is not None and not 0 <= amount < 10**12:
            raise forms.ValidationError(_("Write an amount that is not below zero."))
        return amount

    def options(self) -> dict[str, Any]:
        """As `save_options` takes them."""
        data = {name: value for name, value in self.cleaned_data.items() if name != "revision"}
        amount = data["minimum_amount"]
        return {**data, "grouping": Grouping(data["grouping"]), "minimum_amount": round(amount or Decimal(0), 2)}


class NewPlanForm(forms.Form):
    name = forms.CharField(label=_("Name, in French"), max_length=120)
    name_en = forms.CharField(label=_("Name, in English"), max_length=120, required=False)
    like = forms.ChoiceField(label=_("It starts with the steps of"), required=False)

    def __init__(self, *args: Any, plans: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["like"].choices = [("", _("No plan: it starts empty")), *plans]  # type: ignore[attr-defined]  # a choice field


class ReplaceForm(forms.Form):
    """Something takes the place of a draft that may be there."""

    replace_draft = forms.BooleanField(label=_("Replace the draft that is being written"), required=False)


class PlanFileForm(ReplaceForm):
    file = forms.FileField(label=_("Plan file"), help_text=_("A YAML file as this page exports them."))
    field_order = ("file", "replace_draft")

    def clean_file(self) -> bytes:
        """The bytes of the file. Raises ValidationError for one that is too large to be a plan."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(_("This file is larger than %d KB: it is not a plan.") % (LARGEST_FILE // 1024))
        content: bytes = file.read()
        return content


class PublishForm(RevisionForm):
    """What the person had read about when they published: the draft's revision and the version in force, 0 for none."""

    in_force = forms.IntegerField(widget=forms.HiddenInput)


class PlanChoiceForm(forms.Form):
    """Which plan a customer or an invoice follows; blank is what its wider assignment says."""

    plan = forms.ChoiceField(label=_("Plan"), required=False)

    def __init__(self, *args: Any, plans: Iterable[tuple[str, str]], wider: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = [("", wider), *plans]  # type: ignore[attr-defined]  # a choice field


class DryRunForm(forms.Form):
    """On whose customers a draft is tried: those of its own plan, or of another for a plan that is new."""

    instead_of = forms.ChoiceField(label=_("As if it were the plan of whoever follows"))

    def __init__(self, *args: Any, plans: Sequence[tuple[str, str]], own: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = [choice for choice in plans if choice[0] == own] or list(plans)
        self.fields["instead_of"].choices = chosen  # type: ignore[attr-defined]  # a choice field
