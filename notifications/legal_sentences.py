"""What the law allows a message to say, by customer kind and country of law (rule 11). Never written in a template's body.

Sources, by row: FR business: art. L441-10 II and D441-5 of the code de commerce. FR public: art. L2192-13, R2192-31 and D2192-35 of the
code de la commande publique. FR consumer: art. 1231-6 and 1344-1 of the code civil. DE: BGB 286 and 288. AT: UGB 456 and 458. ES: Ley
3/2004. IT: D.Lgs. 231/2002. BE: law of 2 August 2002. NL: BW 6:119a and 6:96. IE: S.I. 580/2012. GB: Late Payment of Commercial Debts
(Interest) Act 1998. All but the French rows say only that the national law transposing Directive 2011/7/EU (or the Act) applies.

A kind or country without a row gives empty sentences, and the paragraph that carries them is dropped: nothing is claimed without a basis.
"""

from typing import Final

from notifications.typography import typeset

KEYS: Final = ("legal.penalties", "legal.accruing", "legal.notice", "legal.amicable", "legal.mediator")

_AMICABLE: Final = {
    "fr": "Si vous contestez une facture ou rencontrez une difficulté, une solution amiable reste possible",
    "en": "If you dispute an invoice or are in difficulty, an amicable solution remains possible",
}

# Laws of the other countries, as named in a sentence: (French, English).
_LAWS: Final = {
    "DE": ("§§ 286 et 288 BGB (Allemagne)", "sections 286 and 288 BGB (Germany)"),
    "AT": ("§§ 456 et 458 UGB (Autriche)", "sections 456 and 458 UGB (Austria)"),
    "ES": ("loi 3/2004 (Espagne)", "Ley 3/2004 (Spain)"),
    "IT": ("décret législatif 231/2002 (Italie)", "Legislative Decree 231/2002 (Italy)"),
    "BE": ("loi du 2 août 2002 (Belgique)", "law of 2 August 2002 (Belgium)"),
    "NL": ("articles 6:119a et 6:96 BW (Pays-Bas)", "articles 6:119a and 6:96 BW (Netherlands)"),
    "IE": ("S.I. no 580/2012 (Irlande)", "S.I. No. 580/2012 (Ireland)"),
}


def _business_abroad(law_fr: str, law_en: str) -> dict[str, dict[str, str]]:
    return {
        "fr": {
            "legal.penalties": "Nous vous rappelons que des intérêts de retard et une indemnité forfaitaire pour frais de recouvrement "
            f"sont dus de plein droit ({law_fr}).",
            "legal.accruing": f"Les intérêts de retard continuent de courir jusqu'au paiement complet ({law_fr}).",
            "legal.amicable": _AMICABLE["fr"] + ".",
        },
        "en": {
            "legal.penalties": "Please note that late-payment interest and fixed compensation for recovery costs are due "
            f"without further reminder ({law_en}).",
            "legal.accruing": f"Interest continues to run until payment in full ({law_en}).",
            "legal.amicable": _AMICABLE["en"] + ".",
        },
    }


