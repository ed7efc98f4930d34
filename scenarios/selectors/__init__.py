"""What screens and commands read of plans: why an item stands where it does, what is about to leave, what people must do.

Called inside `tenant()`; nothing here writes.
"""

from scenarios.selectors.board import Board, FrozenAmount, board, late_commitments, residues
from scenarios.selectors.tasks import QueueEntry, work_queue
from scenarios.selectors.timeline import Entry, Future, Timeline, customer_timeline, timeline
from scenarios.selectors.why import Why, why, why_sentences

__all__ = [
    "Board",
    "Entry",
    "FrozenAmount",
    "Future",
    "QueueEntry",
    "Timeline",
    "Why",
    "board",
    "customer_timeline",
    "late_commitments",
    "residues",
    "timeline",
    "why",
    "why_sentences",
    "work_queue",
]
