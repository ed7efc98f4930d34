"""Create a key of the API and print it, once."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.api_keys import create_api_key, end_of_day
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.selectors import get_organization

ACTOR = "command:create_api_key"


class Command(BaseCommand):
    help = "Create a key by which a program reads and writes an organization's data over the API, and print it: it cannot be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="by which you will know the key, such as the software that uses it")
        parser.add_argument(
            "--scopes",
            nargs="+",
            required=True,
            metavar="SCOPE",
            help="read or write for everything, or words such as customers:read payments:write",
        )
        parser.add_argument("--expires", metavar="DATE", help="the last day on which it opens, such as 2027-12-31 (default: none)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            new = create_api_key(
                organization=organization,
                name=options["name"],
                scopes=[word.strip() for part in options["scopes"] for word in part.split(",")],
                expires_at=_end_of(options["expires"], organization),
                actor=ACTOR,
                now=clock.now(),
            )
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(new.token)
        self.stderr.write(_("Keep it where passwords are kept: it cannot be shown again."))


def _end_of(text: str | None, organization: Organization) -> datetime | None:
    """The last moment of a day on the organization's clock. Raises CommandError."""
    if text is None:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(_("“%(text)s” is not a date: write it like 2026-12-31.") % {"text": text})
    return end_of_day(day, organization)
