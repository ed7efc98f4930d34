"""What a customer seems to be, by SIREN and name."""

import pytest

from customers.enums import CustomerKind
from customers.proposals import houses, is_factor, kind_by_name, seems, speaks_of_debit, stem

PUBLIC = ["MAIRIE DE LYON", "Commune de Saint-Étienne", "CHU Nantes", "Lycée Victor Hugo", "Conseil départemental du Rhône", "SDIS 69"]
CONSUMERS = ["M. Paul Durand", "Mme Lefèvre", "M. et Mme Petit", "MLLE ROUX Julie", "Monsieur Martin"]
BUSINESSES = ["Durand SARL", "SAS Menuiserie Exemplaire", "Ets Petit", "Garage de la Mairie SARL x", "Cabinet Mme Roux", "GAEC du Pré"]
NOTHING = ["Dupont", "Martin Frères", "Hôtelière du Lac", "Villeneuve", "Mlleroux"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, CustomerKind.PUBLIC) for name in PUBLIC),
        *((name, CustomerKind.CONSUMER) for name in CONSUMERS),
        *((name, CustomerKind.BUSINESS) for name in BUSINESSES),
        *((name, CustomerKind.UNKNOWN) for name in NOTHING),
    ],
)
def test_a_name_says_what_it_can(name: str, kind: CustomerKind) -> None:
    assert kind_by_name(name) == kind


def test_the_siren_says_more_than_the_name() -> None:
    assert seems("Dupont", "219900018", "") == (CustomerKind.PUBLIC, "siren")
    assert seems("Mairie de Lyon", "999999014", "") == (CustomerKind.BUSINESS, "siren")
    assert seems("Mairie de Lyon", "", "") == (CustomerKind.PUBLIC, "name")
    assert seems("Dupont", "", "") == (CustomerKind.UNKNOWN, "")


def test_factors_and_direct_debits_are_told_by_their_words() -> None:
    assert is_factor("BNP Paribas Factor") and is_factor("EUROFACTOR") and not is_factor("Le Facteur Cheval")
    assert speaks_of_debit("Abonnement 10/2026 PRLV SEPA") and speaks_of_debit("Prélèvement") and not speaks_of_debit("Prélude")


def test_the_accounts_of_one_house_share_the_beginning_of_their_name() -> None:
    names = [
        ("1", "SAS Durand Industries"), ("2", "Durand Industries - Lyon"), ("3", "DURAND INDUSTRIES SARL Paris 12"), ("4", "Durand"),
        ("5", "Durandal Frères"), ("6", "Ets Petit"), ("7", "Petit"), ("8", "Carrefour Market"), ("9", "Carrefour Market Nord"),
    ]  # fmt: skip
    assert stem("SAS Durand - Lyon") == "durand lyon"
    assert sorted(sorted(keys) for keys in houses(names)) == [["1", "2", "3", "4"], ["8", "9"]]
    assert houses([("1", "Ami"), ("2", "Ami Lyon")]) == []  # too short to say anything
