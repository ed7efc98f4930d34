"""Publish the plan of a file (docs/plans.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from scenarios.plan_files import LARGEST_FILE
from scenarios.plan_sentences import sentence
from scenarios.services.plan_exchange import PlanImport, import_plan


class Command(BaseCommand):
    help = "Publish the plan of a YAML file; the same file twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a plan file, as export_plan writes it")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--dry-run", action="store_true", help="check and report, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Path(options["file"]).open("rb") as file:
                source = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise CommandError(_("%(path)s cannot be read: %(why)s.") % {"path": options["file"], "why": error.strerror}) from None
        try:
            with tenant(get_organization(options["organization"])):
                done = import_plan(source=source, actor="system", now=clock.now(), dry_run=options["dry_run"])
        except DomainError as error:
            raise CommandError(f"{error.message}\n" + _("Nothing was written.")) from None
        for problem in done.publication.warnings:
            self.stderr.write(_("Warning: %s") % sentence(problem))
        self.stdout.write(_summary(done, dry_run=options["dry_run"]))


def _summary(done: PlanImport, *, dry_run: bool) -> str:
    key, number = done.publication.plan.key, done.publication.version.number
    changes = [
        *([_("version %(number)s of %(plan)s") % {"number": number, "plan": key}] if done.publication.is_new else []),
        *([_("new names of %s") % key] if done.publication.is_renamed else []),
        *([ngettext("%d text", "%d texts", done.texts) % done.texts] if done.texts else []),
    ]
    if not changes:
        return _("%(plan)s is already in force as version %(number)s: nothing to change.") % {"plan": key, "number": number}
    said = _("It would put in force: %s.") if dry_run else _("In force: %s.")
    return said % ", ".join(changes)
