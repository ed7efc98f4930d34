"""What the fields of files are called on screen, where a person says which column is which."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.enums import ImportKind

_SHARED: Final[dict[str, Promise]] = {
    "account": _("Customer number"),
    "address_line1": _("Address"),
    "address_line2": _("Address, second line"),
    "amount": _("Amount"),
    "balance": _("Left to pay (balance)"),
    "city": _("City"),
    "contact_name": _("Contact: name"),
    "contact_role": _("Contact: role"),
    "country": _("Country"),
    "credit": _("Credit"),
    "credit_limit": _("Credit limit"),
    "credited_number": _("Invoice that is credited"),
    "currency": _("Currency"),
    "customer": _("Customer number"),
    "customer_email": _("Customer: e-mail"),
    "customer_group": _("Customer: group"),
    "customer_kind": _("Customer: business, public or consumer"),
    "customer_language": _("Customer: language"),
    "customer_name": _("Customer: name"),
    "customer_phone": _("Customer: telephone"),
    "customer_siren": _("Customer: SIREN"),
    "debit": _("Debit"),
    "delivered_on": _("Delivery or service date"),
    "document": _("Document number"),
    "due_on": _("Due date"),
    "email": _("E-mail"),
    "external_reference": _("Receipt’s own reference"),
    "factor_name": _("Factor"),
    "gross": _("Amount, VAT included"),
    "group": _("Group"),
    "iban": _("IBAN they pay from"),
    "insurer": _("Credit insurer"),
    "invoice": _("Invoice number"),
    "is_factored": _("Assigned to a factor"),
    "issued_on": _("Invoice date"),
    "kind": _("Type of document"),
    "label": _("Label"),
    "language": _("Language"),
    "legal_form": _("Legal form"),
    "legal_representative": _("Legal representative"),
    "matching": _("Matching letter"),
    "means": _("Means of payment"),
    "name": _("Customer: name"),
    "number": _("Invoice number"),
    "parent": _("Parent company (number)"),
    "pay_to_iban": _("IBAN to pay to"),
    "payer": _("Who pays (number)"),
    "payer_iban": _("Payer’s IBAN"),
    "payer_name": _("Payer’s name"),
    "payment_means": _("Means of payment"),
    "payment_reference": _("Payment reference (RF)"),
    "phone": _("Telephone"),
    "position": _("Position of the instalment"),
    "postal_code": _("Postal code"),
    "purchase_order": _("Order number"),
    "received_on": _("Value date"),
    "reference_text": _("What the payer wrote"),
    "registered_city": _("Registered office: city"),
    "registered_line1": _("Registered office: address"),
    "registered_line2": _("Registered office: second line"),
    "registered_postal_code": _("Registered office: postal code"),
    "service_code": _("Service code (Chorus Pro)"),
    "siren": _("SIREN"),
    "siret": _("SIRET"),
    "terms": _("Payment terms"),
    "vat_number": _("VAT number"),
}
_OWN: Final[dict[tuple[str, str], Promise]] = {
    (ImportKind.CUSTOMERS, "number"): _("Customer number"),
    (ImportKind.CUSTOMERS, "name"): _("Name"),
    (ImportKind.CUSTOMERS, "kind"): _("Business, public or consumer"),
    (ImportKind.INSTALLMENTS, "kind"): _("Type of instalment"),
    (ImportKind.OPEN_ITEMS, "issued_on"): _("Document date"),
}


def label_of(kind: str, name: str) -> Promise:
    """What a field of a kind of file is called."""
    return _OWN.get((kind, name)) or _SHARED[name]
