"""Print the address a provider reports to, and change it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.enums import WRITTEN_CHANNELS
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from notifications.services import hook_address

ACTOR = "command:provider_hook"


class Command(BaseCommand):
    help = (
        "Print the address to give to an organization's provider, where it reports what became of messages and passes on replies. "
        "It is a secret. With --rotate, a new one is made and the old one is unknown from that moment."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--channel", required=True, choices=sorted(WRITTEN_CHANNELS))
        parser.add_argument("--rotate", action="store_true", help="make a new address; the old one stops at once")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            with tenant(organization):
                address = hook_address(channel=options["channel"], rotate=options["rotate"], actor=ACTOR, now=clock.now())
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(address)
        if address.startswith("http://"):
            self.stderr.write(_("No provider reaches this address: set PUBLIC_BASE_URL to the https address of this installation."))
