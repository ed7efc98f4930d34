"""`manage.py test`, `bench`, `chaos` and `screenshots`: the real migrations on a throw-away server, run once, cloned for each use.

The server keeps no promise about its data (fsync off) and is rebuilt after a reboot. The migrated database stays in it as a
template named after the hash of everything the migrations are made of, so an unchanged schema costs nothing; every run,
every xdist worker and every test that commits gets a clone of its own (CREATE DATABASE … TEMPLATE) and drops it.
"""

import ast
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql

from dunning.local import roles
from dunning.local.errors import LocalError
from dunning.local.join import Lease, folder_of, one_account, own_secrets
from dunning.local.processes import die_with_parent
from dunning.local.schema import PACKAGES

TEMPLATE, RUN = "dunning_template_", "dunning_run_"
TEMPLATE_VARIABLE = "DUNNING_TEST_TEMPLATE"  # the template's name, for the fixtures of tests/
KEEP_HOURS = 12


def main(root: Path, command: str, arguments: list[str]) -> int:
    env = dict(os.environ)
    if command == "chaos":
        return chaos(root, env, arguments)
    if command == "screenshots":  # of the product that runs beside
        return patiently(["tests.screenshots", *arguments], env)
    with tempfile.TemporaryDirectory(prefix="dunning-documents-") as documents, services(root, env):
        env["DOCUMENT_ROOT"] = documents
        template = ensure_template(root, env)
        env |= {TEMPLATE_VARIABLE: template, "DUNNING_BOOTSTRAP": "off"}
        if command == "test":
            env["PYTEST_PLUGINS"] = "dunning.local.test_worker"
            return patiently(["pytest", *parallel(root, arguments), *arguments], env)
        return bench(root, env, template, arguments)


@contextlib.contextmanager
def services(root: Path, env: dict[str, str]) -> Iterator[None]:
    """Put the addresses of a throw-away PostgreSQL and Valkey into `env`, unless it has its own."""
    folder = folder_of(root)
    with contextlib.ExitStack() as leases:
        with one_account():
            own_secrets(folder, env)
            for name, variable in (("test-postgres", "DATABASE_URL"), ("test-valkey", "REDIS_URL")):
                if not env.get(variable):
                    lease = Lease(folder, name)
                    leases.callback(lease.give_back, wait=10)
                    env |= lease.take()
        roles.settle(env, owner_needed=True)
        yield


def parallel(root: Path, arguments: list[str]) -> list[str]:
    """Spread over the cores, except when one file is asked for or the caller decides."""
    own = (
        "-n",
        "--numprocesses",
        "--dist",
        "--pdb",
        "-x",
        "--collect-only",
        "--co",
        "--fixtures",
        "--markers",
        "--help",
        "-h",
        "--version",
    )
    if any(argument.split("=")[0] in own or argument.startswith("-n") for argument in arguments) or "no:xdist" in arguments:
        return []
    places = [argument for argument in arguments if (root / argument.split("::")[0]).exists()]
    if len(places) == 1 and ".py" in places[0]:
        return []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["-n", str(max(2, cores)), "--dist", "worksteal"]


def ensure_template(root: Path, env: dict[str, str]) -> str:
    """The name of a database with every migration applied, made now or found from an earlier run."""
    name = TEMPLATE + schema_hash(root)
    connection = psycopg2.connect(env["DATABASE_OWNER_URL"], connect_timeout=10)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [TEMPLATE])  # two runs at once build it once
            sweep(cursor)
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not cursor.fetchone():
                build = name + "_building"
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(build)))
                try:
                    cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(build), sql.Identifier(roles.OWNER)))
                except psycopg2.errors.InsufficientPrivilege as error:
                    raise LocalError(
                        f"The role of DATABASE_OWNER_URL may not create databases: ALTER ROLE {roles.OWNER} CREATEDB."
                    ) from error
                migrate(root, env, build)
                cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(build), sql.Identifier(name)))
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(_now(cursor))))
    finally:
        connection.close()
    return name


