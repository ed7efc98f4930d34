"""The local post office: takes every message and sends none. What it took is looked at on its screen."""

from django.utils.translation import gettext as _

from dunning.core.enums import PAPER_CHANNELS, WRITTEN_CHANNELS
from notifications.enums import ProviderKind
from notifications.providers.base import Accepted, Capability, Deadline, Envelope, Provider, ToPost


class PostOffice(Provider):
    kind = ProviderKind.POST_OFFICE
    channels = frozenset(WRITTEN_CHANNELS)
    capabilities = Capability.LOCAL

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted | ToPost:
        """Accepted at once; a letter still waits for somebody to post it, as with any printed letter."""
        if envelope.channel in PAPER_CHANNELS:
            return ToPost()
        return Accepted(provider_id=str(envelope.message_id), response=_("Kept by the local post office."))
