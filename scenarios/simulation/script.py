"""What files of the past say, day by day: the rows that can be played, and the reasons why the others cannot."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from invoices.enums import InvoiceKind
from invoices.importers import reading
from invoices.importers.dates import Order, UnclearDates
from invoices.importers.fields import INVOICE_FIELDS, PAYMENT_FIELDS
from invoices.importers.mapping import Field, recogniser, resolve
from invoices.importers.problems import FileRefused, RowProblem
from invoices.importers.values import Converter, check_decimals, currency_of, gather

Values = dict[str, Any]


@dataclass
class Script:
    """What the files say, by day; `refused` are lines that cannot be played, with the reason."""

    invoices: dict[date, list[Values]] = field(default_factory=lambda: defaultdict(list))
    payments: dict[date, list[Values]] = field(default_factory=lambda: defaultdict(list))
    customers: dict[str, Values] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def invoice_count(self) -> int:
        return sum(len(rows) for rows in self.invoices.values())


def read_script(invoices: Path, payments: Path, *, mapping: Mapping[str, str], order: Order | None, currency: str) -> Script:
    """Read both files. `mapping` is column → field, for either; `currency`: of amounts without one. Raises FileRefused.

    They may be the same: a row without a day of payment is then an invoice nobody paid, and a row is played whole or left out whole.
    """
    issued = _Table(invoices, INVOICE_FIELDS, mapping, order)
    received = _Table(payments, PAYMENT_FIELDS, mapping, order)
    together = invoices.resolve() == payments.resolve()
    if together:
        received.rows = {line: values for line, values in received.rows.items() if values["received_on"] is not None}
    issued.check(lambda values: _check_invoice(values, currency))
    issued.settle_repetitions(
        "number", _("the number %(number)s stands several times in the file with different content (lines %(lines)s)")
    )
    received.check(lambda values: _check_payment(values, currency))
    received.settle_repetitions(
        "external_reference", _("the receipt %(key)s stands several times in the file with different content (lines %(lines)s)")
    )
    if together:
        issued.refused = received.refused = received.refused | issued.refused
    script = Script()
    for table in (issued,) if together else (issued, received):
        for line, reason in sorted(table.refused.items()):
            script.refused.append(_("%(file)s, line %(line)s: %(reason)s") % {"file": table.path.name, "line": line, "reason": reason})
    for values in issued.played():
        script.invoices[values["issued_on"]].append(values)
        script.customers.setdefault(values["customer"], values)
    for values in received.played():
        script.payments[values["received_on"]].append(values)
    return script


class _Table:
    """The rows of a file read as one kind, by line, and why some of them are refused."""

    def __init__(self, path: Path, fields: Sequence[Field], mapping: Mapping[str, str], order: Order | None) -> None:
        self.path = path
        self.rows: dict[int, Values] = {}
        self.refused: dict[int, str] = {}
        names = {item.name for item in fields}
        explicit = {column: name for column, name in mapping.items() if name in names}
        with reading.readable(path):
            source = reading.look_at(path, recognised=recogniser(fields, explicit, {}))
            self.columns = resolve(source.heading, fields, explicit=explicit, remembered={})
            with source.rows() as rows:
                try:
                    evidence = gather(rows, self.columns, fields, order=order, decimal=None)
                except UnclearDates as unclear:
                    raise FileRefused(f"{path.name}: {unclear}") from None
            converter = Converter(tuple(fields), self.columns, evidence)
            with source.rows() as rows:
                for row in rows:
                    try:
                        self.rows[row.line] = converter.values(row)
                    except RowProblem as problem:
                        self._refuse(row.line, problem.column, problem.reason)

    def check(self, check: Callable[[Values], None]) -> None:
        """Refuse the rows for which `check` raises RowProblem."""
        for line, values in self.rows.items():
            try:
                check(values)
            except RowProblem as problem:
                self._refuse(line, self.columns.title(problem.column), problem.reason)

    def settle_repetitions(self, name: str, reason: str) -> None:
        """What stands twice counts once, and not at all when the lines differ."""
        lines: dict[str, list[int]] = defaultdict(list)
        for line, values in self.rows.items():
            if line not in self.refused and values[name] is not None:
                lines[values[name]].append(line)
        for key, found in lines.items():
            first, *others = found
            if all(self.rows[line] == self.rows[first] for line in others):
                for line in others:
                    del self.rows[line]
                continue
            for line in found:
                self._refuse(line, self.columns.title(name), reason % {"key": key, "number": key, "lines": ", ".join(map(str, found))})

    def played(self) -> list[Values]:
        return [values for line, values in self.rows.items() if line not in self.refused]

    def _refuse(self, line: int, column: str, reason: str) -> None:
        self.refused[line] = f"{column}: {reason}" if column else reason


def _check_invoice(values: Values, currency: str) -> None:
    _refuse_empty(values, "number", "customer", "issued_on", "gross")
    if values["gross"] <= 0 or values["kind"] == InvoiceKind.CREDIT_NOTE:
        raise RowProblem("gross", _("only invoices above zero are played, and no credit notes"))
    values["currency"] = currency_of(values, currency, "gross")
    check_decimals(values["gross"], values["currency"], "gross")
    due_on, issued_on = values["due_on"], values["issued_on"]
    if due_on is not None and due_on < issued_on:
        raise RowProblem(
            "due_on", _("the due date %(due)s comes before the invoice date %(issued)s") % {"due": due_on, "issued": issued_on}
        )


def _check_payment(values: Values, currency: str) -> None:
    _refuse_empty(values, "received_on", "amount")
    if values["amount"] <= 0:
        raise RowProblem("amount", _("only receipts above zero are played"))
    values["currency"] = currency_of(values, currency, "amount")
    check_decimals(values["amount"], values["currency"], "amount")


def _refuse_empty(values: Values, *names: str) -> None:
    for name in names:
        if values[name] is None:
            raise RowProblem(name, _("this cell is empty and must not be"))
