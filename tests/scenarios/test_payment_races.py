"""Payments arrive while the reminders of what they pay leave: no claim is committed after its payment (rule 17).

`RACES=1000 manage.py test tests/scenarios/test_payment_races.py` runs the thousand of docs/reliability.md.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, record_payment
from notifications.dispatcher import deliver_due
from notifications.enums import ProviderKind
from notifications.models import Message
from scenarios import invariants
from tests.chaos import town
from tests.scenarios.houses import CLERK

RACES, ROUND = int(os.environ.get("RACES", "200")), 20


@pytest.fixture
def sink_port() -> Iterator[int]:
    sink = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    try:
        yield int(sink.stdout.readline())
    finally:
        sink.kill()
        sink.wait()


def _pay(house: Organization, items: list[Installment], chance: random.Random) -> None:
    for item in items:
        time.sleep(chance.uniform(0.0, 0.012))
        with tenant(house):
            draft = PaymentDraft(
                customer=item.customer, amount=item.outstanding, received_on=town.TODAY, allocations=((item, item.outstanding),)
            )
            record_payment(draft=draft, actor=CLERK, today=town.TODAY, now=town.SEND_AT)


def test_no_claim_is_committed_after_its_payment(committed_database: str, sink_port: int) -> None:
    way = town.Way("email", ProviderKind.SMTP, {"host": "127.0.0.1", "port": sink_port})
    (house,) = town.build(organizations=1, sends=RACES, way=way)
    with tenant(house):
        order = list(Message.objects.filter(state="queued").order_by("pk").values_list("customer_id", flat=True))
        items = {item.customer_id: item for item in Installment.objects.select_related("customer", "invoice")}
    chance = random.Random(11)

    def closing(work, *arguments):  # type: ignore[no-untyped-def]
        try:
            return work(*arguments)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        for start in range(0, RACES, ROUND):
            customers = order[start : start + ROUND]
            paid = pool.submit(closing, _pay, house, [items[pk] for pk in customers], random.Random(chance.random()))
            sent = pool.submit(closing, lambda: deliver_due(now=town.SEND_AT, organization=house, limit=ROUND))
            paid.result()
            sent.result()
    deliver_due(now=town.SEND_AT, organization=house)

    with tenant(house):
        states = dict(Message.objects.filter(kind="reminder").values_list("customer_id", "state"))
        claimed = {
            message.customer_id: sequence
            for pk, sequence in AuditEvent.objects.filter(action="message.sending").values_list("object_id", "sequence")
            for message in [Message.objects.get(pk=pk)]
        }
        paid_at = {}
        for event in AuditEvent.objects.filter(action="payment.recorded"):
            paid_at[event.object_id] = event.sequence
        payers = dict(Message._meta.apps.get_model("invoices", "Payment").objects.values_list("customer_id", "pk"))
        late = [customer for customer, sequence in claimed.items() if sequence > paid_at[str(payers[customer])]]
        assert late == []
        assert len(payers) == RACES
        assert {state for customer, state in states.items() if customer not in claimed} <= {"cancelled"}
        crossed = len(claimed)
    assert 0 < crossed < RACES, "some left before their payment, some did not leave: they did race"
    assert [violation for violation in invariants.check(house, now=town.SEND_AT) if violation.code in ("I2", "I8")] == []
