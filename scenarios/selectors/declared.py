"""What debtors said on their page lately, for whoever begins the day, and one act with everything that proves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from invoices.models import DebtorAct, Declaration, DeclarationFile

LATELY: Final = timedelta(days=3)


@dataclass(frozen=True)
class ActDetail:
    """One act; `others` are those of the same declaration about other items, `files` what came with it."""

    act: DebtorAct
    others: Sequence[DebtorAct]
    files: Sequence[DeclarationFile]


def said_lately(*, now: datetime, limit: int = 8) -> list[DebtorAct]:
    """The first act of each declaration of the last three days, the latest first; what was undone is left out."""
    declared = Declaration.objects.filter(at__gte=now - LATELY, at__lte=now)
    acts = DebtorAct.objects.filter(declaration__in=declared, undone_at=None).order_by("declaration", "pk").distinct("declaration")
    found = DebtorAct.objects.select_related("customer", "installment__invoice").only(
        "kind", "at", "customer__name", "installment__invoice__number"
    )
    return list(found.filter(pk__in=acts.values("pk")).order_by("-at", "-pk")[:limit])


def act_detail(act_id: UUID) -> ActDetail:
    """Raises DebtorAct.DoesNotExist."""
    act = DebtorAct.objects.select_related("customer", "contact", "installment__invoice", "declaration").get(pk=act_id)
    if act.declaration is None:
        return ActDetail(act, (), ())
    others = DebtorAct.objects.select_related("installment__invoice").filter(declaration=act.declaration).exclude(pk=act.pk).order_by("pk")
    files = DeclarationFile.objects.select_related("document").filter(declaration=act.declaration).order_by("position")
    return ActDetail(act, list(others), list(files))
