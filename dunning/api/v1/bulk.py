"""Many rows in one call: created, brought up to date or left as they are by their natural keys, under the rules of files.

What is wrong with one row is told of that row, and the others are written, unless the call is strict.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.models import Customer
from dunning.api import shapes, tables
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Count, Day, Flag, Several, Text, Uid, Value, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Shape
from dunning.core.scopes import WRITE
from invoices.enums import RowOutcome
from invoices.importers.customers import CustomerLoader
from invoices.importers.fields import CUSTOMER_FIELDS, INVOICE_FIELDS, PAYMENT_FIELDS
from invoices.importers.invoices import InvoiceLoader
from invoices.importers.items import load_items
from invoices.importers.mapping import Field
from invoices.importers.mapping import Shape as Holds
from invoices.importers.payments import PaymentLoader
from invoices.importers.reading import Cell
from invoices.importers.session import ItemLoader
from invoices.models import Invoice, Payment
from invoices.services import certify_ledger

MOST: Final = 1_000
_WORDS: Final = {RowOutcome.CREATED: "created", RowOutcome.UPDATED: "updated", RowOutcome.UNCHANGED: "unchanged", RowOutcome.ERROR: "error"}
_SAID: Final = {
    "kind": "",
    "customer": "Its number.",
    "customer_name": "Of a customer nobody knows yet, who is created on the way.",
    "group": "Its name or key; created when nobody has it.",
    "payer": "The number of the customer who pays for it.",
    "parent": "The number of its parent company.",
    "terms": "Payment terms in words, such as `30 jours fin de mois` or `net 45`.",
    "email": "Addresses, the first one written to first.",
    "gross": "VAT included; negative for a credit note.",
    "credited_number": "The invoice a credit note corrects.",
    "external_reference": "Yours or the bank's; what makes it the same payment.",
    "invoice": "Numbers of the invoices it pays.",
}


def _value(field: Field) -> Value:
    """What a field of a file holds, as JSON."""
    common: dict[str, Any] = {"required": False, "allow_null": True, "help_text": _SAID.get(field.name, "")}
    if field.shape is Holds.DATE:
        return Day(**common)
    if field.shape is Holds.AMOUNT:
        return Amount(**common)
    if field.shape is Holds.CHOICE:
        return Word(sorted(set(field.choices.values())), **common)
    if field.shape is Holds.LANGUAGE:
        return Word(["fr", "en"], **common)
    if field.shape is Holds.YES_NO:
        return Flag(**common)
    if field.shape is Holds.EMAILS:
        return Several(Text(max_length=254), most=10, **common)
    return Text(max_length=field.longest, **common)


def _cell(value: Any) -> Cell:
    """A value as a file would hold it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    cell: str | date | Decimal = value
    return cell


class ItemBody(Body):
    """A row, with the fields of a file."""

    columns: ClassVar[Sequence[Field]]

    def get_fields(self) -> dict[str, Any]:
        return {field.name: _value(field) for field in self.columns}


class CustomerItemBody(ItemBody):
    """A customer by its number. What is left out, or null, stays as it is, and so does a kind that a person confirmed."""

    columns = CUSTOMER_FIELDS


class InvoiceItemBody(ItemBody):
    """An invoice or a credit note by its number. What is left out, or null, stays as it is."""

    columns = INVOICE_FIELDS


class PaymentItemBody(ItemBody):
    """A payment by its external reference."""

    columns = PAYMENT_FIELDS


class Rows(Value):
    """Rows that are read one by one later: what is wrong with one is told of that one."""

    default_error_messages = {
        "invalid": _("A list is expected here, in square brackets."),
        "least": _("Send one row at least."),
        "most": _("At most {most} rows are taken in a call; these are {length}."),
    }

    def __init__(self, body: type[ItemBody], *, least: int, most: int, **kwargs: Any) -> None:
        self.body, self.least, self.most = body, least, most
        super().__init__(**kwargs)

    def schema(self) -> dict[str, Any]:
        row = {
            "type": "object",
            "description": (self.body.__doc__ or "").strip(),
            "properties": {name: _described(value) for name, value in self.body().fields.items()},
            "required": [field.name for field in self.body.columns if field.required],
            "additionalProperties": False,
        }
        return {"type": "array", "items": row, "minItems": self.least, "maxItems": self.most}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("invalid")
        if len(data) < self.least:
            self.fail("least")
        if len(data) > self.most:
            self.fail("most", most=self.most, length=len(data))
        return data


