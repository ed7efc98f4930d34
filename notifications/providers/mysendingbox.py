"""Letters and registered letters printed, posted and followed by MySendingBox.

It documents neither an idempotency key nor a search by a name of ours, so a letter whose answer was lost is never handed over again: its
own reports settle it, or a person. A letter counts from the day it reports as posted. Sources are in docs/providers.md.
"""

import base64
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dunning.core.enums import PAPER_CHANNELS, Channel
from notifications.enums import ProofKind, ProviderKind
from notifications.providers.base import (
    Account,
    Callback,
    Capability,
    Course,
    Deadline,
    Entrusted,
    Envelope,
    Forged,
    Incoming,
    Misconfigured,
    NotAccepted,
    Proof,
    Provider,
    Refused,
    Report,
    Uncertain,
)
from notifications.providers.http import BoundedSession, Sessions, json_object, looked_up, retry_after

API: Final = "https://api.mysendingbox.fr"
NOT_NOW: Final = frozenset({401, 402, 403, 429, 503})  # a wrong key or an empty account is ours to mend
FINAL: Final = frozenset({400, 404, 405, 413, 415, 422})
LARGEST_PROOF: Final = 10_000_000  # bytes
EVENTS: Final = {  # its events -> ours; the others tell nothing a timeline needs
    "letter.filing_proof": "posted",
    "letter.sent": "posted",
    "letter.waiting_to_be_withdrawn": "presented",
    "letter.distributed": "delivered",
    "letter.delivery_proof": "delivered",
    "letter.returned_to_sender": "unclaimed",
    "letter.wrong_address": "unknown_address",
    "letter.lost": "failed",
    "letter.error": "failed",
    "letter.canceled": "failed",
}
PROOFS: Final = {"filing_proof": ProofKind.DEPOSIT, "delivery_proof": ProofKind.RECEIPT, "return_to_sender_proof": ProofKind.RETURN}
POSTAL_CODE: Final = re.compile(r"^(\d{5})\s+(\S.*)$")


