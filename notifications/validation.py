"""What is wrong with a template, said before it is saved (rule 16): each problem names the culprit and what to do."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext as _

from notifications.palette import PALETTE, Kind, forbidden_to_consumers
from notifications.placeholders import TemplateError, parse

LONGEST_SUBJECT: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LEGAL_WORDING: Final = re.compile(r"L\.? ?441-10|D\.? ?441-5|L\.? ?2192-13|R\.? ?2192-31|40\s?(?:€|EUR)|€40\b")
_HARSH: Final = re.compile(
    r"\b(huissier|saisie|dernier avis|en tort|en défaut|mauvais payeur|bailiff|seizure|in default|bad payer)\b", re.IGNORECASE
)


class Severity(StrEnum):
    """An error refuses the template; a warning is shown beside it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `where` is "subject" or "body"; `key` the placeholder or words at fault; `nearest` the known name it resembles."""

    code: str
    where: str
    key: str = ""
    nearest: str = ""
    severity: Severity = Severity.ERROR

    @property
    def message(self) -> str:
        """The problem in a sentence, in the reader's language."""
        return _sentences()[self.code].format(key=self.key, nearest=self.nearest)


def _sentences() -> dict[str, str]:
    return {
        "unknown": _("“{key}” is not a known placeholder: pick one from the palette."),
        "unknown_near": _("“{key}” is not a known placeholder: did you mean “{nearest}”?"),
        "braces": _("The double braces of “{key}” are not a placeholder: write it as in the palette, or remove the braces."),
        "unclosed": _("The section “{key}” is opened and never closed: add its closing mark."),
        "unopened": _("The section “{key}” is closed here without being opened."),
        "nested": _("The section “{key}” stands inside another: close the first one before it."),
        "too_long": _("The text is too long: keep it under 20,000 characters."),
        "printed_flag": _("“{key}” is a yes or no: it can open a section, it cannot be printed."),
        "block_section": _("“{key}” is a ready-made block: it cannot open a section."),
        "block_in_subject": _("“{key}” is a ready-made block: it belongs in the body."),
        "not_in_sms": _("“{key}” cannot travel in a text message."),
        "not_for_consumers": _("“{key}” may not be said to a consumer, who owes neither penalties nor the fixed sum."),
        "subject_missing": _("The subject is empty: write one."),
        "subject_not_allowed": _("A text message has no subject."),
        "subject_too_long": _("The subject is too long: keep it under 200 characters."),
        "subject_control": _("The subject holds a line break or another invisible character: remove it."),
        "body_missing": _("The body is empty: write one."),
        "legal_wording": _("“{key}” is a legal statement: use the legal placeholders, which follow the customer's kind and country."),
        "harsh_wording": _("“{key}” threatens or judges: state the facts instead."),
    }


def validate_template(subject: str, body: str, *, channel: str, audience: str = "") -> list[Problem]:
    """Every problem of the template, errors first. `channel` is one of the plan's channels; `audience` a customer kind, "" for any."""
    problems = _subject_problems(subject, channel) if subject or channel != "sms" else []
    if not body.strip():
        problems.append(Problem("body_missing", "body"))
    for where, text in (("subject", subject), ("body", body)):
        problems += _text_problems(text, where, channel, audience.upper())
    return sorted(problems, key=lambda problem: problem.severity is Severity.WARNING)


def _subject_problems(subject: str, channel: str) -> list[Problem]:
    if channel == "sms":
        return [Problem("subject_not_allowed", "subject")]
    if not subject.strip():
        return [Problem("subject_missing", "subject")]
    problems = [Problem("subject_control", "subject")] if _CONTROL.search(subject) else []
    bare = re.sub(r"\{\{[^{}]*\}\}", "", subject)
    return problems + ([Problem("subject_too_long", "subject")] if len(bare) > LONGEST_SUBJECT else [])


def _text_problems(text: str, where: str, channel: str, audience: str) -> list[Problem]:
    try:
        template = parse(text)
    except TemplateError as error:
        return [Problem(error.code, where, error.key)]
    problems = []
    printed = {piece.key for piece in template.pieces if piece.key}
    for key in sorted(template.keys):
        entry = PALETTE.get(key)
        if entry is None:
            near = get_close_matches(key, PALETTE, n=1, cutoff=0.6)
            problems.append(Problem("unknown_near", where, key, near[0]) if near else Problem("unknown", where, key))
            continue
        if entry.kind is Kind.FLAG and key in printed:
            problems.append(Problem("printed_flag", where, key))
        if entry.kind is Kind.BLOCK and key in template.sections:
            problems.append(Problem("block_section", where, key))
        if entry.kind is Kind.BLOCK and where == "subject":
            problems.append(Problem("block_in_subject", where, key))
        if channel == "sms" and not entry.sms:
            problems.append(Problem("not_in_sms", where, key))
        if audience == "CONSUMER" and forbidden_to_consumers(key):
            problems.append(Problem("not_for_consumers", where, key))
    for code, pattern in (("legal_wording", _LEGAL_WORDING), ("harsh_wording", _HARSH)):
        problems += [
            Problem(code, where, words, severity=Severity.WARNING) for words in sorted({match[0] for match in pattern.finditer(text)})
        ]
    return problems
