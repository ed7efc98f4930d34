"""What debtors said they would do, judged again after money came, went, or changed its date."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from invoices.services import payment_plans, promises


def judge(installment_ids: Collection[UUID], *, actor: str, today: date, now: datetime) -> None:
    """The promises and the payment plans of these locked items."""
    ids = list(installment_ids)
    promises.reassess(ids, actor=actor, today=today, now=now)
    payment_plans.reassess(ids, actor=actor, today=today, now=now)
