"""One transaction in one organization for every request of a signed-in member."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from dunning.core.models import Membership
from dunning.core.permissions import Permission, allows
from dunning.core.selectors import memberships_of
from dunning.core.tenancy import tenant

SESSION_KEY = "organization"
OF_NO_MEMBER = ("/accounts/", "/join/", "/digest/", "/p/", "/v/", "/portal/", "/api/")
"""Paths that belong to no member's organization: signing in or joining, ending a digest by its link, and those that open their own whoever
is signed in - the debtor's page by its link, programs by their key."""


class TenantMiddleware:
    """Open `tenant()` for a session's organization; any exception and any status ≥ 400 rolls everything back.

    For who may not view the whole organization it is narrowed to the customers they look after.

    What must survive a refusal (failed sign-ins, rate limits) is written outside, by views that need no organization.
    `request.membership` is None for a visitor who is not signed in or belongs nowhere; `request.memberships` are all of the person's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        memberships = self._memberships(request) if not request.path.startswith(OF_NO_MEMBER[1:]) else []
        membership = self._chosen(request, memberships)
        request.membership, request.memberships = membership, memberships  # type: ignore[attr-defined]  # read by views and templates
        if membership is None or request.path.startswith(OF_NO_MEMBER):
            return self.get_response(request)
        with tenant(membership.organization_id) as scope:
            if not allows(membership, Permission.VIEW):
                scope.account_owner = membership.user_id
            response = self.get_response(request)
            if response.status_code >= 400:
                scope.pending.clear()
                transaction.set_rollback(True)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Django turns exceptions into responses before they reach `__call__`: mark the rollback here."""
        if transaction.get_connection().in_atomic_block and getattr(request, "membership", None) is not None:
            transaction.set_rollback(True)

    def _memberships(self, request: HttpRequest) -> list[Membership]:
        user: Any = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return []
        found = list(memberships_of(user))
        for membership in found:
            membership.user = user
        return found

    def _chosen(self, request: HttpRequest, memberships: list[Membership]) -> Membership | None:
        """That of the organization this session opened, else of the first."""
        chosen = request.session.get(SESSION_KEY) if memberships else None
        first = next(iter(memberships), None)
        return next((membership for membership in memberships if str(membership.organization_id) == chosen), first)
