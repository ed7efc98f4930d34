"""What the outside world is told of tasks, runs and plans when something about them happened. Inside `tenant()`."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Max

from dunning.core import events
from scenarios.models import ActionPlan, Commitment, DailyRun, Task

Described = Mapping[UUID, Mapping[str, Any]]

_CUSTOMER: Final = {"customer_id": "customer_id", "customer_number": "customer__number"}
_TASK: Final = {**_CUSTOMER, **events.named("kind", "state", "outcome", "due_on", "currency", "amount")}
_COMMITMENT: Final = {
    "installment_id": "installment_id",
    "invoice_id": "installment__invoice_id",
    "invoice_number": "installment__invoice__number",
    **_CUSTOMER,
    **events.named("consequence", "announced_on", "due_on", "state"),
}


def connect() -> None:
    """Say how each subject of this floor is described; called when the application starts."""
    events.describe_by("task", describe_tasks)
    events.describe_by("commitment", describe_commitments)
    events.describe_by("run", describe_runs)
    events.describe_by("plan", describe_plans)


def describe_tasks(ids: Collection[UUID]) -> Described:
    """What a person must do, and what came of it."""
    return events.read_fields(Task.objects.all(), ids, _TASK)


def describe_commitments(ids: Collection[UUID]) -> Described:
    """A consequence that a message announced."""
    return events.read_fields(Commitment.objects.all(), ids, _COMMITMENT)


def describe_runs(ids: Collection[UUID]) -> Described:
    """How many items a run decided, and how many messages and tasks it wrote."""
    rows = DailyRun.objects.filter(pk__in=list(ids)).values_list("pk", "local_date", "items", "counts", "brake", "brake_released_by")
    return {
        pk: {
            "on": on,
            "items": items,
            "messages": sum(counts.get("messages", {}).values()),
            "tasks": sum(counts.get("tasks", {}).values()),
            "braked": brake is not None and not released_by,
        }
        for pk, on, items, counts, brake, released_by in rows
    }


def describe_plans(ids: Collection[UUID]) -> Described:
    """A plan by its key, with the number of the version in force."""
    rows = ActionPlan.objects.filter(pk__in=list(ids)).annotate(version=Max("versions__number"))
    return {pk: {"key": key, "version": version} for pk, key, version in rows.values_list("pk", "key", "version")}
