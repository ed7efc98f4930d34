"""One file, one transaction: look, map, read, compare, and only then write - all of it or nothing.

What differs between customers, invoices and payments is a `Loader`; what is common to all files is here.
"""

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from dunning.core import audit, events, failpoints
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.selectors import get_profile
from dunning.core.tenancy import current_organization_id, tenant
from invoices.enums import RowOutcome, TraceKind
from invoices.importers import reading, report, settling, staging
from invoices.importers.dates import Order, UnclearDates
from invoices.importers.mapping import Columns, Explicit, Field, heading_key, recogniser, resolve
from invoices.importers.problems import FileRefused, Problem, RowProblem
from invoices.importers.report import Report
from invoices.importers.traces import forget_traces, leave_traces
from invoices.importers.values import Converter, Evidence, check_currency, gather
from invoices.models import ImportBatch

_KEPT_CELL = 500  # characters of a cell kept with a refused row
_TELL_EVERY = 500  # rows
Progress = Callable[[int, int], None]
"""Told now and then how many rows were read, of how many; all of them once writing begins."""
_REFUSED = staging.Stage(
    "refused_rows", {"id": "uuid", "line": "integer", "title": "text", "reason": "text", "content": "jsonb"}, {}
)  # COPY does not write into tables behind row-level security


def nobody_watches(done: int, of: int) -> None:
    """The progress of a load at which nobody looks."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person said about a file. `mapping`: column → field; `currency`: of amounts without one ("" = the organization's)."""

    mapping: Explicit = field(default_factory=dict)
    order: Order | None = None
    decimal: str | None = None
    source: reading.Said = field(default_factory=reading.Said)
    currency: str = ""
    dry_run: bool = False
    strict: bool = False
    errors_path: Path | None = None  # None: beside the file, as NAME.errors.csv
    progress: Progress = nobody_watches


class Rows(Protocol):
    """Where rows come from: a file that was looked at, or what a program sent. They can be read again and again."""

    @contextmanager
    def rows(self) -> Iterator[Iterator[reading.Row]]: ...


@dataclass
class Work:
    """A file being loaded: what a loader reads from, and where it says what became of each row."""

    source: Rows
    columns: Columns
    evidence: Evidence
    fields: tuple[Field, ...]
    options: Options
    profile: OrganizationProfile
    currency: str
    actor: str
    today: date
    now: datetime
    batch: ImportBatch  # saved when, and only when, something is written
    problems: dict[int, Problem] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)  # a snapshot's open lines by currency
    absent: settling.Absent = field(default_factory=settling.Absent)  # what it no longer names
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ignored: int = 0

    @property
    def who_and_when(self) -> dict[str, Any]:
        """The three arguments every service takes."""
        return {"actor": self.actor, "today": self.today, "now": self.now}

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every row that can be converted, with its line; the others are refused on the way."""
        converter = Converter(self.fields, self.columns, self.evidence)
        with self.source.rows() as rows:
            for count, row in enumerate(rows):
                failpoints.hit("mid-import-row")
                if count % _TELL_EVERY == 0:
                    self.options.progress(count, self.evidence.rows)
                try:
                    yield row.line, converter.values(row)
                except RowProblem as problem:
                    self.problems[row.line] = Problem(problem.column, problem.reason)

    def trace(self, kind: TraceKind, ids: Iterable[UUID]) -> None:
        """Remember what was made, so that the load can be taken back today."""
        leave_traces(self.batch, kind, ids, on=self.today)

    def refuse(self, line: int, name: str, reason: str) -> None:
        """Refuse a row for the field `name` ("" for the whole row); the first reason stays."""
        self.problems.setdefault(line, Problem(self.columns.title(name), reason))


class Loader(ABC):
    """What one kind of file means. Its instance serves one load."""

    kind: str
    fields: tuple[Field, ...]

    @abstractmethod
    def read(self, work: Work) -> None:
        """Take the rows from `work.rows()`, refuse what is wrong, compare with the ledger, and count what would become of each row."""

    @abstractmethod
    def write(self, work: Work) -> Iterator[object]:
        """Write what `read` found, under the locks in their order; yield the rows written, for the audit event's digest."""


class ItemLoader(Loader):
    """A kind that programs load too: they are told of each row."""

    @abstractmethod
    def outcomes(self) -> dict[int, RowOutcome]:
        """What becomes of each row that was not refused, by its line, once they were read."""

    @abstractmethod
    def keys(self) -> dict[int, str]:
        """The natural key under which the ledger has or will have each of these rows, by its line."""


