"""Writes about what is owed.

Every function is keyword-only, takes `actor`, `today` and `now`, and runs inside `tenant()`; the row, its audit event and its news share
the transaction. Refusals are DomainErrors, and nothing is written then (the transaction is the caller's to roll back).
"""

from invoices.services.acts import (
    Voice,
    mark_accepted,
    mark_not_received,
    mark_received,
    restart_plan,
    says_paid,
    write_act,
)
from invoices.services.allocations import (
    allocate,
    allocate_credit_notes,
    reallocate,
    reverse_allocation,
)
from invoices.services.credit_notes import issue_credit_note
from invoices.services.disputes import acknowledge_dispute, assign_dispute, close_dispute, open_dispute, state_position
from invoices.services.drafts import InstallmentDraft, InvoiceDraft, PaymentDraft
from invoices.services.e_invoicing import record_e_invoice_status
from invoices.services.habits import count_on_habit, find_good_payers, learn_habits, set_habit_aside
from invoices.services.hold_requests import grant_hold, lapse_hold_requests, refuse_hold, request_hold, withdraw_hold_request
from invoices.services.holds import escalate_expired_holds, place_hold, release_hold, renew_hold
from invoices.services.insolvency import refuse_frozen
from invoices.services.invoices import (
    attach_document,
    cancel_invoice,
    due_date_for,
    issue_invoice,
    issue_invoices,
    set_collection,
    set_triage,
    update_invoice,
)
from invoices.services.ledger import certify_ledger, enter_reference_rate
from invoices.services.locks import Locked, lock_items
from invoices.services.many import check_hold, end_item_holds, hold_items, place_again
from invoices.services.payment_plans import (
    Signature,
    agree_on_plan,
    break_due_plans,
    check_schedule,
    end_plan,
    keep_agreement,
    plan_amounts,
    refuse_plan,
)
from invoices.services.payment_requests import factor_of, holder_of, payable, request_payment
from invoices.services.payments import (
    Recorded,
    cancel_payment,
    correct_value_date,
    identify_payment,
    record_payment,
    record_payments,
)
from invoices.services.penalties import claim_penalties_again, note_penalties_invoiced, waive_penalties
from invoices.services.promises import break_due_promises, cancel_promise, make_promise
from invoices.services.reporting import set_collection_target, state_sales
from invoices.services.undoing import undo_act, undo_acts, undo_declaration
from invoices.services.write_offs import reverse_write_off, write_off

__all__ = [
    "InstallmentDraft",
    "InvoiceDraft",
    "Locked",
    "PaymentDraft",
    "Recorded",
    "Signature",
    "Voice",
    "acknowledge_dispute",
    "agree_on_plan",
    "allocate",
    "allocate_credit_notes",
    "assign_dispute",
    "attach_document",
    "break_due_plans",
    "break_due_promises",
    "cancel_invoice",
    "cancel_payment",
    "cancel_promise",
    "certify_ledger",
    "check_hold",
    "check_schedule",
    "claim_penalties_again",
    "close_dispute",
    "correct_value_date",
    "count_on_habit",
    "due_date_for",
    "end_item_holds",
    "end_plan",
    "enter_reference_rate",
    "escalate_expired_holds",
    "factor_of",
    "find_good_payers",
    "grant_hold",
    "hold_items",
    "holder_of",
    "identify_payment",
    "issue_credit_note",
    "issue_invoice",
    "issue_invoices",
    "keep_agreement",
    "lapse_hold_requests",
    "learn_habits",
    "lock_items",
    "make_promise",
    "mark_accepted",
    "mark_not_received",
    "mark_received",
    "note_penalties_invoiced",
    "open_dispute",
    "payable",
    "place_again",
    "place_hold",
    "plan_amounts",
    "reallocate",
    "record_e_invoice_status",
    "record_payment",
    "record_payments",
    "refuse_frozen",
    "refuse_hold",
    "refuse_plan",
    "release_hold",
    "renew_hold",
    "request_hold",
    "request_payment",
    "restart_plan",
    "reverse_allocation",
    "reverse_write_off",
    "says_paid",
    "set_collection",
    "set_collection_target",
    "set_habit_aside",
    "set_triage",
    "state_position",
    "state_sales",
    "undo_act",
    "undo_acts",
    "undo_declaration",
    "update_invoice",
    "waive_penalties",
    "withdraw_hold_request",
    "write_act",
    "write_off",
]
