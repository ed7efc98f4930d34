"""Ten thousand events told to flaky receivers on this machine by real workers that are killed meanwhile.

Receivers verify each call with the specification's own library, fail two calls of a hundred after they heard them, refuse, hang up on and
delay as many. The run ends when every event was taken; code 1 when one was lost, or said under two names or in two ways.

    manage.py bench webhooks --events 10000 --kills 50 --workers 2
    manage.py bench webhooks --events 2000 --failpoint after-response:kill:0.02
"""

import argparse
from collections.abc import Sequence

from django.conf import settings

from tests.notifications.webhook_campaign import Campaign


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench webhooks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--receivers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failpoint", default="")
    options = parser.parse_args(list(argv))
    settings.WEBHOOK_LOOPBACK = True
    campaign = Campaign(options.events, options.kills, options.workers, options.receivers, options.seed, options.failpoint)
    result = campaign.run()
    print(result.line())
    if result.lost or result.changed or result.strangers or result.undelivered:
        raise SystemExit(1)
