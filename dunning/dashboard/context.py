"""What every page's frame shows: whose ledger this is, which others the person may open, and the organization's day."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dunning.core import clock
from dunning.core.selectors import memberships_of


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor. Empty for a visitor; never queries by itself, so that an error page can be drawn in a broken transaction."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "membership": membership,
        "organization": membership.organization,
        "organizations": SimpleLazyObject(lambda: [other.organization for other in memberships_of(membership.user)]),
        "today": clock.today(membership.organization.timezone),
    }
