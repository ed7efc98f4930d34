"""What messages about agreements carry - payment plans, direct-debit mandates: their values, and the signed papers."""

from datetime import datetime
from uuid import UUID

from customers.models import Mandate
from dunning.core.models import Organization
from invoices.models import PaymentPlan
from invoices.references import printed_reference
from notifications.models import Message
from notifications.placeholders import Value
from scenarios import agreements, mandates, wording


def values(message: Message, account: wording.Account) -> dict[str, Value]:
    """What a message about a payment plan or a mandate prints; nothing for any other."""
    found: dict[str, Value] = {}
    if plan_id := message.details.get("plan"):
        plan = PaymentPlan.objects.get(pk=plan_id)
        parts = list(plan.parts.order_by("position"))
        found["plan.amount"] = account.money(plan.amount)
        found["plan.count"] = str(len(parts))
        found["plan.schedule"] = agreements.schedule_sentence(parts, plan.currency, account.language)
        found["plan.signatory"] = plan.signatory
        if plan.reference:
            found["reference"] = printed_reference(plan.reference)
    if mandate_id := message.details.get("mandate"):
        mandate = Mandate.objects.get(pk=mandate_id)
        found["mandate.reference"] = mandate.reference
        found["mandate.account"] = mandate.iban_masked
    return found


def papers(message: Message, *, organization: Organization, now: datetime) -> tuple[tuple[UUID, str], ...]:
    """(document id, file name) of the signed papers the message is about, printed when they are not yet. Raises LetterError."""
    found = []
    if plan_id := message.details.get("plan"):
        found.append(agreements.agreement_of(PaymentPlan.objects.get(pk=plan_id), organization=organization, now=now))
    if mandate_id := message.details.get("mandate"):
        found.append(mandates.copy_of(Mandate.objects.get(pk=mandate_id), organization=organization, now=now))
    return tuple((document.pk, document.filename) for document in found)
