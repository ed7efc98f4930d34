"""The demonstration tenant: prepared in a second or two, then played for a year through the real engine."""

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.services import reset_password
from scenarios.simulation import demo
from scenarios.simulation.player import Played


class Command(BaseCommand):
    help = "Create Menuiserie Exemplaire SAS (--prepare) and play its year up to today (--play)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="create the organization and print a sign-in as one line of JSON")
        parser.add_argument("--play", action="store_true", help="play the days up to today, with progress")
        parser.add_argument(
            "--unsynced", action="store_true", help="do not wait for the disk at each commit: a day that a power cut takes is played again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organization, owner, password = demo.prepare(now=clock.now())
        if options["prepare"]:
            sign_in = {"email": owner.email, "password": password or reset_password(user=owner), "organization": organization.slug}
            self.stdout.write(json.dumps(sign_in))
        if not options["play"]:
            return
        if options["unsynced"]:
            with connection.cursor() as cursor:
                cursor.execute("SET synchronous_commit = off")
        played = demo.live(organization=organization, now=clock.now(), on_day=self._progress)
        if played is None:
            self.stdout.write(_("%s: the year is played up to today.") % organization.name)
            return
        sent = sum(played.messages.values())
        values = {"name": organization.name, "days": played.days, "seconds": f"{played.seconds:.0f}", "messages": sent}
        self.stdout.write(_("%(name)s: %(days)s days played in %(seconds)s s, %(messages)s messages written.") % values)

    def _progress(self, today: date, played: Played) -> None:
        if today.day == 1:
            values = {"day": f"{today:%d/%m/%Y}", "messages": sum(played.messages.values())}
            self.stdout.write(_("Played up to %(day)s: %(messages)s messages so far") % values)
            self.stdout.flush()
