"""System checks that keep the wall between organizations standing."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

UNSAFE = """
SELECT rolsuper, rolbypassrls,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                 AND pg_has_role(current_user, c.relowner, 'USAGE')),
       rolname
FROM pg_roles WHERE rolname = current_user
"""


@register(Tags.security)
def database_role(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """The application's role must be held by row-level security: no superuser, no BYPASSRLS, no owner of any table.

    Says nothing while there is no database to ask: whoever starts without one reports that in its own words.
    """
    if connections["default"].vendor != "postgresql":
        return []
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(UNSAFE)
            superuser, bypasses, owns, name = cursor.fetchone()
    except OperationalError:
        return []
    reasons = [
        text
        for wrong, text in (
            (superuser, "is a superuser"),
            (bypasses, "has BYPASSRLS"),
            (owns and not superuser, "owns tables"),
        )
        if wrong
    ]
    return [
        Error(
            f"The database role {name} of DATABASE_URL {reason}: row-level security would not separate organizations.",
            hint="Give DATABASE_URL the role dunning_app, which owns nothing, and DATABASE_OWNER_URL the role dunning_owner.",
            id="core.E001",
        )
        for reason in reasons
    ]


@register(Tags.security, deploy=True)
def production_variables(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """What a real installation must be told."""
    missing = [name for name in ("FIELD_ENCRYPTION_KEY",) if not getattr(settings, name)]
    if not settings.PUBLIC_BASE_URL.startswith("https://"):
        missing.append("PUBLIC_BASE_URL (an https address)")
    if not settings.EMAIL_HOST:
        missing.append("EMAIL_URL")
    return [Error(f"The environment variable {name} must be set in production.", id="core.E002") for name in missing]


def refuse_unsafe_role() -> None:
    """Stop a web or worker process from starting with a role that row-level security does not bind.

    Raises ImproperlyConfigured with the check's own sentence.
    """
    for problem in database_role():
        raise ImproperlyConfigured(problem.msg)
    connections["default"].close()
