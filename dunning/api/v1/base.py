"""What the modules of this version share: references to other objects in a body, and bodies many operations take."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.api.errors import Fault, refused
from dunning.api.fields import Text
from dunning.api.shapes import Body
from dunning.core.models import Membership, Organization, User

Row = TypeVar("Row", bound=Model)


class ReasonBody(Body):
    """Why."""

    reason = Text(max_length=200, allow_blank=False, help_text="In words a person understands; it stays on the timeline.")


def get(model: type[Row], pk: UUID, *related: str) -> Row:
    """The row at this address. Raises model.DoesNotExist, which is answered 404."""
    found: Row = model._default_manager.select_related(*related).get(pk=pk)
    return found


def named(model: type[Row], pk: UUID | None, field: str, *related: str) -> Row | None:
    """The row a body names by its id. Raises Refusal 422 for an id nobody has here, another organization's included."""
    if pk is None:
        return None
    found: Row | None = model._default_manager.select_related(*related).filter(pk=pk).first()
    if found is None:
        raise unknown(field)
    return found


def needed(model: type[Row], pk: UUID, field: str, *related: str) -> Row:
    """`named` where the body must name one."""
    found = named(model, pk, field, *related)
    if found is None:
        raise unknown(field)
    return found


def all_named(model: type[Row], ids: Mapping[str, UUID], *related: str) -> dict[UUID, Row]:
    """The rows a body names by ids - by the path of each - in one query. Raises Refusal 422 that names every id nobody has here."""
    found = model._default_manager.select_related(*related).in_bulk(set(ids.values())) if ids else {}
    faults = [_nobody(path) for path, pk in ids.items() if pk not in found]
    if faults:
        raise refused(faults)
    return found


def customer_of(values: dict[str, Any]) -> Customer:
    """The customer a body names by `customer_id` or `customer_number`, which are taken out of it. Raises Refusal 422."""
    pk, number = values.pop("customer_id", None), values.pop("customer_number", None)
    if pk is None and number is None:
        raise refused([Fault("customer_id", "required", _("Say whose it is: send customer_id or customer_number."))])
    found = Customer.objects.filter(**({"pk": pk} if pk is not None else {}), **({"number": number} if number is not None else {})).first()
    if found is None:
        raise unknown("customer_id" if pk is not None else "customer_number")
    return found


def member(organization: Organization, pk: UUID | None, field: str) -> User | None:
    """The person of the organization a body names by their id. Raises Refusal 422 for anybody else."""
    if pk is None:
        return None
    found = Membership.objects.select_related("user").filter(organization=organization, user=pk).first()
    if found is None:
        raise unknown(field)
    return found.user


def unknown(field: str) -> Exception:
    """The one answer for an id in a body that leads nowhere."""
    return refused([_nobody(field)])


def _nobody(field: str) -> Fault:
    return Fault(field, "unknown_id", _("There is nothing of this kind with this id: read it from the list it comes from."))


def replace_ids(values: Mapping[str, Any], **instances: Any) -> dict[str, Any]:
    """A body's values with `x_id` replaced by the instance given for `x`, where the body names one."""
    found = dict(values)
    for name, find in instances.items():
        if f"{name}_id" in found:
            found[name] = find(found.pop(f"{name}_id"), f"{name}_id")
    return found
