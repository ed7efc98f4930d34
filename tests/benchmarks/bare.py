"""What `bench api` is compared with: invoices with their instalments by a plain Django view, under the same middleware and wall."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice


def invoices(request: HttpRequest, organization: Any) -> JsonResponse:
    """All columns of the last hundred, read by `values()`."""
    with tenant(organization):
        rows = list(Invoice.objects.order_by("-id").values()[:100])
        parts: dict[Any, list[Any]] = {row["id"]: [] for row in rows}
        for part in Installment.objects.filter(invoice__in=list(parts)).order_by("pk").values():
            parts[part["invoice_id"]].append(part)
    return JsonResponse({"data": [{**row, "installments": parts[row["id"]]} for row in rows]})


urlpatterns = [path("api/bare/<uuid:organization>", invoices), path("", include("dunning.urls"))]
