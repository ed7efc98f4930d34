"""What is particular to one e-mail service: the name it knows a message by, how it can be asked again, what its refusals mean.

Sources are in docs/providers.md. Nothing is declared that a service does not document.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext as _
from requests import Response

from notifications.providers.anymail import Anymail
from notifications.providers.base import Accepted, Account, Capability, Deadline, Envelope, Refused, Uncertain
from notifications.providers.http import looked_up
from notifications.providers.ses import AmazonSes

FOUND = 10  # more than one of a name would be our own mistake


def _code(response: Response) -> tuple[str, str]:
    """(code, message) of a refusal in JSON; blanks when it is none."""
    try:
        said = response.json()
    except ValueError:
        return "", ""
    return (str(said.get("code", "")), str(said.get("message", ""))) if isinstance(said, dict) else ("", "")


class Brevo(Anymail):
    """The same idempotency key is not sent twice: 15 minutes by the changelog, 30 by the guide; the shorter is relied on.

    A repeated key is answered with `duplicate_parameter`, which proves that the first one was taken.
    """

    capabilities: ClassVar[Capability] = Capability.CALLBACK | Capability.IDEMPOTENT
    idempotent_for: ClassVar[float] = 15 * 60.0

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted:
        try:
            return super().send(envelope, deadline)
        except Refused as refusal:
            if refusal.code != "duplicate_parameter":
                raise
            return Accepted(response=f"{self.service}: already taken under this name")

    def _name(self, message: EmailMultiAlternatives, envelope: Envelope) -> None:
        message.extra_headers["idempotencyKey"] = str(envelope.message_id)  # a header of the message, not of the call, and a UUID

    def _refusal(self, response: Response, text: str = "") -> Refused:
        code, message = _code(response)
        dead = code == "invalid_parameter" and message == "email is not valid in to"
        return Refused(f"{self.service}: {text or message}", code=code or str(response.status_code), address_at_fault=dead)


class Mailjet(Anymail):
    """Its message list filters on CustomID, which is our id."""

    capabilities: ClassVar[Capability] = Capability.CALLBACK | Capability.LOOK_UP

    def look_up(self, message_id: UUID, *, sent_at: datetime, deadline: Deadline) -> Accepted | None:
        root = str(self._options.get("api_url") or "https://api.mailjet.com/v3.1").rstrip("/").removesuffix("/v3.1")
        since = int((sent_at - timedelta(hours=1)).timestamp())
        query: dict[str, str | int] = {"CustomID": str(message_id), "FromTS": since, "Limit": FOUND}
        said = looked_up(
            self._sessions.take(deadline).get(
                f"{root}/v3/REST/message",
                params=query,
                auth=(self._options["api_key"], self._options["secret_key"]),
            ),
            self.service,
        )
        found = _rows(said, "Data", self.service)
        return Accepted(provider_id=str(found[0].get("ID", ""))[:120], response=f"mailjet: {found[0].get('Status', '')}") if found else None

    def _name(self, message: EmailMultiAlternatives, envelope: Envelope) -> None:
        message.esp_extra = {"Globals": {"CustomID": str(envelope.message_id)}}  # type: ignore[attr-defined]  # read by anymail

    def _refusal(self, response: Response, text: str = "") -> Refused:
        try:
            errors = [error for message in response.json()["Messages"] for error in message.get("Errors", ())]
            codes = {str(error["ErrorCode"]) for error in errors if any("To" in part for part in error.get("ErrorRelatedTo", ()))}
        except (ValueError, KeyError, TypeError, AttributeError):
            return super()._refusal(response, text)
        return Refused(
            f"{self.service}: {text or response.text[:500]}", code=str(response.status_code), address_at_fault="mj-0013" in codes
        )


class Postmark(Anymail):
    """Its search of outbound messages filters on metadata, which holds our id."""

    capabilities: ClassVar[Capability] = Capability.CALLBACK | Capability.LOOK_UP

    def look_up(self, message_id: UUID, *, sent_at: datetime, deadline: Deadline) -> Accepted | None:
        root = str(self._options.get("api_url") or "https://api.postmarkapp.com").rstrip("/")
        query: dict[str, str | int] = {"count": FOUND, "offset": 0, "metadata_message_id": str(message_id)}
        if stream := self._options.get("message_stream"):
            query["messagestream"] = stream
        headers = {"Accept": "application/json", "X-Postmark-Server-Token": self._options["server_token"]}
        said = looked_up(self._sessions.take(deadline).get(f"{root}/messages/outbound", params=query, headers=headers), self.service)
        found = _rows(said, "Messages", self.service)
        if not found:
            return None
        return Accepted(provider_id=str(found[0].get("MessageID", ""))[:120], response=f"postmark: {found[0].get('Status', '')}")

    def _name(self, message: EmailMultiAlternatives, envelope: Envelope) -> None:
        if stream := self._options.get("message_stream"):
            message.esp_extra = {"MessageStream": stream}  # type: ignore[attr-defined]  # read by anymail


class Scaleway(Anymail):
    """Its reports are not read here: nothing of it can be found out."""

    capabilities: ClassVar[Capability] = Capability.NONE


def _rows(said: dict[str, Any], name: str, service: str) -> list[dict[str, Any]]:
    """The rows of a list answer. Raises Uncertain when there is no list: an answer that is no list proves no absence."""
    rows = said.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": service})
    return rows


KNOWN: dict[str, type[Anymail]] = {"amazon_ses": AmazonSes, "brevo": Brevo, "mailjet": Mailjet, "postmark": Postmark, "scaleway": Scaleway}


def build(account: Account) -> Anymail:
    """The provider of an account's service."""
    return KNOWN.get(str(account.settings.get("service") or ""), Anymail)(account)
