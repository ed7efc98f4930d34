"""Attach the copies of invoices found in a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from invoices.importers.documents import attach_pdfs
from invoices.management.loading import ACTOR, this_moment


class Command(BaseCommand):
    help = "Attach PDF files to invoices; a file is named after its invoice, with _ or - for the / of a number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            now, today = this_moment(organization)
            outcome = attach_pdfs(
                options["folder"], organization=organization, dry_run=options["dry_run"], actor=ACTOR, today=today, now=now
            )
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(outcome.summary())
