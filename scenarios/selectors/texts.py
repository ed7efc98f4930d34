"""The organization's texts as they are read: which there are, in which languages, edited or as shipped, what is missing, who wrote what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import get_language

from customers.models import Customer
from dunning.core.enums import WRITTEN_CHANNELS, Channel, Language, Phase
from dunning.core.selectors import actor_names, get_profile
from notifications.models import MessageTemplate
from notifications.texts import shipped_texts
from scenarios.enums import Variant
from scenarios.models import ActionPlan, PlanStep, PlanVersion
from scenarios.outcomes import THANKS_TEMPLATE
from scenarios.plan_words import name_of

SHIPPED, EDITED, MISSING, ABSENT = "shipped", "edited", "missing", "absent"
"""States of a text in a language: as the product ships it, the organization's own, needed and not there, not there and not needed."""
STATES: Final = (SHIPPED, EDITED, MISSING)
_ORDER: Final = {channel.value: number for number, channel in enumerate(Channel)}


@dataclass(frozen=True, slots=True)
class TextCell:
    """One language of a text."""

    language: str
    state: str
    version: int


@dataclass(frozen=True)
class TextRow:
    """One text over one channel in one variant: its languages, and the steps that use it, named with their plan."""

    key: str
    channel: Channel
    variant: str
    variant_label: str
    name: str
    phase: Phase
    cells: Sequence[TextCell]
    used_by: Sequence[str]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(cell.state for cell in self.cells)


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One state a text was in: who wrote it and when; the author is blank for what was written before that was kept."""

    row: MessageTemplate
    author: str


def text_name(key: str, variant: str = "") -> str:
    """The name of a shipped text in the reader's language; its key for a text the organization named itself."""
    return _names().get((key, variant), key)


def text_choices() -> Mapping[str, list[tuple[str, str]]]:
    """By channel, the (key, name) of the texts a step may use, by name."""
    rows = MessageTemplate.objects.filter(is_current=True, variant="").values_list("channel", "key").distinct()
    names = _names()
    found: dict[str, list[tuple[str, str]]] = {channel.value: [] for channel in Channel if channel in WRITTEN_CHANNELS}
    for channel, key in rows:
        found[channel].append((key, names.get((key, ""), key)))
    return {channel: sorted(choices, key=lambda choice: choice[1]) for channel, choices in found.items() if choices}


def text_rows(*, query: str = "", channel: str = "", state: str = "") -> list[TextRow]:
    """Every text, by channel and name, those no plan uses last; `query` is looked for in keys and names.

    In a constant number of queries.
    """
    used = _used()
    languages = languages_used()
    stored: dict[tuple[str, str, str], dict[str, MessageTemplate]] = {}
    for row in MessageTemplate.objects.filter(is_current=True):
        stored.setdefault((row.key, row.channel, row.variant), {})[row.language] = row
    for key, used_channel in used:
        stored.setdefault((key, used_channel, ""), {})
    names = _names()
    found = [_row(place, known, used, languages, names) for place, known in stored.items()]
    wanted = query.strip().casefold()
    return sorted(
        (
            row
            for row in found
            if (not wanted or wanted in row.key.casefold() or wanted in row.name.casefold())
            and (not channel or row.channel == channel)
            and (not state or state in row.states)
        ),
        key=lambda row: (_ORDER[row.channel.value], not row.used_by, row.phase, row.name, row.variant),
    )


def _row(
    place: tuple[str, str, str],
    known: Mapping[str, MessageTemplate],
    used: Mapping[tuple[str, str], Sequence[str]],
    languages: frozenset[str],
    names: Mapping[tuple[str, str], str],
) -> TextRow:
    key, channel, variant = place
    is_needed = not variant  # a variant that is not there is said in the usual words
    first = next(iter(known.values()), None)
    return TextRow(
        key=key,
        channel=Channel(channel),
        variant=variant,
        variant_label=str(Variant(variant).label) if variant in Variant.values and variant else variant,
        name=names.get((key, variant), names.get((key, ""), key)),
        phase=Phase(first.phase) if first is not None else Phase.SERVICE,
        cells=[_cell(language.value, known.get(language.value), is_needed and language.value in languages) for language in Language],
        used_by=used.get((key, channel), ()) if not variant else (),
    )


def _cell(language: str, row: MessageTemplate | None, is_needed: bool) -> TextCell:
    if row is None:
        return TextCell(language, MISSING if is_needed else ABSENT, 0)
    return TextCell(language, SHIPPED if row.is_shipped else EDITED, row.version)


def languages_used() -> frozenset[str]:
    """The languages customers are written to, and the organization's own."""
    return frozenset({get_profile().default_language, *Customer.objects.values_list("language", flat=True).distinct()})


def is_text_place(key: str, channel: str, language: str, variant: str) -> bool:
    """Whether a text stands, ships or is needed there: somebody may look at it and write it."""
    if channel not in WRITTEN_CHANNELS or language not in Language.values:
        return False
    if MessageTemplate.objects.filter(key=key, channel=channel, variant=variant).exists():
        return True
    return not variant and (key, channel) in _used()


def text_versions(key: str, channel: str, language: str, variant: str) -> list[TextVersion]:
    """Every state of a text, the latest first."""
    rows = list(MessageTemplate.objects.filter(key=key, channel=channel, language=language, variant=variant).order_by("-version"))
    names = actor_names(row.written_by for row in rows if row.written_by)
    return [TextVersion(row, names.get(row.written_by, "")) for row in rows]


def step_choices(also: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(key, name) of every step of the plans in force, for a text to cite; `also` are keys it cites already."""
    versions = PlanVersion.objects.filter(plan__archived_at=None).order_by("plan", "-number").distinct("plan")
    names = dict.fromkeys(also, "")
    for step in PlanStep.objects.filter(version__in=list(versions)).order_by("position"):
        names[step.key] = names.get(step.key) or name_of(step)
    return [(key, name or key) for key, name in names.items()]


def steps_using(key: str, channel: str) -> Sequence[str]:
    """The steps of plans in force that use the text, each with its plan."""
    return _used().get((key, channel), ())


def _used() -> dict[tuple[str, str], list[str]]:
    """By text and channel: the steps of the plans in force that use it. Thanks are the plan's own."""
    plans = {plan.pk: plan for plan in ActionPlan.objects.filter(archived_at=None)}
    latest = PlanVersion.objects.filter(plan__in=plans).order_by("plan", "-number").distinct("plan")
    versions = {version.pk: version for version in latest}
    found: dict[tuple[str, str], list[str]] = {}
    for version in versions.values():
        if version.thanks:
            found.setdefault((THANKS_TEMPLATE, Channel.EMAIL.value), []).append(name_of(plans[version.plan_id]))
    for step in PlanStep.objects.filter(version__in=versions).exclude(template_key="").order_by("position"):
        plan = plans[versions[step.version_id].plan_id]
        found.setdefault((step.template_key, step.channel), []).append(f"{name_of(plan)} · {name_of(step)}")
    return found


def _names() -> dict[tuple[str, str], str]:
    language = "fr" if (get_language() or "fr").startswith("fr") else "en"
    return {(text.template_key, text.variant): text.wordings[language].name for text in shipped_texts().values()}
