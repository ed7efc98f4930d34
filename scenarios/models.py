"""Action plans, what was done under them, and the desk of the people who carry them out."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from dunning.core.tenancy import TenantForeignKey, TenantModel
from scenarios.action_digest import action_digest
from scenarios.enums import (
    ActionState,
    Anchor,
    CallOutcome,
    Channel,
    CommitmentState,
    Consequence,
    Grouping,
    OffsetUnit,
    Phase,
    TaskKind,
    TaskState,
)


class ActionPlan(TenantModel):
    """A plan by its lasting name; its content is the version in force."""

    key = models.SlugField(max_length=40, db_index=False)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    description = models.CharField(max_length=300, blank=True)
    description_en = models.CharField(max_length=300, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="plan_key", fields=["organization", "key"])]

    def __str__(self) -> str:
        return self.name


class PlanVersion(TenantModel):
    """One immutable wording of a plan; the highest number is in force."""

    plan = TenantForeignKey(ActionPlan, related_name="versions")
    number = models.PositiveIntegerField()
    grouping = models.CharField(max_length=8, choices=Grouping, default=Grouping.ACCOUNT)
    minimum_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # net below it is not chased (rule 1)
    spacing_days = models.PositiveSmallIntegerField(null=True, blank=True)  # null: the organization's
    thanks = models.BooleanField(default=False)  # a word of thanks for a payment, at most once a quarter
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="plan_version_number", fields=["organization", "plan", "number"])]
        triggers: ClassVar = [pgtrigger.Protect(name="plan_version_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"v{self.number}"


class PlanStep(TenantModel):
    """One step of one version. `key` is stable over versions: a step done under one is done under the next."""

    version = TenantForeignKey(PlanVersion, related_name="steps")
    key = models.SlugField(max_length=40, db_index=False)
    position = models.PositiveSmallIntegerField()
    phase = models.PositiveSmallIntegerField(choices=Phase)
    channel = models.CharField(max_length=12, choices=Channel)
    task_kind = models.CharField(max_length=20, choices=TaskKind, blank=True)  # for CALL and TASK steps
    anchor = models.CharField(max_length=10, choices=Anchor)
    offset = models.SmallIntegerField()
    unit = models.CharField(max_length=14, choices=OffsetUnit, default=OffsetUnit.DAYS)
    template_key = models.SlugField(max_length=60, blank=True, db_index=False)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    conditions = models.JSONField(default=dict, blank=True)  # read on the day it falls due; false = skipped
    requires = models.JSONField(default=list, blank=True)  # step keys its text cites (rule 4)
    term_days = models.PositiveSmallIntegerField(null=True, blank=True)  # the term it gives
    announces = models.CharField(max_length=16, choices=Consequence, blank=True)
    executes = models.CharField(max_length=16, choices=Consequence, blank=True)
    contact_roles = models.JSONField(default=list, blank=True)  # first choice of recipients, in order; empty: the chain
    needs_approval = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="plan_step_key", fields=["organization", "version", "key"]),
            models.UniqueConstraint(name="plan_step_position", fields=["organization", "version", "position"]),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="plan_step_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.key


class PlanDraft(TenantModel):
    """A plan being written: a plan file that is not in force yet, with the texts that came with it.

    `revision` counts its changes, so that a form filled in on an older one is refused instead of undoing somebody's work.
    """

    key = models.SlugField(max_length=40, db_index=False)  # of the plan it becomes
    source = models.TextField()
    before = models.TextField(blank=True)  # the file before the last change, to take that one back
    based_on = TenantForeignKey(PlanVersion, null=True, blank=True)  # in force when it was begun; null: a new plan
    revision = models.PositiveIntegerField(default=1)
    begun_at = models.DateTimeField()
    begun_by = models.CharField(max_length=120)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_draft_per_plan", fields=["organization", "key"])]

    def __str__(self) -> str:
        return self.key


class DryRun(TenantModel):
    """Thirty days under a draft beside the same days under the plan in force, worked out a few customers at a time.

    `counts` holds what was worked out for the first `done` of `total` customers; `came_to` is the last paying group among them.
    """

    draft = TenantForeignKey(PlanDraft, on_delete=models.CASCADE, related_name="dry_runs")
    revision = models.PositiveIntegerField()  # of the draft, as it was tried
    source = models.TextField()
    instead_of = TenantForeignKey(ActionPlan)  # the plan whose customers it is tried on
    starts_on = models.DateField()
    ends_on = models.DateField()
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    came_to = models.UUIDField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=120)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_dry_run_per_draft", fields=["organization", "draft"])]

    def __str__(self) -> str:
        return f"{self.starts_on}"


class PlanAssignment(TenantModel):
    """Which plan applies: to an invoice, a customer, a group, or - with none of them - to the whole organization."""

    shared_by_all = True
    plan = TenantForeignKey(ActionPlan, related_name="assignments")
    group = TenantForeignKey("customers.CustomerGroup", null=True, blank=True)
    customer = TenantForeignKey("customers.Customer", null=True, blank=True)
    invoice = TenantForeignKey("invoices.Invoice", null=True, blank=True)
    since = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="assignment_one_target",
                condition=Q(group=None, customer=None) | Q(group=None, invoice=None) | Q(customer=None, invoice=None),
            ),
            models.UniqueConstraint(name="assignment_once", fields=["organization", "group", "customer", "invoice"], nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}"


class DailyRun(TenantModel):
    """One organization's run of one local day, what it decided by reason, and what it announced for the next day."""

    local_date = models.DateField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    actor = models.CharField(max_length=120)
    items = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)  # {"take": {"r1": 3}, "wait": {"not_yet": 120}, …}
    forecast = models.JSONField(default=dict)  # announced for the next day: messages, customers, amount by currency
    brake = models.JSONField(null=True, blank=True)  # why the run stopped and asks (rule 15)
    brake_released_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_run_per_day", fields=["organization", "local_date"])]

    def __str__(self) -> str:
        return f"{self.local_date}"


