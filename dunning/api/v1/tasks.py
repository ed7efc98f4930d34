"""Tasks on people's desks, and the steps plans took."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from customers.enums import ContactRole, InsolvencyKind
from customers.models import Contact
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Amount, Day, Moment, Several, Text, Uid, Word
from dunning.api.operations import operation
from dunning.api.shapes import Body, Children, Expansion, Shape
from dunning.api.tables import Filter, Table, one
from dunning.api.v1.base import ReasonBody, all_named, get, member
from dunning.api.v1.customers import CustomerRow
from dunning.core.scopes import WRITE
from invoices.enums import DisputeReason
from invoices.models import Installment
from scenarios.enums import ActionState, CallOutcome, Phase, TaskKind, TaskState
from scenarios.models import Action, ActionMessage, Task, TaskAttempt
from scenarios.services import tasks as services
from scenarios.services.calls import record_call


class CallAttemptRow(Shape):
    """One call that was tried."""

    class Meta:
        model = TaskAttempt
        always = True
        columns = {"id": "", "at": "", "on": "", "actor": "", "outcome": "", "note": "", "details": ""}


class TaskRow(Shape):
    """Something a person must do."""

    class Meta:
        model = Task
        columns = {
            "id": "",
            "kind": "",
            "state": "",
            "title": "",
            "customer_id": "",
            "installment_id": "",
            "message_id": "",
            "payment_id": "",
            "dispute_id": "",
            "hold_id": "",
            "details": "",
            "amount": "",
            "currency": "",
            "opened_on": "",
            "due_on": "",
            "not_before": "Not shown before this moment.",
            "assignee_id": "On whose desk it is; null: everybody's.",
            "outcome": "",
            "note": "",
            "closed_at": "",
            "closed_by": "",
            "created_at": "",
        }
        children = {"attempts": Children(CallAttemptRow, "task_id", ("at", "pk"))}
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class CarrierRow(Shape):
    """The message that carried a step."""

    class Meta:
        model = ActionMessage
        always = True
        columns = {"message_id": "", "section": "Where the item stood in it.", "own_step": "false: it was only listed."}


class ActionRow(Shape):
    """A step taken or skipped for one instalment."""

    class Meta:
        model = Action
        columns = {
            "id": "",
            "installment_id": "",
            "invoice_number": "",
            "customer_id": "",
            "plan_id": "null: a reminder sent before this system.",
            "version_id": "",
            "run_id": "",
            "task_id": "",
            "step_key": "",
            "occurrence": "",
            "phase": "",
            "channel": "",
            "state": "",
            "reason": "Why it is in this state.",
            "variant": "Which wording was used.",
            "nominal_on": "",
            "taken_on": "The day it was decided.",
            "done_on": "The day it counts from.",
            "amount": "What was asked for.",
            "created_at": "",
        }
        sources = {"invoice_number": "installment__invoice__number"}
        children = {"messages": Children(CarrierRow, "action_id")}
        expand = {"customer": Expansion(CustomerRow, "customer_id")}


class CompleteBody(Body):
    """That a task was done."""

    outcome = Text(max_length=24, required=False)
    note = Text(max_length=2000, lines=True, required=False)


class DeskBody(Body):
    """On whose desk a task is."""

    assignee_id = Uid(allow_null=True, help_text="A person of your organization; null: nobody's.")


class PostponeBody(Body):
    """When to show a task again."""

    until = Moment()


class NewContactBody(Body):
    """The person who is in charge instead."""

    phone = Text(max_length=40, required=False)
    role = Word(ContactRole.values, required=False)

    class Meta:
        model = Contact
        columns = {"name": "", "email": ""}


class CallDetailsBody(Body):
    """The particulars an outcome needs."""

    date = Day(required=False, help_text="The promised, announced or judgment day, or the last day away.")
    at = Moment(required=False, help_text="When to call back.")
    amount = Amount(required=False)
    person = Text(max_length=120, required=False, help_text="Who was spoken to.")
    summary = Text(max_length=500, required=False, help_text="One sentence for the customer.")
    reason = Word(DisputeReason.values, required=False, help_text="What is contested.")
    kind = Word(InsolvencyKind.values, required=False, help_text="Which proceedings.")
    document = Text(max_length=120, required=False, help_text="Which document is asked for.")
    payer = Text(max_length=120, required=False, help_text="Which company pays.")
    reference = Text(max_length=100, required=False, help_text="Of the payment.")
    credited_iban_end = Text(max_length=4, required=False, help_text="The last four characters of the account they paid.")
    contact = Uid(required=False, help_text="The known person spoken to, or in charge.")
    substitute = Uid(required=False, help_text="The known person who stands in.")
    new_contact = NewContactBody(required=False)


class CallBody(Body):
    """What a call brought."""

    outcome = Word(CallOutcome.values)
    note = Text(max_length=2000, lines=True, required=False)
    installment_ids = Several(Uid(), most=500, required=False, help_text="What was spoken of; everything overdue when left out.")
    details = CallDetailsBody(required=False)


TASKS = Table(
    name="task",
    shape=TaskRow,
    rows=Task.objects.all,
    filters={
        "state": Filter(Word(TaskState.values), "state"),
        "kind": Filter(Word(TaskKind.values), "kind"),
        "customer_id": Filter(Uid(), "customer"),
        "assignee_id": Filter(Uid(), "assignee"),
        "due_to": Filter(Day(), "due_on__lte"),
    },
    order={"id": "id", "due_on": "due_on"},
)
ACTIONS = Table(
    name="action",
    shape=ActionRow,
    rows=Action.objects.all,
    filters={
        "customer_id": Filter(Uid(), "customer"),
        "installment_id": Filter(Uid(), "installment"),
        "invoice_id": Filter(Uid(), "installment__invoice"),
        "state": Filter(Word(ActionState.values), "state"),
        "phase": Filter(Word([phase.name.lower() for phase in Phase]), lambda rows, word: rows.filter(phase=Phase[word.upper()])),
        "taken_from": Filter(Day(), "taken_on__gte"),
        "taken_to": Filter(Day(), "taken_on__lte"),
    },
    order={"id": "id", "taken_on": "taken_on"},
)


class Tasks(Endpoint):
    resource = "tasks"

    @operation("listTasks", "List tasks", lists=TASKS)
    def get(self, call: Call) -> Answer:
        """The newest first."""
        return call.list(TASKS)


class _OneTask(Endpoint):
    resource = "tasks"

    def lock(self, **ids: UUID) -> dict[str, Any]:
        services.lock_task(get(Task, ids["pk"]))
        return one(TASKS, ids["pk"])


class OneTask(_OneTask):
    @operation("getTask", "Read a task", shows=TASKS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One task with the calls that were tried."""
        return call.show(TASKS, pk)


