"""One organization's daily run: every open item is decided, messages are composed, and what changed is written (docs/rules.md).

The run is its own repair: it looks at every open item every day and depends on no cursor. Repeated, doubled or resumed after a crash it
writes nothing twice. What becomes of the day's messages is known when the whole day is: together they leave, wait for approval, or stop at
the brake; those of earlier batches are drafts until then.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg2.extras import Json

from dunning.core import audit, events
from dunning.core.models import Organization
from dunning.core.prepared import ask
from dunning.core.rows import columns_of, read_rows
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from scenarios import telling
from scenarios.announcing import announce_tomorrow
from scenarios.brakes import Brake, Volume, brake
from scenarios.bulk import insert_rows
from scenarios.calm import set_apart
from scenarios.context import Batch, Frame, batches, load_batch, load_frame, lock_customers, open_customers
from scenarios.drafts import MessageDraft
from scenarios.enums import DecisionKind, Phase
from scenarios.facts import Decision
from scenarios.grouping import Composition, compose
from scenarios.leaving import KEPT_BACK, Release, Released, departure
from scenarios.ledger import Moment, write
from scenarios.models import ActionMessage, DailyRun
from scenarios.planner import decide
from scenarios.schedule import Tally, write_schedule
from scenarios.spacing import Cargo, Correspondence, Waiting, Written

_LATEST_RUNS = f"""
SELECT {columns_of(DailyRun)} FROM scenarios_dailyrun
WHERE local_date <= %(today)s AND local_date >= coalesce(
    (SELECT max(local_date) FROM scenarios_dailyrun WHERE local_date < %(today)s AND finished_at IS NOT NULL), '-infinity')
