"""What a person was told, what they want to hear of, and the link that ends their digest."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from dunning.core import clock, notices
from dunning.core.enums import DigestRhythm, NoticeKind
from dunning.core.permissions import Permission, allows
from dunning.dashboard import formatting
from dunning.dashboard.forms.notices import NoticesForm
from dunning.dashboard.notices import leads_to, told
from dunning.dashboard.views.base import MemberRequest, act_page, done, member, page, paged, submitted


def _back() -> str:
    return reverse("dashboard:notices")


@member(Permission.SEE)
def listing(request: MemberRequest) -> HttpResponse:
    found = paged(request, notices.notices_of(request.membership))
    rows = told(found.object_list)
    latest = max((row.notice.at for row in rows), default=None)
    digest = request.membership.digest
    return page(request, "notices", nav="notices", page=found, rows=rows, latest=latest, is_digested=digest != DigestRhythm.OFF)


@member(Permission.SEE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Lead to what it is about; it is read by that."""
    notice = notices.read_one(member=request.membership, notice_id=pk, now=clock.now())
    return redirect(leads_to(notice, may_work=allows(request.membership, Permission.WORK)))


@member(Permission.SEE, methods=("POST",))
def read(request: MemberRequest, pk: UUID) -> HttpResponse:
    notices.read_one(member=request.membership, notice_id=pk, now=clock.now())
    return redirect(_back())


@member(Permission.SEE, methods=("POST",))
def read_all(request: MemberRequest) -> HttpResponse:
    """All that the page showed; what came since stays unread."""
    now = clock.now()
    count = notices.read_all(member=request.membership, until=_moment(request.POST.get("until", "")) or now, now=now)
    words = ngettext("One notice is read.", "%(n)s notices are read.", count) % {"n": formatting.number(count)}
    return done(request, words if count else _("Everything was read already."), _back())


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


@member(Permission.SEE, methods=("GET", "HEAD", "POST"))
def choose(request: MemberRequest) -> HttpResponse:
    """What the person wants to hear of."""
    person = request.membership
    initial = {"kinds": [kind for kind in NoticeKind if kind not in person.muted], "digest": person.digest}
    form = NoticesForm(request.POST) if request.method == "POST" else NoticesForm(initial=initial)
    if submitted(request, form, lambda data: notices.choose(member=person, now=clock.now(), **data)):
        return done(request, _("Saved."), _back())
    lead = _("The digest goes to %(email)s.") % {"email": person.user.email}
    if not settings.EMAIL_HOST:
        lead += " " + _("This installation has no mail server yet: until it has one, digests are written to its log alone.")
    title = _("What you want to hear of")
    return act_page(request, form, nav="notices", title=title, verb=_("Save"), back=_back(), lead=lead, icon="bell")


@csrf_exempt  # whoever holds the link may end that digest, and mail programs post to it (RFC 8058)
@never_cache
def stop_digest(request: HttpRequest, token: str) -> HttpResponse:
    """End a digest by the link in it, without signing in: asked first on a page, at once by POST."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    person = notices.find_by_stop_token(token)
    if request.method == "POST" and person is not None:
        notices.stop_digest(member=person, now=clock.now())
    context = {"person": person, "is_stopped": request.method == "POST"}
    with override(person.user.language if person is not None else None):
        answer = render(request, "account/digest.html", context, status=404 if person is None else 200)
    answer["Referrer-Policy"] = "no-referrer"  # the address is the key
    return answer
