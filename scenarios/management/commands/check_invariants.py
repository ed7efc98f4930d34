"""`manage.py check_invariants`: what must hold, asked of what is written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import ngettext

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.selectors import get_organization
from scenarios import invariants


class Command(BaseCommand):
    help = "Check the invariants of reliability (docs/reliability.md) in one organization, or in all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            every = options["organization"] is None
            chosen = list(Organization.objects.order_by("slug")) if every else [get_organization(options["organization"])]
        except DomainError as error:
            raise CommandError(error.message) from None
        now, broken = clock.now(), 0
        for organization in chosen:
            for violation in invariants.check(organization, now=now):
                broken += 1
                self.stderr.write(str(violation))
        if broken:
            said = ngettext("%d rule is broken: see above.", "%d rules are broken: see above.", broken)
            raise CommandError(said % broken)
        said = ngettext("Every rule holds in %d organization.", "Every rule holds in %d organizations.", len(chosen))
        self.stdout.write(said % len(chosen))
