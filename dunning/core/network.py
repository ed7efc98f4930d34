"""Where a request comes from: what stands under a signature, and what limits count."""

import ipaddress
import re
from typing import Final

from django.conf import settings
from django.http import HttpRequest

UNKNOWN: Final = "unknown"
ONE_PLACE: Final = 64  # bits of an IPv6 address; whoever has them may choose the others anew for every request
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")


def address_of(request: HttpRequest) -> str:
    """The visitor's network address: behind our own proxy the one it saw, which is the last it added; never what a visitor claims.

    Blank when nothing names one that can be read, as on a socket of the file system.
    """
    if settings.SECURE_PROXY_SSL_HEADER is not None:
        seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        if seen.strip():
            return _read(seen)
    return _read(str(request.META.get("REMOTE_ADDR", "")))


def place_of(request: HttpRequest) -> str:
    """Whom limits count: the visitor's address, of IPv6 the network it is chosen from. Those who have none are one."""
    address = address_of(request)
    if ":" not in address:
        return address or UNKNOWN
    return str(ipaddress.ip_network(f"{address}/{ONE_PLACE}", strict=False).network_address)


def _read(text: str) -> str:
    """An address as proxies write it, with a port or without, in its one proper form; blank when it is none."""
    word = text.strip()
    if found := _WITH_PORT.fullmatch(word):
        word = found[1] or found[2]
    try:
        address = ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
