"""What the planner reads of an action, as a number that PostgreSQL keeps beside it: which items share a past is told without reading it."""

from datetime import date
from typing import Any, Final

from django.db.models import BigIntegerField, Expression, F, Func, IntegerField, UUIDField
from django.db.models.functions import Coalesce

_EPOCH: Final = date(2000, 1, 1)


def action_digest() -> Expression:
    """Everything `context_sql.PASTS` tells of one action: the hash of each value begins with that of the one before.

    None of the values may be NULL - the functions would be NULL, and the action unseen. Digests of an item's actions are put together by
    `bit_xor`: no two of them are alike (`action_once`).
    """
    values: list[tuple[str, Any]] = [
        ("hashint4extended", F("phase") * 1000 + F("occurrence")),
        ("hashint4extended", _day(Coalesce(F("done_on"), F("taken_on")))),
        ("hashint4extended", _day(F("taken_on"))),
        ("uuid_hash_extended", Coalesce(F("plan"), F("organization"), output_field=UUIDField())),
        ("hashtextextended", F("channel")),
        ("hashtextextended", F("state")),
        ("hashtextextended", F("step_key")),
    ]
    digest = Func(F("details"), 0, function="jsonb_hash_extended", output_field=BigIntegerField())
    for function, value in values:
        digest = Func(value, digest, function=function, output_field=BigIntegerField())
    return digest


def _day(value: F | Expression) -> Expression:
    return Func(value, _EPOCH, template="(%(expressions)s)", arg_joiner=" - ", output_field=IntegerField())
