"""Action plans: their immutable versions, and who follows which."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Customer, CustomerGroup
from dunning.api import bodies
from dunning.api.endpoint import Answer, Call, Endpoint
from dunning.api.errors import Fault, refused
from dunning.api.fields import Count, Day, Flag, Several, Text, Uid
from dunning.api.operations import operation
from dunning.api.shapes import Body, Children, Expansion, Shape
from dunning.api.tables import Filter, Table
from dunning.api.v1.base import get, named, needed
from dunning.api.v1.groups import GroupRow
from dunning.core.scopes import WRITE
from invoices.models import Invoice
from scenarios.models import ActionPlan, PlanAssignment, PlanStep, PlanVersion
from scenarios.plan_files import PlanFileError
from scenarios.plan_sentences import sentence
from scenarios.services.plan_exchange import export_plan, import_plan
from scenarios.services.plans import Target, archive_plan, assign_plan, unassign_plan


class PlanRow(Shape):
    """A plan by its lasting name."""

    class Meta:
        model = ActionPlan
        columns = {
            "id": "",
            "key": "",
            "name": "",
            "name_en": "",
            "description": "",
            "description_en": "",
            "archived_at": "",
            "created_at": "",
        }


class StepRow(Shape):
    """One step of a version; its key is stable over versions."""

    class Meta:
        model = PlanStep
        always = True
        columns = {
            "key": "",
            "position": "",
            "phase": "How hard it presses.",
            "channel": "",
            "task_kind": "Of a call or a task.",
            "anchor": "What its offset is counted from.",
            "offset": "",
            "unit": "",
            "template_key": "Its text.",
            "name": "",
            "name_en": "",
            "conditions": "Read on the day it falls due; false, it is skipped.",
            "requires": "Keys of the steps its text cites.",
            "term_days": "The term it gives.",
            "announces": "The consequence it announces.",
            "executes": "The consequence it carries out.",
            "contact_roles": "First choice of recipients, in order.",
            "needs_approval": "",
        }


class VersionRow(Shape):
    """One immutable wording of a plan; the highest number is in force."""

    class Meta:
        model = PlanVersion
        columns = {
            "id": "",
            "plan_id": "",
            "number": "",
            "grouping": "What one message covers.",
            "minimum_amount": "Net amounts below it are not chased.",
            "spacing_days": "Business days between messages; null: your organization's.",
            "thanks": "Whether payments are thanked for.",
            "published_at": "",
            "published_by": "",
        }
        children = {"steps": Children(StepRow, "version_id", ("position",))}
        expand = {"plan": Expansion(PlanRow, "plan_id")}


class AssignmentRow(Shape):
    """Who follows a plan: an invoice, a customer, a group, or - with none of them - everybody else."""

    class Meta:
        model = PlanAssignment
        columns = {
            "id": "",
            "plan_id": "",
            "group_id": "",
            "customer_id": "",
            "invoice_id": "",
            "since": "Items enter the plan on this day.",
        }
        expand = {"plan": Expansion(PlanRow, "plan_id"), "group": Expansion(GroupRow, "group_id")}


class AssignmentBody(Body):
    """A plan for an invoice, a customer, a group, or - with none of them - everybody else."""

    plan_id = Uid()
    group_id = Uid(required=False)
    customer_id = Uid(required=False)
    invoice_id = Uid(required=False)
    since = Day(required=False, help_text="Today when left out.")


class PublishedRow(Shape):
    """What became of a plan file."""

    plan_id = Uid()
    version_id = Uid()
    version = Count()
    is_new = Flag(help_text="Whether it is a new version; false: nothing in it changed.")
    texts = Count(help_text="Texts that were written.")
    warnings = Several(Text(lines=True), help_text="What is worth a look.")


def _in_use(rows: QuerySet[ActionPlan], value: bool) -> QuerySet[ActionPlan]:
    return rows.filter(archived_at__isnull=value)


PLANS = Table(
    name="plan",
    shape=PlanRow,
    rows=ActionPlan.objects.all,
    filters={
        "key": Filter(Text(max_length=40), "key"),
        "in_use": Filter(Flag(), _in_use, "Only those that are not archived, or only the others."),
    },
    order={"name": "name", "id": "id"},
    newest_first=False,
)
VERSIONS = Table(
    name="plan version",
    shape=VersionRow,
    rows=PlanVersion.objects.all,
    filters={"plan_id": Filter(Uid(), "plan"), "number": Filter(Count(least=1), "number")},
)
ASSIGNMENTS = Table(
    name="assignment",
    shape=AssignmentRow,
    rows=PlanAssignment.objects.all,
    filters={
        "plan_id": Filter(Uid(), "plan"),
        "group_id": Filter(Uid(), "group"),
        "customer_id": Filter(Uid(), "customer"),
        "invoice_id": Filter(Uid(), "invoice"),
    },
)


class Plans(Endpoint):
    resource = "plans"

    @operation("listPlans", "List plans", lists=PLANS)
    def get(self, call: Call) -> Answer:
        """Plans by name."""
        return call.list(PLANS)

    @operation(
        "publishPlan",
        "Publish a plan file",
        access=WRITE,
        takes=bodies.YAML,
        answers=PublishedRow,
        parameters={"dry_run": Filter(Flag(), "", "Check it, and change nothing.")},
    )
    def post(self, call: Call) -> Answer:
        """A new immutable version of the plan of that key, or nothing new when nothing in it changed. The file is what `getPlanFile` gives
        and docs/plans.md describes; one that cannot work is refused with every reason.
        """
        try:
            done = import_plan(source=call.body, dry_run=call.query.get("dry_run", False), **call.acting_now)
        except PlanFileError as error:
            raise refused([Fault("", "plan_file", mistake) for mistake in error.mistakes]) from None
        publication = done.publication
        return Answer(
            {
                "plan_id": str(publication.plan.pk),
                "version_id": str(publication.version.pk),
                "version": publication.version.number,
                "is_new": publication.is_new,
                "texts": done.texts,
                "warnings": [sentence(problem) for problem in publication.warnings],
            }
        )


class OnePlan(Endpoint):
    resource = "plans"

    @operation("getPlan", "Read a plan", shows=PLANS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One plan; its steps are in its versions."""
        return call.show(PLANS, pk)


