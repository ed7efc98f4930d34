"""Text-message services: Twilio (2010-04-01 Messages) and Sinch (SMS REST, /xms/v1/…/batches).

Sources: twilio.com/docs (Message resource, webhook security, error dictionary), developers.sinch.com/docs/sms (batches, delivery reports,
webhooks, status codes).
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.fakes.mail import query_of, stamp
from tests.fakes.provider import Call, Callbacks, HttpFake, Taken
from tests.servers import Reply, Request


class Twilio(HttpFake):
    """POST …/Messages.json. It knows no name of ours: the journal's key is what the StatusCallback's query says, else the text's digest."""

    name = "twilio"

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path.endswith("/Messages.json")

    def take(self, request: Request) -> Taken:
        said = dict(parse_qsl(request.body.decode()))
        callback = said.get("StatusCallback", "")
        asked = dict(parse_qsl(urlsplit(callback).query))
        key = asked.get("message_id") or asked.get("message") or hashlib.sha256(said["Body"].encode()).hexdigest()
        details = {"sender": said.get("From", ""), "body": said["Body"], "callback": callback}
        return Taken(key, said["To"], f"SM{uuid.uuid4().hex}", details)

    def accepted(self, taken: Taken) -> Reply:
        body = {"sid": taken.provider_id, "status": "queued", "to": taken.recipient, "from": taken.details["sender"]}
        return Reply(201, {**body, "body": taken.details["body"], "error_code": None, "error_message": None})

    def busy(self) -> Reply:
        return Reply(429, {"code": 20429, "message": "Too Many Requests", "status": 429})

    def broken(self) -> Reply:
        return Reply(500, {"code": 20500, "message": "Internal Server Error", "status": 500})

    def refusal(self, mode: str, request: Request) -> Reply:
        code, text = (21614, "'To' number is not a valid mobile number") if mode == "dead_address" else (21602, "Message body is required")
        return Reply(400, {"code": code, "message": text, "status": 400})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        def event(status: str) -> Callable[[Callbacks], Call]:
            said = {
                "MessageSid": taken.provider_id,
                "SmsSid": taken.provider_id,
                "MessageStatus": status,
                "SmsStatus": status,
                "To": taken.recipient,
                "From": taken.details["sender"],
                "AccountSid": "AC42",
            }
            if status == "undelivered":
                said["ErrorCode"] = "30005"

            def sign(told: Callbacks) -> Call:
                url = taken.details["callback"] or told.url
                signed = url + "".join(name + said[name] for name in sorted(said))
                signature = base64.b64encode(hmac.new(told.secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()
                headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
                return Call(urlencode(said).encode(), headers, url)

            return sign

        return [event("sent"), event("undelivered" if bounced else "delivered")]


class Sinch(HttpFake):
    """POST /xms/v1/{plan}/batches, GET the same with client_reference; per-recipient delivery reports signed with HMAC-SHA256."""

    name = "sinch"

    def denied(self, request: Request) -> Reply | None:
        if request.headers.get("Authorization", "").startswith("Bearer "):
            return None
        return Reply(401, {"code": "unauthorized", "text": "Unauthorized"})

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path.endswith("/batches")

    def take(self, request: Request) -> Taken:
        said = request.json
        batch = f"01{uuid.uuid4().hex[:24].upper()}"
        details = {"sender": said.get("from", ""), "body": said["body"], "callback": said.get("callback_url", "")}
        return Taken(said.get("client_reference", ""), said["to"][0], batch, details)

    def accepted(self, taken: Taken) -> Reply:
        return Reply(
            201,
            {
                "id": taken.provider_id,
                "to": [taken.recipient.removeprefix("+")],
                "from": taken.details["sender"],
                "canceled": False,
                "body": taken.details["body"],
                "type": "mt_text",
                "client_reference": taken.key,
                "created_at": stamp(),
            },
        )

    def busy(self) -> Reply:
        return Reply(429, {"code": "too_many_requests", "text": "Too many requests"})

    def refusal(self, mode: str, request: Request) -> Reply:
        if mode == "dead_address":
            return Reply(400, {"code": "syntax_invalid_parameter_format", "text": "Invalid recipient: to"})
        return Reply(403, {"code": "missing_callback_url", "text": "Callback URL is missing"})

    def other(self, request: Request) -> Reply:
        if request.method != "GET" or not urlsplit(request.path).path.endswith("/batches"):
            return Reply(404, {"code": "not_found", "text": "Not found"})
        wanted = query_of(request).get("client_reference", "")
        found = [
            {"id": entry["provider_id"], "client_reference": entry["key"], "to": [entry["recipient"]], "canceled": False}
            for entry in self.journal.entries
            if entry["key"] == wanted
        ]
        return Reply(200, {"page": 0, "page_size": 30, "count": len(found), "batches": found})

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        def event(status: str, code: int) -> Callable[[Callbacks], Call]:
            body = {
                "type": "recipient_delivery_report_sms",
                "batch_id": taken.provider_id,
                "recipient": taken.recipient.removeprefix("+"),
                "code": code,
                "status": status,
                "at": stamp(),
                "client_reference": taken.key,
            }

            def sign(told: Callbacks) -> Call:
                content = json.dumps(body)
                nonce, moment = uuid.uuid4().hex, str(int(time.time()))
                mac = hmac.new(told.secret.encode(), f"{content}.{nonce}.{moment}".encode(), hashlib.sha256)
                headers = {
                    "Content-Type": "application/json",
                    "x-sinch-webhook-signature": base64.b64encode(mac.digest()).decode(),
                    "x-sinch-webhook-signature-algorithm": "HmacSHA256",
                    "x-sinch-webhook-signature-nonce": nonce,
                    "x-sinch-webhook-signature-timestamp": moment,
                }
                return Call(content.encode(), headers, taken.details["callback"] or told.url)

            return sign

        return [event("Dispatched", 400), event("Failed", 402) if bounced else event("Delivered", 0)]
