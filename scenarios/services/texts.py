"""The organization's texts: loading those the product ships with, and writing others in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from customers.identity import clean_phone
from dunning.core import audit
from dunning.core.enums import Channel, Language, Phase
from dunning.core.errors import DomainError, StaleObject
from dunning.core.selectors import actor_names, get_profile
from dunning.core.tenancy import current_organization_id, tenant
from notifications import outbox
from notifications.enums import WAITING
from notifications.models import Message, MessageTemplate
from notifications.rehearsal import rehearse
from notifications.texts import shipped_texts
from notifications.trials import send_test
from notifications.validation import Severity, validate_template
from scenarios.plan_files import TextContent
from scenarios.plan_store import text_content
from scenarios.services.specimens import Look

Place = tuple[str, str, str, str]
"""Key, channel, language and variant: what a text is found by."""


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
        _put_in_force([*created, *updated], current, is_shipped=True, actor=actor, now=now)
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
        _put_in_force([text for text in changed if _content(text) in shipped], current, is_shipped=True, actor=actor, now=now)
        _put_in_force([text for text in changed if _content(text) not in shipped], current, is_shipped=False, actor=actor, now=now)
        if changed:
            _say_anew({text.key for text in changed})
            body = {"count": len(changed), "texts": sorted(map(text_label, changed)), "digest": audit.digest(map(_content, changed))}
            audit.record(actor=actor, action="texts.written", body=body, now=now)
    return len(changed)


def save_text(*, text: TextContent, seen: int, actor: str, now: datetime) -> bool:
    """Put one text in force in place of the version its author saw (`seen`, 0 for none); whether it says anything new.

    Raises StaleObject when another version is in force by now, DomainError with every error of the text; nothing is written then.
    """
    faults = [remark.message for remark in rehearse(text.subject, text.body, channel=text.channel, language=text.language)
              if remark.severity is Severity.ERROR]  # fmt: skip
    if faults:
        raise DomainError("\n".join(faults), code="invalid_text", field="body")
    with tenant(current_organization_id()):
        in_force = find_text(text.key, text.channel, text.language, text.variant, lock=True)
        if (in_force.version if in_force is not None else 0) != seen:
            who = in_force.written_by if in_force is not None else ""
            raise StaleObject(
                _("%(who)s has changed this text since you opened it. Nothing of yours was saved: compare both, then save again.")
                % {"who": actor_names([who])[who] or _("Somebody")}
            )
        return write_texts(texts=(text,), actor=actor, now=now) > 0


def try_text(*, text: TextContent, look: Look, email: str, phone: str, actor: str, now: datetime) -> Message:
    """Send the person who writes a text a message that says it, as it looks on an invoice: to their own address and no other.

    Raises DomainError when it cannot be set, for a letter, or without an address of theirs.
    """
    if look.said is None:
        raise DomainError(look.problem or _("The text cannot be set yet."), code="invalid_text")
    if text.channel == Channel.SMS:
        if not phone.strip():
            raise DomainError(_("Your account has no mobile number: enter it, then send yourself the text message."), field="to")
        to, said = clean_phone(phone, get_profile().country), look.said
    else:
        to, said = email, replace(look.said, subject=_("[Test] %s") % look.said.subject)
    return send_test(channel=text.channel, to=to, language=text.language, actor=actor, now=now, said=said)


def find_text(key: str, channel: str, language: str, variant: str, *, lock: bool = False) -> MessageTemplate | None:
    """The version in force of a text, None when there is none."""
    rows = MessageTemplate.objects.select_for_update(no_key=True) if lock else MessageTemplate.objects
    return rows.filter(key=key, channel=channel, language=language, variant=variant, is_current=True).first()


def shipped_text(key: str, channel: str, language: str, variant: str) -> TextContent | None:
    """What the product ships in that place; None for a text of the organization's own."""
    return next((text for text in shipped_contents() if _place(text) == (key, channel, language, variant)), None)


def restore_text(*, key: str, channel: str, language: str, variant: str, seen: int, actor: str, now: datetime) -> bool:
    """Put the shipped text in force again; whether that says anything new. Raises as `save_text`, and DomainError where none ships."""
    shipped = shipped_text(key, channel, language, variant)
    if shipped is None:
        raise DomainError(_("The product ships no text in this place."), code="unknown_text")
    return save_text(text=shipped, seen=seen, actor=actor, now=now)


def count_changed(texts: Sequence[TextContent]) -> int:
    """How many of these texts say something else than the one in force in their place, or have none there."""
    rows = MessageTemplate.objects.filter(is_current=True, key__in={text.key for text in texts})
    return len(_changed(texts, {_place(text_content(row)): row for row in rows}))


def _changed(texts: Sequence[TextContent], current: Mapping[Place, MessageTemplate]) -> list[TextContent]:
    return [text for text in texts if _place(text) not in current or text_content(current[_place(text)]) != text]


def text_faults(text: TextContent) -> list[str]:
    """The sentences of the errors that refuse this text."""
    problems = validate_template(text.subject, text.body, channel=text.channel)
    return [problem.message for problem in problems if problem.severity is Severity.ERROR]


def _say_anew(keys: set[str]) -> None:
    """Messages that wait and were set already are set once more, with the words now in force."""
    prepared = Message.objects.filter(template_key__in=keys, state__in=WAITING, frozen_at__isnull=False, customer__isnull=False)
    outbox.forget_prepared(prepared.values_list("customer_id", flat=True))


def _put_in_force(texts: list[TextContent], current: dict[Place, MessageTemplate], *, is_shipped: bool, actor: str, now: datetime) -> None:
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
            written_by=actor[:120],
            created_at=now,
        )
        for text in texts
    )


def _place(text: TextContent) -> Place:
    return text.key, text.channel.value, text.language, text.variant


def _content(text: TextContent) -> tuple[str, ...]:
    return (*_place(text), text.phase.name, text.subject, text.body, *text.requires)


def text_label(text: TextContent) -> str:
    variant = f", {text.variant}" if text.variant else ""
    return f"{text.key} ({text.channel.value}, {text.language}{variant})"
