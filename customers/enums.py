"""The words about a debtor."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


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


class PortalAction(models.TextChoices):
    """What a link to the debtor's page allows beside looking."""

    RECEIVED = "received", _("Confirm receipt")
    ACCEPTED = "accepted", _("Accept")
    NOT_RECEIVED = "not_received", _("Say that it was not received")
    DISPUTED = "disputed", _("Dispute")
    PROMISED = "promised", _("Announce a payment")
    SAYS_PAID = "says_paid", _("Say that it is paid")
    ASKED = "asked", _("Ask for a document or give an order number")
    INSTALMENTS = "instalments", _("Propose instalments")
    REDIRECTED = "redirected", _("Name another contact")
    PAID_ONLINE = "paid_online", _("Pay online")
    MANDATE = "mandate", _("Set up a direct debit")


class MachineSign(models.TextChoices):
    """By what a program that opens links is known."""

    HEAD = "head", _("asked for the headers alone")
    AT_ONCE = "at_once", _("within a minute of sending")
    NO_COOKIE = "no_cookie", _("kept no cookie")
    NAMED = "named", _("names itself")


WHOLE_ACCOUNT_ROLES = frozenset(
    {
        ContactRole.ACCOUNTING,
        ContactRole.INVOICING_SERVICE,
        ContactRole.FINANCE_MANAGER,
        ContactRole.MANAGEMENT,
        ContactRole.LEGAL_REPRESENTATIVE,
    }
)
"""Accounting and management see the whole account; everybody else the items that were sent to them."""
ADMINISTRATOR_ACTIONS = frozenset(
    {PortalAction.RECEIVED, PortalAction.NOT_RECEIVED, PortalAction.DISPUTED, PortalAction.ASKED, PortalAction.REDIRECTED}
)
"""An insolvency administrator binds the estate by accepting, promising or paying: that takes a letter, not a click."""


class MandateState(models.TextChoices):
    """How far a direct-debit mandate has come: signed by the debtor, put to use by us, ended by either."""

    SIGNED = "signed", pgettext_lazy("mandate", "Signed, to be checked")
    ACTIVE = "active", pgettext_lazy("mandate", "In use")
    REVOKED = "revoked", pgettext_lazy("mandate", "Revoked")


class InsolvencyKind(models.TextChoices):
    SAFEGUARD = "safeguard", _("Safeguard (sauvegarde)")
    RECEIVERSHIP = "receivership", _("Receivership (redressement judiciaire)")
    LIQUIDATION = "liquidation", _("Liquidation (liquidation judiciaire)")


class EndOfMonth(models.TextChoices):
    """How "end of month" combines with the days (docs/domain.md, payment terms)."""

    NONE = "none", _("net")
    BEFORE = "before", _("end of month, then days")
    AFTER = "after", _("days, then end of month")
