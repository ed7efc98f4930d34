"""The road of every call, in order: key, limit, scope, parameters, body - and then, in one transaction of the caller's organization, its
name (`Idempotency-Key`), its precondition (`If-Match`), the one call down, and the answer. Any refusal rolls all of it back.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework import serializers
from rest_framework.views import APIView

from dunning.api import authentication, bodies, errors, tables, throttling
from dunning.api.authentication import Caller
from dunning.api.errors import Refusal
from dunning.api.operations import Operation
from dunning.api.schema import ApiSchema
from dunning.api.shapes import Nothing
from dunning.core import answers, failpoints
from dunning.core.errors import DomainError
from dunning.core.scopes import READ
from dunning.core.tenancy import tenant

KEPT_HEADERS: Final = ("Content-Type", "ETag", "Location")
LONGEST_NAME: Final = 255
_NAME: Final = re.compile(rf"[!-~]{{1,{LONGEST_NAME}}}", re.ASCII)


@dataclass(frozen=True)
class Call:
    """A call that may be answered. `body` is what `Operation.body` read, or the bytes of a file; `asked` the parameters."""

    caller: Caller
    request: HttpRequest
    asked: tables.Asked
    body: Any

    @property
    def acting(self) -> dict[str, Any]:
        return self.caller.acting

    @property
    def acting_now(self) -> dict[str, Any]:
        return self.caller.acting_now

    @property
    def query(self) -> Mapping[str, Any]:
        return self.asked.values

    def list(self, table: tables.Table) -> "Answer":
        """A page of the table."""
        return Answer(tables.page(table, self.asked))

    def show(self, table: tables.Table, pk: UUID, *, status: int = 200, location: str = "") -> "Answer":
        """One row of the table, with its ETag."""
        row = tables.one(table, pk, only=self.asked.only, expand=self.asked.expand)
        whole = not self.asked.only and not self.asked.expand
        headers = {"ETag": etag(row if whole else tables.one(table, pk))} | ({"Location": location} if location else {})
        return Answer(row, status, headers)


@dataclass(frozen=True)
class Answer:
    """What is answered: a JSON value, or the bytes of a file of `media_type`."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = bodies.JSON


