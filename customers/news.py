"""What the outside world is told of customers when something about them happened. Inside `tenant()`."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from customers.models import Customer, Mandate
from dunning.core import events

_PATHS: Final = {
    "number": "number",
    "kind": "kind",
    "group": "group__key",
    "payer_id": "payer_id",
    "insolvent": "insolvency_opened_on",
    "archived": "archived_at",
}


def connect() -> None:
    """Say how customers are described; called when the application starts."""
    events.describe_by("customer", describe_customers)
    events.describe_by("mandate", describe_mandates)


def describe_customers(ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """No name and no address: the number is what both sides know a customer by."""
    found = events.read_fields(Customer.objects.all(), ids, _PATHS)
    for told in found.values():
        told["insolvent"], told["archived"] = told["insolvent"] is not None, told["archived"] is not None
    return found


def describe_mandates(ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """Neither account nor holder."""
    paths = {"customer_id": "customer_id", "customer_number": "customer__number", **events.named("reference", "scheme", "state")}
    return events.read_fields(Mandate.objects.all(), ids, paths)
