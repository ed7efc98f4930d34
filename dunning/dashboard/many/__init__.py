"""The acts that can be done about many rows at once: what each would do, what it did, and what it is about."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest

from dunning.core.permissions import allows
from dunning.dashboard.many.base import Act, Asked
from dunning.dashboard.many.customers import Assign, Regroup
from dunning.dashboard.many.items import Hold, Received, Resume
from dunning.dashboard.many.plans import Follow
from dunning.dashboard.many.replies import Give, Handle
from dunning.dashboard.many.tasks import HandOut, Postpone

INVOICES: Final[Mapping[str, type[Act]]] = {"hold": Hold, "resume": Resume, "received": Received}
CUSTOMERS: Final[Mapping[str, type[Act]]] = {"assign": Assign, "regroup": Regroup, "plan": Follow}
REPLIES: Final[Mapping[str, type[Act]]] = {"handle": Handle, "give": Give}
TASKS: Final[Mapping[str, type[Act]]] = {"postpone": Postpone, "hand_out": HandOut}
ACTS: Final[Mapping[str, type[Act]]] = {**INVOICES, **CUSTOMERS, **REPLIES, **TASKS}
"""All of them, by the key under which `scenarios.services.many` does them."""

__all__ = ["ACTS", "CUSTOMERS", "INVOICES", "REPLIES", "TASKS", "Act", "Asked", "many_acts"]


def many_acts(request: HttpRequest, acts: Mapping[str, type[Act]]) -> list[tuple[str, str, str]]:
    """The buttons under a list, for whoever may press them: key, words, icon."""
    member = getattr(request, "membership", None)
    return [(key, str(act.button), act.icon) for key, act in acts.items() if allows(member, act.permission)]
