"""Every address of the product."""

from django.urls import include, path, re_path

from dunning import accounts, health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    re_path(r"^accounts/(?:email|confirm-email)/", accounts.closed),
    path("accounts/", include("allauth.urls")),
    path("", include("dunning.portal.urls")),
    path("api/", include("dunning.api.urls")),
    path("", include("dunning.dashboard.urls")),
]
