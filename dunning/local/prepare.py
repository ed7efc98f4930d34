"""The one Django process between the services and the web server: migrations, checks, the demonstration's first rows.

Run as `python -m dunning.local.prepare [--empty]`. Starting Django costs more than a second, so what must happen before the
first page happens here together. What the demonstration says of its sign-in (a line of JSON) goes to standard output.
"""

import sys

from dunning.local.demo import DEMO_COMMAND


def main(arguments: list[str]) -> int:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command, get_commands

    try:
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("check")
        if "--empty" not in arguments and DEMO_COMMAND in get_commands():
            call_command(DEMO_COMMAND, "--prepare")
    except (CommandError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
