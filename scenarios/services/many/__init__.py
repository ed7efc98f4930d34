"""Acts about many rows: few are done at once, many by a worker in pieces; a row that could not be is named; all are taken back in one."""

from scenarios.services.many.engine import (
    AT_ONCE,
    Counts,
    counts_of,
    forget,
    look_back,
    may_be_taken_back,
    start,
    take_back,
    work_on,
    work_waiting,
)
from scenarios.services.many.kinds import Kept, Kind, When
from scenarios.services.many.registry import KINDS

__all__ = [
    "AT_ONCE",
    "KINDS",
    "Counts",
    "Kept",
    "Kind",
    "When",
    "counts_of",
    "forget",
    "look_back",
    "may_be_taken_back",
    "start",
    "take_back",
    "work_on",
    "work_waiting",
]
