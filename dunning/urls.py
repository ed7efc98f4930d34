"""Every address of the product."""

from django.urls import include, path

from dunning import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("accounts/", include("allauth.urls")),
    path("", include("dunning.portal.urls")),
    path("api/", include("dunning.api.urls")),
    path("", include("dunning.dashboard.urls")),
]
