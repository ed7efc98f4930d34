"""Verify the audit trail of one organization, or of all of them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import AuditHead, Organization
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant


class Command(BaseCommand):
    help = "Recompute the hash chain of the audit trail and name every link that does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            every = options["organization"] is None
            chosen = list(Organization.objects.order_by("slug")) if every else [get_organization(options["organization"])]
        except DomainError as error:
            raise CommandError(error.message) from None
        broken = 0
        for organization in chosen:
            with tenant(organization):
                head = AuditHead.objects.first()
                faults = list(audit.verify())
            for fault in faults:
                values = {"slug": organization.slug, "event": fault.sequence, "reason": fault.reason}
                self.stderr.write(_("%(slug)s: event %(event)s: %(reason)s") % values)
            broken += len(faults)
            said = _("%(slug)s: %(count)s events, the chain is broken.") if faults else _("%(slug)s: %(count)s events, the chain is whole.")
            self.stdout.write(said % {"slug": organization.slug, "count": head.sequence if head else 0})
        if broken:
            said = ngettext(
                "%d link does not hold: the audit trail was tampered with or damaged.",
                "%d links do not hold: the audit trail was tampered with or damaged.",
                broken,
            )
            raise CommandError(said % broken)
