"""Writes about debtors. Every function takes `actor`, `today` and `now`, and runs inside `tenant()`."""

from customers.services.behaviour import (
    clear_reply_pending,
    mark_reachability,
    note_reply_pending,
    record_owner_warned,
    set_absence,
)
from customers.services.contacts import ContactFields, add_contact, add_contacts, deactivate_contact, reorder_contacts, update_contact
from customers.services.customers import (
    CustomerFields,
    archive_customer,
    confirm_kind,
    create_customer,
    create_customers,
    hold_customers,
    lock_customers,
    set_group,
    set_payer,
    update_customer,
    update_customers,
    vet_customer,
)
from customers.services.groups import create_group, ensure_group, update_group
from customers.services.insolvency import clear_insolvency, record_insolvency

__all__ = [
    "ContactFields",
    "CustomerFields",
    "add_contact",
    "add_contacts",
    "archive_customer",
    "clear_insolvency",
    "clear_reply_pending",
    "confirm_kind",
    "create_customer",
    "create_customers",
    "create_group",
    "deactivate_contact",
    "ensure_group",
    "hold_customers",
    "lock_customers",
    "mark_reachability",
    "note_reply_pending",
    "record_insolvency",
    "record_owner_warned",
    "reorder_contacts",
    "set_absence",
    "set_group",
    "set_payer",
    "update_contact",
    "update_customer",
    "update_customers",
    "update_group",
    "vet_customer",
]
