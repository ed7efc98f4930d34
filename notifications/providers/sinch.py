"""Text messages through Sinch (SMS REST API), which has servers in Europe, can be asked for a message by our id, and signs its reports.

Sources are in docs/providers.md.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

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
from notifications.providers.http import Sessions, json_object, looked_up, retry_after

REGIONS: Final = ("eu", "us", "au", "br", "ca")
NOT_NOW: Final = frozenset({401, 429, 503})
OLDEST_CALL: Final = timedelta(minutes=5)
STATUSES: Final = {  # delivery report statuses of its documentation -> events of ours
    "queued": "accepted",
    "dispatched": "accepted",
    "delivered": "delivered",
    "unknown": "accepted",  # handed to the operator, who never said more
    "aborted": "failed",
    "cancelled": "failed",
    "rejected": "failed",
    "deleted": "failed",
    "failed": "failed",
    "expired": "failed",
}


class Sinch(Provider):
    """Settings: `service_plan_id`, `region` (eu), `sender`, `callback_url`, `api_url`; secrets: `api_token`, `callback_secret`."""

    kind = ProviderKind.SINCH
    channels = frozenset({Channel.SMS})
    capabilities = Capability.CALLBACK | Capability.LOOK_UP
    rate_per_second: ClassVar[float | None] = 10.0  # each plan has its own; it queues what is above

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        plan, region = str(account.settings.get("service_plan_id") or ""), str(account.settings.get("region") or "eu")
        self.token = account.secrets.get("api_token", "")
        if not plan or not self.token:
            raise Misconfigured(_("Sinch needs a service plan ID and an API token."))
        if region not in REGIONS:
            raise Misconfigured(
                _("Sinch has no region “%(region)s”: choose one of %(known)s.") % {"region": region, "known": ", ".join(REGIONS)}
            )
        root = str(account.settings.get("api_url") or f"https://{region}.sms.api.sinch.com").rstrip("/")
        self.url = f"{root}/xms/v1/{plan}/batches"
        self.secret = account.secrets.get("callback_secret", "")
        self._sessions = Sessions()

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        body: dict[str, Any] = {
            "type": "mt_text",
            "from": envelope.sender,
            "to": [envelope.recipient],
            "body": envelope.text,
            "delivery_report": "per_recipient",
            "client_reference": str(envelope.message_id),
        }
        if url := self.account.settings.get("callback_url"):
            body["callback_url"] = url
        response = self._sessions.take(deadline).post(self.url, json=body, headers=self._headers())
        text = f"Sinch: {response.status_code} {response.text[:300]}"
        if response.status_code in NOT_NOW:
            raise NotAccepted(text, retry_after=retry_after(response.headers.get("Retry-After")))
        if response.status_code == 403:  # something about the plan, its sender or its callback: ours to mend
            raise NotAccepted(text, service=False)
        if response.status_code in (400, 404):
            raise Refused(text, code=_code_of(response))
        if response.status_code not in (200, 201):
            raise Uncertain(text)
        taken = json_object(response, "Sinch").get("id")
        if not taken:
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "Sinch"})
        return Accepted(provider_id=str(taken)[:120], response="Sinch: accepted")

    def look_up(self, message_id: UUID, *, sent_at: datetime, deadline: Deadline) -> Accepted | None:
        since = (sent_at - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        query = {"client_reference": str(message_id), "start_date": since, "page_size": "10"}
        said = looked_up(self._sessions.take(deadline).get(self.url, params=query, headers=self._headers()), "Sinch")
        batches, count = said.get("batches"), said.get("count")
        if not isinstance(count, int) or not isinstance(batches, list | type(None)):
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "Sinch"})
        ours = [batch for batch in batches or () if isinstance(batch, dict) and batch.get("client_reference") == str(message_id)]
        if len(ours) != count:
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "Sinch"})
        return Accepted(provider_id=str(ours[0].get("id", ""))[:120], response="Sinch: found") if ours else None

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        """Reports per recipient, and what people answer. Signed with HMAC-SHA256 over body, nonce and moment."""
        self._verify(callback, now)
        said = json.loads(callback.body)
        if not isinstance(said, dict):
            raise ValueError("Sinch sends objects.")
        if said.get("type") == "recipient_delivery_report_sms":
            return [_report(said)]
        if said.get("type") == "mo_text":
            return [_incoming(said)]
        return []

    def _verify(self, callback: Callback, now: datetime) -> None:
        heads = callback.headers
        nonce, moment = heads.get("x-sinch-webhook-signature-nonce", ""), heads.get("x-sinch-webhook-signature-timestamp", "")
        if not self.secret or not nonce or not (moment.isascii() and moment.isdigit()):
            raise Forged("There is no signature, or no secret to check it with.")
        if heads.get("x-sinch-webhook-signature-algorithm", "HmacSHA256") != "HmacSHA256":
            raise Forged("The signature is of another kind.")
        expected = hmac.new(self.secret.encode(), callback.body + f".{nonce}.{moment}".encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(expected).decode(), heads.get("x-sinch-webhook-signature", "")):
            raise Forged("The signature is wrong.")
        if abs(now.timestamp() - int(moment)) > OLDEST_CALL.total_seconds():
            raise Forged("The call is too old.")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}


def _code_of(response: Any) -> str:
    try:
        return str(response.json()["code"])[:60]
    except (ValueError, KeyError, TypeError):
        return str(response.status_code)


def _report(said: dict[str, Any]) -> Report:
    status, reference = str(said.get("status", "")), str(said.get("client_reference") or "")
    batch, code = str(said.get("batch_id") or ""), said.get("code")
    kind = STATUSES.get(status.lower())
    if kind is None or not batch:
        raise ValueError(f"Sinch reports the status {status!r} of the batch {batch!r}.")
    try:
        message_id = UUID(reference) if reference else None
    except ValueError:  # somebody else's name for a message of this plan
        message_id = None
    return Report(
        kind=kind,
        message_id=message_id,
        provider_id=batch,
        event_id=f"{batch}:{status.lower()}",
        at=parse_datetime(str(said.get("at") or "")),
        recipient=_number(said.get("recipient")),
        text=f"{status} ({code})" if kind == "failed" else "",
    )


def _incoming(said: dict[str, Any]) -> Incoming:
    if not said.get("id") or not said.get("from"):
        raise ValueError("Sinch names neither the message nor its sender.")
    return Incoming(
        event_id=str(said["id"]),
        channel=Channel.SMS,
        sender=_number(said["from"]),
        recipients=(_number(said.get("to")),),
        text=str(said.get("body") or ""),
        at=parse_datetime(str(said.get("received_at") or "")),
    )


def _number(value: object) -> str:
    """A number as we write it; Sinch leaves the plus sign out."""
    text = str(value or "")
    return f"+{text}" if text.isascii() and text.isdigit() else text
