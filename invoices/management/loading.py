"""What the commands that load a file share: their options, and the road from a file to its report."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.selectors import get_organization
from invoices.importers.dates import in_range, order_named
from invoices.importers.problems import FileRefused
from invoices.importers.reading import Said
from invoices.importers.report import Report
from invoices.importers.session import Loader, Options, load

ACTOR = "system"  # whoever holds the command line holds the whole installation


def a_day(text: str) -> date:
    """A date of the command line: 2026-12-31. An argparse type: raises ArgumentTypeError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(_("“%(text)s” is not a date: write it like 2026-12-31.") % {"text": text}) from None
    try:
        return in_range(day)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def pairs(items: list[str]) -> Mapping[str, str]:
    """`column=field` options as a mapping. Raises CommandError."""
    found = {}
    for item in items:
        column, sign, name = item.rpartition("=")
        if not sign or not column.strip() or not name.strip():
            raise CommandError(_("“%(item)s” does not say column=field.") % {"item": item})
        found[column.strip()] = name.strip()
    return found


class LoadCommand(BaseCommand):
    """A command that loads one file of an organization."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV (any usual separator and encoding) or XLSX")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--map", action="append", default=[], metavar="COLUMN=FIELD", help="may be repeated; COLUMN=- ignores a column")
        parser.add_argument("--date-format", metavar="FORMAT", help="dmy, mdy or ymd, for dates that do not tell")
        parser.add_argument("--decimal", choices=["comma", "point"], help="for amounts like 1,234 that do not tell")
        parser.add_argument("--currency", default="", metavar="CODE", help="of amounts without one; default: the organization's")
        parser.add_argument("--sheet", default="", metavar="NAME", help="of a workbook; default: the one whose heading is known best")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument("--strict", action="store_true", help="load nothing when one row is refused")
        parser.add_argument("--errors", type=Path, metavar="FILE", help="where refused rows go; default: FILE.errors.csv")

    def loader(self, options: Mapping[str, Any], today: date) -> Loader:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(self.report(options).summary())
        except FileRefused as refused:
            raise CommandError(refused.for_command) from None
        except DomainError as error:
            raise CommandError(error.message) from None

    def report(self, options: Mapping[str, Any]) -> Report:
        organization = get_organization(options["organization"])
        now, today = this_moment(organization)
        report = load(
            self.loader(options, today),
            options["file"],
            organization=organization,
            options=given(options),
            actor=ACTOR,
            today=today,
            now=now,
        )
        if not report.loaded and not report.dry_run:
            raise CommandError(report.summary())
        return report


def given(options: Mapping[str, Any]) -> Options:
    """The options of the command line as the importers know them. Raises CommandError."""
    try:
        order = order_named(options["date_format"]) if options["date_format"] else None
    except ValueError as error:
        raise CommandError(str(error)) from None
    return Options(
        mapping=pairs(options["map"]),
        order=order,
        decimal={"comma": ",", "point": ".", None: None}[options["decimal"]],
        source=Said(sheet=options["sheet"]),
        currency=options["currency"],
        dry_run=options["dry_run"],
        strict=options["strict"],
        errors_path=options["errors"],
    )


def this_moment(organization: Organization) -> tuple[datetime, date]:
    """Now, and the organization's own day."""
    return clock.now(), clock.today(organization.timezone)
