# ruff: noqa: E501  a field a line is a table one can read; wrapped, it is six hundred lines
"""The fields each kind of file may have, and the headings they go by in French and English."""

from invoices.importers.choices import CONTACT_ROLES, CUSTOMER_KINDS, DOCUMENT_KINDS, INSTALLMENT_KINDS, PAYMENT_MEANS
from invoices.importers.mapping import Field, Shape

_CUSTOMER_NUMBER_NAMES = (
    "customer number", "n° client", "numéro client", "code client", "client", "customer id", "customer", "customer code", "customer no",
    "compte client", "compte", "compte auxiliaire", "compte tiers", "code tiers", "tiers", "account number", "account", "id client", "réf client",
)  # fmt: skip
_CUSTOMER_NAME_NAMES = (
    "customer name", "nom client", "nom du client", "raison sociale", "société", "company name", "company", "client name", "intitulé",
    "nom du tiers", "libellé tiers", "intitulé du compte", "libellé du compte", "libellé compte", "account name", "client", "tiers",
)  # fmt: skip
_INVOICE_NUMBER_NAMES = (
    "invoice number", "n° facture", "numéro facture", "numéro de facture", "n° de facture", "facture", "facture n°", "num facture", "invoice no",
    "invoice", "invoice id", "n° pièce", "numéro de pièce", "numéro pièce", "pièce", "n° document", "document", "document number", "réf facture",
    "référence facture", "numéro", "number",
)  # fmt: skip
_DUE_NAMES = (
    "due date",
    "date d'échéance",
    "échéance",
    "date échéance",
    "échéance le",
    "due",
    "payment due",
    "due on",
    "date limite de paiement",
)
_MEANS_NAMES = ("payment means", "mode de règlement", "mode de paiement", "mode règlement", "moyen de paiement", "payment method", "means")
_CURRENCY_NAMES = ("currency", "devise", "monnaie", "code devise", "currency code", "iso currency")
_TERMS_NAMES = ("payment terms", "conditions de paiement", "conditions de règlement", "délai de paiement", "délai de règlement", "terms")
_EMAIL_NAMES = ("email", "e-mail", "mail", "courriel", "adresse e-mail", "adresse mail", "email address", "e-mail client", "customer email")
_PHONE_NAMES = ("phone", "téléphone", "tél", "tel", "portable", "mobile", "phone number", "n° téléphone")
_LANGUAGE_NAMES = ("language", "langue", "lang")
_IBAN_NAMES = ("iban", "iban client", "customer iban")

