"""Stored plans and texts, read back as values: what an export writes, a publication compares with, and the validator is told."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final
from uuid import UUID

from customers.enums import Reachability
from customers.models import Contact, Customer
from dunning.core.enums import Channel, Phase
from dunning.core.selectors import get_profile
from notifications.models import MessageTemplate
from notifications.placeholders import TemplateError, parse
from scenarios.enums import Anchor, Consequence, Grouping, OffsetUnit, TaskKind
from scenarios.models import ActionPlan, PlanStep, PlanVersion
from scenarios.plan_content import PlanContent, StepContent
from scenarios.plan_files import TextContent
from scenarios.validator import Surroundings, TextFacts

CENT_PLACES: Final = 2


def current_version(plan: ActionPlan) -> PlanVersion | None:
    """The version in force: the highest number."""
    return PlanVersion.objects.filter(plan=plan).order_by("-number").first()


def load_content(plan: ActionPlan, version: PlanVersion) -> PlanContent:
    """One version of a plan as a value, with the plan's present names."""
    return load_contents(plan, [version])[0]


def load_contents(plan: ActionPlan, versions: Sequence[PlanVersion]) -> list[PlanContent]:
    """Versions of one plan as values, with the plan's present names, in one query."""
    steps: dict[UUID, list[StepContent]] = {version.pk: [] for version in versions}
    for row in PlanStep.objects.filter(version__in=list(steps)).order_by("position"):
        steps[row.version_id].append(_step_content(row))
    return [
        PlanContent(
            key=plan.key,
            name=plan.name,
            name_en=plan.name_en,
            description=plan.description,
            description_en=plan.description_en,
            grouping=Grouping(version.grouping),
            minimum_amount=round(version.minimum_amount, CENT_PLACES),
            spacing_days=version.spacing_days,
            thanks=version.thanks,
            steps=tuple(steps[version.pk]),
        )
        for version in versions
    ]


def _step_content(row: PlanStep) -> StepContent:
    return StepContent(
        key=row.key,
        name=row.name,
        name_en=row.name_en,
        phase=Phase(row.phase),
        channel=Channel(row.channel),
        anchor=Anchor(row.anchor),
        offset=row.offset,
        unit=OffsetUnit(row.unit),
        template=row.template_key,
        conditions=row.conditions,
        requires=tuple(row.requires),
        term_days=row.term_days,
        announces=Consequence(row.announces) if row.announces else None,
        executes=Consequence(row.executes) if row.executes else None,
        contact_roles=tuple(row.contact_roles),
        needs_approval=row.needs_approval,
        task_kind=TaskKind(row.task_kind) if row.task_kind else None,
    )


def load_texts(keys: Collection[str]) -> tuple[TextContent, ...]:
    """The texts in force under these template keys, every channel, language and variant, in a stable order."""
    rows = MessageTemplate.objects.filter(key__in=keys, is_current=True).order_by("key", "channel", "language", "variant")
    return tuple(text_content(row) for row in rows)


def text_content(row: MessageTemplate) -> TextContent:
    return TextContent(
        key=row.key,
        channel=Channel(row.channel),
        language=row.language,
        variant=row.variant,
        phase=Phase(row.phase),
        subject=row.subject,
        body=row.body,
        requires=tuple(row.requires),
    )


def load_surroundings(extra: Iterable[TextContent] = ()) -> Surroundings:
    """What a plan of the open organization meets; `extra` are texts that come with the plan and replace those in force."""
    stored = [text_content(row) for row in MessageTemplate.objects.filter(is_current=True, variant="").order_by("key")]
    texts = {(text.key, text.channel.value, text.language): text for text in stored}
    texts |= {(text.key, text.channel.value, text.language): text for text in extra if not text.variant}
    languages = {get_profile().default_language, *Customer.objects.values_list("language", flat=True).distinct()}
    return Surroundings(languages=frozenset(languages), texts=text_facts(texts.values()), receivable=_receivable())


def text_facts(texts: Iterable[TextContent]) -> dict[tuple[str, str], TextFacts]:
    """The facts the validator reads, by template key and channel; a variant is not asked about, its usual text is."""
    grouped: dict[tuple[str, str], list[TextContent]] = {}
    for text in texts:
        if not text.variant:
            grouped.setdefault((text.key, text.channel.value), []).append(text)
    return {
        place: TextFacts(
            languages=frozenset(text.language for text in found),
            phase=max(text.phase for text in found),
            cites=frozenset(key for text in found for key in text.requires),
            prints=frozenset(key for text in found for key in _printed(text)),
        )
        for place, found in grouped.items()
    }


def _printed(text: TextContent) -> frozenset[str]:
    """Placeholders outside every section: blank, they hold the message."""
    try:
        pieces = [piece for source in (text.subject, text.body) for piece in parse(source).pieces]
    except TemplateError:  # said by the template's own validation, where it is written
        return frozenset()
    return frozenset(piece.key for piece in pieces if piece.key and not piece.section)


def _receivable() -> frozenset[str] | None:
    if not Customer.objects.exists():
        return None
    contacts = Contact.objects.filter(is_active=True)
    channels: set[Channel] = set()
    if contacts.exclude(email="").exclude(email_state=Reachability.FAILED).exists():
        channels.add(Channel.EMAIL)
    if contacts.exclude(phone="").exclude(phone_state=Reachability.FAILED).exists():
        channels.add(Channel.SMS)
    if Customer.objects.exclude(address_line1="").exclude(city="").exists():
        channels |= {Channel.LETTER, Channel.REGISTERED}
    return frozenset(channel.value for channel in channels)
