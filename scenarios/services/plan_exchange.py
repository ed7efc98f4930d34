"""Carrying plans from one organization to another, as files."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from dunning.core.tenancy import current_organization_id, tenant
from notifications.validation import Severity
from scenarios.models import ActionPlan
from scenarios.outcomes import THANKS_TEMPLATE
from scenarios.plan_files import PlanFile, dump_plan_file, parse_plan_file
from scenarios.plan_sentences import sentence
from scenarios.plan_store import current_version, load_content, load_texts
from scenarios.services.plans import Publication, check_plan, publish_plan
from scenarios.services.texts import text_faults, text_label, write_texts


class PlanRefused(DomainError):
    """The file is readable and its plan or texts cannot work; every sentence is in the message, nothing was written."""


@dataclass(frozen=True, slots=True)
class PlanImport:
    """What an import did, or would have done: what became of the plan, and how many texts were written."""

    publication: Publication
    texts: int


def export_plan(*, key: str, with_texts: bool = False) -> str:
    """The plan in force as a file, with its texts in every language and variant if asked. Raises DomainError when there is no such plan."""
    plan = ActionPlan.objects.filter(key=key).first()
    version = current_version(plan) if plan is not None else None
    if plan is None or version is None:
        known = ", ".join(ActionPlan.objects.order_by("key").values_list("key", flat=True)) or _("none yet")
        raise DomainError(_("There is no plan “%(key)s”. Known: %(known)s.") % {"key": key, "known": known}, field="key")
    content = load_content(plan, version)
    keys = {step.template for step in content.steps if step.template} | ({THANKS_TEMPLATE} if content.thanks else set())
    texts = load_texts(keys) if with_texts else ()
    return dump_plan_file(PlanFile(content, texts))


def import_plan(*, source: str | bytes, actor: str, now: datetime, dry_run: bool = False) -> PlanImport:
    """Publish the plan of a file, and put its texts in force; the same file twice changes nothing. A dry run changes nothing at all.

    Raises PlanFileError for a file that cannot be read, PlanRefused with every sentence for one that cannot work.
    """
    plan_file = parse_plan_file(source)
    faults = [f"{text_label(text)}: {fault}" for text in plan_file.texts for fault in text_faults(text)]
    problems = check_plan(plan_file.plan, texts=plan_file.texts)
    faults += [sentence(problem) for problem in problems if problem.severity is Severity.ERROR]
    if faults:
        raise PlanRefused("\n".join(faults), code="invalid_plan", field="file")
    try:
        with tenant(current_organization_id()):
            texts = write_texts(texts=plan_file.texts, actor=actor, now=now)
            done = PlanImport(publish_plan(content=plan_file.plan, actor=actor, now=now), texts)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return done


class _Undo(Exception):
    """Takes back what a dry run wrote."""
