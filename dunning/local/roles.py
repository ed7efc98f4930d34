"""The two database roles: `dunning_owner` owns and migrates, `dunning_app` works behind row-level security and owns nothing."""

import hashlib
import hmac
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from dunning.local.errors import LocalError

OWNER, APP = "dunning_owner", "dunning_app"


def with_role(url: str, role: str, password: str | None) -> str:
    """The same server and database, as another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    credentials = role if password is None else f"{role}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{credentials}@{host}"))


def with_database(url: str, database: str) -> str:
    """The same server and role, on another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database, safe='')}"))


def create(
    administrator: Any, *, database: str, owner_password: str | None, app_password: str | None, own_database: bool
) -> dict[str, str]:
    """Make or repair both roles and what they may do; return DATABASE_URL and DATABASE_OWNER_URL.

    `own_database`: create the database if need be, belonging to the owner (the embedded cluster); otherwise the database is
    given and the owner is only allowed to build in it.
    """
    administrator.autocommit = True
    with administrator.cursor() as cursor:
        for role, password, extra in ((OWNER, owner_password, "CREATEDB"), (APP, app_password, "NOCREATEDB")):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            secret = sql.SQL("PASSWORD {}").format(sql.Literal(password)) if password is not None else sql.SQL("")
            cursor.execute(sql.SQL("{} ROLE {} LOGIN {} {}").format(sql.SQL(verb), sql.Identifier(role), sql.SQL(extra), secret))
        if own_database:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(OWNER)))
            # So that it can drop a database of the tests with whoever is left in it.
            cursor.execute(sql.SQL("GRANT pg_signal_backend TO {}").format(sql.Identifier(OWNER)))
        else:
            cursor.execute(
                sql.SQL("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(OWNER))
            )
            cursor.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(sql.Identifier(OWNER)))
            cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(APP)))
    info = administrator.info
    port = f":{info.port}" if info.port else ""
    place = f"{info.host}{port}" if not info.host.startswith("/") else ""
    query = "" if place else f"host={quote(info.host, safe='')}&port={info.port}"
    base = urlunsplit(("postgresql", place, f"/{quote(database, safe='')}", query, ""))
    urls = {"DATABASE_URL": with_role(base, APP, app_password), "DATABASE_OWNER_URL": with_role(base, OWNER, owner_password)}
    allow(urls["DATABASE_OWNER_URL"])
    return urls


def allow(owner_url: str) -> None:
    """In one database, give the application its daily rights on everything the owner will make: rows and sequences, never TRUNCATE."""
    connection = psycopg2.connect(owner_url, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(APP)))
            cursor.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}").format(sql.Identifier(APP))
            )
            cursor.execute(sql.SQL("ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {}").format(sql.Identifier(APP)))
    finally:
        connection.close()


def statements(database: str) -> str:
    """What an administrator runs by hand where we may not."""
    return f"""\
CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '…';
CREATE ROLE {APP} LOGIN PASSWORD '…';
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "{database}" TO {OWNER};
GRANT CONNECT ON DATABASE "{database}" TO {APP};
-- connected to "{database}":
GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
GRANT USAGE ON SCHEMA public TO {APP};
-- connected to "{database}" as {OWNER}:
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {APP};
"""


def settle(env: MutableMapping[str, str], *, owner_needed: bool) -> None:
    """With DATABASE_URL alone: when its role is an administrator, make both roles and put their addresses into `env`.

    The passwords derive from the administrator's, so that every process given the same DATABASE_URL finds the same ones.
    Raises LocalError, after printing the SQL, when the owner is needed and may not be made.
    """
    url = env.get("DATABASE_URL")
    if not url or env.get("DATABASE_OWNER_URL"):
        return
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except (psycopg2.OperationalError, psycopg2.ProgrammingError) as error:
        raise LocalError(f"The database of DATABASE_URL cannot be reached: {' '.join(str(error).split())}") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolcreaterole, rolname FROM pg_roles WHERE rolname = current_user")
            allowed, name = cursor.fetchone()
        connection.rollback()
        if allowed:
            key = unquote(parts.password) if parts.password else None
            owner, app = (None if key is None else _derived(key, role) for role in (OWNER, APP))
            try:
                env.update(create(connection, database=database, owner_password=owner, app_password=app, own_database=False))
                return
            except psycopg2.Error as error:
                reason = " ".join(str(error).split())
        else:
            reason = f"the role {name} may not create roles"
    finally:
        connection.close()
    if owner_needed:
        raise LocalError(
            f"{statements(database)}\nDATABASE_URL is set without DATABASE_OWNER_URL and {reason}: "
            "have an administrator run the SQL above, then set both."
        )


def _derived(key: str, role: str) -> str:
    return hmac.new(key.encode(), f"dunning role {role}".encode(), hashlib.sha256).hexdigest()
