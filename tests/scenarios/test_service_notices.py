"""What comes before the term is about its own invoices alone: what else stands on the account is shown, not announced (rules 2 and 5)."""

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import live, open_house
from tests.scenarios.road import mail_of, plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    return open_house()


def _owes(house: Organization, *invoices: tuple[str, str, str, str], **fields: str) -> Customer:
    """A customer's invoices: number, amount, issue and due dates."""
    with tenant(house):
        durand = make_customer("C1", **fields)  # type: ignore[arg-type]
        for number, amount, issued_on, due_on in invoices:
            make_invoice(durand, number=number, amount=amount, issued_on=date.fromisoformat(issued_on), due_on=date.fromisoformat(due_on))
    return durand


# --- on the due date, and not quite -------------------------------------------------------------------------------------------------------


def test_a_notice_that_leaves_before_a_sunday_names_the_day(house: Organization) -> None:
    """Due on Sunday 4 October: a notice never passes the due date, it leaves on Friday."""
    _owes(house, ("FA-SUN", "500.00", "2026-09-01", "2026-10-04"))
    live(house, ["2026-09-07", "2026-09-28", "2026-10-02"])
    with tenant(house):
        message = mail_of("2026-10-02")
    words = plain(message.body_text)
    assert (message.template_key, message.state) == ("due_day_notice", "accepted")
    assert plain(message.subject) == "Facture FA-SUN — 500,00 € — échéance le 4 octobre 2026"
    assert "La facture n° FA-SUN, d'un montant de 500,00 €, arrive à échéance le 4 octobre 2026." in words
    assert "aujourd'hui" not in words
    assert "Total à régler 500,00 €" in words  # nothing else is shown


@pytest.mark.parametrize(
    ("language", "subject", "sentence", "never"),
    [
        (
            "fr",
            "Vos échéances : 2 factures, 1 200,00 €",
            "Les factures ci-dessous arrivent à échéance, aux dates du tableau.",
            "aujourd'hui",
        ),
        ("en", "Falling due: 2 invoices, €1,200.00", "The invoices below fall due on the dates shown.", "today"),
    ],
)
def test_what_is_due_today_and_in_a_week_share_a_notice_that_is_true_of_both(
    house: Organization, language: str, subject: str, sentence: str, never: str
) -> None:
    _owes(house, ("FA-TODAY", "500.00", "2026-09-01", "2026-10-08"), ("FA-WEEK", "700.00", "2026-09-01", "2026-10-15"), language=language)
    live(house, ["2026-09-07", "2026-10-01", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        assert (message.template_key, message.amount, message.item_count) == ("due_day_notice", Decimal("1200.00"), 2)
    words = plain(message.body_text)
    assert plain(message.subject) == subject
    assert sentence in words
    assert never not in words
