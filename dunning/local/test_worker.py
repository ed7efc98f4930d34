"""Loaded by pytest before the settings are: gives each xdist worker its own pair of databases in the throw-away Valkey."""

import os

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker.startswith("gw") and os.environ.get("REDIS_URL", "").count("/") == 2:
    os.environ["REDIS_URL"] += f"/{2 * (int(_worker[2:]) + 1) % 62}"
