"""A client that a generator makes of our document speaks to the live product, as an integrator's does."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dunning.api.schema import document
from dunning.core import clock
from tests.api.conftest import program
from tests.browser_fixtures import LiveSite
from tests.scenarios.houses import open_house


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of the generated package, by its name."""
    source, package = tmp_path / "openapi.json", tmp_path / "generated_client"
    source.write_text(json.dumps(document()), encoding="utf-8")
    maker = Path(sys.executable).with_name("openapi-python-client")
    command = [str(maker), "generate", "--path", str(source), "--output-path", str(package), "--meta", "none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603  a package of the tests
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda name: import_module(f"generated_client.{name}")


def test_its_first_calls(live_site: LiveSite, generated: Callable[[str], Any]) -> None:
    models, clients = generated("models"), generated("client")
    create_customer, create_invoice = generated("api.customers.create_customer"), generated("api.invoices.create_invoice")
    list_customers, get_invoice = generated("api.customers.list_customers"), generated("api.invoices.get_invoice")
    with clients.AuthenticatedClient(base_url=live_site.url, token=program(open_house()).token) as client:
        assert list_customers.sync(client=client).data == []
        durand = create_customer.sync(client=client, body=models.CustomerInput(number="C1", name="Ateliers Durand SARL"))
        assert isinstance(durand, models.Customer) and (durand.number, durand.country) == ("C1", "FR")
        again = create_customer.sync(client=client, body=models.CustomerInput(number="C1", name="Durand"))
        assert isinstance(again, models.Problem) and again.status == 422 and again.errors[0].field == "number"
        today = clock.today("Europe/Paris")
        made = models.InvoiceInput(number="FA-1", customer_number="C1", gross="1200.00", issued_on=date(today.year - 1, 1, 5), due_on=today)
        invoice = create_invoice.sync(client=client, idempotency_key="first", body=made)
        assert isinstance(invoice, models.Invoice) and (invoice.outstanding, invoice.due_on) == ("1200.00", today)
        assert get_invoice.sync(client=client, id=invoice.id).number == "FA-1"
    with clients.AuthenticatedClient(base_url=live_site.url, token="rk_live_nobody") as stranger:
        assert list_customers.sync_detailed(client=stranger).status_code == 401
