"""What happened to items under their plans, read once for all that share it to the day."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from dunning.core.prepared import ask
from scenarios.context_sql import PASTS
from scenarios.enums import ActionState, Channel, Phase
from scenarios.facts import HistoryEntry, Steps
from scenarios.progress import FRESH, Progress, read_history

_MOST_REMEMBERED: Final = 5_000
_ACTION_STATES = {state.value: state for state in ActionState}
_CHANNELS = {channel.value: channel for channel in Channel}
_PHASES = {phase.value: phase for phase in Phase}


class Past(NamedTuple):
    """What happened to an item under its plan: its actions, the last done step with its day, and how far it has come on `Frame.today`."""

    entries: Sequence[HistoryEntry]
    last: tuple[str, int | None]
    progress: Progress


NO_PAST: Final = Past((), ("", None), FRESH)


class Histories:
    """The pasts of one organization's items on one day, by `Action.digest`: what has the same digest is the same."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._pasts: dict[tuple[int, str], Past] = {}

    def learn(self, cursor: Any, items: Mapping[int | None, str], *, under: str = "") -> bool:
        """Read what happened to these items, by the digests of their pasts (None: nothing did), where it is not known yet.

        False when one of the digests is nobody's past any more: somebody acted since they were read. `under` are statements to run before,
        whether anything is read or not.
        """
        if len(self._texts) > _MOST_REMEMBERED:
            self._texts.clear()
            self._pasts.clear()
        wanted = {digest: item_id for digest, item_id in items.items() if digest is not None and digest not in self._texts}
        if wanted or under:
            ask(cursor, PASTS, [list(wanted.values())], under=under)
            self._texts.update((digest, text) for text, digest in cursor.fetchall())
        return wanted.keys() <= self._texts.keys()

    def knows(self, digest: int | None) -> bool:
        """Whether `past` can be asked about it."""
        return digest is None or digest in self._texts

    def past(self, digest: int | None, steps: Steps | None, today: int) -> Past:
        """What one of the digests that were learnt means under these steps."""
        if digest is None:
            return NO_PAST
        key = (digest, "" if steps is None else steps.plan)
        known = self._pasts.get(key)
        if known is None:
            known = self._pasts[key] = _read(self._texts[digest], steps, today)
        return known


def _read(text: str, steps: Steps | None, today: int) -> Past:
    """An item's actions as the planner reads them, from the text of `PASTS`.

    An action of another plan keeps its phase and loses its key: it counts by its level (rule 3).
    """
    plan = steps.plan if steps is not None else ""
    entries: list[HistoryEntry] = []
    last: tuple[str, int | None] = ("", None)
    latest = (-1, -1, -1)
    for action in text.split(";"):
        key, plan_id, state, on_, taken_on, phase, channel, occurrence, deadline_on, phase_known = action.split(",")
        on = int(on_)
        entries.append(
            HistoryEntry(
                key if plan_id == plan else "",
                _ACTION_STATES[state],
                on,
                _PHASES[int(phase)] if phase_known else None,
                _CHANNELS[channel],
                int(taken_on),
                int(occurrence),
                int(deadline_on) if deadline_on else None,
            )
        )
        if state == "done" and (on, int(taken_on), int(phase)) >= latest:  # on one day the further step
            last, latest = (key, on), (on, int(taken_on), int(phase))
    return Past(entries, last, FRESH if steps is None else read_history(entries, steps, today))