def migrate(root: Path, env: dict[str, str], database: str) -> None:
    sys.stderr.write("[test] migrating a fresh database\n")
    urls = {name: roles.with_database(env[name], database) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    roles.allow(urls["DATABASE_OWNER_URL"])
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--no-input"]
    done = subprocess.run(command, cwd=root, env=env | urls, check=False)  # noqa: S603  this very project
    if done.returncode:
        raise LocalError("The migrations failed (see above); no test was run.")


def _now(cursor: "psycopg2.extensions.cursor") -> str:
    cursor.execute("SELECT clock_timestamp()::text")
    return str(cursor.fetchone()[0])


def sweep(cursor: "psycopg2.extensions.cursor") -> None:
    """Drop the templates nobody used lately, and the clones of runs that were killed."""
    cursor.execute(
        "SELECT datname,"
        " coalesce(shobj_description(oid, 'pg_database')::timestamptz < clock_timestamp() - make_interval(hours => %s), false)"
        " FROM pg_database WHERE (starts_with(datname, %s) OR starts_with(datname, %s)) AND pg_get_userbyid(datdba) = %s",
        [KEEP_HOURS, TEMPLATE, RUN, roles.OWNER],
    )
    for name, old in cursor.fetchall():
        abandoned = (
            name.startswith(RUN) and not Path(f"/proc/{name.removeprefix(RUN).split('_')[0]}").exists() and Path("/proc/self").exists()
        )
        if old or abandoned:
            with contextlib.suppress(psycopg2.Error):  # another run is doing the same
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def chaos(root: Path, env: dict[str, str], arguments: list[str]) -> int:
    """Run tests/chaos, which has servers of its own: it restarts and empties them."""
    own_secrets(folder_of(root), env)
    with tempfile.TemporaryDirectory(prefix="dunning-documents-") as documents:
        return patiently(["tests.chaos", *arguments], {**env, "DOCUMENT_ROOT": documents, "DUNNING_BOOTSTRAP": "off"})


def bench(root: Path, env: dict[str, str], template: str, arguments: list[str]) -> int:
    """Run tests/benchmarks/bench_NAME.py on a clone of its own."""
    names = sorted(path.stem.removeprefix("bench_") for path in (root / "tests" / "benchmarks").glob("bench_*.py"))
    if not arguments or arguments[0] not in names:
        raise LocalError(f"Say which: manage.py bench {' | '.join(names)} [its arguments]")
    with clone(env["DATABASE_OWNER_URL"], template, "bench") as database:
        env |= {name: roles.with_database(env[name], database) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}
        return patiently(["dunning.local.bench", *arguments], env)


def patiently(module: list[str], env: dict[str, str]) -> int:
    """Run a module to its end: Ctrl-C is for it to answer, and what it starts must find its servers until then."""
    command = [sys.executable, "-m", *module]
    child = subprocess.Popen(command, env=env, preexec_fn=die_with_parent(signal.SIGTERM))  # noqa: S603  own modules and pytest
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def clone(owner_url: str, template: str, label: str) -> Iterator[str]:
    """A copy of the template under a name of its own, dropped at the end whoever is still connected. The name carries our process id."""
    name = f"{RUN}{os.getpid()}_{label}"
    statement(owner_url, sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*map(sql.Identifier, (name, template, roles.OWNER))))
    try:
        yield name
    finally:
        drop(owner_url, name)


def drop(owner_url: str, name: str) -> None:
    """Drop a database with its sessions; autovacuum, which only a superuser may end, is waited for."""
    for wait in (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, None):
        try:
            statement(owner_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            return
        except psycopg2.errors.InsufficientPrivilege:
            if wait is None:
                raise
            time.sleep(wait)


def statement(owner_url: str, command: sql.Composed) -> None:
    connection = psycopg2.connect(owner_url, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(command)
    finally:
        connection.close()


def schema_hash(root: Path) -> str:
    """A hash of all that decides what `migrate` makes: migrations, models and every module of the project they import, and the lock."""
    seeds = [
        path
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if path.parent.name == "migrations" or path.stem in ("models", "apps")
    ]
    seeds += [path for package in PACKAGES for path in (root / package).rglob("models/*.py")]
    seeds += [root / "dunning" / "settings.py", root / "dunning" / "local" / "roles.py"]
    seen: set[Path] = set()
    waiting = list(seeds)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(imported(root, path))
    total = hashlib.sha256((root / "requirements.lock").read_bytes())
    for path in sorted(seen):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def imported(root: Path, path: Path) -> Iterator[Path]:
    """The project's files a module imports, as far as its text says."""
    package = list(path.relative_to(root).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [stem, *(f"{stem}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] in PACKAGES:
                place = root.joinpath(*name.split("."))
                yield from (found for found in (place.with_suffix(".py"), place / "__init__.py") if found.is_file())
