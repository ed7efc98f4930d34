"""How far an item has come in its plan: its history read against the plan's steps (rules 2, 3 and 9)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scenarios.enums import Phase
from scenarios.facts import WRITTEN, HistoryEntry, Step, Steps

_SERVICE: Final = Phase.SERVICE
_LEGAL: Final = Phase.LEGAL


@dataclass(slots=True)
class Progress:
    """Where the next candidate starts, and what its date is counted from."""

    start: int = 0  # index of the first candidate: only steps after the last done one are (rule 2)
    last: int = -1  # index of the last done step in the plan, -1 for none
    last_on: int = 0
    overdue: int = -1  # index the gaps of overdue steps are counted from, -1 when no overdue step was done
    deadline_on: int | None = None  # printed by the formal notice, when that is the last done step
    closed: Collection[str] = frozenset()  # steps taken, done, skipped or cancelled: never again
    done: Collection[str] = frozenset()
    open: Sequence[HistoryEntry] = ()  # steps taken and not done yet, the hardest phase first
    took_today: bool = False


FRESH: Final = Progress()


def read_history(history: Sequence[HistoryEntry], steps: Steps, today: int) -> Progress:
    """The item's progress under this plan. L, "the last done step", is the done step of the latest day (rule 2)."""
    progress = Progress()
    closed: set[str] = set()
    done: set[str] = set()
    index = steps.index
    latest: dict[str, HistoryEntry] = {}
    foreign: list[HistoryEntry] = []
    waiting: list[HistoryEntry] = []
    for entry in history:
        state = entry.state
        if entry.taken_on == today and state != "skipped" and state != "cancelled":
            progress.took_today = True
        if entry.key in index:
            known = latest.get(entry.key)
            if known is None or known.occurrence < entry.occurrence:
                latest[entry.key] = entry
            if state == "done":
                done.add(entry.key)
                if entry.on == today:
                    progress.took_today = True
                _last(progress, index[entry.key], entry, steps)
        elif entry.key in steps.outside_keys:  # of the promised day: it neither stands for a step of the order nor holds one up
            if state == "done" and entry.on == today:
                progress.took_today = True
        elif state == "done":
            foreign.append(entry)
        elif state == "planned":
            waiting.append(entry)
    for key, entry in latest.items():
        if entry.state != "taken_back":
            closed.add(key)
            if entry.state == "planned":
                waiting.append(entry)
    if waiting:
        progress.open = sorted(waiting, key=lambda entry: (-(entry.phase or 0), entry.key))
    if foreign:
        _adopt(sorted(foreign, key=lambda entry: (entry.on, entry.taken_on, entry.phase or 0)), steps, closed, done, progress)
    progress.closed = closed
    progress.done = done
    progress.start = progress.last + 1
    return progress


def _last(progress: Progress, number: int, entry: HistoryEntry, steps: Steps) -> None:
    """Keep the entry if it is the last done step: the latest day, and on one day the further step.

    Once an overdue step was done, a SERVICE step done later than it counts for nothing: the gaps go on from the reminder.
    """
    is_service = steps.steps[number].phase == _SERVICE
    if progress.overdue >= 0 and is_service:
        return
    if progress.last >= 0 and (entry.on, number) < (progress.last_on, progress.last) and (progress.overdue >= 0 or is_service):
        return
    progress.last, progress.last_on = number, entry.on
    progress.deadline_on = entry.deadline_on if entry.phase == _LEGAL else None
    progress.overdue = -1 if is_service else number


def _adopt(foreign: list[HistoryEntry], steps: Steps, closed: set[str], done: set[str], progress: Progress) -> None:
    """Reminders of another plan, or sent before this system: each stands for the first step like it that is not done (rule 3).

    Like it: the same phase, and for a written one any written channel; an imported reminder without a phase takes the next written overdue
    step. One that finds no like keeps the level: steps of a lower phase are not candidates any more.
    """
    for entry in foreign:
        if entry.phase == _SERVICE:
            continue
        written = entry.channel in WRITTEN
        for number, step in enumerate(steps.steps):
            if step.phase == _SERVICE or step.key in closed or (step.channel in WRITTEN) is not written:
                continue
            if entry.phase is None or step.phase == entry.phase:
                closed.add(step.key)
                done.add(step.key)
                _last(progress, number, entry, steps)
                break
        else:
            level = entry.phase or Phase.FRIENDLY
            reached = max((n for n, s in enumerate(steps.steps) if s.phase < level), default=-1)
            if reached > progress.last:
                _last(progress, reached, replace(entry, on=max(entry.on, progress.last_on)), steps)


def next_occurrence(history: Sequence[HistoryEntry], step: Step) -> int:
    """One more than the step's last: +1 only after it was taken back or the item was reopened (rule 2)."""
    return 1 + max((entry.occurrence for entry in history if entry.key == step.key), default=0)
