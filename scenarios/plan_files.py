"""Plan files: a plan as YAML that people can read, keep under version control and carry to another organization (docs/plans.md).

Reading is total: every mistake is reported with its line and field, at once, and nothing unknown is ignored. The bytes are hostile until
read: they are bounded, aliases and duplicate keys are refused, and only plain YAML values are built.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, TypeVar

import yaml
from django.utils.translation import gettext as _

from customers.enums import ContactRole
from dunning.core.enums import Language
from dunning.core.errors import DomainError
from scenarios.enums import (
    Anchor,
    Channel,
    Condition,
    Consequence,
    Grouping,
    OffsetUnit,
    Phase,
    TaskKind,
)
from scenarios.plan_content import MOST_STEPS, PlanContent, StepContent

FORMAT: Final = "dunning-plan/1"
LARGEST_FILE: Final = 512 * 1024  # bytes; a plan of forty steps with every text in two languages takes a quarter of it
_DEEPEST: Final = 20  # levels; a plan has five
_MOST_PARTS: Final = 15_000  # values and brackets; forty steps with every text in two languages have half as many
_MOST_TEXTS: Final = 400
_LONGEST_OFFSET: Final = 1000  # days
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TEMPLATE_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_VARIANT: Final = re.compile(r"[a-z0-9_-]{0,30}")
_E = TypeVar("_E", bound=Enum)


class PlanFileError(DomainError):
    """The file is not a plan. `mistakes` holds one sentence each, with line and field; nothing was written."""

    def __init__(self, mistakes: Collection[str]) -> None:
        super().__init__("\n".join(mistakes), code="plan_file", field="file")
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class TextContent:
    """One text of a plan, in one language and one variant ("" is the usual one)."""

    key: str
    channel: Channel
    language: str
    variant: str
    phase: Phase
    subject: str
    body: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a plan file holds; `texts` is empty unless the file carries them."""

    plan: PlanContent
    texts: tuple[TextContent, ...] = ()


# --- reading ----------------------------------------------------------------------------------------------------------------------------


def parse_plan_file(source: str | bytes) -> PlanFile:
    """The plan of a file. Raises PlanFileError naming every mistake with its line and field."""
    reader = _Reader(_compose(source))
    plan_file = reader.read()
    if reader.mistakes:
        raise PlanFileError(reader.mistakes)
    return plan_file


