"""A mail server with moods. SMTP has no Retry-After and no key: the journal's key is the Message-ID's left part."""

import asyncio
import re
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fakes.provider import TAKES, Fake
from tests.servers import MailSink

REPLIES = {
    "429": "421 4.7.0 Too many messages, slow down",
    "500": "451 4.3.0 Local error in processing",
    "refuse": "554 5.7.1 Refused for policy reasons",
    "dead_address": "550 5.1.1 No such user here",
}


class MoodySink(MailSink):
    """The sink of `tests.servers`, answering as its fake's mood says."""

    def __init__(self, fake: "SmtpFake") -> None:
        super().__init__()
        self.fake = fake

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mood = mode = self.fake.behaviour.choose()  # type: ignore[attr-defined]  # one mood for the whole message
        if mode == "dead_address":
            return REPLIES[mode]
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        behaviour, mode = self.fake.behaviour, str(envelope.mood)  # type: ignore[attr-defined]  # set above
        if mode in REPLIES:
            return REPLIES[mode]
        if mode in TAKES:
            answer = await super().handle_DATA(server, session, envelope)
            message = self.received[-1]
            key = re.sub(r"^<([^@>]*)@?.*$", r"\1", str(message["Message-ID"] or "").strip())
            self.fake.journal.write(
                fake=self.fake.name,
                key=key,
                recipient=envelope.rcpt_tos[0],
                provider_id=str(self.fake.next_serial()),
                mode=mode,
                header_id=str(message["Message-ID"]),
                subject=str(message["Subject"]),
            )
        if mode == "ok":
            return answer
        if mode == "wrong_body":
            return "HTTP/1.1 200 OK"
        if mode == "500_after_accept":
            return "250-stored\r\n999 what now"
        if mode == "timeout_after_write":
            await asyncio.sleep(behaviour.hold)
        elif mode in ("slow_drip", "endless") and server.transport is not None:
            for _ in range(200 if mode == "slow_drip" else 1_000_000):
                if server.transport.is_closing():
                    break
                server.transport.write(b"250-patience\r\n")
                await asyncio.sleep(behaviour.drip)
            if mode == "slow_drip":
                return "250 2.0.0 queued"
        if server.transport is not None:
            server.transport.abort()
        return "250 2.0.0 queued"


class SmtpFake(Fake):
    name = "smtp"

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.sink = MoodySink(self)
