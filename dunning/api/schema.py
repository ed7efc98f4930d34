"""The documentation of the API, OpenAPI 3.1, made from what operations declare: nothing is written twice."""

import threading
from functools import cache
from typing import Any, Final

from django.urls import include, path
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from dunning.api import bodies, errors, shapes
from dunning.api.fields import Count, Text
from dunning.core.scopes import ApiResource

SAID: Final = {
    400: "A parameter or the body cannot be read; `errors` names every field at fault.",
    401: "No key, or one that does not open.",
    403: "The key lacks the scope that is named.",
    404: "Nothing is at this address: an unknown id, or another organization's.",
    409: "A call with this Idempotency-Key is still running, or somebody else wrote the same at the same moment.",
    411: "The body came without a Content-Length.",
    412: "It has changed since the ETag in If-Match was given.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "The call can be read, and a rule refuses it.",
    429: "Too many calls; Retry-After says when to go on.",
    503: "Busy; Retry-After says when to try again.",
}
_LIMITS: Final = {
    "RateLimit-Policy": "Calls a key may make (`q`) in so many seconds (`w`).",
    "RateLimit": "Calls that are left (`r`), and seconds until the next window (`t`).",
}


class FaultRow(shapes.Shape):
    """One thing that is wrong with a call."""

    field = Text(lines=True, help_text="Its path, such as `installments[0].amount`; empty when it is the call as a whole.")
    code = Text(help_text="Stable, for programs.")
    message = Text(lines=True, help_text="What was expected.")


class ProblemRow(shapes.Shape):
    """Why a call was refused (RFC 9457). Nothing of it was kept."""

    type = Text(help_text="A URN made of the code.")
    title = Text(help_text="The kind of refusal, in the language of Accept-Language.")
    status = Count(help_text="The status of the answer.")
    detail = Text(lines=True, help_text="What was expected, what was kept, and what to do.")
    code = Text(help_text="Stable, for programs.")
    errors = FaultRow(  # type: ignore[assignment]  # declared fields leave the class
        many=True, required=False, help_text="Every field at fault."
    )