class MySendingBox(Provider):
    """Settings: `postage` (letters: ecopli, verte or prioritaire), `color` (bw or color), `api_url`; secrets: `api_key`, and
    `webhook_user` and `webhook_password`, which its reports carry."""

    kind = ProviderKind.MYSENDINGBOX
    channels = frozenset(PAPER_CHANNELS)
    capabilities = Capability.CALLBACK | Capability.FOLLOW
    rate_per_second: ClassVar[float | None] = 2.0

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.api_key = account.secrets.get("api_key", "")
        if not self.api_key:
            raise Misconfigured(_("MySendingBox needs an API key."))
        self.postage = str(account.settings.get("postage") or "verte")
        if self.postage not in ("ecopli", "verte", "prioritaire"):
            raise Misconfigured(_("The postage of letters is ecopli, verte or prioritaire, not “%(postage)s”.") % {"postage": self.postage})
        self.url = str(account.settings.get("api_url") or API).rstrip("/")
        self._sessions = Sessions()

    def send(self, envelope: Envelope, deadline: Deadline) -> Entrusted:
        if envelope.letter is None:
            raise Refused(_("There is no letter to print."), code="no_letter")
        form = {
            "description": envelope.subject[:255],
            "postage_type": "lrar" if envelope.channel == Channel.REGISTERED else self.postage,
            "color": str(self.account.settings.get("color") or "bw"),
            "both_sides": "true",
            "manage_delivery_proof": "true" if envelope.channel == Channel.REGISTERED else "false",
            "manage_returned_mail": "true",
            "source_file_type": "file",
            "metadata[message_id]": str(envelope.message_id),
            **{f"to[{name}]": value for name, value in address_of(envelope.postal_address).items()},
        }
        response = self._session(deadline).post(
            f"{self.url}/letters/paper",
            data=form,
            files={"source_file": ("letter.pdf", envelope.letter.content, "application/pdf")},
            auth=(self.api_key, ""),
        )
        text = f"MySendingBox: {response.status_code} {response.text[:300]}"
        if response.status_code in NOT_NOW:
            raise NotAccepted(text, retry_after=retry_after(response.headers.get("Retry-After")))
        if response.status_code in FINAL:
            raise Refused(text, code=str(response.status_code))
        if response.status_code not in (200, 201):
            raise Uncertain(text)
        letter = json_object(response, "MySendingBox")
        if not letter.get("_id"):
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "MySendingBox"})
        return Entrusted(provider_id=str(letter["_id"])[:120], response=f"MySendingBox: {_price(letter)}")

    def follow(self, provider_id: str, *, deadline: Deadline) -> Course:
        letter = looked_up(self._session(deadline).get(f"{self.url}/letters/{provider_id}", auth=(self.api_key, "")), "MySendingBox")
        if str(letter.get("_id")) != provider_id:
            raise Uncertain(_("%(service)s answered with something that cannot be read.") % {"service": "MySendingBox"})
        events = [event for event in letter.get("events") or () if isinstance(event, dict)]
        status = letter.get("status")
        if not events and isinstance(status, dict):
            events = [{"name": status.get("name"), "created_at": status.get("updated_at")}]
        reports = [report for event in events if (report := _report(event, letter)) is not None]
        proofs = [
            Proof(kind, f"{name}:{file.get('_id') or provider_id}", str(file["url"]))
            for name, kind in PROOFS.items()
            if isinstance(file := letter.get(name), dict) and file.get("url")
        ]
        return Course(tuple(reports), str(letter.get("tracking_number") or "")[:40], tuple(proofs))

    def fetch(self, proof: Proof, *, deadline: Deadline) -> bytes:
        address = urlsplit(proof.address)
        if address.scheme != "https" and address.netloc != urlsplit(self.url).netloc:
            raise Uncertain(_("The proof is not behind a safe address: %(address)s") % {"address": address.netloc})
        session = self._session(deadline)
        session.largest = LARGEST_PROOF
        try:
            response = session.get(proof.address)
        finally:
            session.largest = BoundedSession.largest
        if response.status_code != 200:
            raise NotAccepted(f"MySendingBox: {response.status_code}")
        return response.content

    def receive(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        """Its events. It does not sign them: the user and password that are part of the address given to it come with each."""
        user, password = self.account.secrets.get("webhook_user", ""), self.account.secrets.get("webhook_password", "")
        expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if not user or not password or not hmac.compare_digest(expected.encode(), callback.headers.get("authorization", "").encode()):
            raise Forged("The user or password is missing or wrong.")
        said = json.loads(callback.body)
        if not isinstance(said, dict) or not isinstance(said.get("event"), dict) or not isinstance(said.get("letter"), dict):
            raise ValueError("MySendingBox sends an event and its letter.")
        report = _report(said["event"], said["letter"])
        return [report] if report is not None else []

    def _session(self, deadline: Deadline) -> BoundedSession:
        return self._sessions.take(deadline)


def address_of(lines: Sequence[str]) -> dict[str, str]:
    """The lines of a window as its address fields. Raises Refused when no postal code can be told apart: nobody's letter is guessed."""
    wanted = [line.strip() for line in lines if line.strip()]
    place = next((number for number in range(len(wanted) - 1, 0, -1) if POSTAL_CODE.match(wanted[number])), None)
    found = POSTAL_CODE.match(wanted[place]) if place is not None else None
    if place is None or found is None or place < 2 or place > 5 or len(wanted) > place + 2:
        raise Refused(
            _("The postal address needs a name, a street, and a line such as “75001 Paris”: %(lines)s") % {"lines": " / ".join(wanted)},
            code="address",
            address_at_fault=True,
        )
    names, streets = wanted[: max(1, place - 3)], wanted[max(1, place - 3) : place]
    address = {"name": names[0], "address_postalcode": found[1], "address_city": found[2]}
    address["address_country"] = wanted[place + 1] if len(wanted) > place + 1 else "France"
    if len(names) > 1:
        address["company"] = names[1]
    for number, street in enumerate(streets, start=1):
        address[f"address_line{number}"] = street
    return address


def _price(letter: Mapping[str, Any]) -> str:
    price = letter.get("price")
    total = price.get("total") if isinstance(price, dict) else None
    return f"{total} EUR" if total is not None else "accepted"


def _report(event: Mapping[str, Any], letter: Mapping[str, Any]) -> Report | None:
    """One of its events; None for those that mean nothing here. Raises ValueError when it does not name its letter."""
    name, letter_id = str(event.get("name") or ""), str(letter.get("_id") or "")
    if not letter_id:
        raise ValueError("MySendingBox does not name the letter.")
    if name not in EVENTS:
        return None
    metadata = letter.get("metadata")
    try:
        message_id = UUID(str(metadata.get("message_id"))) if isinstance(metadata, dict) else None
    except ValueError:
        message_id = None
    return Report(
        kind=EVENTS[name],
        message_id=message_id,
        provider_id=letter_id,
        event_id=f"{name}:{letter_id}",  # the same whether it is reported or asked for
        at=parse_datetime(str(event.get("created_at") or "")),
        text=str(event.get("description") or "")[:300],
    )
