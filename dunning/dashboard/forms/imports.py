"""Files for the ledger: giving one, saying which column is which, loading it; addresses pasted from a spreadsheet."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dunning.dashboard.forms.fields import AmountField, DayField
from invoices.enums import ImportKind
from invoices.importers.files import consent_is_needed, why_not_settled
from invoices.importers.kinds import CERTIFYING, FIELDS
from invoices.importers.labels import label_of
from invoices.importers.looking import ColumnView, Understood
from invoices.importers.mapping import IGNORE
from invoices.models import ImportFile

MOST_COLUMNS: Final = 300
"""Columns a page asks about; what lies beyond is taken as it is recognised."""
KINDS: Final = [(kind, ImportKind(kind).label) for kind in FIELDS]
ENCODINGS: Final = [("utf-8", "UTF-8"), ("utf-8-sig", _("UTF-8 with a byte order mark")), ("utf-16", "UTF-16"), ("cp1252", "Windows-1252")]
SEPARATORS: Final = [(";", _("Semicolon ;")), (",", _("Comma ,")), ("\t", _("Tab")), ("|", _("Bar |"))]
ORDERS: Final = [
    ("", _("As recognised")),
    ("dmy", _("31/12/2026, day first")),
    ("mdy", _("12/31/2026, month first")),
    ("ymd", _("2026/12/31, year first")),
]
DECIMALS: Final = [("", _("As recognised")), (",", _("Comma: 1 234,56")), (".", _("Point: 1,234.56"))]


class ManyFilesInput(forms.FileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """One file or several; a list."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(ManyFilesField, self).clean(file, initial) for file in (data if isinstance(data, (list, tuple)) else [data])]


class GiveForm(forms.Form):
    file = ManyFilesField(
        label=_("File"),
        help_text=_("CSV or XLSX, 50 MB at most. Copies of invoices: PDF files named after their invoice, or a ZIP archive of them."),
        widget=ManyFilesInput(attrs={"multiple": True, "accept": ".csv,.txt,.tsv,.xlsx,.pdf,.zip"}),
        error_messages={"required": _("Choose a file first.")},
    )
    kind = forms.ChoiceField(label=_("What it holds"), choices=[("", _("Recognise it")), *KINDS], required=False)


class AnswersForm(forms.Form):
    """How a file is read, and which column is which. The columns are fields of their own, `column-0` and so on."""

    kind = forms.ChoiceField(label=_("What it holds"), choices=[("", "—"), *KINDS])
    encoding = forms.ChoiceField(label=_("Encoding"), choices=ENCODINGS)
    separator = forms.ChoiceField(label=_("Separator"), choices=SEPARATORS)
    sheet = forms.ChoiceField(label=_("Sheet"))
    order = forms.ChoiceField(label=_("Dates"), choices=ORDERS, required=False)
    decimal = forms.ChoiceField(label=_("Decimals"), choices=DECIMALS, required=False)
    currency = forms.CharField(label=_("Currency of amounts without one"), max_length=3, required=False)

    def __init__(self, file: ImportFile, seen: Understood, data: Any = None) -> None:
        look, answers = file.look, file.answers
        first = {"kind": file.kind, **{name: look[name] for name in ("encoding", "separator", "sheet")}}
        super().__init__(data, initial={**first, **{name: answers.get(name, "") for name in ("order", "decimal", "currency")}})
        if look["encoding"]:
            del self.fields["sheet"]
        else:
            del self.fields["encoding"], self.fields["separator"]
            self.fields["sheet"].choices = [(sheet, sheet) for sheet in look["sheets"]]  # type: ignore[attr-defined]
            if len(look["sheets"]) < 2:
                del self.fields["sheet"]
        if seen.order and not answers.get("order"):
            self.fields["order"].choices = [("", _as_recognised(seen.order)), *ORDERS[1:]]  # type: ignore[attr-defined]
        self._seen = seen.columns[:MOST_COLUMNS]
        for column in self._seen:
            self.fields[_name(column)] = forms.ChoiceField(
                label=column.title or _("Column %s") % (column.place + 1),
                choices=[("", _("Not used")), *_choices(file.kind)],
                initial=column.field,
                required=False,
            )

    @property
    def columns(self) -> list[tuple[ColumnView, forms.BoundField]]:
        """What each column was taken for, with the field that changes it."""
        return [(column, self[_name(column)]) for column in self._seen]

    @property
    def reading(self) -> list[forms.BoundField]:
        """The fields about the file as a whole."""
        return [self[name] for name in self.fields if not name.startswith("column-")]

    def answers(self) -> dict[str, Any]:
        """What `change_answers` takes; a column that is not used is set aside."""
        data = self.cleaned_data
        columns = {str(column.place): data[_name(column)] or IGNORE for column in self._seen}
        plain = {name: data.get(name) or "" for name in ("encoding", "separator", "sheet", "order", "decimal")}
        return {**plain, "currency": (data.get("currency") or "").upper(), "columns": columns}


def _name(column: ColumnView) -> str:
    return f"column-{column.place}"


def _choices(kind: str) -> Sequence[tuple[str, Any]]:
    return [(item.name, label_of(kind, item.name)) for item in FIELDS.get(kind, ())]


def _as_recognised(order: str) -> str:
    return gettext("%(order)s (recognised)") % {"order": dict(ORDERS)[order]}


class LoadForm(forms.Form):
    """What a person says when a checked file is loaded; what the report does not ask for is left out."""

    control_total = AmountField(
        label=_("Balance of the customers’ account (411) in your accounting"),
        required=False,
        help_text=_("The file is loaded only if its open lines come to the same amount."),
    )
    ledger_through = DayField(
        label=_("Receipts are entered until"),
        required=False,
        help_text=_("Overdue reminders leave only for what these receipts would have paid. Left blank, what was said before stays."),
    )
    apply_settled = forms.BooleanField(label=_("Settle what the file no longer names"), required=False)
    accept_errors = forms.BooleanField(label=_("I have looked at the errors: load the other rows"), required=False)

    def __init__(self, file: ImportFile, *arguments: Any, **kwargs: Any) -> None:
        super().__init__(*arguments, **kwargs)
        report: Mapping[str, Any] = file.report
        wanted = {
            "control_total": file.kind == ImportKind.OPEN_ITEMS,
            "ledger_through": file.kind in CERTIFYING,
            "apply_settled": bool(report["absent"]["count"]) and not why_not_settled(report),
            "accept_errors": consent_is_needed(report),
        }
        for name, is_asked in wanted.items():
            if not is_asked:
                del self.fields[name]
