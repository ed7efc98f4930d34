"""Settings: one page that leads to all of them, and says of each what is found there."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dunning.core.permissions import Permission, allows
from dunning.dashboard.views.base import MemberRequest, member, page


@dataclass(frozen=True, slots=True)
class Door:
    """One part of the settings: where it is, and what for. `permission` is what its page asks of a role."""

    url_name: str
    label: str | Promise
    about: str | Promise
    icon: str
    permission: Permission = Permission.MANAGE


DOORS: Final = (
    Door("members", _("Members"), _("Who works here, their roles, invitations"), "users"),
    Door("bank", _("Bank details"), _("The account customers pay to; a change takes two people"), "landmark"),
    Door("sending", _("Ways of sending"), _("E-mail, text messages, letters: by which way they leave, with a test"), "plane-takeoff"),
    Door("api_keys", _("API keys"), _("Your own programs read and write here; each has a key with its own rights"), "braces"),
    Door("working_days", _("Working days"), _("Public holidays, closures, and weeks in which nothing firm is sent"), "calendar-days"),
    Door("webhooks", _("Webhooks"), _("Your own systems are called when something happens here"), "webhook"),
    Door("look", _("Your customers' page"), _("Your logo and your colour on the page customers open from an e-mail"), "palette"),
    Door("write_off_policy", _("Amounts given up"), _("Small differences closed by themselves; what a collector may give up"), "eraser"),
    Door("supervision", _("Supervision"), _("Until when every message waits for a person"), "eye"),
    Door("thresholds", _("Thresholds"), _("Promises, small amounts left, invoices asked about"), "sliders-horizontal"),
    Door("penalties", _("Late-payment penalties"), _("What your conditions of sale say, which formal notices claim"), "scale"),
    Door("rates", _("Reference rates"), _("What late-payment penalties are made of, by half-year, each with its source"), "percent"),
    Door("paying", _("Ways of paying"), _("What customers are offered on their page: transfer, card, direct debit, instalments"), "wallet"),
)


@member()
def index(request: MemberRequest) -> HttpResponse:
    doors = [{"url": reverse(f"dashboard:{door.url_name}"), "door": door} for door in DOORS if allows(request.membership, door.permission)]
    return page(request, "settings", nav="settings", doors=doors)
