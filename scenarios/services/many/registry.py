"""The kinds of acts there are, by the key they are asked for with."""

from collections.abc import Mapping
from typing import Final

from scenarios.services.many.customers import AssignCustomers, GroupCustomers
from scenarios.services.many.items import EndHolds, HoldItems, NoteReceipt
from scenarios.services.many.kinds import Kind
from scenarios.services.many.plans import FollowPlan
from scenarios.services.many.replies import GiveReplies, HandleReplies
from scenarios.services.many.tasks import AssignTasks, PostponeTasks

KINDS: Final[Mapping[str, Kind]] = {
    "hold": HoldItems(),
    "resume": EndHolds(),
    "received": NoteReceipt(),
    "assign": AssignCustomers(),
    "regroup": GroupCustomers(),
    "plan": FollowPlan(),
    "handle": HandleReplies(),
    "give": GiveReplies(),
    "postpone": PostponeTasks(),
    "hand_out": AssignTasks(),
}
