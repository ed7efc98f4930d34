"""Several items paid in one amount under one reference: what a debtor is shown, and what a receipt that quotes it is set against."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile
from dunning.core.selectors import get_profile
from dunning.core.tenancy import current_organization_id
from invoices.enums import InvoiceState
from invoices.models import Installment, Invoice, PaymentRequest, PaymentRequestItem
from invoices.references import creditor_reference
from invoices.selectors.insolvency import is_frozen
from invoices.selectors.items import view_items
from invoices.services.drafts import check_amount
from invoices.services.locks import lock_items

_PLAIN = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
"""Base 32 without I and O, which people read as figures."""


def payable(installments: Mapping[UUID, Installment], *, today: date) -> dict[UUID, Decimal]:
    """What may be paid of each item now: all that is left, less what is contested and a credit note we owe, nothing a judgment froze."""
    views = view_items(installments.values(), today=today)
    return {
        view.installment.pk: Decimal(0)
        if is_frozen(view.installment)
        else max(Decimal(0), view.installment.outstanding - view.disputed - view.awaited)
        for view in views
        if view.installment.invoice.state == InvoiceState.ISSUED
    }


def request_payment(
    *, customer: Customer, amounts: Mapping[Installment, Decimal | None], actor: str, today: date, now: datetime
) -> PaymentRequest:
    """One request for these items: for each its amount, None meaning all that may be asked for. The same again is the same request.

    `customer` is who was asked: it owes the items, or pays for who does. Raises DomainError for nothing to pay, amounts above what may be
    asked for, and items of several currencies or bank accounts, which cannot be paid in one amount.
    """
    locked = lock_items((item.pk for item in amounts), customer_ids=[customer.pk])
    items = {item.pk: locked.installment(item.pk) for item in amounts}
    if not items:
        raise DomainError(_("Choose the invoices to pay."), code="required", field="items")
    if any(customer.pk not in (item.customer_id, item.customer.payer_id) for item in items.values()):
        raise DomainError(_("Name items of one customer."), code="several_customers", field="items")
    if len({item.invoice.currency for item in items.values()}) != 1:
        raise DomainError(_("Invoices of several currencies are paid one by one."), code="several_currencies", field="items")
    own = get_profile().iban
    ibans = {account_of(item, own) for item in items.values()}
    if len(ibans) != 1 or "" in ibans:
        raise DomainError(_("These invoices are paid to several bank accounts: pay them one by one."), code="several_ibans", field="items")
    asked = _amounts({item.pk: amount for item, amount in amounts.items()}, payable(items, today=today))
    currency = next(iter(items.values())).invoice.currency
    for amount in asked.values():
        check_amount(amount, currency)
    reference = reference_of(customer, asked)
    request, is_new = PaymentRequest.objects.get_or_create(
        reference=reference,
        defaults={
            "customer": customer,
            "currency": currency,
            "amount": sum(asked.values(), Decimal(0)),
            "pay_to_iban": ibans.pop(),
            "requested_on": today,
            "requested_by": actor,
        },
    )
    if is_new:
        PaymentRequestItem.objects.bulk_create(
            [PaymentRequestItem(request=request, installment=items[pk], amount=amount) for pk, amount in asked.items()]
        )
        body = {"reference": reference, "amount": str(request.amount), "currency": currency, "items": len(asked)}
        audit.record(actor=actor, action="payment.requested", target=request, body=body, now=now)
    return request


def account_of(item: Installment, own: str) -> str:
    """The account an item, its invoice and customer loaded, is paid to: the one its invoice names, else `own`; "" for a factor's."""
    return item.invoice.pay_to_iban or (own if factor_of(item.invoice, item.customer) is None else "")


def holder_of(iban: str, *, profile: OrganizationProfile, factors: Collection[str]) -> str:
    """Whose name stands with an account: ours with our own, the factor's with that of invoices assigned to it.

    `factors` names the factor of each assigned invoice, "" where nobody wrote it down; the answer is "" when that leaves it open.
    """
    if iban == profile.iban:
        return profile.account_holder or profile.legal_name
    named = set(factors)
    if not named:
        return profile.legal_name
    return named.pop() if len(named) == 1 else ""


def factor_of(invoice: Invoice, customer: Customer) -> str | None:
    """The factor an invoice was assigned to, "" when it is not named; None when it was assigned to nobody."""
    return customer.factor_name if invoice.is_factored or customer.factor_name else None


def _amounts(asked: Mapping[UUID, Decimal | None], most: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    amounts = {pk: most.get(pk, Decimal(0)) if amount is None else amount for pk, amount in asked.items()}
    if any(amount > most.get(pk, Decimal(0)) for pk, amount in amounts.items()):
        raise DomainError(_("This is more than what is left to pay."), code="bad_amount", field="amount")
    wanted = {pk: amount for pk, amount in sorted(amounts.items()) if amount > 0}
    if not wanted:
        raise DomainError(_("Nothing is left to pay on these invoices."), code="settled", field="items")
    return wanted


def reference_of(customer: Customer, amounts: Mapping[UUID, Decimal]) -> str:
    """The reference a request for these amounts has, whether it was made or not.

    RF and thirteen characters made of what is asked for; sixty bits, so that no two requests share one.
    """
    content = hashlib.sha256(f"{current_organization_id()}:{customer.pk}".encode())
    for pk, amount in sorted(amounts.items()):
        content.update(f":{pk}={amount:.2f}".encode())
    core = base64.b32encode(content.digest())[:12].decode().translate(_PLAIN)
    return creditor_reference(f"P{core}")