def load(loader: Loader, path: Path, *, organization: Organization, options: Options, actor: str, today: date, now: datetime) -> Report:
    """Load `path` into the organization's ledger in one transaction and say what became of every row.

    Nothing is written by a dry run, nor by a strict load with an error. Raises FileRefused when the file as a whole cannot be loaded.
    """
    errors_path = _error_file(path, options.errors_path)
    unfinished = errors_path.parent / f"{errors_path.name}.part"
    try:
        with tenant(organization):
            with reading.readable(path):
                work = _prepare(loader, path, options, actor=actor, today=today, now=now)
                loader.read(work)
            loaded = not options.dry_run and not (options.strict and work.problems)
            batch = None
            if loaded:
                columns = work.columns.remembered() | work.columns.refused()
                order, heading = work.evidence.order or "", heading_key(work.columns.heading)
                work.batch.mapping = {"columns": columns, "date_format": order, "heading": heading}
                batch = write(loader, work)
            shown = _keep_refused(work, unfinished, batch) if work.problems else []
            outcome = _report(loader, work, loaded=loaded, errors_path=errors_path if work.problems else None, batch=batch, shown=shown)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    return _put_in_place(unfinished, errors_path, outcome) if work.problems else outcome


def _error_file(path: Path, said: Path | None) -> Path:
    """Where refused rows go. Raises FileRefused when that can be no file."""
    place = said or path.parent / f"{path.name}.errors.csv"
    remedy = _("Name another with --errors.")
    with suppress(OSError):  # a name the system does not take: whoever reads or writes the file says so
        if place.is_dir():
            raise FileRefused(_("“%(path)s” is a folder: refused rows go into a file.") % {"path": place}, remedy=remedy)
        if said is not None and not said.parent.is_dir():
            raise FileRefused(_("There is no folder “%(path)s”.") % {"path": said.parent}, remedy=remedy)
    return place


def _put_in_place(unfinished: Path, place: Path, outcome: Report) -> Report:
    """Give the error file its name. The load stands already: what goes wrong here is told, and the rows stay where they are."""
    try:
        unfinished.replace(place)
    except OSError as error:
        told = _("The error file %(path)s cannot be written (%(why)s).") % {"path": place, "why": error.strerror}
        return replace(outcome, errors_path=unfinished, notes=[*outcome.notes, told])
    return outcome


def take_turn(*, patience: int | None = None) -> None:
    """One load at a time for an organization: natural keys are compared before they are written.

    Waits for the load under way, `patience` seconds at most: then OperationalError is raised.
    """
    with connection.cursor() as cursor:
        if patience is not None:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{patience}s"])
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import:{current_organization_id()}"])
        if patience is not None:
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")


def _prepare(loader: Loader, path: Path, options: Options, *, actor: str, today: date, now: datetime) -> Work:
    take_turn()
    remembered = remembered_for(loader.kind)
    source = reading.look_at(path, recognised=recogniser(loader.fields, options.mapping, remembered["columns"]), said=options.source)
    remembered = remembered_for(loader.kind, source.heading)
    columns = _resolved(source, loader, options, remembered["columns"])
    source = replace(source, used=frozenset(columns.index.values()))
    order = options.order
    with source.rows() as rows:
        try:
            evidence = gather(rows, columns, loader.fields, order=order, decimal=options.decimal)
        except UnclearDates as unclear:
            if remembered["date_format"] not in set(Order):
                raise FileRefused(str(unclear), field="order", remedy=_("Say which: --date-format dmy or mdy.")) from None
            order = Order(remembered["date_format"])
    if order is not options.order:  # this file does not tell, but the last one of its kind did
        with source.rows() as rows:
            evidence = gather(rows, columns, loader.fields, order=order, decimal=options.decimal)
    if not evidence.rows:
        raise FileRefused(_("The file has a heading but no row below it."))
    profile = get_profile()
    try:
        currency = check_currency(options.currency or profile.default_currency)
    except ValueError as error:
        raise FileRefused(str(error)) from None
    return Work(
        source=source,
        columns=columns,
        evidence=evidence,
        fields=loader.fields,
        options=options,
        profile=profile,
        currency=currency,
        actor=actor,
        today=today,
        now=now,
        batch=ImportBatch(kind=loader.kind, filename=path.name[:200], sha256=source.sha256, actor=actor, loaded_at=now),
    )


