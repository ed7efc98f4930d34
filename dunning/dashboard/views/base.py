"""What every page shares: who asks and when, and how refusals from below are shown."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dunning.core import clock, notices
from dunning.core.errors import DomainError, NotAllowed
from dunning.core.models import Membership
from dunning.core.permissions import Permission, allows, require
from dunning.core.tenancy import tenant
from dunning.dashboard import once
from scenarios.selectors import desk_counts

Answer = TypeVar("Answer")
ROWS = 50


class MemberRequest(HttpRequest):
    """A request of a signed-in member, inside their organization's transaction."""

    membership: Membership
    htmx: Any  # django-htmx


View = Callable[..., HttpResponse]


def member(permission: Permission = Permission.VIEW, *, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View], View]:
    """A page for members whose role has `permission`: visitors are sent to sign in, unknown ids are 404, a missing right is 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: MemberRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else reverse("dashboard:today"))
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                require(request.membership, permission)
                with timezone.override(request.membership.organization.timezone):
                    return view(request, **kwargs)
            except once.DoneAlready as first:
                messages.info(request, _("Sent twice, done once: %s") % first.text)
                return redirect(first.back)
            except NotAllowed as refusal:
                raise PermissionDenied(refusal.message) from None
            except ObjectDoesNotExist:
                raise Http404 from None
            except DomainError as refusal:
                if refusal.code.startswith("unknown_"):
                    raise Http404(refusal.message) from None
                raise

        return checked

    return decorate


def acting(request: MemberRequest) -> dict[str, Any]:
    """`actor`, `today` and `now` for a service."""
    return {**acting_now(request), "today": today_of(request)}


def acting_now(request: MemberRequest) -> dict[str, Any]:
    """`actor` and `now` for a service that needs no date."""
    return {"actor": f"user:{request.user.pk}", "now": clock.now()}


def today_of(request: MemberRequest) -> Any:
    """The organization's date."""
    return clock.today(request.membership.organization.timezone)


def page(request: MemberRequest, template: str, *, nav: str, status: int = 200, **context: Any) -> HttpResponse:
    """Draw templates/dashboard/<template>.html in the frame, with what the person may do."""
    membership = request.membership
    may = {permission.value: allows(membership, permission) for permission in Permission}
    counts = desk_counts(now=clock.now()) if may[Permission.VIEW] else {}  # whose Today is no desk has nothing to count
    unread = notices.count_unread(membership)
    shown = {"nav": nav, "nav_counts": counts, "notices_unread": unread, "may": may, **context}
    return render(request, f"dashboard/{template}.html", shown, status=status)


def fragment(request: MemberRequest, template: str, **context: Any) -> HttpResponse:
    """A part of a page, for htmx: always 200, which is what gets swapped in, and the address stays what it is."""
    may = {permission.value: allows(request.membership, permission) for permission in Permission}
    answer = render(request, f"dashboard/{template}.html", {"may": may, **context})
    answer["HX-Push-Url"] = "false"  # a boosted form would put its own in the address bar
    return answer


def attempt(request: MemberRequest, act: Callable[[], Answer]) -> Answer | None:
    """Do it; a refusal undoes what it had begun, is told on the next page, and leaves None."""
    try:
        with tenant(request.membership.organization_id):
            return act()
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return None


def submitted(request: MemberRequest, form: forms.BaseForm, act: Callable[[dict[str, Any]], object]) -> bool:
    """Whether a posted form was valid and what it asks for was done; a refusal is written on the form, and nothing is kept.

    Raises DoneAlready for a form sent again, which `member` answers like the first.
    """
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        once.take_turn(request)
        with tenant(request.membership.organization_id):
            act(form.cleaned_data)
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return False
    return True


def refuse_when_too_many(request: MemberRequest, form: forms.BaseForm) -> None:
    """For forms that ask for one's password: ten a minute are more than a person mistypes."""
    if request.method == "POST" and not ratelimit.consume(request, action="reauthenticate", user=request.user):
        form.add_error(None, _("Too many tries: wait a minute, then try again. Nothing was changed."))


def act_page(
    request: MemberRequest,
    form: forms.BaseForm,
    *,
    nav: str,
    title: str,
    verb: str,
    back: str,
    lead: str = "",
    icon: str = "check",
    **more: Any,
) -> HttpResponse:
    """The page of one act: a title that says what it does to whom, its form, its verb. Fetched by htmx, the card alone."""
    context = {"form": form, "title": title, "verb": verb, "back": back, "lead": lead, "icon_name": icon, "action": request.path}
    context |= {"once": once.draw(), **more}
    names = [name for name in (*form.errors, *form.fields) if name in form.fields]  # what was refused comes first
    first = form.fields[names[0]] if names else None
    if first is not None and not isinstance(first.widget, forms.RadioSelect):
        first.widget.attrs["autofocus"] = True
    if request.htmx:
        return fragment(request, "_act", **context)
    return page(request, "act", nav=nav, status=422 if form.is_bound else 200, **context)


def done(request: MemberRequest, text: str, back: str) -> HttpResponse:
    """Say what was done and return to the record."""
    once.keep(request, text=text, back=back)
    messages.success(request, text)
    return redirect(back)


class KeysFirst(Paginator):  # type: ignore[type-arg]  # it takes none when the program runs
    """Pages of a queryset whose order no index gives: its keys alone are sorted, and only the rows of the page are read whole."""

    def __init__(self, rows: QuerySet[Any], size: int) -> None:
        super().__init__(rows.values_list("pk", flat=True), size)
        self.rows = rows

    def page(self, number: int | str) -> Page[Any]:
        found = super().page(number)
        keys = list(found.object_list)
        whole = {row.pk: row for row in self.rows.order_by().filter(pk__in=keys)}
        found.object_list = [whole[key] for key in keys if key in whole]
        return found


def paged(request: MemberRequest, rows: Any, *, size: int = ROWS, count: int | None = None, keys_first: bool = False) -> Page[Any]:
    """The asked page of a list, the nearest one for a number that does not exist; `count`, of its rows, where it is known already.

    `keys_first` where thousands of rows may have to be sorted for it.
    """
    pages = KeysFirst(rows, size) if keys_first else Paginator(rows, size)
    if count is not None:
        pages.count = count  # a cached property: it does not ask then
    return pages.get_page(request.GET.get("page"))


def with_query(request: MemberRequest, **changes: str) -> str:
    """The address of this list with other filters; pages start again."""
    query = request.GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        if value:
            query[name] = value
        else:
            query.pop(name, None)
    return f"?{query.urlencode()}" if query else request.path


def first_error(form: forms.BaseForm) -> str:
    """One sentence for a form that has no page of its own."""
    for errors in form.errors.values():
        return str(errors[0])
    return _("Nothing was changed.")


def choices_of(request: MemberRequest, name: str, known: Mapping[str, object] | tuple[str, ...], default: str = "") -> str:
    """A filter of the address when it is one of those known, else the default."""
    value = request.GET.get(name, default)
    return value if value in known else default
