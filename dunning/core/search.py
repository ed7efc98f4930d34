"""Search behind the wall: folded words by which an object is found.

LIKE is not leakproof, so no index serves it behind row security: an object is found by equality and ranges of its tokens alone
(`token >= 'fa-2026' AND token < 'fa-2027'`). Tokens are lower case, without accents, at most 80 characters.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from dunning.core.models import SearchEntry
from dunning.core.money import parse_decimal
from dunning.core.tenancy import current_organization_id
from dunning.core.tokens import new_id

LONGEST = 80
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "’": "'", "\u00a0": " ", "\u202f": " ", "\0": ""})
_LAST_SIGN = chr(sys.maxunicode)
_WORDS = re.compile(r"[a-z0-9]+")
_LEGAL_FORMS = frozenset(
    {"sa", "sas", "sasu", "sarl", "eurl", "snc", "sci", "scop", "gmbh", "ltd", "bv", "srl", "et", "de", "la", "le", "les", "du"}
)


def fold(text: str) -> str:
    """`text` as people compare it: lower case, no accents, single spaces. "Hôtel  de l’Œuvre" → "hotel de l'oeuvre".

    NUL is left out: it is in none of PostgreSQL's texts, and no parameter may hold it.
    """
    lowered = text.casefold().translate(_LETTERS)
    bare = "".join(character for character in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(character))
    return " ".join(bare.split())


def words(text: str) -> set[str]:
    """The folded words of a name that tell it apart (legal forms and articles left out)."""
    return {word for word in _WORDS.findall(fold(text)) if word not in _LEGAL_FORMS}


def number_tokens(number: str) -> set[str]:
    """What people type for a document's number: whole, without separators, and its last figures without their zeros ("42")."""
    whole = fold(number)
    compact = "".join(_WORDS.findall(whole))
    last = re.search(r"([0-9]+)$", compact)
    figures = _WORDS.findall(whole)[-1] if last and _WORDS.findall(whole) else ""
    return {token[:LONGEST] for token in (whole, compact, figures.lstrip("0")) if token}


def amount_token(amount: Decimal) -> str:
    """An amount as a token: its hundredths, as text. 1200.50 → "120050"."""
    return str(int((amount * 100).to_integral_value()))


def index(*, kind: str, tokens: Mapping[UUID, Iterable[str]], fresh: bool = False) -> None:
    """Make each object of `kind` findable by its tokens, in place of the ones it had (`fresh`: it had none yet)."""
    if not fresh:
        SearchEntry.objects.filter(kind=kind, object_id__in=list(tokens)).delete()
    rows = [(token, object_id) for object_id, own in tokens.items() for token in {token[:LONGEST] for token in own if token}]
    if not rows:
        return
    rows.sort()  # in the order of the index that is widest: its pages are written one after the other
    with connection.cursor() as cursor:  # arrays: three times as fast as bulk_create, and imports index hundreds of thousands
        cursor.execute(
            "INSERT INTO core_searchentry (id, organization_id, kind, object_id, token) "
            "SELECT entry.id, %s, %s, entry.object_id, entry.token "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS entry (id, object_id, token)"
            + ("" if fresh else " ON CONFLICT DO NOTHING"),
            [current_organization_id(), kind, _uuids(new_id() for _ in rows), _uuids(row[1] for row in rows), [row[0] for row in rows]],
        )


def _uuids(ids: Iterable[UUID]) -> str:
    """An array literal: adapting each identifier by itself would cost more than inserting its row."""
    return "{" + ",".join(map(str, ids)) + "}"


def find(*, kind: str, query: str) -> QuerySet[SearchEntry, UUID]:
    """Ids of the objects of `kind` that carry every word of `query` as the beginning of a token, or its amount exactly.

    All of them, for a list to filter by with `__in`: some more than once, in no order. A query without a word finds nothing.
    """
    conditions = [condition for condition in (_words_condition(kind, query), _exact_condition(query)) if condition is not None]
    found = SearchEntry.objects.filter(reduce(or_, conditions), kind=kind) if conditions else SearchEntry.objects.none()
    return found.values_list("object_id", flat=True)


def _range(token: str) -> Q:
    """Tokens that begin so: up to the next text of that length, which no surrogate ends - the database has none."""
    stem = token.rstrip(_LAST_SIGN)
    if not stem:
        return Q(token__gte=token)
    following = ord(stem[-1]) + 1
    return Q(token__gte=token, token__lt=stem[:-1] + chr(0xE000 if following == 0xD800 else following))


def _exact_condition(query: str) -> Q | None:
    """The beginning of a number typed with or without its separators ("FA-2026-0", "fa 2026 0"), or an amount ("1 200,50 €")."""
    folded, compact = fold(query), "".join(_WORDS.findall(fold(query)))
    alternatives = [_range(text[:LONGEST]) for text in (folded, compact) if any(character.isdigit() for character in text)]
    with suppress(ValueError):  # most queries are no amount
        alternatives.append(Q(token=amount_token(abs(parse_decimal(query, _separator(query))))))
    return reduce(or_, alternatives) if alternatives else None


def _separator(query: str) -> str:
    return "," if query.rfind(",") > query.rfind(".") else "."


def _words_condition(kind: str, query: str) -> Q | None:
    found = sorted(set(_WORDS.findall(fold(query))), key=len, reverse=True)
    if not found:
        return None
    condition = _range(found[0][:LONGEST])
    for word in found[1:]:
        others = SearchEntry.objects.filter(_range(word[:LONGEST]), kind=kind)
        condition &= Q(object_id__in=others.values("object_id"))
    return condition
