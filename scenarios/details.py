"""What a message keeps, beside its text, for the gate and for the day it leaves."""

from typing import Any

from psycopg2.extras import Json

from scenarios.claims import claimed_lines
from scenarios.drafts import MessageDraft
from scenarios.enums import Section


class Details:
    """The details of a day's messages: most of them say the same, which is told once for all."""

    def __init__(self) -> None:
        self._plain: dict[tuple[Any, ...], Json] = {}

    def of(self, draft: MessageDraft) -> Json:
        steps = draft.lead.steps
        if draft.commitments or draft.approval is not None or steps is None:
            return Json(_details(draft))
        key = (draft.step.key, steps.version, draft.deadline_on, draft.iban, _credits_elsewhere(draft))
        known = self._plain.get(key)
        if known is None:
            known = self._plain[key] = Json(_details(draft))
        return known


def _details(draft: MessageDraft) -> dict[str, Any]:
    """What the gate, and the day the message leaves, must know: ids, ordinals and codes, no name and no amount."""
    steps = draft.lead.steps
    return {
        "step": draft.step.key,
        "plan": steps.plan if steps is not None else "",
        "version": steps.version if steps is not None else "",
        "deadline_on": draft.deadline_on,
        "iban": draft.iban,
        "credits_elsewhere": _credits_elsewhere(draft),
        # What a person who approves it sees, beside its amount: the gate lets it leave with fewer items, never with others (rule 9).
        **({"claimed": sorted({line.item_id for line in claimed_lines(draft.lines)})} if draft.approval is not None else {}),
        "commitments": [
            {"consequence": c.consequence.value, "due_on": c.due_on, "step": c.executed_by, "items": list(c.item_ids)}
            for c in draft.commitments
        ],
    }


def _credits_elsewhere(draft: MessageDraft) -> bool:
    """Whether another message of the same day shows the account's credits."""
    balance = draft.lead.item.customer.account(draft.currency)
    return balance is not None and bool(balance.credits) and not any(line.section == Section.CREDIT for line in draft.lines)
