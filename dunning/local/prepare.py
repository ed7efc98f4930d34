"""The one Django process between the services and the web server: migrations, checks, the demonstration's first rows.

Run as `python -m dunning.local.prepare [--empty] [--migrated]`. Starting Django costs more than a second, so what must happen before the
first page happens here together. What the demonstration says of its sign-in (a line of JSON) goes to standard output.
"""

import sys
from pathlib import Path

from dunning.local import schema
from dunning.local.demo import DEMO_COMMAND, known


def main(arguments: list[str]) -> int:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command, get_commands

    try:
        django.setup()
        if "--migrated" not in arguments:
            with schema.alone(Path(".local")):
                call_command("migrate", verbosity=0, interactive=False)
        call_command("check")
        if "--empty" not in arguments and DEMO_COMMAND in get_commands() and not still_valid(known(Path(".local"))):
            call_command(DEMO_COMMAND, "--prepare")
    except (CommandError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def still_valid(sign_in: dict[str, str] | None) -> bool:
    """Whether the demonstration prepared by an earlier start is in this database, and its sign-in opens it; then both are left alone."""
    from django.contrib.auth import get_user_model

    if sign_in is None:
        return False
    user = get_user_model().objects.filter(email=sign_in.get("email")).first()
    return user is not None and user.check_password(sign_in.get("password"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
