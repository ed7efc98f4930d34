"""Rule 1: penalties and the fixed sum are told, claimed by the formal notice, then billed apart or waived with a reason - never chased."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from invoices.selectors import accessories
from invoices.services import claim_penalties_again, note_penalties_invoiced, waive_penalties
from notifications.enums import LetterProof
from notifications.models import Message
from notifications.posting import record_letter_proof, record_posting
from scenarios.selectors.accessories import Claimed, Stage, accessory_life, formal_notices_served
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house
from tests.scenarios.test_formal_notices import letter_of_6_november

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    return open_house()


def _on(day: str) -> dict[str, Any]:
    return {"actor": CLERK, "today": date.fromisoformat(day), "now": at(day)}


def test_what_the_posted_letter_claimed_is_kept_with_the_invoice(house: Organization) -> None:
    """FA-1 of 500.00, 36 days late on 6 November at 12.40 %: 6.12 and the 40 EUR; posted on the 9th."""
    letter_of_6_november(house, "500.00", language="fr")
    with tenant(house):
        invoice, letter = Invoice.objects.get(), Message.objects.get(channel="registered")
        told = accessory_life(invoice, organization=house)
        assert (told.stage, told.informed_on, told.claims) == (Stage.INFORMED, date(2026, 10, 14), ())  # printed, not posted yet
        record_posting(message_id=letter.pk, posted_on=date(2026, 11, 9), actor=CLERK, now=at("2026-11-09"), tracking_number="1A 123")
        claimed = accessory_life(invoice, organization=house)
        assert claimed.stage is Stage.CLAIMED
        assert claimed.claims == (Claimed(letter.pk, date(2026, 11, 9), Decimal("6.12"), Decimal(40)),)
        note_penalties_invoiced(invoice=invoice, number=" PEN-7 ", on=date(2026, 12, 1), **_on("2026-12-01"))
        assert (invoice.penalties_invoice_number, accessory_life(invoice, organization=house).stage) == ("PEN-7", Stage.INVOICED)


def test_billed_apart_or_waived_they_are_claimed_no_more_until_somebody_takes_that_back(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        invoice = item.invoice

        def owed() -> Decimal:
            return accessories([item.pk], until=date(2026, 11, 6))[item.pk].total

        due = owed()
        assert due > 40
        note_penalties_invoiced(invoice=invoice, number="PEN-7", on=date(2026, 11, 5), **_on("2026-11-06"))
        assert owed() == 0
        waive_penalties(invoice=invoice, reason="Geste commercial", **_on("2026-11-06"))
        fresh = Invoice.objects.get()
        assert (fresh.penalties_waived_reason, fresh.penalties_invoiced_on, owed()) == ("Geste commercial", None, 0)
        claim_penalties_again(invoice=invoice, reason="Nouveau retard", **_on("2026-11-06"))
        assert (owed(), Invoice.objects.get().penalties_waived_at) == (due, None)
        claim_penalties_again(invoice=invoice, reason="Nouveau retard", **_on("2026-11-06"))
    with tenant(house):
        assert AuditEvent.objects.filter(action="invoice.penalties_due_again").count() == 1


@pytest.mark.parametrize(
    ("number", "on", "field"), [(" ", "2026-11-05", "number"), ("PEN-7", "2026-11-07", "on"), ("PEN-7", "2026-08-31", "on")]
)
def test_an_impossible_invoice_of_penalties_is_refused(house: Organization, number: str, on: str, field: str) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        with pytest.raises(DomainError) as refusal:
            note_penalties_invoiced(invoice=item.invoice, number=number, on=date.fromisoformat(on), **_on("2026-11-06"))
        assert refusal.value.field == field


def test_a_consumers_interest_runs_from_the_day_the_notice_was_presented(house: Organization) -> None:
    """1,200.00 due on 1 October; posted on 9 November, presented on the 12th and left unclaimed: 28 days at 2.75 % until 10 December."""
    letter_of_6_november(house, "1200.00", language="fr")
    with tenant(house):
        item, letter = Installment.objects.get(), Message.objects.get(channel="registered")
        item.customer.kind = "consumer"
        item.customer.save()
        record_posting(message_id=letter.pk, posted_on=date(2026, 11, 9), actor=CLERK, now=at("2026-11-09"), tracking_number="1A 123")
        assert formal_notices_served([item.pk], organization=house) == {}
        for proof, on in ((LetterProof.PRESENTED, "2026-11-12"), (LetterProof.UNCLAIMED, "2026-11-27")):
            record_letter_proof(message_id=letter.pk, proof=proof, on=date.fromisoformat(on), actor=CLERK, now=at(on))
        served = formal_notices_served([item.pk], organization=house)
        assert served == {item.pk: date(2026, 11, 12)}
        assert accessories([item.pk], until=date(2026, 12, 10))[item.pk].total == 0
        found = accessories([item.pk], until=date(2026, 12, 10), formal_notices=served)[item.pk]
        assert (found.penalties, found.fixed_sum) == (Decimal("2.53"), 0)  # 1,200 x 2.75 % x 28 / 365
