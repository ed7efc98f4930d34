"""Play files on their own dates, day by day under a virtual clock, on the local post office."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_organization
from dunning.core.services import switch_supervision
from dunning.core.tenancy import tenant
from invoices.importers.dates import order_named
from invoices.importers.values import check_currency
from invoices.management.loading import a_day
from scenarios.management import words
from scenarios.models import ActionPlan
from scenarios.services.plans import Target, assign_plan
from scenarios.simulation.player import Played, play, refuse_real_ways
from scenarios.simulation.replay import Replay, counted, figures, messages_after_payment
from scenarios.simulation.script import read_script

ACTOR = "replay"
SHOWN = 20  # rows left out
TABLE_LANGUAGE = "en"  # the figures are for who compares plans; what is played speaks its customers' languages


class Command(BaseCommand):
    help = "Feed each invoice on its issue date and each payment on its own date, run every day, and print what each step came to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--invoices", required=True, type=Path, metavar="FILE", help="CSV or XLSX, as import_invoices reads it")
        parser.add_argument("--payments", required=True, type=Path, metavar="FILE", help="may be the same file")
        parser.add_argument("--from", dest="first", required=True, type=a_day, metavar="DATE", help="first day played")
        parser.add_argument("--to", dest="last", required=True, type=a_day, metavar="DATE", help="last day played")
        parser.add_argument("--map", nargs="*", default=[], metavar="COLUMN=FIELD", help="columns whose heading is not recognised")
        parser.add_argument("--date-format", default="", metavar="FORMAT", help="when the dates do not prove their order: DMY, MDY or YMD")
        parser.add_argument("--currency", default="USD", help="of amounts without one (default: USD)")
        parser.add_argument("--plan", default="standard", metavar="KEY", help="the plan everybody follows (default: standard)")
        parser.add_argument("--every-day-works", action="store_true", help="no week-end, holiday, soft period or payer's habit")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._play(options)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _play(self, options: dict[str, Any]) -> None:
        organization = get_organization(options["organization"])
        refuse_real_ways(organization)
        if options["first"] > options["last"]:
            raise CommandError(_("The first day to play, %(first)s, comes after the last, %(last)s.") % options)
        mapping = dict(pair.split("=", 1) for pair in options["map"] if "=" in pair)
        if len(mapping) != len(options["map"]):
            raise CommandError("Write --map as COLUMN=FIELD, for example --map customerID=customer.")
        try:
            order = order_named(options["date_format"]) if options["date_format"] else None
            currency = check_currency(options["currency"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        script = read_script(options["invoices"], options["payments"], mapping=mapping, order=order, currency=currency)
        for line in script.refused[:SHOWN]:
            self.stderr.write(line)
        if len(script.refused) > SHOWN:
            self.stderr.write(_("  … and %(more)s more") % {"more": len(script.refused) - SHOWN})
        now = clock.now()
        with tenant(organization):
            plan = ActionPlan.objects.filter(key=options["plan"], archived_at=None).first()
            if plan is None:
                known = ", ".join(ActionPlan.objects.order_by("key").values_list("key", flat=True))
                raise CommandError(f"There is no plan “{options['plan']}”. Known: {known}.")
            assign_plan(plan=plan, target=Target(), since=date(2000, 1, 1), actor=ACTOR, now=now)
            switch_supervision(until=None, actor=ACTOR, now=now)
            if options["every_day_works"]:
                OrganizationProfile.objects.update(holiday_country="", working_days=list(range(7)), soft_periods=[], follows_habits=False)
            with translation.override(TABLE_LANGUAGE):
                for sentence in words.missing(organization, receipts=False):
                    self.stderr.write(sentence)
            life = Replay(organization, script)
            life.create_customers(options["first"], now)
        played = play(organization=organization, first=options["first"], last=options["last"], life=life, on_day=self._progress)
        with translation.override(TABLE_LANGUAGE):
            self._report(organization, script.invoice_count, played)

    def _progress(self, today: date, played: Played) -> None:
        if today.day == 1:
            self.stderr.write(f"{today.isoformat()}: {sum(played.messages.values())} messages so far")

    def _report(self, organization: Any, invoices: int, played: Played) -> None:
        self.stdout.write(f"{invoices} invoices, {played.days} days, {played.seconds:.1f} s")
        self.stdout.write(f"{'step':<18}{'items':>9}{'messages':>10}{'tasks':>8}{'letters':>9}")
        for row in figures(organization):
            self.stdout.write(f"{row.key:<18}{row.items:>9}{row.messages:>10}{row.tasks:>8}{row.letters:>9}")
        for (channel, state), count in sorted(counted(organization).items()):
            self.stdout.write(f"{words.channel(channel)}, {words.outcome(state)}: {count}")
        with tenant(organization):
            for sentence in (*words.missing(organization, receipts=False), *words.waiting_for_us()):
                self.stdout.write(sentence)
        self.stdout.write(f"messages after payment: {messages_after_payment(organization)}")
