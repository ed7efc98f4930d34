"""Rule 15: a run whose volume nobody announced stops and asks. Pure arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

EXCESS_FACTOR_PERCENT: Final = 150
LEAST_EXCESS: Final = 20
CLAIM_FACTOR_PERCENT: Final = 150
LEAST_WITH_DRIVERS: Final = LEAST_EXCESS * 100 // (EXCESS_FACTOR_PERCENT - 100)
"""Fewer announced messages than these leave the brake nothing to ask of a template, step or import: so large an excess is one of volume."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What a run sends, or what yesterday's run announced for today: messages, in all and by origin, and cents claimed by currency."""

    messages: int = 0
    by_template: Mapping[str, int] = field(default_factory=dict)
    by_step: Mapping[str, int] = field(default_factory=dict)
    by_import: Mapping[str, int] = field(default_factory=dict)
    claimed_cents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brake:
    """Why the run stops. `cause`: "volume", "template", "step", "import" or "claimed"; `name` says which one; figures are shown."""

    cause: str
    name: str
    planned: int
    announced: int


def brake(
    *, planned: Volume, announced: Volume, claimed_before: Mapping[str, int], new_invoices: bool, played: bool = False
) -> Brake | None:
    """The first reason for which the run stops and asks, None when it may go on.

    - More than 1.5 times what was announced, and at least 20 messages more.
    - At least 20 messages nobody announced, more than half of them of one template, step or import.
    - The total claimed (`claimed_before`: the last run's) up by more than half without new invoices, in any currency.

    A run that is being played never stops.
    """
    if played:
        return None
    excess = planned.messages - announced.messages
    if excess >= LEAST_EXCESS:
        if planned.messages * 100 > announced.messages * EXCESS_FACTOR_PERCENT:
            return Brake("volume", "", planned.messages, announced.messages)
        for cause, now, then in (
            ("template", planned.by_template, announced.by_template),
            ("step", planned.by_step, announced.by_step),
            ("import", planned.by_import, announced.by_import),
        ):
            for name in sorted(now):
                more = now[name] - then.get(name, 0)
                if name and more * 2 > excess:
                    return Brake(cause, name, now[name], then.get(name, 0))
    if new_invoices:
        return None
    for currency in sorted(planned.claimed_cents):
        before = claimed_before.get(currency, 0)
        if before > 0 and planned.claimed_cents[currency] * 100 > before * CLAIM_FACTOR_PERCENT:
            return Brake("claimed", currency, planned.claimed_cents[currency], before)
    return None