def _compose(source: str | bytes) -> yaml.Node:
    data = source.encode() if isinstance(source, str) else source
    if len(data) > LARGEST_FILE:
        raise PlanFileError([_("The file is larger than %(size)d KB: it is not a plan.") % {"size": LARGEST_FILE // 1024}])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PlanFileError([_("The file is not UTF-8 text: save it as UTF-8.")]) from None
    depth = 0
    try:
        for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            if number > _MOST_PARTS:
                raise PlanFileError([_("The file holds more than %(most)d values: it is not a plan.") % {"most": _MOST_PARTS}])
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise PlanFileError([_("The file is nested too deeply: it is not a plan.")])
            if isinstance(event, yaml.AliasEvent):
                # An alias can unfold into gigabytes; a plan needs none.
                line = event.start_mark.line + 1 if event.start_mark is not None else 1
                raise PlanFileError([_("Line %(line)d: aliases (*name) are not allowed; write the value out.") % {"line": line}])
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark is not None else 1
        problem = error.problem or ""
        raise PlanFileError([_("Line %(line)d: this is not YAML (%(problem)s).") % {"line": line, "problem": problem}]) from None
    except yaml.YAMLError:
        raise PlanFileError([_("The file holds characters that YAML does not allow.")]) from None
    if node is None:
        raise PlanFileError([_("The file is empty.")])
    return node


class _Reader:
    """Walks the YAML nodes, which know their lines, and collects mistakes instead of stopping at the first."""

    def __init__(self, root: yaml.Node) -> None:
        self.mistakes: list[str] = []
        self._root = root

    def read(self) -> PlanFile:
        top = self._mapping(self._root, "", {"format", "plan", "steps", "texts"})
        found = self._text(top.get("format"), "format", self._root, required=True)
        if found and found != FORMAT:
            self._wrong(top["format"], "format", _("“%(found)s” is not a format this version reads; it reads %(known)s.") % {
                "found": found[:40], "known": FORMAT,
            })  # fmt: skip
        plan = self._plan(top.get("plan"), top.get("steps"))
        texts = tuple(
            self._one_text(node, f"texts[{number}]")
            for number, node in enumerate(self._sequence(top.get("texts"), "texts", _MOST_TEXTS), start=1)
        )
        return PlanFile(plan, texts)

    # what the file holds

    def _plan(self, node: yaml.Node | None, steps: yaml.Node | None) -> PlanContent:
        fields = self._mapping(node, "plan", _PLAN_FIELDS, required=True)
        name = self._names(fields.get("name"), "plan.name", 120, required=True, parent=node)
        description = self._names(fields.get("description"), "plan.description", 300, parent=node)
        nodes = self._sequence(steps, "steps", MOST_STEPS)
        if steps is None:
            self._wrong(self._root, "steps", _("is missing."))
        return PlanContent(
            key=self._pattern(fields.get("key"), "plan.key", _KEY, node),
            name=name[0],
            name_en=name[1],
            description=description[0],
            description_en=description[1],
            grouping=self._choice(fields.get("grouping"), "plan.grouping", Grouping, Grouping.ACCOUNT),
            minimum_amount=self._amount(fields.get("minimum_amount"), "plan.minimum_amount") or Decimal("0.00"),
            spacing_days=self._integer(fields.get("spacing_days"), "plan.spacing_days", 0, 60),
            thanks=self._boolean(fields.get("thanks"), "plan.thanks"),
            steps=tuple(self._step(step, f"steps[{number}]") for number, step in enumerate(nodes, start=1)),
        )

    def _step(self, node: yaml.Node, where: str) -> StepContent:
        fields = self._mapping(node, where, _STEP_FIELDS, required=True)
        name = self._names(fields.get("name"), f"{where}.name", 120, required=True, parent=node)
        for field in ("phase", "channel", "anchor", "offset"):
            if field not in fields:
                self._wrong(node, f"{where}.{field}", _("is missing."))
        template = fields.get("template")
        return StepContent(
            key=self._pattern(fields.get("key"), f"{where}.key", _KEY, node),
            name=name[0],
            name_en=name[1],
            phase=self._phase(fields.get("phase"), f"{where}.phase"),
            channel=self._choice(fields.get("channel"), f"{where}.channel", Channel, Channel.EMAIL),
            anchor=self._choice(fields.get("anchor"), f"{where}.anchor", Anchor, Anchor.DUE),
            offset=self._integer(fields.get("offset"), f"{where}.offset", -_LONGEST_OFFSET, _LONGEST_OFFSET) or 0,
            unit=self._choice(fields.get("unit"), f"{where}.unit", OffsetUnit, OffsetUnit.DAYS),
            template=self._pattern(template, f"{where}.template", _TEMPLATE_KEY, node) if template is not None else "",
            conditions=self._conditions(fields.get("conditions"), f"{where}.conditions"),
            requires=self._keys(fields.get("requires"), f"{where}.requires"),
            term_days=self._integer(fields.get("term_days"), f"{where}.term_days", 1, 365),
            announces=self._optional(fields.get("announces"), f"{where}.announces", Consequence),
            executes=self._optional(fields.get("executes"), f"{where}.executes", Consequence),
            contact_roles=tuple(
                self._choice(role, f"{where}.contact_roles", ContactRole, ContactRole.OTHER).value
                for role in self._sequence(fields.get("contact_roles"), f"{where}.contact_roles", len(ContactRole))
            ),
            needs_approval=self._boolean(fields.get("needs_approval"), f"{where}.needs_approval"),
            task_kind=self._optional(fields.get("task_kind"), f"{where}.task_kind", TaskKind),
        )

    def _conditions(self, node: yaml.Node | None, where: str) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._mapping(node, where, {condition.value for condition in Condition}).items():
            if key == Condition.AT_LEAST:
                amount = self._amount(value, f"{where}.{key}")
                if amount is not None and amount <= 0:
                    self._wrong(value, f"{where}.{key}", _("must be above zero."))
                # kept as JSON beside the step: a whole number, or one with cents
                found[key] = None if amount is None else int(amount) if amount == int(amount) else float(amount)
            elif key in (Condition.INDEX_BELOW, Condition.INDEX_AT_LEAST):
                found[key] = self._integer(value, f"{where}.{key}", 1, 100)
            elif self._boolean(value, f"{where}.{key}"):
                found[key] = True
        return found

    def _one_text(self, node: yaml.Node, where: str) -> TextContent:
        fields = self._mapping(node, where, _TEXT_FIELDS, required=True)
        for field in ("channel", "language", "phase", "body"):
            if field not in fields:
                self._wrong(node, f"{where}.{field}", _("is missing."))
        variant = fields.get("variant")
        return TextContent(
            key=self._pattern(fields.get("key"), f"{where}.key", _TEMPLATE_KEY, node),
            channel=self._choice(fields.get("channel"), f"{where}.channel", Channel, Channel.EMAIL),
            language=self._choice(fields.get("language"), f"{where}.language", Language, Language.FRENCH).value,
            variant=self._pattern(variant, f"{where}.variant", _VARIANT, node) if variant is not None else "",
            phase=self._phase(fields.get("phase"), f"{where}.phase"),
            subject=self._text(fields.get("subject"), f"{where}.subject", node, longest=600),
            body=self._text(fields.get("body"), f"{where}.body", node, longest=20_000),
            requires=self._keys(fields.get("requires"), f"{where}.requires"),
        )

    # kinds of values

    def _wrong(self, node: yaml.Node | None, field: str, problem: str) -> None:
        line = (node or self._root).start_mark.line + 1
        if field:
            self.mistakes.append(_("Line %(line)d, %(field)s: %(problem)s") % {"line": line, "field": field, "problem": problem})
        else:
            self.mistakes.append(_("Line %(line)d: %(problem)s") % {"line": line, "problem": problem})

    def _mapping(self, node: yaml.Node | None, where: str, known: Collection[str], *, required: bool = False) -> dict[str, yaml.Node]:
        if node is None:
            if required:
                self._wrong(None, where, _("is missing."))
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, where, _("must hold fields (name: value)."))
            return {}
        fields: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            field = f"{where}.{key[:40]}" if where else key[:40]
            if key not in known:
                self._wrong(key_node, field, _("is not a known field; known are: %s.") % ", ".join(sorted(known)))
            elif key in fields:
                self._wrong(key_node, field, _("is given twice."))
            elif value.tag != _NULL:
                fields[key] = value
        return fields

    def _sequence(self, node: yaml.Node | None, where: str, most: int) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, where, _("must be a list."))
            return []
        if len(node.value) > most:
            self._wrong(node, where, _("has more than %d entries.") % most)
            return []
        return list(node.value)

    def _text(self, node: yaml.Node | None, where: str, parent: yaml.Node | None, *, required: bool = False, longest: int = 300) -> str:
        if node is None:
            if required:
                self._wrong(parent, where, _("is missing."))
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, where, _("must be a text."))
            return ""
        value: str = node.value
        if len(value) > longest:
            self._wrong(node, where, _("is longer than %d characters.") % longest)
        return value

    def _pattern(self, node: yaml.Node | None, where: str, pattern: re.Pattern[str], parent: yaml.Node | None) -> str:
        value = self._text(node, where, parent, required=True)
        if node is not None and not pattern.fullmatch(value):
            self._wrong(node, where, _("“%s” is not a key: use lower-case letters, digits, - and _.") % value[:60])
        return value

    def _keys(self, node: yaml.Node | None, where: str) -> tuple[str, ...]:
        return tuple(self._pattern(entry, where, _KEY, node) for entry in self._sequence(node, where, MOST_STEPS))

    def _names(
        self, node: yaml.Node | None, where: str, longest: int, *, required: bool = False, parent: yaml.Node | None = None
    ) -> tuple[str, str]:
        """(French, English): a mapping of both, or one text for the first."""
        if isinstance(node, yaml.MappingNode):
            fields = self._mapping(node, where, {"fr", "en"})
            french = self._text(fields.get("fr"), f"{where}.fr", node, required=required, longest=longest)
            return french, self._text(fields.get("en"), f"{where}.en", node, longest=longest)
        return self._text(node, where, parent, required=required, longest=longest), ""

    def _integer(self, node: yaml.Node | None, where: str, least: int, most: int) -> int | None:
        if node is None:
            return None
        value = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not re.fullmatch(r"[+-]?[0-9]{1,6}", value) or not least <= int(value) <= most:
            self._wrong(node, where, _("must be a whole number from %(least)d to %(most)d.") % {"least": least, "most": most})
            return None
        return int(value)

    def _amount(self, node: yaml.Node | None, where: str) -> Decimal | None:
        if node is None:
            return None
        try:
            value = Decimal(node.value if isinstance(node, yaml.ScalarNode) else "")
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or value < 0 or value >= Decimal(10) ** 12 or value != round(value, 2):
            self._wrong(node, where, _("must be an amount such as 3000 or 49.90."))
            return None
        return value.quantize(Decimal("0.01"))

    def _boolean(self, node: yaml.Node | None, where: str) -> bool:
        if node is None:
            return False
        value = node.value if isinstance(node, yaml.ScalarNode) else ""
        if value not in ("true", "false"):
            self._wrong(node, where, _("must be true or false."))
        return value == "true"

    def _choice(self, node: yaml.Node | None, where: str, choices: type[_E], default: _E) -> _E:
        if node is None:
            return default
        return self._pick(node, where, {str(choice.value): choice for choice in choices}, default)

    def _optional(self, node: yaml.Node | None, where: str, choices: type[_E]) -> _E | None:
        return None if node is None else self._choice(node, where, choices, next(iter(choices)))

    def _phase(self, node: yaml.Node | None, where: str) -> Phase:
        return Phase.SERVICE if node is None else self._pick(node, where, _PHASES, Phase.SERVICE)

    def _pick(self, node: yaml.Node, where: str, known: Mapping[str, _E], default: _E) -> _E:
        value = node.value if isinstance(node, yaml.ScalarNode) else ""
        if value not in known:
            self._wrong(
                node, where, _("“%(value)s” is not known; choose among: %(known)s.") % {"value": value[:40], "known": ", ".join(known)}
            )
        return known.get(value, default)


