"""The currencies a report offers are those of the organization's invoices."""

from datetime import date

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.currencies import currencies_in_use
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import bill

JUNE_1, JULY_1 = date(2026, 6, 1), date(2026, 7, 1)


def test_each_currency_once_the_organization_s_own_first(organization: Organization) -> None:
    assert currencies_in_use("EUR") == ["EUR"]
    customer = make_customer()
    for number, currency in (("F-1", "USD"), ("F-2", "CHF"), ("F-3", "USD"), ("F-4", "EUR")):
        bill(customer, "10", issued_on=JUNE_1, due_on=JULY_1, number=number, currency=currency)
    assert currencies_in_use("EUR") == ["EUR", "CHF", "USD"]
    assert currencies_in_use("GBP") == ["GBP", "CHF", "EUR", "USD"]


def test_another_organization_s_currencies_are_not_ours(db: None) -> None:
    with tenant(make_organization()):
        bill(make_customer(), "10", issued_on=JUNE_1, due_on=JULY_1, number="F-1", currency="SEK")
    with tenant(make_organization()):
        assert currencies_in_use("EUR") == ["EUR"]
