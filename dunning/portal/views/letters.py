"""Is this letter really ours? Whoever holds one enters its code and compares: no account, no cookie, nothing changed, nothing noted.

The account number is shown whole. Who has the code has the letter, which prints it whole; and a number shown in part would let an account
that differs where the dots are pass for ours. Codes that belong to no letter are one and the same 404, and counted like links that open
nothing.
"""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.views.decorators.csrf import csrf_exempt

from dunning.core import clock, limits
from dunning.core.enums import Language
from dunning.core.money import printed_iban
from dunning.core.network import place_of
from dunning.portal.access import MISSES_ALL, MISSES_EACH, MISSES_WITHIN, OPENED_EACH, private, too_many
from dunning.portal.archives import archive
from dunning.portal.base import LANGUAGE_NAMES
from notifications import letter_codes
from scenarios.selectors.letters import CheckedLetter, check_letter, copies_of_letter

AGAIN: Final = 422  # what was typed cannot be a code


@csrf_exempt  # it changes nothing: the form only leads to the address of what was typed
def enter(request: HttpRequest) -> HttpResponse:
    """`/v/`: where a code is typed. It is sent, so that it stands in no address that is kept, but the letter's own."""
    if request.method == "POST":
        code = letter_codes.read(request.POST.get("code", ""))
        if len(code) == letter_codes.LENGTH and code.isascii() and code.isalnum():
            return private(redirect("portal:letter", code=letter_codes.grouped(code)))
        return _drawn(request, "letter_enter", _language(request), status=AGAIN, typed=request.POST.get("code", "")[:40])
    if request.method not in ("GET", "HEAD"):
        return private(HttpResponseNotAllowed(["GET", "HEAD", "POST"]))
    return _drawn(request, "letter_enter", _language(request))


@csrf_exempt
def letter(request: HttpRequest, code: str) -> HttpResponse:
    """`/v/<code>`: what the letter says, and whether it still stands."""
    if request.method not in ("GET", "HEAD"):
        return private(HttpResponseNotAllowed(["GET", "HEAD"]))
    if (refused := _refused(request)) is not None:
        return refused
    found = check_letter(code, now=clock.now())
    if found is None:
        return _missed(request)
    return _counted(request) or _drawn(request, "letter", _language(request, found), letter=found, code=code, iban=printed_iban(found.iban))


def copies(request: HttpRequest, code: str) -> HttpResponse:
    """`/v/<code>/copies/`: the invoices that were too many to bind behind the letter, in one archive."""
    if request.method not in ("GET", "HEAD"):
        return private(HttpResponseNotAllowed(["GET", "HEAD"]))
    if (refused := _refused(request)) is not None:
        return refused
    with copies_of_letter(code, now=clock.now()) as files, override(_language(request)):
        if not files:
            return _missed(request)
        return _counted(request) or private(archive(files))


def _refused(request: HttpRequest) -> HttpResponse | None:
    """The answer to a place from which too many codes were tried that belong to no letter."""
    misses = limits.counted("letter.miss", who=place_of(request), seconds=MISSES_WITHIN)
    if misses >= MISSES_EACH or limits.counted("letter.miss", seconds=MISSES_WITHIN) >= MISSES_ALL:
        return too_many(request)
    return None


def _missed(request: HttpRequest) -> HttpResponse:
    limits.count("letter.miss", who=place_of(request), seconds=MISSES_WITHIN)
    limits.count("letter.miss", seconds=MISSES_WITHIN)
    return _drawn(request, "letter_unknown", _language(request), status=404)


def _counted(request: HttpRequest) -> HttpResponse | None:
    """The answer to a place that opened too many letters; counts this one."""
    return too_many(request) if limits.count("letter.open", who=place_of(request), seconds=MISSES_WITHIN) > OPENED_EACH else None


def unknown(request: HttpRequest) -> HttpResponse:
    """Whatever else begins like a letter's address."""
    return _drawn(request, "letter_unknown", _language(request), status=404)


def _language(request: HttpRequest, found: CheckedLetter | None = None) -> str:
    """The one chosen on the page, else the letter's, else the browser's."""
    chosen = request.GET.get("lang", "")
    if chosen in Language.values:
        return chosen
    return found.language if found is not None else (get_language() or "en")[:2]


def _drawn(request: HttpRequest, template: str, language: str, *, status: int = 200, **context: object) -> HttpResponse:
    frame = {
        "languages": [(code, name) for code, name in LANGUAGE_NAMES.items() if code != language],
        "site": settings.PUBLIC_BASE_URL,
        **context,
    }
    with override(language):
        return private(render(request, f"portal/{template}.html", frame, status=status))
