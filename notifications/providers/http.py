"""HTTP calls to providers: the deadline checked beside the write, answers bounded in size and time, failures sorted by what they prove."""

import time
from typing import Any

import requests
from django.utils.translation import gettext as _
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from dunning.core import failpoints
from notifications.providers.base import Deadline, NotAccepted, Uncertain

CONNECT_TIMEOUT = 10.0
LARGEST_ANSWER = 1_000_000  # bytes
CHUNK = 16_384


class BoundedSession(requests.Session):
    """A kept HTTP session for one message at a time; `deadline` is set before each call.

    Raises NotAccepted when no connection was made, Released when too little time was left, Uncertain for everything after the write.
    """

    deadline: Deadline = Deadline(at=0.0)  # passed long ago: a call whose deadline was not set is released

    def request(self, method: Any, url: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # callers pass keywords
        timeout = self.deadline.timeout
        failpoints.hit("before-write")
        self.deadline.require()
        ends = time.monotonic() + timeout
        try:
            response = super().request(
                method, url, **{**kwargs, "timeout": (min(CONNECT_TIMEOUT, timeout), timeout), "stream": True, "allow_redirects": False}
            )
        except requests.RequestException as error:
            if _never_connected(error):
                raise NotAccepted(_("The service cannot be reached (%(url)s). It will be tried again.") % {"url": _host(url)}) from None
            if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema | requests.exceptions.InvalidSchema):
                raise NotAccepted(_("The address of the service is not valid: %(url)s") % {"url": url}) from None
            raise Uncertain(
                _("The service did not answer after the message was written (%(error)s).") % {"error": type(error).__name__}
            ) from None
        failpoints.hit("after-write")
        response._content = _bounded(response, ends)
        return response


def _bounded(response: requests.Response, ends: float) -> bytes:
    content = bytearray()
    try:
        # read1 returns what has arrived; iter_content would wait for a full chunk, for ever when the answer drips
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            content += chunk
            if len(content) > LARGEST_ANSWER or time.monotonic() > ends:
                raise Uncertain(_("The service's answer was too long or too slow to be read."))
    except (HTTPError, OSError) as error:
        response.close()
        raise Uncertain(_("The service's answer broke off (%(error)s).") % {"error": type(error).__name__}) from None
    except Uncertain:
        response.close()
        raise
    response.raw.release_conn()
    return bytes(content)


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _host(url: Any) -> str:
    return str(url).split("//", 1)[-1].split("/", 1)[0]


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header; dates and nonsense are None."""
    return float(value) if value and value.strip().isdigit() else None
