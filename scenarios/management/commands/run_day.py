"""Run one organization's day by hand, with the very code of the daily run, and say what it decided."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.money import format_money
from dunning.core.selectors import get_organization
from dunning.core.tenancy import tenant
from invoices.management.loading import a_day
from notifications.dispatcher import deliver_due
from notifications.enums import MessageState
from notifications.models import Message
from notifications.selectors import is_on_post_office
from scenarios.context import local_date
from scenarios.enums import DecisionKind, Reason
from scenarios.management import words
from scenarios.models import Schedule
from scenarios.services.runs import RunReport, refresh_schedule, run_organization

ACTOR = "command:run_day"
AT_WORK = time(9, 5)  # when a day other than today is run: inside the usual sending hours


class Command(BaseCommand):
    help = "Decide every open item of one organization for a day, write what follows, and print it by kind and reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--on", type=a_day, metavar="DATE", help="another day than today, e.g. 2026-10-09 (local post office only)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
        except DomainError as error:
            raise CommandError(error.message) from None
        today = local_date(organization, clock.now())
        day = options["on"] or today
        local = is_on_post_office(organization)
        if day == today:
            self._run(organization, day, clock.now(), local)
            return
        if not local:
            raise CommandError(
                _(
                    "Another day than today is run only while every channel is on the local post office: its messages would really "
                    "leave. Nothing was done."
                )
            )
        moment = datetime.combine(day, AT_WORK, tzinfo=ZoneInfo(organization.timezone))
        with clock.virtual(moment):
            self._run(organization, day, clock.now(), local)
        refresh_schedule(organization=organization, today=day, now=moment)

    def _run(self, organization: Organization, day: date, now: datetime, local: bool) -> None:
        report = run_organization(organization=organization, today=day, now=now, actor=ACTOR, again=True, played=clock.is_virtual())
        self._say_decisions(organization, day, report)
        if local:
            delivered = deliver_due(now=now, organization=organization)
            self._say_counts(_("Messages at the local post office"), delivered, words.outcome)
        self._say_waiting(organization)

    def _say_decisions(self, organization: Organization, day: date, report: RunReport) -> None:
        with tenant(organization):
            amounts = _chased_by_reason()
        values = {"name": organization.name, "day": day.isoformat(), "items": report.run.items}
        self.stdout.write(_("%(name)s, %(day)s: %(items)s open items") % values)
        self.stdout.write("")
        decisions = report.counts.get("decisions", {})
        lines = [(_("decision"), _("reason"), _("items"), _("asked for"))]
        for kind in DecisionKind:
            for reason, count in sorted(decisions.get(kind.value, {}).items(), key=lambda entry: (-entry[1], entry[0])):
                lines.append((str(kind.label), str(Reason(reason).label), str(count), " + ".join(amounts.get(reason, ()))))
        first, second, third = (max(len(line[column]) for line in lines) for column in range(3))
        for decision, why, count, asked in lines:
            self.stdout.write(f"  {decision:<{first}}  {why:<{second}}  {count:>{third}}  {asked}".rstrip())
        self.stdout.write("")
        with tenant(organization):
            names = words.step_names()
            lacking, waiting = list(words.missing(organization)), list(words.waiting_for_us())
        self._say_counts(_("Steps taken"), report.counts.get("steps", {}), lambda key: names.get(key, key))
        self._say_counts(_("Steps dropped"), report.counts.get("skips", {}), lambda reason: Reason(reason).label)
        self._say_counts(_("Messages written"), report.counts.get("messages", {}), words.channel)
        self._say_counts(_("Tasks opened"), report.counts.get("tasks", {}), words.task)
        self._say_counts(_("Also done"), report.kept, words.housekeeping)
        amounts_claimed = sorted(report.counts.get("amounts", {}).items())
        claimed = [format_money(Decimal(cents) / 100, currency, words.language()) for currency, cents in amounts_claimed if cents]
        if claimed:
            self.stdout.write(_("Claimed: %s") % " + ".join(claimed))
        if report.brake is not None:
            said = _(
                "The run stopped and asks: %(planned)s instead of %(announced)s announced (%(cause)s). "
                "Its messages are held until a person releases the brake on the departure board."
            )
            self.stdout.write(
                said % {"planned": report.brake.planned, "announced": report.brake.announced, "cause": words.cause(report.brake, names)}
            )
        if waiting:
            self.stdout.write(_("Waiting for us:"))
        for sentence in (*waiting, *lacking):
            self.stdout.write(f"  {sentence}")

    def _say_counts(self, title: str, counts: Mapping[str, int], named: Callable[[str], object]) -> None:
        said = ", ".join(f"{name} {count}" for name, count in sorted((str(named(key)), count) for key, count in counts.items()) if count)
        if said:
            self.stdout.write(_("%(title)s: %(said)s") % {"title": title, "said": said})

    def _say_waiting(self, organization: Organization) -> None:
        with tenant(organization):
            states = (MessageState.AWAITING_APPROVAL, MessageState.HELD, MessageState.QUEUED, MessageState.RETRY)
            waiting = Counter(Message.objects.filter(state__in=states).values_list("state", flat=True))
        if waiting:
            said = ", ".join(f"{MessageState(state).label} {count}" for state, count in sorted(waiting.items()))
            self.stdout.write(_("Still waiting: %s") % said)
        if waiting[MessageState.AWAITING_APPROVAL]:
            self.stdout.write(_("Approve with: %s") % f"python3 manage.py approve --all --organization {organization.slug}")


def _chased_by_reason() -> dict[str, list[str]]:
    """What is asked for under each reason, by currency, formatted."""
    rows = (
        Schedule.objects.filter(installment__outstanding__gt=0, chased__gt=0)
        .values("reason", currency=F("installment__invoice__currency"))
        .annotate(total=Sum("chased"))
        .order_by("reason", "currency")
    )
    amounts: dict[str, list[str]] = {}
    for row in rows:
        amounts.setdefault(row["reason"], []).append(format_money(row["total"], row["currency"], words.language()))
    return amounts
