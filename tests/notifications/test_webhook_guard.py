"""Where a webhook may go: what may be typed, what a name may lead to, and that nothing is ever connected to but what was looked at."""

import ipaddress
import socket
import threading
from typing import Any

import pytest

from dunning.core.errors import DomainError
from notifications.webhooks.guard import Blocked, Target, is_public, read_url, resolve
from notifications.webhooks.line import Line
from tests.servers import Reply, http_service

BODY = b"{}"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

# Every notation of 127.0.0.1, 10.0.0.1, 169.254.169.254 and ::1 that some resolver, parser or browser understands, and other tricks.
REFUSED = [
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost.localdomain.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://93.184.215.14/",  # public, and still a number: no certificate names it
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700:4700::1111]/",
    "https://[::1/",
    "https://user@hooks.example.com/",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://127.0.0.1#@hooks.example.com/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com\\.evil.example/",
    "https://hooks.example.com%2f@127.0.0.1/",
    "https://hooks.example.com:8443/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:https/",
    "http://hooks.example.com/",
    "http://hooks.example.com:443/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "//hooks.example.com/",
    "hooks.example.com",
    "https:///webhooks",
    "https://",
    "",
    "https://intranet/",
    "https://hooks_1.example.com/",
    "https://-hooks.example.com/",
    "https://hooks..example.com/",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\r\nHost: 127.0.0.1",
    "https://hooks.exa\tmple.com/",
    "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",  # circled letters that fold to "localhost"
    "https://\uff11\uff12\uff17.0.0.1/",  # full-width digits
    "https://127\u3002\uff10\u3002\uff10\u30021/",  # ideographic full stops
    "https://ex\u0430mple.com/",  # a Cyrillic letter
    "https://h\u00f4tel.example.com/",
    f"https://hooks.example.com/{'a' * 500}",
]


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_a_plain_https_name_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(DomainError) as refusal:
        read_url(url)
    assert (refusal.value.code, refusal.value.field) == ("bad_url", "url")
    assert refusal.value.message.endswith(".")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com", Target("https", "hooks.example.com", 443, "/")),
        (
            "  https://Hooks.Example.COM/Path?a=1&b=é".replace("é", "%C3%A9"),
            Target("https", "hooks.example.com", 443, "/Path?a=1&b=%C3%A9"),
        ),
        ("https://hooks.example.com:443/x", Target("https", "hooks.example.com", 443, "/x")),
        ("https://xn--htel-vqa.example.com/", Target("https", "xn--htel-vqa.example.com", 443, "/")),
        ("https://1und1.de/", Target("https", "1und1.de", 443, "/")),
    ],
)
def test_a_plain_https_name_is_taken_apart(url: str, target: Target) -> None:
    assert read_url(url) == target


def test_settings_open_plain_http_and_this_very_machine_and_nothing_else(settings: Any) -> None:
    settings.WEBHOOK_HTTP = True
    assert read_url("http://hooks.example.com/x") == Target("http", "hooks.example.com", 80, "/x")
    for url in ("http://hooks.example.com:8080/", "http://127.0.0.1/", "http://10.0.0.1/"):
        with pytest.raises(DomainError):
            read_url(url)
    settings.WEBHOOK_HTTP, settings.WEBHOOK_LOOPBACK = False, True
    assert read_url("http://127.0.0.1:9000/x") == Target("http", "127.0.0.1", 9000, "/x")
    assert read_url("https://localhost:9443/x") == Target("https", "localhost", 9443, "/x")
    assert read_url("http://[::1]:9000/").host_header == "[::1]:9000"
    for url in ("http://hooks.example.com/", "https://127.1/", "https://2130706433/", "https://10.0.0.1/", "https://0.0.0.0/"):
        with pytest.raises(DomainError):
            read_url(url)


CLOSED = [
    str(ipaddress.IPv4Address(0)), "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "5f00::1", "not an address",
]  # fmt: skip
OPEN = ["8.8.8.8", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a01:e0a::1"]


@pytest.mark.parametrize("address", CLOSED)
def test_no_special_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_what_python_calls_private_is_never_public() -> None:
    """Python's own table, read at every /16 of the old internet: ours closes at least as much."""
    for number in range(0, 2**32, 2**16):
        address = ipaddress.ip_address(number + 1)
        assert not (is_public(str(address)) and not address.is_global), address


class Names:
    """A resolver that answers as it is told, each time the next list of addresses, and a network that notes what is connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[list[str]] = []
        self.asked: list[str] = []
        self.connected: list[str] = []
        names = self

        def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            names.asked.append(host)
            addresses = names.answers.pop(0) if len(names.answers) > 1 else names.answers[0]
            return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

        def connect(line: socket.socket, address: Any) -> None:
            names.connected.append(address[0])
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.mark.parametrize("address", [address for address in CLOSED if address != "not an address"])
def test_a_name_that_leads_inside_is_never_connected_to(names: Names, address: str) -> None:
    names.answers = [[address]]
    answer = Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY])
    assert (answer.fault, answer.status, names.connected) == ("blocked", None, [])


def test_one_address_inside_among_public_ones_is_enough(names: Names) -> None:
    names.answers = [["93.184.215.14", "2606:4700:4700::1111", "10.0.0.7"]]
    with pytest.raises(Blocked, match=r"10\.0\.0\.7"):
        resolve(read_url("https://hooks.example.com/"), within=1)
    assert Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY]).fault == "blocked"
    assert names.connected == []


def test_a_name_that_changes_its_mind_is_asked_once_and_taken_at_its_word(names: Names) -> None:
    """Rebinding: public when it is checked, loopback a moment later. The connection goes to what was checked."""
    names.answers = [["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]
    answer = Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY])
    assert (answer.fault, names.asked, names.connected) == ("unreachable", ["hooks.example.com"], ["93.184.215.14"])
    answer = Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY])  # the next call looks again
    assert (answer.fault, names.connected) == ("blocked", ["93.184.215.14"])


def test_loopback_is_for_its_own_names_even_where_it_is_allowed(names: Names, settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True
    names.answers = [["127.0.0.1"]]
    assert Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY]).fault == "blocked"
    names.answers = [["10.0.0.1"]]
    assert Line(read_url("http://localhost:9000/")).post(BODY, id="1", keys=[KEY]).fault == "blocked"
    assert names.connected == []
    target = read_url("http://localhost:9000/")
    settings.WEBHOOK_LOOPBACK = False  # kept from when it was allowed
    names.answers = [["127.0.0.1"]]
    assert (Line(target).post(BODY, id="1", keys=[KEY]).fault, names.connected) == ("blocked", [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_a_failure_and_followed_nowhere(settings: Any, status: int) -> None:
    settings.WEBHOOK_LOOPBACK = True
    with http_service(lambda request: Reply(200)) as elsewhere:
        with http_service(lambda request: Reply(status, headers={"Location": f"{elsewhere.url}/latest/meta-data/"})) as service:
            answer = Line(read_url(f"{service.url}/hook")).post(BODY, id="1", keys=[KEY])
        assert (answer.status, answer.is_success, len(service.requests), elsewhere.requests) == (status, False, 1, [])


def test_a_resolver_that_hangs_costs_the_time_of_the_call_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        released.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        answer = Line(read_url("https://hooks.example.com/")).post(BODY, id="1", keys=[KEY], within=0.3)
        assert answer.fault == "timeout"
        assert answer.seconds < 2
    finally:
        released.set()
