"""Environment variables, read strictly: a bad value is refused with one sentence that names the variable."""

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dunning.core.failpoints import parse as parse_failpoints


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")
    return value == "true"


def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def words(name: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def _port(name: str, value: str) -> int | None:
    try:
        return urlsplit(value).port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is not a number from 0 to 65535.") from None


def base_url(name: str, default: str) -> str:
    """An http or https address without path, query or trailing slash."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    _port(name, value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        raise ImproperlyConfigured(f"{name} must be an address like https://relances.example.fr, not {value!r}.")
    return value


def database(name: str) -> dict[str, Any]:
    """A postgresql:// address as Django wants it. Unset is allowed: commands without need of a database run, Django refuses the others."""
    value = text(name)
    if not value:
        return {"ENGINE": "django.db.backends.dummy"}
    parts = urlsplit(value)
    port = _port(name, value)
    path = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgresql", "postgres") or not path:
        raise ImproperlyConfigured(f"{name} must look like postgresql://role:password@host:5432/database.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": path,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or parts.hostname or "",
        "PORT": options.pop("port", None) or (str(port) if port else ""),
        "OPTIONS": {"connect_timeout": 5} | options,
    }


def redis(name: str, default: str) -> tuple[str, str]:
    """The addresses of two neighbouring databases of one server: the broker's and the cache's."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    _port(name, value)
    number = parts.path.removeprefix("/") or "0"
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not number.isdigit():
        raise ImproperlyConfigured(f"{name} must look like redis://:password@host:6379/0.")
    return parts._replace(path=f"/{number}").geturl(), parts._replace(path=f"/{int(number) + 1}").geturl()


TRIAL_WORDS = ("lease", "offset", "look_up_after", "first_look")


def trial(name: str, *, public: bool) -> dict[str, float]:
    """A trial's figures (`lease=12,offset=-3600`), empty outside one. Refused where real people are served (`public`)."""
    found = {"on": 1.0} if text(name) else {}
    for word in words(name):
        key, _, value = word.partition("=")
        try:
            found[key] = float(value or 1)
        except ValueError:
            key = ""
        if key not in (*TRIAL_WORDS, "on"):
            raise ImproperlyConfigured(f"{name} holds words like lease=12, of {', '.join(TRIAL_WORDS)}, not {word!r}.")
    if found and public:
        raise ImproperlyConfigured(f"{name} shortens the protocol's times for tests: an installation with an https address refuses it.")
    return found


def loopback(name: str, *, public: bool) -> bool:
    """Whether webhooks may call this very machine. Refused where real people are served (`public`)."""
    allowed = boolean(name, False)
    if allowed and public:
        raise ImproperlyConfigured(f"{name} lets webhooks call this very machine: an installation with an https address refuses it.")
    return allowed


def failpoints(name: str, *, allowed: bool) -> str:
    """Failpoints to arm; refused unless this is a trial."""
    value = text(name)
    if not value:
        return ""
    if not allowed:
        raise ImproperlyConfigured(f"{name} makes processes die on purpose: it is refused outside a trial (TRIAL).")
    try:
        parse_failpoints(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
    return value


def mail(name: str) -> dict[str, Any]:
    """smtp://, smtp+tls:// (STARTTLS) or smtps:// as Django's EMAIL_* settings; empty when unset."""
    value = text(name)
    if not value:
        return {}
    parts = urlsplit(value)
    port = _port(name, value)
    if parts.scheme not in ("smtp", "smtp+tls", "smtps") or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must look like smtp+tls://account:password@host:587 (or smtp://, smtps://).")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def fernet_key(name: str) -> str:
    """32 random bytes in URL-safe base64; empty when unset."""
    value = text(name)
    if value:
        from cryptography.fernet import Fernet

        try:
            Fernet(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be 32 random bytes in URL-safe base64 (44 characters).") from None
    return value
