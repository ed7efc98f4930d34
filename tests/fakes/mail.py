"""E-mail services: Brevo v3, Mailjet v3.1 (and the v3 message list), Postmark, Amazon SES v2.

Sources: developers.brevo.com (send-transac-email, idempotency), dev.mailjet.com (send-emails v3.1, messages), postmarkapp.com/developer
(email, messages, webhooks), the SES API reference v2 (SendEmail) and the SNS notification format.
"""

import base64
import email
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.provider import Call, Callbacks, HttpFake, Taken
from tests.servers import Reply, Request


def basic(secret: str) -> dict[str, str]:
    """The header a "user:password" secret travels in."""
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}


def json_call(told: Callbacks, body: Any, headers: dict[str, str] | None = None) -> Call:
    return Call(json.dumps(body).encode(), {"Content-Type": "application/json", **basic(told.secret), **(headers or {})}, told.url)


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def query_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


class Brevo(HttpFake):
    """POST /smtp/email. A key in the message's own `headers` is delivered once; later ones are told so."""

    name = "brevo"
    holds_keys = 30 * 60.0

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path == "/smtp/email"

    def take(self, request: Request) -> Taken:
        said = request.json
        custom = json.loads(said.get("headers", {}).get("X-Mailin-custom", "{}"))
        return Taken(
            said.get("headers", {}).get("idempotencyKey", ""),
            said["to"][0]["email"],
            f"<{self.next_serial()}.{time.time_ns()}@smtp-relay.mailin.fr>",
            {"subject": said.get("subject", ""), "custom": custom},
        )

    def accepted(self, taken: Taken) -> Reply:
        return Reply(201, {"messageId": taken.provider_id})

    def repeated(self, taken: Taken) -> Reply:
        return Reply(400, {"code": "duplicate_parameter", "message": "Duplicate value for idempotencyKey"})

    def refusal(self, mode: str, request: Request) -> Reply:
        message = "email is not valid in to" if mode == "dead_address" else "sender is not valid"
        return Reply(400, {"code": "invalid_parameter", "message": message})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        def event(kind: str) -> Callable[[Callbacks], Call]:
            body = {
                "event": kind,
                "email": taken.recipient,
                "id": 26224,
                "message-id": taken.provider_id,
                "subject": taken.details["subject"],
                "ts_epoch": time.time_ns() // 1_000_000,
                "X-Mailin-custom": json.dumps(taken.details["custom"]),
            }
            return lambda told: json_call(told, body | ({"reason": "550 5.1.1 no such user"} if kind == "hard_bounce" else {}))

        return [event("request"), event("hard_bounce" if bounced else "delivered")]


class Mailjet(HttpFake):
    """POST /v3.1/send with CustomID, GET /v3/REST/message?CustomID=…"""

    name = "mailjet"

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path.endswith("/send")

    def take(self, request: Request) -> Taken:
        said = request.json
        merged = {**said.get("Globals", {}), **said["Messages"][0]}
        serial = 576_460_752_303_423_488 + self.next_serial()
        details = {"subject": merged.get("Subject", ""), "payload": merged.get("EventPayload", "")}
        return Taken(merged.get("CustomID", ""), merged["To"][0]["Email"], str(serial), details)

    def accepted(self, taken: Taken) -> Reply:
        to = {"Email": taken.recipient, "MessageUUID": f"uuid-{taken.provider_id}", "MessageID": int(taken.provider_id)}
        return Reply(
            200,
            {"Messages": [{"Status": "success", "CustomID": taken.key, "To": [to], "Cc": [], "Bcc": []}]},
            {"Content-Type": "application/json"},
        )

    def refusal(self, mode: str, request: Request) -> Reply:
        code, related = ("mj-0013", ["To"]) if mode == "dead_address" else ("send-0008", ["From"])
        error = {"ErrorIdentifier": "f987008f", "ErrorCode": code, "StatusCode": 400, "ErrorMessage": "No", "ErrorRelatedTo": related}
        return Reply(400, {"Messages": [{"Status": "error", "Errors": [error]}]}, {"Content-Type": "application/json"})

    def other(self, request: Request) -> Reply:
        if request.method != "GET" or not urlsplit(request.path).path.endswith("/REST/message"):
            return super().other(request)
        wanted = query_of(request).get("CustomID", "")
        found = [
            {"ID": int(entry["provider_id"]), "Status": "sent", "ArrivedAt": datetime.fromtimestamp(entry["at"], UTC).isoformat()}
            for entry in self.journal.entries
            if entry["key"] == wanted
        ]
        return Reply(200, {"Count": len(found), "Data": found, "Total": len(found)}, {"Content-Type": "application/json"})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        event = {
            "event": "bounce" if bounced else "sent",
            "time": int(time.time()),
            "MessageID": int(taken.provider_id),
            "email": taken.recipient,
            "CustomID": taken.key,
            "Payload": taken.details["payload"],
        }
        if bounced:
            event |= {"hard_bounce": True, "blocked": False, "error_related_to": "recipient", "error": "user unknown"}
        return [lambda told: json_call(told, [event])]


