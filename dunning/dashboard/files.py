"""Files and messages shown in the browser: never under a policy that would let them run anything."""

from typing import Final

from django.http import HttpResponse
from django.utils.http import content_disposition_header

SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg"})


_EITHER: Final = '<meta name="color-scheme" content="light dark">'


def on_white(mail: str) -> str:
    """An e-mail for the sheet of a page, which is white by night too: its ink stays dark. Nothing else of it is touched."""
    return mail.replace(_EITHER, '<meta name="color-scheme" content="light">', 1)


def answer_file(content: bytes, media_type: str, filename: str) -> HttpResponse:
    """The file, opened in the browser when it is a PDF or a picture, saved otherwise; never kept by a shared cache."""
    answer = HttpResponse(content, content_type=media_type)
    answer["Content-Disposition"] = content_disposition_header(media_type not in SHOWN, filename) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
