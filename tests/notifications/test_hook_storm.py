"""More calls than can be kept, and callers who take their time: against the web server as it runs."""

import contextlib
import select
import socket
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.db import connections

from dunning.api.hooks import IN_LINE
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.web_worker import LINE, _whole
from notifications import routes
from notifications.models import InboundEvent, ProviderAccount
from tests.benchmarks.offering import offer
from tests.gunicorn import server
from tests.notifications.callers import use_brevo
from tests.notifications.mailroom import make_mail_room

HEAD = b"POST /hooks/anymail/token HTTP/1.1\r\nHost: a\r\n"


class Caller:
    """A provider with a kept connection."""

    def __init__(self, port: int, account: ProviderAccount) -> None:
        address = urlsplit(routes.address(account))
        pair = b64encode(f"{address.username}:{address.password}".encode()).decode()
        self.head = f"POST {address.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\n"
        self.line = socket.create_connection(("127.0.0.1", port), timeout=60)

    def call(self, body: bytes) -> bytes:
        return f"{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def say(self, said: bytes) -> None:
        self.line.sendall(said)

    def hear(self) -> str:
        """The head of one answer; none has a body."""
        heard = b""
        while not heard.endswith(b"\r\n\r\n") and (more := self.line.recv(1)):
            heard += more
        return heard.decode()

    def insist(self, body: bytes) -> str:
        """The status of a call that is made again while that is asked for: a busy machine may not keep it in time."""
        for _ in range(100):
            self.say(self.call(body))
            answer = self.hear()
            assert "\r\nConnection: keep-alive\r\n" in answer
            if answer[9:12] != "503":
                break
            time.sleep(0.1)
        return answer[9:12]


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Nothing can be kept: another transaction has the table."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE notifications_inboundevent IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def kept(organization: Organization) -> set[bytes]:
    with tenant(organization):
        return {event.content for event in InboundEvent.objects.all()}


@pytest.fixture(scope="module")
def port(committed_for_module: str) -> Iterator[int]:
    """One web server for all: each test calls it for an organization of its own."""
    with server() as (port, _):
        yield port


def test_a_storm_upon_a_slow_database_is_told_to_call_again_and_loses_nothing(port: int) -> None:
    organization = make_mail_room()
    account = use_brevo(organization)
    caller = Caller(port, account)
    assert caller.insist(b"before") == "200"

    bodies = [b"%d" % number for number in range(400)]
    with held():  # all of them are answered while it cannot keep one: nobody waits for the database
        answers = offer(port, [caller.call(body) for body in bodies], rate=800, connections=40)
        assert {answer.status for answer in answers} == {503}
        caller.say(caller.call(b"during"))
        assert "\r\nRetry-After: 30\r\n" in caller.hear()
    assert kept(organization) <= {b"before", b"during", *bodies}  # what was told to come again may have been kept after all

    missing, rounds = set(bodies), 0
    while missing and rounds < 100:  # as providers do: again, until it is acknowledged
        again = sorted(missing)
        answers = offer(port, [caller.call(body) for body in again], rate=2_000, connections=40)
        assert {answer.status for answer in answers} <= {200, 503}
        acknowledged = {body for body, answer in zip(again, answers, strict=True) if answer.status == 200}
        assert acknowledged <= kept(organization)
        missing, rounds = missing - acknowledged, rounds + 1
    assert not missing
    assert caller.insist(b"after") == "200"  # over the connection on which it was told to come again
    with tenant(organization):
        assert InboundEvent.objects.count() == len(kept(organization))
    assert {b"before", b"after", *bodies} <= kept(organization)


def test_callers_who_take_their_time_hold_some_of_the_threads_and_no_page_waits_for_them(port: int) -> None:
    account = use_brevo(make_mail_room())
    silent = [Caller(port, account) for _ in range(20)]
    slow = [Caller(port, account) for _ in range(IN_LINE + LINE + 10)]
    for number, caller in enumerate(slow):
        caller.say(caller.call(b"%05d" % number)[:-2])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as page:
        assert page.status == 200
    prompt = Caller(port, account)
    prompt.say(prompt.call(b"prompt"))
    answer = prompt.hear()  # the threads for calls are taken
    assert answer.startswith("HTTP/1.1 503 Service Unavailable\r\n") and "\r\nRetry-After: 30\r\n" in answer
    assert "\r\nConnection: keep-alive\r\n" in answer

    lines, told = [caller.line for caller in slow], []
    while len(told) < len(slow) - IN_LINE:  # whoever found no thread has its answer, although it has not finished
        told = select.select(lines, [], [], 60)[0]
        assert told
    for caller in slow:
        if caller.line not in told:
            caller.say(b"..")
    answers = [caller.hear() for caller in slow]
    assert {answer[9:12] for answer in answers} <= {"200", "503"}
    # The connections of those who were sent away before they had finished are at their end; the others' calls were heard out.
    assert sum("\r\nConnection: keep-alive\r\n" in answer for answer in answers) == IN_LINE
    assert prompt.insist(b"prompt") == silent[0].insist(b"at last") == "200"


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"Content-Length: 3\r\n\r\nab",  # not all of it is here
        HEAD + b"Content-Length: 3\r\n\r\nabcPOST /",  # more than it
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc",
        HEAD + b"Content-Length: +3\r\n\r\nabc",
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 3\r\n\r\nabc",
        HEAD + b"Content-Length: 3\n\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\n",
        HEAD + b"\r\n",
        b"",
    ],
)
def test_a_call_whose_end_is_not_certain_ends_its_connection(said: bytes) -> None:
    assert not _whole(said)
    assert _whole(HEAD + b"content-length: 3\r\nA: Content-Length: 4\r\n\r\nabc")
