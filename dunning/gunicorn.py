"""What every gunicorn of this product shares; addresses, workers and threads come from the command line."""

from typing import Any

from gunicorn import glogging

from dunning import logs
from dunning.core.collector import spare_the_program


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn is untyped
    """Whoever switches an access log on: links that open something are not written into it, nor where a visitor came from with one."""

    def atoms(self, *args: Any) -> dict[str, Any]:
        return {name: logs.without_links(value) if isinstance(value, str) else value for name, value in super().atoms(*args).items()}


logger_class = Logger
worker_class = "dunning.web_worker.Worker"
preload_app = True  # workers share the code in memory; nothing is connected before they part
keepalive = 20
timeout = 60
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True  # it would want a home to write to
logconfig_dict = logs.from_environment()  # not from the settings: the master would hold them, with Celery, for nothing


def pre_fork(server: Any, worker: Any) -> None:
    """A page of what workers share is copied when the collector touches it: 15 MB for the first worker."""
    spare_the_program()
