"""The plans the product ships with, each a plan file beside this module: five for groups (rule 18), one for proceedings (rule 12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from scenarios.plan_content import PlanContent
from scenarios.plan_files import parse_plan_file

STANDARD: Final = "standard"
KEY_ACCOUNT: Final = "key-account"
FIRM: Final = "firm"
PUBLIC: Final = "public"
CONSUMER: Final = "consumer"
PROCEEDINGS: Final = "proceedings"
PLAN_KEYS: Final = (STANDARD, KEY_ACCOUNT, FIRM, PUBLIC, CONSUMER, PROCEEDINGS)


@dataclass(frozen=True, slots=True)
class ShippedGroup:
    """A customer group every organization starts with, and the plan it follows."""

    key: str
    name: Mapping[str, str]  # by language
    plan: str


GROUPS: Final = (
    ShippedGroup("regular", MappingProxyType({"fr": "Clients réguliers", "en": "Regular customers"}), STANDARD),
    ShippedGroup("key-accounts", MappingProxyType({"fr": "Grands comptes", "en": "Key accounts"}), KEY_ACCOUNT),
    ShippedGroup("late", MappingProxyType({"fr": "Retards habituels", "en": "Habitual late payers"}), FIRM),
    ShippedGroup("public", MappingProxyType({"fr": "Secteur public", "en": "Public sector"}), PUBLIC),
    ShippedGroup("consumers", MappingProxyType({"fr": "Particuliers", "en": "Consumers"}), CONSUMER),
)


@lru_cache(maxsize=1)
def shipped_plans() -> Mapping[str, PlanContent]:
    """Every shipped plan by key, in the order they are shown. Read once per process."""
    here = Path(__file__).parent
    return MappingProxyType({key: parse_plan_file((here / f"{key}.yaml").read_text(encoding="utf-8")).plan for key in PLAN_KEYS})
