"""kill -9 where sending is not: in the middle of an import, just after a payment was committed, while a report is read."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from customers.models import Customer
from dunning.core.audit import verify
from dunning.core.tenancy import tenant
from invoices.models import ImportBatch, Installment, Payment
from notifications.models import DeliveryEvent, InboundEvent, Message
from scenarios import invariants
from tests.factories import make_customer, make_invoice
from tests.notifications.callers import brevo_event, call, use_brevo
from tests.scenarios.houses import at, open_house, run_on, send

PAYS = """
import sys
import django
django.setup()
from datetime import date
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from tests.scenarios.road import pay
with tenant(Organization.objects.get(slug=sys.argv[1])):
    item = Installment.objects.select_related("customer").get()
    pay(item.customer, str(item.outstanding), "2026-10-02", item, hour=7)
"""

HEARS = """
import django
django.setup()
from notifications import receipts
from tests.scenarios.houses import at
receipts.apply_due(now=at("2026-10-02", 13))
"""


def run(*command: str, failpoint: str = "") -> int:
    """This project's Python with that failpoint armed; its exit code."""
    env = {**os.environ, "TRIAL": "on" if failpoint else "", "FAILPOINT": failpoint, "DUNNING_BOOTSTRAP": "off"}
    return subprocess.run([sys.executable, *command], env=env, capture_output=True, timeout=300, check=False).returncode  # noqa: S603  this very project


def test_an_import_killed_in_the_middle_is_loaded_whole_the_next_time(committed_database: str, tmp_path: Path) -> None:
    house = open_house()
    path = tmp_path / "clients.csv"
    path.write_text("Code client;Raison sociale;E-mail\n" + "".join(f"K{n:04};Client {n};c{n}@client.example\n" for n in range(400)))
    command = ("manage.py", "import_customers", str(path), f"--organization={house.slug}")
    for probability in ("0.01", "0.005", "1"):
        assert run(*command, failpoint=f"mid-import-row:kill:{probability}") in (-9, 0)
        with tenant(house):
            assert Customer.objects.count() in (0, 400)  # never a part
    assert run(*command) == 0
    assert run(*command) == 0  # the same file twice
    with tenant(house):
        assert Customer.objects.count() == 400
        assert sorted(ImportBatch.objects.values_list("created", flat=True))[-1] == 400
        assert list(verify()) == []
    assert list(invariants.check(house, now=at("2026-10-02"))) == []


def test_a_payment_whose_process_dies_after_its_commit_stops_the_reminder(committed_database: str) -> None:
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02", deliver=False)
    assert run("-c", PAYS, house.slug, failpoint="payment-committed:kill:1") == -9
    with tenant(house):
        assert Payment.objects.count() == 1
        assert Installment.objects.get(pk=item.pk).outstanding == 0
    send(house, "2026-10-02")
    with tenant(house):
        assert Message.objects.get(kind="reminder").state == "cancelled"
        assert list(verify()) == []
    assert list(invariants.check(house, now=at("2026-10-02", 12))) == []


def test_a_report_whose_reader_dies_is_read_by_the_next(committed_database: str) -> None:
    """Kept before it was acknowledged, killed before it was applied: the bounce counts, once."""
    house = open_house()
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02")
    account = use_brevo(house)
    with tenant(house):
        message = Message.objects.get(kind="reminder")
    assert call(account, brevo_event("hard_bounce", message), at=at("2026-10-02", 12)).status_code == 200
    assert run("-c", HEARS, failpoint="inbox-stored-not-processed:kill:1") == -9
    with tenant(house):
        assert [event.state for event in InboundEvent.objects.all()] == ["stored"]
        assert DeliveryEvent.objects.count() == 0
    assert run("-c", HEARS) == 0
    assert run("-c", HEARS) == 0
    with tenant(house):
        assert [event.state for event in InboundEvent.objects.all()] == ["applied"]
        assert [event.kind for event in DeliveryEvent.objects.all()] == ["bounced"]
        assert Message.objects.get(pk=message.pk).state == "bounced"
        assert list(verify()) == []
