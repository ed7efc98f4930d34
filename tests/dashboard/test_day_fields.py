"""Days typed on screen: a year that nobody means is asked about, whichever form it stands in."""

from datetime import date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from dunning.dashboard.forms.fields import DayField, MomentField
from invoices.models import PaymentPlan, Promise
from tests.dashboard.conftest import House

OUTSIDE = "Check the year: this day lies outside the years 1970 to 2100."


def test_days_and_moments_lie_within_the_years_somebody_can_mean() -> None:
    assert DayField().clean("2100-12-31") == date(2100, 12, 31)
    assert MomentField().clean("1970-01-01T09:00").replace(tzinfo=None) == datetime(1970, 1, 1, 9, 0)
    for field, text in [(DayField(), "9999-12-31"), (DayField(), "0026-10-02"), (MomentField(), "9999-12-31T23:59")]:
        with pytest.raises(ValidationError) as refusal:
            field.clean(text)
        assert refusal.value.messages == [OUTSIDE]


def test_no_form_of_the_records_ends_in_a_fault_over_a_year(owner: Client, house: House) -> None:
    """The collector's finger stays on the 9: what was typed stays, the year is asked about, nothing is recorded."""
    plan = {"items": [str(house.item.pk)], "count": "3", "first_on": "9999-12-31", "gap": "week", "name": "Anne Durand"}
    promise = {"promised_for": "9999-12-31"}
    for door, typed in [
        (reverse("dashboard:instalments", args=[house.item.customer_id]), plan),
        (reverse("dashboard:promise", args=[house.item.pk]), promise),
        (reverse("dashboard:working_days"), {"working_days": ["0"], "holidays": "FR", "closures": "01/01/9999"}),
    ]:
        answer = owner.post(door, typed)
        assert answer.status_code == 422 and OUTSIDE in answer.content.decode()
    with tenant(house.organization):
        assert (PaymentPlan.objects.count(), Promise.objects.count()) == (0, 0)
