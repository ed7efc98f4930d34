"""How often something may be done: counted in PostgreSQL, in its own time, so that limits hold for all processes and without a cache.

Counts are written at once, outside whatever the caller's request may roll back; call these outside `tenant()`. A database that cannot be
asked lets nothing pass: its error is raised.
"""

import hashlib
import hmac
from typing import Final

from django.conf import settings
from django.db import connection

_KEPT: Final = 86_400  # seconds; the longest stretch that may be counted
_START: Final = "to_timestamp(floor(extract(epoch from clock_timestamp()) / %(seconds)s) * %(seconds)s)"
_COUNT: Final = f"""
INSERT INTO core_ratewindow AS w (key, starts_at, count) VALUES (%(key)s, {_START}, %(by)s)
ON CONFLICT (key, starts_at) DO UPDATE SET count = w.count + %(by)s RETURNING count
"""  # noqa: S608 - an expression of our own
_READ: Final = f"SELECT count FROM core_ratewindow WHERE key = %(key)s AND starts_at = {_START}"  # noqa: S608
_FORGET: Final = """
DELETE FROM core_ratewindow WHERE id IN (
    SELECT id FROM core_ratewindow WHERE starts_at < clock_timestamp() - make_interval(secs => %s) ORDER BY starts_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
"""


def _parameters(what: str, who: str, seconds: int) -> dict[str, str | int]:
    """The key says nothing of whom it counts: addresses are personal data."""
    key = hashlib.sha256(b"dunning.limits\x00" + settings.SECRET_KEY.encode()).digest()
    return {"key": hmac.new(key, f"{what}\x00{seconds}\x00{who}".encode(), hashlib.sha256).hexdigest(), "seconds": seconds}


def count(what: str, *, who: str = "", seconds: int, by: int = 1) -> int:
    """Count once more (or `by`) within the present stretch of `seconds` (a day at most); what that makes. `who` "" counts everybody."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {**_parameters(what, who, seconds), "by": by})
        (found,) = cursor.fetchone()
        if found == by:  # a new row comes with the end of old ones
            cursor.execute(_FORGET, [_KEPT])
    return int(found)


def counted(what: str, *, who: str = "", seconds: int) -> int:
    """How often it was counted within the present stretch, without counting."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, _parameters(what, who, seconds))
        row = cursor.fetchone()
    return int(row[0]) if row else 0
