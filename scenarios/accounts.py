"""A payer and those it pays for: one account, net of everything the group owes and holds, and one person who is written to."""

from collections.abc import Sequence
from dataclasses import replace

from scenarios.facts import QUIET_CUSTOMER, Balance, CustomerFacts, CustomerSituation


def share_accounts(customers: dict[str, CustomerFacts]) -> None:
    """Who pays for others, and those it pays for, get their account together."""
    groups: dict[str, list[str]] = {}
    for customer_id, facts in customers.items():
        if facts.payer_id in customers:
            groups.setdefault(facts.payer_id, [facts.payer_id]).append(customer_id)
    for members in groups.values():
        parts: dict[str, list[Balance]] = {}
        for customer_id in members:
            for currency, balance in customers[customer_id].balances.items():
                parts.setdefault(currency, []).append(balance)
        shared = {currency: _sum_up(balances) for currency, balances in parts.items()}
        for customer_id in members:
            customers[customer_id] = replace(customers[customer_id], shared=shared)


def _sum_up(balances: Sequence[Balance]) -> Balance:
    """One currency's accounts together. Promises stay each customer's own."""
    return Balance(
        net_cents=sum(balance.net_cents for balance in balances),
        overdue_cents=sum(balance.overdue_cents for balance in balances),
        credits=tuple(credit for balance in balances for credit in balance.credits),
        credit_cents=sum(balance.credit_cents for balance in balances),
    )


def behind_payer(own: CustomerSituation, payer: CustomerSituation) -> CustomerSituation:
    """A customer's situation when somebody else is written to and pays: the payer's unread reply, pauses and unmatched receipt are theirs
    too, and whether the payer is away counts instead of whether they are. Insolvency and announced consequences stay each debtor's own.
    """
    if payer is QUIET_CUSTOMER and own.absent_until is None:
        return own
    return replace(
        own,
        holds=(*own.holds, *payer.holds),
        reply_pending=own.reply_pending or payer.reply_pending,
        absent_until=payer.absent_until,
        absence_noted_on=payer.absence_noted_on,
        substitute_known=payer.substitute_known,
        unmatched_since=payer.unmatched_since if own.unmatched_since is None else own.unmatched_since,
    )
