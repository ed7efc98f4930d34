"""What the commands print about a run, in words of the reader's language: every kind, state and reason."""

from collections.abc import Iterator, Mapping
from typing import Final

from django.utils.functional import Promise as LazyText
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from dunning.core.enums import Channel
from dunning.core.models import Organization
from dunning.core.money import format_money
from dunning.core.selectors import get_profile
from invoices.selectors import coverage_through
from notifications.enums import MessageState
from notifications.texts import shipped_texts
from scenarios.brakes import Brake
from scenarios.enums import TaskKind
from scenarios.models import PlanStep
from scenarios.selectors.frozen import frozen_by_us
from scenarios.selectors.why import step_name

_OUTCOMES: Final[dict[str, LazyText | str]] = {
    "put_off": gettext_lazy("Put off to another hour or day"),
    "gone": gettext_lazy("Already dealt with"),
    "waiting_for_service": gettext_lazy("Waiting for the provider"),
    "in_flight": gettext_lazy("Being sent"),
}
HOUSEKEEPING: Final[dict[str, LazyText | str]] = {
    "promises_broken": gettext_lazy("promises not kept"),
    "plans_broken": gettext_lazy("payment plans not kept"),
    "requests_lapsed": gettext_lazy("requests for a pause that nobody answered"),
    "holds_expired": gettext_lazy("pauses of ours past their end"),
    "tasks_alerted": gettext_lazy("tasks told to the manager"),
    "tasks_closed": gettext_lazy("tasks closed as not done"),
    "letters_late": gettext_lazy("letters not posted in time"),
    "owners_warned": gettext_lazy("account owners told of a legal step"),
    "receipts_to_match": gettext_lazy("receipts to match"),
    "triage": gettext_lazy("customers with old invoices to decide about"),
    "disputes": gettext_lazy("disputes to answer"),
    "our_work": gettext_lazy("documents and credit notes of ours to supply"),
    "replies": gettext_lazy("replies to read"),
    "insolvencies": gettext_lazy("deadlines of insolvencies"),
    "limitations": gettext_lazy("claims about to be barred"),
    "thanks": gettext_lazy("thanks for payments"),
}
_CAUSES: Final[dict[str, LazyText | str]] = {
    "volume": gettext_lazy("far more messages than announced"),
    "template": gettext_lazy("mostly the text “%s”"),
    "step": gettext_lazy("mostly the step “%s”"),
    "import": gettext_lazy("mostly one import"),
    "claimed": gettext_lazy("the total claimed in %s rose without new invoices"),
}


def language() -> str:
    """The reader's language, for amounts."""
    return "fr" if (get_language() or "fr").startswith("fr") else "en"


def outcome(code: str) -> str:
    """What became of a message that was due: its new state, or why it has none."""
    return str(MessageState(code).label) if code in MessageState.values else str(_OUTCOMES.get(code, code))


def channel(code: str) -> str:
    return str(Channel(code).label)


def task(code: str) -> str:
    return str(TaskKind(code).label)


def housekeeping(code: str) -> str:
    """What a morning's housekeeping counted."""
    return str(HOUSEKEEPING.get(code, code))


def cause(brake: Brake, steps: Mapping[str, str]) -> str:
    """Why a run stopped; `steps` are their names by key."""
    words = str(_CAUSES[brake.cause])
    name = brake.name
    if brake.cause == "step":
        name = steps.get(name, name)
    elif brake.cause == "template" and name in shipped_texts():
        name = shipped_texts()[name].wordings[language()].name
    return words % name if "%s" in words else words


def step_names() -> Mapping[str, str]:
    """The names of steps by key, as the newest version that has the step calls it; inside `tenant()`."""
    return {row.key: step_name(row) for row in PlanStep.objects.select_related("version").order_by("version__published_at", "position")}


def missing(organization: Organization, *, receipts: bool = True) -> Iterator[str]:
    """What the organization itself lacks for any reminder to leave, one sentence each, with what to do; inside `tenant()`.

    Without `receipts` nothing is said of the ledger: who plays a file brings its payments along.
    """
    profile = get_profile()
    if not profile.iban:
        command = f"python3 manage.py profile --organization {organization.slug} iban=FR76…"
        yield (
            _(
                "No reminder leaves for an invoice without an IBAN: the organization has none, and a message that asks for money says "
                "where to pay. Enter it: %s"
            )
            % command
        )
    if receipts and profile.ledger_gate and coverage_through() is None:
        yield _(
            "No reminder leaves before somebody said through which day receipts are complete: load payments with --ledger-through DATE."
        )


def waiting_for_us() -> Iterator[str]:
    """Why items stay where they are until we act, the oldest first: how many, how much, what to do; inside `tenant()`."""
    for frozen in frozen_by_us():
        amounts = " + ".join(format_money(amount, currency, language()) for currency, amount in sorted(frozen.amounts.items()))
        counted = ngettext("%d invoice", "%d invoices", frozen.items) % frozen.items
        yield _("%(reason)s: %(count)s, %(amounts)s. %(remedy)s") % {
            "reason": frozen.label, "count": counted, "amounts": amounts, "remedy": frozen.remedy,
        }  # fmt: skip
