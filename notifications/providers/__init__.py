"""The ways out of the house. docs/providers.md is the recipe for adding one."""

from collections.abc import Callable

from notifications.enums import ProviderKind
from notifications.providers import anymail, post_office, smtp, twilio
from notifications.providers import print as printing
from notifications.providers.base import Account, Misconfigured, Provider

BUILDERS: dict[str, Callable[[Account], Provider]] = {
    ProviderKind.POST_OFFICE: post_office.PostOffice,
    ProviderKind.SMTP: smtp.Smtp,
    ProviderKind.ANYMAIL: anymail.build,
    ProviderKind.TWILIO: twilio.Twilio,
    ProviderKind.PRINT: printing.PrintAndPost,
}


def build(account: Account) -> Provider:
    """The provider of an account. Raises Misconfigured with a sentence when its settings cannot work."""
    provider = BUILDERS[account.kind](account)
    if account.channel not in provider.channels:
        raise Misconfigured(f"{ProviderKind(account.kind).label} does not carry this channel.")
    return provider
