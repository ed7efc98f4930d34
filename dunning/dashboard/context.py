"""What every page's frame shows: whose ledger this is, which others the person may open, and the organization's day."""

from django.http import HttpRequest

from dunning.core import clock


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor. Empty for a visitor; asks nothing, so that an error page can be drawn in a broken transaction."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "membership": membership,
        "organization": membership.organization,
        "organizations": [other.organization for other in getattr(request, "memberships", ())],
        "today": clock.today(membership.organization.timezone),
    }
