"""Who the creditor is, where it is paid and how it writes: show it, or change it."""

from argparse import ArgumentTypeError
from datetime import date
from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.identity import IDENTITY, update_profile
from dunning.core.selectors import get_organization, get_profile
from dunning.core.services import change_clock, switch_ledger_gate, switch_supervision
from dunning.core.tenancy import tenant


def _day_or_off(text: str) -> date | Literal[""]:
    if text == "off":
        return ""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(_("“%(text)s” is not a date: write it like 2026-12-31, or off.") % {"text": text}) from None


class Command(BaseCommand):
    help = "Show an organization's profile, or change it: profile --organization SLUG iban=FR76… sender_email=compta@example.com"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE")
        parser.add_argument("--timezone", metavar="ZONE", help="the organization's clock, such as Europe/Paris")
        parser.add_argument("--run-hour", type=int, metavar="HOUR", help="local hour of the daily run, 0 to 23")
        parser.add_argument(
            "--supervised-until", type=_day_or_off, metavar="DATE|off", help="until when every message waits for a person (rule 15)"
        )
        parser.add_argument("--ledger-gate", choices=["on", "off"], help="whether overdue messages wait for complete receipts (rule 8)")

    def handle(self, *args: Any, **options: Any) -> None:
        for pair in options["fields"]:
            if "=" not in pair:
                raise CommandError(_("Write %(pair)s as FIELD=VALUE, for example iban=FR76…") % {"pair": pair})
        fields = dict(pair.split("=", 1) for pair in options["fields"])
        try:
            organization = get_organization(options["organization"])
            with tenant(organization):
                changed = update_profile(actor="command", now=clock.now(), **fields) if fields else []
                if options["ledger_gate"]:
                    switch_ledger_gate(enabled=options["ledger_gate"] == "on", actor="command", now=clock.now())
                if (supervised := options["supervised_until"]) is not None:
                    today = clock.today(organization.timezone)
                    switch_supervision(until=supervised or None, actor="command", today=today, now=clock.now())
                profile = get_profile()
            moves = options["timezone"] is not None or options["run_hour"] is not None
            if moves:
                change_clock(
                    organization=organization,
                    timezone=options["timezone"],
                    run_hour=options["run_hour"],
                    actor="command",
                    now=clock.now(),
                )
        except DomainError as error:
            raise CommandError(error.message) from None
        for name in (*(changed or IDENTITY), "ledger_gate", "supervised_until"):
            self.stdout.write(f"{name}: {getattr(profile, name)}")
        if moves or not fields:
            self.stdout.write(f"timezone: {organization.timezone}\nrun_hour: {organization.run_hour}")
        if fields and not changed:
            self.stdout.write(_("Nothing changed."))
