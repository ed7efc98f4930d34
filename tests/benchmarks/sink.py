"""A mail server that takes everything as fast as one process can: `python -m tests.benchmarks.sink` prints its port, then what it took.

It reads lines and counts messages; nothing is kept, so that its memory says nothing about how long it ran.
"""

import asyncio
import sys

REPLIES = {b"EHLO": b"250 sink\r\n", b"HELO": b"250 sink\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class Sink(asyncio.Protocol):
    """One connection: commands are answered as they come, a message is taken at its final dot."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""
        self.in_data = False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            if self.in_data:
                _, dot, rest = self.buffer.partition(b"\r\n.\r\n")
                if not dot:
                    return
                self.buffer, self.in_data = rest, False
                Sink.taken += 1
                self.transport.write(b"250 2.0.0 queued\r\n")
                continue
            line, end, rest = self.buffer.partition(b"\r\n")
            if not end:
                return
            self.buffer = rest
            word = line[:4].upper()
            self.transport.write(REPLIES.get(word, b"250 ok\r\n"))
            self.in_data = word == b"DATA"


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=64)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(f"{Sink.taken}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