class PlanFile(Endpoint):
    resource = "plans"

    @operation(
        "getPlanFile",
        "Read a plan as a file",
        answers=bodies.YAML,
        parameters={"texts": Filter(Flag(), "", "With its texts, in every language.")},
    )
    def get(self, call: Call, pk: UUID) -> Answer:
        """The version in force, as people read it and keep it under version control."""
        content = export_plan(key=get(ActionPlan, pk).key, with_texts=call.query.get("texts", False))
        return Answer(content.encode(), media_type=bodies.YAML)


class ArchivePlan(Endpoint):
    resource = "plans"

    @operation("archivePlan", "Put a plan away", access=WRITE, shows=PLANS)
    def post(self, call: Call, pk: UUID) -> Answer:
        """Refused while anything follows it. Nothing happens the second time."""
        archive_plan(plan=get(ActionPlan, pk), **call.acting_now)
        return call.show(PLANS, pk)


class Versions(Endpoint):
    resource = "plans"

    @operation("listPlanVersions", "List versions of plans", lists=VERSIONS)
    def get(self, call: Call) -> Answer:
        """Versions with their steps, the newest first."""
        return call.list(VERSIONS)


class OneVersion(Endpoint):
    resource = "plans"

    @operation("getPlanVersion", "Read a version of a plan", shows=VERSIONS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One version with its steps."""
        return call.show(VERSIONS, pk)


class Assignments(Endpoint):
    resource = "plans"

    @operation("listAssignments", "List who follows which plan", lists=ASSIGNMENTS)
    def get(self, call: Call) -> Answer:
        """The most particular assignment wins: invoice, customer, group, everybody else."""
        return call.list(ASSIGNMENTS)

    @operation(
        "assignPlan",
        "Have somebody follow a plan",
        access=WRITE,
        body=AssignmentBody,
        shows=ASSIGNMENTS,
        status=201,
        example={"plan_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d10", "customer_id": "01993f2e-7c1a-7b52-9d0e-3f6a2b8c4d11"},
    )
    def post(self, call: Call) -> Answer:
        """In place of the plan it followed. Items keep the level they have reached."""
        given = call.body
        if sum(f"{name}_id" in given for name in ("group", "customer", "invoice")) > 1:
            raise refused(
                [Fault("", "several_targets", _("Name a group, a customer or an invoice: one of them, or none for everybody else."))]
            )
        target = Target(
            group=named(CustomerGroup, given.get("group_id"), "group_id"),
            customer=named(Customer, given.get("customer_id"), "customer_id"),
            invoice=named(Invoice, given.get("invoice_id"), "invoice_id"),
        )
        plan = needed(ActionPlan, given["plan_id"], "plan_id")
        assignment = assign_plan(plan=plan, target=target, since=given.get("since", call.caller.today), **call.acting_now)
        return call.show(ASSIGNMENTS, assignment.pk, status=201, location=f"/api/v1/assignments/{assignment.pk}")


class OneAssignment(Endpoint):
    resource = "plans"

    @operation("getAssignment", "Read an assignment", shows=ASSIGNMENTS)
    def get(self, call: Call, pk: UUID) -> Answer:
        """One assignment."""
        return call.show(ASSIGNMENTS, pk)

    @operation("unassignPlan", "Take an assignment away", access=WRITE, status=204)
    def delete(self, call: Call, pk: UUID) -> Answer:
        """The next wider one applies then."""
        found = get(PlanAssignment, pk, "group", "customer", "invoice")
        unassign_plan(target=Target(group=found.group, customer=found.customer, invoice=found.invoice), **call.acting_now)
        return Answer(status=204)