CUSTOMER_FIELDS = (
    Field("number", Shape.CODE, ("customer number", *_CUSTOMER_NUMBER_NAMES[1:], "number", "numéro", "code", "n°", "id"), True, 40),
    Field("name", Shape.TEXT, (*_CUSTOMER_NAME_NAMES, "nom", "name"), True),
    Field("kind", Shape.CHOICE, ("type de client", "type client", "customer type", "catégorie", "type", "kind"), choices=CUSTOMER_KINDS),
    Field("legal_form", Shape.TEXT, ("forme juridique", "legal form"), longest=60),
    Field("siren", Shape.SIREN, ("siren", "n° siren")),
    Field("siret", Shape.SIRET, ("siret", "n° siret")),
    Field("vat_number", Shape.VAT_NUMBER, ("n° tva", "tva intracommunautaire", "n° tva intracommunautaire", "numéro de tva", "vat number", "vat")),
    Field("language", Shape.LANGUAGE, _LANGUAGE_NAMES),
    Field("group", Shape.TEXT, ("groupe", "groupe client", "groupe de clients", "segment", "customer group", "group"), longest=120),
    Field("payer", Shape.CODE, ("payeur", "n° payeur", "code payeur", "client payeur", "tiers payeur", "payer", "payer number", "bill to"), longest=40),
    Field("parent", Shape.CODE, ("maison mère", "code maison mère", "parent", "parent number", "parent account"), longest=40),
    Field("address_line1", Shape.TEXT, ("adresse", "adresse 1", "rue", "address", "address line 1", "address 1", "street"), longest=120),
    Field("address_line2", Shape.TEXT, ("adresse 2", "complément", "complément d'adresse", "address line 2", "address 2"), longest=120),
    Field("postal_code", Shape.CODE, ("code postal", "cp", "postal code", "postcode", "zip", "zip code"), longest=12),
    Field("city", Shape.TEXT, ("ville", "commune", "city", "town"), longest=80),
    Field("country", Shape.COUNTRY, ("pays", "code pays", "country", "country code")),
    Field("registered_line1", Shape.TEXT, ("adresse du siège", "siège adresse", "registered address"), longest=120),
    Field("registered_line2", Shape.TEXT, ("complément du siège", "registered address 2"), longest=120),
    Field("registered_postal_code", Shape.CODE, ("code postal du siège", "registered postal code"), longest=12),
    Field("registered_city", Shape.TEXT, ("ville du siège", "registered city"), longest=80),
    Field("legal_representative", Shape.TEXT, ("représentant légal", "legal representative"), longest=120),
    Field("payment_means", Shape.CHOICE, _MEANS_NAMES, choices=PAYMENT_MEANS),
    Field("terms", Shape.TERMS, _TERMS_NAMES),
    Field("iban", Shape.IBAN, _IBAN_NAMES),
    Field("service_code", Shape.CODE, ("code service", "code service chorus", "service code"), longest=60),
    Field("factor_name", Shape.TEXT, ("factor", "société d'affacturage", "factor name"), longest=120),
    Field("credit_limit", Shape.AMOUNT, ("encours autorisé", "plafond", "limite de crédit", "plafond d'encours", "credit limit")),
    Field("insurer", Shape.TEXT, ("assureur", "assureur crédit", "insurer", "credit insurer"), longest=120),
    Field("contact_name", Shape.TEXT, ("contact", "nom du contact", "interlocuteur", "contact name"), longest=120),
    Field("contact_role", Shape.CHOICE, ("fonction", "rôle", "role", "contact role"), choices=CONTACT_ROLES),
    Field("email", Shape.EMAILS, _EMAIL_NAMES),
    Field("phone", Shape.PHONE, _PHONE_NAMES),
)  # fmt: skip

INVOICE_FIELDS = (
    Field("number", Shape.CODE, _INVOICE_NUMBER_NAMES, True, 60),
    Field("kind", Shape.CHOICE, ("type", "type de pièce", "type de document", "type document", "nature", "document type", "kind"), choices=DOCUMENT_KINDS),
    Field("customer", Shape.CODE, _CUSTOMER_NUMBER_NAMES, True, 40),
    Field("customer_name", Shape.TEXT, (*_CUSTOMER_NAME_NAMES, "nom", "name")),
    Field("customer_email", Shape.EMAILS, _EMAIL_NAMES),
    Field("customer_phone", Shape.PHONE, _PHONE_NAMES),
    Field("customer_kind", Shape.CHOICE, ("type de client", "type client", "customer type"), choices=CUSTOMER_KINDS),
    Field("customer_siren", Shape.SIREN, ("siren", "siren client")),
    Field("customer_language", Shape.LANGUAGE, _LANGUAGE_NAMES),
    Field("customer_group", Shape.TEXT, ("groupe", "groupe client", "customer group", "segment"), longest=120),
    Field("issued_on", Shape.DATE, ("invoice date", "date de facture", "date facture", "date d'émission", "date de pièce", "date pièce", "issue date", "issued", "document date", "date"), True),
    Field("delivered_on", Shape.DATE, ("date de livraison", "date de prestation", "delivery date", "service date")),
    Field("due_on", Shape.DATE, _DUE_NAMES),
    Field("terms", Shape.TERMS, _TERMS_NAMES),
    Field("gross", Shape.AMOUNT, ("amount incl vat", "montant ttc", "total ttc", "ttc", "net à payer", "invoice amount", "total amount", "gross amount", "total incl tax", "montant", "amount", "total"), True),
    Field("currency", Shape.CURRENCY, _CURRENCY_NAMES),
    Field("label", Shape.TEXT, ("libellé", "objet", "désignation", "label", "subject", "description")),
    Field("purchase_order", Shape.CODE, ("n° commande", "numéro de commande", "bon de commande", "commande", "réf commande", "purchase order", "po number", "po"), longest=60),
    Field("payment_reference", Shape.CODE, ("référence de paiement", "référence rf", "payment reference"), longest=35),
    Field("pay_to_iban", Shape.IBAN, ("iban à payer", "iban bénéficiaire", "iban de règlement", "pay to iban")),
    Field("means", Shape.CHOICE, _MEANS_NAMES, choices=PAYMENT_MEANS),
    Field("credited_number", Shape.CODE, ("facture d'origine", "facture créditée", "avoir sur facture", "credited invoice", "original invoice"), longest=60),
    Field("is_factored", Shape.YES_NO, ("cédée", "affacturée", "factored")),
)  # fmt: skip

