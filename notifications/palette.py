"""The placeholders a template may use: the contract between whoever writes a text and whoever fills it.

A context is a flat `dict[str, str | bool | Block]` of values already formatted in the message's language: amounts ("1 840,25 €"), dates
("1er octobre 2026"), names; a no-break space keeps amounts, dates' day and month, and telephone
numbers on one line. Nothing else ever meets a template: no model, no method, no number.

How to fill one (`empty_context()` gives every key, blank):

- `TEXT`: the words to print. `""` means "does not apply": `{{#key}}…{{/key}}` is dropped, while printing it bare raises
  `MissingValue(key)` and the message is held. A key absent from the context raises in both cases, so nothing is dropped by oversight.
- `FLAG`: `True` or `False`, for `{{#key}}…{{/key}}` alone; it is never printed.
- `BLOCK`: a `notifications.placeholders.Block`, made by `notifications.blocks` (e-mails) or `notifications.letter_blocks` (letters).

`portal_link` is filled by `notifications.composing`: a block in an e-mail to a contact, blank in everything else, so that it may open a
section as a text does. It also turns `copies.online` into `copies.on_request` where the message has no such link.

Exactly one of `invoices.one` and `invoices.several` is true. At most one of `bank.unchanged` and `bank.changed_on` holds: neither, when the
invoices name an account that was ours until a change of the last thirty days. The `invoice.*` keys are filled when `invoices.one` is, else
left blank. `amounts.*` follow the table of the same message and equal the customer's statement to the cent (rule 5). The `legal.*` keys
come from `notifications.legal_sentences`, by customer kind and country of law, and are blank for a kind that is unknown (rule 11).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """What a placeholder stands for."""

    TEXT = "text"
    FLAG = "flag"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One entry of the palette; `fr` and `en` say what it is, the examples are what a preview prints.

    `sms` is false for what may never travel in a text message: a block, or the full IBAN. `consumer` is false for what may not be said
    to a consumer (art. L441-10 does not apply to him).
    """

    key: str
    kind: Kind
    fr: str
    en: str
    example_fr: str = ""
    example_en: str = ""
    sms: bool = True
    consumer: bool = True