class Postmark(HttpFake):
    """POST /email, GET /messages/outbound?metadata_message_id=…"""

    name = "postmark"

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path == "/email"

    def take(self, request: Request) -> Taken:
        said = request.json
        serial = self.next_serial()
        metadata = said.get("Metadata", {})
        server = request.headers.get("X-Postmark-Server-Token", "")
        return Taken(metadata.get("message_id", ""), said["To"], f"b7bc2f4a-e38e-4336-af7d-{serial:012d}", {"metadata": metadata}, server)

    def accepted(self, taken: Taken) -> Reply:
        body = {"To": taken.recipient, "SubmittedAt": stamp(), "MessageID": taken.provider_id, "ErrorCode": 0, "Message": "OK"}
        return Reply(200, body)

    def refusal(self, mode: str, request: Request) -> Reply:
        if mode == "dead_address":
            text = (
                "You tried to send to recipient(s) that have been marked as inactive.\n"
                f"Found inactive addresses: {request.json['To']}.\n"
                "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
            )
            return Reply(422, {"ErrorCode": 406, "Message": text})
        return Reply(422, {"ErrorCode": 400, "Message": "The Sender Signature you are trying to send with was not found."})

    def other(self, request: Request) -> Reply:
        if request.method != "GET" or urlsplit(request.path).path != "/messages/outbound":
            return super().other(request)
        query = query_of(request)
        if "count" not in query or "offset" not in query:
            return Reply(422, {"ErrorCode": 701, "Message": "Count and offset are required."})
        wanted = query.get("metadata_message_id", "")
        found = [
            {"MessageID": entry["provider_id"], "Status": "Sent", "Metadata": entry["metadata"]}
            for entry in self.journal.entries
            if entry["key"] == wanted
        ]
        return Reply(200, {"TotalCount": len(found), "Messages": found})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        body: dict[str, Any] = {"MessageID": taken.provider_id, "Metadata": taken.details["metadata"], "MessageStream": "outbound"}
        if bounced:
            body |= {"RecordType": "Bounce", "ID": self.next_serial(), "Type": "HardBounce", "TypeCode": 1, "Email": taken.recipient}
            body |= {"BouncedAt": stamp(), "Description": "unknown user", "Inactive": True}
        else:
            body |= {"RecordType": "Delivery", "Recipient": taken.recipient, "DeliveredAt": stamp(), "Details": "250 ok"}
        return [lambda told: json_call(told, body)]

    def complaint(self, taken: Taken) -> Callable[[Callbacks], Call]:
        body = {"MessageID": taken.provider_id, "Metadata": taken.details["metadata"], "MessageStream": "outbound"}
        body |= {"RecordType": "SpamComplaint", "ID": self.next_serial(), "Type": "SpamComplaint", "TypeCode": 100001}
        body |= {"Email": taken.recipient, "BouncedAt": stamp(), "Description": "The subscriber explicitly marked this message as spam."}
        return lambda told: json_call(told, body)


class Ses(HttpFake):
    """POST /v2/email/outbound-emails with a raw message; reports come as SNS notifications."""

    name = "ses"

    def denied(self, request: Request) -> Reply | None:
        if "AWS4-HMAC-SHA256 Credential=" in request.headers.get("Authorization", "") and request.headers.get("X-Amz-Date"):
            return None
        return Reply(403, {"message": "Missing Authentication Token"}, {"x-amzn-ErrorType": "MissingAuthenticationTokenException"})

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path == "/v2/email/outbound-emails"

    def take(self, request: Request) -> Taken:
        said = request.json
        message = email.message_from_bytes(base64.b64decode(said["Content"]["Raw"]["Data"]), policy=default)
        tags = {tag["Name"]: tag["Value"] for tag in said.get("EmailTags", [])}
        return Taken(
            tags.get("message_id", ""),
            said["Destination"]["ToAddresses"][0],
            f"0102018d-{self.next_serial():012d}-000000",
            {"header_id": str(message["Message-ID"]), "tags": tags, "metadata": str(message.get("X-Metadata", ""))},
        )

    def accepted(self, taken: Taken) -> Reply:
        return Reply(200, {"MessageId": taken.provider_id})

    def busy(self) -> Reply:
        return Reply(429, {"message": "Maximum sending rate exceeded."}, {"x-amzn-ErrorType": "TooManyRequestsException"})

    def refusal(self, mode: str, request: Request) -> Reply:
        kind = "BadRequestException" if mode == "dead_address" else "MessageRejected"
        return Reply(400, {"message": "Email address is not verified."}, {"x-amzn-ErrorType": kind})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        mail = {
            "timestamp": stamp(),
            "messageId": taken.provider_id,
            "destination": [taken.recipient],
            "headers": [{"name": "X-Metadata", "value": taken.details["metadata"]}] if taken.details["metadata"] else [],
            "commonHeaders": {"to": [taken.recipient]},
            "tags": {name: [value] for name, value in taken.details["tags"].items()},
        }
        if bounced:
            one = {"emailAddress": taken.recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
            event: dict[str, Any] = {
                "eventType": "Bounce",
                "mail": mail,
                "bounce": {
                    "bounceType": "Permanent",
                    "bounceSubType": "General",
                    "bouncedRecipients": [one],
                    "timestamp": stamp(),
                    "feedbackId": f"fb-{taken.provider_id}",
                },
            }
        else:
            told = {"timestamp": stamp(), "recipients": [taken.recipient], "smtpResponse": "250 ok"}
            event = {"eventType": "Delivery", "mail": mail, "delivery": told}
        name = f"sns-{taken.provider_id}"
        body = {"Type": "Notification", "MessageId": name, "TopicArn": "arn:aws:sns:eu-west-3:1:ses", "Message": json.dumps(event)}
        headers = {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": name}
        return [lambda told: json_call(told, body, headers)]
