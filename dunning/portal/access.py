"""Who may look at a debtor's page: a link opens it, a cookie keeps it open, everything else is one and the same 404.

`debtor` is the door of every page: it finds the link behind the cookie, opens its organization for one transaction - rolled back on any
exception and any status of 400 or more - and hands the view a `Visitor`. Row-level security is the wall behind it.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt

from customers import portal_access
from customers.enums import MachineSign, PortalAction
from customers.models import Contact, Customer, PortalToken, PortalVisit
from customers.selectors import active_contact, payer_names
from dunning.core import clock, limits
from dunning.core.enums import Language
from dunning.core.errors import DomainError
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.network import place_of
from dunning.core.selectors import get_profile, open_organization
from dunning.core.tenancy import tenant
from dunning.portal.sessions import Session, read_session, write_session
from dunning.portal.uploads import A_DAY, LARGEST_FORM
from notifications.models import Message
from scenarios.services.declaring import send_new_link

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponse]

MISSES_EACH: Final = 20
MISSES_ALL: Final = 2_000
"""Links that open nothing, from one place and from all, within `MISSES_WITHIN`; beyond, none is looked up."""
OPENED_EACH: Final = 300
"""Links that open something, from one place: a whole company may stand behind it."""
SENT_EACH: Final = 60
"""Forms sent with one link."""
TAKEN_EACH: Final = 30
"""Archives, tables and printed papers taken away with one link."""
ASKED_EACH: Final = 3
"""New links asked for with an old one in a day."""
MISSES_WITHIN: Final = 600  # seconds
LANGUAGE_COOKIE: Final = "portal_language"
AT_ONCE: Final = timedelta(seconds=60)
_ROBOT: Final = re.compile(
    r"bot\b|crawl|spider|preview|scan|urldefense|safelinks|barracuda|mimecast|headless|curl/|python|wget", re.IGNORECASE
)


@dataclass(frozen=True)
class Visitor:
    """The person behind an open page, inside their creditor's transaction."""

    link: PortalToken
    session: Session
    organization: Organization
    profile: OrganizationProfile
    customer: Customer
    contact: Contact
    family: dict[UUID, str]  # the customer and those it pays for
    actions: frozenset[PortalAction]
    language: str
    now: datetime
    today: date

    def may(self, action: str) -> bool:
        return action in self.actions


class Later(HttpResponse):
    """An answer known once the visitor's transaction has ended well: `finish` then calls whom nobody calls inside one, and gives it."""

    def __init__(self, finish: Callable[[], HttpResponse]) -> None:
        super().__init__()
        self.finish = finish


# --- the door -----------------------------------------------------------------------------------------------------------------------------


@csrf_exempt
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """`/p/<token>/`: the link of an e-mail. Sets the cookie and leads to an address without the token; changes nothing."""
    if request.method not in ("GET", "HEAD"):
        return private(HttpResponseNotAllowed(["GET", "HEAD"]))
    now, place = clock.now(), place_of(request)
    if _is_guessing(place):
        return too_many(request)
    link = portal_access.find_link(token, now=now)
    key = _noted_visit(request, link, now) if link is not None else None
    if link is None or key is None:
        limits.count("portal.miss", who=place, seconds=MISSES_WITHIN)
        limits.count("portal.miss", seconds=MISSES_WITHIN)
        return gone(request)
    if limits.count("portal.open", who=place, seconds=MISSES_WITHIN) > OPENED_EACH:
        return too_many(request)
    response = redirect("portal:page")
    if request.method == "GET":
        write_session(response, link.pk, now=now, key=key)
    return private(response)


def _is_guessing(place: str) -> bool:
    if limits.counted("portal.miss", who=place, seconds=MISSES_WITHIN) >= MISSES_EACH:
        return True
    return limits.counted("portal.miss", seconds=MISSES_WITHIN) >= MISSES_ALL