ORDER BY local_date DESC
"""  # noqa: S608 - made of column names
# What a message is driven by, as `Tally.expect` counts it: its import is that of the oldest item at the step that leads it.
_DRAFTS = """
SELECT channel, template_key, step, batch_id, count(*)
FROM (
    SELECT m.channel, m.template_key, m.details->>'step' AS step,
           coalesce((SELECT v.batch_id::text
                     FROM scenarios_actionmessage l
                     JOIN scenarios_action a ON a.organization_id = l.organization_id AND a.id = l.action_id
                     JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id
                     JOIN invoices_invoice v ON v.organization_id = i.organization_id AND v.id = i.invoice_id
                     WHERE l.organization_id = m.organization_id AND l.message_id = m.id AND a.step_key = m.details->>'step'
                     ORDER BY i.due_on LIMIT 1), '') AS batch_id
    FROM notifications_message m
    WHERE m.state = 'draft' AND m.planned_on <= %s AND m.id <> ALL(%s::uuid[])
) drafts
GROUP BY 1, 2, 3, 4
"""
_END = "UPDATE scenarios_dailyrun SET counts = %s, items = %s, forecast = %s, brake = %s, finished_at = %s WHERE id = %s"
_RUN_COLUMNS = ("id", "organization_id", "local_date", "started_at", "actor", "items", "counts", "forecast", "brake_released_by")
_ONE_A_DAY = "(organization_id, local_date) DO NOTHING"
_STILL_OURS = ("draft", "awaiting_approval", "held", "queued", "retry")


@dataclass(frozen=True)
class RunReport:
    """What a run did. `counts` is the tally as stored; `brake` says why its messages wait, if they do."""

    run: DailyRun
    counts: dict[str, Any]
    brake: Brake | None
    already_done: bool = False


def run(
    *,
    organization: Organization,
    today: date,
    now: datetime,
    actor: str,
    again: bool = False,
    played: bool = False,
    first: Callable[[Frame], None] | None = None,
) -> RunReport:
    """Decide every open item of the organization for its local day `today` and write what follows from it.

    A day that was run to its end is not run again unless `again` (by hand: it can only add what is still missing). `played`: a life under
    a virtual clock, which no brake stops (rule 15). `first` is done before anything is decided, in the transaction that opens the run; it
    changes nothing a frame holds.
    """
    with tenant(organization):
        done, before, resumes = _latest_runs(today)
        if done is not None and not again:
            return RunReport(done, done.counts, None, already_done=True)
        frame = load_frame(organization, today)
        if first is not None:
            first(frame)
        daily, was_begun = (done, True) if done is not None else _daily_run(today, now, actor)
        if daily.finished_at is not None and not again:  # another run has just done it
            return RunReport(daily, daily.counts, None, already_done=True)
        if done is not None:  # until it has ended once more: were it cut short now, the next run would know
            DailyRun.objects.filter(pk=done.pk).update(finished_at=None)
        tally = Tally()
        groups = list(batches(set_apart(frame, open_customers(), tally)))
        day = _Day(frame, daily, before, Moment(run_id=daily.pk, today=today, now=now), tally, actor, played, resumes or was_begun)
        if not groups:  # no customer is locked: the day ends where it began, and a crash leaves nothing half done
            stop = _ask_brake(day, ())
            release = _release(day, stop)
            _finish(day, stop, release, _drafts(day, release))
            return RunReport(daily, daily.counts, stop)
    stop = None
    with _collector_at_rest():
        for number, customer_ids in enumerate(groups, start=1):
            with tenant(organization):
                lock_customers(customer_ids)
                stop = _do_batch(day, customer_ids, is_first=number == 1, is_last=number == len(groups))
    return RunReport(daily, daily.counts, stop)


def _latest_runs(today: date) -> tuple[DailyRun | None, DailyRun | None, bool]:
    """The run of the day, if it came to its end, the last one before that did, and whether one was cut short since."""
    runs = read_rows(DailyRun, _LATEST_RUNS, {"today": today})
    ended = [run for run in runs if run.finished_at is not None]
    done = ended.pop(0) if ended and ended[0].local_date == today else None
    return done, next(iter(ended), None), any(run.finished_at is None for run in runs)


def _daily_run(today: date, now: datetime, actor: str) -> tuple[DailyRun, bool]:
    """The day's row, and whether it was there: that of a run that was cut short, or is going on."""
    fresh = DailyRun(local_date=today, started_at=now, actor=actor)
    values = tuple(Json(value) if isinstance(value, dict) else value for value in (getattr(fresh, name) for name in _RUN_COLUMNS))
    if insert_rows("scenarios_dailyrun", _RUN_COLUMNS, [values], conflict=_ONE_A_DAY):
        fresh._state.adding = False
        return fresh, False
    return DailyRun.objects.get(local_date=today), True


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A batch makes a hundred thousand facts without a cycle among them: the collector would look at them again and again for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _do_batch(day: "_Day", customer_ids: Sequence[str], *, is_first: bool, is_last: bool) -> Brake | None:
    """Decide, compose and write one batch of whole paying groups, whose locks are held. With the last the whole day is known: its own
    messages need not be drafts first.
    """
    frame, moment, tally = day.frame, day.moment, day.tally
    batch = load_batch(frame, customer_ids)
    decisions = decide_all(frame, batch)
    composition = compose_all(frame, batch, decisions)
    tally.see(batch.cases)
    tally.expect(composition.messages)
    stop = _ask_brake(day, composition.messages) if is_last else None
    release = _release(day, stop) if is_last else None
    written = write(frame=frame, batch=batch, decisions=decisions, composition=composition, moment=moment, tally=tally, release=release)
    if release is not None:
        _finish(day, stop, release, [*_drafts(day, release, is_only=is_first), *written])
    return stop


def _drafts(day: "_Day", release: Release, *, is_only: bool = True) -> list[Released]:
    """The drafts that are let go with the day: those of earlier batches, and of a run that was cut short. Most days have neither."""
    return release.drafts() if day.resumes or not is_only else []


