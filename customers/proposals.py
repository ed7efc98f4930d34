"""What a customer seems to be, by its SIREN and its name: proposed to a person, never taken for granted (rule 11). Pure."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from customers.enums import CustomerKind
from customers.identity import propose_kind

_EDGE: Final = r"\b"


def _words(*groups: str, anywhere: bool = True) -> re.Pattern[str]:
    """A pattern of whole words, anywhere in a folded name or at its beginning."""
    return re.compile(f"{_EDGE if anywhere else ''}({'|'.join(groups)}){_EDGE}")


# How French public bodies call themselves: at the beginning of a name, or anywhere in it.
_PUBLIC_START: Final = _words(
    "mairie|commune|ville|communaute|departement|region|prefecture|sous prefecture|ministere|rectorat|tribunal|academie|metropole",
    "conseil (general|departemental|regional)|collectivite|syndicat (mixte|intercommunal|departemental)|etat|tresor public",
    "direction (departementale|regionale|generale|interdepartementale)|service departemental|cite scolaire",
    "chambre (de commerce|des metiers|d agriculture)|agence (regionale|nationale)|caisse des depots",
    "ecole (nationale|publique)|office (public|national)",
    anywhere=False,
)
_PUBLIC_ANYWHERE: Final = _words(
    "chu|chr|chru|centre hospitalier|hopital|hopitaux|lycee|college|universite|ccas|cias|sdis|ehpad public|oph|crous|cnrs|inserm|inrae",
    "communaute de communes|communaute d agglomeration|gendarmerie|armee|marine nationale|ddfip|drfip",
)
_PERSON: Final = _words("m|mr|mme|mlle|monsieur|madame|mademoiselle|m et mme|m ou mme|mr et mme|mme et m|indivision", anywhere=False)
_FORMS: Final = "sarl|eurl|sas|sasu|sa|snc|sci|scp|scm|selarl|selas|scop|scic|sca|gie|ltd|llc|gmbh|bv|srl|spa|inc|plc|ste|societe"
_FORM_ALONE: Final = _words(_FORMS)
_BUSINESS: Final = _words(
    _FORMS,
    "eirl|ei|earl|gaec|scea|association|asso|ets|etablissements|entreprise|cabinet|garage|pharmacie|boulangerie|restaurant|hotel",
)
_FACTOR: Final = _words(
    "factor|factoring|affacturage|eurofactor|factofrance|cga|compagnie generale d affacturage|bibby|svea",
)
_DEBIT: Final = _words("prelevement|prelevements|prlv|prelev|sdd|direct debit|mandat sepa")
SHORTEST_STEM: Final = 6
"""Letters that two names must share before they are taken for one house."""


def plain(text: str) -> str:
    """Lower case, without accents; every other sign is a space."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.replace("œ", "oe").replace("æ", "ae")).split())


def kind_by_name(name: str) -> CustomerKind:
    """What a name says: a public body, a person, a business; UNKNOWN when it says nothing."""
    words = plain(name)
    if _PUBLIC_START.match(words) or _PUBLIC_ANYWHERE.search(words):
        return CustomerKind.UNKNOWN if _FORM_ALONE.search(words) else CustomerKind.PUBLIC  # "Garage de la Mairie SARL" is no town hall
    if _PERSON.match(words) and not _BUSINESS.search(words):
        return CustomerKind.CONSUMER
    return CustomerKind.BUSINESS if _BUSINESS.search(words) else CustomerKind.UNKNOWN


def seems(name: str, siren: str, vat_number: str) -> tuple[CustomerKind, str]:
    """The kind proposed, and what speaks for it: "siren", "name", or "" for UNKNOWN. The SIREN says more than the name."""
    kind = propose_kind(siren, vat_number)
    if kind != CustomerKind.UNKNOWN:
        return kind, "siren"
    kind = kind_by_name(name)
    return kind, "name" if kind != CustomerKind.UNKNOWN else ""


def is_factor(name: str) -> bool:
    """Whether this is the name of a factoring company, or of an account that one keeps."""
    return bool(_FACTOR.search(plain(name)))


def speaks_of_debit(text: str) -> bool:
    """Whether a label says that the invoice is collected by direct debit."""
    return bool(_DEBIT.search(plain(text)))


def stem(name: str) -> str:
    """A name without its legal form, by which the accounts of one house are found: "SAS Durand - Lyon" → "durand lyon"."""
    return " ".join(_FORM_ALONE.sub(" ", plain(name)).split())


def houses(names: Iterable[tuple[str, str]]) -> list[list[str]]:
    """(key, name) of accounts → keys of those that seem to be of one house: the whole stem of one begins the stem of the others."""
    ordered = sorted((stem(name), key) for key, name in names)
    found: list[list[str]] = []
    head = ""
    for text, key in ordered:
        if head and (text == head or text.startswith(f"{head} ")):
            found[-1].append(key)
        elif len(text.replace(" ", "")) >= SHORTEST_STEM:
            head = text
            found.append([key])
        else:
            head = ""
    return [keys for keys in found if len(keys) > 1]
