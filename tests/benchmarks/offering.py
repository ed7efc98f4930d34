"""A caller that cannot be slowed down by what it calls: prepared bytes at appointed moments over kept connections, by a bare loop.

It shares its processor with what it measures, so it tells on itself: each answer names the moment its call was due, when the loop came to
it (the difference is the caller's own fault), when its last byte was written (a call waits here when the server holds every connection)
and when its answer arrived at this machine, by the kernel's own stamp: how long the caller takes to read it is nothing to the server.
All in seconds of the system's clock.
"""

import contextlib
import gc
import re
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) (?:[^\r\n]+\r\n)+\r\n")
_LENGTH = re.compile(rb"(?i)\ncontent-length: (\d+)\r")
_STAMPED = 35  # SO_TIMESTAMPNS of Linux, which the standard library does not name


@dataclass(slots=True)
class Told:
    """What became of one call; `status` 0 when the connection broke before an answer came."""

    due: float
    taken_up: float = 0.0
    written: float = 0.0
    answered: float = 0.0
    status: int = 0

    @property
    def own_delay(self) -> float:
        return self.taken_up - self.due

    @property
    def since_due(self) -> float:
        return self.answered - self.due

    @property
    def since_written(self) -> float:
        return self.answered - self.written


@dataclass(slots=True)
class Line:
    """One connection, made anew when the server closed it."""

    port: int
    number: int = -1  # of the call it carries
    heard: bytes = b""
    socket: "socket.socket | None" = field(default=None)


def offer(port: int, calls: Sequence[bytes], rate: float, connections: int) -> list[Told]:
    """Make every call at its moment, `rate` a second; answers in the calls' order."""
    begin = time.time() + 0.1
    told = [Told(begin + number / rate) for number in range(len(calls))]
    idle = deque(Line(port) for _ in range(connections))
    waiting: deque[int] = deque()
    poller, lines = select.epoll(), {}
    following = left = 0
    gc.disable()  # its pauses would be counted as the server's
    try:
        while left < len(calls):
            now = time.time()
            while following < len(calls) and told[following].due <= now:
                told[following].taken_up = now
                waiting.append(following)
                following += 1
            while waiting and idle:
                line = idle.popleft()
                line.number = waiting.popleft()
                if line.socket is None:
                    line.socket = socket.create_connection(("127.0.0.1", port))
                    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    line.socket.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
                    poller.register(line.socket, select.EPOLLIN)
                    lines[line.socket.fileno()] = line
                with contextlib.suppress(OSError):  # it is found out below, where the answer is missing
                    line.socket.sendall(calls[line.number])
                told[line.number].written = time.time()
            pause = told[following].due - time.time() if following < len(calls) else 1.0
            for descriptor, _ in poller.poll(max(0.0, pause)):
                line = lines[descriptor]
                found = _hear(line)
                if found is None:
                    continue
                status, kept, at = found
                if line.number >= 0:
                    told[line.number].status, told[line.number].answered = status, at
                    line.number = -1
                    left += 1
                    idle.append(line)
                if not kept and line.socket is not None:
                    poller.unregister(descriptor)
                    del lines[descriptor]
                    line.socket.close()
                    line.socket = None
    finally:
        gc.enable()
        for line in lines.values():
            if line.socket is not None:
                line.socket.close()
        poller.close()
    return told


def _hear(line: Line) -> tuple[int, bool, float] | None:
    """(status, whether the connection stays, when it came) once an answer is whole; None when more is to come. Status 0: the connection
    ended."""
    assert line.socket is not None
    try:
        heard, stamps, _, _ = line.socket.recvmsg(65_536, 64)
    except OSError:
        heard, stamps = b"", []
    at = time.time()
    for _, kind, stamp in stamps:
        if kind == _STAMPED:
            seconds, billionths = struct.unpack("@qq", stamp)
            at = seconds + billionths / 1e9
    if not heard:
        line.heard = b""
        return 0, False, at
    line.heard += heard
    found = _ANSWER.match(line.heard)
    if found is None:
        return None
    length = _LENGTH.search(found[0])
    if length is not None and len(line.heard) < found.end() + int(length[1]):
        return None
    line.heard = b""
    return int(found[1]), b"connection: close" not in found[0].lower(), at
