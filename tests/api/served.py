"""The operations of the API as its own document tells them: tests that walk over them meet a new one by themselves."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dunning.api.schema import document

ROOT: Final = "/api/v1"
_SCOPE: Final = re.compile(r"Scope: `([a-z-]+:(?:read|write))`")


@dataclass(frozen=True)
class Served:
    """One operation; `media` is what its body is written in, "" when it takes none."""

    id: str
    method: str
    path: str
    scope: str
    query: Mapping[str, Any]
    media: str
    example: Any
    statuses: frozenset[int]

    @property
    def kind(self) -> str:
        """The first word of its address: what its {id} is of."""
        return self.path.removeprefix("/").split("/")[0]

    @property
    def has_id(self) -> bool:
        return "{id}" in self.path

    @property
    def is_list(self) -> bool:
        return "cursor" in self.query

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def at(self, pk: str) -> str:
        return self.path.replace("{id}", pk)


@functools.cache
def operations() -> tuple[Served, ...]:
    """All of them, in the document's order."""
    found = []
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            content: dict[str, Any] = told.get("requestBody", {}).get("content", {})
            media = next(iter(content), "")
            examples = content[media].get("examples", {}) if media else {}
            scope = _SCOPE.search(told["description"])
            assert scope is not None, f"{told['operationId']} does not say its scope."
            found.append(
                Served(
                    id=told["operationId"],
                    method=method.upper(),
                    path=path.removeprefix(ROOT),
                    scope=scope[1],
                    query={one["name"]: one["schema"] for one in told.get("parameters", []) if one["in"] == "query"},
                    media=media,
                    example=next((one["value"] for one in examples.values()), None),
                    statuses=frozenset(map(int, told["responses"])),
                )
            )
    return tuple(found)


def ids_of(one: Served) -> str:
    """How pytest names it."""
    return one.id
