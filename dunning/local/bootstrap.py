"""Standard library only: make .venv match the lock, then run again inside it.

`requirements.lock` is what the product needs; `requirements-test.lock` is a superset with the same versions, installed only for
the commands of developers. A stamp beside the packages holds the hash of the lock they came from, so a matching
environment costs two file reads. Test packages are added, never synchronised: nothing a running `up` needs is touched.
"""

import ctypes
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

UV = "uv>=0.9,<1"
DEVELOPER_COMMANDS = ("test", "bench", "chaos", "screenshots")
PANGO_LIBRARIES = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")
PANGO_PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core", "fonts-liberation2"]
FONTS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype/liberation2", "/usr/share/fonts/truetype/liberation")


def say(text: str) -> None:
    sys.stderr.write(f"[setup] {text}\n")
    sys.stderr.flush()


def ensure(root: Path, command: str) -> None:
    """Return inside an environment that matches the lock, running the command again in it if need be; else exit with one sentence."""
    if sys.version_info < (3, 11):  # noqa: UP036  this very line is the check
        sys.exit(f"This project needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if os.environ.get("DUNNING_BOOTSTRAP") == "off":  # an image that installed the lock itself
        return
    venv = root / ".venv"
    wanted = [(root / "requirements.lock", venv / ".stamp-requirements")]
    if command in DEVELOPER_COMMANDS:
        wanted.append((root / "requirements-test.lock", venv / ".stamp-requirements-test"))
    inside = os.path.realpath(sys.prefix) == os.path.realpath(venv)
    python = venv / "bin" / "python"
    installed = False
    if any(stale(lock, stamp) for lock, stamp in wanted) or not os.access(python, os.X_OK):
        installed = install(root, venv, wanted, inside)
    if installed or not inside:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606  the same command, in the environment just checked


def digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def stale(lock: Path, stamp: Path) -> bool:
    try:
        return stamp.read_text() != digest(lock)
    except OSError:
        return True


def install(root: Path, venv: Path, wanted: list[tuple[Path, Path]], inside: bool) -> bool:
    """Bring the environment up to date, one process at a time; False when another process had just done it."""
    local = root / ".local"
    try:
        local.mkdir(exist_ok=True)
        guard = (local / "setup.lock").open("a")
    except OSError as error:
        sys.exit(f"The project's folder must be writable to set it up: {error}.")
    with guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        start = time.monotonic()
        python = venv / "bin" / "python"
        usable = os.access(python, os.X_OK)
        todo = [(lock, stamp) for lock, stamp in wanted if stale(lock, stamp) or not usable]
        if not todo:
            return False
        uv = find_uv(local)
        if not usable:
            make_environment(uv, venv)
        for lock, stamp in todo:
            say(f"installing {lock.name} into .venv")
            add_packages(uv, python, lock)
            stamp.write_text(digest(lock))
        say(f"packages ready in {time.monotonic() - start:.1f} s")
        ensure_pango()
    return True


def environment(local: Path) -> dict[str, str]:
    """This process's environment without another virtualenv in it, and with a cache that can be written when the home cannot."""
    env = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    home = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or "/nonexistent") / ".cache")
    nearest = next(path for path in (home, *home.parents) if os.access(path, os.F_OK) or path == path.parent)
    if not os.access(nearest, os.W_OK | os.X_OK):
        env.setdefault("UV_CACHE_DIR", str(local / "cache" / "uv"))
        env.setdefault("PIP_CACHE_DIR", str(local / "cache" / "pip"))
    return env


def run(command: list[str], env: dict[str, str]) -> int:
    return subprocess.run(command, env=env, check=False).returncode  # noqa: S603  fixed programs, no shell


def find_uv(local: Path) -> str | None:
    """uv from PATH, else from a private environment; None when this machine cannot have it, and pip has to do."""
    found = shutil.which("uv")
    if found:
        return found
    tools = local / "tools"
    uv = tools / "bin" / "uv"
    if not os.access(uv, os.X_OK):
        say("installing uv, which installs the rest, into .local/tools")
        plain_environment(tools)
        pip = [str(tools / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary=:all:", UV]
        if run(pip, environment(local)):
            say("uv could not be installed; going on with pip, which is slower")
            return None
    return str(uv)


def plain_environment(where: Path) -> None:
    command = [sys.executable, "-m", "venv", "--clear", str(where)]
    if subprocess.run(command, check=False, capture_output=True).returncode == 0:  # noqa: S603  fixed program, no shell
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {package}, without which Python cannot make an environment")
        if apt_install([package]) and run(command, dict(os.environ)) == 0:
            return
    sys.exit(f"Python's venv module is not complete here; as root: apt-get install {package}")


def make_environment(uv: str | None, venv: Path) -> None:
    if uv is None:
        plain_environment(venv)
        return
    command = [uv, "venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, str(venv)]
    if run(command, environment(venv.parent / ".local")):
        sys.exit(f"uv could not make the environment; the command was: {shlex.join(command)}")


def add_packages(uv: str | None, python: Path, lock: Path) -> None:
    """Install a lock. The product's own lock is synchronised, so that nothing lingers from an older one; the developers' only adds."""
    env = environment(lock.parent / ".local")
    if uv is None:
        command = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    else:
        verb = (
            ["sync"]
            if lock.name == "requirements.lock" and not (python.parent.parent / ".stamp-requirements-test").exists()
            else ["install", "-r"]
        )
        command = [uv, "pip", *verb, str(lock), "--quiet", "--no-progress", "--require-hashes", "--python", str(python)]
        # A company's proxy has a certificate that the machine trusts and uv does not know; a bare machine has none but uv's own.
        if subprocess.run(command, env=env, check=False, capture_output=True).returncode == 0:  # noqa: S603  fixed program, no shell
            return
        command.append("--system-certs")
    if run(command, env):
        sys.exit(f"The packages of {lock.name} could not be installed (see above); the command was: {shlex.join(command)}")


def pango_is_here() -> bool:
    try:
        for name in PANGO_LIBRARIES:
            ctypes.CDLL(name)
    except OSError:
        return False
    return any(Path(folder).is_dir() for folder in FONTS)


def ensure_pango() -> None:
    """WeasyPrint draws the letters with the system's Pango; without it everything but the letters works."""
    if sys.platform != "linux" or pango_is_here():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing Pango and fonts, which draw the letters: " + " ".join(PANGO_PACKAGES))
        if apt_install(PANGO_PACKAGES) and pango_is_here():
            return
        say("Pango could not be installed: everything but PDF letters will work")
        return
    say("everything but PDF letters works; for those, run as root: apt-get install " + " ".join(PANGO_PACKAGES))


def apt_install(packages: list[str]) -> bool:
    """Install Debian packages as root, refreshing the lists only when the first try fails."""
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    quiet = {"env": env, "check": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.run(command, **quiet).returncode == 0:  # type: ignore[call-overload]  # noqa: S603  fixed program, no shell
        return True
    subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]  # noqa: S607  fixed program, no shell
    return bool(subprocess.run(command, **quiet).returncode == 0)  # type: ignore[call-overload]  # noqa: S603  fixed program, no shell
