"""Choose how an organization sends over a channel."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.enums import WRITTEN_CHANNELS
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from notifications.enums import PayBy, ProviderKind
from notifications.services import set_provider, set_up_post_office

ACTOR = "command:set_provider"


class Command(BaseCommand):
    help = (
        "Choose how an organization sends over a channel, for instance: set_provider --organization menuiserie --channel email --kind smtp "
        "--set host=mail.example.fr --set port=587 --set security=starttls --set username=relances --secret password=SMTP_PASSWORD. "
        "With --post-office, nothing leaves this machine any more, on any channel."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--post-office", action="store_true", help="the local post office takes every channel")
        parser.add_argument("--channel", choices=sorted([*WRITTEN_CHANNELS, PayBy.CARD]))
        parser.add_argument("--kind", choices=ProviderKind.values)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting (docs/providers.md)")
        parser.add_argument(
            "--secret", action="append", default=[], metavar="NAME=VARIABLE", help="a secret, by the environment variable that holds it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["post_office"] == bool(options["channel"] and options["kind"]):
            raise CommandError(_("Give --channel and --kind, or --post-office."))
        now = clock.now()
        try:
            organization = get_organization(options["organization"])
            if options["post_office"]:
                set_up_post_office(organization=organization, actor=ACTOR, now=now)
                self.stdout.write(_("%s: the local post office takes everything, nothing leaves this machine.") % organization.name)
                return
            with tenant(organization):
                account = set_provider(
                    channel=options["channel"],
                    kind=ProviderKind(options["kind"]),
                    actor=ACTOR,
                    now=now,
                    settings=_pairs(options["set"]),
                    secrets={name: _from_environment(variable) for name, variable in _pairs(options["secret"]).items()},
                )
        except DomainError as error:
            raise CommandError(error.message) from None
        values = {"name": organization.name, "channel": account.get_channel_display(), "way": ProviderKind(account.kind).label}
        self.stdout.write(_("%(name)s: %(channel)s goes through %(way)s.") % values)


def _pairs(words: list[str]) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in words)
    if wrong := [word for word in words if "=" not in word]:
        raise CommandError(_("Write NAME=VALUE, not “%s”.") % wrong[0])
    return pairs


def _from_environment(variable: str) -> str:
    """Secrets do not belong on a command line, where other users and the shell's history see them."""
    value = os.environ.get(variable, "")
    if not value:
        raise CommandError(_("The environment variable %s is empty or not set.") % variable)
    return value
