"""Text messages through Twilio."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from dunning.core.enums import Channel
from notifications.enums import ProviderKind
from notifications.providers.base import (
    Accepted,
    Account,
    Callback,
    Capability,
    Deadline,
    Envelope,
    Forged,
    Incoming,
    Misconfigured,
    NotAccepted,
    Provider,
    Refused,
    Report,
    Uncertain,
)
from notifications.providers.http import BoundedSession, retry_after

API = "https://api.twilio.com"
DEAD_NUMBER = frozenset({21211, 21214, 21217, 21401, 21407, 21421, 21614})  # not a number, or no mobile (Twilio's error list)
STOPPED = 21610  # the recipient answered STOP
NOT_NOW = frozenset({401, 403, 429, 503})
WRONG_NUMBER: Final = frozenset({"30005", "30006", "21211", "21214", "21217", "21614"})  # unknown, a landline, no number
STATUSES: Final[Mapping[str, str]] = {
    "accepted": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
}


class Twilio(Provider):
    """Settings: `account_sid`, `sender` (number or name, else the organization's), `api_url` (a proxy); secret: `auth_token`."""

    kind = ProviderKind.TWILIO
    channels = frozenset({Channel.SMS})
    capabilities = Capability.CALLBACK

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.account_sid = str(account.settings.get("account_sid") or "")
        self.auth_token = account.secrets.get("auth_token", "")
        if not self.account_sid or not self.auth_token:
            raise Misconfigured(_("Twilio needs an account SID and an auth token."))
        self.api_url = str(account.settings.get("api_url") or API).rstrip("/")
        self._local = threading.local()

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        http = self._http()
        http.session.deadline = deadline
        http.retry_after = None
        client = Client(self.account_sid, self.auth_token, http_client=http)
        try:
            answer = client.messages.create(to=envelope.recipient, from_=envelope.sender, body=envelope.text, **self._reports_to(envelope))
        except TwilioRestException as error:
            raise self._sorted(error, http.retry_after) from None
        except (TwilioException, ValueError, KeyError, TypeError) as error:
            raise Uncertain(_("Twilio's answer cannot be read (%(error)s).") % {"error": type(error).__name__}) from None
        if not answer.sid:
            raise Uncertain(_("Twilio's answer names no message."))
        return Accepted(provider_id=str(answer.sid)[:120], response=f"Twilio: {answer.status}")

    def _reports_to(self, envelope: Envelope) -> dict[str, str]:
        """Where Twilio reports what became of this message; it refuses addresses of this machine alone."""
        if not self.hook_url.startswith("https://"):
            return {}
        return {"status_callback": f"{self.hook_url}?message={envelope.message_id}"}

    def verify(self, callback: Callback, *, now: datetime) -> str:
        """Twilio signs the address it called and the form's fields, but no time: the signature names the call, so that a replay is none."""
        given = callback.headers.get("x-twilio-signature", "")
        fields = QueryDict(callback.body, mutable=False, encoding="utf-8")
        is_form = callback.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        if not is_form or not given or not RequestValidator(self.auth_token).validate(callback.url, fields, given):
            raise Forged("wrong signature")
        return given[:200]

    def read(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        form = dict(parse_qsl(callback.body.decode(), keep_blank_values=True))
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        if not sid:
            raise ValueError("Twilio names no message")
        status = form.get("MessageStatus") or form.get("SmsStatus") or ""
        if "Body" in form and status in ("received", ""):
            return self._incoming(form, sid)
        kind = STATUSES.get(status, "")
        if not kind:
            return []
        code = form.get("ErrorCode", "")
        if kind == "failed" and code in WRONG_NUMBER:
            kind = "wrong_number"
        text = f"Twilio: {status}" + (f" (error {code})" if code else "")
        named = _uuid(dict(parse_qsl(urlsplit(callback.url).query)).get("message", ""))
        found = [Report(kind, message_id=named, provider_id=sid, event_id=f"{sid}:{status}", recipient=form.get("To", ""), text=text)]
        if code == str(STOPPED):
            found.append(Report("stopped", message_id=named, provider_id=sid, event_id=f"{sid}:stopped", recipient=form.get("To", "")))
        return found

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        self.verify(callback, now=now)
        return self.read(callback, now=now)

    @staticmethod
    def _incoming(form: Mapping[str, str], sid: str) -> Sequence[Incoming]:
        said = form.get("Body", "")
        stopped = form.get("OptOutType", "").upper() == "STOP"  # by a word of the account's own list
        return [
            Incoming(
                event_id=sid,
                channel=Channel.SMS,
                sender=form.get("From", "")[:254],
                recipients=(form.get("To", ""),),
                text=said[:5000],
                headers={"x-stop": "yes"} if stopped else {},
            )
        ]

    def _http(self) -> "_TwilioHttp":
        http: _TwilioHttp | None = getattr(self._local, "http", None)
        if http is None:
            http = self._local.http = _TwilioHttp(self.api_url)
        return http

    def _sorted(self, error: TwilioRestException, wait: float | None) -> NotAccepted | Refused | Uncertain:
        text = f"Twilio: {error.msg} (error {error.code})"
        if error.status in NOT_NOW:
            return NotAccepted(text, retry_after=wait)
        if 400 <= error.status < 500 and error.status != 408:
            return Refused(text, code=str(error.code), address_at_fault=error.code in DEAD_NUMBER, stopped=error.code == STOPPED)
        return Uncertain(text)


class _TwilioHttp(HttpClient):  # type: ignore[misc]  # untyped library
    """Twilio's requests over our bounded session."""

    def __init__(self, api_url: str) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), False)
        self.api_url = api_url
        self.session = BoundedSession()
        self.retry_after: float | None = None

    def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        url = self.api_url + uri.removeprefix(API) if uri.startswith(API) else uri
        answer = self.session.request(method.upper(), url, params=params, data=data, headers=headers, auth=auth)
        self.retry_after = retry_after(answer.headers.get("Retry-After"))
        return Response(answer.status_code, answer.text, answer.headers)


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
