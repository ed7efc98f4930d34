"""What happened when we wrote or called: reachability, absences, unread replies."""

from datetime import date, datetime
from typing import Literal

from django.utils.translation import gettext as _

from customers.enums import Reachability
from customers.models import Contact, Customer
from customers.services.customers import lock_customer
from customers.signals import customer_changed
from dunning.core import audit
from dunning.core.errors import DomainError


def mark_reachability(
    *, contact: Contact, means: Literal["email", "phone"], reached: bool, reason: str = "", actor: str, today: date, now: datetime
) -> bool:
    """A message arrived at this contact, or could not (rule 9); whether that was news. A failure moves the plan to the next contact."""
    state = Reachability.REACHED if reached else Reachability.FAILED
    lock_customer(contact.customer_id)
    field = "email_state" if means == "email" else "phone_state"
    if not Contact.objects.filter(pk=contact.pk).exclude(**{field: state}).update(**{field: state}):
        return False
    setattr(contact, field, state)
    audit.record(actor=actor, action=f"contact.{state.value}", target=contact, body={"means": means, "reason": reason}, now=now)
    customer_changed.send(sender=Customer, customer_ids=[contact.customer_id], reason="reachability", today=today, now=now)
    return True


def set_absence(*, contact: Contact, until: date | None, substitute: Contact | None = None, actor: str, today: date, now: datetime) -> None:
    """The contact is away through `until` (None: back again); a substitute must be a known contact of the same customer (rule 9)."""
    if substitute is not None and (substitute.customer_id != contact.customer_id or substitute.pk == contact.pk):
        raise DomainError(_("The substitute must be another contact of this customer."), code="bad_substitute", field="substitute")
    if until is not None and until < today:
        raise DomainError(_("This return date has passed."), code="past_date", field="until")
    lock_customer(contact.customer_id)
    if until != contact.absent_until:  # said again, it is no new absence
        contact.absence_noted_on = today if until is not None else None
    contact.absent_until, contact.substitute = until, substitute
    contact.save(update_fields=["absent_until", "absence_noted_on", "substitute"])
    body = {"until": until, "substitute": str(substitute.pk) if substitute else None}
    audit.record(actor=actor, action="contact.absent" if until else "contact.back", target=contact, body=body, now=now)
    customer_changed.send(sender=Customer, customer_ids=[contact.customer_id], reason="absence", today=today, now=now)


def note_reply_pending(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """A person answered and nobody has read it yet: everything to this customer pauses (rule 9). The first moment is kept."""
    locked = lock_customer(customer)
    if locked.reply_pending_since is not None:
        return
    locked.reply_pending_since = customer.reply_pending_since = now
    locked.save(update_fields=["reply_pending_since"])
    audit.record(actor=actor, action="customer.reply_pending", target=locked, now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason="reply", today=today, now=now)


def clear_reply_pending(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """The customer's replies have been read and dealt with."""
    locked = lock_customer(customer)
    if locked.reply_pending_since is None:
        return
    locked.reply_pending_since = customer.reply_pending_since = None
    locked.save(update_fields=["reply_pending_since"])
    audit.record(actor=actor, action="customer.reply_read", target=locked, now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason="reply", today=today, now=now)


def record_owner_warned(*, customer: Customer, actor: str, today: date, now: datetime) -> None:
    """The account owner was told of a coming legal step today (rule 11: two business days before it)."""
    locked = lock_customer(customer)
    locked.owner_warned_on = customer.owner_warned_on = today
    locked.save(update_fields=["owner_warned_on"])
    audit.record(actor=actor, action="customer.owner_warned", target=locked, now=now)
    customer_changed.send(sender=Customer, customer_ids=[locked.pk], reason="owner_warned", today=today, now=now)
