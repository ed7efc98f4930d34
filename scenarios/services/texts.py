"""The organization's texts: loading those the product ships with, and writing others in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dunning.core import audit
from dunning.core.enums import Channel, Language, Phase
from dunning.core.errors import DomainError
from dunning.core.tenancy import current_organization_id, tenant
from notifications.models import MessageTemplate
from notifications.texts import shipped_texts
from notifications.validation import Severity, validate_template
from scenarios.plan_files import TextContent
from scenarios.plan_store import text_content


@dataclass(frozen=True, slots=True)
class TextsLoaded:
    """How many texts were new, how many replaced an unedited older one, how many were left alone."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0  # edited by the organization


def shipped_contents() -> tuple[TextContent, ...]:
    """Every shipped text in every language, as values; a variant stands under the key it varies."""
    return tuple(
        TextContent(
            key=text.template_key,
            channel=Channel(text.channel),
            language=Language(language).value,
            variant=text.variant,
            phase=Phase[text.phase],
            subject=wording.subject,
            body=wording.body,
            requires=tuple(text.requires),
        )
        for text in shipped_texts().values()
        for language, wording in text.wordings.items()
    )


def load_texts(*, actor: str, now: datetime) -> TextsLoaded:
    """Load every shipped text: new ones are added, those the organization never edited are brought up to date, edited ones are kept."""
    with tenant(current_organization_id()):
        current = {_place(text_content(row)): row for row in MessageTemplate.objects.select_for_update(no_key=True).filter(is_current=True)}
        created: list[TextContent] = []
        updated: list[TextContent] = []
        unchanged = kept = 0
        for text in shipped_contents():
            row = current.get(_place(text))
            if row is None:
                created.append(text)
            elif text_content(row) == text:
                unchanged += 1
            elif row.is_shipped:
                updated.append(text)
            else:
                kept += 1
        _put_in_force([*created, *updated], current, is_shipped=True)
        if created or updated:
            body = {
                "created": len(created),
                "updated": len(updated),
                "digest": audit.digest(_content(text) for text in [*created, *updated]),
            }
            audit.record(actor=actor, action="texts.loaded", body=body, now=now)
    return TextsLoaded(len(created), len(updated), unchanged, kept)


def write_texts(*, texts: tuple[TextContent, ...], actor: str, now: datetime) -> int:
    """Put these texts in force, each as a new version unless it says what the one in force says; how many were written.

    Raises DomainError naming every error of every text (unknown placeholders, missing subjects…); nothing is written then.
    """
    faults = [f"{text_label(text)}: {fault}" for text in texts for fault in text_faults(text)]
    if faults:
        raise DomainError("\n".join(faults), code="invalid_text", field="texts")
    with tenant(current_organization_id()):
        rows = MessageTemplate.objects.select_for_update(no_key=True).filter(is_current=True, key__in={text.key for text in texts})
        current = {_place(text_content(row)): row for row in rows}
        changed = _changed(texts, current)
        shipped = set(map(_content, shipped_contents()))
        _put_in_force([text for text in changed if _content(text) in shipped], current, is_shipped=True)
        _put_in_force([text for text in changed if _content(text) not in shipped], current, is_shipped=False)
        if changed:
            body = {"count": len(changed), "texts": sorted(map(text_label, changed)), "digest": audit.digest(map(_content, changed))}
            audit.record(actor=actor, action="texts.written", body=body, now=now)
    return len(changed)


def count_changed(texts: Sequence[TextContent]) -> int:
    """How many of these texts say something else than the one in force in their place, or have none there."""
    rows = MessageTemplate.objects.filter(is_current=True, key__in={text.key for text in texts})
    return len(_changed(texts, {_place(text_content(row)): row for row in rows}))


def _changed(texts: Sequence[TextContent], current: Mapping[tuple[str, str, str, str], MessageTemplate]) -> list[TextContent]:
    return [text for text in texts if _place(text) not in current or text_content(current[_place(text)]) != text]


def text_faults(text: TextContent) -> list[str]:
    """The sentences of the errors that refuse this text."""
    problems = validate_template(text.subject, text.body, channel=text.channel)
    return [problem.message for problem in problems if problem.severity is Severity.ERROR]


def _put_in_force(texts: list[TextContent], current: dict[tuple[str, str, str, str], MessageTemplate], *, is_shipped: bool) -> None:
    replaced = [current[_place(text)] for text in texts if _place(text) in current]
    MessageTemplate.objects.filter(pk__in=[row.pk for row in replaced]).update(is_current=False)
    MessageTemplate.objects.bulk_create(
        MessageTemplate(
            key=text.key,
            channel=text.channel,
            language=text.language,
            variant=text.variant,
            version=current[_place(text)].version + 1 if _place(text) in current else 1,
            phase=text.phase,
            subject=text.subject,
            body=text.body,
            requires=list(text.requires),
            is_shipped=is_shipped,
        )
        for text in texts
    )


def _place(text: TextContent) -> tuple[str, str, str, str]:
    return text.key, text.channel.value, text.language, text.variant


def _content(text: TextContent) -> tuple[str, ...]:
    return (*_place(text), text.phase.name, text.subject, text.body, *text.requires)


def text_label(text: TextContent) -> str:
    variant = f", {text.variant}" if text.variant else ""
    return f"{text.key} ({text.channel.value}, {text.language}{variant})"
