"""Logs: one JSON object a line for machines, or short lines for the person who ran `manage.py up`."""

import logging
import re
from typing import Any, Final

import structlog
from structlog.typing import Processor

from dunning import environment

# Without local variables: they hold names, addresses and secrets, and logs are kept longer than those may be.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_LINK: Final = re.compile(r"(?i)((?:/|%2F)(?:p|v|join|digest|hooks/[a-z_]{1,20}|password/reset/key)(?:/|%2F))[a-z0-9_.:%-]{16,}")


def without_links(text: str) -> str:
    """The text without what opens something to anybody who reads it: logs are read by many and kept for long.

    A debtor's page or letter, an invitation, a new password, a digest, a provider's way in.
    """
    return _LINK.sub(r"\1***", text)


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def from_environment() -> dict[str, Any]:
    """The `logging` configuration that LOG_FORMAT and LOG_LEVEL ask for."""
    return configuration(
        style=environment.choice("LOG_FORMAT", "json", ("json", "human")),
        level=environment.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    )


def configuration(*, style: str, level: str) -> dict[str, Any]:
    """The `logging` configuration; `style` is json or human, `level` a name of the logging module."""
    human = style == "human"
    renderer: list[Processor] = (
        [_shorten, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)]
        if human
        else [_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer, _hide_links],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING" if human else level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "gunicorn.error": {"handlers": [], "level": "WARNING" if human else level, "propagate": True},
            "celery": {"level": "WARNING" if human else level},
            "kombu": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},  # it warns about every CSS property meant for screens
        },
    }


def configure_structlog() -> None:
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.PositionalArgumentsFormatter(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=True,
    )


def _hide_links(logger: Any, name: str, line: Any) -> Any:
    """The last of all: whatever wrote the line, and wherever in it a link stands."""
    return without_links(line)


def _shorten(logger: Any, name: str, event: Any) -> Any:
    """Drop what a person watching a terminal already knows."""
    event.pop("timestamp", None)
    return event
