"""Settings, working days: shown as they are, changed at once for the next run, refused with a sentence beside the field."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.selectors import get_calendar
from dunning.core.tenancy import tenant
from tests.dashboard.conftest import House

ADDRESS = "/settings/working-days/"
FORM = {
    "working_days": ["0", "1", "2", "3", "4"],
    "holidays": "FR",
    "closures": "",
    "soft_periods": "01/08 - 21/08\n24/12 - 02/01",
    "follows_habits": "on",
}


def test_what_a_new_organization_has_is_shown_and_saving_it_changes_nothing(owner: Client, house: House) -> None:
    assert reverse("dashboard:working_days") == ADDRESS
    assert ADDRESS in owner.get(reverse("dashboard:settings")).content.decode()
    page = owner.get(ADDRESS).content.decode()
    assert "01/08 - 21/08\n24/12 - 02/01" in page
    owner.post(ADDRESS, FORM)
    with tenant(house.organization):
        assert not AuditEvent.objects.filter(action="organization.working_days").exists()


def test_everything_changes_at_once(owner: Client, house: House) -> None:
    given = {
        "working_days": ["1", "2", "3", "4", "5"],
        "holidays": "FR-6AE",
        "closures": "14/08/2027\n2027-05-07",
        "soft_periods": " 10/07 – 20/07 ",
    }
    assert owner.post(ADDRESS, given)["Location"] == reverse("dashboard:settings")
    with tenant(house.organization):
        profile = OrganizationProfile.objects.get()
        assert (profile.closures, profile.soft_periods) == ([date(2027, 5, 7), date(2027, 8, 14)], ["07-10/07-20"])
        calendar = get_calendar(profile)
        shut = (date(2027, 3, 26), date(2027, 5, 7), date(2027, 10, 11))  # Good Friday, a closure, a Monday
        assert not any(calendar.is_business_day(day) for day in shut)
        assert calendar.is_business_day(date(2027, 10, 9))  # a Saturday
        assert calendar.soft_through_ordinal(date(2027, 7, 12).toordinal()) == date(2027, 7, 20).toordinal()
        event = AuditEvent.objects.get(action="organization.working_days")
        assert event.body["before"]["soft_periods"] == ["08-01/08-21", "12-24/01-02"]
        assert (event.body["before"]["follows_habits"], event.body["after"]["follows_habits"]) == (True, False)  # the box was left empty
        assert not profile.follows_habits
    owner.post(ADDRESS, {**FORM, "holidays": "-", "soft_periods": ""})
    with tenant(house.organization):
        calendar = get_calendar(OrganizationProfile.objects.get())
        assert calendar.is_business_day(date(2027, 7, 14))
        assert calendar.soft_through_ordinal(date(2027, 8, 10).toordinal()) is None
        assert OrganizationProfile.objects.get().follows_habits


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("working_days", [], "Work on one day of the week at least."),
        ("closures", "14 août", "“14 août” is not a day: write it as 14/08/2027."),
        ("soft_periods", "01/08", "“01/08” is not a period: write it as 01/08 - 21/08."),
        ("soft_periods", "01/08 - 32/08", "“01/08 - 32/08” is not a period: write it as 01/08 - 21/08."),
        ("holidays", "XX", "Select a valid choice. XX is not one of the available choices."),
        ("soft_periods", "\n".join(f"{day:02}/03 - {day:02}/04" for day in range(1, 14)), "At most 12 periods."),
    ],
)
def test_what_cannot_be_is_said_beside_the_field_and_nothing_changes(
    owner: Client, house: House, field: str, value: str | list[str], sentence: str
) -> None:
    answer = owner.post(ADDRESS, {**FORM, "closures": "", field: value})
    assert (answer.status_code, answer.context["form"].errors) == (422, {field: [sentence]})
    with tenant(house.organization):
        assert OrganizationProfile.objects.get().soft_periods == ["08-01/08-21", "12-24/01-02"]


def test_who_may_not_manage_has_no_such_page(viewer: Client) -> None:
    assert viewer.get(ADDRESS).status_code == 403