_TEXTS: Final = """
creditor.name | Votre société | Your company | Menuiserie Exemplaire SAS | Menuiserie Exemplaire SAS
creditor.short_name | Votre société, en bref (SMS) | Your company, in short (text messages) | Menuiserie Exemplaire | Menuiserie Exemplaire
creditor.phone | Votre téléphone | Your telephone | 01 99 00 12 34 | +33 1 99 00 12 34
creditor.email | L'adresse qui reçoit les réponses | The address replies go to | compta@menuiserie.example | compta@menuiserie.example
creditor.legal | Forme, capital, SIREN, RCS, siège | Legal form, capital, registration, seat | \
SAS au capital de 50 000 €, 999 999 014 RCS Lyon | SAS, share capital €50,000, 999 999 014 RCS Lyon
customer.name | Le client | The customer | Ateliers Dupré | Ateliers Dupré
customer.number | Son numéro de compte | Its account number | C00042 | C00042
contact.name | La personne à qui l'on écrit | The person written to | Mme Durand | Ms Durand
contact.greeting | La formule d'appel, sans virgule | The greeting, without a comma | Bonjour Madame Durand | Dear Ms Durand
signatory.name | La personne qui signe | Who signs | Claire Petit | Claire Petit
signatory.title | Sa qualité | Their title | Responsable du recouvrement | Credit manager
signatory.phone | Sa ligne directe | Their direct line | 01 99 00 12 35 | +33 1 99 00 12 35
signatory.email | Son adresse | Their e-mail address | claire.petit@menuiserie.example | claire.petit@menuiserie.example
today | La date du message | The date of the message | 2 octobre 2026 | 2 October 2026
invoice.number | Numéro de la facture (une seule) | Invoice number (single) | FA-2026-00042 | FA-2026-00042
invoice.date | Date de la facture | Invoice date | 1er septembre 2026 | 1 September 2026
invoice.due_date | Échéance de la facture | Due date | 1er octobre 2026 | 1 October 2026
invoice.amount | Montant TTC de la facture | Gross amount of the invoice | 1 840,25 € | €1,840.25
invoice.outstanding | Ce qui en reste dû et réclamé | What is still due and claimed | 1 840,25 € | €1,840.25
invoice.days_late | Jours de retard | Days late | 8 | 8
invoice.po | Votre commande (numéro du client) | The customer's order number | CDE-7781 | PO-7781
invoice.chorus_date | Dépôt sur Chorus Pro | Date of filing on Chorus Pro | 1er septembre 2026 | 1 September 2026
invoice.commitment | Numéro d'engagement | Public commitment number | EJ-2026-118 | EJ-2026-118
invoice.service_code | Code service | Public service code | SERV-04 | SERV-04
invoices.count | Nombre de factures concernées | How many invoices | 3 | 3
invoices.oldest_due_date | La plus ancienne échéance | The oldest due date | 1er octobre 2026 | 1 October 2026
coming_due.count | Factures à échoir, dans le même message | Invoices coming due, in the same message | 2 | 2
coming_due.total | Leur total | Their total | 960,00 € | €960.00
to_confirm.count | Factures à confirmer, dans le même message | Invoices to confirm, in the same message | 1 | 1
information.count | Factures citées pour information | Invoices shown for information | 1 | 1
information.total | Leur total | Their total | 350,00 € | €350.00
others.total | Le reste du compte, montré par un message dont il n'est pas l'objet | \
The rest of the account, shown by a message that is not about it | 500,00 € | €500.00
amounts.total | Le net demandé, tel que dans le tableau | The net amount claimed, as in the table | 5 520,75 € | €5,520.75
amounts.principal | Le principal demandé | Principal claimed | 5 520,75 € | €5,520.75
amounts.penalties | Pénalités de retard à ce jour | Late-payment penalties to date | 38,32 € | €38.32
amounts.fixed_sum | Indemnités forfaitaires | Fixed compensation | 120,00 € | €120.00
amounts.fixed_sum_count | Nombre d'indemnités forfaitaires | How many fixed sums | 3 | 3
amounts.fixed_sum_each | L'indemnité par facture, si toutes sont égales | Fixed sum per invoice, where all are the same | 40,00 € | €40.00
amounts.grand_total | Principal, pénalités et indemnités | Principal, penalties and fixed sums | 5 679,07 € | €5,679.07
amounts.credits | Avoirs et règlements déduits du total | Credits deducted from the total | 312,00 € | €312.00
amounts.statement | Le solde du compte | The balance of the account | 6 480,75 € | €6,480.75
deadline | Date limite demandée | The date asked for | 22 octobre 2026 | 22 October 2026
term.days | Le délai donné, en jours | The term given, in days | 8 | 8
consequence | L'acte annoncé, « nous … » | The announced act, "we …" | \
nous confierons ce dossier à notre conseil | we will pass this file to our adviser
interest_date | Date d'arrêté des pénalités | Date the penalties run to | 6 novembre 2026 | 6 November 2026
previous.date | Date du message précédent | Date of the previous message | 2 octobre 2026 | 2 October 2026
previous.subject | Objet du message précédent | Subject of the previous message | Facture FA-2026-00042 | Invoice FA-2026-00042
call.date | Date de l'appel | Date of the call | 9 octobre 2026 | 9 October 2026
call.person | La personne jointe | The person reached | Mme Durand | Ms Durand
call.summary | Ce qui a été convenu, une phrase | What was agreed, one sentence | \
Vous prévoyez un règlement le 16 octobre. | You expect to pay on 16 October.
promise.date | Date promise | Promised date | 16 octobre 2026 | 16 October 2026
promise.amount | Montant promis | Promised amount | 1 840,25 € | €1,840.25
promise.made_on | Date de la promesse | When it was promised | 9 octobre 2026 | 9 October 2026
plan.amount | Montant réparti par l'échéancier | Amount divided by the payment plan | 1 500,00 € | €1,500.00
plan.count | Nombre de versements de l'échéancier | How many instalments | 3 | 3
plan.schedule | Les versements de l'échéancier, une phrase | The instalments, one sentence | \
500,00 € le 12 octobre 2026, 500,00 € le 12 novembre 2026 et 500,00 € le 12 décembre 2026 | \
€500.00 on 12 October 2026, €500.00 on 12 November 2026 and €500.00 on 12 December 2026
mandate.reference | Référence du mandat de prélèvement | Reference of the direct-debit mandate | M7KQ2XJ4TA | M7KQ2XJ4TA
mandate.account | Compte à débiter, masqué | Account to debit, masked | FR76 •••• 0189 | FR76 •••• 0189
plan.signatory | Qui a accepté l'échéancier | Who accepted the payment plan | Anne Durand | Anne Durand
dispute.opened_on | Date de la contestation | When the dispute was raised | 5 octobre 2026 | 5 October 2026
dispute.reason | Motif de la contestation | Reason of the dispute | un écart de prix | a price difference
dispute.invoices | Les factures contestées, quand il y en a plusieurs | The invoices disputed, when there are several | \
FA-2026-00042 et FA-2026-00057 | FA-2026-00042 and FA-2026-00057
dispute.amount | Montant contesté | Disputed amount | 312,00 € | €312.00
dispute.owner | Qui l'examine | Who looks into it | Marc Lenoir | Marc Lenoir
dispute.answer_by | Date de réponse annoncée | Date an answer is promised for | 12 octobre 2026 | 12 October 2026
dispute.answer | La réponse apportée | The answer given | Un avoir de 312,00 € a été émis. | A credit note of €312.00 was issued.
payment.amount | Montant reçu | Amount received | 1 000,00 € | €1,000.00
payment.date | Date de réception | Date received | 7 octobre 2026 | 7 October 2026
payment.stated_date | Date de règlement que le client a indiquée | The payment date the customer gave | 5 octobre 2026 | 5 October 2026
payment.stated_reference | Référence que le client a indiquée | The reference the customer gave | VIR 221 | TRF 221
said.on | Date de ce que le client a déclaré en ligne | When the customer said it online | 9 octobre 2026 | 9 October 2026
said.words | Ce qu'il a déclaré, mot pour mot | What they said, word for word | \
La facture FA-2026-00042 est conforme. | Invoice FA-2026-00042 is right.
answer.subject | L'objet de votre réponse | The subject of your answer | Re: Facture FA-2026-00042 | Re: Invoice FA-2026-00042
answer.words | Votre réponse, mot pour mot | Your answer, word for word | \
Bonjour Madame Durand, nous regardons cela dès demain. | Dear Ms Durand, we are looking into it tomorrow.
said.next | La suite qui y est donnée | What happens next | Votre accord est enregistré. | Your agreement is recorded.
debit.date | Date du prélèvement | Date of the direct debit | 1er octobre 2026 | 1 October 2026
debit.amount | Montant du prélèvement | Amount of the direct debit | 1 840,25 € | €1,840.25
debit.reason | Motif du rejet | Reason of the rejection | provision insuffisante | insufficient funds
discount.offer | Votre escompte, une phrase | Your early-payment discount, one sentence | \
Un escompte de 1 % vous est accordé pour tout règlement avant le 25 septembre. | A 1% discount applies if you pay before 25 September.
iban_last4 | Les quatre derniers caractères de l'IBAN | The last four characters of the IBAN | 0189 | 0189
bic | Le BIC | The BIC | AGRIFRPPXXX | AGRIFRPPXXX
bank.changed_on | Date du changement de vos coordonnées bancaires, pendant 30 jours | When your bank details changed, for 30 days | \
14 septembre 2026 | 14 September 2026
reference | La référence de paiement à rappeler | The payment reference to quote | RF39FA202600042 | RF39FA202600042
registered.number | Numéro du recommandé | Number of the registered letter | 1A 234 567 8901 2 | 1A 234 567 8901 2
legal.amicable | L'issue amiable proposée | The amicable way out offered | \
Une solution amiable reste possible. | An amicable solution remains possible.
"""

