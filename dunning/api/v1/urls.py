"""The addresses of version 1."""

from django.urls import path

from dunning.api.v1 import customers, groups

urlpatterns = [
    path("customers", customers.Customers.as_view()),
    path("customers/<uuid:pk>", customers.OneCustomer.as_view()),
    path("customers/<uuid:pk>/payer", customers.Payer.as_view()),
    path("customers/<uuid:pk>/confirm-kind", customers.ConfirmKind.as_view()),
    path("customers/<uuid:pk>/archive", customers.Archive.as_view()),
    path("customers/<uuid:pk>/insolvency", customers.Insolvency.as_view()),
    path("customers/<uuid:pk>/insolvency/clear", customers.EndInsolvency.as_view()),
    path("groups", groups.Groups.as_view()),
    path("groups/<uuid:pk>", groups.OneGroup.as_view()),
]
