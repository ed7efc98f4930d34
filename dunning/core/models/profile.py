"""Who an organization is on paper, where it is paid, and how its engine behaves."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from dunning.core.enums import BankChangeState, Language, MandateScheme, PenaltyMode
from dunning.core.models.people import User
from dunning.core.tenancy import TenantForeignKey, TenantModel


def monday_to_friday() -> list[int]:
    return [0, 1, 2, 3, 4]


def soft_by_default() -> list[str]:
    """The summer and the year's end (rule 14)."""
    return ["08-01/08-21", "12-24/01-02"]


class OrganizationProfile(TenantModel):
    """Who the creditor is on paper, where it is paid, and how its engine behaves. One row per organization."""

    # identity, as company law wants it on letters (R123-237 du code de commerce)
    legal_name = models.CharField(max_length=200)
    legal_form = models.CharField(max_length=60, blank=True)
    share_capital = models.CharField(max_length=60, blank=True)
    siren = models.CharField(max_length=9, blank=True)
    siret = models.CharField(max_length=14, blank=True)
    rcs_city = models.CharField(max_length=80, blank=True)
    vat_number = models.CharField(max_length=20, blank=True)
    address_line1 = models.CharField(max_length=120, blank=True)
    address_line2 = models.CharField(max_length=120, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, default="FR")
    phone = models.CharField(max_length=32, blank=True)
    email = models.EmailField(blank=True)
    signatory_name = models.CharField(max_length=120, blank=True)
    signatory_title = models.CharField(max_length=120, blank=True)
    signatory_phone = models.CharField(max_length=32, blank=True)
    # bank
    account_holder = models.CharField(max_length=70, blank=True)
    iban = models.CharField(max_length=34, blank=True)
    bic = models.CharField(max_length=11, blank=True)
    bank_name = models.CharField(max_length=80, blank=True)
    # the debtor's page
    logo = TenantForeignKey("core.Document", null=True, blank=True)  # PNG or JPEG
    accent_colour = models.CharField(max_length=7, blank=True)  # #rrggbb, dark enough for white letters; blank: the product's
    # sending
    sender_name = models.CharField(max_length=120, blank=True)
    sender_email = models.EmailField(blank=True)
    reply_to = models.EmailField(blank=True)
    sms_sender = models.CharField(max_length=11, blank=True)
    default_language = models.CharField(max_length=2, choices=Language, default=Language.FRENCH)
    default_currency = models.CharField(max_length=3, default="EUR")
    window_start = models.TimeField(default="09:00")
    window_end = models.TimeField(default="18:00")
    # calendar
    holiday_country = models.CharField(max_length=2, default="FR", blank=True)  # blank: no public holiday at all
    holiday_subdivision = models.CharField(max_length=12, blank=True)  # e.g. Alsace-Moselle
    working_days = ArrayField(models.PositiveSmallIntegerField(), default=monday_to_friday)  # Monday is 0
    closures = ArrayField(models.DateField(), default=list, blank=True)
    soft_periods = ArrayField(models.CharField(max_length=11), default=soft_by_default, blank=True)  # rule 14: "08-01/08-21"
    follows_habits = models.BooleanField(default=True)  # rule 13: good payers are waited for
    # engine (the numbers of the rules)
    spacing_days = models.PositiveSmallIntegerField(default=3)  # rule 6, business days
    residue_amount = models.DecimalField(max_digits=14, decimal_places=2, default=15)  # rule 1
    residue_percent = models.DecimalField(max_digits=5, decimal_places=2, default=1)  # rule 1
    tolerance_amount = models.DecimalField(max_digits=6, decimal_places=2, default=0)  # closed by itself when partly settled; 0: never
    write_off_limit = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # what a collector may give up at once; 0: nothing
    promise_share_percent = models.PositiveSmallIntegerField(default=80)  # rule 7
    promise_tolerance_days = models.PositiveSmallIntegerField(default=2)  # rule 7, business days
    promise_max_days = models.PositiveSmallIntegerField(default=30)
    acceptance_threshold = models.DecimalField(max_digits=14, decimal_places=2, default=3000)  # rule 5
    ledger_gate = models.BooleanField(default=True)  # rule 8
    supervised_until = models.DateField(null=True, blank=True)  # rule 15: until and including this day all waits on the board
    held_at = models.DateTimeField(null=True, blank=True)  # rule 15: hold everything at once
    held_reason = models.CharField(max_length=200, blank=True)
    first_import_on = models.DateField(null=True, blank=True)  # rule 3: triage concerns the first import alone
    first_steps = models.JSONField(default=dict, blank=True)  # steps of the first hour a person called done: {step: day}
    # law
    penalty_mode = models.CharField(max_length=20, choices=PenaltyMode, default=PenaltyMode.DEFAULT_ECB10)
    penalty_value = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)  # rate, margin or multiple
    penalty_lift_to_floor = models.BooleanField(default=False)  # claim the legal floor where the clause lies below it
    # what debtors may do by themselves, and how they may pay beside a transfer
    plans_offered = models.BooleanField(default=False)  # instalments, granted at once within these bounds
    plan_most_parts = models.PositiveSmallIntegerField(default=3)
    plan_first_within = models.PositiveSmallIntegerField(default=8)  # days
    plan_most_days = models.PositiveSmallIntegerField(default=90)  # until the last part
    cheques_offered = models.BooleanField(default=False)
    cheque_order = models.CharField(max_length=70, blank=True)  # blank: the legal name
    cheque_address = models.CharField(max_length=300, blank=True)  # lines; blank: the organization's own
    mandate_scheme = models.CharField(max_length=4, choices=MandateScheme, blank=True)  # blank: no mandate is asked for
    creditor_identifier = models.CharField(max_length=35, blank=True)  # SEPA: the "ICS" of France

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="one_profile_per_organization", fields=["organization"]),
            models.CheckConstraint(
                name="profile_plan_parts", condition=models.Q(plan_most_parts__gte=2, plan_first_within__gte=1, plan_most_days__gte=1)
            ),
            models.CheckConstraint(
                name="profile_mandate_needs_creditor", condition=models.Q(mandate_scheme="") | ~models.Q(creditor_identifier="")
            ),
            models.CheckConstraint(
                name="profile_promise_share", condition=models.Q(promise_share_percent__gte=1, promise_share_percent__lte=100)
            ),
        ]

    def __str__(self) -> str:
        return self.legal_name


