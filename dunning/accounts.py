"""How people get an account: an organization's owner makes or invites it; nobody signs up alone, and its address stays the invited one."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import page_not_found

from dunning.core.network import address_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every mail names the public address and leads to it, whatever host the request was made to."""
        home = urlsplit(settings.PUBLIC_BASE_URL)
        links = {
            name: urlsplit(value)._replace(scheme=home.scheme, netloc=home.netloc).geturl()
            for name, value in context.items()
            if name.endswith("_url")
        }
        site = SimpleNamespace(name=home.netloc, domain=home.netloc)
        super().send_mail(template_prefix, email, {**context, **links, "current_site": site})


def closed(request: HttpRequest, **_kwargs: str) -> HttpResponse:
    """A page of allauth's that is not for this product: whoever could name an address theirs could take what others are invited to."""
    return page_not_found(request, Http404())
