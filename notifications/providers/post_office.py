"""The local post office: takes every message and sends none. What it took is looked at on its screen, and answered there as the recipient
would: its mailbox hands in genuine messages and events, so that what comes back can be tried without any provider."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_noop

from dunning.core.enums import PAPER_CHANNELS, WRITTEN_CHANNELS, Channel
from notifications.enums import ProviderKind
from notifications.providers import mail
from notifications.providers.base import Accepted, Callback, Capability, Deadline, Envelope, Forged, Incoming, Provider, Report, ToPost

KEPT = gettext_noop("Kept by the local post office.")
"""What it answers. It is kept as it is, like any provider's answer, and told to each reader in their language."""
MAIL = "message/rfc822"
EVENT = "application/json"


class PostOffice(Provider):
    kind = ProviderKind.POST_OFFICE
    channels = frozenset(WRITTEN_CHANNELS)
    capabilities = Capability.LOCAL

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted | ToPost:
        """Accepted at once; a letter still waits for somebody to post it, as with any printed letter."""
        if envelope.channel in PAPER_CHANNELS:
            return ToPost()
        return Accepted(provider_id=str(envelope.message_id), response=KEPT)

    def verify(self, callback: Callback, *, now: datetime) -> str:
        """Nothing comes from outside: its mailbox is on a screen of this product."""
        raise Forged("the local post office has no way in from outside")

    def read(self, callback: Callback, *, now: datetime) -> Sequence[Report | Incoming]:
        """A message as a mail server would pass it on, or an event or text message as `mailbox` writes them."""
        if callback.headers.get("content-type") == MAIL:
            return mail.read(mail.parse(callback.body))
        try:
            said = json.loads(callback.body)
            at = datetime.fromisoformat(said["at"])
            if said["kind"] == "text":
                headers = {"x-stop": "yes"} if said.get("stop") else {}
                return [Incoming(said["id"], Channel.SMS, said["from"], (said["to"],), text=said["text"], headers=headers, at=at)]
            message_id = UUID(said["message"])
            return [Report(said["kind"], message_id=message_id, event_id=said["id"], at=at, recipient=said["to"], text=said["text"])]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
