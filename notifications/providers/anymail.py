"""E-mail services (Brevo, Mailjet, Postmark…) through django-anymail, one account per organization.

What is particular to one of them is in `email_services`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailRecipientsRefused, AnymailRequestsAPIError
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from requests import Response

from dunning.core.enums import Channel
from notifications.enums import ProviderKind
from notifications.providers import anymail_callbacks, mime
from notifications.providers.base import (
    Accepted,
    Account,
    Callback,
    Capability,
    Deadline,
    Envelope,
    Incoming,
    Misconfigured,
    NotAccepted,
    Provider,
    Refused,
    Report,
    Uncertain,
)
from notifications.providers.http import Sessions, retry_after

# service -> (settings it takes, secrets it needs)
SERVICES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "amazon_ses": (("api_url", "region", "configuration_set"), ("access_key_id", "secret_access_key")),
    "brevo": (("api_url",), ("api_key",)),
    "mailersend": (("api_url",), ("api_token",)),
    "mailgun": (("api_url", "sender_domain"), ("api_key",)),
    "mailjet": (("api_url",), ("api_key", "secret_key")),
    "postmark": (("api_url", "message_stream"), ("server_token",)),
    "resend": (("api_url",), ("api_key",)),
    "scaleway": (("api_url", "project_id", "region"), ("secret_key",)),
    "sendgrid": (("api_url",), ("api_key",)),
    "sparkpost": (("api_url", "subaccount"), ("api_key",)),
}
NOT_NOW = frozenset({401, 402, 403, 429, 503})  # a wrong key or used-up credits are ours to mend, and nothing was accepted
FINAL = frozenset({400, 404, 405, 413, 415, 422})


class Anymail(Provider):
    """Settings: `service` (a key of SERVICES) and what it takes; secrets: what it needs, and the key its calls are signed with, if it
    signs (`anymail_callbacks.SIGNING`)."""

    kind = ProviderKind.ANYMAIL
    channels = frozenset({Channel.EMAIL})
    capabilities = Capability.CALLBACK

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.service = str(account.settings.get("service") or "")
        if self.service not in SERVICES:
            raise Misconfigured(
                _("“%(service)s” is not a known e-mail service: choose one of %(known)s.")
                % {"service": self.service, "known": ", ".join(sorted(SERVICES))}
            )
        takes, needs = SERVICES[self.service]
        if missing := [name for name in needs if not account.secrets.get(name)]:
            raise Misconfigured(
                _("The e-mail service %(service)s needs %(missing)s.") % {"service": self.service, "missing": " and ".join(missing)}
            )
        self._options: dict[str, Any] = {name: account.settings[name] for name in takes if account.settings.get(name)}
        self._options |= {name: account.secrets[name] for name in needs}
        self._sessions = Sessions()
        self._prepare()

    def _prepare(self) -> None:
        """Find out now whether the settings are complete."""
        self._backend = import_string(f"anymail.backends.{self.service}.EmailBackend")
        try:
            self._backend(**self._options)
        except AnymailConfigurationError as error:
            raise Misconfigured(
                _("The e-mail service %(service)s is not completely set up: %(error)s") % {"service": self.service, "error": error}
            ) from None

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        message = mime.build(envelope)
        message.metadata = {"message_id": str(envelope.message_id)}  # type: ignore[attr-defined]  # read by anymail; callbacks name it
        self._name(message, envelope)
        backend = self._backend(**self._options)
        backend.session = self._sessions.take(deadline)
        try:
            backend.send_messages([message])
        except AnymailRecipientsRefused as error:
            raise Refused(f"{self.service}: {error}", code="recipient", address_at_fault=True) from None
        except AnymailRequestsAPIError as error:
            raise self._sorted(error) from None
        except AnymailError as error:  # anything else is raised while the request is built
            raise Refused(f"{self.service}: {error}", code="unsupported") from None
        status = message.anymail_status  # type: ignore[attr-defined]  # set by anymail
        if not (status.status or set()) & {"sent", "queued"}:
            if status.esp_response is not None and status.esp_response.status_code in FINAL:
                raise self._refusal(status.esp_response)
            raise Uncertain(
                _("%(service)s answered with the status %(status)s.")
                % {"service": self.service, "status": ", ".join(sorted(map(str, status.status or ["none"])))}
            )
        return Accepted(provider_id=str(status.message_id or "")[:120], response=f"{self.service}: {', '.join(sorted(status.status))}")

    @property
    def hears(self) -> bool:
        return self.service in anymail_callbacks.VIEWS

    @property
    def signs_calls(self) -> bool:
        return anymail_callbacks.signs(self.service, self.account)

    def verify(self, callback: Callback, *, now: datetime) -> str:
        return anymail_callbacks.verify(self.service, self.account, callback, now=now)

    def read(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        return anymail_callbacks.read(self.service, self.account, callback)

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        self.verify(callback, now=now)
        return self.read(callback, now=now)

    def _name(self, message: EmailMultiAlternatives, envelope: Envelope) -> None:
        """Give the message our id in the way this service can be asked for it again."""

    def _refusal(self, response: Response, text: str = "") -> Refused:
        """What a documented “no” means."""
        return Refused(f"{self.service}: {text or response.text[:500]}", code=str(response.status_code))

    def _sorted(self, error: AnymailRequestsAPIError) -> NotAccepted | Refused | Uncertain:
        code, text = error.status_code, f"{self.service}: {error}"
        if code in NOT_NOW:
            return NotAccepted(text, retry_after=retry_after(error.response.headers.get("Retry-After")))
        if code in FINAL:
            return self._refusal(error.response, str(error))
        return Uncertain(text)
