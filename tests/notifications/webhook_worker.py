"""A caller of webhooks in a process of its own, until it is ended: `python -m tests.notifications.webhook_worker`."""

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunning.settings")
PAUSE = 0.1  # seconds between two passes


def main() -> None:
    import django

    django.setup()
    from dunning.core import clock
    from notifications.webhooks.delivering import deliver_due

    while True:
        deliver_due(now=clock.now(), budget=5.0)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
