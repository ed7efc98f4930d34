"""The words of a payment plan: an acknowledgement of what is owed, its schedule, what follows when it is not kept, what it leaves alone.

French law where the creditor is in France (docs/domain.md, "Limitation" and "Late-payment penalties"): acknowledgement interrupts
limitation (C. civ. 2240), no novation (C. civ. 1329 and 1330), electronic writing and signature (C. civ. 1366 and 1367), penalties and
fixed sum (C. com. L441-10 and D441-5; for public bodies CCP L2192-13). Elsewhere the same promises without the articles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.enums import CustomerKind
from customers.models import Customer
from customers.selectors import has_legal_regime
from dunning.core import documents
from dunning.core.models import Document, Organization, OrganizationProfile
from dunning.core.money import format_date, format_money, printed_iban
from dunning.core.selectors import get_profile
from invoices.enums import ActSource
from invoices.models import Installment, PaymentPlan, PaymentPlanPart
from invoices.references import printed_reference
from invoices.schedules import Part
from invoices.services import keep_agreement
from notifications.typography import typeset
from scenarios.signed_papers import ENTRY, HEADING, Signing, print_signed
from scenarios.wording import legal_mention

TITLES: Final = {"fr": "Accord de règlement échelonné", "en": "Agreement to pay in instalments"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan divides, and how: its items with their amounts, its parts, and where they are paid."""

    items: Sequence[Installment]  # their invoices loaded
    amounts: Mapping[UUID, Decimal]
    parts: Sequence[Part]
    iban: str = ""
    reference: str = ""
    online: bool = True  # signed on the debtor's page; else agreed by telephone, to be signed by hand

    @property
    def currency(self) -> str:
        return str(self.items[0].invoice.currency)

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))


def plan_words(*, profile: OrganizationProfile, customer: Customer, terms: Terms, language: str, today: date) -> str:
    """The whole agreement in `language`, in the lines `signed_papers` lays out; the same facts give the same words."""
    words = _french(profile, customer, terms, today) if language == "fr" else _english(profile, customer, terms, today)
    text: str = "\n".join(typeset(line, language) for line in words)
    return text


def _french(profile: OrganizationProfile, customer: Customer, terms: Terms, today: date) -> list[str]:
    in_france = profile.country == "FR"
    invoices = [
        f"{ENTRY}facture n° {item.invoice.number} du {format_date(item.invoice.issued_on, 'fr')}, "
        f"échéance du {format_date(item.due_on, 'fr')} : {_money(terms.amounts[item.pk], terms, 'fr')}"
        for item in terms.items
    ]
    parts = [f"{ENTRY}{_money(part.amount, terms, 'fr')} au plus tard le {format_date(part.due_on, 'fr')}" for part in terms.parts]
    return [
        f"Entre {_creditor(profile, 'fr')}, le créancier, et {_debtor(customer)}, le débiteur.",
        "",
        f"{HEADING}1. Reconnaissance de dette",
        f"Le débiteur reconnaît devoir au créancier, au {format_date(today, 'fr')}, la somme de {_money(terms.total, terms, 'fr')} en "
        "principal, au titre des factures suivantes, qu'il ne conteste pas :",
        *invoices,
        "Cette reconnaissance interrompt la prescription"
        + (" (article 2240 du code civil), qui recommence à courir pour sa durée entière." if in_france else "."),
        "",
        f"{HEADING}2. Échéancier",
        f"Le débiteur règle cette somme en {len(terms.parts)} versements :",
        *parts,
        _paid_how_french(terms),
        "Chaque versement s'impute sur le principal de ces factures, en commençant par la plus ancienne. Le débiteur peut payer plus tôt. "
        "Cet accord ne coûte ni frais ni intérêts.",
        "",
        f"{HEADING}3. Effets de l'accord",
        "Tant que les versements arrivent à leur date, le créancier suspend ses relances sur ces factures. L'accord est conclu "
        "sans novation"
        + (" (articles 1329 et 1330 du code civil)" if in_france else "")
        + " : il ne modifie ni les factures ni leurs échéances, et ne vaut renonciation à aucun droit ni à aucune garantie.",
        *_accessory_french(customer, in_france),
        "",
        f"{HEADING}4. Si un versement n'est pas payé",
        _broken_french(profile, customer),
        "",
        f"{HEADING}5. Signature",
        _signed_french(terms, in_france),
    ]