def _noted_visit(request: HttpRequest, link: PortalToken, now: datetime) -> str | None:
    """Note that the link was opened; the visit's key, or None when its contact or its creditor is not served any more."""
    with tenant(link.organization_id):
        if _people(link) is None:
            return None
        visit = PortalVisit.objects.create(
            customer_id=link.customer_id,
            contact_id=link.contact_id,
            message_id=link.message_id,
            at=now,
            machine=_machine(request, link, now),
            user_agent=request.headers.get("User-Agent", "")[:300],
        )
        portal_access.note_use(link, now=now)
    return str(visit.pk.hex)


def _machine(request: HttpRequest, link: PortalToken, now: datetime) -> MachineSign:
    """By what a program is known; "no cookie" until the cookie comes back."""
    if request.method == "HEAD":
        return MachineSign.HEAD
    if _ROBOT.search(request.headers.get("User-Agent", "")):
        return MachineSign.NAMED
    sent = Message.objects.filter(pk=link.message_id).values_list("accepted_at", "frozen_at").first()
    left_at = (sent[0] or sent[1]) if sent is not None else None
    return MachineSign.AT_ONCE if left_at is not None and now - left_at < AT_ONCE else MachineSign.NO_COOKIE


def debtor(
    action: PortalAction | None = None, *, methods: tuple[str, ...] = ("GET", "HEAD"), costly: bool = False
) -> Callable[[View], View]:
    """A page of the open link: `view(request, visitor, **kwargs)`. Without the link, or the right to `action`, it is the common 404.

    What is `costly` to answer is answered `TAKEN_EACH` times in ten minutes with one link.

    A form that is sent after the page expired is answered by the view's own `expired(request, session, **kwargs)`, when it has one.
    """

    def decorate(view: View) -> View:
        @csrf_exempt  # a form is guarded by its own nonce, bound to the contact behind the cookie
        @wraps(view)
        def opened(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return private(HttpResponseNotAllowed(methods))
            now = clock.now()
            session = read_session(request, now=now)
            expired: View | None = getattr(view, "expired", None)
            if session is None or not session.is_open(now):
                if request.method == "POST" and expired is not None and int(request.META.get("CONTENT_LENGTH") or 0) <= LARGEST_FORM:
                    return private(expired(request, session, **kwargs)) if _is_whole(request) else torn(request)
                return gone(request, session)
            if request.method == "POST":
                length = int(request.META.get("CONTENT_LENGTH") or 0)
                if length > LARGEST_FORM:
                    return too_large(request)
                who = session.link_id.hex
                if limits.count("portal.kilobytes", who=who, seconds=86_400, by=1 + length // 1024) > A_DAY:
                    return too_many(request)
                if limits.count("portal.sent", who=who, seconds=MISSES_WITHIN) > SENT_EACH:
                    return too_many(request)
                if not _is_whole(request):
                    return torn(request)
            if costly and limits.count("portal.taken", who=session.link_id.hex, seconds=MISSES_WITHIN) > TAKEN_EACH:
                return too_many(request)
            return _inside(request, view, session, action, now, kwargs)

        return opened

    return decorate


def _is_whole(request: HttpRequest) -> bool:
    """Read the form before anything is opened for it; False when its body broke off, or is none that a page of ours sends."""
    try:
        request.POST  # noqa: B018  # reading it is the act
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return False
    return True


def _inside(
    request: HttpRequest, view: View, session: Session, action: PortalAction | None, now: datetime, kwargs: dict[str, Any]
) -> HttpResponse:
    link = portal_access.get_link(session.link_id, now=now)
    if link is None:
        return gone(request)
    try:
        with tenant(link.organization_id) as scope:
            visitor = _visitor(request, link, session, now)
            if visitor is None or (action is not None and not visitor.may(action)):
                return gone(request)
            with override(visitor.language), timezone.override(visitor.organization.timezone):
                response = view(request, visitor, **kwargs)
            if response.status_code >= 400:
                scope.pending.clear()
                transaction.set_rollback(True)
        if isinstance(response, Later):
            with override(visitor.language):
                response = response.finish()
    except (ObjectDoesNotExist, Http404):
        return gone(request)
    except DomainError as refusal:
        if refusal.code.startswith("unknown_"):
            return gone(request)
        logger.exception("A refusal was not answered on the debtor's page.")
        return broken(request)
    except Exception:
        logger.exception("The debtor's page failed.")
        return broken(request)
    _keep_open(request, response, visitor)
    return private(response)


def _visitor(request: HttpRequest, link: PortalToken, session: Session, now: datetime) -> Visitor | None:
    people = _people(link)
    if people is None:
        return None
    organization, contact = people
    return Visitor(
        link=link,
        session=session,
        organization=organization,
        profile=get_profile(),
        customer=contact.customer,
        contact=contact,
        family=payer_names(contact.customer_id),
        actions=portal_access.allowed_actions(link, contact.role),
        language=_language(request, contact),
        now=now,
        today=clock.today(organization.timezone),
    )


def _people(link: PortalToken) -> tuple[Organization, Contact] | None:
    """The creditor and the contact, while both are served."""
    organization = open_organization(link.organization_id)
    contact = active_contact(link.contact_id)
    return (organization, contact) if organization is not None and contact is not None else None


def _language(request: HttpRequest, contact: Contact) -> str:
    """The one chosen on the page, else the contact's, else its customer's."""
    for chosen in (request.GET.get("lang"), request.COOKIES.get(LANGUAGE_COOKIE)):
        if chosen in Language.values:
            return chosen
    return contact.language or contact.customer.language


def _keep_open(request: HttpRequest, response: HttpResponse, visitor: Visitor) -> None:
    if visitor.now - visitor.session.at > timedelta(minutes=5):
        write_session(response, visitor.link.pk, now=visitor.now, key=visitor.session.key)
    if request.GET.get("lang") in Language.values:
        secure = settings.PUBLIC_BASE_URL.startswith("https://")
        response.set_cookie(
            LANGUAGE_COOKIE, visitor.language, max_age=31_536_000, path="/portal/", secure=secure, httponly=True, samesite="Lax"
        )


# --- answers that say nothing ------------------------------------------------------------------------------------------------------------


def private(response: HttpResponse) -> HttpResponse:
    """Kept by nobody, indexed by nobody, and told to nobody the visitor goes to next."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@csrf_exempt
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """A browser whose page closed asks for another link: it goes to the address the first one went to, and to no other.

    The answer is the same whether anything is sent, so that an old cookie tells nothing. Three times a day with one link.
    """
    if request.method != "POST":
        return gone(request)
    now = clock.now()
    session = read_session(request, now=now)
    if session is None:
        return gone(request)
    link = portal_access.get_link(session.link_id, now=now)
    if link is not None and limits.count("portal.asked", who=session.link_id.hex, seconds=86_400) <= ASKED_EACH:
        with tenant(link.organization_id):
            people = _people(link)
            if people is not None:
                organization, contact = people
                send_new_link(contact=contact, today=clock.today(organization.timezone), now=now)
    return private(render(request, "portal/link_sent.html"))


@csrf_exempt
def gone(request: HttpRequest, session: Session | None = None, **_kwargs: Any) -> HttpResponse:
    """The one answer to a link that was guessed, has expired, was revoked or is another's, and to a page that is not the visitor's."""
    return private(render(request, "portal/gone.html", {"may_ask": session is not None}, status=404))


def too_many(request: HttpRequest) -> HttpResponse:
    response = private(render(request, "portal/too_many.html", status=429))
    response["Retry-After"] = str(MISSES_WITHIN)
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    """Not even read: what was written is still in the browser, one page back."""
    return private(render(request, "portal/too_large.html", status=413))


def torn(request: HttpRequest) -> HttpResponse:
    """A form that did not arrive whole."""
    return private(render(request, "portal/torn.html", status=400))


def broken(request: HttpRequest) -> HttpResponse:
    return private(render(request, "portal/broken.html", status=500))
