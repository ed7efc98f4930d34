"""Let messages leave that wait for a person."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from notifications.dispatcher import deliver_due
from notifications.models import Message
from notifications.selectors import awaiting_approval_ids, is_on_post_office
from scenarios.context import local_date
from scenarios.management import words
from scenarios.services.approvals import approve_message, approve_messages, missing_checks

ACTOR = "command:approve"


class Command(BaseCommand):
    help = "Approve one message, or all that wait; a legal message leaves only when its check list is complete."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--all", action="store_true", help="everything that waits for approval")
        which.add_argument("id", nargs="?", type=UUID, metavar="ID", help="one message")
        parser.add_argument("--organization", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            self._approve(organization, options["id"])
        except DomainError as error:
            raise CommandError(error.message) from None
        if is_on_post_office(organization):
            for state, count in sorted(deliver_due(now=clock.now(), organization=organization).items()):
                self.stdout.write(f"  {words.outcome(state)}: {count}")

    def _approve(self, organization: Organization, message_id: UUID | None) -> None:
        now = clock.now()
        today = local_date(organization, now)
        with tenant(organization):
            if message_id is not None:
                message = Message.objects.filter(pk=message_id).first()
                if message is None:
                    raise CommandError(_("There is no message %(id)s in %(slug)s.") % {"id": message_id, "slug": organization.slug})
                approve_message(message=message, organization=organization, actor=ACTOR, today=today, now=now)
                self.stdout.write(_("Approved: it leaves as soon as nothing stands in its way."))
                return
            approved, stay = approve_messages(
                message_ids=awaiting_approval_ids(), organization=organization, actor=ACTOR, today=today, now=now
            )
            self.stdout.write(_("Approved: %s") % approved)
            for message in stay:
                lacking = "; ".join(line.label for line in missing_checks(message=message, organization=organization, today=today))
                values = {"message": message.pk, "customer": message.customer.name, "lacking": lacking}
                self.stdout.write(_("  %(message)s to %(customer)s stays: %(lacking)s") % values)