class BankDetailsChange(TenantModel):
    """Another account to be paid to: proposed by one person, in force once another has confirmed it. The rows stay as its history."""

    holder = models.CharField(max_length=70)
    iban = models.CharField(max_length=34)
    bic = models.CharField(max_length=11, blank=True)
    bank_name = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=300)
    previous_holder = models.CharField(max_length=70, blank=True)
    previous_iban = models.CharField(max_length=34)
    state = models.CharField(max_length=10, choices=BankChangeState, default=BankChangeState.PROPOSED)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_bank_change_at_a_time", fields=["organization"], condition=models.Q(state=BankChangeState.PROPOSED)
            ),
            models.CheckConstraint(
                name="bank_change_decided_is_complete",
                condition=models.Q(state=BankChangeState.PROPOSED, decided_by=None, decided_at=None)
                | (~models.Q(state=BankChangeState.PROPOSED) & models.Q(decided_by__isnull=False, decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="bank_change_takes_two_people",
                condition=~models.Q(state=BankChangeState.CONFIRMED) | ~models.Q(decided_by=models.F("proposed_by")),
            ),
        ]
        indexes: ClassVar = [models.Index(name="bank_change_by_decision", fields=["organization", "state", "decided_at"])]

    def __str__(self) -> str:
        return f"…{self.iban[-4:]}"
