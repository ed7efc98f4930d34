"""Settings, reference rates: what is known with its source, what is missing, and entering it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core import clock
from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import ReferenceRate
from tests.dashboard.conftest import House, sign_in

ADDRESS = "/settings/rates/"
ENTER = "/settings/rates/enter/"
GIVEN = {"series": "ecb_mro", "semester": "2027-H1", "rate": "2,65", "source": "ECB, read on 4 January 2027"}


@pytest.fixture
def in_january() -> Iterator[None]:
    with clock.virtual(datetime(2027, 1, 4, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def clerk(house: House, in_january: None) -> Client:
    return sign_in(house.organization)


def test_what_ships_is_listed_with_its_source_and_what_is_missing_is_said(clerk: Client) -> None:
    assert ADDRESS in clerk.get(reverse("dashboard:settings")).content.decode()
    page = clerk.get(ADDRESS).content.decode()
    assert "2 rates of these half-years are missing" in page
    assert "arrêté du 26 juin 2026 (JO du 30 juin 2026)" in page and "2.75&nbsp;%" in page
    assert f'href="{ENTER}?series=legal_pro&amp;semester=2027-H1"' in page


def test_a_rate_is_entered_with_its_source_and_penalties_are_computed_with_it(clerk: Client, house: House) -> None:
    invoice = reverse("dashboard:invoice", args=[house.item.invoice_id])
    missing = "European Central Bank, main refinancing rate, 1st half of 2027: not known here. Enter it under Settings, Reference rates."
    assert missing in clerk.get(invoice).content.decode()
    form = clerk.get(ENTER + "?series=ecb_mro&semester=2027-H1").content.decode()
    assert '<option value="2027-H1" selected>1st half of 2027</option>' in form
    for refused, sentence in (({"source": ""}, "required"), ({"rate": "abc"}, "Write an amount"), ({"rate": "99"}, "between -5 and 50")):
        answer = clerk.post(ENTER, {**GIVEN, **refused})
        assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert clerk.post(ENTER, GIVEN)["Location"] == ADDRESS
    page = clerk.get(ADDRESS).content.decode()
    assert "One rate of these half-years is missing" in page
    assert "ECB, read on 4 January 2027" in page and "entered by you" in page
    with tenant(house.organization):
        row = ReferenceRate.objects.get()
        assert (row.rate, row.verified_on) == (Decimal("2.650"), date(2027, 1, 4))
    page = clerk.get(invoice).content.decode()
    assert missing not in page and "€38.76" in page  # 1,200 x (12.40 % x 91 + 12.65 % x 4)/365 = 37.10 + 1.66
    assert 'value="2.650"' in clerk.get(ENTER + "?series=ecb_mro&semester=2027-H1").content.decode()


def test_a_law_not_known_here_needs_none(clerk: Client, house: House) -> None:
    with tenant(house.organization):
        OrganizationProfile.objects.update(country="US")
    assert "Penalties under the law of your country (US) are not computed here." in clerk.get(ADDRESS).content.decode()
    assert clerk.get(ENTER).status_code == 404
