"""The reference rates penalties are made of: list them, or enter one that was published."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.money import parse_decimal
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from invoices.management.loading import ACTOR, this_moment
from invoices.rates import Series
from invoices.selectors.rates import rate_lines
from invoices.services import enter_reference_rate


class Command(BaseCommand):
    help = (
        "List the reference rates of late-payment penalties, or enter one: reference_rate --organization SLUG ecb_mro 2027-H1 2.65 "
        '--source "ECB, key interest rates, read on 4 January 2027"; entered again, a rate is corrected.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("series", nargs="?", choices=[series.value for series in Series], metavar="SERIES", help=", ".join(Series))
        parser.add_argument("semester", nargs="?", metavar="SEMESTER", help="such as 2027-H1")
        parser.add_argument("rate", nargs="?", metavar="RATE", help="per cent a year, such as 2.65")
        parser.add_argument("--source", default="", help="where it was published")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            now, today = this_moment(organization)
            with tenant(organization):
                if options["series"]:
                    self._enter(options, {"actor": ACTOR, "today": today, "now": now})
                lines = rate_lines(today=today)
        except DomainError as error:
            raise CommandError(error.message) from None
        if not lines:
            self.stdout.write(_("No reference rate is needed: the penalties of your country's law are not computed here."))
        for line in lines:
            said = f"{line.row.percent} % ({line.row.source})" if line.row is not None else _("not known: enter it")
            self.stdout.write(f"{line.series} {line.semester}: {said}")

    def _enter(self, options: dict[str, Any], when: dict[str, Any]) -> None:
        if options["rate"] is None:
            raise CommandError(_("Write the series, the half-year and the rate: ecb_mro 2027-H1 2.65"))
        try:
            rate = parse_decimal(options["rate"], "," if "," in options["rate"] else ".")
        except ValueError:
            raise CommandError(_("“%(text)s” is not a rate: write it like 2.65.") % {"text": options["rate"][:40]}) from None
        enter_reference_rate(series=options["series"], semester=options["semester"], rate=rate, source=options["source"], **when)
