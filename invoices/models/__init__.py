"""What is owed, what was paid, what stands in the way, and how it was loaded."""

from invoices.models.agreements import (
    Checkout,
    PaymentPlan,
    PaymentPlanItem,
    PaymentPlanPart,
    PaymentRequest,
    PaymentRequestItem,
)
from invoices.models.exceptions import DebtorAct, Declaration, DeclarationFile, Dispute, Hold, HoldRequest, Promise
from invoices.models.files import ImportFile, ImportTrace
from invoices.models.invoices import Installment, Invoice
from invoices.models.ledger import ImportBatch, ImportRow, LedgerCoverage, ReferenceRate
from invoices.models.payments import Allocation, Payment, WriteOff
from invoices.models.reporting import CollectionTarget, HabitSetAside, LearntHabits, MonthlySales, PayerHabit, PayerIndex

__all__ = [
    "Allocation",
    "Checkout",
    "CollectionTarget",
    "DebtorAct",
    "Declaration",
    "DeclarationFile",
    "Dispute",
    "HabitSetAside",
    "Hold",
    "HoldRequest",
    "ImportBatch",
    "ImportFile",
    "ImportRow",
    "ImportTrace",
    "Installment",
    "Invoice",
    "LearntHabits",
    "LedgerCoverage",
    "MonthlySales",
    "PayerHabit",
    "PayerIndex",
    "Payment",
    "PaymentPlan",
    "PaymentPlanItem",
    "PaymentPlanPart",
    "PaymentRequest",
    "PaymentRequestItem",
    "Promise",
    "ReferenceRate",
    "WriteOff",
]
