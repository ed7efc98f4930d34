"""Verify the audit trail of one organization, or of all of them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

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
            chosen = [get_organization(options["organization"])] if options["organization"] else list(Organization.objects.order_by("slug"))
        except DomainError as error:
            raise CommandError(error.message) from None
        broken = 0
        for organization in chosen:
            with tenant(organization):
                head = AuditHead.objects.first()
                faults = list(audit.verify())
            for fault in faults:
                self.stderr.write(f"{organization.slug}: event {fault.sequence}: {fault.reason}")
            broken += len(faults)
            state = "broken" if faults else "whole"
            self.stdout.write(f"{organization.slug}: {head.sequence if head else 0} events, the chain is {state}.")
        if broken:
            raise CommandError(f"{broken} link(s) do not hold: the audit trail was tampered with or damaged.")
