"""Who the demonstration's customers are: obviously fictitious companies, town halls and people, each with habits of its own.

Identifiers are honest: SIREN numbers of the unassigned 99999 range with a valid key, telephone numbers reserved for fiction (ARCEP), e-mail
addresses under .example. The same seed gives the same cast.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stdnum import luhn

from customers.enums import ContactRole, CustomerKind, EndOfMonth, PaymentMeans

SEED: Final = 20260
TRADES: Final = (
    "Agencement",
    "Ateliers",
    "Boulangerie",
    "Bureau d’études",
    "Cabinet",
    "Carrelages",
    "Charpentes",
    "Clinique",
    "Constructions",
    "Couverture",
    "Décoration",
    "École",
    "Fromagerie",
    "Garage",
    "Hôtel",
    "Imprimerie",
    "Jardins",
    "Laboratoire",
    "Librairie",
    "Maçonnerie",
    "Pharmacie",
    "Plomberie",
    "Promotion",
    "Restaurant",
    "Rénovation",
    "Serrurerie",
    "Studio",
    "Transports",
    "Verrerie",
    "Vignobles",
)
NAMES: Final = (
    "Dupré",
    "Fontanel",
    "Grandjean",
    "Hautbois",
    "Jolivet",
    "Kerguen",
    "Lavallée",
    "Marchandeau",
    "Noisetier",
    "Ormeau",
    "Perrichon",
    "Quintard",
    "Rosier",
    "Saint-Éloi",
    "Tilleul",
    "Vauclair",
    "Beauchêne",
    "Charmette",
    "Delorme",
    "Églantier",
    "Fougère",
    "Genévrier",
    "Houblon",
    "Iris",
    "Jonquille",
    "Lilas",
    "Muguet",
    "Narcisse",
    "Olivier",
    "Pervenche",
)
FIRST_NAMES: Final = ("Camille", "Dominique", "Claude", "Alex", "Sacha", "Maxime", "Charlie", "Noa", "Lou", "Andréa", "Gwenn", "Yaël")
FORMS: Final = ("SARL", "SAS", "SA", "EURL", "SASU")
CITIES: Final = (
    ("01000", "Exempleville"),
    ("13001", "Marseille"),
    ("21000", "Dijon"),
    ("25000", "Besançon"),
    ("31000", "Toulouse"),
    ("33000", "Bordeaux"),
    ("34000", "Montpellier"),
    ("35000", "Rennes"),
    ("38000", "Grenoble"),
    ("42000", "Saint-Étienne"),
    ("44000", "Nantes"),
    ("51100", "Reims"),
    ("57000", "Metz"),
    ("59000", "Lille"),
    ("63000", "Clermont-Ferrand"),
    ("67000", "Strasbourg"),
    ("69003", "Lyon"),
    ("75011", "Paris"),
    ("76000", "Rouen"),
    ("87000", "Limoges"),
)
STREETS: Final = (
    "rue des Essais",
    "avenue du Modèle",
    "place de l’Étalon",
    "chemin du Spécimen",
    "boulevard de la Maquette",
    "impasse du Gabarit",
)


@dataclass(frozen=True, slots=True)
class Habit:
    """How a customer pays. `late` are days after the due date drawn around; `spread` how much it varies; `talks` how easily it answers."""

    name: str
    late: int
    spread: int
    talks: float
    keeps_word: float
    disputes: float


PROMPT: Final = Habit("prompt", -2, 3, 0.9, 0.95, 0.01)
RELAXED: Final = Habit("relaxed", 7, 5, 0.7, 0.85, 0.02)
SLOW: Final = Habit("slow", 20, 7, 0.6, 0.7, 0.05)
STRAINED: Final = Habit("strained", 48, 16, 0.5, 0.45, 0.08)
DEAF: Final = Habit("deaf", 110, 30, 0.25, 0.2, 0.05)


@dataclass(frozen=True, slots=True)
class Person:
    """A contact to create."""

    name: str
    role: str
    email: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Character:
    """One customer to create, with its group, its habit and how much it buys (invoices a month, median amount in euros)."""

    number: str
    name: str
    kind: str
    group: str
    habit: Habit
    rhythm: float
    median: int
    legal_form: str
    siren: str
    language: str
    means: str
    terms: tuple[int, str]  # days, end of month
    address: tuple[str, str, str]  # line, postal code, city
    representative: str
    people: tuple[Person, ...]


# Agreed terms: an assumption of ours, to have every kind in the ledger.
_TERMS: Final = (
    ((30, EndOfMonth.NONE), 40),
    ((30, EndOfMonth.AFTER), 20),
    ((45, EndOfMonth.AFTER), 20),
    ((60, EndOfMonth.NONE), 12),
    ((0, EndOfMonth.NONE), 8),
)
_SHARES: Final = (("regular", 112), ("key-accounts", 14), ("late", 36), ("public", 18), ("consumers", 20))
_HABITS: Final = {
    # calibrated so that, weighted by what they buy, invoices are paid about a fortnight late on average and one in eight beyond thirty days
    "regular": ((PROMPT, 58), (RELAXED, 30), (SLOW, 12)),
    "key-accounts": ((PROMPT, 35), (RELAXED, 40), (SLOW, 25)),
    "late": ((SLOW, 40), (STRAINED, 45), (DEAF, 15)),
    "public": ((RELAXED, 45), (SLOW, 45), (STRAINED, 10)),
    "consumers": ((PROMPT, 65), (RELAXED, 25), (SLOW, 10)),
}


def cast() -> list[Character]:
    """Two hundred customers in five groups."""
    draw = random.Random(SEED)  # noqa: S311 - a play, not a secret
    sirens = _sirens()
    characters: list[Character] = []
    for group, count in _SHARES:
        for _ in range(count):
            characters.append(_character(draw, len(characters) + 1, group, next(sirens)))
    return characters


def _sirens() -> Iterator[str]:
    for serial in range(1000):
        stem = f"99999{serial:03d}"
        yield stem + luhn.calc_check_digit(stem)


def _weighted(draw: random.Random, choices: Sequence[tuple[Any, int]]) -> Any:
    values, weights = zip(*choices, strict=True)
    return draw.choices(values, weights)[0]


def _character(draw: random.Random, ordinal: int, group: str, siren: str) -> Character:
    number = f"C{ordinal:05d}"
    kind = {"public": CustomerKind.PUBLIC, "consumers": CustomerKind.CONSUMER}.get(group, CustomerKind.BUSINESS)
    postal_code, city = draw.choice(CITIES)
    name, form = _name(draw, kind, city, ordinal)
    language = "en" if kind == CustomerKind.BUSINESS and draw.random() < 0.08 else "fr"
    means = _weighted(draw, ((PaymentMeans.TRANSFER, 82), (PaymentMeans.CHEQUE, 10), (PaymentMeans.DIRECT_DEBIT, 8)))
    if kind == CustomerKind.PUBLIC:
        means = PaymentMeans.TRANSFER
    terms = (30, EndOfMonth.NONE) if kind != CustomerKind.BUSINESS else _weighted(draw, _TERMS)
    return Character(
        number=number,
        name=name,
        kind=kind,
        group=group,
        habit=_weighted(draw, _HABITS[group]),
        rhythm={"key-accounts": 0.9, "consumers": 0.1, "public": 0.26}.get(group, draw.uniform(0.12, 0.48)),
        median={"key-accounts": 6200, "consumers": 1400, "public": 3800}.get(group, draw.randint(1100, 2900)),
        legal_form=form,
        siren="" if kind == CustomerKind.CONSUMER else siren,
        language=language,
        means=means,
        terms=terms,
        address=(f"{draw.randint(1, 98)} {draw.choice(STREETS)}", postal_code, city),
        representative="" if kind == CustomerKind.CONSUMER else f"{draw.choice(FIRST_NAMES)} {draw.choice(NAMES)}",
        people=_people(draw, kind, number, name),
    )


def _name(draw: random.Random, kind: str, city: str, ordinal: int) -> tuple[str, str]:
    family = NAMES[ordinal % len(NAMES)]
    if kind == CustomerKind.CONSUMER:
        return f"{draw.choice(FIRST_NAMES)} {family}", ""
    if kind == CustomerKind.PUBLIC:
        bodies = ("Commune de {}-les-Essais", "Collège {}", "Centre hospitalier {}", "Syndicat mixte de {}")
        return draw.choice(bodies).format(family), ""
    form = draw.choice(FORMS)
    return f"{TRADES[(ordinal * 7) % len(TRADES)]} {family} {form}", form


def _people(draw: random.Random, kind: str, number: str, name: str) -> tuple[Person, ...]:
    host = f"{number.lower()}.example"
    mobile = f"+3363998{draw.randint(0, 9999):04d}"
    desk = f"+3319900{draw.randint(0, 9999):04d}"
    if kind == CustomerKind.CONSUMER:
        return (Person(name, ContactRole.OTHER, f"{number.lower()}@particulier.example", mobile),)
    if kind == CustomerKind.PUBLIC:
        return (Person("Service facturier", ContactRole.INVOICING_SERVICE, f"facturation@{host}", desk),)
    title = draw.choice(("Mme", "M."))
    people = [Person(f"{title} {draw.choice(NAMES)}", ContactRole.ACCOUNTING, f"compta@{host}", mobile if draw.random() < 0.4 else desk)]
    if draw.random() < 0.6:
        people.append(Person(f"{draw.choice(('Mme', 'M.'))} {draw.choice(NAMES)}", ContactRole.FINANCE_MANAGER, f"finances@{host}", desk))
    if draw.random() < 0.3:
        people.append(Person(f"{draw.choice(('Mme', 'M.'))} {draw.choice(NAMES)}", ContactRole.MANAGEMENT, f"direction@{host}", ""))
    return tuple(people)
