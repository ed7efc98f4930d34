"""Settings, sending: by which way each channel goes, how it is doing, changing it and trying it."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dunning.core.enums import WRITTEN_CHANNELS, Channel
from dunning.core.permissions import Permission
from dunning.dashboard.forms.sending import TestForm, WayForm
from dunning.dashboard.views.base import MemberRequest, act_page, acting_now, done, member, page, submitted
from notifications.models import Message
from notifications.trials import send_test
from notifications.ways import Standing, Way, set_way, standings, ways_of

ACT = ("GET", "HEAD", "POST")


def _standing(channel: str) -> Standing:
    if channel not in WRITTEN_CHANNELS:
        raise Http404
    return next(standing for standing in standings() if standing.channel == channel)


def _way(channel: str, key: str) -> Way:
    found = next((way for way in ways_of(channel) if way.key == key), None)
    if found is None:
        raise Http404
    return found


@member(Permission.MANAGE)
def show(request: MemberRequest) -> HttpResponse:
    return page(request, "sending", nav="settings", standings=standings())


@member(Permission.MANAGE)
def choose(request: MemberRequest, channel: str) -> HttpResponse:
    """The ways this channel may go."""
    standing = _standing(channel)
    return page(request, "sending_ways", nav="settings", standing=standing, ways=ways_of(channel))


@member(Permission.MANAGE, methods=ACT)
def edit(request: MemberRequest, channel: str, key: str) -> HttpResponse:
    """Send a channel another way, or change the settings of the one in use."""
    standing, way = _standing(channel), _way(channel, key)
    form = WayForm(way, standing.account, request.POST) if request.method == "POST" else WayForm(way, standing.account)
    name = Channel(channel).label

    def act(data: dict[str, Any]) -> None:
        set_way(channel=channel, key=key, values=data, **acting_now(request))

    if submitted(request, form, act):
        text = _("%(channel)s now goes through %(way)s. Send a test to be sure.") % {"channel": name, "way": way.label}
        return done(request, text, reverse("dashboard:sending"))
    title = _("%(channel)s through %(way)s") % {"channel": name, "way": way.label}
    return act_page(
        request,
        form,
        nav="settings",
        title=title,
        verb=_("Send this way"),
        back=reverse("dashboard:sending"),
        lead=str(way.note),
        icon="plane-takeoff",
    )


@member(Permission.MANAGE, methods=ACT)
def test(request: MemberRequest, channel: str) -> HttpResponse:
    """One message to oneself through the real way out."""
    standing = _standing(channel)
    initial = {"to": request.user.email} if channel == Channel.EMAIL and request.user.is_authenticated else {}
    form = TestForm(request.POST) if request.method == "POST" else TestForm(initial=initial)
    sent: list[Message] = []

    def act(data: dict[str, Any]) -> None:
        language = "fr" if str(get_language()).startswith("fr") else "en"
        sent.append(send_test(channel=channel, to=data["to"], language=language, **acting_now(request)))

    if submitted(request, form, act):
        return done(request, _("The test leaves now. Its answer is below in a moment."), reverse("dashboard:message", args=[sent[0].pk]))
    lead = str(standing.way.label) if standing.way is not None else ""
    title = _("Send a test: %s") % Channel(channel).label
    return act_page(
        request, form, nav="settings", title=title, verb=_("Send the test"), back=reverse("dashboard:sending"), lead=lead, icon="send"
    )
