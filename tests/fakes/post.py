"""A postal service: MySendingBox (POST /letters/paper, GET /letters/{id}, proofs, reports).

Sources: docs.mysendingbox.fr and the vendor's own client libraries (letter fields, postage types, events). It knows no idempotency key
and no search by a name of ours.
"""

import base64
import email
import json
import uuid
from collections.abc import Callable
from email.policy import default
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.mail import json_call, stamp
from tests.fakes.provider import Call, Callbacks, HttpFake, Taken
from tests.servers import Reply, Request

PROOF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def form_of(request: Request) -> dict[str, Any]:
    """The fields of a multipart form; files as bytes."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    fields: dict[str, Any] = {}
    for part in email.message_from_bytes(head + request.body, policy=default).iter_parts():
        name, content = str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[name] = content if part.get_filename() else content.decode()
    return fields


class MySendingBox(HttpFake):
    """Letters that are printed, posted and followed. `steps` are the events each letter goes through after its creation."""

    name = "mysendingbox"
    steps: tuple[str, ...] = ("letter.accepted", "letter.filing_proof", "letter.sent", "letter.distributed", "letter.delivery_proof")

    def denied(self, request: Request) -> Reply | None:
        if urlsplit(request.path).path.startswith("/proofs/"):
            return None  # proofs are behind unguessable addresses
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and base64.b64decode(given).endswith(b":"):
            return None
        return Reply(401, {"error": {"message": "Unauthorized", "status_code": 401}})

    def is_sending(self, request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.path).path == "/letters/paper"

    def take(self, request: Request) -> Taken:
        form = form_of(request)
        to = {name[3:-1]: value for name, value in form.items() if name.startswith("to[")}
        details = {"to": to, "postage_type": form["postage_type"], "bytes": len(form["source_file"]), "color": form["color"]}
        return Taken(form.get("metadata[message_id]", ""), to.get("name", "") or to.get("company", ""), uuid.uuid4().hex[:24], details)

    def accepted(self, taken: Taken) -> Reply:
        return Reply(200, self.letter(taken.provider_id, taken.key, taken.details, "letter.created"))

    def refusal(self, mode: str, request: Request) -> Reply:
        text = "to.address_postalcode is not valid" if mode == "dead_address" else "source_file is not a valid PDF"
        return Reply(422, {"error": {"message": text, "status_code": 422}})

    def other(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path.startswith("/proofs/"):
            return Reply(200, PROOF, {"Content-Type": "application/pdf"})
        for entry in self.journal.entries:
            if path == f"/letters/{entry['provider_id']}":
                return Reply(
                    200, self.letter(entry["provider_id"], entry["key"], entry, self.steps[-1] if self.steps else "letter.created")
                )
        return Reply(404, {"error": {"message": "Letter not found", "status_code": 404}})

    def letter(self, provider_id: str, key: str, details: dict[str, Any], status: str) -> dict[str, Any]:
        reached = self.steps[: self.steps.index(status) + 1] if status in self.steps else ()
        letter: dict[str, Any] = {
            "_id": provider_id,
            "object": "letter",
            "channel": "paper",
            "postage_type": details["postage_type"],
            "status": {"name": status, "updated_at": stamp()},
            "metadata": {"message_id": key},
            "price": {"pack": "developer", "postage": 5.36, "service": 0.9, "total": 6.26},
            "created_at": stamp(),
            "tracking_events": [],
        }
        if "letter.sent" in reached and details["postage_type"] in ("lr", "lrar"):
            letter["tracking_number"] = "2C12345678901"
        for event, proof in (("letter.filing_proof", "filing_proof"), ("letter.delivery_proof", "delivery_proof")):
            if event in reached:
                letter[proof] = {"_id": f"{proof}-{provider_id}", "url": f"{self.url}/proofs/{provider_id}-{proof}.pdf"}
        return letter

    def reports(self, taken: Taken, bounced: bool) -> list[Callable[[Callbacks], Call]]:
        steps = (*self.steps[:2], "letter.wrong_address") if bounced else self.steps
        return [self.report(taken.provider_id, taken.key, taken.details, step) for step in steps]

    def report(self, provider_id: str, key: str, details: dict[str, Any], step: str) -> Callable[[Callbacks], Call]:
        """One event of a letter, as it is posted to us."""
        body = {
            "created_at": stamp(),
            "event": {"_id": f"{step}-{provider_id}", "name": step, "category": "letter", "letter": provider_id, "created_at": stamp()},
            "letter": self.letter(provider_id, key, details, step),
        }
        frozen = json.loads(json.dumps(body))
        return lambda told: json_call(told, frozen)