_TABLE: Final[dict[tuple[str, str], dict[str, dict[str, str]]]] = {
    ("BUSINESS", "FR"): {
        "fr": {
            "legal.penalties": "Nous vous rappelons que les pénalités de retard (au taux légalement applicable, détail sur demande) et "
            "l'indemnité forfaitaire de 40 € par facture sont dues de plein droit (art. L441-10 et D441-5 du code de commerce).",
            "legal.accruing": "Les pénalités continuent de courir jusqu'au paiement complet (art. L441-10, II du code de commerce).",
            "legal.notice": "Pour toute somme qui n'en produirait pas déjà, la présente fait courir l'intérêt légal "
            "(art. 1231-6 et 1344-1 du code civil).",
            "legal.amicable": _AMICABLE["fr"] + ", y compris avec le Médiateur des entreprises.",
            "legal.mediator": "le Médiateur des entreprises",
        },
        "en": {
            "legal.penalties": "Please note that late-payment penalties (at the rate set by law, details on request) and fixed "
            "compensation of €40 per invoice are due without further reminder (articles L441-10 and D441-5 of the French Commercial Code).",
            "legal.accruing": "Penalties continue to run until payment in full (article L441-10, II of the French Commercial Code).",
            "legal.notice": "For any sum that does not already bear interest, this notice starts interest at the legal rate "
            "(articles 1231-6 and 1344-1 of the French Civil Code).",
            "legal.amicable": _AMICABLE["en"] + ", including with the help of the Médiateur des entreprises, the French business mediator.",
            "legal.mediator": "the Médiateur des entreprises, the French business mediator",
        },
    },
    ("PUBLIC", "FR"): {
        "fr": {
            "legal.penalties": "Les intérêts moratoires et l'indemnité forfaitaire de 40 € sont dus de plein droit "
            "(art. L2192-13, R2192-31 et D2192-35 du code de la commande publique).",
            "legal.accruing": "Les intérêts moratoires continuent de courir jusqu'au paiement du principal "
            "(art. R2192-31 et suivants du code de la commande publique).",
            "legal.amicable": _AMICABLE["fr"] + ", y compris avec le Médiateur des entreprises.",
            "legal.mediator": "le Médiateur des entreprises",
        },
        "en": {
            "legal.penalties": "Default interest and fixed compensation of €40 are due without further reminder "
            "(articles L2192-13, R2192-31 and D2192-35 of the French Public Procurement Code).",
            "legal.accruing": "Default interest continues to run until the principal is paid "
            "(articles R2192-31 and following of the French Public Procurement Code).",
            "legal.amicable": _AMICABLE["en"] + ", including with the help of the Médiateur des entreprises, the French business mediator.",
            "legal.mediator": "the Médiateur des entreprises, the French business mediator",
        },
    },
    ("CONSUMER", "FR"): {
        "fr": {
            "legal.notice": "La présente fait courir les intérêts au taux légal (art. 1231-6 et 1344-1 du code civil). "
            "Aucun frais de relance ne vous est demandé.",
            "legal.amicable": _AMICABLE["fr"] + ".",
        },
        "en": {
            "legal.notice": "This notice starts interest at the legal rate (articles 1231-6 and 1344-1 of the French Civil Code). "
            "No reminder fee is charged to you.",
            "legal.amicable": _AMICABLE["en"] + ".",
        },
    },
    ("BUSINESS", "GB"): {
        "fr": {
            "legal.penalties": "Nous vous rappelons que des intérêts légaux et une indemnité forfaitaire sont dus sur tout paiement "
            "en retard (Late Payment of Commercial Debts (Interest) Act 1998, Royaume-Uni).",
            "legal.accruing": "Les intérêts continuent de courir jusqu'au paiement complet "
            "(Late Payment of Commercial Debts (Interest) Act 1998, Royaume-Uni).",
            "legal.amicable": _AMICABLE["fr"] + ".",
        },
        "en": {
            "legal.penalties": "Please note that we are entitled to statutory interest and fixed compensation on late payments "
            "under the Late Payment of Commercial Debts (Interest) Act 1998.",
            "legal.accruing": "Interest continues to run until payment in full "
            "under the Late Payment of Commercial Debts (Interest) Act 1998.",
            "legal.amicable": _AMICABLE["en"] + ".",
        },
    },
    **{("BUSINESS", country): _business_abroad(*law) for country, law in _LAWS.items()},
}


def legal_sentences(*, kind: str, country: str, language: str) -> dict[str, str]:
    """The `legal.*` part of a context. `kind` is BUSINESS, PUBLIC, CONSUMER or UNKNOWN in any case; `country` the ISO code of the law that
    governs the debt (the contract's, else the creditor's); `language` "fr" or "en". Every key is present; "" where the law gives no ground.
    """
    row = _TABLE.get((kind.upper(), country.upper()), {}).get(language, {})
    return {key: typeset(row.get(key, ""), language) for key in KEYS}
