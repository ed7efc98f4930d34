"""What a caller is told when a call is refused: RFC 9457 problems with a sentence, a stable code, and the fields at fault.

A refusal keeps nothing of its call: the transaction is rolled back on every status of 400 and more.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.core.answers import OtherCall, StillRunning
from dunning.core.errors import DomainError, NotAllowed, StaleObject

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FAULTS: Final = 50  # told at once; a caller that made more has one mistake in a loop

TITLES: Final[Mapping[int, LazyText | str]] = {
    400: gettext_lazy("The call cannot be read"),
    401: gettext_lazy("A key is needed"),
    403: gettext_lazy("The key does not allow this"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("This cannot be done here"),
    409: gettext_lazy("Something else stands in the way"),
    411: gettext_lazy("The length is missing"),
    412: gettext_lazy("It has changed meanwhile"),
    413: gettext_lazy("Too large"),
    415: gettext_lazy("Nothing is taken in this form"),
    422: gettext_lazy("Refused"),
    429: gettext_lazy("Too many calls"),
    500: gettext_lazy("A fault of the program"),
    503: gettext_lazy("Not now"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: the field's path (`installments[0].amount`), a stable code, a sentence."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """A call that is refused. `detail` says what was expected and what to do."""

    def __init__(
        self, status: int, code: str, detail: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


def not_found() -> Refusal:
    """The one answer for what does not exist: an unknown address, an unknown id, another organization's id."""
    return Refusal(404, "not_found", _("There is nothing at this address."))


def unreadable(faults: Sequence[Fault]) -> Refusal:
    """Fields that cannot be read; every one is named."""
    return Refusal(400, "bad_request", _("Some fields cannot be read: see “errors”."), faults=faults)


def refused(faults: Sequence[Fault]) -> Refusal:
    """A call that can be read and is refused by a rule."""
    return Refusal(422, faults[0].code, faults[0].message, faults=faults)


def answer(error: Exception, request: HttpRequest) -> HttpResponse:
    """The response to a call that ended in `error`; a fault of ours is logged and told without its particulars."""
    refusal = _as_refusal(error)
    if refusal is None:
        got_request_exception.send(sender=None, request=request)
        logger.exception("%s %s failed", request.method, request.path, exc_info=error)
        refusal = Refusal(500, "internal", _("This is our fault: it is logged. Try again later, with the same Idempotency-Key."))
    return render(refusal, nothing_changed=request.method not in SAFE and refusal.status not in (401, 404, 405, 500))


def render(refusal: Refusal, *, nothing_changed: bool) -> HttpResponse:
    detail = f"{refusal.detail} {_('Nothing was changed.')}" if nothing_changed else refusal.detail
    body: dict[str, Any] = {
        "type": f"urn:dunning:problem:{refusal.code}",
        "title": str(TITLES[refusal.status]),
        "status": refusal.status,
        "detail": detail,
        "code": refusal.code,
    }
    if refusal.faults:
        body["errors"] = [asdict(fault) for fault in refusal.faults[:MOST_FAULTS]]
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpResponse(content, status=refusal.status, content_type=MEDIA_TYPE, headers=refusal.headers)


def _as_refusal(error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, (Http404, ObjectDoesNotExist)):
        return not_found()
    if isinstance(error, SuspiciousOperation):
        return Refusal(400, "bad_request", _("The call cannot be read."))
    if isinstance(error, IntegrityError):
        return Refusal(409, "conflict", _("Somebody else wrote the same at the same moment: read it again, then repeat the call."))
    if isinstance(error, OperationalError):
        logger.warning("The database gave way (%s)", type(error).__name__)
        return Refusal(503, "busy", _("The database cannot answer just now: repeat the call in a moment."), headers={"Retry-After": "2"})
    return None


def _of_domain(error: DomainError) -> Refusal:
    if isinstance(error, StillRunning):
        return Refusal(409, error.code, error.message, headers={"Retry-After": "1"})
    if isinstance(error, OtherCall):
        return Refusal(422, error.code, error.message)
    if isinstance(error, NotAllowed):
        return Refusal(403, error.code, error.message)
    if isinstance(error, StaleObject):
        return Refusal(409, error.code, error.message)
    if error.code.startswith("unknown_") and not error.field:
        return not_found()
    return refused([Fault(error.field, error.code, error.message)])
