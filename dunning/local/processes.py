"""What the kernel can promise about processes, ports and files on one machine."""

import ctypes
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """A preexec function that has the kernel signal the child when its parent goes, even by kill -9; None where no kernel can.

    It must run after any change of user (subprocess does that first) and in a child started by the main thread: the
    kernel watches the thread, not the process.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def traversable(path: Path) -> bool:
    """Whether any other account may walk down to this path."""
    path = path.resolve()
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents) if part.exists())


def private_text(path: Path, text: str) -> None:
    """Write a file only its owner can read, in one step, whatever the umask."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def open_lock(path: Path) -> IO[str]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "r+")


def try_lock(file: IO[str], *, shared: bool = False) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def local_folder(root: Path) -> Path:
    """The checkout's folder for everything that is not source; other accounts may pass through it, not list it."""
    folder = root / ".local"
    folder.mkdir(exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(0o711)
    return folder
