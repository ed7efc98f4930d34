"""Rows that programs send: loaded by the rules of files, and each is told what became of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from dunning.core.selectors import get_profile
from dunning.core.tenancy import current_organization_id, tenant
from invoices.enums import RowOutcome
from invoices.importers.mapping import Columns
from invoices.importers.problems import Problem
from invoices.importers.reading import Cell, Row
from invoices.importers.session import ItemLoader, Options, Work, take_turn, write
from invoices.importers.values import Evidence
from invoices.models import ImportBatch

PATIENCE: Final = 5  # seconds a program waits for the load under way


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one row: `key` is what the ledger knows it by, `field` and `reason` say why it was refused."""

    outcome: RowOutcome
    key: str = ""
    field: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Named(Columns):
    """Columns a program names by their fields: it is told of a field whether it sent it or not."""

    def title(self, name: str) -> str:
        return name


@dataclass(frozen=True, slots=True)
class _Sent:
    """The rows as a loader reads them, again and again: the first has line 0."""

    names: Sequence[str]
    items: Mapping[int, Mapping[str, Cell]]

    @contextmanager
    def rows(self) -> Iterator[Iterator[Row]]:
        yield (Row(line, [item.get(name, "") for name in self.names]) for line, item in self.items.items())


def load_items(
    loader: ItemLoader,
    items: Mapping[int, Mapping[str, Cell]],
    *,
    name: str,
    sha256: str,
    unreadable: Collection[int] = (),
    dry_run: bool = False,
    strict: bool = False,
    actor: str,
    today: date,
    now: datetime,
) -> dict[int, Item]:
    """Load rows - values by field name, by their place - into the open organization's ledger; what became of each.

    `name` and `sha256` are kept with the load; `unreadable` are the places of rows that could not even be read. Nothing is written by a
    dry run, nor by a strict load with an error. Raises OperationalError when another load keeps the turn.
    """
    take_turn(patience=PATIENCE)
    work = _work(loader, items, Options(dry_run=dry_run, strict=strict), name=name, sha256=sha256, actor=actor, today=today, now=now)
    with tenant(current_organization_id()):
        loader.read(work)
        outcomes, keys = loader.outcomes(), loader.keys()
        problems = dict(work.problems)
        work.problems.update(dict.fromkeys(unreadable, Problem("", "")))
        if work.created + work.updated and not dry_run and not (strict and work.problems):
            write(loader, work)
    found = {line: Item(outcome, keys[line]) for line, outcome in outcomes.items()}
    for line, problem in problems.items():
        found[line] = Item(RowOutcome.ERROR, field=problem.column, reason=problem.reason)
    return found


def _work(loader: ItemLoader, items: Mapping[int, Mapping[str, Cell]], options: Options, *, name: str, sha256: str, **who: Any) -> Work:
    known = [field.name for field in loader.fields]
    sent: Collection[str] = {name for item in items.values() for name in item}
    names = [field.name for field in loader.fields if field.required or field.name in sent]
    profile = get_profile()
    return Work(
        source=_Sent(names, items),
        columns=_Named(index={name: position for position, name in enumerate(names)}, heading=known, ignored=()),
        evidence=Evidence(order=None, decimals={}, rows=len(items)),
        fields=loader.fields,
        options=options,
        profile=profile,
        currency=profile.default_currency,
        batch=ImportBatch(kind=loader.kind, filename=name[:200], sha256=sha256, actor=who["actor"], loaded_at=who["now"]),
        **who,
    )
