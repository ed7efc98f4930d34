"""Copies of invoices: PDF files named after their invoice are attached to it."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.enums import ImportKind, TraceKind
from invoices.importers.problems import FileRefused
from invoices.importers.reading import readable
from invoices.importers.session import tell_finished
from invoices.importers.traces import leave_traces
from invoices.models import ImportBatch, Invoice
from invoices.services import attach_document

MAX_PDF = 10 * 1024**2  # bytes: a copy goes with a letter, and a provider takes no more
_MAGIC = b"%PDF-"


@dataclass
class Attached:
    """What became of a folder: file names by outcome; `refused` gives the reason."""

    attached: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    batch_id: UUID | None = None

    def summary(self) -> str:
        lines = [
            _("attached: %(attached)s   replaced: %(replaced)s   unchanged: %(unchanged)s   unknown: %(unknown)s   refused: %(refused)s")
            % {
                "attached": len(self.attached),
                "replaced": len(self.replaced),
                "unchanged": len(self.unchanged),
                "unknown": len(self.unknown),
                "refused": len(self.refused),
            }
        ]
        lines += [_("  %(file)s: no invoice has this number") % {"file": name} for name in self.unknown[:20]]
        lines += [f"  {name}: {reason}" for name, reason in list(self.refused.items())[:20]]
        return "\n".join(lines)


def attach_pdfs(
    folder: Path,
    *,
    organization: Organization,
    dry_run: bool = False,
    actor: str,
    today: date,
    now: datetime,
    outcome: Attached | None = None,
) -> Attached:
    """Attach every PDF of `folder` to the invoice whose number is the file's name; "/" and the other signs no file name may hold are
    written "_" or "-". Files that name the same invoice are refused. The same bytes again change nothing. What became of them is added to
    `outcome`. Raises FileRefused when there is no such folder or no PDF in it.
    """
    with readable(folder):
        if not folder.is_dir():
            raise FileRefused(_("There is no folder “%(path)s”.") % {"path": folder})
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".pdf" and path.is_file())
    if not files:
        raise FileRefused(_("There is no PDF in “%(path)s”.") % {"path": folder})
    outcome = outcome or Attached()
    with tenant(organization):
        numbers = _numbers_by_file_name()
        batch = ImportBatch(kind=ImportKind.DOCUMENTS.value, filename=folder.name[:200], sha256="", actor=actor, loaded_at=now)
        hashes: list[tuple[str, str]] = []
        before: dict[UUID, UUID | None] = {}
        copies: dict[str, list[Path]] = {}
        for path in files:
            reason = _unfit(path)
            number = numbers.get(_plain(path.stem))
            if reason:
                outcome.refused[path.name] = reason
            elif number is None:
                outcome.unknown.append(path.name)
            else:
                copies.setdefault(number, []).append(path)
        for number, paths in copies.items():
            if len(paths) > 1:
                outcome.refused |= {path.name: _named_alike(number, path, paths) for path in paths}
            else:
                hashes.append(_attach(paths[0], number, outcome, before, dry_run, actor=actor, today=today, now=now))
        if not dry_run:
            batch.created, batch.updated, batch.unchanged = len(outcome.attached), len(outcome.replaced), len(outcome.unchanged)
            batch.errors = len(outcome.unknown) + len(outcome.refused)
            batch.sha256 = audit.digest(hashes)
            batch.save()
            outcome.batch_id = batch.pk
            leave_traces(batch, TraceKind.COPY, before, on=today, before=before)
            body = {"folder": folder.name, "attached": batch.created, "replaced": batch.updated, "digest": batch.sha256}
            audit.record(actor=actor, action="documents.imported", target=batch, body=body, now=now)
            tell_finished(batch, now=now)
    return outcome


def _unfit(path: Path) -> str:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            beginning = file.read(1024)
    except OSError as error:
        return _("it cannot be read: %(why)s") % {"why": error.strerror}
    if size > MAX_PDF:
        return _("larger than %(most)s MB") % {"most": MAX_PDF // 1024**2}
    if not beginning.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(_MAGIC):
        return _("not a PDF, whatever its name says")
    return ""


def _named_alike(number: str, path: Path, paths: list[Path]) -> str:
    others = ", ".join(other.name for other in paths if other != path)
    return _("%(others)s is a copy of invoice %(number)s too: keep the one that counts") % {"others": others, "number": number}


def _attach(
    path: Path,
    number: str,
    outcome: Attached,
    before: dict[UUID, UUID | None],
    dry_run: bool,
    *,
    actor: str,
    today: date,
    now: datetime,
) -> tuple[str, str]:
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    invoice = Invoice.objects.select_related("document").get(number=number)
    if invoice.document is not None and invoice.document.sha256 == sha256:
        outcome.unchanged.append(path.name)
        return number, sha256
    (outcome.attached if invoice.document is None else outcome.replaced).append(path.name)
    if not dry_run:
        before[invoice.pk] = invoice.document_id
        document = documents.store(content=content, media_type="application/pdf", filename=path.name, now=now)
        attach_document(invoice=invoice, document=document, actor=actor, today=today, now=now)
    return number, sha256


def _numbers_by_file_name() -> dict[str, str]:
    """Invoice numbers by the file name they give; a name that two numbers share belongs to neither."""
    names: dict[str, str | None] = {}
    for number in Invoice.objects.values_list("number", flat=True).iterator(chunk_size=5000):
        for name in {_plain(number), _plain(number.replace("/", "-"))}:
            names[name] = number if names.get(name, number) == number else None
    return {name: number for name, number in names.items() if number is not None}


def _plain(name: str) -> str:
    """A number as a file name: signs that file systems refuse become "_"; case is kept by the number alone."""
    return "".join("_" if sign in '/\\:*?"<>|' else sign for sign in name.strip()).casefold()
