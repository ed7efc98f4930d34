"""Payments, disputes, runs and departures at the same moment, with real threads: nothing is claimed that was paid, and nobody waits for
ever (architecture: one order of locks)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection

from dunning.core.audit import verify
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from invoices.services import PaymentDraft, open_dispute, record_payment
from notifications.dispatcher import deliver_due
from notifications.models import Message
from scenarios.models import Action
from scenarios.services.runs import run_organization
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, cover, open_house, run_on

DAY = date(2026, 10, 2)


def _together(works: list) -> list[object]:  # type: ignore[type-arg]
    """Every work in its own thread, all let go at once; what each returned."""
    start = threading.Barrier(len(works))

    def run(work) -> object:  # type: ignore[no-untyped-def]
        try:
            start.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


def _pay(house: Organization, item: Installment):  # type: ignore[no-untyped-def]
    def work() -> str:
        with tenant(house):
            draft = PaymentDraft(customer=item.customer, amount=item.outstanding, received_on=DAY, allocations=((item, item.outstanding),))
            record_payment(draft=draft, actor=CLERK, today=DAY, now=at("2026-10-02", 9))
        return "paid"

    return work


def test_a_payment_and_the_departure_of_its_reminder_never_cross(committed_database: str) -> None:
    """Twelve customers are paid while their reminders leave: each reminder left before the payment, or not at all."""
    house = open_house()
    with tenant(house):
        items = [make_invoice(make_customer(f"C{n:02}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)) for n in range(12)]
    run_on(house, "2026-10-02", deliver=False)

    def depart() -> str:
        deliver_due(now=at("2026-10-02"), organization=house, batch=3)
        return "departed"

    answers = _together([depart, *[_pay(house, item) for item in items], depart])
    assert answers == ["departed", *["paid"] * 12, "departed"]
    deliver_due(now=at("2026-10-02", 10), organization=house)
    with tenant(house):
        for item in items:
            message, action = (
                Message.objects.get(customer=item.customer, kind="reminder"),
                Action.objects.get(installment=item, step_key="r1"),
            )
            assert (message.state, action.state) in {("accepted", "done"), ("cancelled", "cancelled")}
            assert Installment.objects.get(pk=item.pk).outstanding == Decimal(0)
        assert list(verify()) == []


def test_subsidiaries_are_paid_and_disputed_while_their_payer_is_written_to(committed_database: str) -> None:
    """Each write first takes the locks of its whole paying group: no deadlock, whoever comes first."""
    house = open_house()
    with tenant(house):
        items: list[Installment] = []
        for n in range(4):
            payer = make_customer(f"P{n}")
            items += [
                make_invoice(make_customer(f"S{n}{place}", payer=payer), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
                for place in range(3)
            ]
        cover("2026-10-02")

    def dispute(item: Installment):  # type: ignore[no-untyped-def]
        def work() -> str:
            with tenant(house):
                open_dispute(installment=item, reason="PU_ERR", actor=CLERK, today=DAY, now=at("2026-10-02", 9))
            return "disputed"

        return work

    def day() -> str:
        run_organization(organization=house, today=DAY, now=at("2026-10-02", 4, 30), actor="system", played=True)
        deliver_due(now=at("2026-10-02"), organization=house, batch=2)
        return "run"

    works = [day, *[_pay(house, item) for item in items[::3]], *[dispute(item) for item in items[1::3]], day]
    assert sorted(map(str, _together(works))) == ["disputed"] * 4 + ["paid"] * 4 + ["run"] * 2
    deliver_due(now=at("2026-10-02", 10), organization=house)
    with tenant(house):
        left = list(Message.objects.filter(kind="reminder", state="accepted"))
        assert len({message.customer_id for message in left}) == len(left)  # one message a payer
        untouched: set[UUID] = {item.pk for item in items[2::3]}
        done = set(Action.objects.filter(step_key="r1", state="done").values_list("installment_id", flat=True))
        taken = set(Action.objects.filter(step_key="r1").values_list("installment_id", flat=True))
        assert untouched <= taken
        assert done <= taken
        assert list(verify()) == []
