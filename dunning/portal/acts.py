"""What an act of the debtor's page is made of: what it says, what it asks, what it does. `views.acts` draws and sends any of them."""

import copy
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.enums import PortalAction
from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.money import format_date, format_money
from dunning.portal.access import Visitor
from dunning.portal.forms.papers import PaperForm
from invoices.models import Declaration, Installment
from invoices.services import refuse_frozen
from scenarios.services.portal import Speaker


class Scope(Enum):
    """What an act is about when nothing is ticked."""

    DUE = "due"  # everything overdue, or all when nothing is
    ONE = "one"  # the only open invoice; among several the person chooses
    ACCOUNT = "account"  # no invoice at all: the customer's account


class _Typed(forms.Form):
    """What somebody typed, to be shown and sent again."""

    use_required_attribute = False


class Act:
    """One thing a debtor may say. Texts are in the visitor's language; what the page shows and what is kept come from `statement`."""

    action: ClassVar[PortalAction]
    name: ClassVar[str]  # of its address: portal/<name>/
    title: ClassVar[LazyText | str]
    button: ClassVar[LazyText | str]
    form_class: ClassVar[type[forms.Form]]
    first_class: ClassVar[type[forms.Form] | None] = None  # of what is asked before that form can be drawn
    unless_ticked: ClassVar[Scope] = Scope.DUE  # what it is about when nothing is ticked
    binds: ClassVar[bool] = False  # to pay: never said of what a judgment froze

    def lead(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        """One or two sentences under the title."""
        return ""

    def before(self, visitor: Visitor, items: Sequence[Installment], data: Any = None) -> forms.Form | None:
        """What is asked before the act's own form can be drawn, with what is wrong in it; None once `data` has it all."""
        return None

    def form(self, visitor: Visitor, items: Sequence[Installment], data: Any = None, files: Any = None) -> forms.Form:
        """The act's form; unbound while `data` answers only what comes before it."""
        return self.form_class(data, files)

    def empty_form(self, data: Any) -> forms.Form:
        """The form with what was typed, judged by nobody: its page closed, and who typed is not known any more."""
        asked = (self.first_class or self.form_class).base_fields
        fields = [(name, field) for name, field in asked.items() if not isinstance(field, forms.FileField)]
        typed = _Typed(initial={name: data.get(name) for name in data})
        typed.fields.update({name: copy.deepcopy(field) for name, field in fields})
        return typed

    def perform(self, visitor: Visitor, speaker: Speaker, items: Sequence[Installment], data: dict[str, Any]) -> Declaration:
        """Do it, through one service. Its refusals are DomainErrors."""
        raise NotImplementedError

    def closed(self, visitor: Visitor, items: Sequence[Installment]) -> str:
        """A sentence when this cannot be done here; "" when it can."""
        if self.binds:
            try:
                refuse_frozen(items)
            except DomainError as refusal:
                return refusal.message
        return ""


def item_line(item: Installment, language: str) -> str:
    """`FA-2026-00042: 1 840,25 €, due on 1 October 2026`."""
    return _("%(number)s: %(amount)s, due on %(day)s") % {
        "number": item.invoice.number,
        "amount": format_money(item.outstanding, item.invoice.currency, language),
        "day": format_date(item.due_on, language),
    }


def totals_of(items: Sequence[Installment], language: str) -> list[str]:
    """What these items come to, a line for each currency."""
    sums: dict[str, Decimal] = {}
    for item in items:
        sums[item.invoice.currency] = sums.get(item.invoice.currency, Decimal(0)) + item.outstanding
    return [format_money(amount, currency, language) for currency, amount in sorted(sums.items())]


def statement(act: Act, visitor: Visitor, items: Sequence[Installment], form: forms.Form, *, files: Sequence[documents.File] = ()) -> str:
    """The exact words of a form: its title and sentences, its items, the paper that is signed, every question and answer, its button."""
    language = visitor.language
    count = len(items)
    about = ngettext("%(count)s invoice, %(total)s:", "%(count)s invoices, %(total)s:", count)
    lines = [str(act.title), act.lead(visitor, items)]
    if items:
        lines.append(about % {"count": count, "total": " + ".join(totals_of(items, language))})
        lines += [f"- {item_line(item, language)}" for item in items]
    if isinstance(form, PaperForm):
        lines.append(form.text)
    lines += [f"{bound.label} {_answer(bound, files)}".strip() for bound in form.visible_fields()]
    lines.append(f"[{act.button}]")
    return "\n".join(line for line in lines if line)


def _answer(bound: forms.BoundField, files: Sequence[documents.File]) -> str:
    """What was answered, as the person saw it."""
    if isinstance(bound.field, forms.BooleanField):
        return "[x]" if bound.data else "[ ]"
    if isinstance(bound.field, forms.FileField):
        return ", ".join(f"{file.filename} (SHA-256 {hashlib.sha256(file.content).hexdigest()})" for file in files)
    if isinstance(bound.field, forms.ChoiceField):
        return str(dict(bound.field.choices).get(bound.data or "", ""))  # type: ignore[arg-type]  # choices of ours are flat
    return str(bound.data or "").strip()