def decide_all(frame: Frame, batch: Batch) -> list[Decision | None]:
    """One decision beside each case of the batch; None where no plan is assigned."""
    calendar, policy, today = frame.calendar, frame.policy, frame.today.toordinal()
    return [
        None
        if case.steps is None
        else decide(
            item=case.item,
            steps=case.steps,
            history=case.past.entries,
            calendar=calendar,
            policy=policy,
            today=today,
            progress=case.past.progress,
        )
        for case in batch.cases
    ]


def compose_all(frame: Frame, batch: Batch, decisions: Sequence[Decision | None]) -> Composition:
    """The messages and tasks of a batch."""
    decided = [decision for decision in decisions if decision is not None]
    # Whom was written to matters on a day when something is due, and on no other.
    history = correspondence(batch) if any(decision.kind is DecisionKind.TAKE for decision in decided) else {}
    return compose(decided, policy=frame.policy, history=history, calendar=frame.calendar, today=frame.today.toordinal())


def correspondence(batch: Batch) -> dict[str, Correspondence]:
    """What was written lately, what waits, and the open call, by customer: what spacing and joining look at (rules 5, 6 and 10)."""
    waiting_ids = [UUID(message.message_id) for message in batch.recent if message.state in _STILL_OURS]
    cargo: dict[str, list[Cargo]] = {}
    if waiting_ids:
        links = ActionMessage.objects.filter(message__in=waiting_ids).values_list(
            "message_id", "action__installment_id", "action__step_key", "action__occurrence"
        )
        for message_id, item_id, step_key, occurrence in links:
            cargo.setdefault(str(message_id), []).append(Cargo(str(item_id), step_key, occurrence))
    written: dict[str, list[Written]] = {}
    waiting: dict[str, list[Waiting]] = {}
    for message in batch.recent:
        if message.state in _STILL_OURS:
            carried = tuple(cargo.get(message.message_id, ()))
            kept_back = message.held_for if message.held_for in KEPT_BACK else ""
            entry = Waiting(message.message_id, message.group_key, Phase(message.phase), carried, kept_back)
            waiting.setdefault(message.customer_id, []).append(entry)
        else:
            left = Written(message.on, message.phase, message.group_key)  # type: ignore[arg-type]  # an IntegerChoices compares as int
            written.setdefault(message.customer_id, []).append(left)
    calls = batch.calls
    return {
        customer_id: Correspondence(tuple(written.get(customer_id, ())), tuple(waiting.get(customer_id, ())), calls.get(customer_id, ""))
        for customer_id in {*written, *waiting, *calls}
    }


# --- the end of the run ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Day:
    """One call of `run`; `before` is the last run that came to its end on an earlier day, `resumes` whether one was begun since, this one
    included."""

    frame: Frame
    daily: DailyRun
    before: DailyRun | None
    moment: Moment
    tally: Tally
    actor: str
    played: bool
    resumes: bool


def _release(day: _Day, stop: Brake | None) -> Release:
    return Release(day.moment.today, day.moment.now, departure(day.frame, day.moment.now), stop is not None)


def _finish(day: _Day, stop: Brake | None, release: Release, released: Sequence[Released]) -> None:
    """See off the messages that were let go and close the run, in the transaction of its last batch: with it the day is done, or is not."""
    daily, moment, tally = day.daily, day.moment, day.tally
    release.see_off(released)
    _merge(daily, tally)
    daily.forecast = announce_tomorrow(day.frame)
    if stop is not None:  # a brake that was released is remembered
        daily.brake = {"cause": stop.cause, "name": stop.name, "planned": stop.planned, "announced": stop.announced}
    daily.finished_at = moment.now
    brake_ = None if daily.brake is None else Json(daily.brake)
    with connection.cursor() as cursor:
        ask(cursor, _END, [Json(daily.counts), daily.items, Json(daily.forecast), brake_, daily.finished_at, daily.pk])
    audit.record(actor=day.actor, action="run.finished", target=daily, body={"on": moment.today, **daily.counts}, now=moment.now)
    events.emit(type="run.finished", object_type="run", object_ids=[daily.pk], now=moment.now)
    telling.tell_day(run=daily, before=day.before, now=moment.now)
    telling.tell_rates(country_of_law=day.frame.profile.country, today=moment.today, now=moment.now)
    if stop is not None:
        telling.tell_brake(run=daily, stop=stop, now=moment.now)


