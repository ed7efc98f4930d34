"""How many calls a key may make: so many a second on average, and a burst, counted in the cache for all web processes.

Without the cache the count goes on in each process's own memory, so that the limit holds there: a lost cache neither shuts the API nor
opens it without bounds. Calls with a key nobody knows are counted by address.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from dunning.api.errors import Refusal
from dunning.core.network import place_of

WINDOW: Final = 10  # seconds
STRANGERS: Final = 100  # calls an address may make in a window with keys that do not open
_PATIENCE: Final = 0.25  # seconds for which a call waits for the cache
_CACHE_AWAY: Final = 5.0  # seconds for which a cache that did not answer is left alone
_REMEMBERED: Final = 10_000  # names counted by a process


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands in the running window; all in calls and seconds."""

    limit: int
    used: int
    resets_in: int

    @property
    def headers(self) -> dict[str, str]:
        left = max(0, self.limit - self.used)
        return {"RateLimit-Policy": f'"key";q={self.limit};w={WINDOW}', "RateLimit": f'"key";r={left};t={self.resets_in}'}


class Counter:
    """Counts names in windows of `WINDOW` seconds: one round trip to the cache, or this process's own memory while the cache is away."""

    def __init__(self) -> None:
        self._client: Any = None
        self._away_until = 0.0
        self._own: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, name: str, at: float) -> int:
        """How often the name was counted in the window of `at` (seconds), this time included."""
        key = f"api:{name}:{int(at) // WINDOW}"
        if time.monotonic() >= self._away_until:
            try:
                return self._in_cache(key)
            except Exception:  # whatever a client raises while its server is away: the count goes on here
                self._away_until = time.monotonic() + _CACHE_AWAY
        with self._lock:
            self._own[key] = self._own.get(key, 0) + 1
            while len(self._own) > _REMEMBERED:
                self._own.popitem(last=False)
            return self._own[key]

    def forget(self) -> None:
        """Count from nothing, here and in the cache."""
        self._own.clear()
        if self._client is not None:
            keys = list(self._client.scan_iter("api:*"))
            if keys:
                self._client.delete(*keys)

    def _in_cache(self, key: str) -> int:
        if self._client is None:
            import redis  # not where nobody calls

            address = settings.CACHES["default"]["LOCATION"]
            self._client = redis.Redis.from_url(address, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE)
        pipe = self._client.pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, 2 * WINDOW)
        return int(pipe.execute()[0])


counter = Counter()


def count_call(key_id: str) -> Standing:
    """Count one call of a key. Raises Refusal 429 beyond the limit."""
    limit = max(1, settings.API_RATE_LIMIT * WINDOW // 60)
    standing = _count(f"key:{key_id}", limit)
    if standing.used > limit:
        raise _too_many(standing)
    return standing


def count_stranger(request: HttpRequest) -> None:
    """Count one call whose key does not open. Raises Refusal 429 beyond the limit of its address."""
    standing = _count(f"address:{place_of(request)}", STRANGERS)
    if standing.used > STRANGERS:
        raise _too_many(standing)


def _count(name: str, limit: int) -> Standing:
    at = time.time()
    return Standing(limit, counter.count(name, at), WINDOW - int(at) % WINDOW)


def _too_many(standing: Standing) -> Refusal:
    words = _("More than %(limit)s calls within %(window)s seconds: wait %(wait)s seconds, then go on.")
    values = {"limit": standing.limit, "window": WINDOW, "wait": standing.resets_in}
    return Refusal(429, "too_many_calls", words % values, headers={**standing.headers, "Retry-After": str(standing.resets_in)})
