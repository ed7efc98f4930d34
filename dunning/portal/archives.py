"""Copies of invoices in one archive, made file by file."""

import logging
import zipfile
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Final

from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dunning.core import documents
from dunning.core.models import Document

logger = logging.getLogger(__name__)
IN_MEMORY: Final = 4 * 1024 * 1024  # bytes; what is larger waits on disk


def archive(files: list[tuple[str, Document]]) -> HttpResponse:
    """The answer that hands these files over, each under its name; made before it returns, while the files can be read."""
    answer = FileResponse(_zipped(_unique_names(files)), as_attachment=True, filename=_("invoices.zip"), content_type="application/zip")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer  # type: ignore[return-value]  # streamed, which the door does not mind


def _unique_names(files: list[tuple[str, Document]]) -> Iterator[tuple[str, Document]]:
    """`Facture-FA-1.pdf`, then `Facture-FA-1-2.pdf`: systems that do not tell capitals apart see different names too."""
    taken: set[str] = set()
    for name, document in files:
        stem, unique, number = name.removesuffix(".pdf"), name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{stem}-{number}.pdf"
        taken.add(unique.casefold())
        yield unique, document


def _zipped(named: Iterator[tuple[str, Document]]) -> "SpooledTemporaryFile[bytes]":
    """One file after the other: no more than one is in memory. PDF files are compressed already."""
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    lost = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, document in named:
            try:
                archive.writestr(zipfile.ZipInfo(name, date_time=document.created_at.timetuple()[:6]), documents.read(document))
            except documents.DocumentLost:
                logger.exception("A copy is missing from an archive of the debtor's page.")
                lost.append(name)
        if lost:
            words = [_("These copies could not be added: ask us for them."), *lost]
            archive.writestr(pgettext("file name", "missing.txt"), "\n".join(words))
    file.seek(0)
    return file
