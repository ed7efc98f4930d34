"""An organization set up as the product ships it, on the local post office, with a life to lead day by day."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import certify_ledger
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Action
from scenarios.services.runs import RunReport, run_organization
from scenarios.services.setup import set_up_organization
from tests.factories import make_organization
from tests.scenarios import kept_house

CLERK = "user:0199aaaa-0000-7000-8000-000000000001"


def at(day: str, hour: int = 9, minute: int = 5) -> datetime:
    """That UTC instant: 9:05 UTC is inside the sending hours of a French organization, summer and winter."""
    return datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}:00").replace(tzinfo=UTC)


def open_house(day: str = "2026-09-01", **profile: Any) -> Organization:
    """An organization with the five plans, its texts and its post office, not supervised."""
    if (kept := kept_house.put_back(day, profile)) is not None:
        return kept
    organization = make_organization(**profile)
    set_up_organization(organization=organization, actor="system", now=at(day))
    with tenant(organization):
        OrganizationProfile.objects.update(supervised_until=None)
    if not profile:
        kept_house.keep(day, organization)
    return organization


def cover(day: str, through: str | None = None) -> None:
    """Receipts are known to be complete, by default through the day itself."""
    certify_ledger(through=date.fromisoformat(through or day), actor=CLERK, today=date.fromisoformat(day), now=at(day, 4))


def run_on(organization: Organization, day: str, *, covered: bool = True, deliver: bool = True, again: bool = False) -> RunReport:
    """The day's run at six, then what is due leaves at nine."""
    if covered:
        with tenant(organization):
            cover(day)
    report = run_organization(
        organization=organization, today=date.fromisoformat(day), now=at(day, 4, 30), actor="system", again=again, played=True
    )
    if deliver:
        send(organization, day)
    return report


def send(organization: Organization, day: str, hour: int = 9) -> dict[str, int]:
    """What is due leaves."""
    return dict(deliver_due(now=at(day, hour), organization=organization))


def live(organization: Organization, days: Iterable[str]) -> None:
    for day in days:
        run_on(organization, day)


def steps_of(item: Installment) -> list[tuple[str, str, str]]:
    """(step, state, day) of an item's actions in the order they were taken."""
    rows = Action.objects.filter(installment=item).order_by("taken_on", "created_at", "pk")
    return [(row.step_key, row.state, (row.done_on or row.taken_on).isoformat()) for row in rows]


def mail(**filters: Any) -> list[tuple[str, str]]:
    """(template, state) of the messages, oldest first."""
    rows = Message.objects.filter(**filters).order_by("planned_on", "created_at", "pk")
    return [(row.template_key, row.state) for row in rows]
