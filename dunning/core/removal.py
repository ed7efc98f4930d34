"""Removing rows entered by mistake that nothing refers to: which rows are a part of them, and what speaks against it.

A foreign key that cascades makes its row a part of what it points to; every other one is a trace that somebody did something about it. The
registry of models is asked, so that a table added tomorrow counts without being named here.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, models

from dunning.core.tenancy import TenantModel

CHUNK = 5_000
Doomed = dict[type[TenantModel], set[UUID]]
"""Ids to be removed, by model."""


def with_parts(model: type[TenantModel], ids: Collection[UUID]) -> Doomed:
    """These rows and everything that is a part of them, at any depth."""
    found: Doomed = {}
    _collect(model, set(ids), found)
    return found


def _collect(model: type[TenantModel], ids: set[UUID], found: Doomed) -> None:
    fresh = ids - found.setdefault(model, set())
    found[model] |= fresh
    for relation in _relations(model):
        if relation.on_delete is models.CASCADE and fresh:
            _collect(relation.related_model, {pk for pk, _target in _referring(relation, fresh)}, found)


def referred_to(doomed: Doomed) -> Iterator[tuple[type[TenantModel], UUID, type[TenantModel], UUID]]:
    """(model, id, referring model, its id) for each reference to a doomed row by one that stays."""
    for model, ids in list(doomed.items()):
        for relation in _relations(model):
            if relation.on_delete is models.CASCADE or not ids:
                continue
            going = doomed.get(relation.related_model, set())
            for pk, target in _referring(relation, ids):
                if pk not in going:
                    yield model, target, relation.related_model, pk


def remove(doomed: Doomed) -> int:
    """Delete these rows, in any order: the keys between tables are checked when the transaction commits. How many there were."""
    count = 0
    for model, ids in doomed.items():
        statement = f'DELETE FROM "{model._meta.db_table}" WHERE id = ANY(%s::uuid[])'  # noqa: S608 - our own table
        for part in _chunks(sorted(ids)):
            with connection.cursor() as cursor:
                cursor.execute(statement, [[str(pk) for pk in part]])
                count += cursor.rowcount
    return count


def _relations(model: type[TenantModel]) -> list[Any]:
    found = (field for field in model._meta.get_fields(include_hidden=True) if field.auto_created and not field.concrete)
    return [field for field in found if field.one_to_many and issubclass(field.related_model, TenantModel)]  # type: ignore[arg-type]


def _referring(relation: Any, ids: Collection[UUID]) -> Iterator[tuple[UUID, UUID]]:
    key = relation.field
    for part in _chunks(sorted(ids)):
        yield from relation.related_model.objects.filter(**{f"{key.name}__in": part}).values_list("pk", key.attname)


def _chunks(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    waiting = iter(ids)
    while part := list(islice(waiting, CHUNK)):
        yield part
