"""What screens and commands read of plans: why an item stands where it does, what is about to leave, what people must do.

Called inside `tenant()`; nothing here writes.
"""

from scenarios.selectors.board import Board, announced_commitments, board, last_night, late_commitments
from scenarios.selectors.calling import calling_note
from scenarios.selectors.frozen import FrozenAmount
from scenarios.selectors.items import ItemRow, items_of_message, list_steps, state_counts, uncounted_invoices, with_steps
from scenarios.selectors.payer_index import ExplainedIndex, explained_index
from scenarios.selectors.plans import PlanView, StepView, plan_view, plan_views
from scenarios.selectors.tasks import QueueEntry, desk_counts, work_queue
from scenarios.selectors.timeline import Future, Timeline, customer_timeline, timeline
from scenarios.selectors.timeline_entries import Entry
from scenarios.selectors.why import Why, today_sentence, why, why_sentences, within_sentence

__all__ = [
    "Board",
    "Entry",
    "ExplainedIndex",
    "FrozenAmount",
    "Future",
    "ItemRow",
    "PlanView",
    "QueueEntry",
    "StepView",
    "Timeline",
    "Why",
    "announced_commitments",
    "board",
    "calling_note",
    "customer_timeline",
    "desk_counts",
    "explained_index",
    "items_of_message",
    "last_night",
    "late_commitments",
    "list_steps",
    "plan_view",
    "plan_views",
    "state_counts",
    "timeline",
    "today_sentence",
    "uncounted_invoices",
    "why",
    "why_sentences",
    "with_steps",
    "within_sentence",
    "work_queue",
]
