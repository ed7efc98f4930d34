"""Providers that listen on this machine and speak the real ones' APIs, for tests in the same process and for campaigns beside it.

    with fakes.running("brevo") as fake:            # in a test
        fake.behave({"drop_after_accept": 0.1}, seed=7)
        ...
        assert fake.deliveries() == {message_id: 1}

    python -m tests.fakes brevo --port 8025 --journal brevo.jsonl --behaviour brevo.json      # on its own

The journal is the judge: one JSON line per message the provider really delivers, written and flushed before the answer leaves, so that
what it says holds whoever is killed. `--behaviour` names a file that is read again whenever it changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.mail import Brevo, Mailjet, Postmark, Ses
from tests.fakes.post import MySendingBox
from tests.fakes.provider import MODES, Behaviour, Callbacks, Fake, HttpFake, Journal
from tests.fakes.sms import Sinch, Twilio
from tests.fakes.smtp import SmtpFake
from tests.servers import http_service, mail_server

FAKES: dict[str, type[Fake]] = {fake.name: fake for fake in (Brevo, Mailjet, Postmark, Ses, Twilio, Sinch, MySendingBox, SmtpFake)}

__all__ = ["FAKES", "MODES", "Behaviour", "Callbacks", "Fake", "Journal", "running"]


@contextmanager
def running(
    name: str, *, port: int = 0, journal: Path | None = None, behaviour: Path | None = None, callbacks: Callbacks | None = None
) -> Iterator[Fake]:
    """The fake of that name, listening; `fake.url` is its address, `fake.port` its port."""
    fake = FAKES[name](Journal(journal), behaviour_file=behaviour, callbacks=callbacks)
    if isinstance(fake, SmtpFake):
        with mail_server(sink=fake.sink, port=port) as sink:
            fake.port = sink.port
            yield fake
    elif isinstance(fake, HttpFake):
        with http_service(fake.answer, port=port) as service:
            fake.listen(service)
            try:
                yield fake
            finally:
                fake.finish()
