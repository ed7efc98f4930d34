"""HTTP calls to providers: the deadline checked beside the write, answers bounded in size and time, failures sorted by what they prove."""

import threading
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
ASK_LATER = frozenset({401, 403, 408, 429})  # a wrong key is ours to mend


class BoundedSession(requests.Session):
    """A kept HTTP session for one message at a time; `deadline` is set before each call.

    Raises NotAccepted when no connection was made, Released when too little time was left, Uncertain for everything after the write.
    """

    deadline: Deadline = Deadline(at=0.0)  # passed long ago: a call whose deadline was not set is released
    largest: int = LARGEST_ANSWER

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
        response._content = _bounded(response, ends, self.largest)
        return response


class Sessions:
    """One kept session per thread: sessions are not made to be shared."""

    def __init__(self) -> None:
        self._local = threading.local()

    def take(self, deadline: Deadline) -> BoundedSession:
        """This thread's session, ready for one call before `deadline`."""
        session: BoundedSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = BoundedSession()
        session.deadline = deadline
        return session


def _bounded(response: requests.Response, ends: float, largest: int) -> bytes:
    content = bytearray()
    try:
        # read1 returns what has arrived; iter_content would wait for a full chunk, for ever when the answer drips
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            content += chunk
            if len(content) > largest or time.monotonic() > ends:
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


def looked_up(response: requests.Response, service: str) -> dict[str, Any]:
    """The JSON object that answers a question. Raises NotAccepted when it is not answered now, Uncertain when it cannot be read."""
    if response.status_code in ASK_LATER or response.status_code >= 500:
        raise NotAccepted(f"{service}: {response.status_code}", retry_after=retry_after(response.headers.get("Retry-After")))
    if response.status_code != 200:
        raise Uncertain(f"{service}: {response.status_code} {response.text[:200]}")
    return json_object(response, service)


def json_object(response: requests.Response, service: str) -> dict[str, Any]:
    """The JSON object of an answer. Raises Uncertain for anything else."""
    try:
        said = response.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": service})
    return said
