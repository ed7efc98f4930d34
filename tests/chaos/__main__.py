"""`manage.py chaos`: real workers send to providers that keep a journal, while they are killed, paused and cut off from everything.

    manage.py chaos --sends 10000 --kills 50 --seed 7          random kills, 3 immediate restarts of PostgreSQL, FLUSHALL every 20 s
    manage.py chaos --sends 2000 --kills 200 --failpoint after-write
    manage.py chaos --sends 500 --kills 20 --failpoint before-write --action sleep
    manage.py chaos --quick                                    a reduced run, part of `manage.py test`

Ends with a line `result name=chaos …` for each capability class and in all; code 1 when anything was lost or doubled.
"""

import argparse
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

MORNING = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)  # when the town's reminders leave
CLASSES = ("none", "idempotent", "look-up", "callback")


def parse(arguments: list[str]) -> argparse.Namespace:
    from dunning.core.failpoints import NAMES

    parser = argparse.ArgumentParser(prog="manage.py chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50, help="random kills, or strikes of the failpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failpoint", default="", choices=["", *sorted(NAMES)], help="kill there instead of at random")
    parser.add_argument("--action", default="kill", choices=["kill", "sleep"], help="at the failpoint; sleep: past the lease")
    parser.add_argument("--pauses", type=int, default=0, help="processes stopped for longer than their lease")
    parser.add_argument("--restarts", type=int, default=3, help="immediate restarts of PostgreSQL")
    parser.add_argument("--classes", nargs="+", default=list(CLASSES), choices=CLASSES)
    parser.add_argument("--organizations", type=int, default=5, help="of each class")
    parser.add_argument("--lease", type=float, default=30.0, help="seconds; the product's is 120")
    parser.add_argument("--moody", action="store_true", help="providers that drop, refuse, break and babble")
    parser.add_argument("--quick", action="store_true", help="1,000 sends, 10 kills, 1 pause, 1 restart")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sends, options.kills, options.pauses, options.restarts = 1000, 10, 1, 1
        options.organizations, options.lease = 1, 15.0
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # everything started is ended on the way out
    root = Path(__file__).resolve().parents[2]
    from tests.chaos.ground import campaign_env, ground, judges

    with ground(root) as servers:
        env = campaign_env(servers.env, lease=options.lease, morning=MORNING)
        os.environ.update(env)
        import django

        django.setup()
        from tests.chaos.campaign import FAKES, Campaign, Plan

        plan = Plan(
            sends=options.sends, kills=options.kills, pauses=options.pauses, restarts=options.restarts, seed=options.seed,
            lease=options.lease, classes=options.classes, organizations=options.organizations,
            failpoint=options.failpoint, action=options.action,
            moody=options.moody,
        )  # fmt: skip
        with judges(root, [FAKES[name] for name in plan.classes], env) as found:
            campaign = Campaign(servers, found, plan, env)
            campaign.prepare()
            crew = campaign.storm()
            try:
                campaign.settle()
            finally:
                crew.stop()
            return report(campaign, crew.kills + crew.struck(), campaign.at_stake(crew))


def report(campaign: "object", kills: int, at_stake: int) -> int:
    from django.db import connections

    from tests.chaos.campaign import Campaign
    from tests.chaos.verdict import Verdict

    assert isinstance(campaign, Campaign)
    total = Verdict()
    for name, verdict in campaign.judge().items():
        total.add(verdict)
        for sentence in verdict.wrong[:20]:
            campaign.say(sentence)
        print(verdict.line(name, kills))
    broken = campaign.check()
    connections.close_all()
    print(
        f"result name=chaos sends={total.sends} kills={kills} {total.counts()}"
        f" at_stake={at_stake} invariants={'broken' if broken else 'hold'}"
        f" failpoint={campaign.plan.failpoint or 'none'} pauses={campaign.plan.pauses} seed={campaign.plan.seed}"
    )
    return int(total.is_broken or bool(broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
