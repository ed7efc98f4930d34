"""Files shown in the browser: never under a policy that would let them run anything."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg"})


def answer_file(content: bytes, media_type: str, filename: str) -> HttpResponse:
    """The file, opened in the browser when it is a PDF or a picture, saved otherwise; never kept by a shared cache."""
    answer = HttpResponse(content, content_type=media_type)
    answer["Content-Disposition"] = content_disposition_header(media_type not in SHOWN, filename) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
