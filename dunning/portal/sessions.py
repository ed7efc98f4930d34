"""The cookie of an open page: which link it was opened with, signed, for a few hours of use. No session row, no name, nothing else."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

IDLE: Final = timedelta(hours=2)
"""An open page is left alone so long before its link must be opened again."""
REMEMBERED: Final = timedelta(days=30)
"""How long a browser keeps the cookie: an expired one still tells that this browser opened the link, and lets a new one be sent."""
_SALT: Final = "dunning.portal.session"


def cookie_name() -> str:
    """`__Host-` binds a cookie to this very host over https; browsers refuse the prefix on a plain http address."""
    return "__Host-portal" if settings.PUBLIC_BASE_URL.startswith("https://") else "portal"


@dataclass(frozen=True, slots=True)
class Session:
    """A page opened with `link_id`, last used at `at`."""

    link_id: UUID
    key: str
    at: datetime

    def is_open(self, now: datetime) -> bool:
        return now - self.at <= IDLE


def read_session(request: HttpRequest, *, now: datetime) -> Session | None:
    """The session of the cookie, open or expired; None without a genuine one."""
    try:
        content: Any = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=_SALT)
        session = Session(UUID(content["l"]), str(content["k"]), datetime.fromisoformat(content["t"]))
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None
    return session if now - session.at <= REMEMBERED else None


def write_session(response: HttpResponse, link_id: UUID, *, now: datetime, key: str = "") -> None:
    """Set the cookie: a page was opened, or (`key`) is used on."""
    content = {"l": link_id.hex, "k": key or secrets.token_urlsafe(12), "t": now.isoformat(timespec="seconds")}
    response.set_cookie(
        cookie_name(),
        signing.dumps(content, salt=_SALT),
        max_age=int(REMEMBERED.total_seconds()),
        path="/",
        secure=settings.PUBLIC_BASE_URL.startswith("https://"),
        httponly=True,
        samesite="Lax",  # not Strict: the link is followed from a mail program's page
    )


def forget_session(response: HttpResponse) -> None:
    response.delete_cookie(cookie_name(), path="/", samesite="Lax")
