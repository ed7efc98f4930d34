"""A small mail room for tests: an organization with texts and a way out, messages, and a gate that says what the test decides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from customers.models import Customer
from dunning.core import documents
from dunning.core.enums import Channel, Phase
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from notifications import outbox, services
from notifications.enums import MessageState, ProviderKind
from notifications.models import Message, MessageTemplate
from notifications.palette import example_context
from notifications.signals import Go, Stop, Together, about_to_send, message_settled
from tests.factories import make_customer, make_organization
from tests.servers import MailSink

NOW = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)  # a Monday, ten o'clock in Paris
TODAY = date(2026, 10, 5)
ACTOR = "user:test"
BODY = "Bonjour,\n\nLa facture {{invoice.number}} de **{{amounts.total}}** reste à régler.\n\n{{signatory.name}}"


def go(message: Message, **values: Any) -> Go:
    """The message may leave, with the palette's example values."""
    return Go(context=dict(example_context("fr")), **values)


class Gate:
    """The one receiver of the question; `answers` maps a message's id to what it is told, `default` answers the others."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.companies: list[Together] = []
        self.answers: dict[Any, Go | Stop | Exception] = {}
        self.default: Callable[[Message], Go | Stop] = go
        self.settled: list[tuple[Any, str]] = []  # (message, the state the plans saw)

    def answer(self, sender: Any, message: Message, now: datetime, together: Together, **_: Any) -> Go | Stop:
        self.asked.append(message.pk)
        self.companies.append(together)
        answer = self.answers.get(message.pk)
        if isinstance(answer, Exception):
            raise answer
        return answer or self.default(message)

    def note(self, sender: Any, message_ids: list[Any], now: datetime, **_: Any) -> None:
        self.settled += Message.objects.filter(pk__in=message_ids).values_list("pk", "state")


@contextmanager
def gate_in_charge() -> Iterator[Gate]:
    """The test's gate in place of the plans', for both signals."""
    gate = Gate()
    kept = [(signal, signal.receivers) for signal in (about_to_send, message_settled)]
    for signal, _ in kept:
        signal.receivers = []
    about_to_send.connect(gate.answer, weak=False)
    message_settled.connect(gate.note, weak=False)
    try:
        yield gate
    finally:
        for signal, receivers in kept:
            signal.receivers = receivers


def make_mail_room(*, post_office: bool = True, **profile: Any) -> Organization:
    """An organization with a French text per channel and, unless told otherwise, the local post office."""
    organization = make_organization(**{"sms_sender": "Atelier", **profile})
    with tenant(organization):
        for channel, subject in ((Channel.EMAIL, "Facture {{invoice.number}}"), (Channel.SMS, ""), (Channel.LETTER, "Mise en demeure")):
            body = BODY.replace("**", "") if channel == Channel.SMS else BODY
            MessageTemplate.objects.create(
                key="r1", channel=channel, language="fr", phase=Phase.FRIENDLY, subject=subject, body=body, created_at=NOW
            )
    if post_office:
        services.set_up_post_office(organization=organization, actor=ACTOR, now=NOW)
    return organization


def use_smtp(sink: MailSink, *, host: str | None = None, port: int | None = None) -> None:
    """Send e-mail over a server; inside `tenant()`."""
    services.set_provider(
        channel=Channel.EMAIL,
        kind=ProviderKind.SMTP,
        actor=ACTOR,
        now=NOW,
        settings={"host": host or sink.host, "port": port or sink.port},
    )


def write(customer: Customer | None = None, *, channel: str = Channel.EMAIL, state: str = MessageState.QUEUED, **fields: Any) -> Message:
    """A message of the plan, in the outbox; inside `tenant()`."""
    customer = customer or make_customer()
    recipient = {Channel.EMAIL: f"compta.{customer.number.lower()}@client.example", Channel.SMS: "+33612345678"}.get(Channel(channel), "")
    message = Message(
        **{
            "customer": customer,
            "channel": channel,
            "phase": Phase.FRIENDLY,
            "language": "fr",
            "template_key": "r1",
            "state": state,
            "planned_on": TODAY,
            "group_key": f"account:{customer.pk}:{channel}:{new_id()}",
            "currency": "EUR",
            "amount": Decimal("1200.00"),
            "item_count": 1,
            "recipient": recipient,
            "recipient_name": customer.name,
            "postal_address": [customer.name, "12 avenue des Essais", "75001 Paris"],
            **fields,
        }
    )
    outbox.enqueue([message], now=NOW)
    return message


def file_of(name: str, content: bytes) -> tuple[Any, str]:
    """A document as `Go.attachments` names it; inside `tenant()`."""
    return documents.store(content=content, media_type="application/pdf", filename=name, now=NOW).pk, name
