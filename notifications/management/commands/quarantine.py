"""`manage.py quarantine`: after a restore, before the workers start."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.selectors import get_organization
from dunning.core.services import switch_supervision
from dunning.core.tenancy import tenant
from notifications.quarantine import quarantine


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(_("“%(text)s” is not a moment with its time zone, such as 2026-10-05T09:30+02:00.") % {"text": text})
    return found


class Command(BaseCommand):
    help = (
        "After a restore or a fail-over that lost the last changes, with web, workers and sweep stopped: make every message that may have "
        "left since that moment uncertain, hold what waited for a person, and have what today's run writes again wait for one too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, help="the moment the database was restored to, with its time zone")
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")

    def handle(self, *args: Any, **options: Any) -> None:
        since, now = moment(options["since"]), clock.now()
        if since > now:
            raise CommandError(_("That moment has not come yet."))
        try:
            every = options["organization"] is None
            chosen = list(Organization.objects.order_by("slug")) if every else [get_organization(options["organization"])]
        except DomainError as error:
            raise CommandError(error.message) from None
        for organization in chosen:
            found = quarantine(organization=organization, since=since, now=now, actor="system")
            today = clock.today(organization.timezone)
            with tenant(organization):
                supervised = OrganizationProfile.objects.values_list("supervised_until", flat=True).get()
                if supervised is None or supervised < today:  # what was written and sent after that moment would be written again
                    switch_supervision(until=today, actor="system", now=now)
            said = ngettext(
                "%(slug)s: %(count)d message may have left and is uncertain.",
                "%(slug)s: %(count)d messages may have left and are uncertain.",
                found.uncertain,
            )
            self.stdout.write(said % {"slug": organization.slug, "count": found.uncertain})
            if found.held:
                said = ngettext(
                    "%(slug)s: %(count)d message that waited for a person may have left too and is held.",
                    "%(slug)s: %(count)d messages that waited for a person may have left too and are held.",
                    found.held,
                )
                self.stdout.write(said % {"slug": organization.slug, "count": found.held})
