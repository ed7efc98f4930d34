"""The account of a paying group: what is chased, and what a message adds up to, is net of everything the payer's group owes and holds."""

from collections.abc import Sequence
from dataclasses import replace

from scenarios.facts import Balance, CustomerFacts


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
