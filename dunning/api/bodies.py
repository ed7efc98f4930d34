"""What a caller sends, read strictly and within bounds: JSON that means one thing, or a file of the size a letter can carry."""

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext as _

from dunning.api.errors import Refusal

JSON: Final = "application/json"
PDF: Final = "application/pdf"
YAML: Final = "application/yaml"
LARGEST: Final = {JSON: 2 * 1024**2, PDF: 10 * 1024**2, YAML: 512 * 1024}
"""Bytes by media type: a thousand invoices in instalments are one megabyte of JSON."""
DEEPEST: Final = 20  # brackets inside brackets; the deepest body that means something has five
_LONGEST_NUMBER: Final = 40  # characters


def read(request: HttpRequest, media_type: str) -> Any:
    """The body: a JSON value with its numbers exact, or the bytes of a file. Raises Refusal 400, 411, 413 or 415.

    A body that is too large is refused by its announced length, before a byte of it is read.
    """
    sent, _semicolon, parameters = (request.META.get("CONTENT_TYPE") or "").lower().partition(";")
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Refusal(411, "length_required", _("Say the body’s length in a Content-Length header: it is not taken in pieces."))
    if length and (not length.isascii() or not length.isdigit()):
        raise Refusal(400, "bad_request", _("The Content-Length header is not a number."))
    if int(length or 0) > LARGEST[media_type]:
        most = LARGEST[media_type] // 1024
        raise Refusal(413, "too_large", _("At most %(most)s kB are taken here: send the rest in further calls.") % {"most": most})
    if sent.strip() != media_type or (media_type == JSON and not _is_utf8(parameters)):
        raise Refusal(415, "unsupported_media_type", _("Send %(type)s, and say so in the Content-Type header.") % {"type": media_type})
    try:
        if not hasattr(request, "_body"):
            request._body = request.read()  # what `request.body` does, without the limit it sets to forms
        content = request.body
    except OSError:
        raise Refusal(400, "cut_off", _("The body ended before its announced length.")) from None
    if len(content) < int(length or 0):
        raise Refusal(400, "cut_off", _("The body ended before its announced length."))
    return parse(content) if media_type == JSON else content


def parse(content: bytes) -> Any:
    """A JSON value: UTF-8, each name once, no NaN, no number of thousands of digits, no brackets without end. Raises Refusal 400."""
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_once, parse_float=_exact, parse_int=_whole, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Refusal(400, "bad_json", _("The body is not UTF-8 text.")) from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise Refusal(400, "bad_json", _("The body is not JSON: look at line %(line)s, column %(column)s.") % where) from None
    _measure(value)
    return value


def _is_utf8(parameters: str) -> bool:
    name, _equals, charset = parameters.strip().partition("=")
    return name != "charset" or charset.strip('" ') in ("utf-8", "utf8")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _value in pairs).most_common(1)[0][0]
        raise Refusal(400, "bad_json", _("The name “%(name)s” stands twice in one object: which value counts?") % {"name": twice[:60]})
    return found


def _exact(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise _useless(text)
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all numbers
        raise _useless(text) from None


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _useless(text)
    return int(text)


def _useless(text: str) -> Refusal:
    return Refusal(400, "bad_json", _("“%(number)s…” is not a number anybody needs.") % {"number": text[:20]})


def _no_constant(name: str) -> NoReturn:
    raise Refusal(400, "bad_json", _("“%(name)s” is not JSON: leave the field out, or write null.") % {"name": name})


def _too_deep() -> Refusal:
    return Refusal(400, "too_deep", _("The body is nested more than %(most)s levels deep.") % {"most": DEEPEST})


def _measure(value: Any) -> None:
    level: list[Any] = [value]
    for _depth in range(DEEPEST):
        inner: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                inner += [part for part in container.values() if isinstance(part, (dict, list))]
            elif isinstance(container, list):
                inner += [part for part in container if isinstance(part, (dict, list))]
        if not inner:
            return
        level = inner
    raise _too_deep()
