"""How an amount is paid by transfer: to which account, under which reference, and the QR code a bank's app reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from dunning.core import bank
from dunning.core.money import printed_iban
from dunning.portal.access import Visitor
from invoices.epc import epc_payload, epc_svg
from invoices.models import Installment
from invoices.references import printed_reference
from invoices.services.payment_requests import account_of, factor_of, holder_of


@dataclass(frozen=True, slots=True)
class Transfer:
    """One amount to one account.

    `holder` is "" when nobody knows it; `changed_on`: the account is so new that people are told; `code`: a drawing, "" when there is none.
    """

    amount: Decimal
    currency: str
    holder: str
    iban: str
    bic: str = ""
    reference: str = ""  # RF, as banks exchange it
    text: str = ""  # what to write on the transfer instead
    code: str = ""
    changed_on: date | None = None

    @property
    def printed_iban(self) -> str:
        return printed_iban(self.iban)

    @property
    def printed_reference(self) -> str:
        return printed_reference(self.reference) if self.reference else self.text

    @property
    def copied_amount(self) -> str:
        return f"{self.amount:f}"


def transfer(
    visitor: Visitor, items: Sequence[Installment], *, amount: Decimal, currency: str, iban: str, reference: str, text: str = ""
) -> Transfer:
    """A transfer of `amount` to `iban`, the visitor's creditor's own account or another the invoices of these items name."""
    profile = visitor.profile
    is_own = iban == profile.iban
    factors = [factor for item in items if (factor := factor_of(item.invoice, item.customer)) is not None]
    holder, bic = holder_of(iban, profile=profile, factors=factors), profile.bic if is_own else ""
    changed = bank.new_since(now=visitor.now) if is_own else None
    zone = ZoneInfo(visitor.organization.timezone)
    return Transfer(
        amount=amount,
        currency=currency,
        holder=holder,
        iban=iban,
        bic=bic,
        reference=reference,
        text="" if reference else text,
        code=_code(holder, iban, bic, amount, currency, reference, text),
        changed_on=changed.decided_at.astimezone(zone).date() if changed is not None and changed.decided_at is not None else None,
    )


def one_account(visitor: Visitor, items: Sequence[Installment]) -> str:
    """The account all of these items are paid to; "" when there are several, or one we do not know."""
    accounts = {account_of(item, visitor.profile.iban) for item in items}
    return accounts.pop() if len(accounts) == 1 else ""


def _code(holder: str, iban: str, bic: str, amount: Decimal, currency: str, reference: str, text: str) -> str:
    try:
        payload = epc_payload(
            name=holder, iban=iban, amount=amount, currency=currency, reference=reference, text="" if reference else text, bic=bic
        )
    except ValueError:
        return ""  # another currency, no holder, or more than such a code holds: everything is written beside it
    return epc_svg(payload)