_BUSINESS_TEXTS: Final = """
legal.penalties | Le rappel de la loi sur le retard (table du droit applicable) | What the law says of late payment (from the table) | \
Des pénalités de retard sont dues de plein droit. | Late-payment interest is due by law.
legal.accruing | Les pénalités qui continuent de courir | Penalties that keep running | \
Les pénalités continuent de courir. | Interest continues to run.
"""

_LEGAL_TEXTS: Final = """
legal.mediator | Le médiateur compétent | The mediator in charge | le Médiateur des entreprises | the Médiateur des entreprises
legal.notice | L'effet d'une mise en demeure sur l'intérêt légal | What a formal notice does to statutory interest | \
La présente fait courir l'intérêt légal. | This notice starts statutory interest.
"""

_IBAN: Final = """
iban | L'IBAN complet | The full IBAN | FR76 3000 6000 0112 3456 7890 189 | FR76 3000 6000 0112 3456 7890 189
"""

_LINK: Final = """
portal_link | Le bouton vers la page de votre client | The button to your customer's page | \
https://relances.exemple.fr/p/… | https://reminders.example.com/p/…
"""

_FLAGS: Final = """
invoices.one | Une seule facture concernée | A single invoice
invoices.several | Plusieurs factures concernées | Several invoices
account.up_to_date | Rien n'est échu sur le compte | Nothing is overdue on the account
bank.unchanged | Vos coordonnées bancaires n'ont pas changé depuis 30 jours | Your bank details have not changed for 30 days
attached | Les factures sont jointes | The invoices are attached
copies.online | Trop de factures à joindre : elles sont sur la page du client | Too many invoices to attach: they are on the customer's page
copies.on_request | Trop de factures à joindre, et le message n'a pas de lien : elles s'obtiennent sur demande | \
Too many invoices to attach, and the message has no link: they are had on request
after.partial_payment | Un paiement partiel est arrivé depuis le dernier message | A part payment came since the last message
after.broken_promise | Une promesse n'a pas été tenue | A promise was broken
"""

