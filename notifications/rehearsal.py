"""A text tried out before it is put in force: with nothing to say, with usual values, and with the worst ones. Pure.

What `validation` finds in the words themselves refuses a text; what is found here is shown beside it, and an error refuses it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.palette import PALETTE, Kind, empty_context, example_context
from notifications.placeholders import BLOCK_KEYS, Block, MissingValue, TemplateError, Value, parse
from notifications.rendering import render_email, render_letter_text, render_sms, render_subject
from notifications.sms_text import SmsCount, normalise_sms, outside_gsm7, sms_parts
from notifications.validation import LONGEST_SUBJECT, Severity, validate_template

MOST_PARTS: Final = 3  # of a text message, beyond which it is said
_LONG_NAME: Final = "Société d’exploitation des carrières et sablières du Haut-Beaujolais réunies SAS"
_LONG_WORDS: Final = "<b>{{iban}}</b> & " + "très longue explication d’un désaccord, " * 8
_LARGE_AMOUNT: Final = {"fr": "1\u202f234\u202f567,89\u00a0€", "en": "€1,234,567.89"}
_FREE_WORDS: Final = frozenset({"call.summary", "dispute.answer", "dispute.reason", "discount.offer", "payment.stated_reference"})
_GIVEN_BY_THE_PLAN: Final = frozenset({"consequence", "deadline", "term.days"})
"""What the validator of plans asks of every step whose text prints it."""
_ALWAYS_THERE: Final = frozenset(
    key for key in PALETTE if key.startswith(("creditor.", "customer.", "amounts.", "signatory.", "invoices.", "legal."))
) | {"contact.greeting", "today"}
"""What nearly every message has: a text that needs it is no news."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to say about a text; an error refuses it."""

    message: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class SmsMeasure:
    """A text message as it was typed, with its substitutes for what costs parts, and as it leaves."""

    typed: SmsCount
    leaves: SmsCount
    substitutes: Mapping[str, str]
    text: str


def rehearse(subject: str, body: str, *, channel: str, language: str, cites: bool = False) -> list[Remark]:
    """Everything to say about the text, errors first. Refusals come from its words; then each context is tried.

    `cites`: plans require an earlier act of it, so that the previous message is always there.
    """
    found = [Remark(problem.message, problem.severity) for problem in validate_template(subject, body, channel=channel)]
    if any(remark.severity is Severity.ERROR for remark in found):
        return found
    needs = needed(subject, body)
    known = _ALWAYS_THERE | _GIVEN_BY_THE_PLAN | BLOCK_KEYS | (frozenset({"previous.date", "previous.subject"}) if cites else frozenset())
    rare = sorted(needs - known)
    if rare:
        keys = ", ".join(f"{{{{{key}}}}}" for key in rare)
        words = ngettext(
            "Without %(keys)s the message waits: put it in a section if it may be missing.",
            "Without %(keys)s the message waits: put them in sections if they may be missing.",
            len(rare),
        )
        found.append(Remark(words % {"keys": keys}, Severity.WARNING))
    for context in (nothing(language), example(language), worst(language)):
        try:
            _render(subject, body, context, channel, language)
        except MissingValue:
            continue  # it waits, which is what it should do
        except (TemplateError, ValueError) as error:
            found.append(Remark(_("The text cannot be set: %s") % error, Severity.ERROR))
            return found
    return [*found, *_lengths(subject, body, channel, language)]


def needed(subject: str, body: str) -> frozenset[str]:
    """Placeholders printed outside every section: while one is blank the message waits. Raises TemplateError."""
    return frozenset(piece.key for source in (subject, body) for piece in parse(source).pieces if piece.key and not piece.section)


def _lengths(subject: str, body: str, channel: str, language: str) -> list[Remark]:
    context = {**example(language), **{key: value for key, value in worst(language).items() if key in needed(subject, body)}}
    try:
        if channel == "sms":
            parts = render_sms(body, context).count.parts
            if parts > MOST_PARTS:
                return [Remark(_("With long names it takes %d parts, each billed as a message.") % parts, Severity.WARNING)]
        elif len(render_subject(subject, context)) >= LONGEST_SUBJECT:
            return [Remark(_("With long names the subject is cut at %d characters.") % LONGEST_SUBJECT, Severity.WARNING)]
    except MissingValue:
        pass
    return []


def _render(subject: str, body: str, context: Mapping[str, Value], channel: str, language: str) -> None:
    if channel == "email":
        render_email(subject, body, context, language=language)
    elif channel == "sms":
        render_sms(body, context)
    else:
        render_letter_text(subject, body, context)


def measure_sms(text: str) -> SmsMeasure:
    """What a rendered text message costs as typed and as it leaves, and what is written otherwise to keep it short."""
    typed = normalise_sms(" ".join(text.split()))
    substitutes = {character: proposal for character, proposal in outside_gsm7(typed).items() if proposal}
    leaves = typed
    for character, proposal in substitutes.items():
        leaves = leaves.replace(character, proposal)
    return SmsMeasure(sms_parts(typed), sms_parts(leaves), substitutes, leaves)


# --- contexts ----------------------------------------------------------------------------------------------------------------------------


def nothing(language: str) -> dict[str, Value]:
    """Every key blank."""
    return {**empty_context(), **dict.fromkeys(BLOCK_KEYS, Block("", ""))}


def example(language: str) -> dict[str, Value]:
    """The palette's examples, with blocks that stand for the real ones."""
    return {**example_context(language), **_blocks()}


def worst(language: str) -> dict[str, Value]:
    """Every key filled, with the longest and strangest it may have: long names, large amounts, people's words that look like mark-up."""
    context: dict[str, Value] = {}
    for key, entry in PALETTE.items():
        if entry.kind is Kind.FLAG:
            context[key] = True
        elif entry.kind is Kind.TEXT:
            usual = entry.example_fr if language == "fr" else entry.example_en
            is_amount = (key.startswith("amounts.") and "count" not in key) or key.endswith((".amount", ".total", ".outstanding"))
            is_name = key.endswith((".name", ".person", ".owner", ".greeting"))
            words = _LARGE_AMOUNT[language] if is_amount else _LONG_NAME if is_name else _LONG_WORDS if key in _FREE_WORDS else usual
            context[key] = words or "0"
    return {**context, "creditor.short_name": _LONG_NAME[:30], **_blocks()}


def _blocks() -> dict[str, Value]:
    return {key: Block(f"[{key}]", f"<p>[{key}]</p>") for key in BLOCK_KEYS}
