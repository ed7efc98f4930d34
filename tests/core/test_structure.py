"""The rules every table must obey, proved over all models and the database's own catalogue."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from dunning.core.models import User
from dunning.core.tenancy import TenantForeignKey, TenantModel

OURS = ("core", "customers", "invoices", "notifications", "scenarios")
# Outside the wall, and only these: identity, what beat and the dispatcher need across organizations; nothing personal but the account.
OUTSIDE = {
    "core.ApiKey", "core.Invitation", "core.User", "core.Organization", "core.Membership", "core.RateWindow", "customers.PortalToken",
    "notifications.QueueTicket", "notifications.ProviderRoute", "notifications.LetterCode",
}  # fmt: skip

pytestmark = pytest.mark.django_db


def _models() -> Iterator[Any]:
    for label in OURS:
        yield from (model for model in apps.get_app_config(label).get_models() if not model._meta.auto_created)


TENANT_MODELS = [model for model in _models() if issubclass(model, TenantModel)]


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return cursor.fetchall()


def test_every_model_is_behind_the_wall_or_on_the_list() -> None:
    assert {model._meta.label for model in _models() if not issubclass(model, TenantModel)} == OUTSIDE


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_row_security_is_enabled_and_forced_with_both_policies(model: type[TenantModel]) -> None:
    table = model._meta.db_table
    assert _rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table) == [(True, True)]
    policies = _rows(
        "SELECT policyname, roles::text, cmd, qual, with_check FROM pg_policies WHERE tablename = %s ORDER BY policyname", table
    )
    assert [(name, roles, command) for name, roles, command, _, _ in policies] == [
        ("owner", "{dunning_owner}", "ALL"),
        ("tenant", "{dunning_app}", "ALL"),
    ]
    _, (_, _, _, using, check) = policies
    assert using == check
    assert "current_setting('app.organization'::text)" in using
    assert "SELECT" in using  # evaluated once, not per row


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_foreign_keys_between_tenant_tables_are_composite(model: type[TenantModel]) -> None:
    keys = [field for field in model._meta.local_fields if isinstance(field, models.ForeignKey)]
    to_tenants = {field.column for field in keys if issubclass(field.related_model, TenantModel)}
    assert to_tenants == {field.column for field in keys if isinstance(field, TenantForeignKey)}
    constraints = _rows(
        "SELECT array_agg(a.attname ORDER BY k.n), c.condeferrable, c.condeferred, c.confdeltype::text FROM pg_constraint c "
        "CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(attnum, n) "
        "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum "
        "WHERE c.contype = 'f' AND c.conrelid = %s::regclass GROUP BY c.oid, c.condeferrable, c.condeferred, c.confdeltype",
        model._meta.db_table,
    )
    composite = {
        columns[1]: (deferrable, deferred, deletion) for columns, deferrable, deferred, deletion in constraints if len(columns) == 2
    }
    assert composite == dict.fromkeys(to_tenants, (True, True, "a"))
    single = {columns[0] for columns, *_ in constraints if len(columns) == 1}
    assert single == {field.column for field in keys} - to_tenants  # the organization itself, and people


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_every_unique_starts_with_the_organization(model: type[TenantModel]) -> None:
    uniques = _rows(
        "SELECT i.relname, array_agg(a.attname ORDER BY k.n) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "CROSS JOIN LATERAL unnest(x.indkey::int[]) WITH ORDINALITY AS k(attnum, n) "
        "JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum "
        "WHERE x.indisunique AND NOT x.indisprimary AND x.indrelid = %s::regclass GROUP BY i.relname",
        model._meta.db_table,
    )
    assert {name: columns[0] for name, columns in uniques} == {name: "organization_id" for name, _ in uniques}
    referred_to = any(
        isinstance(field, TenantForeignKey) and field.related_model is model for other in _models() for field in other._meta.local_fields
    )
    assert any(columns == ["organization_id", "id"] for _, columns in uniques) is referred_to  # a key nobody uses slows every row


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_every_index_starts_with_the_organization(model: type[TenantModel]) -> None:
    firsts = _rows(
        "SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0] "
        "WHERE NOT x.indisprimary AND x.indrelid = %s::regclass",
        model._meta.db_table,
    )
    people = {field.column for field in model._meta.local_fields if field.related_model is User}  # deleting one looks for their rows
    assert {column for (column,) in firsts} <= {"organization_id", *people}  # another serves no question asked behind the wall


def test_the_suite_runs_as_the_application_and_it_owns_nothing() -> None:
    assert _rows("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user") == [
        ("dunning_app", False, False)
    ]
    assert _rows("SELECT count(*) FROM pg_class WHERE relowner = 'dunning_app'::regrole") == [(0,)]


def test_no_view_or_definer_function_looks_over_the_wall() -> None:
    assert _rows("SELECT viewname FROM pg_views WHERE schemaname = 'public'") == []
    assert _rows("SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'") == []
    assert _rows("SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace") == []


def test_no_model_sorts_by_itself_and_none_is_one_to_one() -> None:
    assert [model._meta.label for model in _models() if model._meta.ordering] == []
    assert [f"{model._meta.label}.{field.name}" for model in _models() for field in model._meta.local_fields if field.one_to_one] == []


def test_money_is_never_a_float() -> None:
    assert [
        f"{model._meta.label}.{field.name}"
        for model in _models()
        for field in model._meta.local_fields
        if isinstance(field, models.FloatField)
    ] == []
