"""A half-year whose reference rates nobody has entered: who is told, and what waits until somebody has."""

from datetime import date
from decimal import Decimal

import pytest

from dunning.core import documents, notices
from dunning.core.enums import Role
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.dashboard.notices import told as sentences
from invoices.services import enter_reference_rate
from notifications.models import Message
from scenarios import telling
from scenarios.services.approvals import approve_message
from scenarios.services.board import release_messages
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.scenarios.road import attach, call, words_of
from tests.scenarios.test_notices import person, told

pytestmark = pytest.mark.django_db


def enter(house: Organization, series: str, rate: str, day: str) -> None:
    with tenant(house):
        when = {"actor": CLERK, "today": date.fromisoformat(day), "now": at(day)}
        enter_reference_rate(series=series, semester="2027-H1", rate=Decimal(rate), source="ECB, key interest rates", **when)


def test_those_who_manage_hear_of_it_on_15_december_and_once_more_when_the_half_year_began_without_it() -> None:
    house = open_house(country="ES")
    olga, anna = person(house, "olga", Role.OWNER), person(house, "anna")
    for day in ("2026-12-14", "2026-12-15", "2026-12-16", "2027-01-04", "2027-01-05"):
        run_on(house, day)
    coming, missing = (
        {"semester": "2027-H1", "series": ["ecb_mro"], "coming": True},
        {"semester": "2027-H1", "series": ["ecb_mro"], "coming": False},
    )
    assert [details for topic, details in told(olga) if topic == "rates"] == [coming, missing]
    assert told(anna) == []


def test_nobody_hears_of_a_rate_that_was_entered_and_french_law_needs_two() -> None:
    house = open_house()
    olga = person(house, "olga", Role.OWNER)
    enter(house, "legal_pro", "2.80", "2026-12-21")
    enter(house, "ecb_mro", "2.65", "2027-01-04")
    with tenant(house):
        telling.tell_rates(country_of_law="FR", today=date(2027, 1, 4), now=at("2027-01-04"))
        assert told(olga) == []
        telling.tell_rates(country_of_law="FR", today=date(2027, 6, 15), now=at("2027-06-15"))
        (said,) = sentences(notices.notices_of(olga))
    assert (said.title, said.detail) == (
        "Rates to enter: 2nd half of 2027",
        "European Central Bank, main refinancing rate, French legal interest rate, professional creditors: as soon as published.",
    )


def test_a_formal_notice_of_the_new_year_waits_for_the_rate_and_leaves_once_it_is_entered() -> None:
    """Due on 30 November 2026; the formal notice is approved on 8 January, and the rate of 1 January entered on the 11th."""
    house = open_house(soft_periods=[])
    with tenant(house):
        office = {"registered_line1": "1 place du Siège", "registered_postal_code": "75002", "registered_city": "Paris"}
        customer = make_customer("C1", legal_representative="Paul Durand", language="fr", **office)
        item = make_invoice(customer, number="FA-1", amount="1200.00", issued_on=date(2026, 10, 30), due_on=date(2026, 11, 30))
        attach(item.invoice, proof=False, day="2026-10-30")
        attach(item.invoice, proof=True, day="2026-10-30")
    for day in ("2026-12-01", "2026-12-08"):
        run_on(house, day)
    call(house, "2026-12-08")
    for day in ("2026-12-14", "2026-12-28", "2027-01-06", "2027-01-08"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2027, 1, 8), now=at("2027-01-08", 8))
    send(house, "2027-01-08")
    with tenant(house):
        notice.refresh_from_db()
        assert (notice.state, notice.reason) == ("held", "missing_value")
        assert "1st half of 2027: not known here. Enter it under Settings, Reference rates." in notice.reason_text
    enter(house, "ecb_mro", "2.65", "2027-01-11")
    with tenant(house):
        release_messages(message_ids=[notice.pk], actor=CLERK, now=at("2027-01-11", 8))
    assert send(house, "2027-01-11") == {"to_post": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert notice.document is not None
        letter = words_of(documents.read(notice.document))
    annex = letter[letter.index("Annexe 1 —") :]
    assert "12,40 %" in annex and "12,65 %" in annex