_BLOCKS: Final = """
table | Le tableau des factures | The table of invoices
chronology | La liste des rappels précédents | The list of earlier reminders
bank | Les coordonnées bancaires complètes | The full bank details
"""


# Between digits, before the euro sign, and between a day and its month.
_NO_BREAK: Final = re.compile(r"(?<=\d) (?=[\d€])|(?<=\der) (?=[a-zéû]+ \d{4})|(?<=\d) (?=[a-zA-Zéû]+ \d{4})")


def _fields(source: str) -> list[list[str]]:
    return [[_NO_BREAK.sub("\u00a0", field.strip()) for field in line.split("|")] for line in source.strip().splitlines()]


def _entries(kind: Kind, source: str, *, sms: bool = True, consumer: bool = True) -> list[Placeholder]:
    entries = []
    for key, fr, en, *examples in _fields(source):
        example_fr, example_en = examples or ("", "")
        entries.append(Placeholder(key, kind, fr, en, example_fr, example_en, sms=sms, consumer=consumer))
    return entries


def _build() -> dict[str, Placeholder]:
    entries = [
        *_entries(Kind.TEXT, _TEXTS),
        *_entries(Kind.TEXT, _LEGAL_TEXTS),
        *_entries(Kind.TEXT, _BUSINESS_TEXTS, consumer=False),
        *_entries(Kind.TEXT, _IBAN, sms=False),
        *_entries(Kind.TEXT, _LINK, sms=False),
        *_entries(Kind.FLAG, _FLAGS),
        *_entries(Kind.BLOCK, _BLOCKS, sms=False),
    ]
    return {entry.key: entry for entry in sorted(entries, key=lambda entry: entry.key)}


PALETTE: Final[Mapping[str, Placeholder]] = MappingProxyType(_build())

_NOT_FOR_CONSUMERS: Final = ("amounts.penalties", "amounts.fixed_sum", "amounts.fixed_sum_count", "amounts.fixed_sum_each", "interest_date")


def forbidden_to_consumers(key: str) -> bool:
    """Whether a text written to consumers may not say this: they owe neither commercial penalties nor the fixed sum (L441-10)."""
    return key in _NOT_FOR_CONSUMERS or not PALETTE[key].consumer


def empty_context() -> dict[str, str | bool]:
    """Every text and flag of the palette, blank: the start of a context. Blocks are added by whoever needs them."""
    return {entry.key: False if entry.kind is Kind.FLAG else "" for entry in PALETTE.values() if entry.kind is not Kind.BLOCK}


def example_context(language: str) -> dict[str, str | bool]:
    """The palette's examples in `language` ("fr" or "en"): a single late invoice, nothing attached. For previews and checks at save.

    Sentences that only some messages carry (a credit, a discount, invoices coming due) are left blank, as they are in most messages.
    """
    context = empty_context()
    for entry in PALETTE.values():
        if entry.kind is Kind.TEXT and entry.key not in _BLANK_IN_EXAMPLE:
            context[entry.key] = entry.example_fr if language == "fr" else entry.example_en
    for key in ("invoices.one", "account.up_to_date", "bank.unchanged"):
        context[key] = True
    return context


_BLANK_IN_EXAMPLE: Final = frozenset(
    {
        "amounts.credits",
        "bank.changed_on",
        "coming_due.count",
        "coming_due.total",
        "discount.offer",
        "dispute.amount",
        "dispute.answer",
        "dispute.invoices",
        "information.count",
        "information.total",
        "others.total",
        "payment.amount",
        "payment.stated_date",
        "payment.stated_reference",
        "to_confirm.count",
    }
)
