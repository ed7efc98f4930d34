"""The addresses below /api/. What leads nowhere is answered as an API answers, not as a page."""

from django.urls import include, path, re_path

from dunning.api import documentation
from dunning.api.endpoint import Nowhere

urlpatterns = [
    path("docs", documentation.pages, name="api_docs"),
    path("v1/schema", documentation.schema, name="api_schema"),
    path("v1/", include("dunning.api.v1.urls")),
    re_path(r"", Nowhere.as_view()),
]
