"""Rows chosen on a list for one act: the ticked ones, or all that the list's filters find; carried through the page that asks once more."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.dashboard import formatting

MOST: Final = 20_000
"""Rows of one act: what one form carries from its page to the next."""


def chosen_ids(request: HttpRequest, rows_of: Callable[[QueryDict], QuerySet[Any]]) -> list[UUID]:
    """The rows of a posted choice, each once. `rows_of` finds the list again from its address (`query`) when all of it was chosen.

    Raises DomainError beyond 20,000 rows.
    """
    if request.POST.get("all"):
        rows = rows_of(QueryDict(request.POST.get("query", "")))
        found = list(rows.values_list("pk", flat=True)[: MOST + 1])
    else:
        found = read([*request.POST.getlist("row"), *request.POST.get("rows", "").split(",")])
    ids = list(dict.fromkeys(found))
    if len(ids) > MOST:
        said = _("One act takes %(most)s rows at most: narrow the list with its filters first. Nothing was changed.")
        raise DomainError(said % {"most": formatting.number(MOST)}, code="too_many")
    return ids


def carried(ids: list[UUID]) -> str:
    """The choice as one hidden field, which `chosen_ids` and `read` read again."""
    return ",".join(pk.hex for pk in ids)


def read(values: list[str]) -> list[UUID]:
    """The identifiers among the words of a form."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