def _described(value: Any) -> dict[str, Any]:
    found = value.schema()
    found["type"] = [found["type"], "null"]
    return {**found, "description": value.help_text} if value.help_text else found


class _Bulk(Body):
    dry_run = Flag(required=False, help_text="Say what would happen, and write nothing.")
    strict = Flag(required=False, help_text="Write nothing when one row is refused.")


class CustomersBody(_Bulk):
    """Customers to create or bring up to date."""

    items = Rows(CustomerItemBody, least=1, most=MOST)


class InvoicesBody(_Bulk):
    """Invoices and credit notes to record or bring up to date."""

    items = Rows(InvoiceItemBody, least=1, most=MOST)


class PaymentsBody(_Bulk):
    """Payments to record."""

    items = Rows(PaymentItemBody, least=1, most=MOST)
    ledger_through = Day(required=False, help_text="Receipts are complete through this day, once all of these are recorded.")


class FaultOfRow(Shape):
    """What is wrong with a row."""

    field = Text(lines=True)
    code = Text()
    message = Text(lines=True)


class ResultRow(Shape):
    """What became of one row."""

    index = Count(help_text="Its place in the call; the first is 0.")
    key = Text(lines=True, help_text="Its natural key, as it is kept.")
    outcome = Word(list(_WORDS.values()))
    id = Uid(allow_null=True, help_text="null when it was refused, or nothing was written.")
    errors = FaultOfRow(many=True)  # type: ignore[assignment]  # a field of the answer, not the serializer's own errors


class ResultsRow(Shape):
    """What became of the rows: created + updated + unchanged + errors is their number."""

    created = Count()
    updated = Count()
    unchanged = Count()
    errors = Count()  # type: ignore[assignment]  # a field of the answer, not the serializer's own errors
    dry_run = Flag()
    results = ResultRow(many=True)


class _Reader:
    """Reads rows quickly: the fields that are there, each by its own value."""

    def __init__(self, body: type[ItemBody]) -> None:
        self.values: Mapping[str, Any] = body().fields

    def read(self, item: Any) -> tuple[dict[str, Cell], list[Fault]]:
        if not isinstance(item, dict):
            return {}, [Fault("", "invalid", str(Body.default_error_messages["invalid"]))]
        cells: dict[str, Cell] = {}
        faults: list[Fault] = []
        for name, given in item.items():
            value = self.values.get(name)
            if value is None:
                faults += tables.faults_of(shapes.unknown_name(name, list(self.values)), name[:60])
            elif given is not None:
                try:
                    cells[name] = _cell(value.to_internal_value(given))
                except serializers.ValidationError as error:
                    faults += tables.faults_of(error.detail, name)
        return cells, faults


class _BulkEndpoint(Endpoint):
    item: ClassVar[type[ItemBody]]
    model: ClassVar[type[Model]]
    key: ClassVar[str]  # the field of a row, and the column of its model
    column: ClassVar[str]

    def loader(self, cells: Mapping[int, Mapping[str, Cell]]) -> ItemLoader:
        raise NotImplementedError

    def load(self, call: Call) -> Answer:
        reader = _Reader(self.item)
        read = [reader.read(item) for item in call.body["items"]]
        cells = {index: values for index, (values, faults) in enumerate(read) if not faults}
        wrong = {index: faults for index, (_values, faults) in enumerate(read) if faults}
        dry_run, strict = bool(call.body.get("dry_run")), bool(call.body.get("strict"))
        found = load_items(
            self.loader(cells),
            cells,
            name=f"API: {call.caller.key.name}",
            sha256=hashlib.sha256(call.request.body).hexdigest(),
            unreadable=wrong,
            dry_run=dry_run,
            strict=strict,
            **call.acting,
        )
        for index, item in found.items():
            if item.outcome == RowOutcome.ERROR:
                wrong[index] = [Fault(item.field, "refused", item.reason)]
        if strict and wrong and not dry_run:
            raise refused([_of_row(index, fault) for index in sorted(wrong) for fault in wrong[index]])
        return Answer(self._told(read, found, wrong, dry_run))

    def _told(self, read: Sequence[Any], found: Mapping[int, Any], wrong: Mapping[int, list[Fault]], dry_run: bool) -> dict[str, Any]:
        sent = [str(values.get(self.key, "")) for values, _faults in read]
        keys = [found[index].key or key if index in found else key for index, key in enumerate(sent)]
        rows = self.model._default_manager.filter(**{f"{self.column}__in": [key for key in keys if key]})
        ids = {key: str(pk) for key, pk in rows.values_list(self.column, "pk")}
        results = []
        for index, key in enumerate(keys):
            outcome = RowOutcome.ERROR if index in wrong else found[index].outcome
            pk = None if outcome == RowOutcome.ERROR else ids.get(key)
            faults = [asdict(fault) for fault in wrong.get(index, ())]
            results.append({"index": index, "key": key, "outcome": _WORDS[outcome], "id": pk, "errors": faults})
        counts = Counter(result["outcome"] for result in results)
        return {
            "created": counts["created"],
            "updated": counts["updated"],
            "unchanged": counts["unchanged"],
            "errors": counts["error"],
            "dry_run": dry_run,
            "results": results,
        }


