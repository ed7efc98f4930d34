"""What reports need and the ledger does not hold, and what was last worked out of payers: their index, and good payers' habits."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from dunning.core.tenancy import TenantForeignKey, TenantModel


class MonthlySales(TenantModel):
    """The sales of a month as a person states them, for a month whose invoices are not all here: the days of sales need them whole."""

    month = models.DateField()  # its first day
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)  # incl. VAT, invoices less credit notes

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="monthly_sales_once", fields=["organization", "month", "currency"]),
            models.CheckConstraint(name="monthly_sales_first_day", condition=Q(month__day=1)),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.amount} {self.currency}"


class CollectionTarget(TenantModel):
    """What is to be collected each month from `since` on, until another target follows; of one person, or (none) of the organization."""

    since = models.DateField()  # the first day of a month
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)  # 0: none from then on

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="collection_target_once", fields=["organization", "since", "user", "currency"], nulls_distinct=False
            ),
            models.CheckConstraint(name="collection_target_first_day", condition=Q(since__day=1)),
            models.CheckConstraint(name="collection_target_not_negative", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m}: {self.amount} {self.currency}"


class LearntHabits(TenantModel):
    """What the cash forecast learnt of payers in one currency from a year of the ledger: looking at it again each time would take too long.

    `content`: `payments` counted, `days` ([days late, amount] of everybody), `habits` (the three quartiles in days, by id of a customer or
    group), `shares` (paid of what stood in an age, 0 to 1). Amounts and shares are texts of decimals.
    """

    currency = models.CharField(max_length=3)
    learnt_on = models.DateField()
    content = models.JSONField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="learnt_habits_once", fields=["organization", "currency"])]

    def __str__(self) -> str:
        return f"{self.currency} {self.learnt_on}"


class PayerIndex(TenantModel):
    """A customer's payer index (docs/domain.md), kept so that lists can sort by it and plans can ask for it; None: insufficient data.

    It is always what `invoices.payer_index` says; the daily run brings it up to date, and so does what settles or corrects a payment.
    """

    customer = TenantForeignKey("customers.Customer", related_name="payer_indexes")  # one at most
    value = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)  # 0 to 100
    paid_invoices = models.PositiveIntegerField(default=0)
    currency = models.CharField(max_length=3)  # of most of the customer's payments: two are never added
    since = models.DateField()  # the day from which it has been this

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="payer_index_once", fields=["organization", "customer"]),
            models.CheckConstraint(name="payer_index_scale", condition=Q(value=None) | Q(value__gte=0, value__lte=100)),
        ]

    def __str__(self) -> str:
        return f"{self.value}"


class PayerHabit(TenantModel):
    """A good payer's habit in one currency (rule 13), as `invoices.habits` finds it; brought up to date by the daily run. No row: none.

    The planner reads it here: a year of payments is not looked at for each item.
    """

    customer = TenantForeignKey("customers.Customer", related_name="payer_habits")
    currency = models.CharField(max_length=3)
    days = models.PositiveSmallIntegerField()  # after the due date
    usual_amount = models.DecimalField(max_digits=14, decimal_places=2)
    items = models.PositiveIntegerField()  # paid in the year within the tolerance of `days`
    paid = models.PositiveIntegerField()  # paid in the year in all
    first_on = models.DateField()  # the first and the last payment that tell it
    latest_on = models.DateField()
    found_on = models.DateField()  # from which day on it has been `days`

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="payer_habit_once", fields=["organization", "customer", "currency"]),
            models.CheckConstraint(name="payer_habit_after_due_date", condition=Q(days__gte=1, days__lte=15)),
        ]

    def __str__(self) -> str:
        return f"+{self.days} {self.currency}"


class HabitSetAside(TenantModel):
    """Somebody decided that a customer's habit is not to be counted on (rule 13), until somebody lifts it."""

    customer = TenantForeignKey("customers.Customer", related_name="habits_set_aside")
    reason = models.CharField(max_length=300)
    set_aside_on = models.DateField()
    set_aside_by = models.CharField(max_length=120)  # an actor
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="habit_set_aside_once", fields=["organization", "customer"], condition=Q(lifted_at=None)),
        ]

    def __str__(self) -> str:
        return self.reason
