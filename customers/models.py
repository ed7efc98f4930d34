"""Who owes, how to reach them, and what they allow."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.enums import (
    ContactRole,
    CustomerKind,
    EndOfMonth,
    InsolvencyKind,
    MachineSign,
    MandateState,
    PaymentMeans,
    Reachability,
)
from dunning.core.enums import Language, MandateScheme
from dunning.core.tenancy import TenantForeignKey, TenantModel
from dunning.core.tokens import new_id


class CustomerGroup(TenantModel):
    """Customers who are treated alike: an action plan is assigned to the group."""

    key = models.SlugField(max_length=40, db_index=False)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    shows_payer_index = models.BooleanField(default=False)  # on the debtor's page, as a sentence, to who pays well alone

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="customer_group_key", fields=["organization", "key"])]

    def __str__(self) -> str:
        return self.name


class Customer(TenantModel):
    """A debtor, as the creditor's ledger knows it by `number`."""

    number = models.CharField(_("number"), max_length=40)
    name = models.CharField(_("name"), max_length=200)
    sort_name = models.CharField(max_length=200)  # folded: the database collates by code point
    kind = models.CharField(_("kind"), max_length=10, choices=CustomerKind, default=CustomerKind.UNKNOWN)
    kind_confirmed_at = models.DateTimeField(null=True, blank=True)  # by a person (rule 11)
    legal_form = models.CharField(max_length=60, blank=True)
    siren = models.CharField(_("SIREN"), max_length=9, blank=True)
    siret = models.CharField(_("SIRET"), max_length=14, blank=True)
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.FRENCH)
    group = TenantForeignKey(CustomerGroup, null=True, blank=True)
    payer = TenantForeignKey("self", null=True, blank=True)  # somebody else pays (rule 5)
    parent = TenantForeignKey("self", null=True, blank=True)
    account_owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # postal address, and the registered office when it differs (legal steps go there)
    address_line1 = models.CharField(max_length=120, blank=True)
    address_line2 = models.CharField(max_length=120, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, default="FR")
    registered_line1 = models.CharField(max_length=120, blank=True)
    registered_line2 = models.CharField(max_length=120, blank=True)
    registered_postal_code = models.CharField(max_length=12, blank=True)
    registered_city = models.CharField(max_length=80, blank=True)
    legal_representative = models.CharField(max_length=120, blank=True)
    # terms
    payment_means = models.CharField(max_length=12, choices=PaymentMeans, default=PaymentMeans.TRANSFER)
    payment_days = models.PositiveSmallIntegerField(default=30)
    payment_end_of_month = models.CharField(max_length=6, choices=EndOfMonth, default=EndOfMonth.NONE)
    payment_day_of_month = models.PositiveSmallIntegerField(null=True, blank=True)
    iban = models.CharField(max_length=34, blank=True)  # the account they pay from: recognises their transfers
    service_code = models.CharField(max_length=60, blank=True)  # Chorus Pro: "code service"
    factor_name = models.CharField(max_length=120, blank=True)
    factor_allows_reminders = models.BooleanField(default=False)  # rule 1: the factor's mandate
    # risk
    credit_limit = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    insurer = models.CharField(max_length=120, blank=True)
    risk_note = models.TextField(blank=True)
    vetting = models.JSONField(default=dict, blank=True)  # prospect check list: reputation, seriousness, responsiveness
    # insolvency (rule 12)
    insolvency_kind = models.CharField(max_length=12, choices=InsolvencyKind, blank=True)
    insolvency_opened_on = models.DateField(null=True, blank=True)
    insolvency_published_on = models.DateField(null=True, blank=True)
    # behaviour
    reply_pending_since = models.DateTimeField(null=True, blank=True)  # a human reply waits to be read (rule 9)
    owner_warned_on = models.DateField(null=True, blank=True)  # the account owner was told of a coming legal step (rule 11)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="customer_number", fields=["organization", "number"]),
            models.CheckConstraint(name="customer_not_its_own_payer", condition=~Q(payer=models.F("id"))),
            models.CheckConstraint(
                name="customer_insolvency_complete",
                condition=Q(insolvency_kind="", insolvency_opened_on=None)
                | (~Q(insolvency_kind="") & Q(insolvency_opened_on__isnull=False)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="customer_by_name", fields=["organization", "sort_name"]),
            models.Index(name="customer_by_group", fields=["organization", "group"]),
            models.Index(name="customer_by_payer", fields=["organization", "payer"], condition=Q(payer__isnull=False)),  # few have one
        ]

    def __str__(self) -> str:
        return self.name