def _resolved(source: reading.Source, loader: Loader, options: Options, remembered: Mapping[str, str]) -> Columns:
    try:
        return resolve(source.heading, loader.fields, explicit=options.mapping, remembered=remembered)
    except FileRefused as refused:
        if len(source.sheets) < 2:
            raise
        where = _("(Sheet “%(sheet)s” was read; the workbook has: %(sheets)s.)") % {
            "sheet": source.sheet, "sheets": ", ".join(source.sheets[:20]),
        }  # fmt: skip
        choose = _("Choose with --sheet.")
        raise FileRefused(f"{refused.message} {where}", field=refused.field, remedy=f"{refused.remedy} {choose}") from None


def remembered_for(kind: str, heading: Sequence[str] = ()) -> dict[str, Any]:
    """What the last file of this kind with these headings taught, else the last of this kind: its columns, and the order of its dates.

    What programs load has no columns, and teaches nothing.
    """
    batches = ImportBatch.objects.filter(kind=kind, undone_at=None).exclude(mapping={})
    loaded = batches.order_by("-loaded_at").values_list("mapping", flat=True)
    last = (loaded.filter(mapping__heading=heading_key(heading)).first() if heading else None) or loaded.first()
    return {"columns": {}, "date_format": "", **(last or {})}


def write(loader: Loader, work: Work) -> ImportBatch:
    """Write what the loader found, with its batch, its audit event and its news."""
    batch = work.batch
    batch.created, batch.updated, batch.unchanged, batch.errors = work.created, work.updated, work.unchanged, len(work.problems)
    batch.save()
    forget_traces(today=work.today)
    work.options.progress(work.evidence.rows, work.evidence.rows)
    body = {
        "file": batch.filename,
        "sha256": batch.sha256,
        "created": batch.created,
        "updated": batch.updated,
        "unchanged": batch.unchanged,
        "errors": batch.errors,
        "digest": audit.digest(loader.write(work)),
    }
    failpoints.hit("before-commit")
    audit.record(actor=work.actor, action=f"{loader.kind}.imported", target=batch, body=body, now=work.now)
    tell_finished(batch, now=work.now)
    return batch


def tell_finished(batch: ImportBatch, *, now: datetime) -> None:
    """Tell the outside world that a file was loaded."""
    events.emit(type="import.finished", object_type="import_batch", object_ids=[batch.pk], now=now, fresh=True)


def _keep_refused(work: Work, path: Path, batch: ImportBatch | None) -> list[report.RefusedRow]:
    """Read the file once more and keep its refused rows: in the error file, and with the batch; the first of them."""
    shown: list[report.RefusedRow] = []

    def refused() -> Iterator[tuple[reading.Row, Problem]]:
        with work.source.rows() as rows:
            for row in rows:
                if row.line in work.problems:
                    if len(shown) < report.KEPT:
                        shown.append(report.RefusedRow.of(row, work.problems[row.line], _KEPT_CELL))
                    yield row, work.problems[row.line]

    try:
        report.write_errors(path, work.columns.heading, refused())
    except OSError as error:
        raise FileRefused(
            _("The error file %(path)s cannot be written (%(why)s).") % {"path": path, "why": error.strerror},
            remedy=_("Name another with --errors."),
        ) from None
    first = list(shown)
    if batch is not None:
        heading = work.columns.heading
        _REFUSED.create()
        _REFUSED.fill(
            (
                staging.new_key(),
                row.line,
                problem.column[:120],
                problem.reason[:500],
                json.dumps({title: str(cell)[:_KEPT_CELL] for title, cell in zip(heading, row.cells, strict=False)}, ensure_ascii=False),
            )
            for row, problem in refused()
        )
        staging.execute(
            'INSERT INTO invoices_importrow (id, organization_id, batch_id, line, outcome, "column", reason, content) '
            "SELECT id, %s, %s, line, %s, title, reason, content FROM refused_rows",
            [current_organization_id(), batch.pk, RowOutcome.ERROR.value],
        )
    return first


def _report(
    loader: Loader,
    work: Work,
    *,
    loaded: bool,
    errors_path: Path | None,
    batch: ImportBatch | None,
    shown: Sequence[report.RefusedRow],
) -> Report:
    return Report(
        kind=loader.kind,
        filename=work.batch.filename,
        rows=work.evidence.rows,
        created=work.created,
        updated=work.updated,
        unchanged=work.unchanged,
        ignored=work.ignored,
        errors=len(work.problems),
        loaded=loaded,
        dry_run=work.options.dry_run,
        mapping=work.columns.remembered(),
        ignored_columns=work.columns.ignored,
        notes=work.notes,
        problems=list(itertools.islice(sorted(work.problems.items()), report.SHOWN)),
        errors_path=errors_path,
        batch_id=batch.pk if batch else None,
        refused=shown,
        heading=work.columns.heading,
        currency=work.currency,
        totals=work.totals,
        absent=work.absent,
    )
