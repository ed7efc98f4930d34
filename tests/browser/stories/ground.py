"""The ground the five stories are driven on: their cast alone, played by the real engine from its first invoice to Monday's run at six.

What people do that Monday - load receipts, approve, read, enter a judgment - is not played: that is the browser's part. Nobody but the cast
is there, and only business days are played, so that ten weeks cost seconds.
"""

from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Min

from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.services import create_organization, switch_supervision
from dunning.core.tenancy import tenant
from invoices.services import certify_ledger
from notifications.dispatcher import deliver_due
from notifications.enums import MessageState
from notifications.models import Message
from scenarios.enums import Reason
from scenarios.models import Schedule
from scenarios.services.approvals import approve_messages
from scenarios.services.runs import run_organization
from scenarios.services.setup import set_up_organization
from scenarios.simulation import demo
from scenarios.simulation.book import OPEN
from scenarios.simulation.player import play
from scenarios.simulation.stories import Stories, story_cast, tie_together
from scenarios.simulation.trade import Trade

MONDAY: Final = date(2026, 6, 22)  # the board day
FIRST_DAY: Final = 66  # business days before it
ANY_DAY: Final = (Reason.DUE_NOW, Reason.IN_PROGRESS, Reason.LEDGER_NOT_COVERED, Reason.COMMITMENT_PENDING)  # reasons without a day
PASSWORD: Final = "correct horse battery"
CLAIRE, MARC = demo.OWNER, "marc@menuiserie-exemplaire.example"
PARIS: Final = ZoneInfo("Europe/Paris")


class BeforeMonday(Stories):
    """The stories until Monday morning."""

    def _payment_crosses(self, today: date, now: datetime) -> None:
        """Monday's clerk loads it with Friday's receipts."""


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """That moment in Paris, in UTC."""
    return datetime.combine(day, time(hour, minute), tzinfo=PARIS).astimezone(UTC)


class Cast:
    """The stories' people alone: a ledger kept each business day, the stories told, and what waits since yesterday approved."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        with tenant(organization):
            self.stories = BeforeMonday(Trade(), MONDAY)

    def morning(self, today: date, now: datetime) -> None:
        certify_ledger(through=OPEN.add_business_days(today, -1), actor=demo.ACTOR, today=today, now=now)
        self.stories.morning(today, now)

    def at_work(self, today: date, now: datetime) -> None:
        self.stories.at_work(today, now)
        waiting = list(Message.objects.filter(state=MessageState.AWAITING_APPROVAL, planned_on__lt=today).values_list("pk", flat=True))
        if waiting:
            approve_messages(message_ids=waiting, organization=self.organization, actor=demo.ACTOR, today=today, now=now)


def play_the_cast() -> Organization:
    """The organization on Monday at six: its messages wait on the departure board, and Claire, its owner, and Marc, an administrator, have
    not come to work yet."""
    first = OPEN.add_business_days(MONDAY, -FIRST_DAY)
    now = at(5, day=first)
    new = create_organization(
        slug=demo.SLUG,
        name=demo.NAME,
        owner_email=demo.OWNER,
        owner_name="Claire Petit",
        actor=demo.ACTOR,
        now=now,
        is_demo=True,
        **demo.PROFILE,
    )
    organization = new.organization
    new.owner.set_password(PASSWORD)
    new.owner.save(update_fields=["password"])
    second = User.objects.create_user(MARC, PASSWORD, name="Marc Vidal")
    Membership.objects.create(user=second, organization=organization, role=Role.ADMIN)
    set_up_organization(organization=organization, actor=demo.ACTOR, now=now)
    with tenant(organization):
        demo.create_cast(story_cast(), new.owner, first, now)
        tie_together(today=first, now=now)
    life = Cast(organization)
    day = first
    while day < MONDAY:
        play(organization=organization, first=day, last=day, life=life)
        day = _next_day(organization, day, life.stories)
    with tenant(organization):
        switch_supervision(until=OPEN.add_business_days(MONDAY, demo.SUPERVISED), actor=demo.ACTOR, now=at(5))
        life.morning(MONDAY, at(6))
    run_organization(organization=organization, today=MONDAY, now=at(6), actor="system", played=True)
    return organization


def next_morning(organization: Organization, day: date) -> None:
    """The nights until that day: every business day's run at six, its receipts known; then it is ten to nine."""
    last = clock.today(PARIS)
    while last < day:
        last = OPEN.add_business_days(last, 1)
        with tenant(organization):
            certify_ledger(through=OPEN.add_business_days(last, -1), actor=demo.ACTOR, today=last, now=at(5, day=last))
        run_organization(organization=organization, today=last, now=at(6, day=last), actor="system", played=True)
        deliver_due(now=at(9, 30, day=last), organization=organization)
    be_at(at(8, 50, day=day))


def be_at(moment: datetime) -> None:
    """Time goes on from this moment, for the test and for the product it drives."""
    clock.shift(0)
    clock.shift((moment - clock.now()).total_seconds())


def _next_day(organization: Organization, day: date, stories: Stories) -> date:
    """The next business day on which something is told or may be due: a run of a day between would find nothing to do."""
    following = OPEN.add_business_days(day, 1)
    with tenant(organization):
        if Schedule.objects.filter(reason__in=ANY_DAY).exists():
            return following
        due = Schedule.objects.aggregate(next=Min("next_on"), until=Min("until"))
    told = [on for on in stories.days() if on > day]
    return max(following, OPEN.roll(min([*told, *(on for on in due.values() if on is not None and on > day)])))
