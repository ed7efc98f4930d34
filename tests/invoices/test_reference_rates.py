"""Reference rates entered by hand: when each can be known, by which door, and what is said while it is missing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from customers import services as customer_services
from customers.enums import InsolvencyKind
from dunning.core import clock
from dunning.core.errors import DomainError
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.clauses import series_of
from invoices.models import ReferenceRate
from invoices.rates import Semester, Series, known_from
from invoices.selectors import insolvency_split
from invoices.selectors.rates import missing_rates, rate_lines, unpublished_words
from invoices.services import enter_reference_rate
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, bill

JAN_4 = date(2027, 1, 4)


def enter(series: str, rate: str, *, semester: str = "2027-H1", source: str = "Read at the source", on: date = JAN_4) -> ReferenceRate:
    return enter_reference_rate(series=series, semester=semester, rate=Decimal(rate), source=source, **at(on))


def test_each_rate_can_be_known_on_a_day_of_its_own() -> None:
    first, second = Semester(2027, 1), Semester(2027, 2)
    assert (known_from(Series.ECB_MRO, first), known_from(Series.DE_BASE, second)) == (date(2027, 1, 1), date(2027, 7, 1))
    assert (known_from(Series.UK_BOE, first), known_from(Series.UK_BOE, second)) == (date(2026, 12, 31), date(2027, 6, 30))
    assert (known_from(Series.FR_LEGAL_PRO, first), known_from(Series.FR_LEGAL_PRO, second)) == (date(2026, 12, 15), date(2027, 6, 15))


@pytest.mark.parametrize(
    ("country", "series"),
    [("FR", {"ecb_mro", "legal_pro"}), ("ES", {"ecb_mro"}), ("DE", {"de_base"}), ("GB", {"uk_boe"}), ("US", set())],
)
def test_a_law_needs_its_own_rates_and_no_others(country: str, series: set[str]) -> None:
    assert {one.value for one in series_of(country)} == series


def test_a_rate_is_not_entered_before_it_can_be_known_nor_without_its_source(organization: Organization) -> None:
    refusals = [("ecb_mro", "2.65", date(2026, 12, 20), "future_date"), ("ecb_mro", "2.6543", JAN_4, "bad_rate")]
    for series, rate, on, code in refusals:
        with pytest.raises(DomainError) as refusal:
            enter(series, rate, on=on)
        assert refusal.value.code == code
    with pytest.raises(DomainError) as refusal:
        enter("ecb_mro", "2.65", source="  ")
    assert refusal.value.field == "source"
    assert not ReferenceRate.objects.exists()
    assert enter("legal_pro", "2.80", on=date(2026, 12, 20)).rate == Decimal("2.80")  # the order came out on the 15th or after


def test_the_list_shows_what_is_missing_and_who_entered_what(organization: Organization) -> None:
    assert missing_rates(Semester(2026, 2), country_of_law="FR") == []
    assert missing_rates(Semester(2027, 1), country_of_law="FR") == [Series.ECB_MRO, Series.FR_LEGAL_PRO]
    enter("ecb_mro", "2.65")
    enter("ecb_mro", "2.40", source="Corrected")
    lines = rate_lines(today=JAN_4)
    assert [(line.series.value, str(line.semester), line.row.percent if line.row else None, line.is_own) for line in lines[:4]] == [
        ("ecb_mro", "2027-H1", Decimal("2.40"), True),
        ("legal_pro", "2027-H1", None, False),
        ("ecb_mro", "2026-H2", Decimal("2.40"), False),
        ("legal_pro", "2026-H2", Decimal("2.75"), False),
    ]
    assert missing_rates(Semester(2027, 1), country_of_law="FR") == [Series.FR_LEGAL_PRO]


def test_british_half_years_that_do_not_ship_are_listed_as_missing(organization: Organization) -> None:
    OrganizationProfile.objects.update(country="GB")
    lines = rate_lines(today=date(2026, 11, 4))
    assert [str(line.semester) for line in lines if line.row is not None] == ["2026-H1", "2024-H1"]


def test_the_claim_to_declare_says_that_a_rate_is_missing_instead_of_counting_nothing(organization: Organization) -> None:
    """Due 15 December 2026, judgment on 1 February 2027: the penalties of January need a rate that nobody entered."""
    customer, opened = make_customer(), date(2027, 2, 1)
    late = bill(customer, "2400.00", issued_on=date(2026, 11, 15), due_on=date(2026, 12, 15), number="F-1")
    customer_services.record_insolvency(customer=customer, kind=InsolvencyKind.RECEIVERSHIP, opened_on=opened, **at(date(2027, 2, 3)))
    split = insolvency_split(customer)
    assert split is not None
    assert (split.claim, split.incomplete) == ({"EUR": Decimal("2400.00")}, (late,))
    assert [unpublished_words(missing) for missing in split.missing] == [
        "European Central Bank, main refinancing rate, 1st half of 2027: not known here. Enter it under Settings, Reference rates."
    ]
    enter("ecb_mro", "2.65", on=date(2027, 2, 3))
    split = insolvency_split(customer)
    assert split is not None
    # 16 days at 12.40 % = 13.05, 31 days at 12.65 % = 25.79, and the 40 EUR
    assert (split.claim, split.incomplete, split.missing) == ({"EUR": Decimal("2478.84")}, (), ())


def test_the_command_lists_enters_and_corrects(db: None) -> None:
    organization = make_organization(slug="atelier")
    out = StringIO()
    with clock.virtual(datetime(2027, 1, 4, 9, tzinfo=UTC)):
        call_command("reference_rate", "--organization", "atelier", stdout=out)
        assert out.getvalue().startswith(
            "ecb_mro 2027-H1: not known: enter it\nlegal_pro 2027-H1: not known: enter it\necb_mro 2026-H2: 2.40 %"
        )
        given = ["reference_rate", "--organization", "atelier", "ecb_mro", "2027-H1"]
        for wrong, says in ((["abc"], "not a rate"), ([], "Write the series"), (["2,65"], "Say where")):
            with pytest.raises(CommandError, match=says):
                call_command(*given, *wrong, stdout=out)
        out = StringIO()
        call_command(*given, "2,65", source="ECB, read on 4 January 2027", stdout=out)
    assert out.getvalue().startswith("ecb_mro 2027-H1: 2.650 % (ECB, read on 4 January 2027)\n")
    with tenant(organization):
        assert ReferenceRate.objects.get().verified_on == JAN_4
