"""What was said and should not count: recorded by mistake, or said by somebody who may not. The row stays, with the reason."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from invoices.enums import ActKind, DisputeState, HoldKind, PlanState, PromiseState
from invoices.models import DebtorAct, Declaration, Dispute, Hold, PaymentPlan, Promise
from invoices.services import holds
from invoices.services.acts import replay
from invoices.services.balances import announce_change, tell_changed
from invoices.services.disputes import close_dispute
from invoices.services.locks import lock_items
from invoices.services.payment_plans import end_plan
from invoices.services.promises import cancel_promise

ENDED_THEMSELVES: Final = frozenset({ActKind.NAMED_OTHER, ActKind.SIGNED_DEBIT})
"""What they brought about has an end of its own."""


def undo_act(*, act: DebtorAct, reason: str, actor: str, today: date, now: datetime) -> None:
    """This was not said, or not by them: it counts no more, and the latest of the others wins again.

    What it brought about ends too: its promise is withdrawn, its dispute closed, its payment plan or its pause over - unless that ended by
    itself. Raises DomainError without a reason, and for a mandate, which is ended by itself. Nothing happens the second time.
    """
    _undo([act], reason, actor=actor, today=today, now=now)


def undo_declaration(*, declaration: Declaration, reason: str, actor: str, today: date, now: datetime) -> int:
    """Everything one form of the debtor's page said, as `undo_act`; of how many items."""
    acts = list(DebtorAct.objects.filter(declaration=declaration, undone_at=None).order_by("pk"))
    return _undo(acts, reason, actor=actor, today=today, now=now)


def undo_acts(*, acts: Sequence[DebtorAct], reason: str, actor: str, today: date, now: datetime) -> int:
    """Several at once, as `undo_act`; of how many items."""
    return _undo(acts, reason, actor=actor, today=today, now=now)


def _undo(acts: Sequence[DebtorAct], reason: str, *, actor: str, today: date, now: datetime) -> int:
    words = reason.strip()[:300]
    if not words:
        raise DomainError(_("Say why this no longer counts."), code="required", field="reason")
    if any(act.kind == ActKind.SIGNED_DEBIT for act in acts):
        raise DomainError(_("A mandate is ended on its customer's page."), code="not_here")
    locked = lock_items(act.installment_id for act in acts if act.installment_id is not None)
    running = list(DebtorAct.objects.filter(pk__in=[act.pk for act in acts], undone_at=None).order_by("pk"))
    if not running:
        return 0
    if any(act.kind in ENDED_THEMSELVES for act in running):
        raise DomainError(_("This is not undone here: end the mandate or the contact itself."), code="not_undoable")
    DebtorAct.objects.filter(pk__in=[act.pk for act in running]).update(undone_at=now, undone_reason=words)
    items: dict[UUID, None] = {}
    for act in running:
        audit.record(actor=actor, action="act.undone", target=act, body={"kind": str(act.kind), "reason": words}, now=now)
        _end_consequence(act, words, actor=actor, today=today, now=now)
        if act.installment_id is not None:
            items[act.installment_id] = None
    invoices = {locked.installment(pk).invoice_id: locked.installment(pk).invoice for pk in items}
    replay(invoices.values())
    tell_changed(sorted(invoices), ["answer"], now=now)
    for act in acts:
        act.undone_at, act.undone_reason = now, words
    announce_change(list(items), reason="act_undone", today=today, now=now)
    return len(items)


def _end_consequence(act: DebtorAct, reason: str, *, actor: str, today: date, now: datetime) -> None:
    """End what the act brought about, if it still runs."""
    if act.kind == ActKind.PROMISED:
        made = Promise.objects.filter(reference=act.details.get("reference"), installment=act.installment_id, state=PromiseState.OPEN)
        for promise in made:
            cancel_promise(promise=promise, reason=reason, actor=actor, today=today, now=now)
    elif act.kind == ActKind.DISPUTED:
        for dispute in Dispute.objects.filter(pk=act.details.get("dispute"), state=DisputeState.OPEN):
            close_dispute(dispute=dispute, outcome=DisputeState.WITHDRAWN, text=reason, actor=actor, today=today, now=now)
    elif act.kind == ActKind.SAYS_PAID and act.installment_id is not None:
        holds.release_matching([act.installment_id], kinds=[HoldKind.ALREADY_PAID], reason=reason, actor=actor, today=today, now=now)
    elif act.kind == ActKind.AGREED_PLAN:
        for plan in PaymentPlan.objects.filter(pk=act.details.get("plan"), state=PlanState.ACTIVE):
            end_plan(plan=plan, reason=reason, actor=actor, today=today, now=now)
    elif act.kind == ActKind.ASKED:
        for hold in Hold.objects.filter(pk=act.details.get("hold"), released_on=None):
            holds.release_hold(hold=hold, reason=reason, actor=actor, today=today, now=now)
