"""What a person states for the reports: the sales of a month, and what is to be collected."""

from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from dunning.core import audit
from dunning.core.errors import DomainError
from dunning.core.models import Membership, User
from dunning.core.money import is_currency, minor_units
from dunning.core.tenancy import current_organization_id
from invoices.models import CollectionTarget, MonthlySales


def state_sales(*, month: date, currency: str, amount: Decimal, actor: str, today: date, now: datetime) -> MonthlySales:
    """The sales of the month of that day were `amount` (incl. VAT, invoices less credit notes); said again, it is corrected.

    Raises DomainError for a month that is not over, an unknown currency, or an amount that is negative or too precise.
    """
    first = month.replace(day=1)
    if first >= today.replace(day=1):
        raise DomainError(_("The sales of a month are known once it is over."), code="future_date", field="month")
    _check(amount, currency)
    row, created = MonthlySales.objects.update_or_create(month=first, currency=currency, defaults={"amount": amount})
    body = {"month": first, "amount": str(amount), "currency": currency, "created": created}
    audit.record(actor=actor, action="sales.stated", target=row, body=body, now=now)
    return row


def set_collection_target(
    *, since: date, currency: str, amount: Decimal, user: User | None = None, actor: str, today: date, now: datetime
) -> CollectionTarget:
    """From the month of `since` on, `amount` is to be collected each month by the organization, or by `user`; 0 means no target any more.

    Set again for the same month it is corrected; earlier months keep theirs. Raises DomainError for an unknown currency, an amount that is
    negative or too precise, or somebody who is not a member.
    """
    _check(amount, currency)
    if user is not None and not Membership.objects.filter(organization=current_organization_id(), user=user).exists():
        raise DomainError(_("This person is not a member of the organization."), code="not_a_member", field="user")
    first = since.replace(day=1)
    row, created = CollectionTarget.objects.update_or_create(since=first, user=user, currency=currency, defaults={"amount": amount})
    body = {"since": first, "user": str(user.pk) if user else None, "amount": str(amount), "currency": currency, "created": created}
    audit.record(actor=actor, action="collection_target.set", target=row, body=body, now=now)
    return row


def _check(amount: Decimal, currency: str) -> None:
    if not is_currency(currency):
        raise DomainError(_("“%s” is not the code of a currency in use.") % currency[:12], code="bad_currency", field="currency")
    if amount < 0 or amount >= 10**12 or amount != round(amount, minor_units(currency)):
        raise DomainError(_("Enter an amount of zero or more, with the decimals of its currency."), code="bad_amount", field="amount")
