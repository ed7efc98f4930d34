"""What stands beside open items: their customers with balances and payers, and the facts that few items and customers have.

The rows come from `context_sql`; `context` puts them together with plans and pasts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dunning.core.calendars import Calendar
from dunning.core.prepared import ask
from invoices.enums import DisputeState, HoldKind, HoldSide, InstallmentKind
from invoices.references import credit_label
from scenarios.accounts import behind_payer, share_accounts
from scenarios.context_sql import CUSTOMERS, RARE
from scenarios.enums import Consequence
from scenarios.facts import (
    QUIET_CUSTOMER,
    Balance,
    Credit,
    CustomerFacts,
    CustomerSituation,
    Dispute,
    Habit,
    Hold,
    ItemSituation,
    OpenCommitment,
    Promise,
)
from scenarios.timing import promise_kept

_LEGAL_DEBTOR: Final = frozenset({"registered"})
"""Channels of messages that go to the debtor itself, whoever pays (rule 5)."""
_REACHABLE: dict[tuple[bool, bool, bool], frozenset[str]] = {
    (emails, mobiles, postal): frozenset(
        [*(["email"] if emails else []), *(["sms"] if mobiles else []), *(["letter", "registered"] if postal else [])]
    )
    for emails in (False, True)
    for mobiles in (False, True)
    for postal in (False, True)
}


@dataclass(slots=True)
class Rare:
    """Facts most items do not have, by item or customer id."""

    items: set[str]
    disputes: dict[str, list[Dispute]]
    promises: dict[str, list[Promise]]
    item_holds: dict[str, list[Hold]]
    customer_holds: dict[str, list[Hold]]
    commitments: dict[str, list[OpenCommitment]]
    credits: dict[str, dict[str, list[Credit]]]
    habits: dict[str, dict[str, Habit]]  # by customer and currency (rule 13)
    calls: dict[str, str]  # the open call task, by customer (rule 10)


def fetch(cursor: Any, sql: str, ids: list[str]) -> list[tuple[Any, ...]]:
    """The rows of a question about these ids."""
    ask(cursor, sql, [ids])
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def rare_facts(cursor: Any, ids: list[str]) -> Rare:
    """What few items and customers have, of these customers."""
    rare = Rare(set(), {}, {}, {}, {}, {}, {}, {}, {})
    grouped: dict[tuple[str, str, int, str], set[str]] = {}
    for fact, customer_id, item_id, name, detail, cents, on, until, paid in fetch(cursor, RARE, ids):
        match fact:
            case "dispute":
                rare.disputes.setdefault(item_id, []).append(Dispute(cents, on, DisputeState(name), until))
            case "promise":
                rare.promises.setdefault(item_id, []).append(Promise(cents, on, until, paid))
            case "hold":
                hold = Hold(HoldSide(name), HoldKind(detail), on, until, cents)
                if item_id is None:
                    rare.customer_holds.setdefault(customer_id, []).append(hold)
                else:
                    rare.item_holds.setdefault(item_id, []).append(hold)
            case "habit":
                rare.habits.setdefault(customer_id, {})[name] = Habit(until, cents)
            case "call":
                rare.calls[customer_id] = item_id
            case "commitment":
                grouped.setdefault((customer_id, name, on, detail), set()).add(item_id)
            case _:
                label = detail if fact == "credit_note" else credit_label(detail)
                credit = Credit(item_id, label, cents, on, fact == "credit_note", customer_id)
                rare.credits.setdefault(customer_id, {}).setdefault(name, []).append(credit)
    rare.items.update(rare.disputes, rare.promises, rare.item_holds)
    for (customer_id, consequence, due_on, step_key), item_ids in grouped.items():
        commitment = OpenCommitment(Consequence(consequence), due_on, step_key, frozenset(item_ids))
        rare.commitments.setdefault(customer_id, []).append(commitment)
    return rare


def item_situation(item_id: str, base: ItemSituation, unusual: str | None, rare: Rare) -> ItemSituation:
    """`base` with what is out of the ordinary about the item; `unusual` is its JSON from `ITEMS`."""
    facts: dict[str, Any] = json.loads(unusual) if unusual else {}
    return replace(
        base,
        kind=InstallmentKind(facts.get("kind", "normal")),
        matures_on=facts.get("matures_on"),
        collection_on=facts.get("collection_on"),
        cancelled=facts.get("cancelled", False),
        factored=facts.get("factored", False),
        e_invoice_refused=facts.get("refused", False),
        not_received=facts.get("not_received", False),
        triage=facts.get("triage", False),
        restart_on=facts.get("restart_on"),
        disputes=tuple(rare.disputes.get(item_id, ())),
        promises=tuple(rare.promises.get(item_id, ())),
        holds=tuple(rare.item_holds.get(item_id, ())),
    )


def customer_facts(
    cursor: Any, ids: list[str], rare: Rare, *, balances: Mapping[str, dict[str, Balance]], unmatched: Mapping[str, int]
) -> tuple[dict[str, CustomerFacts], dict[str, str]]:
    """These customers by id, each with its balances and, where somebody pays for it, what stands behind its payer; and their groups' ids.

    `unmatched` are customers a receipt of nobody may belong to, and since when (rule 8).
    """
    customers: dict[str, CustomerFacts] = {}
    groups: dict[str, str] = {}
    empty: dict[str, Balance] = {}
    for (
        customer_id, payer_id, group_id, regime, language, emails, mobiles, postal, cheque, first_invoices, office, representative,
        warned_on, reply, absent_until, absence_noted_on, substitute, insolvent_on, not_received, index_tenths,
    ) in fetch(cursor, CUSTOMERS, ids):  # fmt: skip
        situation = QUIET_CUSTOMER
        if (
            reply
            or absent_until is not None
            or insolvent_on is not None
            or not_received
            or customer_id in rare.customer_holds
            or customer_id in rare.commitments
            or customer_id in unmatched
        ):
            situation = CustomerSituation(
                holds=tuple(rare.customer_holds.get(customer_id, ())),
                reply_pending=reply,
                absent_until=absent_until,
                absence_noted_on=absence_noted_on,
                substitute_known=substitute,
                commitments=tuple(rare.commitments.get(customer_id, ())),
                unmatched_since=unmatched.get(customer_id),
                insolvent_on=insolvent_on,
                not_received_before=not_received,
            )
        groups[customer_id] = group_id or ""
        customers[customer_id] = CustomerFacts(
            customer_id, balances.get(customer_id, empty), payer_id or "", regime, language, _REACHABLE[emails, mobiles, postal], cheque,
            tuple(first_invoices), office, representative, warned_on, situation, None, index_tenths,
        )  # fmt: skip
    for customer_id, facts in customers.items():
        payer = customers.get(facts.payer_id) if facts.payer_id else None
        if payer is not None:
            customers[customer_id] = replace(
                facts,
                reachable=payer.reachable - _LEGAL_DEBTOR | facts.reachable & _LEGAL_DEBTOR,
                situation=behind_payer(facts.situation, payer.situation),
            )
    share_accounts(customers)
    return customers, groups


def balances_of(
    rows: Iterable[tuple[Any, ...]], rare: Rare, *, calendar: Calendar, promise_tolerance: int, today: int
) -> dict[str, dict[str, Balance]]:
    """Per customer and currency: what is open, overdue and promised, less unallocated money and credit notes.

    `rows` are those of `ITEMS`.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        key = (row[2], row[7])
        cell = sums.get(key)
        if cell is None:
            cell = sums[key] = [0, 0, 0, 0]
        cell[0] += row[6]
        if row[4] < today:
            cell[1] += row[6]
            promises = rare.promises.get(row[0]) if rare.promises else None
            if promises:
                for promise in promises:
                    through = calendar.add_bd_ordinal(promise.for_on, promise_tolerance)
                    if not promise_kept(promise) and today <= through:
                        cell[2] += min(promise.amount_cents - promise.paid_cents, row[6])  # a credit note lowers what is promised
                        cell[3] = max(cell[3], promise.for_on)
    for customer_id, by_currency in rare.credits.items():
        for currency in by_currency:
            sums.setdefault((customer_id, currency), [0, 0, 0, 0])
    balances: dict[str, dict[str, Balance]] = {}
    for (customer_id, currency), (open_, overdue, promised, until) in sums.items():
        credits = tuple(rare.credits.get(customer_id, {}).get(currency, ()))
        credit = sum(line.cents for line in credits)
        balances.setdefault(customer_id, {})[currency] = Balance(open_ - credit, overdue, promised, until or None, credits, credit)
    return balances
