"""The list of invoices behind a figure: the report's own rows, so that they agree to the cent."""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.http import QueryDict
from django.utils.translation import gettext as _

from dunning.dashboard import formatting
from dunning.dashboard.reports.ageing import AGEING, bucket_name
from dunning.dashboard.reports.collected import FROZEN
from dunning.dashboard.reports.content import Report
from dunning.dashboard.reports.delays import DELAYS, PROMISES
from dunning.dashboard.reports.disputes import DISPUTES
from dunning.dashboard.reports.filters import AS_OF, CLOSING, PERIOD, Filters, period_name, read
from dunning.dashboard.reports.legal import LEGAL, band_name
from dunning.dashboard.reports.steps import STEPS, stage_name
from invoices.enums import DisputeReason
from invoices.measures.ageing import BUCKETS, Cell
from invoices.owed import BILL, FACTORED
from invoices.reports.ageing import KINDS, LATE, ageing_rows, lines_of
from invoices.reports.delays import BROKEN, IN_TIME, KEPT, OPEN_LATE, PENDING, WAITING, due_rows, promise_rows
from invoices.reports.delays import LATE as PAID_LATE
from invoices.reports.disputes import dispute_rows
from invoices.reports.legal import BANDS, DISPUTED, LATE_BANDS, late_rows
from invoices.reports.rows import CountedItems, Rows
from scenarios.reports.effects import NOTHING, OPEN, PAID, RECENT, SETTLED, STAGES, UNPAID, funnel_rows, step_names, step_rows
from scenarios.reports.frozen import frozen_rows
from scenarios.selectors.frozen import causes

LINE: Final = re.compile(r"[\w:+.-]{1,60}")
Lines = tuple[str, Collection[str]]
"""What a line of a report is called, and the lines of its rows it is made of."""


@dataclass(frozen=True)
class Counted:
    """A figure opened up: its items with the amounts counted, the report it is of, what it is called, and the filters it was made with."""

    items: CountedItems
    report: Report
    line: str
    filters: Filters
    when: str

    @property
    def total(self) -> Cell:
        return self.items.total


@dataclass(frozen=True, slots=True)
class _Source:
    report: Report
    rows: Callable[[Filters], Rows]
    lines: Callable[[str], Lines | None]
    when: str


def counted(query: QueryDict, *, today: dt.date) -> Counted | None:
    """What `?counted=` asks for; None when it names no report. A line that does not exist is the whole report."""
    source = SOURCES.get(query.get("counted", ""))
    if source is None:
        return None
    filters = read(query, today=today)
    line = query.get("line", "")
    found = (source.lines(line) if LINE.fullmatch(line) else None) or source.lines("all")
    if found is None:
        return None
    name, lines = found
    when = {
        AS_OF: _("on %s") % formatting.date_long(filters.as_of),
        CLOSING: _("on %s") % formatting.date_long(filters.as_of),
        PERIOD: period_name(filters.period_key).lower(),
    }.get(source.when, _("today"))
    return Counted(CountedItems(source.rows(filters), lines), source.report, name, filters, when)


def _ageing(line: str) -> Lines | None:
    kinds = {"plain": "", BILL: BILL, FACTORED: FACTORED}
    kind, _colon, bucket = line.rpartition(":")
    if bucket in BUCKETS and (not kind or kind in kinds):
        return bucket_name(bucket), lines_of([kinds[kind]] if kind else KINDS, [bucket])
    return {"overdue": (_("Overdue"), lines_of(buckets=LATE)), "open": (_("Open"), lines_of()), "all": (_("Open"), lines_of())}.get(line)


def _on_time(line: str) -> Lines | None:
    judged = (IN_TIME, PAID_LATE, OPEN_LATE)
    return {
        IN_TIME: (_("Paid on time"), [IN_TIME]),
        PAID_LATE: (_("Paid late"), [PAID_LATE]),
        OPEN_LATE: (_("Open and overdue"), [OPEN_LATE]),
        PENDING: (_("May still come in time: not counted"), [PENDING]),
        "due": (_("Due"), judged),
        "all": (_("Due"), judged),
    }.get(line)


def _promises(line: str) -> Lines | None:
    return {
        KEPT: (_("Kept"), [KEPT]),
        BROKEN: (_("Broken"), [BROKEN]),
        WAITING: (_("Still running: not counted"), [WAITING]),
        "all": (_("Promises"), [KEPT, BROKEN, WAITING]),
    }.get(line)


def _disputes(line: str) -> Lines | None:
    if line in DisputeReason.values:
        return str(DisputeReason(line).label), [line]
    return (_("Contested"), list(DisputeReason.values)) if line == "all" else None


def _legal(line: str) -> Lines | None:
    if line in BANDS:
        return band_name(line), [line]
    return {
        DISPUTED: (_("Contested"), [DISPUTED]),
        FACTORED: (_("Assigned to a factor"), [FACTORED]),
        "late": (_("Total, 1 day and more"), LATE_BANDS),
        "all": (_("Total, 1 day and more"), LATE_BANDS),
    }.get(line)


def _steps(line: str) -> Lines | None:
    key, _colon, fate = line.partition(":")
    words = {PAID: _("paid within 7 days"), UNPAID: _("not paid within 7 days"), RECENT: _("too recent to judge")}
    name = step_names([key]).get(key)
    if name is None or (fate and fate not in words):
        return None
    if not fate:
        return name, [f"{key}:{PAID}", f"{key}:{UNPAID}"]
    return f"{name}, {words[fate]}", [line]


def _funnel(line: str) -> Lines | None:
    first, _colon, second = line.partition(":")
    phases = {str(phase): phase for phase in STAGES}
    if first == "reached" and second in phases:
        later = [phase for phase in STAGES if phase >= phases[second]]
        return stage_name(phases[second]), [f"{phase}:{state}" for phase in later for state in (SETTLED, OPEN)]
    if first in phases and second in (SETTLED, OPEN):
        word = _("Paid at this point") if second == SETTLED else _("Open at this point")
        return f"{stage_name(phases[first])}, {word.lower()}", [line]
    return _funnel(f"reached:{NOTHING}") if line == "all" else None


def _frozen(line: str) -> Lines | None:
    known = causes()
    if line in known:
        return known[line], [line]
    return (_("Frozen by us"), list(known)) if line == "all" else None


SOURCES: Final[Mapping[str, _Source]] = {
    "ageing": _Source(AGEING, lambda f: ageing_rows(f.scope, as_of=f.as_of, today=f.today), _ageing, AS_OF),
    "on_time": _Source(DELAYS, lambda f: due_rows(f.scope, f.period, today=f.today), _on_time, PERIOD),
    "promises": _Source(PROMISES, lambda f: promise_rows(f.scope, f.period), _promises, PERIOD),
    "disputes": _Source(DISPUTES, lambda f: dispute_rows(f.scope, as_of=f.as_of, today=f.today), _disputes, AS_OF),
    "legal": _Source(LEGAL, lambda f: late_rows(f.scope, closing=f.as_of, today=f.today), _legal, CLOSING),
    "steps": _Source(STEPS, lambda f: step_rows(f.scope, f.period, today=f.today), _steps, PERIOD),
    "funnel": _Source(STEPS, lambda f: funnel_rows(f.scope, f.period), _funnel, PERIOD),
    "frozen": _Source(FROZEN, lambda f: frozen_rows(f.scope), _frozen, ""),
}
