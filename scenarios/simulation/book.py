"""What the demonstration sells and when it is paid: a pure function of the seed and an invoice's number, so that a life can go on."""

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from dunning.core.calendars import calendar_for
from scenarios.simulation.cast import SEED, Character, Habit

LABELS: Final = (
    "Fourniture et pose de fenêtres en chêne", "Porte d’entrée sur mesure", "Escalier quart tournant", "Agencement de magasin",
    "Bardage mélèze", "Réparation de volets", "Parquet massif", "Cloisons et doublages bois", "Mobilier d’accueil", "Étagères sur mesure",
    "Plan de travail hêtre", "Entretien annuel des menuiseries",
)  # fmt: skip
OPEN: Final = calendar_for()
WORKING_DAYS_A_MONTH: Final = 21


@dataclass(frozen=True, slots=True)
class Sale:
    """One invoice to issue on a day."""

    character: Character
    gross: Decimal
    label: str
    vat: Decimal
    purchase_order: str
    has_delivery_note: bool


def roll(*key: object) -> random.Random:
    """Chance that is the same for the same key."""
    return random.Random(":".join(str(part) for part in (SEED, *key)))  # noqa: S311 - a play, not a secret


def sales_of(day: date, characters: list[Character]) -> list[Sale]:
    """The invoices of a business day, in the order of their customers; none on another day."""
    if not OPEN.is_business_day(day):
        return []
    return [sale for character in characters if (sale := _sale(day, character)) is not None]


def _sale(day: date, character: Character) -> Sale | None:
    draw = roll("sale", character.number, day)
    if draw.random() >= character.rhythm / WORKING_DAYS_A_MONTH:
        return None
    amount = min(90_000.0, max(45.0, draw.lognormvariate(math.log(character.median), 0.85)))
    vat = Decimal(10) if draw.random() < 0.3 else Decimal(20)
    order = f"CDE-{draw.randint(10_000, 99_999)}" if character.group in ("key-accounts", "public") or draw.random() < 0.5 else ""
    return Sale(
        character=character,
        gross=Decimal(amount).quantize(Decimal("0.01")),
        label=draw.choice(LABELS),
        vat=vat,
        purchase_order=order,
        has_delivery_note=draw.random() < 0.88,
    )


def intended_day(number: str, due_on: date, habit: Habit) -> date:
    """The day on which the customer means to pay this invoice if nobody speaks to them."""
    draw = roll("pay", number)
    late = draw.gauss(habit.late, habit.spread)
    if draw.random() < 0.04:  # forgotten in a drawer
        late += draw.uniform(15, 45)
    return OPEN.roll(due_on + timedelta(days=max(-12, round(late))))


def pays_part(number: str) -> Decimal | None:
    """The share paid at first by the few who pay in two times."""
    draw = roll("part", number)
    return Decimal(str(round(draw.uniform(0.4, 0.8), 2))) if draw.random() < 0.03 else None


def is_hurried_by(number: str, step_key: str, habit: Habit) -> int | None:
    """Days after a reminder within which it makes them pay at once; None when it does not."""
    draw = roll("hurry", number, step_key)
    willing = {"pre_due": 0.0, "due_day_notice": 0.05, "r1": 0.3, "r2": 0.35, "r3": 0.4, "formal_notice": 0.55}.get(step_key, 0.1)
    return draw.randint(1, 6) if draw.random() < willing * (0.4 + habit.talks) else None
