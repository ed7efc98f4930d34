"""What a key of the API may read and write: words such as "customers:read" and "payments:write". Pure but for its labels."""

from collections.abc import Collection, Iterable
from typing import Final

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dunning.core.errors import DomainError

READ: Final = "read"
WRITE: Final = "write"


class ApiResource(models.TextChoices):
    """What the API is made of, as keys name it."""

    ORGANIZATION = "organization", gettext_lazy("The organization itself")
    CUSTOMERS = "customers", gettext_lazy("Customers, contacts and groups")
    INVOICES = "invoices", gettext_lazy("Invoices and credit notes")
    PAYMENTS = "payments", gettext_lazy("Payments and what they settle")
    DISPUTES = "disputes", gettext_lazy("Disputes")
    PROMISES = "promises", gettext_lazy("Promises")
    HOLDS = "holds", gettext_lazy("Pauses")
    PLANS = "plans", gettext_lazy("Plans and who follows them")
    TASKS = "tasks", gettext_lazy("Tasks and steps taken")
    MESSAGES = "messages", gettext_lazy("Messages and letters")
    RUNS = "runs", gettext_lazy("Daily runs")
    REPORTS = "reports", gettext_lazy("Reports")
    EVENTS = "events", gettext_lazy("The event log")
    WEBHOOKS = "webhooks", gettext_lazy("Webhooks")


READ_ONLY: Final = frozenset({ApiResource.ORGANIZATION, ApiResource.RUNS, ApiResource.REPORTS, ApiResource.EVENTS})
ALL: Final = (
    *(f"{resource.value}:{READ}" for resource in ApiResource),
    *(f"{resource.value}:{WRITE}" for resource in ApiResource if resource not in READ_ONLY),
)
"""Every scope there is, reading ones first."""


def clean_scopes(words: Iterable[str]) -> list[str]:
    """Scopes in one order, each once. "read" alone stands for reading everything, "write" for reading and writing everything.

    Raises DomainError naming the first word that is none, or when there is no word at all.
    """
    chosen: set[str] = set()
    for word in words:
        if word in (READ, WRITE):
            chosen.update(scope for scope in ALL if word == WRITE or scope.endswith(f":{READ}"))
        elif word in ALL:
            chosen.add(word)
        elif word:
            raise DomainError(
                _("“%(word)s” is not a scope: write read, write, or some of %(known)s.") % {"word": word[:60], "known": ", ".join(ALL)},
                code="unknown_scope",
                field="scopes",
            )
    if not chosen:
        raise DomainError(_("Say what the key may do: a key without a scope opens nothing."), code="required", field="scopes")
    return [scope for scope in ALL if scope in chosen]


def allows(scopes: Collection[str], resource: str, access: str) -> bool:
    """Whether a key with these scopes may read or write a resource; who may write may read."""
    return f"{resource}:{access}" in scopes or f"{resource}:{WRITE}" in scopes


def granted(scopes: Collection[str]) -> dict[ApiResource, str]:
    """The most that these scopes allow of each resource they name, READ or WRITE; in the order of the resources."""
    found: dict[ApiResource, str] = {}
    for resource in ApiResource:
        if allows(scopes, resource, READ):
            found[resource] = WRITE if allows(scopes, resource, WRITE) else READ
    return found
