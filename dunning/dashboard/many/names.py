"""What the rows of an act about many are called on its page, and where each leads."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer
from dunning.core.tenancy import TenantModel
from invoices.models import Installment
from notifications.models import InboundMessage
from scenarios.models import Task


class Named(NamedTuple):
    name: str
    second: str
    url: str


def named(subject: type[TenantModel], ids: Collection[UUID]) -> Mapping[UUID, Named]:
    """Each row that is still there; one query."""
    if subject is Installment:
        items = Installment.objects.filter(pk__in=ids).values_list("pk", "invoice", "invoice__number", "customer__name")
        return {pk: Named(number, name, reverse("dashboard:invoice", args=[invoice])) for pk, invoice, number, name in items}
    if subject is Customer:
        rows = Customer.objects.filter(pk__in=ids).values_list("pk", "name", "number")
        return {pk: Named(name, number, reverse("dashboard:customer", args=[pk])) for pk, name, number in rows}
    if subject is Task:
        tasks = Task.objects.select_related("customer").filter(pk__in=ids)
        return {
            task.pk: Named(str(task.get_kind_display()), str(task.customer or task.title), reverse("dashboard:task", args=[task.pk]))
            for task in tasks
        }
    replies = InboundMessage.objects.filter(pk__in=ids).values_list("pk", "subject", "sender", "customer__name")
    return {
        pk: Named(subject_ or _("(no subject)"), name or sender, reverse("dashboard:reply", args=[pk]))
        for pk, subject_, sender, name in replies
    }