_NULL: Final = "tag:yaml.org,2002:null"
_PHASES: Final[Mapping[str, Phase]] = {phase.name.lower(): phase for phase in Phase}
_PLAN_FIELDS: Final = frozenset(("key", "name", "description", "grouping", "minimum_amount", "spacing_days", "thanks"))
_STEP_FIELDS: Final = frozenset(
    (
        "key", "name", "phase", "channel", "anchor", "offset", "unit", "template", "conditions", "requires", "term_days", "announces",
        "executes", "contact_roles", "needs_approval", "task_kind",
    )
)  # fmt: skip
_TEXT_FIELDS: Final = frozenset(("key", "channel", "language", "variant", "phase", "subject", "body", "requires"))


# --- writing ----------------------------------------------------------------------------------------------------------------------------


def dump_plan_file(plan_file: PlanFile) -> str:
    """The file that `parse_plan_file` reads back as the same value; what has its usual value is left out."""
    plan = plan_file.plan
    header: dict[str, Any] = {"key": plan.key, "name": _both(plan.name, plan.name_en)}
    if plan.description or plan.description_en:
        header["description"] = _both(plan.description, plan.description_en)
    if plan.grouping != Grouping.ACCOUNT:
        header["grouping"] = plan.grouping.value
    if plan.minimum_amount:
        header["minimum_amount"] = str(plan.minimum_amount)
    if plan.spacing_days is not None:
        header["spacing_days"] = plan.spacing_days
    if plan.thanks:
        header["thanks"] = True
    content: dict[str, Any] = {"format": FORMAT, "plan": header, "steps": [_step_fields(step) for step in plan.steps]}
    if plan_file.texts:
        content["texts"] = [_text_fields(text) for text in plan_file.texts]
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _represent_text)


