"""What a load balancer and `manage.py up` ask: does the process live, and can it do its work?"""

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

_migrated = False  # migrations are never taken back under a running process, so one "yes" lasts; reading them all costs 0.3 s


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers, whatever happened to its neighbours."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, its migrations are applied and the broker answers; else 503. JSON names each part."""
    parts = {name: _told(part) for name, part in (("database", _database), ("migrations", _migrations), ("broker", _broker))}
    ready = all(said == "ok" for said in parts.values())
    return JsonResponse({"ready": ready} | parts, status=200 if ready else 503)


def _told(part: Callable[[], str]) -> str:
    import redis

    try:
        return part()
    except (DatabaseError, redis.RedisError) as error:
        return f"unreachable ({type(error).__name__})"


def _database() -> str:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connections["default"])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return f"{len(missing)} not applied"
        _migrated = True
    return "ok"


def _broker() -> str:
    import redis

    client = redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    finally:
        client.close()
    return "ok"
