"""The wall between organizations: PostgreSQL row-level security, told the current organization for one transaction.

`with tenant(organization):` opens a transaction and names the organization to the database with a transaction-local
setting (safe behind a transaction pooler). Outside it every tenant table refuses to be read: the policy's cast of an
unset setting raises, so that a forgotten scope fails closed instead of showing nothing.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, ClassVar, Final, Self, TypeVar

from django.db import connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.utils.encoding import force_str

from dunning.core.prepared import ONE_PLAN
from dunning.core.tokens import new_id

Row = TypeVar("Row", bound=models.Model)
LONGEST_WAY: Final = 3  # keys from a row to its customer: a file, its declaration, its customer


class TenancyError(RuntimeError):
    """Code reached tenant data outside a scope, or tried to enter a second organization inside one."""


@dataclass
class Scope:
    """One open `tenant()` block. `pending` collects what the flushers write as the last statements before COMMIT.

    `cache` holds what its readers may share until the transaction ends; whoever puts something in knows when it may be stale.
    `account_owner` narrows it to the customers a person looks after, and to what belongs to them: see `OwnRows`.
    """

    organization_id: uuid.UUID
    account_owner: uuid.UUID | None = None
    pending: list[Any] = field(default_factory=list)
    cache: dict[Any, Any] = field(default_factory=dict)


_scope: ContextVar[Scope | None] = ContextVar("tenant_scope", default=None)
_flushers: list[Callable[[Scope], None]] = []


def register_flusher(flush: Callable[[Scope], None]) -> None:
    """Have `flush(scope)` called at the end of every outermost `tenant()` block, inside its transaction."""
    if flush not in _flushers:
        _flushers.append(flush)


def current_scope() -> Scope:
    """The open scope. Raises TenancyError outside one."""
    scope = _scope.get()
    if scope is None:
        raise TenancyError("No organization is open: wrap this in `with tenant(organization):`.")
    return scope


def current_organization_id() -> uuid.UUID:
    """The id of the open organization. Raises TenancyError outside `tenant()`."""
    return current_scope().organization_id


@contextmanager
def tenant(organization: Any) -> Iterator[Scope]:
    """Work as one organization (an `Organization` or its id) in one transaction.

    Re-entering the same organization opens a savepoint; entering another one raises TenancyError. An exception rolls
    everything back, audit events included.
    """
    organization_id = uuid.UUID(str(getattr(organization, "pk", organization)))
    outer = _scope.get()
    if outer is not None:
        if outer.organization_id != organization_id:
            raise TenancyError("Another organization is already open in this transaction.")
        kept = len(outer.pending)
        try:
            with transaction.atomic():
                yield outer
        except BaseException:
            del outer.pending[kept:]
            raise
        return
    scope = Scope(organization_id)
    nested = connection.in_atomic_block
    with transaction.atomic():
        _tell_database(str(organization_id))
        token = _scope.set(scope)
        try:
            yield scope
            for flush in _flushers:
                flush(scope)
        finally:
            _scope.reset(token)
        # A surrounding transaction (tests) must not inherit the organization; a rollback forgets it by itself.
        if nested and not transaction.get_rollback():
            _tell_database("")


def _tell_database(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('app.organization', %s, true), {ONE_PLAN}", [value])


class OwnRows(models.Manager[Row]):
    """The rows of the open organization; in a scope narrowed to an account owner, of their customers alone.

    A row belongs to a customer by its shortest chain of keys (`way_to_customer`); one that belongs to none is hidden, so that what is
    nobody's yet - a receipt, a reply - stays with those who see everything. Tables that lead to no customer at all are not narrowed, nor is
    the row a key points to: pages open to an account owner name what they read.
    """

    def get_queryset(self) -> models.QuerySet[Row]:
        rows = super().get_queryset()
        scope = _scope.get()
        if scope is None or scope.account_owner is None:
            return rows
        way = way_to_customer(self.model)
        return rows if way is None else rows.filter(**{"__".join((*way, "account_owner")): scope.account_owner})


@lru_cache(maxsize=256)
def way_to_customer(model: type[models.Model]) -> tuple[str, ...] | None:
    """The names of the keys that lead from a model to its customer, none for the customer itself; None when no way leads there."""
    if getattr(model, "shared_by_all", False):
        return None
    ways: list[tuple[type[models.Model], tuple[str, ...]]] = [(model, ())]
    for here, way in ways:  # breadth first; the list grows while it is walked
        if here._meta.label == "customers.Customer":
            return way
        if len(way) < LONGEST_WAY:
            keys = [field for field in here._meta.local_fields if isinstance(field, TenantForeignKey) and field.related_model is not here]
            ways += [(field.related_model, (*way, field.name)) for field in keys]
    return None


class TenantModel(models.Model):
    """A row that belongs to one organization, behind the wall.

    The organization is the open one unless given; the migration operation `SecureTenantTables` adds the policies, the
    key `(organization_id, id)` other tables refer to, and the composite foreign keys.
    """

    shared_by_all: ClassVar[bool] = False
    """True for a table whose rows may name a customer and are still everybody's business."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        "core.Organization", on_delete=models.PROTECT, default=current_organization_id, related_name="+", db_index=False, editable=False
    )

    objects: ClassVar[OwnRows[Self]] = OwnRows()

    class Meta:
        abstract = True

    def _get_FIELD_display(self, field: Any) -> Any:
        """The word for a choice, as Django finds it; Django puts all choices together, and translates them all, for each word it shows."""
        value = getattr(self, field.attname)
        return force_str(_labels(field).get(value, value), strings_only=True)


