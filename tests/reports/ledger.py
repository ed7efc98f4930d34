"""The second worked example of docs/reports.md, lived in a ledger: four customers, ten invoices, as of 30 September 2026."""

from datetime import date
from decimal import Decimal

from customers.models import Customer
from invoices import services
from invoices.models import Installment
from tests.factories import make_customer
from tests.invoices.ledger import at, bill, pay

TODAY = date(2026, 9, 30)
ISSUED = date(2026, 5, 1)


def example() -> dict[str, Customer]:
    """Customers A to D with invoices I1 to I10; I9 is contested, I8 is paid in part."""
    who = {name: make_customer(name=name) for name in "ABCD"}
    for number, name, amount, due, paid in (
        ("I1", "A", "4800", "2026-07-31", "2026-07-30"),
        ("I2", "A", "2400", "2026-08-31", "2026-09-14"),
        ("I3", "B", "12000", "2026-06-30", "2026-08-14"),
        ("I4", "B", "1000", "2026-08-15", "2026-08-15"),
        ("I5", "C", "600", "2026-07-15", "2026-08-04"),
    ):
        settle(owe(who[name], number, amount, due), amount, paid)
    for number, name, amount, due in (
        ("I6", "A", "3600", "2026-10-15"),
        ("I7", "B", "7200", "2026-09-20"),
        ("I8", "B", "5000", "2026-08-20"),
        ("I9", "C", "1500", "2026-07-20"),
        ("I10", "D", "900", "2026-05-31"),
    ):
        owe(who[name], number, amount, due)
    settle(item("I8"), "2000", "2026-09-01")
    services.open_dispute(installment=item("I9"), reason="PU_ERR", **at(date(2026, 8, 3)))
    return who


def owe(customer: Customer, number: str, amount: str, due: str, issued: date = ISSUED) -> Installment:
    return bill(customer, amount, issued_on=issued, due_on=date.fromisoformat(due), number=number)


def settle(paid: Installment, amount: str, on: str) -> None:
    pay(paid.customer, amount, on=date.fromisoformat(on), allocations=((paid, Decimal(amount)),))


def item(number: str) -> Installment:
    return Installment.objects.select_related("invoice", "customer").get(invoice__number=number)
