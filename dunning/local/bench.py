"""Run one benchmark in a process with Django set up, on the database `manage.py bench` cloned for it."""

import importlib
import sys


def main(name: str, arguments: list[str]) -> int:
    import django

    django.setup()
    importlib.import_module(f"tests.benchmarks.bench_{name}").main(arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
