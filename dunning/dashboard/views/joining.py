"""Joining an organization by the link of an invitation: no organization is open yet."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from dunning.core import clock, people
from dunning.core.errors import DomainError
from dunning.core.middleware import SESSION_KEY
from dunning.core.models import User
from dunning.dashboard.forms.members import JoinForm

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Say who invites whom; then make the account, or add the organization to the one signed in."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    found = people.find_invitation(token, now=clock.now())
    if found is None:
        return _draw(request, status=404)
    known = User.objects.filter(email=found.email).first()
    is_signed_in = known is not None and request.user.pk == known.pk
    form = JoinForm(request.POST) if request.method == "POST" and known is None else JoinForm()
    context = {"invitation": found, "form": form, "known": known, "is_signed_in": is_signed_in, "path": request.path}
    if request.method != "POST" or (known is None and not form.is_valid()):
        return _draw(request, status=422 if request.method == "POST" else 200, **context)
    said = {name: form.cleaned_data[name] for name in ("name", "password")} if known is None else {}
    try:
        membership = people.join(token=token, user=known if is_signed_in else None, now=clock.now(), **said)
    except DomainError as refusal:
        form.add_error(None, refusal.message) if known is None else None
        return _draw(request, status=422, refusal=refusal.message, **context)
    if known is None:
        login(request, membership.user, backend=BACKEND)
    request.session[SESSION_KEY] = str(membership.organization_id)
    return redirect(reverse("dashboard:today"))


def _draw(request: HttpRequest, *, status: int, **context: object) -> HttpResponse:
    answer = render(request, "account/join.html", context, status=status)
    answer["Referrer-Policy"] = "no-referrer"  # the address is the key
    return answer