@cache
def _labels(field: Any) -> Mapping[Any, Any]:
    """The labels of a field's choices by value, not translated yet."""
    return dict(field.flatchoices)


class TenantForeignKey(models.ForeignKey):  # type: ignore[type-arg]  # generic only in the stubs
    """A foreign key between two tables of one organization.

    The database constraint is composite, `(organization_id, x_id)`, and added by `SecureTenantTables`: a single-column
    key would accept another organization's row, because constraint checks bypass row security.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs.setdefault("related_name", "+")
        kwargs.setdefault("db_index", False)  # the indexes that serve a look-up start with the organization
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


class SecureTenantTables(Operation):
    """Put tables behind the wall: policies, the tenant key, and the composite foreign keys of their TenantForeignKeys.

    List every tenant model a migration creates; `keys` names `(model, field)` pairs added to a table secured earlier. `leaves` are those
    among the tables to which no other ever refers: they are spared the key `(organization_id, id)`, an index less for every row.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, tables: list[str], keys: list[tuple[str, str]] | None = None, leaves: list[str] | None = None) -> None:
        self.tables = tables
        self.keys = keys or []
        self.leaves = leaves or []

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {"tables": self.tables, "keys": self.keys, "leaves": self.leaves}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The tables' state does not change: the wall exists in the database alone."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        models_ = [to_state.apps.get_model(app_label, name) for name in self.tables]
        for model in models_:
            for statement in _protection(model._meta.db_table):
                schema_editor.execute(statement)
            if model.__name__ not in self.leaves:
                schema_editor.execute(_tenant_key(model._meta.db_table))
        for model in models_:
            for key in model._meta.local_fields:
                if isinstance(key, TenantForeignKey):
                    schema_editor.execute(_composite_key(model._meta.db_table, key))
        for name, field_name in self.keys:
            model = to_state.apps.get_model(app_label, name)
            schema_editor.execute(_composite_key(model._meta.db_table, model._meta.get_field(field_name)))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Dropping the tables drops all of it."""

    def describe(self) -> str:
        return f"Put {', '.join(self.tables)} behind the organization wall"


def _protection(table: str) -> list[str]:
    mine = "organization_id = (SELECT current_setting('app.organization')::uuid)"
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant ON "{table}" TO dunning_app USING ({mine}) WITH CHECK ({mine})',
        # One role cannot even add a foreign key to a FORCEd table: the owner needs a policy of its own for migrations.
        f'CREATE POLICY owner ON "{table}" TO dunning_owner USING (true) WITH CHECK (true)',
    ]


def _tenant_key(table: str) -> str:
    return f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_tenant_key" UNIQUE (organization_id, id)'


def _composite_key(table: str, key: Any) -> str:
    target = key.remote_field.model._meta.db_table
    name = f"{table}_{key.column}_tenant_fk"[:63]
    return (
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY (organization_id, "{key.column}") '
        f'REFERENCES "{target}" (organization_id, id) DEFERRABLE INITIALLY DEFERRED'
    )