def _merge(daily: DailyRun, tally: Tally) -> None:
    """A run repeated by hand adds to what the first one wrote; its decisions replace the earlier ones."""
    counts = tally.as_json()
    for key in ("steps", "skips", "messages", "tasks", "amounts"):
        counts[key] = dict(Counter(daily.counts.get(key, {})) + Counter(counts[key]))
    counts["customers"] += daily.counts.get("customers", 0)
    daily.counts = counts
    daily.items = tally.items


def _ask_brake(day: _Day, last: Sequence[MessageDraft]) -> Brake | None:
    """Whether the day, all of whose messages are counted, must wait for a person (rule 15). `last` are those of the batch that ends it."""
    before, held = day.before, day.daily.brake
    if held is not None and not day.daily.brake_released_by:  # repeated by hand, it stays stopped
        return Brake(**held)
    if before is None or day.played or day.frame.policy.supervised or day.daily.brake_released_by:
        return None
    tally = _leaving_together(day, last)
    planned = Volume(
        messages=sum(tally.messages.values()),
        by_template=tally.drivers["template"],
        by_step=tally.drivers["step"],
        by_import=tally.drivers["import"],
        claimed_cents=day.tally.open,  # what can be claimed at all: it grows by new invoices, or by a fault
    )
    told = before.forecast
    announced = Volume(
        messages=told.get("messages", 0),
        by_template=told.get("by_template", {}),
        by_step=told.get("by_step", {}),
        by_import=told.get("by_import", {}),
    )
    stop = brake(planned=planned, announced=announced, claimed_before=before.counts.get("open", {}), new_invoices=False)
    if stop is not None and stop.cause == "claimed" and Invoice.objects.filter(entered_on__gt=before.local_date).exists():
        return None  # asked on such days alone
    return stop


def _leaving_together(day: _Day, last: Sequence[MessageDraft]) -> Tally:
    """The messages that leave with the day: what this run counted, unless one was cut short, whose drafts leave with the others."""
    if not day.resumes:
        return day.tally
    tally = Tally()
    with connection.cursor() as cursor:
        ask(cursor, _DRAFTS, [day.moment.today, [pk for draft in last for pk in draft.supersedes]])
        for channel, template, step, source, count in cursor.fetchall():
            tally.messages[channel] += count
            tally.drivers["template"][template] += count
            tally.drivers["step"][step] += count
            if source:
                tally.drivers["import"][source] += count
    tally.expect(last)
    return tally


def reschedule(*, frame: Frame, customer_ids: Sequence[str]) -> Composition:
    """After an event: refresh what the schedule says about these customers' items, and write neither message nor task.

    The facts are read anew, so a payment, a dispute or a promise shows its effect at once; the next run acts on it. `customer_ids` are
    whole paying groups; what a run would now write for them is returned.
    """
    batch = load_batch(frame, customer_ids)
    decisions = decide_all(frame, batch)
    composition = compose_all(frame, batch, decisions)
    write_schedule(batch=batch, decisions=decisions, composition=composition, today=frame.today)
    forget_settled(customer_ids)
    return composition


def forget_settled(customer_ids: Sequence[str]) -> None:
    """Items on which nothing is left leave these customers' schedule."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM scenarios_schedule s USING invoices_installment i WHERE i.organization_id = s.organization_id "
            "AND i.id = s.installment_id AND i.outstanding = 0 AND s.customer_id = ANY(%s::uuid[])",
            [list(customer_ids)],
        )
