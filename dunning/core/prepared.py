"""Questions that PostgreSQL parses and plans once for a session, instead of each time: psycopg2 has no such thing, so PREPARE by hand.

Behind the wall every table is a subquery with a policy, and planning a join of five takes longer than answering it for a small
organization. The plan does not depend on the organization: what the policies compare with is found when it runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg2.extras import Json

ONE_PLAN: Final = "set_config('plan_cache_mode', 'force_generic_plan', true)"
"""For the transaction: PostgreSQL shall not weigh the plan it has against a new one for these very values."""
LONG: Final = 200
"""Values in a list from which a plan made for so many is worth its making."""
_BARE: Final = frozenset({int, Decimal, date})
"""Kinds of values whose text needs no quotes."""
_prepared: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()
"""What each open connection has prepared; a statement that was prepared stays, even when its transaction is rolled back."""


def ask(cursor: Any, sql: str, values: Sequence[Any] | Mapping[str, Any] = (), *, under: str = "") -> None:
    """Execute a statement that this session will meet again on a cursor of Django: `sql` is a constant of the program, with %s or %(name)s
    for values.

    `under` are statements to run in the same breath (SET LOCAL …;). Lists become arrays. The text says the type of a value where PostgreSQL
    cannot tell it (%s::date), and names the columns it selects: a plan does not survive a SELECT * whose columns changed. A long list is
    planned apart; and where connections are not kept (`DATABASE_CONN_MAX_AGE=0`, behind a pooler) nothing is prepared.
    """
    given = list(values.values() if isinstance(values, Mapping) else values)
    db = cursor.db
    if db.settings_dict["CONN_MAX_AGE"] == 0 or any(isinstance(value, list) and len(value) > LONG for value in given):
        cursor.execute(under + sql, values)
        return
    name, statement = _named(sql, tuple(values) if isinstance(values, Mapping) else ())
    known = _prepared.setdefault(db.connection, set())
    if name not in known:
        cursor.execute(statement)
        known.add(name)
    arguments = f"({', '.join(['%s'] * len(given))})" if given else ""
    cursor.execute(f"{under}EXECUTE {name}{arguments}", [array(value) if isinstance(value, list) else value for value in given])


@cache
def _named(sql: str, names: tuple[str, ...]) -> tuple[str, str]:
    """The statement's name and its PREPARE."""
    text = sql
    for number, name in enumerate(names, start=1):
        text = text.replace(f"%({name})s", f"${number}")
    pieces = text.split("%s")
    text = pieces[0] + "".join(f"${number}{piece}" for number, piece in enumerate(pieces[1:], start=1))
    key = "q" + sha256(text.encode()).hexdigest()[:24]
    return key, f"PREPARE {key} AS {text.replace('%%', '%')}"


def array(values: Iterable[Any]) -> str:
    """The values as an array literal, whose type the statement knows: a tenth of what a parameter for each costs."""
    values = list(values)
    kinds = set(map(type, values))
    if len(kinds) == 1:  # most columns: put together at once instead of value by value
        (kind,) = kinds
        if kind is str:
            text = '","'.join(values)
            if "\\" not in text and text.count('"') == 2 * (len(values) - 1):
                return '{"' + text + '"}'
        elif kind is UUID:
            return "{" + ",".join([f"{value.int:032x}" for value in values]) + "}"
        elif kind in _BARE:
            return "{" + ",".join(map(str, values)) + "}"
        elif kind is Json:  # one that several rows share is written once
            texts = {id(value): _element(value) for value in set(values)}
            return "{" + ",".join([texts[id(value)] for value in values]) + "}"
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, Json):
        value = value.dumps(value.adapted)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value) if isinstance(value, int) else f'"{value}"'
