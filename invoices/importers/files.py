"""Files given on a screen: kept, looked at, prepared with what a person says, checked and loaded by a worker.

A person asks, a worker works (`working`): a browser may be closed at any moment. The functions here are what the person does; each is one
transaction, and refuses with a sentence what the worker would refuse later.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import current_organization_id
from invoices.enums import AT_WORK, FileState, ImportKind
from invoices.importers import settling
from invoices.importers.kinds import CERTIFYING, FIELDS
from invoices.importers.looking import look, understand
from invoices.importers.problems import amount_words
from invoices.importers.reading import Said
from invoices.models import ImportFile

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 50 * 1024**2
"""Of a file given on a screen; the command line takes larger ones."""
TOO_MANY_ERRORS: Final = Decimal("0.05")
"""Share of refused rows above which a person must say that the others are to be loaded all the same."""
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def give_file(*, filename: str, content: bytes, kind: str = "", language: str, actor: str, now: datetime) -> ImportFile:
    """Keep a file of the open organization after a first look. `kind` is what the person says it is, "" to have it recognised.

    Raises DomainError for a file that is too large, empty, no table or a trap; nothing is kept then.
    """
    name = safe_name(filename)
    refuse_size(len(content))
    with _at_hand(name, content) as path:
        seen = look(path, Said())
    kind = kind if kind in FIELDS else seen["kind"]
    media_type = "text/csv" if seen["encoding"] else _WORKBOOK
    document = documents.store(content=content, media_type=media_type, filename=name, now=now)
    file = ImportFile.objects.create(
        kind=kind, filename=name, document=document, look=seen, language=language, given_by=actor, given_at=now
    )
    audit.record(actor=actor, action="import.given", target=file, body={"file": name, "sha256": seen["sha256"], "kind": kind}, now=now)
    return file


def refuse_size(size: int) -> None:
    """Raises DomainError for a file that is larger than a screen takes."""
    if size > MOST_BYTES:
        raise DomainError(
            _("The file is larger than %(most)s MB. Cut it in pieces, or have it loaded on the command line.")
            % {"most": MOST_BYTES // 1024**2},
            code="too_large",
            field="file",
        )


def safe_name(filename: str) -> str:
    """A name that leads nowhere: the last part of a path, without signs a file system or a terminal would take for something else."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(sign for sign in last if sign.isprintable() and sign not in '<>:"|?*').strip().lstrip(".")
    while len(plain.encode()) > 150:
        plain = plain[1:]  # the end of a name says what it is
    return plain or "file"


@contextmanager
def _at_hand(name: str, content: bytes) -> Iterator[Path]:
    """The bytes as a file of that name, for as long as they are looked at."""
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield path


@contextmanager
def at_hand(file: ImportFile) -> Iterator[Path]:
    """The file as a path, for as long as a loader reads it."""
    with _at_hand(file.filename, documents.read(file.document)) as path:
        yield path


def change_answers(*, file: ImportFile, kind: str, answers: Mapping[str, Any], actor: str, now: datetime) -> ImportFile:
    """Keep what a person says about a file: its kind, how it is read, which column is which; it has to be checked anew.

    Another encoding, separator or sheet has the file looked at again and its columns guessed anew. Raises DomainError for a file that is
    at work, loaded or set aside, and when it cannot be read like that; what was answered before stays then.
    """
    row = _lock(file)
    if kind not in FIELDS:
        raise DomainError(_("Say what the file holds."), code="required", field="kind")
    said = Said(
        encoding=answers.get("encoding") or "",
        separator=answers.get("separator") or "",
        sheet=answers.get("sheet") or "",
    )
    kept = {name: answers.get(name) or "" for name in ("encoding", "separator", "sheet", "order", "decimal", "currency")}
    is_read_anew = any((getattr(said, name) or row.look[name]) != row.look[name] for name in ("encoding", "separator", "sheet"))
    if is_read_anew:
        with at_hand(row) as path:
            row.look = look(path, said)
    is_other_kind = row.kind != kind
    kept["columns"] = {} if is_read_anew or is_other_kind else dict(answers.get("columns") or {})
    row.kind, row.answers = kind, kept
    row.state, row.report, row.refusal, row.refusal_field = FileState.GIVEN, {}, "", ""
    row.save(update_fields=["kind", "answers", "look", "state", "report", "refusal", "refusal_field"])
    return row


def ask_check(*, file: ImportFile, language: str, actor: str, now: datetime) -> ImportFile:
    """Have a worker say what would become of every row. Raises DomainError while a column is missing or a question is open."""
    row = _lock(file)
    if row.kind != ImportKind.DOCUMENTS:
        seen = understand(row.look, kind=row.kind, answers=row.answers)
        if not seen.is_complete:
            reason = seen.problem or seen.open_question or _("A column is missing: say which it is.")
            raise DomainError(reason, code="incomplete", field="columns" if not seen.open_question else "order")
    _hand_over(row, FileState.CHECKING, language=language, actor=actor, now=now)
    return row


