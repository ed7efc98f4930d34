"""What screens read of the acts about many rows. Called inside `tenant()`."""

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from dunning.core.enums import ManyRowState
from dunning.core.models import ManyAct, ManyRow

_FIRST = (ManyRowState.REFUSED, ManyRowState.UNCHANGED, ManyRowState.WAITING, ManyRowState.DONE)


def list_acts() -> QuerySet[ManyAct]:
    """The latest first, each with `changed` (rows) and `taken_back`; what takes another back is told with that one."""
    taken_back = Exists(ManyAct.objects.filter(undoes=OuterRef("pk")))
    rows = ManyAct.objects.filter(undoes=None).annotate(taken_back=taken_back)
    return rows.annotate(changed=Count("rows", filter=Q(rows__state=ManyRowState.DONE))).order_by("-asked_at", "-pk")


def rows_of(act: ManyAct) -> QuerySet[ManyRow]:
    """What was refused first, then what stayed, what waits, what was changed; each in the order of the choice."""
    order = Case(*(When(state=state, then=Value(n)) for n, state in enumerate(_FIRST)), output_field=IntegerField())
    return ManyRow.objects.filter(act=act).order_by(order, "position")


def undone_by(act: ManyAct) -> ManyAct | None:
    """The act that took this one back."""
    return ManyAct.objects.filter(undoes=act).first()
