"""Doing an act about many rows, and taking it back: at once when they are few, else by a worker, in pieces of one transaction each.

What was asked is written with its rows first. A piece does its rows and notes what became of each in the same transaction, so that a worker
killed at any moment leaves whole pieces; the next one goes on with the rows that wait. A row that is refused keeps its sentence, and the
others pass. A piece that brought the program to a stop three times is refused whole, and the act goes on behind it.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import Count
from django.utils import translation
from django.utils.translation import gettext as _

from dunning.core import audit, clock, failpoints
from dunning.core.enums import ManyRowState, ManyState
from dunning.core.errors import DomainError
from dunning.core.models import ManyAct, ManyRow, Organization
from dunning.core.tenancy import tenant
from scenarios.services.many.kinds import Kept, When
from scenarios.services.many.registry import KINDS

logger = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Rows done while the page that asks waits: about a second's work."""
PIECE: Final = 200  # rows of one transaction of a worker
MOST_TRIES: Final = 3
TAKEN_BACK_FOR: Final = timedelta(days=30)
KEPT_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of an act wait, were changed, stayed as they were, and were refused."""

    waiting: int = 0
    done: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def past(self) -> int:
        return self.total - self.waiting

    @property
    def total(self) -> int:
        return self.waiting + self.done + self.unchanged + self.refused


def counts_of(act: ManyAct) -> Counts:
    return Counts(**dict(ManyRow.objects.filter(act=act).order_by().values_list("state").annotate(n=Count("pk"))))


def start(*, kind: str, ids: Collection[UUID], data: Mapping[str, Any], when: When, language: str) -> ManyAct | None:
    """Do it about these rows, or have a worker do it when they are more than `AT_ONCE`; the act, by which it can be followed.

    None, and nothing is kept of it, when it was done at once and changed nothing. Raises DomainError when it may be asked of no row.
    """
    KINDS[kind].check(data, when)
    rows: list[tuple[UUID, Mapping[str, Any]]] = [(pk, {}) for pk in dict.fromkeys(ids)]
    return _begin(ManyAct(kind=kind, data=dict(data)), rows, when, language)


def take_back(*, act: ManyAct, when: When, language: str) -> ManyAct | None:
    """Put what the act changed back to what it was, as an act of its own; what somebody changed since stays, with the reason.

    Raises DomainError for an act that is not finished, was taken back, or is older than thirty days.
    """
    locked = ManyAct.objects.select_for_update(no_key=True).get(pk=act.pk)
    if not may_be_taken_back(locked, when.now):
        raise DomainError(_("This can no longer be taken back: it was already, or more than 30 days have passed."), code="not_undoable")
    changed = ManyRow.objects.filter(act=locked, state=ManyRowState.DONE).order_by("position")
    rows = list(changed.values_list("object_id", "kept"))
    return _begin(ManyAct(kind=locked.kind, data=locked.data, undoes=locked), rows, when, language)


def may_be_taken_back(act: ManyAct, now: datetime) -> bool:
    """Whether it is done, recent, no taking back itself, and not taken back yet."""
    young = act.undoes_id is None and act.state == ManyState.DONE and act.asked_at > now - TAKEN_BACK_FOR
    return young and not ManyAct.objects.filter(undoes=act).exists()


def look_back(*, act: ManyAct, when: When) -> tuple[int, Mapping[UUID, str]]:
    """What taking it back would do: to how many rows, and which would stay as somebody made them since, each with the reason."""
    rows = ManyRow.objects.filter(act=act, state=ManyRowState.DONE).order_by("position")
    kept: Kept = dict(rows.values_list("object_id", "kept"))
    stay = KINDS[act.kind].changed_since(kept, when) if kept else {}
    return len(kept) - len(stay), stay


def _begin(act: ManyAct, rows: Sequence[tuple[UUID, Mapping[str, Any]]], when: When, language: str) -> ManyAct | None:
    act.actor, act.language, act.total, act.asked_at = when.actor, language[:5], len(rows), when.now
    act.save(force_insert=True)
    ManyRow.objects.bulk_create(
        [ManyRow(act=act, position=n, object_id=pk, kept=kept) for n, (pk, kept) in enumerate(rows)], batch_size=2_000
    )
    if len(rows) > AT_ONCE:
        Organization.objects.filter(pk=when.organization.pk).update(acts_waiting_since=when.now)
        transaction.on_commit(partial(_ring, when.organization.pk, act.pk))
        return act
    _do_piece(act, list(ManyRow.objects.filter(act=act).order_by("position")), when)
    _finish(act, when)
    if not ManyRow.objects.filter(act=act, state__in=[ManyRowState.DONE, ManyRowState.REFUSED]).exists():
        act.delete()
        return None
    return act


# --- the worker's part --------------------------------------------------------------------------------------------------------------------


def work_on(*, organization: Organization, act_id: UUID) -> int:
    """Do what waits of this act, piece after piece; how many rows. 0 when nothing waits or another worker has it."""
    done = 0
    while _count_try(organization, act_id) and (piece := _work_piece(organization, act_id)):
        done += piece
    return done


def work_waiting(*, organization: Organization) -> int:
    """Do what waits in this organization, however it came to wait; how many rows."""
    with tenant(organization):
        since = Organization.objects.filter(pk=organization.pk).values_list("acts_waiting_since", flat=True).get()
        waiting = list(ManyAct.objects.filter(state=ManyState.WORKING).order_by("asked_at", "pk").values_list("pk", flat=True))
    done = sum(work_on(organization=organization, act_id=identifier) for identifier in waiting)
    with tenant(organization):
        if not ManyAct.objects.filter(state=ManyState.WORKING).exists():  # asked for meanwhile, another moment stands there
            Organization.objects.filter(pk=organization.pk, acts_waiting_since=since).update(acts_waiting_since=None)
    return done


def _claimed(act_id: UUID) -> ManyAct | None:
    waiting = ManyAct.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return waiting.filter(pk=act_id, state=ManyState.WORKING).first()


def _next(act: ManyAct) -> list[ManyRow]:
    return list(ManyRow.objects.filter(act=act, state=ManyRowState.WAITING).order_by("position")[:PIECE])


def _count_try(organization: Organization, act_id: UUID) -> bool:
    """Count the try of the next piece before it begins; False when there is nothing to do. One too many times begun, it is refused."""
    with tenant(organization):
        act = _claimed(act_id)
        if act is None:
            return False
        act.tries += 1
        if act.tries > MOST_TRIES:
            with translation.override(act.language):
                reason = _("This brought the program to a stop %s times; it was left as it was.") % MOST_TRIES
            ManyRow.objects.filter(pk__in=[row.pk for row in _next(act)]).update(state=ManyRowState.REFUSED, reason=reason)
            act.tries = 1
        act.save(update_fields=["tries"])
        return True


def _work_piece(organization: Organization, act_id: UUID) -> int:
    now = clock.now()
    with tenant(organization):
        act = _claimed(act_id)
        if act is None:
            return 0
        when = When(organization, act.actor, clock.today(organization.timezone), now)
        rows = _next(act)
        if rows:
            with translation.override(act.language):
                _do_piece(act, rows, when)
        act.tries = 0
        act.save(update_fields=["tries"])
        if len(rows) < PIECE:
            _finish(act, when)
        failpoints.hit("before-commit")
        return len(rows)


def _finish(act: ManyAct, when: When) -> None:
    act.state, act.done_at = ManyState.DONE, when.now
    act.save(update_fields=["state", "done_at"])
    found = counts_of(act)
    if found.done:
        body = {"kind": act.kind, "count": found.done, "unchanged": found.unchanged, "refused": found.refused}
        action = "many.done" if act.undoes_id is None else "many.undone"
        audit.record(actor=act.actor, action=action, target=act, body=body, now=when.now)


def _do_piece(act: ManyAct, rows: Sequence[ManyRow], when: When) -> None:
    """Do these rows together; when that is refused, each by itself, so that one keeps no other from passing."""
    try:
        with tenant(when.organization):
            _note(rows, *_done(act, rows, when))
    except DomainError as refusal:
        if len(rows) == 1:
            ManyRow.objects.filter(pk=rows[0].pk).update(state=ManyRowState.REFUSED, reason=refusal.message[:300])
            return
        for row in rows:
            _do_piece(act, [row], when)


def _done(act: ManyAct, rows: Sequence[ManyRow], when: When) -> tuple[Kept, Mapping[UUID, str]]:
    """(what was kept of each row that changed, why rows were refused)."""
    kind = KINDS[act.kind]
    if act.undoes_id is None:
        return kind.do([row.object_id for row in rows], act.data, when), {}
    kept: dict[UUID, Any] = {row.object_id: row.kept for row in rows}
    stay = kind.changed_since(kept, when) if kept else {}
    back = {pk: value for pk, value in kept.items() if pk not in stay}
    if back:
        kind.put_back(back, when)
    return back, stay


def _note(rows: Sequence[ManyRow], kept: Kept, refused: Mapping[UUID, str]) -> None:
    for row in rows:
        if row.object_id in kept:
            row.state, row.kept = ManyRowState.DONE, dict(kept[row.object_id])
        elif row.object_id in refused:
            row.state, row.reason = ManyRowState.REFUSED, refused[row.object_id][:300]
        else:
            row.state = ManyRowState.UNCHANGED
    ManyRow.objects.bulk_update(rows, ["state", "reason", "kept"])


def _ring(organization_id: UUID, act_id: UUID) -> None:
    """Tell a worker. A doorbell that does not ring delays the act until the next sweep, and loses nothing."""
    try:
        said = {"organization_id": str(organization_id), "act_id": str(act_id)}
        current_app.send_task("scenarios.many", kwargs=said, retry=False, expires=600)
    except Exception as error:
        logger.warning("The act %s was not announced (%s); it is found by the next sweep.", act_id, error)


def forget(*, now: datetime) -> int:
    """Delete the open organization's acts of more than 90 days ago, with their rows; how many acts."""
    old = ManyAct.objects.filter(asked_at__lt=now - KEPT_FOR, state=ManyState.DONE)
    return old.delete()[1].get(ManyAct._meta.label, 0)
