"""What the stories of the daily road share: plain words of what left, and the people's acts of a day."""

from datetime import date
from decimal import Decimal
from io import BytesIO

from pypdf import PdfReader, PdfWriter

from customers.models import Customer
from dunning.core import documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from invoices.services import PaymentDraft, attach_document, record_payment
from notifications.models import Message
from scenarios.models import Task
from scenarios.services.calls import record_call
from tests.scenarios.houses import CLERK, at


def plain(text: str) -> str:
    """Without no-break spaces, on one line."""
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'").split())


def left_on(day: str, **filters: object) -> list[tuple[str, str, str]]:
    """(template, recipient's customer, state) of the reminders planned for that day."""
    rows = Message.objects.filter(planned_on=date.fromisoformat(day), kind="reminder", **filters).order_by("customer__number", "currency")
    return [(row.template_key, row.customer.number, row.state) for row in rows.select_related("customer")]


def mail_of(day: str, **filters: object) -> Message:
    """The one reminder planned for that day."""
    return Message.objects.get(planned_on=date.fromisoformat(day), kind="reminder", **filters)


def pay(customer: Customer, amount: str, day: str, item: Installment | None = None, *, hour: int = 6) -> None:
    """Money of the day; without `item` it stays on account."""
    parts = ((item, Decimal(amount)),) if item is not None else ()
    draft = PaymentDraft(customer=customer, amount=Decimal(amount), received_on=date.fromisoformat(day), allocations=parts)
    record_payment(draft=draft, actor=CLERK, today=date.fromisoformat(day), now=at(day, hour))


def call(house: Organization, day: str, outcome: str = "refusal", **details: str) -> None:
    """The open call is made."""
    with tenant(house):
        task = Task.objects.get(kind="call", state="open")
        record_call(task=task, outcome=outcome, details=details, actor=CLERK, today=date.fromisoformat(day), now=at(day, 10))


def pdf(words: str = "") -> bytes:
    """A page; a program may read `words` in its title."""
    writer, content = PdfWriter(), BytesIO()
    writer.add_blank_page(width=595, height=842)
    writer.add_metadata({"/Title": words})
    writer.write(content)
    return content.getvalue()


def attach(invoice: Invoice, *, proof: bool, day: str) -> None:
    """The invoice's copy, or its proof of delivery."""
    name = f"{'bon' if proof else 'facture'}-{invoice.number}.pdf"
    document = documents.store(content=pdf(name), media_type="application/pdf", filename=name, now=at(day, 7))
    attach_document(invoice=invoice, document=document, proof_of_delivery=proof, actor=CLERK, today=date.fromisoformat(day), now=at(day, 7))


def words_of(content: bytes) -> str:
    """The words of a PDF."""
    return plain("\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages))
