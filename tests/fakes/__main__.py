"""One fake in a process of its own: `python -m tests.fakes NAME --port N --journal FILE [--behaviour FILE]`.

The behaviour file is JSON: {"modes": {"429": 0.5}, "seed": 7, "callbacks": {"url": "http://…", "secret": "…", "twice": 0.3}}; it is read
again whenever it changes. The first line printed is the address; SIGTERM ends it.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.fakes import FAKES, running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes", description=__doc__)
    parser.add_argument("name", choices=sorted(FAKES))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--behaviour", type=Path)
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with running(options.name, port=options.port, journal=options.journal, behaviour=options.behaviour) as fake:
        sys.stdout.write(f"http://127.0.0.1:{fake.port}\n" if options.name != "smtp" else f"smtp://127.0.0.1:{fake.port}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
