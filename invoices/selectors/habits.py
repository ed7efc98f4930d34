"""What the ledger holds of a customer's habits: what was paid when, and what became of promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from dunning.core.selectors import actor_names, get_profile
from invoices.enums import InvoiceState, PromiseState
from invoices.habits import WINDOW_DAYS, Habit, habit
from invoices.models import Allocation, HabitSetAside, Installment, PayerHabit, Promise, WriteOff


@dataclass(frozen=True, slots=True)
class Word:
    """How often a customer kept their word, over all the time known."""

    kept: int
    broken: int


def usual_delay(customer_id: UUID, *, today: date) -> Habit | None:
    """The habit of the last twelve months, in one query: items that payments alone settled. What a factor collects says nothing."""
    settled = Installment.objects.filter(
        customer=customer_id,
        outstanding=0,
        settled_on__gt=today - timedelta(days=WINDOW_DAYS),
        settled_on__lte=today,
        invoice__state=InvoiceState.ISSUED,
        invoice__is_factored=False,
    )
    credited = Allocation.objects.filter(installment=OuterRef("pk"), credit_note__isnull=False, reversed_at=None)
    given_up = WriteOff.objects.filter(installment=OuterRef("pk"), reversed_at=None)
    paid = settled.exclude(Exists(credited)).exclude(Exists(given_up)).values_list("due_on", "settled_on")
    return habit([(due_on, paid_on) for due_on, paid_on in paid if paid_on is not None])


def promises_kept(customer_id: UUID) -> Word:
    """Promises kept and broken, counted as they were made: several invoices of one promise are one."""
    made = Promise.objects.filter(customer=customer_id).values("reference")
    rows = made.annotate(
        broken=Count("pk", filter=Q(state=PromiseState.BROKEN)), kept=Count("pk", filter=Q(state=PromiseState.KEPT))
    ).values_list("kept", "broken")
    found = list(rows)
    return Word(kept=sum(1 for kept, broken in found if kept and not broken), broken=sum(1 for _kept, broken in found if broken))


@dataclass(frozen=True, slots=True)
class GoodPayer:
    """A customer's habits as plans wait for them (rule 13), one a currency; `aside` when somebody set them aside, by `aside_by`.

    `is_followed`: whether the organization waits for habits at all.
    """

    habits: Sequence[PayerHabit]
    aside: HabitSetAside | None
    aside_by: str
    is_followed: bool


def good_payer(customer_id: UUID, *, currency: str = "") -> GoodPayer | None:
    """What is known of the customer as a good payer, in one currency when one is given; None when nothing is."""
    found = PayerHabit.objects.filter(customer=customer_id).order_by("-items", "currency")
    habits = list(found.filter(currency=currency) if currency else found)
    aside = HabitSetAside.objects.filter(customer=customer_id, lifted_at=None).first()
    if not habits and aside is None:
        return None
    by = actor_names([aside.set_aside_by])[aside.set_aside_by] if aside is not None else ""
    return GoodPayer(habits, aside, by, get_profile().follows_habits)
