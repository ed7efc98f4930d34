"""Groups of customers who are treated alike."""

from datetime import date, datetime

from django.utils.text import slugify
from django.utils.translation import gettext as _

from customers.models import Customer, CustomerGroup
from customers.signals import customer_changed
from dunning.core import audit
from dunning.core.errors import DomainError


def create_group(*, key: str, name: str, description: str = "", actor: str, today: date, now: datetime) -> CustomerGroup:
    """Create a group. Raises DomainError when the key is blank or taken."""
    key = slugify(key)[:40]
    if not key or not name.strip():
        raise DomainError(_("A group needs a key and a name."), code="required", field="key" if not key else "name")
    if CustomerGroup.objects.filter(key=key).exists():
        raise DomainError(_("A group already has the key %s.") % key, code="duplicate_key", field="key")
    group = CustomerGroup.objects.create(key=key, name=name.strip(), description=description.strip())
    audit.record(actor=actor, action="group.created", target=group, body={"key": key, "name": group.name}, now=now)
    return group


def ensure_group(*, key: str, name: str = "", actor: str, today: date, now: datetime) -> CustomerGroup:
    """The group of that key, created (named after `name`, else its key) when there is none."""
    group = CustomerGroup.objects.filter(key=slugify(key)[:40]).first()
    return group or create_group(key=key, name=name or key, actor=actor, today=today, now=now)


def update_group(*, group: CustomerGroup, name: str, description: str, actor: str, today: date, now: datetime) -> None:
    """Rename or describe a group; its key, which plans and files refer to, stays."""
    if not name.strip():
        raise DomainError(_("A group needs a name."), code="required", field="name")
    before = {"name": group.name, "description": group.description}
    group.name, group.description = name.strip(), description.strip()
    group.save(update_fields=["name", "description"])
    body = {"before": before, "after": {"name": group.name, "description": group.description}}
    audit.record(actor=actor, action="group.updated", target=group, body=body, now=now)
    members = list(Customer.objects.filter(group=group).values_list("pk", flat=True))
    if members:
        customer_changed.send(sender=Customer, customer_ids=members, reason="group", today=today, now=now)
