"""What e-mail services report and pass on, read by django-anymail's own parsers with an account's own secrets.

Services that sign are held to their signature and its time; the others (Brevo, Mailjet, Postmark, SparkPost, Scaleway) have none, so the
address they were given carries a name and a password besides its unguessable path.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from anymail.exceptions import AnymailError
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType, RejectReason
from django.core.exceptions import SuspiciousOperation
from django.http.multipartparser import MultiPartParserError
from django.utils.module_loading import import_string

from notifications.providers import mail
from notifications.providers.base import LARGEST_MAIL, Account, Callback, Deadline, Forged, Incoming, NotAccepted, Report
from notifications.providers.callbacks import (
    request_of,
    require_hmac,
    require_recent,
    require_secret,
    require_standard_webhook,
)
from notifications.providers.http import BoundedSession

# service -> the names of its two views in anymail.webhooks.<service>; "" where it has none
VIEWS: Final[dict[str, tuple[str, str]]] = {
    "brevo": ("BrevoTrackingWebhookView", "BrevoInboundWebhookView"),
    "mailersend": ("MailerSendTrackingWebhookView", "MailerSendInboundWebhookView"),
    "mailgun": ("MailgunTrackingWebhookView", "MailgunInboundWebhookView"),
    "mailjet": ("MailjetTrackingWebhookView", "MailjetInboundWebhookView"),
    "postmark": ("PostmarkTrackingWebhookView", "PostmarkInboundWebhookView"),
    "resend": ("ResendTrackingWebhookView", ""),
    "sendgrid": ("SendGridTrackingWebhookView", "SendGridInboundWebhookView"),
    "sparkpost": ("SparkPostTrackingWebhookView", "SparkPostInboundWebhookView"),
}
# service -> the secret with which it signs what it reports
SIGNING: Final[dict[str, str]] = {
    "mailersend": "signing_secret",
    "mailgun": "webhook_signing_key",
    "resend": "signing_secret",
    "sendgrid": "tracking_webhook_verification_key",
}
INBOUND_SECRET: Final = "inbound_secret"  # noqa: S105  a name: MailerSend signs what it passes on with another key
_TIME_OF_SENDGRID: Final = "x-twilio-email-event-webhook-timestamp"
_SOFT: Final = frozenset({"soft_bounce", "SoftBounce", "soft_bounced", "blocked", "temporary"})
_KINDS: Final[Mapping[str, str]] = {
    EventType.QUEUED: "accepted",
    EventType.SENT: "accepted",
    EventType.DELIVERED: "delivered",
    EventType.DEFERRED: "deferred",
    EventType.FAILED: "failed",
    EventType.COMPLAINED: "complained",
    EventType.UNSUBSCRIBED: "stopped",
    EventType.OPENED: "opened",
    EventType.CLICKED: "opened",
}


def signs(service: str, account: Account) -> bool:
    """Whether this account's calls are signed: the service can, and the account has the key."""
    return bool(account.secrets.get(SIGNING.get(service, ""), ""))


def verify(service: str, account: Account, callback: Callback, *, now: datetime) -> str:
    """As `Provider.verify`."""
    is_inbound = _is_inbound(service, callback)
    key = account.secrets.get(SIGNING.get(service, ""), "")
    if service == "mailersend" and key:
        require_hmac(callback, account.secrets.get(INBOUND_SECRET, "") if is_inbound else key, callback.headers.get("signature", ""))
    elif service == "resend" and key:
        return require_standard_webhook(callback, key, now)
    elif service == "mailgun" and key:
        return _verify_mailgun(account, callback, now, is_inbound=is_inbound)
    elif service == "sendgrid" and key and not is_inbound:
        require_recent(callback.headers.get(_TIME_OF_SENDGRID, ""), now)
        _validate(_view(service, account, is_inbound=False), callback)
    else:
        require_secret(callback, account)
    return ""


def _verify_mailgun(account: Account, callback: Callback, now: datetime, *, is_inbound: bool) -> str:
    """Mailgun signs a time and a token, not the body: the token names the call, so that the same one with another body is no second."""
    _validate(_view("mailgun", account, is_inbound=is_inbound), callback)
    request = request_of(callback)
    block: Any = request.POST if is_inbound else json.loads(callback.body)["signature"]
    require_recent(str(block["timestamp"]), now)
    return str(block["token"])[:200]


def _validate(view: Any, callback: Callback) -> None:
    try:
        view.run_validators(request_of(callback))
    except (AnymailError, SuspiciousOperation, MultiPartParserError, ValueError, TypeError, AttributeError, RecursionError):
        raise Forged("wrong signature") from None


