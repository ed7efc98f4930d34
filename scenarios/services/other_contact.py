""" "Not me, ask …": a debtor names who is in charge, and the same step goes to that person at once - or after somebody confirmed it.

A named address is believed by itself only at a domain this customer is written to already. Anything else - a public mailbox, a new domain -
waits for a person: whoever may name a recipient alone may have a company's account sent anywhere.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from customers import identity
from customers.enums import ContactRole
from customers.models import Contact, Customer
from customers.selectors import is_domain_known, payer_family
from customers.services import add_contact, lock_customers, reorder_contacts
from dunning.core.errors import DomainError
from invoices.enums import ActKind, ActSource
from invoices.models import Declaration, Installment
from invoices.services import lock_items
from invoices.services.acts import Voice, write_act
from notifications.enums import LEFT, MessageKind
from notifications.models import Message
from scenarios import effects, settling
from scenarios.enums import Reason, TaskKind, TaskState
from scenarios.models import ActionMessage, Task
from scenarios.recipients import Recipient
from scenarios.services.answers import send_statement

NAMEABLE: Final = (
    ContactRole.ACCOUNTING,
    ContactRole.INVOICING_SERVICE,
    ContactRole.FINANCE_MANAGER,
    ContactRole.PURCHASING,
    ContactRole.MANAGEMENT,
    ContactRole.OTHER,
)
"""What a debtor may call the person in charge; who represents it by law, or administers its insolvency, a person finds out."""


@dataclass(frozen=True, slots=True)
class Named:
    """What came of it: the contact written to now, or the task that waits for a person."""

    contact: Contact | None = None
    messages: tuple[Message, ...] = ()
    task: Task | None = None


def name_other(
    *,
    contact: Contact,
    items: Collection[UUID],
    message_id: UUID | None,
    name: str,
    email: str,
    role: str,
    declaration: Declaration | None = None,
    source: str = ActSource.PORTAL,
    actor: str,
    today: date,
    now: datetime,
) -> Named:
    """`contact` says that somebody else is in charge of these items; `message_id` is what was sent to it, and goes to that person now.

    Raises DomainError naming the field: no name, a bad address, the contact's own, an unknown role.
    """
    fields = _checked(contact, name, email, role)
    locked = lock_items(items, customer_ids=[contact.customer_id])
    named = [locked.installment(pk) for pk in items]
    customer = locked.customers[contact.customer_id]
    known = Contact.objects.filter(customer=customer, is_active=True, email__iexact=fields["email"]).first()
    waits = known is None and not is_domain_known(customer_ids=payer_family(customer.pk), email=fields["email"])
    _write_act(named, fields, waits, Voice(source, contact, declaration), actor=actor, now=now)
    if waits:
        return Named(task=_ask_to_confirm(customer, contact, named, message_id, fields, today=today, now=now))
    other = known or _add_before(customer, contact, fields, actor=actor, today=today, now=now)
    messages = write_to(other, from_=contact, items=[item.pk for item in named], message_id=message_id, actor=actor, today=today, now=now)
    return Named(contact=other, messages=messages)


def confirm_named(*, task: Task, actor: str, today: date, now: datetime) -> Named:
    """A person has checked who was named: the contact is added before the one who named it, and written to now.

    Raises DomainError when the task was closed.
    """
    if task.customer_id is None:
        raise DomainError(_("This task is about no customer."), code="no_customer")
    customer = lock_customers([task.customer_id])[task.customer_id]
    task = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    if task.state != TaskState.OPEN or task.kind != TaskKind.CONFIRM_CONTACT:
        raise DomainError(_("This task is closed."), code="closed")
    details = task.details
    fields = {name: str(details[name]) for name in ("name", "email", "role")}
    asked = Contact.objects.filter(pk=details["asked"]).first()
    known = Contact.objects.filter(customer=customer, is_active=True, email__iexact=fields["email"]).first()
    other = known or _add_before(customer, asked, fields, actor=actor, today=today, now=now)
    message_id = UUID(details["message"]) if details.get("message") else None
    items = [UUID(pk) for pk in details["items"]]
    messages = write_to(other, from_=asked, items=items, message_id=message_id, actor=actor, today=today, now=now)
    effects.close_tasks([task], state=TaskState.DONE, outcome="confirmed", actor=actor, now=now)
    return Named(contact=other, messages=messages)


def write_to(
    other: Contact, *, from_: Contact | None, items: Sequence[UUID], message_id: UUID | None, actor: str, today: date, now: datetime
) -> tuple[Message, ...]:
    """What went to `from_` goes to `other`: the same step, if it is the last one done about any of the items, else the account's statement.

    The step counts from now on, because it had not reached who is in charge. Raises nothing for an account without anything open.
    """
    sent = Message.objects.filter(pk=message_id, kind=MessageKind.REMINDER, state__in=LEFT).first() if message_id is not None else None
    if sent is not None and other.email and sent.recipient.lower() != other.email.lower():
        cargo = ActionMessage.objects.filter(message=sent, action__installment__in=items).select_related("action")
        links = [link for link in cargo.order_by("pk") if link.own_step]
        back = effects.take_back([link.action for link in links], reason=Reason.NAMED_OTHER, actor=actor, now=now)
        again = {action.pk for action in back}
        open_ones = set(Installment.objects.filter(pk__in=items, outstanding__gt=0).values_list("pk", flat=True))
        carried = [link for link in links if link.action_id in again and link.action.installment_id in open_ones]
        if carried:
            recipient = Recipient(other.name or sent.customer.name, other.email, other.pk)
            tried = sorted({*sent.details.get("tried", ()), sent.recipient})
            key = f"{sent.group_key}:named:{other.pk.hex[-8:]}"  # a group of its own: what reached somebody else does not delay it
            return (settling.repeat_message(sent, carried, recipient, tried=tried, group_key=key, actor=actor, today=today, now=now),)
    if not Installment.objects.filter(customer=other.customer_id, outstanding__gt=0).exists():
        return ()
    return tuple(send_statement(customer=other.customer, contact=other, actor=actor, today=today, now=now))


def _write_act(items: Sequence[Installment], fields: dict[str, str], waits: bool, voice: Voice, *, actor: str, now: datetime) -> None:
    """Keep on each item's timeline who was named, and by whom; `waits` for a person to check the address."""
    said = ", ".join((fields["name"], fields["email"], str(ContactRole(fields["role"]).label)))
    write_act(ActKind.NAMED_OTHER, items, voice, said, {**fields, "waits": waits}, actor=actor, now=now)