class Endpoint(APIView):
    """One address. Its methods are handlers marked by `@operation`, called with a Call and the address's ids inside the organization's
    transaction.
    """

    resource: ClassVar[str]  # of dunning.core.scopes
    schema = ApiSchema()
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = _language(request)
        headers: dict[str, str] = {}
        with translation.override(language):
            try:
                response = self._respond(request, kwargs, headers)
            except Exception as error:
                response = errors.answer(error, request)
        for name, value in {"Cache-Control": "no-store", "Content-Language": language, **headers}.items():
            response.headers.setdefault(name, value)
        patch_vary_headers(response, ["Accept-Language", "Authorization"])
        return response

    def lock(self, **ids: UUID) -> dict[str, Any]:
        """What an operation with If-Match changes, locked as its service will lock it: the row as it is shown."""
        raise NotImplementedError

    def _respond(self, request: HttpRequest, ids: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
        caller = self._caller(request)
        headers.update(throttling.count_call(caller.key.key_id).headers)
        method = (request.method or "").lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        operation: Operation | None = getattr(handler, "operation", None)
        if handler is None or operation is None:
            raise self._not_here(request)
        caller.require(self.resource, operation.access)
        asked = tables.read_query(request.GET, operation.query, operation.selects)
        call = Call(caller, request, asked, _body(request, operation))
        if operation.access == READ:
            with tenant(caller.organization):
                return respond(handler(call, **ids))
        return self._write(call, operation, handler, ids)

    def _caller(self, request: HttpRequest) -> Caller:
        try:
            return authentication.identify(request)
        except Refusal:
            throttling.count_stranger(request)
            raise

    def _write(self, call: Call, operation: Operation, handler: Any, ids: dict[str, Any]) -> HttpResponse:
        name = _name_of(call.request)
        fingerprint = _fingerprint(call.request) if name else ""
        now = call.caller.now
        with tenant(call.caller.organization) as scope:
            if name:
                given = answers.take_turn(key=name, fingerprint=fingerprint, now=now)
                if given is not None:
                    return HttpResponse(given.content, status=given.status, headers={**given.headers, "Idempotency-Replayed": "true"})
            if operation.guarded:
                self._check_precondition(call.request, ids)
            response = respond(_done(handler, call, operation, ids))
            if response.status_code >= 400:
                scope.pending.clear()
                transaction.set_rollback(True)
                return response
            if name:
                kept = {header: response.headers[header] for header in KEPT_HEADERS if header in response.headers}
                given = answers.Given(response.status_code, kept, response.content.decode(), is_secret=operation.tells_secret)
                answers.keep(key=name, fingerprint=fingerprint, answer=given, now=now)
            failpoints.hit("api-before-commit")
        failpoints.hit("api-after-commit")
        return response

    def _check_precondition(self, request: HttpRequest, ids: dict[str, Any]) -> None:
        wanted = request.META.get("HTTP_IF_MATCH")
        if wanted is None:
            return
        known = etag(self.lock(**ids))
        if wanted.strip() != "*" and known not in [part.strip() for part in wanted.split(",")]:
            words = _("This has changed since you read it: read it again, and decide again.")
            raise Refusal(412, "changed", words, headers={"ETag": known})

    def _not_here(self, request: HttpRequest) -> Refusal:
        known = [name for name in self.http_method_names if hasattr(getattr(self, name, None), "operation")]
        values = {"method": str(request.method)[:20], "allowed": ", ".join(name.upper() for name in known)}
        words = _("%(method)s means nothing at this address: it knows %(allowed)s.") % values
        return Refusal(405, "method_not_allowed", words, headers={"Allow": values["allowed"]})


class Nowhere(Endpoint):
    """Every address of the API that leads nowhere: told apart from an unknown id by nothing."""

    schema = None  # type: ignore[assignment]  # undocumented

    def _respond(self, request: HttpRequest, ids: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
        headers.update(throttling.count_call(self._caller(request).key.key_id).headers)
        raise errors.not_found()


def respond(answer: Answer) -> HttpResponse:
    """An answer as HTTP carries it."""
    if answer.status == 204:
        return HttpResponse(status=204, headers=dict(answer.headers))
    content = answer.content if isinstance(answer.content, bytes) else encoded(answer.content)
    return HttpResponse(content, status=answer.status, content_type=answer.media_type, headers=dict(answer.headers))


def _done(handler: Any, call: Call, operation: Operation, ids: dict[str, Any]) -> Answer:
    """The one call down. A refusal names the field as the caller wrote it."""
    try:
        answer: Answer = handler(call, **ids)
    except DomainError as refusal:
        if refusal.field:
            refusal.field = operation.body().place(refusal.field, call.body) if operation.body is not None else ""
        raise
    return answer


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def etag(row: Mapping[str, Any]) -> str:
    """The name of what is shown: another when anything in it changed."""
    return f'"{hashlib.blake2b(encoded(row), digest_size=12).hexdigest()}"'


def _body(request: HttpRequest, operation: Operation) -> Any:
    if operation.takes != bodies.JSON:
        return bodies.read(request, operation.takes)
    if operation.body is None and (not operation.writes or request.META.get("CONTENT_LENGTH") in (None, "", "0")):
        return {}
    value = bodies.read(request, bodies.JSON)
    try:
        return (operation.body or Nothing)(partial=request.method == "PATCH").run_validation(value)
    except serializers.ValidationError as error:
        faults = tables.faults_of(error.detail)
    raise errors.refused(faults) if all(fault.code == "out_of_range" for fault in faults) else errors.unreadable(faults)


def _language(request: HttpRequest) -> str:
    """Of its sentences: English unless the caller asks for French."""
    asked = parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:200])
    return next((code[:2] for code, _weight in asked if code[:2] in ("fr", "en")), "en")


def _name_of(request: HttpRequest) -> str:
    name: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if name is None:
        return ""
    if not _NAME.fullmatch(name):
        words = _("An Idempotency-Key has at most %(most)s printable ASCII characters and no spaces, such as a UUID.") % {
            "most": LONGEST_NAME
        }
        raise Refusal(400, "bad_idempotency_key", words)
    return name


def _fingerprint(request: HttpRequest) -> str:
    call = f"{request.method} {request.get_full_path()} {request.META.get('CONTENT_TYPE', '')}\n"
    return hashlib.sha256(call.encode() + request.body).hexdigest()
