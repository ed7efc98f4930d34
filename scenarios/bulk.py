"""Inserting many rows at once: one array a column costs a tenth of one list of values a row, and a fortieth of model instances.

A value that all rows share is told once. Which columns those are makes the statement's shape, and a shape is planned once for a session:
for the few rows of an ordinary day, planning forty columns takes as long as writing them.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db import connection

from dunning.core.prepared import array, ask

MOST_SHAPES: Final = 60
"""Shapes a process prepares, so that its sessions do not collect them without end; what else comes is planned each time."""
_shapes: set[str] = set()
_NONE: Final[Mapping[str, Any]] = {}


def insert_rows(
    table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, shared: Mapping[str, Any] = _NONE, conflict: str = ""
) -> int:
    """INSERT the rows, whose values come in the order of `columns`, with the same `shared` values in each; `conflict` is an ON CONFLICT
    clause without its first two words. How many were written.

    Table and column names come from code, never from input.
    """
    if not rows:
        return 0
    types = _types(table)
    fixed, arrays = list(shared.values()), []
    selected = [f"%s::{types[column]}" for column in shared]
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        first = values[0]
        if values[-1] is first and values.count(first) == len(values):
            fixed.append(first)
            selected.append(f"%s::{types[column]}")
        else:
            arrays.append((column, array(values)))
            selected.append(f'x."{column}"')
    names = ", ".join(f'"{column}"' for column in (*shared, *columns))
    unnested = ", ".join(f"%s::{types[column]}[]" for column, _ in arrays)
    source = f"unnest({unnested}) x ({', '.join(column for column, _ in arrays)})" if arrays else "generate_series(1, %s::int)"
    clause = f" ON CONFLICT {conflict}" if conflict else ""
    sql = f'INSERT INTO "{table}" ({names}) SELECT {", ".join(selected)} FROM {source}{clause}'  # noqa: S608 - names from code
    given = [*fixed, *([values for _, values in arrays] if arrays else [len(rows)])]
    if len(_shapes) < MOST_SHAPES:
        _shapes.add(sql)
    with connection.cursor() as cursor:
        if sql in _shapes:
            ask(cursor, sql, given)
        else:
            cursor.execute(sql, given)
        return int(cursor.rowcount)


@cache
def _types(table: str) -> dict[str, str]:
    """PostgreSQL types of a table's columns. Limited text is plain text here: a cast would cut what is too long without a word."""
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    types = {str(field.column): field.db_type(connection) or "" for field in model._meta.local_concrete_fields}
    return {column: "text" if kind.startswith("varchar") else kind for column, kind in types.items()}
