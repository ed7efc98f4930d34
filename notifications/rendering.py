"""From a template and a context to what leaves: an e-mail's twins, a text message, the words of a letter.

This is the door to everything said: `render`, `placeholders`, `validate_template`, `sms_parts` and their errors are met here too.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from notifications.placeholders import (
    Block,
    Context,
    MissingValue,
    TemplateError,
    Value,
    placeholders,
    render,
    render_both,
    render_markup,
)
from notifications.sms_text import SmsCount, fit_gsm7, normalise_sms, sms_parts
from notifications.validation import LONGEST_SUBJECT, Problem, Severity, validate_template

__all__ = [
    "LONGEST_SUBJECT",
    "Block",
    "Context",
    "MissingValue",
    "Problem",
    "Rendered",
    "RenderedSms",
    "Severity",
    "SmsCount",
    "TemplateError",
    "Value",
    "normalise_sms",
    "placeholders",
    "render",
    "render_email",
    "render_letter_text",
    "render_sms",
    "render_subject",
    "sms_parts",
    "validate_template",
]

_FRAME: Final = Path(__file__).parent.parent / "templates" / "messages" / "email.html"
# Control characters, and the marks that reverse the order of what follows: neither has business in a header.
_UNWANTED: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_PARAGRAPH: Final = '<p style="margin:0 0 16px 0;">'


@dataclass(frozen=True, slots=True)
class Rendered:
    """A written message as it will be frozen: the same words as plain text and as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class RenderedSms:
    """A text message, and what it costs in parts."""

    text: str
    count: SmsCount


@lru_cache(maxsize=1)
def _frame() -> str:
    return _FRAME.read_text(encoding="utf-8")


def render_subject(subject: str, context: Context) -> str:
    """One line of at most 200 characters, no control character. Raises as `render` does, and `MissingValue("subject")` when empty."""
    line = " ".join(_UNWANTED.sub(" ", render(subject, context)).split(" ")).strip()
    while "  " in line:
        line = line.replace("  ", " ")
    if not line:
        raise MissingValue("subject")
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1].rstrip() + "…"


def render_email(subject: str, body: str, context: Context, *, language: str) -> Rendered:
    """An e-mail's twins, with the creditor's identity only (`creditor.name`, `creditor.legal` of the context) and no trace of the product.

    Raises `MissingValue` when the context lacks something the template prints: the message is held.
    """
    line = render_subject(subject, context)
    text, html = render_both(body, context)
    framed = render_markup(
        _frame(),
        {
            "language": language,
            "subject": line,
            "content": Block(text, html.replace("<p>", _PARAGRAPH)),
            "creditor.name": context.get("creditor.name", ""),
            "creditor.legal": context.get("creditor.legal", ""),
        },
    )
    legal = context.get("creditor.legal")
    footer = f"\n\n-- \n{context['creditor.name']}, {legal}" if legal else ""
    return Rendered(line, f"{text}{footer}\n", framed)


def render_sms(body: str, context: Context, *, keep_accents: bool = False) -> RenderedSms:
    """A text message. Typography is always made plain; letters outside GSM-7 lose their accent unless `keep_accents`, which costs parts."""
    text = " ".join(render(body, context).split())
    text = normalise_sms(text) if keep_accents else fit_gsm7(text)
    return RenderedSms(text, sms_parts(text))


def render_letter_text(subject: str, body: str, context: Context) -> Rendered:
    """The words of a letter: `html` is what `notifications.letters.LetterContent.body_html` takes, `text` what search and screens show."""
    text, html = render_both(body, context)
    return Rendered(render_subject(subject, context), f"{text}\n", html)
