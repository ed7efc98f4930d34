"""A mail server (aiosmtpd) that takes everything and keeps nothing: `python -m tests.benchmarks.sink` prints its port, then, for each line
it reads, how many messages it took."""

import asyncio
import logging
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session


class Taking:
    """Counts messages."""

    taken = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += 1
        return "250 2.0.0 queued"


async def main() -> None:
    logging.getLogger("mail").setLevel(logging.ERROR)
    handler, loop = Taking(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, hostname="sink"), "127.0.0.1", 0, backlog=64)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(f"{handler.taken}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
