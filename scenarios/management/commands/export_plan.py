"""Write a plan to a file (docs/plans.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from scenarios.services.plan_exchange import export_plan


class Command(BaseCommand):
    help = "Write the plan in force as YAML, to a file or to the terminal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="key of the plan, e.g. standard")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--output", metavar="FILE", help="file to write (default: the terminal)")
        parser.add_argument("--with-texts", action="store_true", help="with the texts its steps use, in every language")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tenant(get_organization(options["organization"])):
                content = export_plan(key=options["key"], with_texts=options["with_texts"])
        except DomainError as error:
            raise CommandError(error.message) from None
        if not options["output"]:
            self.stdout.write(content, ending="")
            return
        try:
            Path(options["output"]).write_text(content, encoding="utf-8")
        except OSError as error:
            raise CommandError(_("%(path)s cannot be written: %(why)s.") % {"path": options["output"], "why": error.strerror}) from None
        self.stdout.write(_("%(plan)s was written to %(path)s.") % {"plan": options["key"], "path": options["output"]})
