"""People, organizations, and the records every floor writes: audit events, events for the outside, documents, search."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import BankChangeState, Language, MandateScheme, PenaltyMode, Role
from dunning.core.tenancy import TenantForeignKey, TenantModel
from dunning.core.tokens import new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create an account; the e-mail address is the login, compared without regard to case."""
        if not email:
            raise ValueError("An e-mail address is needed to create an account.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do depends on their membership of each organization."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    phone = models.CharField(_("direct line"), max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.FRENCH)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


def validate_timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("“%(value)s” is not a time zone; use a name such as Europe/Paris."), params={"value": value})


def monday_to_friday() -> list[int]:
    return [0, 1, 2, 3, 4]


class Organization(models.Model):
    """A creditor. Outside the wall: what beat needs to know to ring for it, and nothing personal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/Paris", validators=[validate_timezone])
    run_hour = models.PositiveSmallIntegerField(default=6, help_text=_("Local hour of the daily run, 0 to 23."))
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)  # null while played or suspended
    suspended_at = models.DateTimeField(null=True, blank=True)
    files_waiting_since = models.DateTimeField(null=True, blank=True)  # a file waits for a worker
    is_demo = models.BooleanField(default=False)
    played_until = models.DateField(null=True, blank=True)  # progress of a life being played under a virtual clock
    playing_until = models.DateField(null=True, blank=True)  # its last day; null when nothing is being played
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="organization_run_hour", condition=models.Q(run_hour__lte=23)),
        ]

    def __str__(self) -> str:
        return self.name


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
    website = models.URLField(blank=True)
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
    # engine (the numbers of the rules)
    spacing_days = models.PositiveSmallIntegerField(default=3)  # rule 6, business days
    minimum_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # rule 1
    residue_amount = models.DecimalField(max_digits=14, decimal_places=2, default=15)  # rule 1
    residue_percent = models.DecimalField(max_digits=5, decimal_places=2, default=1)  # rule 1
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
    formal_notice_days = models.PositiveSmallIntegerField(default=8)
    mediator_mention = models.BooleanField(default=True)
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


class Membership(models.Model):
    """A person's role in an organization."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_membership_per_person", fields=["organization", "user"])]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class RateWindow(models.Model):
    """How often something was done within one stretch of time. Outside the wall: who is counted is not known to anybody yet, nor named."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64)  # a keyed hash of what is counted and for whom
    starts_at = models.DateTimeField()  # database time
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="rate_window_once", fields=["key", "starts_at"])]
        indexes: ClassVar = [models.Index(name="rate_window_by_age", fields=["starts_at"])]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.count}"


class ApiKey(models.Model):
    """What a program of the organization's shows to the API. Outside the wall, to learn whose call it is; the secret is kept as a hash.

    `successor` is the key that takes its place: until it expires both open, so that programs change over one by one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    key_id = models.CharField(max_length=12, unique=True)  # the part of the token that is no secret
    token_hash = models.CharField(max_length=64)  # SHA-256 of the whole token, hex
    scopes = ArrayField(models.CharField(max_length=40))  # dunning.core.scopes
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=120)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=120, blank=True)
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(name="api_key_by_organization", fields=["organization", "created_at"])]

    def __str__(self) -> str:
        return self.name


class KeptAnswer(TenantModel):
    """The answer to a call that named itself (`Idempotency-Key`), committed with its effect and given again for a day."""

    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, address and body, hex
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    content = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="kept_answer_key", fields=["organization", "key"])]
        indexes: ClassVar = [models.Index(name="kept_answer_by_age", fields=["organization", "created_at"])]

    def __str__(self) -> str:
        return self.key


class Invitation(models.Model):
    """An open door for one person: whoever holds its link joins the organization, once. Outside the wall, to learn whose it is."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(max_length=12, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True)  # SHA-256, hex
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_open_invitation_per_person",
                fields=["organization", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.email


class AuditHead(TenantModel):
    """The last link of an organization's chain; its row lock is the last lock any transaction takes."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_audit_head_per_organization", fields=["organization"])]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class AuditEvent(TenantModel):
    """What happened, who did it, and the hash that chains it to the event before (SHA-256, hex).

    Append-only: triggers refuse UPDATE, DELETE and TRUNCATE, from raw SQL too.
    """

    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    body = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="audit_sequence", fields=["organization", "sequence"])]
        indexes: ClassVar = [
            models.Index(name="audit_by_object", fields=["organization", "object_type", "object_id", "sequence"]),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="audit_no_truncate",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'the audit trail is append-only';",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.action}"


class Event(TenantModel):
    """News for the outside world, written in the business transaction; webhooks fan it out later.

    `sequence` counts the events of one object: a later one has the greater number. `batch` joins those of one transaction that somebody
    asked to hear of; null when nobody did.
    """

    type = models.CharField(max_length=80)
    at = models.DateTimeField()
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    sequence = models.PositiveIntegerField(db_default=1)
    batch = models.UUIDField(null=True, blank=True)
    payload = models.JSONField(default=dict)
    # The database transaction that wrote it: in this order, and behind the oldest one still open, a reader misses none.
    transaction = models.BigIntegerField(
        db_default=Cast(Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()), editable=False
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(name="event_by_object", fields=["organization", "object_id", "sequence"]),  # the last one, at every event
            models.Index(name="event_by_batch", fields=["organization", "batch", "id"], condition=models.Q(batch__isnull=False)),
            models.Index(name="event_by_transaction", fields=["organization", "transaction", "id"]),
        ]

    def __str__(self) -> str:
        return self.type


class Document(TenantModel):
    """A file that is kept: its bytes lie behind the storage port, addressed by their SHA-256."""

    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    filename = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(name="document_by_hash", fields=["organization", "sha256"])]

    def __str__(self) -> str:
        return self.filename


class SearchEntry(TenantModel):
    """One folded word by which an object is found: equality and ranges are the only look-ups an index serves behind RLS."""

    kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    token = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="search_token", fields=["organization", "token", "kind", "object_id"]),
        ]
        indexes: ClassVar = [models.Index(name="search_by_object", fields=["organization", "kind", "object_id"])]

    def __str__(self) -> str:
        return self.token


__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditHead",
    "BankDetailsChange",
    "Document",
    "Event",
    "Invitation",
    "KeptAnswer",
    "Membership",
    "Organization",
    "OrganizationProfile",
    "RateWindow",
    "SearchEntry",
    "User",
]