def _signed_french(terms: Terms, in_france: bool) -> str:
    if not terms.online:
        return "L'accord est signé par le débiteur, qui en garde un exemplaire."
    articles = " (articles 1366 et 1367 du code civil)" if in_france else ""
    return (
        f"L'accord est conclu par voie électronique : l'acceptation en ligne du débiteur vaut signature{articles}. "
        "Chaque partie en reçoit un exemplaire."
    )


def _paid_how_french(terms: Terms) -> str:
    if not terms.iban:
        return "Les versements sont faits par virement, aux coordonnées bancaires portées sur ces factures."
    quoting = f", en rappelant la référence {printed_reference(terms.reference)}" if terms.reference else ""
    return f"Les versements sont faits par virement à l'IBAN {printed_iban(terms.iban)}{quoting}."


def _accessory_french(customer: Customer, in_france: bool) -> list[str]:
    if not in_france or not has_legal_regime(customer) or customer.kind == CustomerKind.CONSUMER:
        return []
    if customer.kind == CustomerKind.PUBLIC:
        return [
            "Les intérêts moratoires et l'indemnité forfaitaire de 40 € par facture (article L2192-13 du code de la commande publique) "
            "restent dus et font, le cas échéant, l'objet d'un décompte séparé."
        ]
    return [
        "Les pénalités de retard et l'indemnité forfaitaire de 40 € par facture (articles L441-10 et D441-5 du code de commerce) restent "
        "dues et font, le cas échéant, l'objet d'un décompte séparé."
    ]


def _broken_french(profile: OrganizationProfile, customer: Customer) -> str:
    late = f"Si un versement n'est pas reçu dans les {profile.promise_tolerance_days} jours ouvrés suivant sa date"
    if _is_consumer(customer):
        return (
            f"{late}, le créancier peut reprendre ses relances au point où elles en étaient. L'accord ne prend fin, et le solde ne "
            "redevient exigible en une fois, qu'après une mise en demeure restée sans effet pendant quinze jours."
        )
    return (
        f"{late}, l'accord prend fin de plein droit, sans mise en demeure : le solde des factures échues redevient exigible en une fois, "
        "et le créancier reprend ses démarches au point où elles en étaient. Les versements reçus restent acquis et sont déduits."
    )


def _english(profile: OrganizationProfile, customer: Customer, terms: Terms, today: date) -> list[str]:
    in_france = profile.country == "FR"
    invoices = [
        f"{ENTRY}invoice {item.invoice.number} of {format_date(item.invoice.issued_on, 'en')}, due on {format_date(item.due_on, 'en')}: "
        f"{_money(terms.amounts[item.pk], terms, 'en')}"
        for item in terms.items
    ]
    parts = [f"{ENTRY}{_money(part.amount, terms, 'en')} by {format_date(part.due_on, 'en')}" for part in terms.parts]
    return [
        f"Between {_creditor(profile, 'en')}, the creditor, and {_debtor(customer)}, the debtor.",
        "",
        f"{HEADING}1. Acknowledgement of debt",
        f"The debtor acknowledges owing the creditor, on {format_date(today, 'en')}, the sum of {_money(terms.total, terms, 'en')} in "
        "principal under the following invoices, which it does not dispute:",
        *invoices,
        "This acknowledgement interrupts limitation"
        + (" (article 2240 of the French Civil Code), which starts again for its whole length." if in_france else "."),
        "",
        f"{HEADING}2. Schedule",
        f"The debtor pays this sum in {len(terms.parts)} instalments:",
        *parts,
        _paid_how_english(terms),
        "Each instalment is set against the principal of these invoices, the oldest first. The debtor may pay earlier. This agreement "
        "costs neither fees nor interest.",
        "",
        f"{HEADING}3. What the agreement does",
        "As long as the instalments arrive on their dates, the creditor suspends its reminders about these invoices. The agreement is made "
        "without novation"
        + (" (articles 1329 and 1330 of the French Civil Code)" if in_france else "")
        + ": it changes neither the invoices nor their due dates, and waives no right and no security.",
        *_accessory_english(customer, in_france),
        "",
        f"{HEADING}4. If an instalment is not paid",
        _broken_english(profile, customer),
        "",
        f"{HEADING}5. Signature",
        _signed_english(terms, in_france),
    ]