def read(service: str, account: Account, callback: Callback) -> Sequence[Report | Incoming]:
    """As `Provider.read`."""
    view = _view(service, account, is_inbound=_is_inbound(service, callback))
    try:
        events = view.parse_events(request_of(callback))
    except (AnymailError, SuspiciousOperation, MultiPartParserError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{service}: {type(error).__name__}: {error}"[:300]) from None
    found: list[Report | Incoming] = []
    for event in events:
        if isinstance(event, AnymailInboundEvent) and event.message is not None:
            came = event.message
            found += mail.read(
                came,
                event_id=str(event.event_id or ""),
                envelope_sender=came.envelope_sender,
                envelope_recipient=came.envelope_recipient or "",
                at=event.timestamp,
            )
        elif isinstance(event, AnymailTrackingEvent) and (report := _report(event)):
            found.append(report)
    return found


def _view(service: str, account: Account, *, is_inbound: bool) -> Any:
    name = VIEWS.get(service, ("", ""))[1 if is_inbound else 0]
    if not name:
        raise ValueError(f"{service}: calls of this kind are not read")
    options: dict[str, Any] = {}
    if service == "mailgun":
        options["webhook_signing_key"] = account.secrets.get("webhook_signing_key") or account.secrets.get("api_key", "")
    elif service == "sendgrid" and not is_inbound:
        options["tracking_webhook_verification_key"] = account.secrets.get("tracking_webhook_verification_key")
    elif service == "mailersend":
        options[INBOUND_SECRET if is_inbound else "signing_secret"] = "-"  # asked for by the parser, which does not use it
    elif service == "brevo" and is_inbound:
        options["api_key"] = account.secrets.get("api_key", "")
        if account.settings.get("api_url"):
            options["api_url"] = account.settings["api_url"]
    with warnings.catch_warnings():  # about basic authentication, which is ours, and about services the library tests no more
        warnings.simplefilter("ignore")
        try:
            view = import_string(f"anymail.webhooks.{service}.{name}")(**options)
        except (ValueError, UnicodeError):
            raise Forged("the verification key cannot be read") from None
    if service == "brevo" and is_inbound:
        view._fetch_attachment = _brevo_attachments(view)
    return view


def _brevo_attachments(view: Any) -> Any:
    """Brevo's files are fetched from it, bounded as every call is; while one cannot be had the message is tried again."""

    def fetch(attachment: Mapping[str, Any]) -> Any:
        from urllib.parse import quote, urljoin

        from anymail.inbound import AnymailInboundMessage

        session = BoundedSession()
        session.deadline, session.largest = Deadline.after(60), LARGEST_MAIL
        url = urljoin(view.api_url, f"inbound/attachments/{quote(str(attachment['DownloadToken']), safe='')}")
        response = session.request("GET", url, headers={"api-key": view.api_key})
        if response.status_code != 200:
            raise NotAccepted(f"brevo: a file cannot be fetched ({response.status_code})")
        return AnymailInboundMessage.construct_attachment(
            content_type=response.headers.get("Content-Type") or attachment.get("ContentType", "application/octet-stream"),
            content=response.content,
            filename=attachment.get("Name"),
            content_id=attachment.get("ContentID"),
        )

    return fetch


def _is_inbound(service: str, callback: Callback) -> bool:
    """Whether the call passes on somebody's mail; otherwise it reports on ours."""
    if service in ("mailgun", "sendgrid"):
        return not callback.headers.get("content-type", "").startswith("application/json")
    try:
        said = json.loads(callback.body)
    except (ValueError, RecursionError):
        return False
    if service == "sparkpost":
        return isinstance(said, list) and any(isinstance(one, dict) and "relay_message" in (one.get("msys") or ()) for one in said)
    if not isinstance(said, dict):
        return False
    return {
        "brevo": "items" in said,
        "mailjet": "event" not in said,
        "postmark": said.get("RecordType", "Inbound") == "Inbound" and "FromFull" in said,
        "mailersend": str(said.get("type", "")).startswith("inbound"),
        "resend": said.get("type") == "email.received",
    }.get(service, False)


def _report(event: AnymailTrackingEvent) -> Report | None:
    kind = _kind(event)
    if not kind:
        return None
    text = event.mta_response or event.description or event.reject_reason or ""
    return Report(
        kind,
        message_id=_uuid((event.metadata or {}).get("message_id")),
        provider_id=str(event.message_id or "")[:120],
        event_id=str(event.event_id or "")[:150],
        at=event.timestamp,
        recipient=str(event.recipient or "")[:254],
        text=str(text)[:500],
    )


def _kind(event: AnymailTrackingEvent) -> str:
    if event.event_type == EventType.BOUNCED:
        return "soft_bounced" if _is_soft(event) else "bounced"
    if event.event_type == EventType.REJECTED:  # the service did not even try: its own list says why
        dead = event.reject_reason in (RejectReason.BOUNCED, RejectReason.INVALID)
        return "bounced" if dead else "failed"
    return _KINDS.get(event.event_type, "")


def _is_soft(event: AnymailTrackingEvent) -> bool:
    """Whether the address may live although this message did not arrive."""
    raw = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    words = {str(raw.get(name)) for name in ("event", "Type", "type") if raw.get(name)}
    data = raw.get("data")
    if isinstance(data, Mapping):
        words |= {str(data.get("type"))}
        bounce = data.get("bounce")
        if isinstance(bounce, Mapping):
            words |= {"soft_bounce"} if str(bounce.get("type", "")).lower() in ("transient", "temporary") else set()
    if raw.get("hard_bounce") is False:
        return True
    return bool(words & _SOFT) or event.reject_reason in (RejectReason.TIMED_OUT, RejectReason.BLOCKED, RejectReason.SPAM)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
