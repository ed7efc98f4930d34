"""A form is acted upon once, however often it is sent: by a double click, or by going back and pressing its button again.

The page of an act draws its form with a key. What came of it is kept for a day under that key, in the transaction that did it; the same
form sent again waits for the first and is answered like it. With other content it is another act, and asks to be looked at.
"""

import hashlib
import json
import re
from typing import Any, Final
from uuid import uuid4

from django.http import HttpRequest
from django.utils.translation import gettext as _

from dunning.core import answers, clock
from dunning.core.errors import StaleObject

FIELD: Final = "once"
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_TURN: Final = "form_turn"  # on the request: the key and the fingerprint of the form whose turn it is


class DoneAlready(Exception):
    """The same form was sent before: what was said then, and where it led."""

    def __init__(self, given: answers.Given) -> None:
        super().__init__(given.content)
        self.text = given.content
        self.back = given.headers["Location"]


def draw() -> str:
    """The key of a form that is being drawn."""
    return uuid4().hex


def take_turn(request: HttpRequest) -> None:
    """Before a form does what it asks for. Files are not compared: a form that sends any may be sent again.

    Raises DoneAlready for one that did it, StaleObject for one that did something else.
    """
    key = request.POST.get(FIELD, "")
    if not _KEY.fullmatch(key) or request.FILES:
        return
    turn = {"key": f"form:{request.user.pk}:{key}", "fingerprint": _fingerprint(request)}
    try:
        given = answers.take_turn(**turn, now=clock.now(), waits=True)
    except answers.OtherCall:
        raise StaleObject(
            _("This form was sent before, with other content, and that was done. If this is to be done as well, send it again.")
        ) from None
    if given is not None:
        raise DoneAlready(given)
    setattr(request, _TURN, turn)


def keep(request: HttpRequest, *, text: str, back: str) -> None:
    """The form whose turn it was has done what it asks for."""
    turn: dict[str, Any] | None = getattr(request, _TURN, None)
    if turn is not None:
        answers.keep(**turn, answer=answers.Given(302, {"Location": back}, text), now=clock.now())


def _fingerprint(request: HttpRequest) -> str:
    said = sorted((name, values) for name, values in request.POST.lists() if name not in (FIELD, "csrfmiddlewaretoken"))
    return hashlib.sha256(json.dumps([request.path, said]).encode()).hexdigest()
