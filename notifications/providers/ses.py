"""Amazon SES by its API, version 2, over our own bounded session.

boto3 is not used: it repeats a call by itself when an answer is lost, which is how a reminder is sent twice, and it cannot be bounded or
asked for the time left beside the write. What is left of it is the signature, version 4, in forty lines.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext as _
from requests import Response

from dunning.core import clock
from notifications.providers import mime
from notifications.providers.anymail import Anymail
from notifications.providers.base import Accepted, Capability, Deadline, Envelope, Misconfigured, NotAccepted, Refused, Uncertain
from notifications.providers.http import json_object, retry_after

PATH = "/v2/email/outbound-emails"
OURS_TO_MEND = frozenset(
    {
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",  # an address nobody verified, above all while the account is in the sandbox
        "SendingPausedException",
        "TooManyRequestsException",
    }
)


class AmazonSes(Anymail):
    """Settings: `region` (eu-west-3…), `configuration_set`, `api_url`; secrets: an IAM key that may send.

    It reports to SNS topics, which are not read here: what bounces comes back to the sender's own mailbox.
    """

    capabilities: ClassVar[Capability] = Capability.NONE
    rate_per_second: ClassVar[float | None] = 14.0  # what an account is usually granted once it has left the sandbox

    def _prepare(self) -> None:
        if not self._options.get("region"):
            raise Misconfigured(_("The e-mail service %(service)s needs %(missing)s.") % {"service": self.service, "missing": "region"})
        self._region = str(self._options["region"])
        self._url = str(self._options.get("api_url") or f"https://email.{self._region}.amazonaws.com").rstrip("/") + PATH

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        message = mime.build(envelope)
        self._name(message, envelope)
        content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own messages take it
        body: dict[str, Any] = {
            "FromEmailAddress": envelope.sender if envelope.sender.isascii() else mime.wire_address(envelope.sender),
            "Destination": {"ToAddresses": [mime.wire_address(envelope.recipient)]},
            "Content": {"Raw": {"Data": base64.b64encode(content).decode()}},
            "EmailTags": [{"Name": "message_id", "Value": str(envelope.message_id)}],
        }
        if name := self._options.get("configuration_set"):
            body["ConfigurationSetName"] = name
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Host": urlsplit(self._url).netloc}
        headers |= sign(
            method="POST",
            path=PATH,
            headers=headers,
            body=data,
            key_id=self._options["access_key_id"],
            secret=self._options["secret_access_key"],
            region=self._region,
            service="ses",
            at=clock.now(),
        )
        response = self._sessions.take(deadline).post(self._url, data=data, headers=headers)
        if response.status_code != 200:
            raise self._answer(response)
        taken = json_object(response, self.service).get("MessageId")
        if not taken:
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": self.service})
        return Accepted(provider_id=str(taken)[:120], response="amazon_ses: sent")

    def _name(self, message: EmailMultiAlternatives, envelope: Envelope) -> None:
        message.extra_headers["X-Metadata"] = json.dumps({"message_id": str(envelope.message_id)})  # stands in its notifications

    def _answer(self, response: Response) -> NotAccepted | Refused | Uncertain:
        kind = response.headers.get("x-amzn-ErrorType", "").split(":")[0]
        text = f"{self.service}: {response.status_code} {kind} {response.text[:300]}"
        if response.status_code in (403, 429) or kind in OURS_TO_MEND:
            return NotAccepted(text, retry_after=retry_after(response.headers.get("Retry-After")))
        if response.status_code in (400, 404, 413) and kind:
            return Refused(text, code=kind)
        return Uncertain(text)


def sign(
    *, method: str, path: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str, region: str, service: str, at: datetime
) -> dict[str, str]:
    """The headers that sign a call without a query by AWS Signature Version 4 (docs.aws.amazon.com, “Create a signed AWS API request”)."""
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()} | {"x-amz-date": moment}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [method, path, "", *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names, hashlib.sha256(body).hexdigest()]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return {
        "X-Amz-Date": moment,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
    }