def _signed_english(terms: Terms, in_france: bool) -> str:
    if not terms.online:
        return "The agreement is signed by the debtor, who keeps a copy."
    articles = " (articles 1366 and 1367 of the French Civil Code)" if in_france else ""
    return f"The agreement is made electronically: the debtor's acceptance online is its signature{articles}. Each party receives a copy."


def _paid_how_english(terms: Terms) -> str:
    if not terms.iban:
        return "Instalments are paid by transfer, to the bank details printed on these invoices."
    quoting = f", quoting the reference {printed_reference(terms.reference)}" if terms.reference else ""
    return f"Instalments are paid by transfer to IBAN {printed_iban(terms.iban)}{quoting}."


def _accessory_english(customer: Customer, in_france: bool) -> list[str]:
    if not in_france or not has_legal_regime(customer) or customer.kind == CustomerKind.CONSUMER:
        return []
    if customer.kind == CustomerKind.PUBLIC:
        return [
            "Default interest and the fixed compensation of €40 for each invoice (article L2192-13 of the French Public Procurement Code) "
            "remain due and are, where applicable, invoiced separately."
        ]
    return [
        "Late-payment penalties and the fixed compensation of €40 for each invoice (articles L441-10 and D441-5 of the French Commercial "
        "Code) remain due and are, where applicable, invoiced separately."
    ]


def _broken_english(profile: OrganizationProfile, customer: Customer) -> str:
    late = f"If an instalment is not received within {profile.promise_tolerance_days} business days of its date"
    if _is_consumer(customer):
        return (
            f"{late}, the creditor may take up its reminders where they stood. The agreement ends, and the balance becomes payable at "
            "once, only after a formal notice has remained without effect for fifteen days."
        )
    return (
        f"{late}, the agreement ends by itself, without notice: the balance of the overdue invoices becomes payable at once, and the "
        "creditor takes up its steps where they stood. Instalments received are kept and deducted."
    )


def agreement_of(plan: PaymentPlan, *, organization: Organization, now: datetime) -> Document:
    """The printed agreement, kept with its plan; printed when it is first asked for. Raises LetterError."""
    known: Document | None = plan.document
    if known is not None:
        return known
    signing = Signing(
        text=plan.text,
        sha256=plan.text_sha256,
        language=plan.language,
        name=plan.signatory,
        at=plan.agreed_at,
        address=plan.signed_from or "",
        online=plan.source == ActSource.PORTAL,
    )
    title = TITLES[plan.language]
    zone = ZoneInfo(organization.timezone)
    content = print_signed(signing, title=title, profile=get_profile(), customer=plan.customer, zone=zone)
    name = f"{title.replace(' ', '-')}-{plan.agreed_on.isoformat()}.pdf"
    return keep_agreement(plan=plan, document=documents.store(content=content, media_type="application/pdf", filename=name, now=now))


def schedule_sentence(parts: Iterable[PaymentPlanPart], currency: str, language: str) -> str:
    """ "400,00 € le 12 octobre 2026, 400,00 € le 12 novembre 2026 et 400,00 € le 12 décembre 2026"."""
    word, last = ("le", "et") if language == "fr" else ("on", "and")
    said = [f"{format_money(part.amount, currency, language)} {word} {format_date(part.due_on, language)}" for part in parts]
    return f" {last} ".join((", ".join(said[:-1]), said[-1])) if len(said) > 1 else said[0]


def _is_consumer(customer: Customer) -> bool:
    """Who is not known to be a business or a public body is treated as the law treats a consumer: it may be one."""
    return customer.kind == CustomerKind.CONSUMER or not has_legal_regime(customer)


def _money(amount: Decimal, terms: Terms, language: str) -> str:
    return format_money(amount, terms.currency, language)


def _creditor(profile: OrganizationProfile, language: str) -> str:
    return ", ".join(part for part in (profile.legal_name, legal_mention(profile, language)) if part)


def _debtor(customer: Customer) -> str:
    siren = customer.siren
    number = f"SIREN {siren[:3]} {siren[3:6]} {siren[6:]}" if len(siren) == 9 else ""
    place = f"{customer.postal_code} {customer.city}".strip()
    return ", ".join(part for part in (customer.name, number, customer.address_line1, place) if part)
