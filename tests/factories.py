"""Small honest rows for tests: call these inside `with tenant(organization):` unless said otherwise."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from customers.enums import ContactRole, CustomerKind
from customers.models import Contact, Customer
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.enums import InvoiceKind
from invoices.models import Installment, Invoice

_numbers = count(1)


def make_organization(slug: str | None = None, **profile: Any) -> Organization:
    """An organization with a complete profile (outside any scope)."""
    number = next(_numbers)
    organization = Organization.objects.create(slug=slug or f"atelier-{number}", name=f"Atelier {number}")
    with tenant(organization):
        OrganizationProfile.objects.create(
            **{
                "legal_name": f"Atelier {number} SAS",
                "siren": "999999014",
                "address_line1": "1 rue de l’Exemple",
                "postal_code": "69001",
                "city": "Lyon",
                "account_holder": f"Atelier {number} SAS",
                "iban": "FR2099999000010000000001A82",
                "bic": "EXMPFRPPXXX",
                "sender_name": "Claire Martin",
                "sender_email": "compta@atelier.example",
                "reply_to": "compta@atelier.example",
                "signatory_name": "Claire Martin",
                "signatory_title": "Comptabilité clients",
                "signatory_phone": "01 99 00 12 34",
                **profile,
            }
        )
    return organization


def make_customer(number: str | None = None, *, email: str | None = None, phone: str = "", **fields: Any) -> Customer:
    """A business customer with one accounting contact (`email=""` for none)."""
    ordinal = next(_numbers)
    number = number or f"C{ordinal:04d}"
    name = fields.pop("name", f"Client {number} SARL")
    customer = Customer.objects.create(
        **{
            "number": number,
            "name": name,
            "sort_name": name.lower(),
            "kind": CustomerKind.BUSINESS,
            "siren": "999999022",
            "address_line1": "12 avenue des Essais",
            "postal_code": "75001",
            "city": "Paris",
            **fields,
        }
    )
    address = f"compta.{number.lower()}@client.example" if email is None else email
    if address or phone:
        Contact.objects.create(customer=customer, name="Service comptable", role=ContactRole.ACCOUNTING, email=address, phone=phone)
    return customer


def make_invoice(
    customer: Customer,
    *,
    amount: Decimal | str = "1200.00",
    issued_on: date,
    due_on: date,
    number: str | None = None,
    currency: str = "EUR",
    **fields: Any,
) -> Installment:
    """An issued invoice with a single instalment, which is returned."""
    amount = Decimal(amount)
    invoice = Invoice.objects.create(
        **{
            "number": number or f"FA-{issued_on.year}-{next(_numbers):05d}",
            "kind": InvoiceKind.INVOICE,
            "customer": customer,
            "issued_on": issued_on,
            "due_on": due_on,
            "currency": currency,
            "gross": amount,
            "pay_to_iban": "FR2099999000010000000001A82",
            "entered_on": issued_on,
            **fields,
        }
    )
    return Installment.objects.create(
        invoice=invoice, customer=customer, currency=invoice.currency, due_on=due_on, amount=amount, outstanding=amount
    )
