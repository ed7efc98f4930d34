"""Typography of what the product itself writes: sources are typed on a plain keyboard, readers get the real thing."""

import re
from typing import Final

_BEFORE: Final = re.compile(r"(?<=\S) (?=[:;?!%»€](?![/\w]))")
_AFTER: Final = re.compile(r"(?<=«) ")
_NUMBER: Final = re.compile(r"(?<=\bn°) |(?<=\bart\.) (?=[LRD\d])|(?<=\d) (?=(?:jours|factures?|€)\b)")
_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=[\w«{])")


def typeset(text: str, language: str) -> str:
    """Curly apostrophes, and in French the no-break spaces: before `: ; ? ! % » €`, inside guillemets, after `n°`."""
    text = _APOSTROPHE.sub("’", text)
    if language != "fr":
        return text
    for pattern in (_BEFORE, _AFTER, _NUMBER):
        text = pattern.sub("\u00a0", text)
    return text