class Task(TenantModel):
    """Something a person must do."""

    kind = models.CharField(max_length=20, choices=TaskKind)
    state = models.CharField(max_length=10, choices=TaskState, default=TaskState.OPEN)
    key = models.CharField(max_length=160, blank=True)  # what makes it the same task: never opened twice
    customer = TenantForeignKey("customers.Customer", null=True, blank=True, related_name="tasks")
    installment = TenantForeignKey("invoices.Installment", null=True, blank=True)
    message = TenantForeignKey("notifications.Message", null=True, blank=True)
    payment = TenantForeignKey("invoices.Payment", null=True, blank=True)
    dispute = TenantForeignKey("invoices.Dispute", null=True, blank=True)
    hold = TenantForeignKey("invoices.Hold", null=True, blank=True)
    title = models.CharField(max_length=200, blank=True)  # values for the sentence are in details
    details = models.JSONField(default=dict, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, blank=True)
    opened_on = models.DateField()
    due_on = models.DateField()
    not_before = models.DateTimeField(null=True, blank=True)  # call back
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.CharField(max_length=24, blank=True)
    note = models.TextField(blank=True)
    alerted_on = models.DateField(null=True, blank=True)  # the manager was told (rule 9)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="task_key_once", fields=["organization", "key"], condition=~Q(key="")),
            models.UniqueConstraint(  # rule 10
                name="one_open_call_per_customer",
                fields=["organization", "customer"],
                condition=Q(kind=TaskKind.CALL, state=TaskState.OPEN),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="task_open", fields=["organization", "kind", "due_on"], condition=Q(state=TaskState.OPEN)),
            models.Index(name="task_by_customer", fields=["organization", "customer"]),
        ]

    def __str__(self) -> str:
        return self.title or self.get_kind_display()


class TaskAttempt(TenantModel):
    """One call that was tried (rule 10: at most three a week)."""

    task = TenantForeignKey(Task, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    on = models.DateField()
    actor = models.CharField(max_length=120)
    outcome = models.CharField(max_length=24, choices=CallOutcome)
    note = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(name="task_attempts", fields=["organization", "task", "at"])]

    def __str__(self) -> str:
        return self.outcome