class ApiSchema(AutoSchema):
    """One operation's documentation, from its declaration."""

    view: Any

    @property
    def operation(self) -> Any:
        return getattr(self.view, self.method.lower()).operation

    def get_operation_id(self) -> str:
        return str(self.operation.id)

    def get_summary(self) -> str:
        return str(self.operation.summary)

    def get_description(self) -> str:  # type: ignore[override]  # as drf_spectacular calls it
        handler = getattr(self.view, self.method.lower())
        said = " ".join((handler.__doc__ or "").split())
        scope = f"Scope: `{self.view.resource}:{self.operation.access}`."
        return f"{said} {scope}".strip()

    def get_tags(self) -> list[str]:
        return [self.operation.tag or self.view.resource]

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"key": []}]

    def map_parsers(self) -> list[str]:
        return [self.operation.takes]

    def map_renderers(self, attribute: str) -> list[str]:
        return [bodies.JSON] if attribute == "media_type" else []

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        name = type(serializer).__name__
        return name.removesuffix("Row") if name.endswith("Row") else name.removesuffix("Body") + "Input"

    def get_override_parameters(self) -> list[Any]:
        operation, found = self.operation, []
        described = {name: filter_.description for name, filter_ in operation.parameters.items()}
        if operation.lists is not None:
            described |= {name: filter_.description for name, filter_ in operation.lists.filters.items()}
            described["ordering"] = f"The order; usually `{operation.lists.usual_order}`."
            described["limit"] = "Rows of a page."
            described["cursor"] = "`next_cursor` of the page before."
        for name, value in operation.query.items():
            found.append(OpenApiParameter(name, value.schema(), description=described.get(name, "")))
        if operation.selects is not None:
            shape = operation.selects.shape
            found.append(_words("fields", shapes.names_of(shape), "Only these; `id` always comes along. All of them when left out."))
            if shapes.expansions_of(shape):
                found.append(_words("expand", shapes.expansions_of(shape), "Shown whole, under these names."))
        found += self._headers()
        return found

    def _headers(self) -> list[OpenApiParameter]:
        operation, found = self.operation, []
        if operation.writes:
            described = "A name of your own for this call, a UUID say: made again with it within a day, it has one effect and one answer."
            found.append(_header("Idempotency-Key", described, 255))
            found.append(_told("Idempotency-Replayed", "Set to `true` on an answer that is given again.", [operation.status]))
        if operation.guarded:
            found.append(_header("If-Match", "The ETag of what you read: refused with 412 when it has changed since.", 200))
        if operation.shows is not None:
            found.append(_told("ETag", "The name of what is shown; another one when anything in it changed.", [operation.status]))
        return found + [_told(name, described, [operation.status, 429]) for name, described in _LIMITS.items()]

    def get_request_serializer(self) -> Any:
        operation = self.operation
        if operation.takes != bodies.JSON:
            return {operation.takes: _file(operation.takes)}
        return operation.body

    def _get_request_body(self, direction: str = "request") -> Any:
        found = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # the library has no types
        if found:
            found["required"] = True
        return found

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        found = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # the library has no types
        if isinstance(serializer, shapes.Body) or (isinstance(serializer, type) and issubclass(serializer, shapes.Body)):
            found["additionalProperties"] = False
        else:  # what is kept may have come another way than by this door
            for value in found.get("properties", {}).values():
                if "format" not in value:
                    value.pop("pattern", None)
        return found

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        """What values take is in their own schemas; a list of bodies says how many."""
        if isinstance(field, shapes.Bodies):
            schema |= {"minItems": field.min_length or 0, "maxItems": field.max_length}

    def get_response_serializers(self) -> Any:
        operation = self.operation
        found: dict[Any, Any] = {}
        if operation.status == 204:
            found[operation.status] = OpenApiResponse(None, description="Done.")
        elif isinstance(operation.answers, str):
            found[operation.status, operation.answers] = OpenApiResponse(_file(operation.answers), description="The file.")
        else:
            for status in (operation.status, *operation.also):
                found[status] = OpenApiResponse(self._answer(), description="Done." if operation.writes else "Found.")
        for status in self._refusals():
            found[status, errors.MEDIA_TYPE] = OpenApiResponse(ProblemRow, description=SAID[status])
        return found

    def _answer(self) -> Any:
        operation = self.operation
        if operation.lists is not None or operation.pages is not None:
            return self._page(operation.lists or operation.pages)
        return operation.shows.shape if operation.shows is not None else operation.answers

    def _page(self, table: Any) -> dict[str, Any]:
        row = self.resolve_serializer(table.shape, "response").ref
        cursor = {"type": ["string", "null"], "description": "To ask for the next page with; null on the last one."}
        schema: dict[str, Any] = {
            "type": "object",
            "description": "A page of a list.",
            "properties": {"data": {"type": "array", "items": row}, "next_cursor": cursor},
            "required": ["data", "next_cursor"],
        }
        if table.is_log:
            described = "Where to go on when there is more: the last row of this page, or the cursor you came with."
            schema["properties"]["resume_cursor"] = {"type": ["string", "null"], "description": described}
            schema["required"].append("resume_cursor")
        name = f"{self.get_serializer_name(table.shape(), 'response')}Page"
        component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=table.name)
        self.registry.register_on_missing(component)
        return dict(component.ref)

    def _refusals(self) -> list[int]:
        operation = self.operation
        found = [400, 401, 403, 429, 503]
        if "{" in self.path:
            found.append(404)
        if operation.body is not None or operation.takes != bodies.JSON:
            found += [411, 413, 415]
        if operation.writes:
            found += [409, 422]
        if operation.refuses:
            found.append(422)
        if operation.guarded:
            found.append(412)
        return sorted(found)

    def get_examples(self) -> list[OpenApiExample]:
        example = self.operation.example
        return [OpenApiExample("Example", example, request_only=True)] if example is not None else []


def _file(media_type: str) -> dict[str, Any]:
    """A body that is a file; YAML is what it says."""
    return {"type": "object"} if media_type == bodies.YAML else {"type": "string", "format": "binary"}


def _header(name: str, described: str, longest: int) -> OpenApiParameter:
    """A header of calls."""
    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": "^[!-~]+$"}
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=described)


def _told(name: str, described: str, statuses: list[int]) -> OpenApiParameter:
    """A header of answers."""
    return OpenApiParameter(name, {"type": "string"}, OpenApiParameter.HEADER, description=described, response=statuses)


def _words(name: str, words: list[str], described: str) -> OpenApiParameter:
    schema = {"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1}
    return OpenApiParameter(name, schema, description=described, style="form", explode=False)


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf_spectacular: what concerns the document as a whole."""
    result["tags"] = [{"name": resource.value, "description": str(resource.label)} for resource in ApiResource]
    described = "A key of your organization: `Authorization: Bearer rk_live_…`. Settings > API keys, or `manage.py create_api_key`."
    result["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": described}}
    return result


_making = threading.Lock()


def document() -> dict[str, Any]:
    """The whole documentation, made once by a process."""
    with _making:
        return _document()


@cache
def _document() -> dict[str, Any]:
    with translation.override("en"):
        found: dict[str, Any] = SchemaGenerator(patterns=[path("api/", include("dunning.api.urls"))]).get_schema(public=True)
        return found
