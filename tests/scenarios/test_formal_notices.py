"""What a formal notice claims beside the principal, in the words and the law of who sends it."""

from datetime import date

import pytest

from customers.models import Customer
from dunning.core import documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.services.approvals import approve_message
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.scenarios.road import attach, call, words_of

pytestmark = pytest.mark.django_db


def late_customer(*amounts: str, language: str) -> Customer:
    """Owes these amounts since 1 October, their copies and proofs of delivery on file, and can be given formal notice."""
    customer = make_customer(
        "C1",
        language=language,
        registered_line1="1 place du Siège",
        registered_postal_code="75002",
        registered_city="Paris",
        legal_representative="Paul Durand",
    )
    for place, amount in enumerate(amounts, start=1):
        item = make_invoice(customer, number=f"FA-{place}", amount=amount, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        attach(item.invoice, proof=False, day="2026-09-01")
        attach(item.invoice, proof=True, day="2026-09-01")
    return customer


def letter_of_6_november(house: Organization, *amounts: str, language: str) -> str:
    """The words of the formal notice that a customer who never answered is sent on 6 November about these amounts."""
    with tenant(house):
        late_customer(*amounts, language=language)
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    for day in ("2026-10-14", "2026-10-26", "2026-11-04", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert notice.document is not None
        return words_of(documents.read(notice.document))


def test_the_same_fixed_sum_for_each_invoice_is_counted() -> None:
    letter = letter_of_6_november(open_house(), "500.00", "5000.00", language="fr")
    assert "indemnité forfaitaire 40,00 € × 2 = 80,00 €." in letter


def test_dutch_fixed_sums_differ_by_the_invoice_and_are_not_multiplied() -> None:
    """15 % of the first 2,500 and 10 % of the next: 75 of 500, 625 of 5,000."""
    letter = letter_of_6_november(open_house(country="NL"), "500.00", "5000.00", language="en")
    assert "fixed compensation €700.00." in letter
    assert "×" not in letter[: letter.index("Annex 1 —")]
    assert "FA-1 01/09/2026 01/10/2026 €500.00 €5.13 €75.00 €580.13" in letter  # 500 x 10.40 % x 36 / 365 = 5.13
    assert "FA-2 01/09/2026 01/10/2026 €5,000.00 €51.29 €625.00 €5,676.29" in letter
