"""The words of a direct-debit mandate (docs/domain.md, SEPA): the authorisation and, for CORE, the right to a refund, as the European
Payments Council has them printed. The account stands masked in what is kept and shown again.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from customers.models import Customer
from dunning.core.enums import MandateScheme
from dunning.core.models import OrganizationProfile
from dunning.core.money import format_date
from notifications.typography import typeset
from scenarios.signed_papers import ENTRY, HEADING
from scenarios.wording import legal_mention

TITLES: Final = {
    ("fr", MandateScheme.CORE): "Mandat de prélèvement SEPA",
    ("fr", MandateScheme.B2B): "Mandat de prélèvement SEPA interentreprises",
    ("en", MandateScheme.CORE): "SEPA Direct Debit Mandate",
    ("en", MandateScheme.B2B): "SEPA Business-to-Business Direct Debit Mandate",
}


@dataclass(frozen=True, slots=True)
class Debit:
    """What a mandate is about; `iban` as it is shown."""

    reference: str
    scheme: MandateScheme
    holder: str
    iban: str
    bic: str = ""


def mandate_words(*, profile: OrganizationProfile, customer: Customer, debit: Debit, language: str, today: date) -> str:
    """The whole mandate in `language`, in the lines `signed_papers` lays out; the same facts give the same words."""
    lines = _french(profile, customer, debit, today) if language == "fr" else _english(profile, customer, debit, today)
    text: str = "\n".join(typeset(line, language) for line in lines)
    return text


def _french(profile: OrganizationProfile, customer: Customer, debit: Debit, today: date) -> list[str]:
    creditor = profile.legal_name
    rights = (
        "Vous bénéficiez du droit d'être remboursé par votre banque selon les conditions décrites dans la convention que vous avez passée "
        "avec elle. Une demande de remboursement doit être présentée dans les 8 semaines suivant la date de débit de votre compte pour un "
        "prélèvement autorisé."
        if debit.scheme == MandateScheme.CORE
        else "Ce mandat est dédié aux prélèvements SEPA interentreprises. Vous n'êtes pas en droit de demander à votre banque le "
        "remboursement d'un prélèvement une fois que le montant est débité de votre compte. Vous pouvez cependant demander à votre banque "
        "de ne pas débiter votre compte jusqu'au jour de l'échéance. Faites enregistrer ce mandat par votre banque avant le premier "
        "prélèvement : sans cela, elle le rejettera."
    )
    return [
        f"En signant ce mandat, vous autorisez {creditor} à envoyer des instructions à votre banque pour débiter votre compte, et votre "
        f"banque à débiter votre compte conformément aux instructions de {creditor}.",
        rights,
        "",
        f"{HEADING}Le mandat",
        f"{ENTRY}Référence unique du mandat (RUM) : {debit.reference}",
        f"{ENTRY}Paiement récurrent, en euros",
        f"{ENTRY}Fait le {format_date(today, 'fr')}",
        "",
        f"{HEADING}Le créancier",
        f"{ENTRY}{', '.join(part for part in (creditor, legal_mention(profile, 'fr')) if part)}",
        f"{ENTRY}Identifiant créancier SEPA (ICS) : {profile.creditor_identifier}",
        "",
        f"{HEADING}Le débiteur",
        f"{ENTRY}{_debtor(customer)}",
        f"{ENTRY}Titulaire du compte : {debit.holder}",
        f"{ENTRY}IBAN : {debit.iban}" + (f", BIC : {debit.bic}" if debit.bic else ""),
        "",
        "Chaque prélèvement vous est annoncé à l'avance, avec sa date et son montant. Vos droits concernant ce mandat sont expliqués dans "
        "un document que vous pouvez obtenir auprès de votre banque.",
    ]


def _english(profile: OrganizationProfile, customer: Customer, debit: Debit, today: date) -> list[str]:
    creditor = profile.legal_name
    rights = (
        "As part of your rights, you are entitled to a refund from your bank under the terms and conditions of your agreement with your "
        "bank. A refund must be claimed within 8 weeks starting from the date on which your account was debited."
        if debit.scheme == MandateScheme.CORE
        else "This mandate is only intended for business-to-business transactions. You are not entitled to a refund from your bank after "
        "your account has been debited, but you are entitled to request your bank not to debit your account up until the day on which the "
        "payment is due. Have your bank register this mandate before the first debit: without that, your bank will reject it."
    )
    return [
        f"By signing this mandate form, you authorise {creditor} to send instructions to your bank to debit your account and your bank to "
        f"debit your account in accordance with the instructions from {creditor}.",
        rights,
        "",
        f"{HEADING}The mandate",
        f"{ENTRY}Mandate reference: {debit.reference}",
        f"{ENTRY}Recurrent payment, in euros",
        f"{ENTRY}Signed on {format_date(today, 'en')}",
        "",
        f"{HEADING}The creditor",
        f"{ENTRY}{', '.join(part for part in (creditor, legal_mention(profile, 'en')) if part)}",
        f"{ENTRY}SEPA creditor identifier: {profile.creditor_identifier}",
        "",
        f"{HEADING}The debtor",
        f"{ENTRY}{_debtor(customer)}",
        f"{ENTRY}Account holder: {debit.holder}",
        f"{ENTRY}IBAN: {debit.iban}" + (f", BIC: {debit.bic}" if debit.bic else ""),
        "",
        "Each debit is announced to you in advance, with its date and amount. Your rights regarding this mandate are explained in a "
        "statement that you can obtain from your bank.",
    ]


def _debtor(customer: Customer) -> str:
    place = f"{customer.postal_code} {customer.city}".strip()
    return ", ".join(part for part in (customer.name, customer.address_line1, place, customer.country) if part)
