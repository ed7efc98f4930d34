"""Disputes that programs open, and those a platform reports: the customer is told the same day, once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection, connections

from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Dispute, Installment
from invoices.services import lock_items
from notifications.models import Message
from tests.api.conftest import NOW, Api, program
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house, send


@pytest.fixture
def item(house: Organization) -> Installment:
    with tenant(house):
        return make_invoice(make_customer("C1"), number="FA-1", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))


def acknowledgements(house: Organization) -> list[dict[str, Any]]:
    with tenant(house):
        return list(Message.objects.filter(template_key="dispute_acknowledged").values_list("details", flat=True))


def test_who_contests_through_a_program_is_told_the_same_day(api: Api, house: Organization, item: Installment) -> None:
    answer = api.post("/disputes", {"installment_id": str(item.pk), "reason": "PU_ERR", "amount": "312.00"})
    assert answer.status_code == 201
    (details,) = acknowledgements(house)
    assert details["disputes"] == [answer.json()["id"]]


def test_a_program_that_tells_its_customers_itself_says_so(api: Api, house: Organization, item: Installment) -> None:
    body = {"installment_id": str(item.pk), "reason": "PU_ERR", "acknowledge": False}
    assert api.post("/disputes", body).status_code == 201
    assert acknowledgements(house) == []


def test_who_contests_on_the_platform_is_told_once(api: Api, house: Organization, item: Installment) -> None:
    body = {"status": "207", "reason": "QUALITE_ERR", "text": "Une porte est rayée."}
    for _again in range(2):
        assert api.post(f"/invoices/{item.invoice_id}/e-invoice-status", body).status_code == 200
    with tenant(house):
        dispute = Dispute.objects.get()
    (details,) = acknowledgements(house)
    assert details["disputes"] == [str(dispute.pk)]
    assert api.post(f"/invoices/{item.invoice_id}/e-invoice-status", {"status": "209"}).status_code == 200
    assert len(acknowledgements(house)) == 1


def test_who_cannot_be_written_to_stays_on_the_board_with_the_reason(api: Api, house: Organization) -> None:
    with tenant(house):
        mute = make_invoice(make_customer("C2", email=""), number="FA-2", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    assert api.post("/disputes", {"installment_id": str(mute.pk), "reason": "PU_ERR"}).status_code == 201
    send(house, "2026-10-09")
    with tenant(house):
        message = Message.objects.get(template_key="dispute_acknowledged")
        assert (message.state, message.reason) == ("held", "no_contact")
        assert Dispute.objects.get().acknowledged_on is None


def test_a_status_that_comes_twice_at_once_is_acknowledged_once(committed_database: str) -> None:
    """Two workers are given the same call: both find the customer's rows taken, and go on when these are given back."""
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    platform = program(house)

    def report() -> int:
        try:
            with clock.virtual(NOW):
                return int(platform.post(f"/invoices/{item.invoice_id}/e-invoice-status", {"status": "207"}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        with tenant(house), connections["owner"].cursor() as cursor:
            lock_items(invoice_ids=[item.invoice_id])
            calls = [workers.submit(report) for _worker in range(2)]
            while _waiting_for_locks(cursor) < 2 and not any(call.done() for call in calls):
                time.sleep(0.02)
        assert [call.result() for call in calls] == [200, 200]
    assert len(acknowledgements(house)) == 1


def _waiting_for_locks(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND NOT granted")
    count: int = cursor.fetchone()[0]
    return count
