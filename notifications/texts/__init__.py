"""The texts the product ships with: one entry per template key, in French and English, with what the plan must know of it.

They are the source of a tenant's first templates; tenants then edit copies of their own. The YAML files are typed on a plain keyboard
and use `[[piece]]` for what several texts share, `same_as` for one that differs by its name alone; what comes out is flat, typeset, and
passes `notifications.validation` without a problem.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from notifications.typography import typeset

LANGUAGES: Final = ("fr", "en")
_HERE: Final = Path(__file__).parent
_PIECE: Final = re.compile(r"\[\[([a-z_]+)\]\]")


@dataclass(frozen=True, slots=True)
class Wording:
    """A template in one language; `subject` is "" for a text message."""

    name: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class ShippedText:
    """One template. `requires` names the plan steps its words cite (rule 4); `announces` the consequence it threatens (rule 11).

    `phase` is a name of `scenarios.enums.Phase`, `channel` and `announces` values of its `Channel` and `Consequence`; `audience` is a
    customer kind, or "" for any. `term_days` is the term its words give, None when they give none.
    """

    key: str
    phase: str
    channel: str
    audience: str
    requires: tuple[str, ...]
    term_days: int | None
    announces: str
    variant_of: str
    variant: str
    wordings: Mapping[str, Wording]

    @property
    def template_key(self) -> str:
        """The key a plan step names: a variant is stored under the key it varies."""
        return self.variant_of or self.key


@lru_cache(maxsize=1)
def shipped_texts() -> Mapping[str, ShippedText]:
    """Every shipped text by key. Read once per process."""
    shared = yaml.safe_load((_HERE / "shared.yaml").read_text(encoding="utf-8"))
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(_HERE.glob("*.yaml")):
        if path.name != "shared.yaml":
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            if twice := entries.keys() & found.keys():
                raise ValueError(f"{path.name} repeats {', '.join(sorted(twice))}")
            entries |= found
    return MappingProxyType(
        {key: _text(key, {**entries.get(entry.get("same_as", ""), {}), **entry}, shared) for key, entry in entries.items()}
    )


def _text(key: str, entry: dict[str, Any], shared: dict[str, dict[str, str]]) -> ShippedText:
    def expand(source: str, language: str) -> str:
        while _PIECE.search(source):
            source = _PIECE.sub(lambda match: shared[match[1]][language].strip(), source)
        return typeset(source.strip(), language) if entry["channel"] != "sms" else source.strip()

    wordings = {
        language: Wording(
            name=typeset(entry["name"][language], language),
            subject=expand(entry[language].get("subject", ""), language),
            body=expand(entry[language]["body"], language),
        )
        for language in LANGUAGES
    }
    return ShippedText(
        key=key,
        phase=entry["phase"],
        channel=entry["channel"],
        audience=entry.get("audience", ""),
        requires=tuple(entry.get("requires", ())),
        term_days=entry.get("term_days"),
        announces=entry.get("announces", ""),
        variant_of=entry.get("variant_of", ""),
        variant=entry.get("variant", ""),
        wordings=MappingProxyType(wordings),
    )


def variant_key(key: str, variant: str) -> str:
    """The shipped text for this variant ("reprise", "broken_promise") of `key`, or `key` itself when it has none of its own."""
    return next((text.key for text in shipped_texts().values() if text.variant_of == key and text.variant == variant), key)