INSTALLMENT_FIELDS = (
    Field("invoice", Shape.CODE, _INVOICE_NUMBER_NAMES, True, 60),
    Field("position", Shape.INTEGER, ("n° échéance", "numéro d'échéance", "rang", "position", "instalment", "installment")),
    Field("due_on", Shape.DATE, _DUE_NAMES, True),
    Field("amount", Shape.AMOUNT, ("amount", "montant", "montant ttc", "montant échéance", "montant de l'échéance"), True),
    Field("kind", Shape.CHOICE, ("type", "type d'échéance", "nature", "kind"), choices=INSTALLMENT_KINDS),
    Field("means", Shape.CHOICE, _MEANS_NAMES, choices=PAYMENT_MEANS),
)  # fmt: skip

PAYMENT_FIELDS = (
    Field("external_reference", Shape.CODE, ("payment id", "id paiement", "id règlement", "n° règlement", "numéro de règlement", "n° opération", "transaction id", "référence bancaire", "bank reference", "external reference", "external id"), longest=110),
    Field("received_on", Shape.DATE, ("value date", "date de valeur", "date de règlement", "date règlement", "date de paiement", "date paiement", "payment date", "settled date", "received on", "date encaissement", "date d'encaissement", "date opération", "date d'opération", "date"), True),
    Field("amount", Shape.AMOUNT, ("amount", "montant", "montant réglé", "montant règlement", "montant payé", "payment amount", "amount paid", "paid", "crédit", "credit", "invoice amount"), True),
    Field("currency", Shape.CURRENCY, _CURRENCY_NAMES),
    Field("customer", Shape.CODE, _CUSTOMER_NUMBER_NAMES, longest=40),
    Field("invoice", Shape.TEXT, (*_INVOICE_NUMBER_NAMES, "factures", "invoices", "invoice numbers", "factures réglées"), longest=2000),
    Field("means", Shape.CHOICE, _MEANS_NAMES, choices=PAYMENT_MEANS),
    Field("reference_text", Shape.TEXT, ("libellé", "référence", "motif", "communication", "reference", "label", "description", "remittance information", "details"), longest=2000),
    Field("payer_name", Shape.TEXT, ("donneur d'ordre", "émetteur", "nom du payeur", "payeur", "payer", "payer name", "nom client", "customer name"), longest=140),
    Field("payer_iban", Shape.IBAN, ("iban", "iban émetteur", "iban du payeur", "payer iban", "iban donneur d'ordre")),
)  # fmt: skip

OPEN_ITEM_FIELDS = (
    Field("account", Shape.CODE, _CUSTOMER_NUMBER_NAMES, True, 40),
    Field("name", Shape.TEXT, (*_CUSTOMER_NAME_NAMES, "nom", "name")),
    Field("kind", Shape.TEXT, ("type", "type de pièce", "journal", "code journal", "nature", "document type", "jal"), longest=60),
    Field("document", Shape.CODE, _INVOICE_NUMBER_NAMES, True, 60),
    Field("issued_on", Shape.DATE, ("date", "date de pièce", "date pièce", "date de facture", "date écriture", "date d'écriture", "date comptable", "document date", "invoice date"), True),
    Field("due_on", Shape.DATE, _DUE_NAMES),
    Field("debit", Shape.AMOUNT, ("debit", "débit", "montant débit", "solde débit", "solde débiteur")),
    Field("credit", Shape.AMOUNT, ("credit", "crédit", "montant crédit", "solde crédit", "solde créditeur")),
    Field("balance", Shape.AMOUNT, ("balance", "solde", "reste dû", "restant dû", "montant", "amount", "reste à payer", "open amount", "amount due")),
    Field("matching", Shape.CODE, ("lettrage", "lettre", "let", "code lettrage", "matching letter", "matching"), longest=20),
    Field("label", Shape.TEXT, ("libellé", "libellé écriture", "libellé de l'écriture", "label", "description")),
    Field("currency", Shape.CURRENCY, _CURRENCY_NAMES),
)  # fmt: skip