class Action(TenantModel):
    """A step taken or skipped for one item: inserted only then, once per plan, step and occurrence (rule 2)."""

    installment = TenantForeignKey("invoices.Installment", related_name="actions")
    customer = TenantForeignKey("customers.Customer", related_name="actions")
    plan = TenantForeignKey(ActionPlan, null=True, blank=True)  # null: a reminder sent before this system (rule 3)
    version = TenantForeignKey(PlanVersion, null=True, blank=True)
    run = TenantForeignKey(DailyRun, null=True, blank=True)
    step_key = models.SlugField(max_length=40, db_index=False)
    occurrence = models.PositiveSmallIntegerField(default=1)
    phase = models.PositiveSmallIntegerField(choices=Phase)
    channel = models.CharField(max_length=12, choices=Channel)
    state = models.CharField(max_length=10, choices=ActionState, default=ActionState.PLANNED)
    reason = models.CharField(max_length=40, blank=True)  # scenarios.enums.Reason
    variant = models.CharField(max_length=30, blank=True)
    nominal_on = models.DateField(null=True, blank=True)
    taken_on = models.DateField()  # local date of the run that took it
    done_on = models.DateField(null=True, blank=True)  # rule 9
    amount = models.DecimalField(max_digits=14, decimal_places=2, default=0)  # chased amount on that day
    task = TenantForeignKey(Task, null=True, blank=True, related_name="actions")
    details = models.JSONField(default=dict, blank=True)  # imported: recipient, text
    created_at = models.DateTimeField(auto_now_add=True)
    digest = models.GeneratedField(expression=action_digest(), output_field=models.BigIntegerField(), db_persist=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="action_once",
                fields=["organization", "installment", "plan", "step_key", "occurrence"],
                include=["digest"],  # the past of many items is compared without reading their actions
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="action_done_has_date",
                condition=~Q(state=ActionState.DONE) | Q(done_on__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="action_by_customer", fields=["organization", "customer", "taken_on"]),
            models.Index(name="action_by_task", fields=["organization", "task"], condition=Q(task__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.step_key} {self.state}"


class ActionMessage(TenantModel):
    """An action is carried by a message; a message carries many (rule 5)."""

    action = TenantForeignKey(Action, on_delete=models.CASCADE, related_name="carriers")
    message = TenantForeignKey("notifications.Message", on_delete=models.CASCADE, related_name="cargo")
    section = models.CharField(max_length=16, blank=True)  # overdue, coming_due, to_confirm, information
    own_step = models.BooleanField(default=True)  # false: listed only, its plan does not move

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="action_message_once", fields=["organization", "action", "message"])]
        indexes: ClassVar = [models.Index(name="action_message_cargo", fields=["organization", "message"])]

    def __str__(self) -> str:
        return self.section


class Commitment(TenantModel):
    """An announced consequence with its date: executed, or withdrawn with a reason (rule 11)."""

    installment = TenantForeignKey("invoices.Installment", related_name="commitments")
    customer = TenantForeignKey("customers.Customer", related_name="commitments")
    consequence = models.CharField(max_length=16, choices=Consequence)
    announced_by = TenantForeignKey(Action)
    announced_on = models.DateField()
    due_on = models.DateField()
    plan = TenantForeignKey(ActionPlan)
    step_key = models.SlugField(max_length=40, db_index=False)  # the step that executes it
    state = models.CharField(max_length=10, choices=CommitmentState, default=CommitmentState.OPEN)
    closed_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="consequence_announced_once", fields=["organization", "installment", "consequence"]),
        ]
        indexes: ClassVar = [
            models.Index(name="commitment_open", fields=["organization", "customer"], condition=Q(state=CommitmentState.OPEN)),
        ]

    def __str__(self) -> str:
        return self.get_consequence_display()


class Schedule(TenantModel):
    """Where an open item stands: a cache the run writes and screens read; a deferral is a reason here."""

    installment = TenantForeignKey("invoices.Installment", on_delete=models.CASCADE, related_name="schedules")
    customer = TenantForeignKey("customers.Customer")
    version = TenantForeignKey(PlanVersion, null=True, blank=True)
    last_step_key = models.CharField(max_length=40, blank=True)
    last_done_on = models.DateField(null=True, blank=True)
    next_step_key = models.CharField(max_length=40, blank=True)
    next_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=40)  # scenarios.enums.Reason
    until = models.DateField(null=True, blank=True)  # when the reason ends, if known
    chased = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    decided_on = models.DateField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_schedule_per_item", fields=["organization", "installment"])]
        indexes: ClassVar = [
            models.Index(name="schedule_next", fields=["organization", "next_on"]),
            models.Index(name="schedule_by_reason", fields=["organization", "reason"]),
        ]

    def __str__(self) -> str:
        return self.reason
