"""Named places where a trial may have a process die, stop, sleep or fail: what random kills hardly ever hit, a failpoint hits each time.

`FAILPOINT=name:action:probability[,…]` arms them, with the actions `kill` (SIGKILL to oneself), `stop` (SIGSTOP), `sleep=SECONDS` and
`raise`. The settings refuse the variable outside a trial. Unarmed, a failpoint costs one look into an empty dictionary.
"""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import Final

NAMES: Final = frozenset(
    {
        "after-claim",  # tickets are ours, nothing else happened
        "mid-render",  # inside the preparation of a message
        "before-write",  # committed as sending, next to the socket write
        "after-write",  # everything is written, no answer was read
        "after-response",  # the provider answered, nothing is noted
        "before-commit",  # the answer, or a whole file, is written; its transaction is still open
        "mid-import-row",
        "inbox-stored-not-processed",
        "payment-committed",
        "api-before-commit",  # the effect and the answer to its call are written, nothing is committed
        "api-after-commit",  # both are committed, the caller was not told
    }
)
ACTIONS: Final = ("kill", "stop", "sleep", "raise")


class Struck(Exception):
    """What an armed failpoint raises."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What happens at a failpoint, and how often."""

    action: str
    seconds: float
    probability: float


_armed: dict[str, Charge] = {}
_chance = random.SystemRandom()  # forked workers share no sequence


def parse(text: str) -> dict[str, Charge]:
    """`FAILPOINT`, read strictly. Raises ValueError with a sentence."""
    charges = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            name, action, probability = entry.split(":")
            verb, _, seconds = action.partition("=")
            charge = Charge(verb, float(seconds or 0), float(probability))
        except ValueError:
            raise ValueError(f"{entry!r} is not name:action:probability.") from None
        if name not in NAMES:
            raise ValueError(f"There is no failpoint {name!r}; there are {', '.join(sorted(NAMES))}.")
        if verb not in ACTIONS or not 0 <= charge.probability <= 1 or (verb == "sleep") != (charge.seconds > 0):
            raise ValueError(f"{entry!r}: the action is kill, stop, raise or sleep=SECONDS, the probability from 0 to 1.")
        charges[name] = charge
    return charges


def arm(charges: dict[str, Charge]) -> None:
    """Replace what is armed in this process."""
    _armed.clear()
    _armed.update(charges)


def hit(name: str) -> None:
    """Say that the process is at this place."""
    if _armed and name in _armed:
        _strike(name, _armed[name])


def _strike(name: str, charge: Charge) -> None:
    if _chance.random() >= charge.probability:
        return
    sys.stderr.write(f"failpoint {name} {charge.action} {os.getpid()}\n")  # the trial counts these lines
    sys.stderr.flush()
    if charge.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif charge.action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif charge.action == "sleep":
        time.sleep(charge.seconds)
    else:
        raise Struck(name)
