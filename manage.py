#!/usr/bin/env python3
"""The project's command line: prepares its own environment, finds its database, then hands over to Django.

Until the first import of something that is not in the standard library, this file may be run by any
Python 3.11 or newer with nothing installed.
"""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def bootstrap(command: str) -> None:
    """Load dunning/local/bootstrap.py by its path: importing the package could need what is not installed yet."""
    spec = importlib.util.spec_from_file_location("_bootstrap", ROOT / "dunning" / "local" / "bootstrap.py")
    if spec is None or spec.loader is None:
        sys.exit("dunning/local/bootstrap.py is missing: this checkout is not complete.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ensure(ROOT, command)


def main() -> int:
    command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "help")
    bootstrap(command)
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")
    from dunning.local.errors import LocalError

    try:
        if command == "up":
            from dunning.local import supervisor

            return supervisor.main(ROOT, sys.argv[2:])
        if command in ("test", "bench", "chaos", "screenshots"):
            from dunning.local import testing

            return testing.main(ROOT, command, sys.argv[2:])
        from dunning.local.join import joined

        with joined(ROOT, command, sys.argv):
            return django_command()
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def django_command() -> int:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.utils import translation

    from dunning.local.speech import terminal_language

    try:
        settings.INSTALLED_APPS  # noqa: B018  reading it loads the settings, which refuse a bad environment variable
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    django.setup()
    translation.activate(terminal_language(os.environ, dict(settings.LANGUAGES), settings.LANGUAGE_CODE))
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
