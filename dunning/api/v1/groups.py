"""Groups of customers who are treated alike."""

from typing import Any
from uuid import UUID

from customers import services
from customers.models import CustomerGroup
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.fields import Text
from dunning.api.operations import operation
from dunning.api.shapes import Body, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import get
from dunning.core.scopes import WRITE


class GroupRow(Shape):
    """A group of customers; a plan is assigned to it."""

    class Meta:
        model = CustomerGroup
        columns = {"id": "", "key": "Its lasting short name, which files use.", "name": "", "description": ""}


class GroupBody(Body):
    """A group to create."""

    class Meta:
        model = CustomerGroup
        columns = {"key": "Letters, digits and hyphens; it never changes.", "name": "", "description": ""}
        required = ("key", "name")


class GroupChangeBody(Body):
    """What may change of a group."""

    class Meta:
        model = CustomerGroup
        columns = {"name": "", "description": ""}


GROUPS = Table(
    name="group",
    shape=GroupRow,
    rows=CustomerGroup.objects.all,
    filters={"key": Filter(Text(max_length=40), "key")},
    order={"name": "name", "id": "id"},
    newest_first=False,
)


class Groups(Endpoint):
    resource = "customers"

    @operation("listGroups", "List groups", lists=GROUPS)
    def get(self, call: Call) -> Answer:
        """Groups by name."""
        return call.list(GROUPS)

    @operation(
        "createGroup",
        "Create a group",
        access=WRITE,
        body=GroupBody,
        shows=GROUPS,
        status=201,
        example={"key": "large-accounts", "name": "Large accounts"},
    )
    def post(self, call: Call) -> Answer:
        """A key that is taken is refused."""
        group = services.create_group(**call.body, **call.acting)
        return call.show(GROUPS, group.pk, status=201, location=f"/api/v1/groups/{group.pk}")


class OneGroup(Endpoint):
    resource = "customers"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        CustomerGroup.objects.select_for_update(no_key=True).filter(pk=ids["pk"]).first()
        return one(GROUPS, ids["pk"])

    @operation("getGroup", "Read a group", shows=GROUPS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One group."""
        return call.show(GROUPS, pk)

    @operation(
        "updateGroup", "Change a group", access=WRITE, body=GroupChangeBody, shows=GROUPS, guarded=True, example={"name": "Key accounts"}
    )
    def patch(self, call: Call, pk: UUID) -> Answer:
        """Only the fields that are sent change; its key never does."""
        group = get(CustomerGroup, pk)
        services.update_group(group=group, **{"name": group.name, "description": group.description, **call.body}, **call.acting)
        return call.show(GROUPS, pk)