def ask_load(
    *,
    file: ImportFile,
    ledger_through: date | None = None,
    control_total: Decimal | None = None,
    apply_settled: bool = False,
    accept_errors: bool = False,
    language: str,
    actor: str,
    today: date,
    now: datetime,
) -> ImportFile:
    """Have a worker load a file that was checked.

    `ledger_through`: receipts are complete through that day (None says nothing about it). `control_total`: the balance of the customers'
    account in the accounting. `apply_settled`: settle what the snapshot no longer names. Raises DomainError when the file was not checked,
    when more than a twentieth of its rows is wrong and nobody said to load the others, when the control total differs, when a day has not
    come, or when too much would be settled at once; nothing was loaded then.
    """
    row = _lock(file)
    if row.state != FileState.CHECKED:
        raise DomainError(_("Check the file first: it was changed since, or is loaded already."), code="not_checked")
    report = row.report
    if ledger_through is not None and ledger_through > today:
        raise DomainError(_("Receipts cannot be complete through a day that has not come."), code="future_date", field="ledger_through")
    if consent_is_needed(report) and not accept_errors:
        raise DomainError(
            _("More than one row in twenty cannot be loaded. Correct the columns or the file, or say to load the other rows."),
            code="too_many_errors",
            field="accept_errors",
        )
    if control_total is not None:
        _compare(report, control_total)
    if apply_settled and (why := why_not_settled(report)):
        raise DomainError(why, code="not_settled", field="apply_settled")
    row.answers |= {
        "ledger_through": ledger_through.isoformat() if ledger_through and row.kind in CERTIFYING else "",
        "control_total": "" if control_total is None else str(control_total),
        "apply_settled": apply_settled,
    }
    _hand_over(row, FileState.LOADING, language=language, actor=actor, now=now)
    return row


def _compare(report: Mapping[str, Any], given: Decimal) -> None:
    totals = {currency: Decimal(total) for currency, total in report["totals"].items() if Decimal(total)}
    if len(totals) > 1:
        raise DomainError(
            _("A control total needs a file in one currency; this one has %(codes)s.") % {"codes": ", ".join(sorted(totals))},
            code="several_currencies",
            field="control_total",
        )
    currency, total = next(iter(totals.items()), (report["currency"], Decimal(0)))
    if total != given:
        raise DomainError(
            _("The open lines of the file come to %(file)s, your account to %(given)s: a difference of %(difference)s. Nothing was loaded.")
            % {
                "file": amount_words(total, currency),
                "given": amount_words(given, currency),
                "difference": amount_words(total - given, currency),
            },
            code="control_total",
            field="control_total",
        )


def consent_is_needed(report: Mapping[str, Any]) -> bool:
    """Whether so many rows are wrong that a person must say to load the others."""
    return bool(report["errors"] > TOO_MANY_ERRORS * report["rows"])


def why_not_settled(report: Mapping[str, Any]) -> str:
    """Why what a snapshot no longer names cannot be settled by this load, "" when it can."""
    if report["errors"]:
        return _("Rows were refused, and what they name would count as settled. Correct them first.")
    share = Decimal(report["absent"]["share"])
    if share > Decimal(settling.MOST.numerator) / settling.MOST.denominator:
        return _("%(percent)s %% of what is open would be settled at once: that looks like half a file. Nothing was loaded.") % {
            "percent": int(share * 100)
        }
    return ""


def discard_file(*, file: ImportFile, actor: str, now: datetime) -> None:
    """Set a file aside that is not to be loaded; it stays on record."""
    row = _lock(file)
    row.state = FileState.DISCARDED
    row.save(update_fields=["state"])
    audit.record(actor=actor, action="import.discarded", target=row, body={"file": row.filename}, now=now)


def _lock(file: ImportFile) -> ImportFile:
    """The file, read again under its lock. Raises DomainError while a worker has it, and once it is loaded or set aside."""
    row = ImportFile.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("document").filter(pk=file.pk)
    found = row.first()
    if found is None or found.state in AT_WORK:
        raise DomainError(_("This file is being worked on; look again in a moment."), code="busy")
    if found.state == FileState.LOADED:
        raise DomainError(_("This file is loaded already; nothing was changed."), code="loaded")
    if found.state == FileState.DISCARDED:
        raise DomainError(_("This file was set aside; give it again."), code="discarded")
    return found


def _hand_over(row: ImportFile, state: FileState, *, language: str, actor: str, now: datetime) -> None:
    row.state, row.language, row.asked_by, row.tries = state, language, actor, 0
    row.refusal = row.refusal_field = ""
    row.save(update_fields=["state", "answers", "language", "asked_by", "tries", "refusal", "refusal_field"])
    organization_id = current_organization_id()
    Organization.objects.filter(pk=organization_id).update(files_waiting_since=now)
    transaction.on_commit(lambda: ring(organization_id, row.pk))


def ring(organization_id: UUID, file_id: UUID) -> None:
    """Tell a worker. A doorbell that does not ring delays the file until the next sweep, and loses nothing."""
    try:
        current_app.send_task(
            "invoices.work", kwargs={"organization_id": str(organization_id), "file_id": str(file_id)}, retry=False, expires=600
        )
    except Exception as error:
        logger.warning("The file %s was not announced (%s); it is found by the next sweep.", file_id, error)
