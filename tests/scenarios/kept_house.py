"""A house that was set up once, put back as it was: every test begins with one, and setting it up takes longer than most of them last.

What set-up wrote is read as PostgreSQL writes it, table by table, and inserted again when a later test asks - by that time its own
transaction was rolled back, or its database dropped, so that the same rows under the same ids are there once. A second house of one test
is set up for itself.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection

from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant

_kept: dict[str, "KeptHouse"] = {}


@dataclass(frozen=True)
class KeptHouse:
    """An organization and all that belongs to it: INSERT statements, and the rows they are given."""

    organization: Organization
    statement: str
    rows: list[str]

    def put_back(self, profile: dict[str, Any]) -> Organization | None:
        """The organization, with `profile` over what it was set up with; None when it is there already."""
        if Organization.objects.filter(pk=self.organization.pk).exists():
            return None
        organization = Organization(**{field.attname: getattr(self.organization, field.attname) for field in Organization._meta.fields})
        organization.save(force_insert=True)
        with tenant(organization):
            with connection.cursor() as cursor:
                cursor.execute(self.statement, self.rows)
            if profile:
                OrganizationProfile.objects.update(**profile)
        return organization


def put_back(day: str, profile: dict[str, Any]) -> Organization | None:
    """The house kept of this day; None when there is none, when it is there already, or when the profile asks for another set-up."""
    kept = _kept.get(day)
    return kept.put_back(profile) if kept is not None and "default_language" not in profile else None


def keep(day: str, organization: Organization) -> None:
    """Keep this house, just set up with nothing of its own, for the next tests."""
    statements, rows = [], []
    with tenant(organization), connection.cursor() as cursor:
        for table, columns in _tables():
            own = f"SELECT json_agg(t)::text FROM {table} t WHERE organization_id = %s"  # noqa: S608 - a table of the product
            cursor.execute(own, [organization.pk])
            (found,) = cursor.fetchone()
            if found is not None:
                read = f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608 - made of names, as the next
                statements.append(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE {read}")
                rows.append(found)
    _kept[day] = KeptHouse(organization, ";\n".join(statements), rows)


@cache
def _tables() -> list[tuple[str, str]]:
    """The tables of organizations, those that are pointed at first, with the columns that are written."""
    models = [model for model in apps.get_models() if any(field.attname == "organization_id" for field in model._meta.concrete_fields)]
    return [
        (model._meta.db_table, ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields if not field.generated))
        for model in models
    ]
