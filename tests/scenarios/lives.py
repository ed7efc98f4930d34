"""One reminder that left, and what its recipient or a mail server sends back."""

from datetime import date, datetime
from email.message import EmailMessage
from typing import Any

from customers.models import Contact, Customer
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications.enums import MessageState
from notifications.models import Message, ProviderAccount
from scenarios.models import Schedule
from tests.factories import make_customer, make_invoice
from tests.notifications.callers import call, read_what_came, use
from tests.scenarios.houses import open_house, run_on


class Life:
    """Durand's invoice fell due on 1 October and was reminded of on the 2nd, over the post office; then providers take over."""

    def __init__(self, **fields: Any) -> None:
        self.organization = open_house()
        with tenant(self.organization):
            self.durand = make_customer("C1", name="Durand SARL", **fields)
            self.first = Contact.objects.get(customer=self.durand)
            self.item = self.invoice(self.durand, "FA-1")
        run_on(self.organization, "2026-10-02")
        with tenant(self.organization):
            self.sent = Message.objects.get(customer=self.durand, state=MessageState.ACCEPTED, template_key="r1")

    @staticmethod
    def invoice(customer: Customer, number: str) -> Installment:
        return make_invoice(customer, number=number, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))

    def second_contact(self, email: str = "direction@client.example", name: str = "Paul Durand") -> Contact:
        with tenant(self.organization):
            return Contact.objects.create(customer=self.durand, position=2, name=name, role="accounting", email=email)

    def texted(self, **facts: Any) -> Message:
        """A text message to Durand's number."""
        given = {"channel": "sms", "language": "fr", "template_key": "sms", "planned_on": date(2026, 10, 2), "recipient": "+33612345678"}
        return Message.objects.create(customer=self.durand, contact=self.first, **given, **facts)

    def schedule(self) -> tuple[str, str]:
        with tenant(self.organization):
            row = Schedule.objects.get(installment=self.item)
            return row.reason, row.next_on.isoformat() if row.next_on else ""


def written(life: Life, text: str, *, sender: str = "", to: str = "", **headers: str) -> bytes:
    """A message as a mail server passes it on."""
    said = EmailMessage()
    said["From"] = sender or f"Service comptable <{life.sent.recipient}>"
    said["To"] = to or life.sent.reply_to or "compta@atelier.example"
    said["Subject"] = headers.pop("Subject", f"Re: {life.sent.subject}")
    said["Message-ID"] = headers.pop("Message_ID", "<reply-1@client.example>")
    for name, value in headers.items():
        said[name.replace("_", "-")] = value
    said.set_content(text)
    return said.as_bytes()


def use_smtp(organization: Organization) -> ProviderAccount:
    from notifications.enums import ProviderKind

    return use(organization, "email", ProviderKind.SMTP, {"host": "127.0.0.1", "port": 1, "reply_domain": "in.atelier.example"}, {})


def pass_on(life: Life, account: ProviderAccount, body: bytes, moment: datetime) -> dict[str, int]:
    assert call(account, body, at=moment, content_type="message/rfc822").status_code == 200
    return read_what_came(life.organization, at=moment)