class Contact(TenantModel):
    """A person or a mailbox at a customer. `position` orders the chain: the next one is tried when one fails."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="contacts")
    position = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=ContactRole, default=ContactRole.ACCOUNTING)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)  # E.164
    language = models.CharField(max_length=2, choices=Language, blank=True)  # blank: the customer's
    email_state = models.CharField(max_length=8, choices=Reachability, default=Reachability.UNKNOWN)
    phone_state = models.CharField(max_length=8, choices=Reachability, default=Reachability.UNKNOWN)
    absent_until = models.DateField(null=True, blank=True)  # rule 9
    absence_noted_on = models.DateField(null=True, blank=True)  # when we learnt of it: it defers ten business days at most
    substitute = TenantForeignKey("self", null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(name="contact_chain", fields=["organization", "customer", "position"]),
            models.Index(name="contact_by_email", fields=["organization", "email"]),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone


class PortalToken(models.Model):
    """A link to the debtor's page that left with one message, for one contact. Outside the wall: a visitor names no organization.

    The link itself is kept nowhere: `digest` is its HMAC-SHA-256 under a key of the environment (see `portal_access`). Ids only, no names.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField()
    customer_id = models.UUIDField()
    contact_id = models.UUIDField()
    message_id = models.UUIDField()
    generation = models.PositiveSmallIntegerField(default=1)  # of this message's link: another recipient gets another link
    digest = models.CharField(max_length=64, unique=True)
    actions = ArrayField(models.CharField(max_length=16))  # of PortalAction
    items = ArrayField(models.UUIDField(), default=list)  # the instalments its message named
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # slides with the last step; never past a year
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="portal_token_generation", fields=["message_id", "generation"])]
        indexes: ClassVar = [models.Index(name="portal_token_by_contact", fields=["contact_id", "created_at"])]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.generation}"


class PortalVisit(TenantModel):
    """A link was opened. Never evidence of anything: programs open links too, and those that show it are labelled."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE)
    message_id = models.UUIDField()  # whose link it was
    at = models.DateTimeField()
    machine = models.CharField(max_length=12, choices=MachineSign, blank=True)  # blank: perhaps a person
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(name="portal_visit_by_customer", fields=["organization", "customer", "at"])]

    def __str__(self) -> str:
        return f"{self.at} {self.machine}"


class Mandate(TenantModel):
    """A customer's authority to debit its account (SEPA). The account number is sealed; what people see of it is `iban_masked`.

    `text` are the words that were signed, with the account masked as well.
    """

    customer = TenantForeignKey(Customer, related_name="mandates")
    contact = TenantForeignKey(Contact, null=True, blank=True)
    reference = models.CharField(max_length=35)  # the "RUM"
    scheme = models.CharField(max_length=4, choices=MandateScheme)
    creditor_identifier = models.CharField(max_length=35)
    holder = models.CharField(max_length=70)
    iban_sealed = models.TextField()  # {"iban": …}, see dunning.core.sealing
    iban_masked = models.CharField(max_length=34)
    bic = models.CharField(max_length=11, blank=True)
    state = models.CharField(max_length=8, choices=MandateState, default=MandateState.SIGNED)
    language = models.CharField(max_length=2, choices=Language)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    signatory = models.CharField(max_length=120)  # who signed, as they wrote it
    signed_at = models.DateTimeField()
    signed_from = models.GenericIPAddressField(null=True, blank=True)
    signed_with = models.CharField(max_length=300, blank=True)  # the browser's own name
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.CharField(max_length=120, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=120, blank=True)
    revoked_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="mandate_reference", fields=["organization", "reference"]),
            models.UniqueConstraint(
                name="one_mandate_to_check_per_customer", fields=["organization", "customer"], condition=Q(state=MandateState.SIGNED)
            ),
            models.UniqueConstraint(
                name="one_mandate_in_use_per_customer", fields=["organization", "customer"], condition=Q(state=MandateState.ACTIVE)
            ),
            models.CheckConstraint(
                name="mandate_dates_follow_its_state",
                condition=Q(state=MandateState.SIGNED, activated_at=None, revoked_at=None)
                | Q(state=MandateState.ACTIVE, activated_at__isnull=False, revoked_at=None)
                | Q(state=MandateState.REVOKED, revoked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
