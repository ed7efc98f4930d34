"""What an operation of the API declares beside its code: its name, what it takes and answers. The documentation is made from it, and the
checks of a call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dunning.api import bodies, fields, tables
from dunning.api.shapes import Body, Shape
from dunning.core.scopes import READ, WRITE

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """One method at one address. `lists` and `shows` name the table it answers from; `answers` another shape, or a file's media type."""

    id: str
    summary: str
    access: str = READ
    body: type[Body] | None = None
    takes: str = bodies.JSON
    answers: type[Shape] | str | None = None
    status: int = 200
    lists: tables.Table | None = None  # a page of its rows
    shows: tables.Table | None = None  # one of its rows
    pages: tables.Table | None = None  # some of its rows, as a page
    also: tuple[int, ...] = ()  # further statuses with the same answer
    parameters: Mapping[str, tables.Filter] = field(default_factory=dict)
    guarded: bool = False  # takes If-Match
    refuses: bool = False  # by a rule, although it only reads
    example: Any = None  # a body
    tells_secret: bool = False  # its answer may be given again, and lies sealed until then
    tag: str = ""

    @property
    def query(self) -> dict[str, fields.Value]:
        """The parameters its address may carry, beside `fields` and `expand`."""
        found = {name: filter_.value for name, filter_ in self.parameters.items()}
        if self.lists is not None:
            table = self.lists
            found |= {name: filter_.value for name, filter_ in table.filters.items()}
            found["ordering"] = fields.Word(table.orders)
            found["limit"] = fields.Count(least=1, most=tables.MOST_ROWS)
            found["cursor"] = fields.Text(max_length=500, allow_blank=False)
        return found

    @property
    def selects(self) -> tables.Table | None:
        """The table whose columns `fields` and `expand` choose from."""
        return self.lists or self.shows

    @property
    def writes(self) -> bool:
        return self.access == WRITE


def operation(id: str, summary: str, **declared: Any) -> Callable[[Handler], Handler]:
    """Declare a handler's operation; its docstring is the description."""

    def mark(handler: Handler) -> Handler:
        handler.operation = Operation(id, summary, **declared)  # type: ignore[attr-defined]  # read by endpoint and schema
        return handler

    return mark
