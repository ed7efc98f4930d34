"""News that travels up, sent inside the transaction with lists of ids."""

from django.dispatch import Signal

# installment_ids: list[UUID], today: date - nothing is left to pay on these
invoices_settled = Signal()
# installment_ids: list[UUID], reason: str, today: date - amounts, dates, disputes, promises, holds or answers changed
invoices_changed = Signal()
