"""News that travels up, sent inside the transaction."""

from django.dispatch import Signal

# customer_ids: list[UUID], reason: str, today: date
customer_changed = Signal()
