"""`/api/v1/schema` and `/api/docs`: the documentation for programs and for people, for anybody who asks."""

import hashlib
import json
from functools import cache

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotModified
from django.shortcuts import render

from dunning.api.schema import document

READING = ("GET", "HEAD")


def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    if request.method not in READING:
        return HttpResponseNotAllowed(READING)
    content, tag = _content()
    headers = {"ETag": tag, "Cache-Control": "public, max-age=300"}
    if request.META.get("HTTP_IF_NONE_MATCH") == tag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(content, content_type="application/json", headers=headers)


def pages(request: HttpRequest) -> HttpResponse:
    """Swagger UI over it, from our own server: nothing is fetched from elsewhere."""
    if request.method not in READING:
        return HttpResponseNotAllowed(READING)
    return render(request, "api/docs.html")


@cache
def _content() -> tuple[bytes, str]:
    content = json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()
    return content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