def _checked(contact: Contact, name: str, email: str, role: str) -> dict[str, str]:
    fields = {"name": " ".join(name.split())[:120], "email": identity.clean_email(email), "role": role}
    if not fields["name"]:
        raise DomainError(_("Write the name of the person in charge."), code="required", field="name")
    if not fields["email"]:
        raise DomainError(_("Write their e-mail address."), code="required", field="email")
    if fields["email"].lower() == contact.email.lower():
        raise DomainError(_("This is your own address: write that of the person in charge."), code="own_address", field="email")
    if role not in NAMEABLE:
        raise DomainError(_("Choose what this person does."), code="bad_role", field="role")
    return fields


def _add_before(customer: Customer, asked: Contact | None, fields: dict[str, str], *, actor: str, today: date, now: datetime) -> Contact:
    """The new contact, tried before the one who named it."""
    added = add_contact(
        customer=customer, name=fields["name"], email=fields["email"], role=fields["role"], actor=actor, today=today, now=now
    )
    chain = list(Contact.objects.filter(customer=customer, is_active=True).order_by("position", "pk").values_list("pk", flat=True))
    if asked is not None and asked.pk in chain:
        chain.remove(added.pk)
        chain.insert(chain.index(asked.pk), added.pk)
        reorder_contacts(customer=customer, contact_ids=chain, actor=actor, today=today, now=now)
    return added


def _ask_to_confirm(
    customer: Customer,
    asked: Contact,
    items: Sequence[Installment],
    message_id: UUID | None,
    fields: dict[str, str],
    *,
    today: date,
    now: datetime,
) -> Task:
    """One task for each address named; the same again adds none."""
    key = f"named:{customer.pk}:{fields['email'].lower()}"[:160]
    values = {"name": fields["name"], "email": fields["email"]}
    effects.open_once(
        kind=TaskKind.CONFIRM_CONTACT,
        key=key,
        today=today,
        now=now,
        customer=customer,
        title=_("Is %(name)s (%(email)s) in charge? The address is new for this customer.") % values,
        details={
            **fields,
            "asked": str(asked.pk),
            "message": str(message_id) if message_id is not None else "",
            "items": [str(item.pk) for item in items],
        },
        amount=sum((item.outstanding for item in items), Decimal(0)),
        currency=items[0].invoice.currency,
    )
    return Task.objects.get(key=key)
