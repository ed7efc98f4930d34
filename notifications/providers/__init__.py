"""The ways out of the house. docs/providers.md is the recipe for adding one."""

from collections.abc import Callable
from importlib import import_module

from django.utils.translation import gettext as _

from notifications.enums import ProviderKind
from notifications.providers.base import Account, Misconfigured, Provider

# Module and builder, imported when an account first asks for it: the clients of services nobody uses here would cost every process 12 MB.
BUILDERS: dict[str, tuple[str, str]] = {
    ProviderKind.POST_OFFICE: ("post_office", "PostOffice"),
    ProviderKind.SMTP: ("smtp", "Smtp"),
    ProviderKind.ANYMAIL: ("email_services", "build"),
    ProviderKind.TWILIO: ("twilio", "Twilio"),
    ProviderKind.SINCH: ("sinch", "Sinch"),
    ProviderKind.MYSENDINGBOX: ("mysendingbox", "MySendingBox"),
    ProviderKind.PRINT: ("print", "PrintAndPost"),
    ProviderKind.STRIPE: ("stripe", "Stripe"),
}


def build(account: Account) -> Provider:
    """The provider of an account. Raises Misconfigured with a sentence when its settings cannot work."""
    module, name = BUILDERS[account.kind]
    make: Callable[[Account], Provider] = getattr(import_module(f"notifications.providers.{module}"), name)
    provider = make(account)
    if account.channel not in provider.channels:
        raise Misconfigured(_("%(kind)s does not carry this channel.") % {"kind": ProviderKind(account.kind).label})
    return provider
