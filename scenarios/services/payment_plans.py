"""Payment plans from end to end: the words to be agreed to, the agreement itself, its papers sent to both sides, its end."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Contact, Customer
from dunning.core.errors import DomainError, StaleObject
from dunning.core.models import Document, Organization
from dunning.core.money import minor_units
from dunning.core.selectors import get_profile
from invoices import services
from invoices.enums import ActSource
from invoices.models import Declaration, Installment, PaymentPlan
from invoices.schedules import Gap, Part, even_parts
from invoices.services import Signature
from invoices.services.payment_requests import account_of, reference_of
from notifications.enums import MessageKind
from notifications.letters import LetterError
from scenarios import agreements, outside
from scenarios.housekeeping import in_charge_of


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan before it is agreed on: what is divided, how, and the exact words. `sha256` is how the words are recognised again."""

    items: Sequence[Installment]
    parts: Sequence[Part]
    total: Decimal
    currency: str
    reference: str
    text: str
    language: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def draft_plan(
    *, installments: Collection[UUID], count: int, first_on: date, gap: str, language: str, source: str = ActSource.PORTAL, today: date
) -> Draft:
    """The schedule and the words of a plan over these items, in the debtor's `language`. Writes nothing.

    Raises DomainError naming the field, as the agreement itself would.
    """
    by_debtor = source == ActSource.PORTAL
    rows = Installment.objects.select_related("invoice", "customer").filter(pk__in=list(installments))
    items = list(rows.order_by("due_on", "pk"))
    if len(items) != len(set(installments)):
        raise DomainError(_("This instalment does not exist."), code="unknown_installment", field="items")
    services.refuse_plan(installments=items, by_debtor=by_debtor, today=today)
    amounts = services.plan_amounts(items)
    currency, total = items[0].invoice.currency, sum(amounts.values(), Decimal(0))
    try:
        parts = even_parts(total, count, first_on, Gap(gap), minor_units(currency))
    except ValueError:
        raise DomainError(_("Too little is owed to be divided so often."), code="bad_amount", field="count") from None
    services.check_schedule(parts=parts, total=total, currency=currency, by_debtor=by_debtor, today=today)
    profile, customer = get_profile(), items[0].customer
    accounts = {account_of(item, profile.iban) for item in items}
    iban = accounts.pop() if len(accounts) == 1 else ""
    reference = _reference(customer, items, amounts) if iban else ""
    terms = agreements.Terms(items=items, amounts=amounts, parts=parts, iban=iban, reference=reference, online=by_debtor)
    words = agreements.plan_words(profile=profile, customer=customer, terms=terms, language=language, today=today)
    return Draft(items, parts, total, currency, reference, words, language)


def _reference(customer: Customer, items: Sequence[Installment], amounts: dict[UUID, Decimal]) -> str:
    """The invoice's own when it is alone, else that of the request the parts are paid under."""
    if len(items) == 1:
        return str(items[0].invoice.payment_reference)
    return reference_of(customer, amounts)


def agree_on_plan(
    *,
    draft: Draft,
    sha256: str,
    name: str,
    contact: Contact | None = None,
    address: str | None = None,
    browser: str = "",
    declaration: Declaration | None = None,
    source: str = ActSource.PORTAL,
    actor: str,
    today: date,
    now: datetime,
) -> PaymentPlan:
    """Agree on a draft whose words the debtor read (`sha256` says which), and send the agreement to both sides.

    Raises StaleObject when the words are not those that were read - an amount has changed meanwhile - and DomainError as
    `invoices.services.agree_on_plan` does.
    """
    if draft.sha256 != sha256:
        raise StaleObject(_("Something changed since you read this agreement: please read it again. Nothing was agreed."))
    plan = services.agree_on_plan(
        installments=draft.items,
        parts=draft.parts,
        signature=Signature(
            text=draft.text,
            language=draft.language,
            name=name,
            address=address,
            browser=browser,
            contact=contact,
            declaration=declaration,
        ),
        reference=draft.reference,
        source=source,
        actor=actor,
        today=today,
        now=now,
    )
    items = [item.pk for item in draft.items]
    if len(items) > 1 and draft.reference:
        services.request_payment(customer=plan.customer, amounts=dict.fromkeys(draft.items), actor=actor, today=today, now=now)
    _send(plan, items, contact, actor=actor, today=today, now=now)
    return plan


def _send(plan: PaymentPlan, items: Sequence[UUID], contact: Contact | None, *, actor: str, today: date, now: datetime) -> None:
    outside.write(
        customer=plan.customer,
        kind=MessageKind.CONFIRMATION,
        template_key="plan_agreed",
        items=items,
        about={"plan": plan.pk},
        contact=contact,
        language=plan.language,
        actor=actor,
        today=today,
        now=now,
    )
    person = in_charge_of(plan.customer)
    if person is not None:
        outside.write(
            customer=plan.customer,
            kind=MessageKind.INTERNAL,
            template_key="plan_agreed_copy",
            items=items,
            about={"plan": plan.pk},
            recipient=(str(person), person.email),
            language=person.language,
            actor=actor,
            today=today,
            now=now,
        )


def read_agreement(*, plan: PaymentPlan, organization: Organization, now: datetime) -> Document:
    """The printed agreement. Raises DomainError when it cannot be printed now."""
    try:
        return agreements.agreement_of(plan, organization=organization, now=now)
    except LetterError as error:
        raise DomainError(_("The agreement cannot be printed: %s") % error, code="letter_failed") from None