def _to_close(pk: UUID) -> Task:
    """A task that a program may close: whether a message left is for somebody to say who looked where it went. Raises Refusal 422."""
    task = get(Task, pk)
    if task.kind == TaskKind.UNCERTAIN_SENDING:
        raise refused([Fault("", "decided_elsewhere", _("A person says on screen whether this message left: that closes the task."))])
    return task


class CompleteTask(_OneTask):
    @operation(
        "completeTask", "Say that a task is done", access=WRITE, body=CompleteBody, shows=TASKS, guarded=True, example={"note": "Sent."}
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """The plan goes on. A call is done by recording it, an approval by a person who approves. Whether an uncertain message left, a
        person says on screen.
        """
        services.complete_task(task=_to_close(pk), **call.body, **call.acting)
        return call.show(TASKS, pk)


class CancelTask(_OneTask):
    @operation(
        "cancelTask",
        "Say that a task will not be done",
        access=WRITE,
        body=ReasonBody,
        shows=TASKS,
        guarded=True,
        example={"reason": "Moot."},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Steps it stood for never happen again. Whether an uncertain message left, a person says on screen."""
        services.cancel_task(task=_to_close(pk), reason=call.body["reason"], **call.acting)
        return call.show(TASKS, pk)


class AssignTask(_OneTask):
    @operation("assignTask", "Put a task on a desk", access=WRITE, body=DeskBody, shows=TASKS, guarded=True, example={"assignee_id": None})
    def post(self, call: Call, pk: UUID) -> Answer:
        """Of a person of your organization, or on nobody's."""
        assignee = member(call.caller.organization, call.body["assignee_id"], "assignee_id")
        services.assign_task(task=get(Task, pk), assignee=assignee, **call.acting_now)
        return call.show(TASKS, pk)


class PostponeTask(_OneTask):
    @operation(
        "postponeTask",
        "Show a task again later",
        access=WRITE,
        body=PostponeBody,
        shows=TASKS,
        guarded=True,
        example={"until": "2026-10-12T09:00:00+02:00"},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """It is due on that day of your organization's."""
        until = call.body["until"]
        due_on = until.astimezone(ZoneInfo(call.caller.organization.timezone)).date()
        services.postpone_task(task=get(Task, pk), until=until, due_on=due_on, **call.acting_now)
        return call.show(TASKS, pk)


class ReopenTask(_OneTask):
    @operation(
        "reopenTask", "Open a task again", access=WRITE, body=ReasonBody, shows=TASKS, guarded=True, example={"reason": "Closed too soon."}
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """Refused when the plan has gone on since."""
        services.reopen_task(task=get(Task, pk), reason=call.body["reason"], **call.acting)
        return call.show(TASKS, pk)


class RecordCall(_OneTask):
    @operation(
        "recordCall",
        "Record a call",
        access=WRITE,
        body=CallBody,
        shows=TASKS,
        guarded=True,
        example={"outcome": "promise", "details": {"person": "Paul Durand", "date": "2026-10-23"}},
    )
    def post(self, call: Call, pk: UUID) -> Answer:
        """One attempt and its one effect: a promise, a dispute, a pause… The call is done once a person was reached."""
        given = dict(call.body)
        items, details = given.pop("installment_ids", None), given.get("details", {})
        all_named(Installment, {f"installment_ids[{position}]": item for position, item in enumerate(items or [])})
        all_named(Contact, {f"details.{name}": details[name] for name in ("contact", "substitute") if name in details})
        record_call(task=get(Task, pk, "customer"), items=items, **given, **call.acting)
        return call.show(TASKS, pk)


class Actions(Endpoint):
    resource = "tasks"

    @operation("listActions", "List steps taken", lists=ACTIONS)
    def get(self, call: Call) -> Answer:
        """Steps taken and skipped, with the messages that carried them, the newest first."""
        return call.list(ACTIONS)


class OneAction(Endpoint):
    resource = "tasks"

    @operation("getAction", "Read a step taken", shows=ACTIONS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One step."""
        return call.show(ACTIONS, pk)