def _both(french: str, english: str) -> dict[str, str]:
    return {language: text for language, text in (("fr", french), ("en", english)) if text}


def _step_fields(step: StepContent) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": step.key,
        "name": _both(step.name, step.name_en),
        "phase": step.phase.name.lower(),
        "channel": step.channel.value,
        "anchor": step.anchor.value,
        "offset": step.offset,
    }
    optional: dict[str, Any] = {
        "unit": step.unit.value if step.unit != OffsetUnit.DAYS else "",
        "template": step.template,
        "conditions": dict(step.conditions),
        "requires": list(step.requires),
        "term_days": step.term_days,
        "announces": step.announces.value if step.announces else "",
        "executes": step.executes.value if step.executes else "",
        "contact_roles": list(step.contact_roles),
        "needs_approval": step.needs_approval,
        "task_kind": step.task_kind.value if step.task_kind else "",
    }
    return fields | {name: value for name, value in optional.items() if value}


def _text_fields(text: TextContent) -> dict[str, Any]:
    fields: dict[str, Any] = {"key": text.key, "channel": text.channel.value, "language": text.language}
    if text.variant:
        fields["variant"] = text.variant
    fields["phase"] = text.phase.name.lower()
    if text.requires:
        fields["requires"] = list(text.requires)
    if text.subject:
        fields["subject"] = text.subject
    return fields | {"body": text.body}
