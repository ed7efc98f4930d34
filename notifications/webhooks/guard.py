"""Where a webhook may go: an address a tenant types must not become a way into the network this runs in (SSRF).

An address is read once, strictly, and taken apart here; nothing else ever parses it. At the call its name is resolved once, every address
found must be public, and the connection is made to the very address that was looked at, whatever the name says a moment later.
Sources: IANA's special-purpose address registries (RFC 6890 and its updates) and the metadata services of the large hosts.
"""

import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError

LONGEST: Final = 500  # characters of an address
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_CLEAN: Final = re.compile(r"[\x21-\x7e]+")  # no space, no control character, nothing outside ASCII
OWN_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})  # this very machine, where that is allowed
_PORTS: Final = {"https": 443, "http": 80}

_CLOSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own services, on a public number
        "169.254.0.0/16",  # link-local: metadata of most hosts
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OPEN_V6: Final = IPv6Network("2000::/3")  # the global unicast space; mapped, compatible, NAT64, local and multicast lie outside it
_CLOSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_lookups: Final = ThreadPoolExecutor(max_workers=64, thread_name_prefix="lookup")  # a resolver that hangs must not hold a call


class Blocked(Exception):
    """A name leads to this address, which is not on the internet: no connection is made."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart: everything a call needs, each part checked."""

    scheme: str
    host: str  # ASCII, lower case, without brackets
    port: int
    path: str  # with its query

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


def may_call_itself() -> bool:
    """Whether this installation may call services of its own machine: the embedded default and tests; never behind an https address."""
    return bool(settings.WEBHOOK_LOOPBACK)


def read_url(url: str) -> Target:
    """An address as somebody typed it, taken apart. Raises DomainError saying what is wrong and what to write instead."""
    url = url.strip()
    if len(url) > LONGEST:
        raise _refusal(_("The address is longer than %(most)s characters.") % {"most": LONGEST})
    if not _CLEAN.fullmatch(url) or "\\" in url:
        raise _refusal(_("Write the address in plain letters, an accented name in its xn-- form, without spaces."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refusal(_("This is not an address: write it like https://example.com/webhooks.")) from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise _refusal(_("This is not an address: write it like https://example.com/webhooks."))
    if "@" in parts.netloc:
        raise _refusal(_("Leave out the user name and password: each call is signed instead."))
    if parts.fragment or "#" in url:
        raise _refusal(_("Leave out what follows the #: it is never sent."))
    host = parts.hostname.lower()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path)
    if host in OWN_NAMES:
        if may_call_itself():
            return target
        raise _refusal(_("This address is this machine's own: give one that can be reached from the internet."))
    _check_name(host)
    if target.scheme == "http" and not settings.WEBHOOK_HTTP:
        raise _refusal(_("Only https is allowed: what is sent must not be read on its way."))
    if target.port != _PORTS[target.scheme]:
        raise _refusal(_("Only the usual port is allowed: leave the port out."))
    return target


def _check_name(host: str) -> None:
    """A name of at least two labels whose last one holds a letter: no number in any notation passes for a name."""
    labels = host.split(".")
    if labels[-1] == "":  # the root's own dot
        labels.pop()
    if ":" in host or len(labels) < 2 or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refusal(_("Give a full name such as hooks.example.com, not a number or a name of your own network."))
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise _refusal(_("Give a full name such as hooks.example.com, not a number or a name of your own network."))


def _refusal(sentence: str) -> DomainError:
    return DomainError(sentence, code="bad_url", field="url")


def is_public(address: str) -> bool:
    """Whether an address (as the resolver gives it) belongs to the public internet."""
    try:
        found = ip_address(address.partition("%")[0])  # a zone is a link-local's
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _CLOSED_V4)
    return found in _OPEN_V6 and not any(found in network for network in _CLOSED_V6)


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def resolve(target: Target, *, within: float) -> Sequence[str]:
    """The addresses of a target, each of them checked, in the resolver's order; asked once.

    Raises Blocked when one of them is not public, OSError when there is none, TimeoutError after `within` seconds.
    """
    asked = _lookups.submit(socket.getaddrinfo, target.host, target.port, 0, socket.SOCK_STREAM)
    try:
        answers = asked.result(timeout=max(within, 0.0))
    except TookTooLong:
        raise TimeoutError("the name was not resolved in time") from None
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    own = target.host in OWN_NAMES and may_call_itself()
    for address in addresses:
        if not (_is_loopback(address) if own else is_public(address)):
            raise Blocked(address)
    if not addresses:
        raise OSError("the name has no address")
    return addresses
