"""The worker's part of a file given on a screen: check it, load it, say what came of it.

A worker holds the file's row while it works, in the transaction that loads: killed at any moment it leaves nothing, the row is free again
with its state unchanged, and the next worker begins anew. Begun too often, the file is refused with a sentence.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.utils import translation
from django.utils.translation import gettext as _

from dunning.core import clock, documents, notices
from dunning.core.enums import NoticeTopic
from dunning.core.errors import DomainError
from dunning.core.models import Document, Organization
from dunning.core.tenancy import tenant
from invoices.enums import AT_WORK, FileState, ImportKind
from invoices.importers import copies, settling
from invoices.importers.dates import Order
from invoices.importers.files import at_hand
from invoices.importers.kinds import loader_of
from invoices.importers.reading import Said
from invoices.importers.report import Report
from invoices.importers.session import Options, load
from invoices.models import ImportBatch, ImportFile

logger = logging.getLogger(__name__)

MOST_TRIES: Final = 3
_REMEMBERED: Final = 600  # seconds a progress is of interest


def work_on(*, organization: Organization, file_id: UUID) -> str:
    """Do what was asked for with this file; its state afterwards, "" when there was nothing to do or another worker has it."""
    now = clock.now()
    today = clock.today(organization.timezone)
    if not _begin(organization, file_id, now):
        return ""
    with tenant(organization):
        file = _claimed(file_id)
        if file is None:
            return ""
        with translation.override(file.language):
            _work(file, organization, today=today, now=now)
        cache_progress(file.pk, None)
        return str(file.state)


def work_waiting(*, organization: Organization) -> int:
    """Do what waits in this organization, however it came to wait; how many files."""
    with tenant(organization):
        since = Organization.objects.filter(pk=organization.pk).values_list("files_waiting_since", flat=True).get()
        waiting = list(ImportFile.objects.filter(state__in=AT_WORK).order_by("given_at", "pk").values_list("pk", flat=True))
    done = sum(bool(work_on(organization=organization, file_id=identifier)) for identifier in waiting)
    with tenant(organization):
        if not ImportFile.objects.filter(state__in=AT_WORK).exists():  # asked for meanwhile, another moment stands there
            Organization.objects.filter(pk=organization.pk, files_waiting_since=since).update(files_waiting_since=None)
    return done


def progress_of(file_id: UUID) -> tuple[int, int] | None:
    """How many rows were read, of how many; None when nobody knows."""
    try:
        found = cache.get(_key(file_id))
    except Exception:  # progress is comfort: a cache that is away hides it
        return None
    return (int(found[0]), int(found[1])) if found else None


def cache_progress(file_id: UUID, progress: tuple[int, int] | None) -> None:
    try:
        cache.set(_key(file_id), progress, _REMEMBERED)
    except Exception as error:  # as above
        logger.debug("Progress is not told (%s).", error)


def _key(file_id: UUID) -> str:
    return f"import-{file_id}"


def _claimed(file_id: UUID) -> ImportFile | None:
    waiting = ImportFile.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("document")
    return waiting.filter(pk=file_id, state__in=AT_WORK).first()


def _begin(organization: Organization, file_id: UUID, now: datetime) -> bool:
    """Count the try before it begins; False when there is nothing to do. The last one too many ends with a sentence."""
    with tenant(organization):
        file = _claimed(file_id)
        if file is None:
            return False
        file.tries += 1
        if file.tries <= MOST_TRIES:
            file.save(update_fields=["tries"])
            return True
        with translation.override(file.language):
            _refuse(
                file,
                _("This file brought the program to a stop %(times)s times; nothing was loaded. Cut it in pieces and give them one by one.")
                % {"times": MOST_TRIES},
                now=now,
            )
        return False


def _work(file: ImportFile, organization: Organization, *, today: date, now: datetime) -> None:
    is_check = file.state == FileState.CHECKING
    try:
        with at_hand(file) as path:
            if file.kind == ImportKind.DOCUMENTS:
                report, batch = copies.attach_archive(
                    path, organization=organization, dry_run=is_check, actor=file.asked_by, today=today, now=now
                )
                errors = None
            else:
                found = _run(file, path, organization, dry_run=is_check, today=today, now=now)
                report, batch, errors = report_json(found), found.batch_id, _kept_errors(found, file, now)
    except DomainError as refused:
        _refuse(file, refused.message, refused.field, now=now)
        return
    except documents.DocumentLost as lost:
        _refuse(file, str(lost), now=now)
        return
    file.report, file.errors = report, errors
    file.state = FileState.CHECKED if is_check else FileState.LOADED
    file.batch = None if batch is None else ImportBatch.objects.get(pk=batch)
    file.save(update_fields=["report", "errors", "state", "batch"])


def _refuse(file: ImportFile, message: str, field: str = "file", *, now: datetime) -> None:
    """Back to the person, with the reason; a loaded file is never among these. Who asked for it hears of it, wherever they are by then."""
    file.state, file.refusal, file.refusal_field = FileState.GIVEN, message, field
    file.save(update_fields=["state", "refusal", "refusal_field", "tries"])
    asked_by = [member for member in notices.team().members if file.asked_by == f"user:{member.user_id}"]
    notices.tell(
        topic=NoticeTopic.FILE,
        key=f"file:{file.pk}:{now.isoformat()}",
        to=asked_by,
        now=now,
        object_type="file",
        object_id=file.pk,
        details={"file": file.filename},
    )


def _run(file: ImportFile, path: Path, organization: Organization, *, dry_run: bool, today: date, now: datetime) -> Report:
    answers = file.answers
    through, control = answers.get("ledger_through"), answers.get("control_total")
    loader = loader_of(
        file.kind,
        control_total=Decimal(control) if control and not dry_run else None,
        apply_settled=bool(answers.get("apply_settled")) and not dry_run,
        ledger_through=date.fromisoformat(through) if through else None,
    )
    options = Options(
        mapping={int(place): name for place, name in (answers.get("columns") or {}).items()},
        order=Order(answers["order"]) if answers.get("order") else None,
        decimal=answers.get("decimal") or None,
        source=Said(
            encoding=file.look["encoding"],
            separator=file.look["separator"],
            sheet=file.look["sheet"],
            heading_line=file.look["heading_line"],
        ),
        currency=answers.get("currency") or "",
        dry_run=dry_run,
        errors_path=path.with_name(f"{path.name}.errors.csv"),
        progress=lambda done, of: cache_progress(file.pk, (done, of)),
    )
    return load(loader, path, organization=organization, options=options, actor=file.asked_by, today=today, now=now)


def _kept_errors(report: Report, file: ImportFile, now: datetime) -> Document | None:
    """The refused rows as a file of their own, for as long as the load is on record."""
    if report.errors_path is None:
        return None
    return documents.store(content=report.errors_path.read_bytes(), media_type="text/csv", filename=f"{file.filename}.errors.csv", now=now)


def report_json(report: Report) -> dict[str, Any]:
    """What a page shows of a check or a load; amounts as text."""
    return {
        "rows": report.rows,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "ignored": report.ignored,
        "errors": report.errors,
        "notes": list(report.notes),
        "heading": list(report.heading),
        "refused": [{"line": row.line, "column": row.column, "reason": row.reason, "cells": list(row.cells)} for row in report.refused],
        "currency": report.currency,
        "totals": {currency: str(total) for currency, total in report.totals.items()},
        "absent": absent_json(report.absent),
    }


def absent_json(absent: settling.Absent) -> Mapping[str, Any]:
    totals: dict[str, Decimal] = {}
    for item in absent.items:
        totals[item.currency] = totals.get(item.currency, Decimal(0)) + item.settled
    return {
        "count": absent.count,
        "totals": {currency: str(total) for currency, total in sorted(totals.items())},
        "share": str(round(Decimal(absent.share.numerator) / absent.share.denominator, 6)),
        "largest": [
            {
                "number": item.number,
                "customer": item.customer,
                "due_on": item.due_on.isoformat(),
                "currency": item.currency,
                "settled": str(item.settled),
                "outstanding": str(item.outstanding),
            }
            for item in settling.largest(absent)
        ],
    }
