"""Invoices assigned to a factor are paid to the factor's account: under its name, in messages, on the page and in the code a bank reads."""

from collections.abc import Iterator
from datetime import date

import pytest

from dunning.core import clock
from dunning.core.selectors import get_profile
from dunning.core.tenancy import tenant
from notifications import freezing
from tests.factories import make_customer, make_invoice
from tests.portal.conftest import NOW, link_in, opened, remind
from tests.portal.tools import code_in
from tests.scenarios.houses import open_house

FACTORS = "FR7630006000011234567890189"


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[clock.VirtualClock]:
    with clock.virtual(NOW) as now:
        yield now


def written(**customer: str) -> tuple[str, str]:
    """The reminder of a factored invoice, and the page where it is paid."""
    organization = open_house(default_language="en")
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL", language="en", factor_allows_reminders=True, **customer)
        late = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 10, 1)}
        make_invoice(durand, number="FA-1", amount="1200.00", pay_to_iban=FACTORS, is_factored=True, **late)
    message = remind(organization, durand)
    with tenant(organization):
        return freezing.sealed(message).text, opened(link_in(message)).get("/portal/pay/").content.decode()


@pytest.mark.django_db
def test_the_factor_is_named_with_its_account() -> None:
    text, page = written(factor_name="Facto SA")
    assert "Account holder: Facto SA" in text and "FR76 3000 6000 0112 3456 7890 189" in text
    assert "<dd>Facto SA</dd>" in page and code_in(page).split("\n")[5:7] == ["Facto SA", FACTORS]


@pytest.mark.django_db
def test_an_account_whose_holder_nobody_knows_bears_no_name() -> None:
    """The bank would compare the creditor's name with the factor's, and warn."""
    text, page = written()
    assert "Account holder" not in text and "FR76 3000 6000 0112 3456 7890 189" in text
    assert "FR76 3000 6000" in page and "<dt>To</dt>" not in page and "<svg" not in page


@pytest.mark.django_db
def test_another_account_of_our_own_stays_ours() -> None:
    organization = open_house(default_language="en")
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL", language="en")
        make_invoice(durand, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), pay_to_iban=FACTORS)
    message = remind(organization, durand)
    with tenant(organization):
        page = opened(link_in(message)).get("/portal/pay/").content.decode()
        creditor = get_profile().legal_name
    assert f"<dd>{creditor}</dd>" in page and code_in(page).split("\n")[6] == FACTORS