def _of_row(index: int, fault: Fault) -> Fault:
    return Fault(f"items[{index}].{fault.field}".rstrip("."), fault.code, fault.message)


class BulkCustomers(_BulkEndpoint):
    resource = "customers"
    item, model, key, column = CustomerItemBody, Customer, "number", "number"

    def loader(self, cells: Mapping[int, Mapping[str, Cell]]) -> ItemLoader:
        return CustomerLoader()

    @operation(
        "upsertCustomers",
        "Create customers, or bring them up to date",
        access=WRITE,
        body=CustomersBody,
        answers=ResultsRow,
        example={
            "items": [{"number": "C0042", "name": "Boulangerie Durand SARL", "email": ["compta@durand.example"], "terms": "30 jours"}]
        },
    )
    def put(self, call: Call) -> Answer:
        """Up to a thousand, by their numbers. Sent again, they change nothing."""
        return self.load(call)


class BulkInvoices(_BulkEndpoint):
    resource = "invoices"
    item, model, key, column = InvoiceItemBody, Invoice, "number", "number"

    def loader(self, cells: Mapping[int, Mapping[str, Cell]]) -> ItemLoader:
        return InvoiceLoader({str(values["customer"]) for values in cells.values() if "customer" in values})

    @operation(
        "upsertInvoices",
        "Record invoices and credit notes, or bring them up to date",
        access=WRITE,
        body=InvoicesBody,
        answers=ResultsRow,
        example={"items": [{"number": "FA-2026-0101", "customer": "C0042", "issued_on": "2026-09-01", "gross": "1200.00"}]},
    )
    def put(self, call: Call) -> Answer:
        """Up to a thousand, by their numbers. A changed amount, currency or customer of a known number is refused: issue a credit note.
        Sent again, they change nothing.
        """
        return self.load(call)


class BulkPayments(_BulkEndpoint):
    resource = "payments"
    item, model, key, column = PaymentItemBody, Payment, "external_reference", "external_reference"

    def loader(self, cells: Mapping[int, Mapping[str, Cell]]) -> ItemLoader:
        named = {str(values["customer"]) for values in cells.values() if "customer" in values}
        return PaymentLoader(certify=False, customers=named)

    @operation(
        "upsertPayments",
        "Record payments",
        access=WRITE,
        body=PaymentsBody,
        answers=ResultsRow,
        example={"items": [{"external_reference": "VIR-7781", "customer": "C0042", "amount": "1200.00", "received_on": "2026-10-08"}]},
    )
    def put(self, call: Call) -> Answer:
        """Up to a thousand, by their external references. Sent again, they change nothing; another amount, date or customer of a known
        reference is refused. One without a reference is told apart by its content alone: of two equal receipts sent in two calls the
        second is taken for the first, so send one.
        """
        answer = self.load(call)
        through = call.body.get("ledger_through")
        if through is not None and not answer.content["errors"] and not answer.content["dry_run"]:
            certify_ledger(through=through, **call.acting)
        return answer
