"""Copies of invoices given on a screen: many PDF files, or one ZIP archive of them, named after their invoices.

They are kept as one archive and travel the road of every file: checked, shown, then attached by a worker.
"""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.documents import File
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from invoices.enums import ImportKind
from invoices.importers.documents import MAX_PDF, Attached, attach_pdfs
from invoices.importers.files import MOST_BYTES, ask_check, give_file, safe_name
from invoices.importers.problems import FileRefused
from invoices.models import ImportFile

MOST_FILES: Final = 2_000
MOST_UNPACKED: Final = 200 * 1024**2
MOST_RATIO: Final = 100  # a PDF packs to a half, hardly ever to a tenth
_SHOWN: Final = 100
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")


def give_copies(*, files: Sequence[File], language: str, actor: str, now: datetime) -> ImportFile:
    """Keep PDF files, or one ZIP archive of them, to be attached to the invoices whose numbers are their names.

    Raises DomainError when they are too many or too large, when there is no PDF among them, and for an archive that is damaged, locked
    with a password or built to overflow; nothing is kept then.
    """
    if not files:
        raise DomainError(_("Choose PDF files, or a ZIP archive of them."), code="required", field="file")
    if sum(len(file.content) for file in files) > MOST_BYTES:
        raise DomainError(
            _("Together the files are larger than %(most)s MB: give them in several portions.") % {"most": MOST_BYTES // 1024**2},
            code="too_large",
            field="file",
        )
    try:
        name, content = _archive(files)
        names = _pdf_names(io.BytesIO(content))
    except FileRefused as refused:
        raise DomainError(refused.message, code="file_refused", field="file") from None
    document = documents.store(content=content, media_type="application/zip", filename=name, now=now)
    file = ImportFile.objects.create(
        kind=ImportKind.DOCUMENTS, filename=name, document=document, look={"files": len(names)}, language=language, given_by=actor,
        given_at=now,
    )  # fmt: skip
    body = {"file": name, "sha256": document.sha256, "kind": ImportKind.DOCUMENTS.value, "files": len(names)}
    audit.record(actor=actor, action="import.given", target=file, body=body, now=now)
    return file


def _archive(files: Sequence[File]) -> tuple[str, bytes]:
    """One archive as it came, or a new one of the files."""
    if len(files) == 1 and files[0].content.startswith(_ZIP):
        return safe_name(files[0].filename), files[0].content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(safe_name(file.filename), file.content)
    name = safe_name(files[0].filename)
    if len(files) > 1:
        name = _("%(name)s and %(more)s more") % {"name": name, "more": len(files) - 1}
    return f"{name}.zip", packed.getvalue()


def _pdf_names(stream: Any) -> list[zipfile.ZipInfo]:
    """The PDF files of an archive, by its directory alone. Raises FileRefused."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = [part for part in archive.infolist() if not part.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise FileRefused(_("The archive is damaged and cannot be opened. Pack it again as ZIP.")) from None
    unpacked, packed = sum(part.file_size for part in parts), max(1, sum(part.compress_size for part in parts))
    if unpacked > MOST_UNPACKED or unpacked / packed > MOST_RATIO:
        raise FileRefused(
            _("The archive unpacks to %(size)s MB from %(packed)s kB: it is too large or built to overflow. Give the PDF files themselves.")
            % {"size": unpacked // 1024**2, "packed": packed // 1024}
        )
    if len(parts) > MOST_FILES:
        raise FileRefused(_("The archive holds more than %(most)s files: give it in several portions.") % {"most": f"{MOST_FILES:,}"})
    if any(part.flag_bits & 1 for part in parts):
        raise FileRefused(_("The archive is locked with a password. Pack it again without one."))
    found = [part for part in parts if part.filename.lower().endswith(".pdf")]
    if not found:
        raise FileRefused(_("There is no PDF file among these. Each is named after its invoice: FA-2026-001.pdf."))
    return found


def attach_archive(
    path: Path, *, organization: Organization, dry_run: bool, actor: str, today: date, now: datetime
) -> tuple[dict[str, Any], UUID | None]:
    """Attach the PDF files of an archive; what a page shows of it, and the load's id. Raises FileRefused."""
    with tempfile.TemporaryDirectory(prefix="copies-") as folder:
        outcome = _unpack(path, Path(folder, path.stem))
        attach_pdfs(Path(folder, path.stem), organization=organization, dry_run=dry_run, actor=actor, today=today, now=now, outcome=outcome)
    return _report(outcome), outcome.batch_id


def _unpack(path: Path, folder: Path) -> Attached:
    """Write the PDF files of the archive into the folder under harmless names, none larger than may be attached."""
    folder.mkdir()
    outcome = Attached()
    parts = _pdf_names(path)
    with zipfile.ZipFile(path) as archive:
        for part in parts:
            name = safe_name(part.filename)
            target = folder / name
            if target.exists():
                outcome.refused[part.filename] = _("stands twice in the archive")
                continue
            try:
                with archive.open(part) as source:
                    target.write_bytes(source.read(MAX_PDF + 1))
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
                target.unlink(missing_ok=True)
                outcome.refused[part.filename] = _("cannot be unpacked: it is damaged")
    return outcome


def _report(outcome: Attached) -> dict[str, Any]:
    reasons = [(name, _("no invoice has this number")) for name in outcome.unknown] + list(outcome.refused.items())
    return {
        "rows": len(outcome.attached) + len(outcome.replaced) + len(outcome.unchanged) + len(reasons),
        "created": len(outcome.attached),
        "updated": len(outcome.replaced),
        "unchanged": len(outcome.unchanged),
        "ignored": 0,
        "errors": len(reasons),
        "notes": [],
        "heading": [],
        "refused": [{"line": 0, "column": name, "reason": reason, "cells": []} for name, reason in reasons[:_SHOWN]],
        "totals": {},
        "currency": "",
        "absent": {"count": 0, "totals": {}, "share": "0", "largest": []},
    }


def give_files(*, files: Sequence[File], kind: str = "", language: str, actor: str, now: datetime) -> ImportFile:
    """Keep what somebody dropped: one table of `kind` ("" to have it recognised), or copies of invoices.

    Copies are checked at once: there is nothing to say about them. Raises DomainError, see `give_file` and `give_copies`, and for several
    tables at once.
    """
    if files and all(_holds_copies(file) for file in files):
        file = give_copies(files=files, language=language, actor=actor, now=now)
        return ask_check(file=file, language=language, actor=actor, now=now)
    if not files:
        raise DomainError(_("Choose a file first."), code="required", field="file")
    if len(files) > 1:
        raise DomainError(_("Give tables one at a time; several files together are copies of invoices, all PDF."), field="file")
    return give_file(filename=files[0].filename, content=files[0].content, kind=kind, language=language, actor=actor, now=now)


def _holds_copies(file: File) -> bool:
    """A PDF, or an archive that is no workbook."""
    if file.content.startswith(_ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
                return "xl/workbook.xml" not in archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return file.filename.lower().endswith(".zip")
    return file.content.startswith(b"%PDF-")
