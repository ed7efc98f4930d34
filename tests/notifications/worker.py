"""A dispatcher in a process of its own: `python -m tests.notifications.worker`. Prints the outcomes as JSON."""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")


def main() -> None:
    import django

    django.setup()
    from notifications import dispatcher
    from tests.notifications.mailroom import NOW, gate_in_charge

    with gate_in_charge():
        outcomes = dispatcher.deliver_due(now=NOW, batch=5)
    sys.stdout.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    main()
