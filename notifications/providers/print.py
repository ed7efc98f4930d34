"""Letters printed and posted by the organization itself."""

from dunning.core.enums import PAPER_CHANNELS
from notifications.enums import ProviderKind
from notifications.providers.base import Accepted, Capability, Deadline, Envelope, Provider, ToPost


class PrintAndPost(Provider):
    kind = ProviderKind.PRINT
    channels = frozenset(PAPER_CHANNELS)
    capabilities = Capability.LOCAL

    def send(self, envelope: Envelope, deadline: Deadline) -> Accepted | ToPost:
        """The letter joins the print queue until its posting is recorded."""
        return ToPost()
