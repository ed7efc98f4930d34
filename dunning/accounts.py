"""How people get an account: an organization's owner makes or invites it; nobody signs up alone, and its address stays the invited one."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import Http404, HttpRequest, HttpResponse

from dunning.core.network import address_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)


def closed(request: HttpRequest, **_kwargs: str) -> HttpResponse:
    """A page of allauth's that is not for this product: whoever could name an address theirs could take what others are invited to."""
    raise Http404
