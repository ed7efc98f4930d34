"""The ways out of the house. docs/providers.md is the recipe for adding one."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from notifications.enums import ProviderKind
from notifications.providers import email_services, mysendingbox, post_office, sinch, smtp, twilio
from notifications.providers import print as printing
from notifications.providers.base import Account, Misconfigured, Provider

BUILDERS: dict[str, Callable[[Account], Provider]] = {
    ProviderKind.POST_OFFICE: post_office.PostOffice,
    ProviderKind.SMTP: smtp.Smtp,
    ProviderKind.ANYMAIL: email_services.build,
    ProviderKind.TWILIO: twilio.Twilio,
    ProviderKind.SINCH: sinch.Sinch,
    ProviderKind.MYSENDINGBOX: mysendingbox.MySendingBox,
    ProviderKind.PRINT: printing.PrintAndPost,
}


def build(account: Account) -> Provider:
    """The provider of an account. Raises Misconfigured with a sentence when its settings cannot work."""
    provider = BUILDERS[account.kind](account)
    if account.channel not in provider.channels:
        raise Misconfigured(_("%(kind)s does not carry this channel.") % {"kind": ProviderKind(account.kind).label})
    return provider
