"""What messages that leave in one transaction need, read at once for all of them under the locks of the gate (rule 17).

The locks are those of every writer, in the one order: customers, invoices, actions, messages. What was read serves each paying family
once: a message that left or was stopped changes what the next one of its family finds, so that one is read again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from customers.selectors import paying_groups
from invoices.models import Invoice
from notifications.enums import MessageKind
from notifications.models import Message
from notifications.signals import Together
from scenarios.context import Batch, Case, Frame, load_batch, lock_customers
from scenarios.models import Action, ActionMessage
from scenarios.past import Past
from scenarios.recipients import Directory

_LOCK_INVOICES: Final = """
SELECT 1 FROM invoices_invoice WHERE id IN (
    SELECT i.invoice_id FROM scenarios_action a
    JOIN invoices_installment i ON i.organization_id = a.organization_id AND i.id = a.installment_id WHERE a.id = ANY(%s::uuid[]))
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_MESSAGES: Final = "SELECT 1 FROM notifications_message WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"


@dataclass(frozen=True)
class Load:
    """One message's facts. `batch` is its paying family and nobody else; `links` is what it carries, each with its action."""

    root: UUID
    batch: Batch
    links: list[ActionMessage]
    directory: Directory
    invoices: Mapping[str, Invoice]
    past: Past


class Convoy:
    """The reminders among the messages that leave `together`, with their facts until somebody asked for them."""

    def __init__(self, frame: Frame, together: Together) -> None:
        self.frame = frame
        self._written = together.written
        self._expected = list(together.message_ids)
        self._loads: dict[UUID, Load] = {}

    def load_of(self, message: Message) -> Load:
        """The facts of one message as they are now, its locks held to the end of the transaction."""
        found = self._loads.get(message.pk)
        if found is None:
            self._read({*self._expected, message.pk})
            self._expected = []
            found = self._loads[message.pk]
        self._loads = {pk: load for pk, load in self._loads.items() if load.root != found.root}
        return found

    def _read(self, message_ids: Collection[UUID]) -> None:
        self._written()
        owners = dict(Message.objects.filter(pk__in=message_ids, kind=MessageKind.REMINDER).values_list("pk", "customer_id"))
        family = paying_groups(owners.values())
        roots = {customer_id: family[customer_id] for customer_id in owners.values()}
        ids = [str(pk) for pk in family]
        lock_customers(ids)
        links = self._lock_cargo(owners)
        batches = _by_root(load_batch(self.frame, ids), family)
        directory = Directory(roots)
        open_invoices = {case.item.invoice_id for batch in batches.values() for case in batch.cases}
        invoices = {str(invoice.pk): invoice for invoice in Invoice.objects.filter(pk__in=open_invoices)} if open_invoices else {}
        past = Past({link.action.installment_id for found in links.values() for link in found})
        for pk, customer_id in owners.items():
            root = roots[customer_id]
            self._loads[pk] = Load(root, batches[root], links.get(pk, []), directory, invoices, past)

    def _lock_cargo(self, message_ids: Collection[UUID]) -> dict[UUID, list[ActionMessage]]:
        """Lock invoices, then actions, then the messages, and return what each carries."""
        links = list(ActionMessage.objects.filter(message__in=list(message_ids)).order_by("action_id"))
        action_ids = [link.action_id for link in links]
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_INVOICES, [action_ids])
            actions = {row.pk: row for row in Action.objects.select_for_update(no_key=True).filter(pk__in=action_ids).order_by("pk")}
            cursor.execute(_LOCK_MESSAGES, [list(message_ids)])
        carried: dict[UUID, list[ActionMessage]] = {}
        for link in links:
            link.action = actions[link.action_id]
            carried.setdefault(link.message_id, []).append(link)
        return carried


def _by_root(batch: Batch, family: Mapping[UUID, UUID]) -> dict[UUID, Batch]:
    """The batch of several families as one batch for each."""
    root_of = {str(pk): root for pk, root in family.items()}
    found = {root: Batch({}, [], []) for root in family.values()}
    for customer_id, facts in batch.customers.items():
        found[root_of[customer_id]].customers[customer_id] = facts
    case: Case
    for case in batch.cases:
        found[root_of[case.item.customer.id]].cases.append(case)
    for message in batch.recent:
        found[root_of[message.customer_id]].recent.append(message)
    for customer_id, task_id in batch.calls.items():
        found[root_of[customer_id]].calls[customer_id] = task_id
    return found
