"""Reads about what is owed. Called inside `tenant()`."""

from invoices.selectors.accessory import Accessory, accessories, rate_table
from invoices.selectors.conformity import Problem, ProblemCode, check_invoice
from invoices.selectors.figures import Figures, figures, has_many_open_items
from invoices.selectors.insolvency import FROZEN, UNSURE, InsolvencySplit, insolvency_split, is_frozen
from invoices.selectors.items import (
    ItemView,
    chased_amount,
    coverage_through,
    get_installment,
    get_invoice,
    get_invoice_by_number,
    get_payment,
    is_residue,
    list_items,
    open_items,
    residues,
    search_invoices,
    view_items,
)
from invoices.selectors.payer_index import kept_indexes, payer_index_sentence
from invoices.selectors.plans import PlanView, get_plan, has_running_plans, plans_about
from invoices.selectors.receipts import Received, list_payments, payment_allocations, sum_of_payments, unmatched_count
from invoices.selectors.said import last_sayings, state_of, takes_no_promise
from invoices.selectors.statement import Line, LineKind, Statement, customer_statement, ledger_balance
from invoices.selectors.terms import customer_terms, terms_words
from invoices.unmatched import proposals_for, unmatched_payments, unmatched_reach

__all__ = [
    "FROZEN",
    "UNSURE",
    "Accessory",
    "Figures",
    "InsolvencySplit",
    "ItemView",
    "Line",
    "LineKind",
    "PlanView",
    "Problem",
    "ProblemCode",
    "Received",
    "Statement",
    "accessories",
    "chased_amount",
    "check_invoice",
    "coverage_through",
    "customer_statement",
    "customer_terms",
    "figures",
    "get_installment",
    "get_invoice",
    "get_invoice_by_number",
    "get_payment",
    "get_plan",
    "has_many_open_items",
    "has_running_plans",
    "insolvency_split",
    "is_frozen",
    "is_residue",
    "kept_indexes",
    "last_sayings",
    "ledger_balance",
    "list_items",
    "list_payments",
    "open_items",
    "payer_index_sentence",
    "payment_allocations",
    "plans_about",
    "proposals_for",
    "rate_table",
    "residues",
    "search_invoices",
    "state_of",
    "sum_of_payments",
    "takes_no_promise",
    "terms_words",
    "unmatched_count",
    "unmatched_payments",
    "unmatched_reach",
    "view_items",
]
