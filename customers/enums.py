"""The words about a debtor."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomerKind(models.TextChoices):
    """The legal regime follows from it (rule 11): UNKNOWN gets no penalty, no 40 EUR and no formal notice."""

    BUSINESS = "business", _("Business")
    PUBLIC = "public", _("Public body")
    CONSUMER = "consumer", _("Consumer")
    UNKNOWN = "unknown", _("Unknown")


class PaymentMeans(models.TextChoices):
    TRANSFER = "transfer", _("Transfer")
    DIRECT_DEBIT = "direct_debit", _("Direct debit")
    CHEQUE = "cheque", _("Cheque")
    CARD = "card", _("Card")
    BILL = "bill", _("Bill of exchange")


class ContactRole(models.TextChoices):
    ACCOUNTING = "accounting", _("Accounts payable")
    INVOICING_SERVICE = "invoicing_service", _("Invoicing service")
    FINANCE_MANAGER = "finance_manager", _("Finance manager")
    MANAGEMENT = "management", _("Management")
    LEGAL_REPRESENTATIVE = "legal_representative", _("Legal representative")
    PURCHASING = "purchasing", _("Purchasing")
    ADMINISTRATOR = "administrator", _("Insolvency administrator")
    OTHER = "other", _("Other")


class Reachability(models.TextChoices):
    UNKNOWN = "unknown", _("Not tried yet")
    REACHED = "reached", _("Reached")
    FAILED = "failed", _("Failed")


class InsolvencyKind(models.TextChoices):
    SAFEGUARD = "safeguard", _("Safeguard (sauvegarde)")
    RECEIVERSHIP = "receivership", _("Receivership (redressement judiciaire)")
    LIQUIDATION = "liquidation", _("Liquidation (liquidation judiciaire)")


class EndOfMonth(models.TextChoices):
    """How "end of month" combines with the days (docs/domain.md, payment terms)."""

    NONE = "none", _("net")
    BEFORE = "before", _("end of month, then days")
    AFTER = "after", _("days, then end of month")
