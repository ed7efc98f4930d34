"""Where a request comes from, however the proxy writes it, and whom limits count."""

from typing import Any

import pytest
from django.test import RequestFactory

from dunning.core.network import address_of, place_of


def request(forwarded: str | None, peer: str = "192.0.2.10") -> Any:
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers={"x-forwarded-for": forwarded} if forwarded is not None else {})


@pytest.fixture
def behind_proxy(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("10.0.0.1, 203.0.113.7:51234", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, unknown", ""),
        ("203.0.113.7, _hidden:80", ""),
        ("", "192.0.2.10"),
        (None, "192.0.2.10"),
    ],
)
def test_the_last_address_the_proxy_added_without_its_port(behind_proxy: None, forwarded: str | None, address: str) -> None:
    assert address_of(request(forwarded)) == address


def test_without_a_proxy_what_is_claimed_counts_for_nothing() -> None:
    assert address_of(request("203.0.113.7")) == "192.0.2.10"
    assert address_of(request(None, peer="")) == ""


def test_limits_count_an_ipv6_network_once_and_all_who_have_no_address_together() -> None:
    assert place_of(request(None, peer="192.0.2.10")) == "192.0.2.10"
    assert {place_of(request(None, peer=f"2001:db8:1:2::{last}")) for last in ("1", "2", "ffff:1")} == {"2001:db8:1:2::"}
    assert place_of(request(None, peer="2001:db8:1:3::1")) == "2001:db8:1:3::"
    assert place_of(request(None, peer="")) == "unknown"
