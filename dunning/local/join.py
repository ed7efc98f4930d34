"""Lead a command to its database and broker: those of the environment, those running here, or embedded ones for its own duration."""

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import IO

from dunning.local import roles, schema
from dunning.local.errors import LocalError
from dunning.local.processes import local_folder, open_lock, private_text, try_lock

WITHOUT_SERVICES = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "startapp",
    "version",
}
AS_IT_IS = {"dbshell", "makemigrations", "migrate", "showmigrations", "sqlmigrate", "squashmigrations"}
"""Commands that meet a database as they find it; all others need every migration of this checkout applied."""
VARIABLES = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}


class Lease:
    """One process's share in an embedded server; the server lives until the last share is given back."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.urls: dict[str, str] = {}
        self._held: IO[str] | None = None

    def take(self) -> dict[str, str]:
        """Join the running server or start one; return the environment variables that lead to it.

        Two commands may do this at once: the first one through `<name>.start` starts it, the second finds it running. A
        keeper that is just stopping holds the users' lock until its server is gone, so waiting for a share waits for that too.
        """
        with open_lock(self.folder / f"{self.name}.start") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._held = open_lock(self.folder / f"{self.name}.users")
            fcntl.flock(self._held, fcntl.LOCK_SH)
            self.urls = self._running() or self._start()
        return self.urls

    def alive(self) -> bool:
        """Whether the server is still kept; False means it, or its keeper, has died."""
        with open_lock(self.folder / f"{self.name}.keeper") as keeper:
            return not try_lock(keeper, shared=True)

    def give_back(self, *, wait: float = 0) -> bool:
        """Give the share back; wait up to so many seconds for the server to stop. False when somebody else still uses it."""
        if self._held is None:
            return True
        self._held.close()
        self._held = None
        begin = time.monotonic()
        while self.alive():
            elapsed = time.monotonic() - begin
            if elapsed > 0.5 and (self.folder / f"{self.name}.json").exists():  # the keeper removes it as soon as it is free to stop
                return False
            if elapsed > wait:
                break
            time.sleep(0.02)
        return True

    def _running(self) -> dict[str, str] | None:
        if not self.alive():
            return None
        try:
            kept: dict[str, str] = json.loads((self.folder / f"{self.name}.json").read_text())["urls"]
        except (OSError, ValueError, KeyError):
            return None
        return kept

    def _start(self) -> dict[str, str]:
        (self.folder / f"{self.name}.json").unlink(missing_ok=True)
        log = self.folder / f"{self.name}.keeper.log"
        with log.open("ab") as errors:
            keeper = subprocess.Popen(  # noqa: S603  this very package
                [sys.executable, "-m", "dunning.local.keeper", self.name, str(self.folder)],
                cwd=self.folder.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True, text=True,
            )  # fmt: skip
        line = keeper.stdout.readline() if keeper.stdout else ""
        try:
            said = json.loads(line)
        except ValueError:
            raise LocalError(f"The embedded {self.name} did not start; the end of {log} says why.") from None
        if "error" in said:
            raise LocalError(str(said["error"]))
        urls: dict[str, str] = said["urls"]
        return urls


def own_secrets(folder: Path, env: MutableMapping[str, str]) -> None:
    """Give an installation that was told no keys some of its own, kept in .local."""
    path = folder / "secrets.json"
    with open_lock(folder / "secrets.lock") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        kept = json.loads(path.read_text()) if path.exists() else {}
        fresh = {"SECRET_KEY": secrets.token_urlsafe(50), "FIELD_ENCRYPTION_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode()}
        if fresh.keys() - kept.keys():
            kept = fresh | kept
            private_text(path, json.dumps(kept))
    for name, value in kept.items():
        env[name] = env.get(name) or value


KEYS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY")


def know_the_site(folder: Path, env: MutableMapping[str, str]) -> None:
    """Have links lead to the site that `manage.py up` runs here, as its own do, unless an address was given."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        address = json.loads((folder / "up.json").read_text())["public"]
        env["PUBLIC_BASE_URL"] = env.get("PUBLIC_BASE_URL") or address


def folder_of(root: Path) -> Path:
    try:
        return local_folder(root)
    except OSError as error:
        raise LocalError(
            f"The project's folder must be writable to keep a database and keys in it ({error.strerror}); "
            f"else set {', '.join([*VARIABLES.values(), *KEYS])}."
        ) from error


@contextlib.contextmanager
def one_account() -> Iterator[None]:
    """Say what to do when a file of .local cannot be opened: root ran first, and now somebody else, or the other way round."""
    try:
        yield
    except PermissionError as error:
        raise LocalError(f"{error.filename} belongs to another account: use the one that ran the first command here.") from error


@contextlib.contextmanager
def joined(root: Path, command: str, arguments: list[str]) -> Iterator[None]:
    """Run one management command with os.environ leading to its services and holding the installation's keys."""
    if command in WITHOUT_SERVICES or {"--help", "-h", "--version"} & set(arguments):
        yield
        return
    with contextlib.ExitStack() as leases:
        missing = [name for name, variable in VARIABLES.items() if not os.environ.get(variable)]
        if missing or not all(os.environ.get(name) for name in KEYS):
            folder = folder_of(root)
            with one_account():
                own_secrets(folder, os.environ)
                know_the_site(folder, os.environ)
                for name in missing:
                    lease = Lease(folder, name)
                    leases.callback(lease.give_back, wait=5)
                    os.environ.update(lease.take())
        roles.settle(os.environ, owner_needed=False)
        if command not in AS_IT_IS:
            if "postgres" in missing:
                schema.bring_up_to_date(root, folder, os.environ)
            elif not schema.is_current(root, os.environ["DATABASE_URL"]):
                raise LocalError("The database of DATABASE_URL lacks tables of this version: run python3 manage.py migrate first.")
        yield
