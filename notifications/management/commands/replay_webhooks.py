"""`manage.py replay_webhooks`: send again what was given up."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from notifications.enums import EndpointState
from notifications.models import WebhookEndpoint
from notifications.webhooks import log


def moment(text: str) -> datetime:
    """A moment with its zone, or CommandError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(_("“%(text)s” is not a moment with its time zone, such as 2026-10-05T09:30+02:00.") % {"text": text})
    return found


class Command(BaseCommand):
    help = "Send the webhooks of an organization again that were given up since a moment, under the same ids."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="SLUG")
        parser.add_argument("--since", required=True, help="the moment since which they were given up, with its time zone")
        parser.add_argument("--url", help="only the webhook of this address; otherwise all that are switched on")

    def handle(self, *args: Any, **options: Any) -> None:
        since = moment(options["since"])
        try:
            organization = get_organization(options["organization"])
            with tenant(organization):
                chosen = WebhookEndpoint.objects.order_by("created_at", "pk")
                chosen = chosen.filter(url=options["url"]) if options["url"] else chosen.filter(state=EndpointState.ACTIVE)
                if not chosen:
                    raise CommandError(_("No webhook of this organization has that address, or none is switched on."))
                for endpoint in chosen:
                    count = log.replay_failed(endpoint_id=endpoint.pk, since=since, actor="system", now=clock.now())
                    said = ngettext("%(url)s: %(count)d delivery is sent again.", "%(url)s: %(count)d deliveries are sent again.", count)
                    self.stdout.write(said % {"url": endpoint.url, "count": count})
        except DomainError as error:
            raise CommandError(error.message) from None
