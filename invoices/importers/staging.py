"""Temporary tables: a file's rows stand beside the ledger's, so that they are compared and written as sets.

COPY takes the rows as they are produced: neither the file nor the table is ever whole in memory.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from uuid_utils import uuid7

CHUNK = 5_000  # rows handed to one statement or signal
Parameters = Sequence[Any] | Mapping[str, Any] | None
Value = str | int | bool | date | Decimal | UUID | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A temporary table: `columns` are copied in this order, `added` are filled by statements. It ends with its transaction."""

    name: str
    columns: Mapping[str, str]
    added: Mapping[str, str]

    def create(self) -> None:
        definition = ", ".join(f"{name} {kind}" for name, kind in {**self.columns, **self.added}.items())
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{self.name}")
            cursor.execute(f"CREATE TEMPORARY TABLE {self.name} ({definition}) ON COMMIT DROP")

    def fill(self, rows: Iterable[tuple[Value, ...]]) -> int:
        """Copy the rows, in the order of `columns`, and tell the planner about them; how many there were."""
        count = copy_into(self.name, self.columns, rows)
        analyze(self.name)
        return count


def copy_into(table: str, columns: Iterable[str], rows: Iterable[tuple[Value, ...]]) -> int:
    """COPY rows into a table as they are produced; how many there were."""
    feed = _Feed(rows)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", feed)
    return feed.count


class _Feed:
    """The file object COPY reads from: COPY's text format, made while it is read."""

    def __init__(self, rows: Iterable[tuple[Value, ...]]) -> None:
        self._lines = _encoded(rows)
        self._rest = b""
        self.count = 0

    def read(self, size: int = 8192) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while length < size:
            line = next(self._lines, None)
            if line is None:
                break
            self.count += 1
            parts.append(line)
            length += len(line)
        content = b"".join(parts)
        self._rest = content[size:]
        return content[:size]


def _encoded(rows: Iterable[tuple[Value, ...]]) -> Iterator[bytes]:
    for row in rows:
        yield ("\t".join([_plain(value) for value in row]) + "\n").encode()


def _plain(value: Value) -> str:
    if value is None:
        return "\\N"
    if value is True or value is False:
        return "t" if value else "f"
    text = str(value)
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


def new_key() -> str:
    """A UUIDv7 as text: several times as fast as one made through `uuid.UUID`, which counts when every row needs some."""
    return str(uuid7())


def content_hash(values: Iterable[object]) -> str:
    """A short fingerprint of a row's content, to tell a repetition from a contradiction."""
    return hashlib.blake2b(repr(tuple(values)).encode(), digest_size=12).hexdigest()


def query(sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """All rows of a small result."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def execute(sql: str, parameters: Parameters = None) -> int:
    """Run a statement; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def chunks(sql: str, parameters: Parameters = None, size: int = CHUNK) -> Iterator[list[tuple[Any, ...]]]:
    """A large result in portions, through a cursor of the server: bounded memory here."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(size):
            yield list(rows)


def lock(table: str, ids: str) -> None:
    """Lock the rows of `table` whose ids the query gives, by pk.

    The ids travel as arrays: for a sub-select the planner, which knows nothing of a table filled a moment ago, may compare every pair.
    """
    found = sorted(row[0] for row in query(f"SELECT DISTINCT id FROM ({ids}) AS wanted (id) WHERE id IS NOT NULL"))  # noqa: S608 - ours
    statement = f"SELECT 1 FROM {table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608  fixed names
    for start in range(0, len(found), CHUNK):
        query(statement, [found[start : start + CHUNK]])


def analyze(*tables: str) -> None:
    """Tell the planner what these temporary tables hold now."""
    for table in tables:
        execute(f"ANALYZE {table}")
