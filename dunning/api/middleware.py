"""Providers' calls leave the road before what is for browsers begins: no session, no language, no organization of somebody signed in."""

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from dunning.api import hooks

_HOOK: Final = re.compile(r"/hooks/([a-z_]{1,20})/([A-Za-z0-9_-]{20,100})/?")


class HookMiddleware:
    """The first of all; everything else passes it by."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/hooks/"):
            return self.get_response(request)
        found = _HOOK.fullmatch(request.path_info)
        if found is None:
            return hooks.no_such_address()
        return hooks.receive(request, kind=found[1], token=found[2])
