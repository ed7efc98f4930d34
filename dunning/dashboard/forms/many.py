"""What is asked about many rows at once."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import CustomerGroup
from dunning.core.models import User
from dunning.dashboard.forms.acts import HoldForm
from invoices.enums import HoldKind

NONE = "none"  # chosen as such: a form left as it was takes nothing away


class HoldManyForm(HoldForm):
    """As for one item; a credit note to issue is a matter of one alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["amount"]
        kinds: Any = self.fields["kind"]
        kinds.choices = [(value, label) for value, label in kinds.choices if value != HoldKind.CREDIT_NOTE_PENDING]


class OwnerForm(forms.Form):
    owner = forms.ChoiceField(label=_("Account owner"))

    def __init__(self, *args: Any, people: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(person.pk): person for person in people}
        self.fields["owner"].choices = [("", "—"), (NONE, _("Nobody")), *((pk, str(person)) for pk, person in self.people.items())]  # type: ignore[attr-defined]  # a choice field

    def clean_owner(self) -> User | None:
        return self.people.get(self.cleaned_data["owner"])


class GroupForm(forms.Form):
    group = forms.ChoiceField(label=_("Group"))

    def __init__(self, *args: Any, groups: list[CustomerGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = {str(group.pk): group for group in groups}
        self.fields["group"].choices = [("", "—"), (NONE, _("No group")), *((pk, group.name) for pk, group in self.groups.items())]  # type: ignore[attr-defined]  # a choice field

    def clean_group(self) -> CustomerGroup | None:
        return self.groups.get(self.cleaned_data["group"])


class PlanManyForm(forms.Form):
    """Which plan of their own, or that of their group."""

    plan = forms.ChoiceField(label=_("Plan"))

    def __init__(self, *args: Any, plans: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = (NONE, _("That of its group, or the default plan"))
        self.fields["plan"].choices = [("", "—"), usual, *plans]  # type: ignore[attr-defined]  # a choice field

    def clean_plan(self) -> str | None:
        return None if self.cleaned_data["plan"] == NONE else str(self.cleaned_data["plan"])
