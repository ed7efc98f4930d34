"""What became of every due message: our database on one side, the provider's own journal on the other. The journal is right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from uuid import UUID

from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from notifications.models import InboundEvent, Message
from scenarios.models import Task

SAID = frozenset({"accepted", "delivered", "bounced", "complained"})  # we say it left
ASIDE = frozenset({"held", "failed", "cancelled", "awaiting_approval"})  # it stays, and says why


@dataclass
class Verdict:
    """Counts of one capability class; `wrong` names the messages behind what must be zero."""

    sends: int = 0
    delivered: int = 0
    lost: int = 0  # due, never delivered, and nobody was told
    duplicated: int = 0
    astray: int = 0  # delivered once, and we say it stayed
    aside: int = 0  # held, failed or withdrawn, with its reason
    uncertain: int = 0  # were uncertain at some time
    settled: int = 0  # of those: decided since, or a person's task where nobody can be asked
    tasks: int = 0
    reports: int = 0  # different ones the provider made, each until it was answered with a 2xx
    unread: int = 0  # of these, not kept and applied exactly once
    untold: int = 0  # left, and our message's state is not what was reported, or a person was asked
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        for name in (count.name for count in fields(self) if count.name != "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.wrong += other.wrong

    def line(self, name: str, kills: int) -> str:
        return f"result name=chaos class={name} sends={self.sends} kills={kills} {self.counts()}"

    def counts(self) -> str:
        return (
            f"lost={self.lost} duplicated={self.duplicated} uncertain={self.uncertain} settled={self.settled} astray={self.astray}"
            f" aside={self.aside} tasks={self.tasks} reports={self.reports} unread={self.unread} untold={self.untold}"
        )

    @property
    def is_broken(self) -> bool:
        return bool(self.lost or self.duplicated or self.astray or self.unread or self.untold)


def judge(houses: Sequence[Organization], due: Mapping[UUID, Sequence[UUID]], journal: Counter[str], fates: Mapping[str, str]) -> Verdict:
    """Compare every due message of these organizations with the journal of the provider they send through, and with what it reported."""
    verdict = Verdict()
    for house in houses:
        with tenant(house):
            states = dict(Message.objects.filter(pk__in=due[house.pk]).values_list("pk", "state"))
            reasons = dict(Message.objects.filter(pk__in=due[house.pk]).values_list("pk", "reason"))
            trail = AuditEvent.objects.filter(action="message.uncertain").values_list("object_id", flat=True)
            doubted = set(trail)
            tasks = {str(pk) for pk in Task.objects.filter(kind="uncertain_sending").values_list("message_id", flat=True)}
        for pk in due[house.pk]:
            state, times = states.get(pk, "gone"), journal[str(pk)]
            _place(verdict, pk, state, reasons.get(pk, ""), times, str(pk) in doubted, str(pk) in tasks)
            fate = fates.get(str(pk), "")
            if fate and (state != fate or str(pk) in tasks):
                verdict.untold += 1
                verdict.wrong.append(f"{pk}: {fate} was reported, and we say {state}{', and asked a person' if str(pk) in tasks else ''}")
    strangers = set(journal) - {str(pk) for ids in due.values() for pk in ids}
    for key in strangers:
        verdict.duplicated += 1
        verdict.wrong.append(f"{key}: delivered, and nobody asked for it")
    return verdict


def read_up(houses: Sequence[Organization], verdict: Verdict, reports: Mapping[str, int]) -> None:
    """Compare the reports the provider made with the calls that were kept, and those with what was applied."""
    verdict.reports = reports["taken"] + reports["waiting"] + reports["given_up"]
    states: Counter[str] = Counter()
    for house in houses:
        with tenant(house):
            states.update(InboundEvent.objects.values_list("state", flat=True))
    verdict.unread = abs(verdict.reports - states["applied"]) + states.total() - states["applied"]
    if verdict.unread:
        verdict.wrong.append(f"reports: {dict(reports)}, kept: {dict(states)}")


def _place(verdict: Verdict, pk: UUID, state: str, reason: str, times: int, was_uncertain: bool, has_task: bool) -> None:
    verdict.sends += 1
    verdict.delivered += times > 0
    verdict.tasks += has_task
    if times > 1:
        verdict.duplicated += 1
        verdict.wrong.append(f"{pk}: delivered {times} times ({state})")
    unknown = state in ("uncertain", "unproven") and has_task
    if times == 0 and state not in ASIDE and not unknown:
        verdict.lost += 1
        verdict.wrong.append(f"{pk}: {state} ({reason}), never delivered")
    if times == 0 and state in ASIDE:
        verdict.aside += 1
        if not reason:
            verdict.lost += 1
            verdict.wrong.append(f"{pk}: {state} without a reason, never delivered")
    if times == 1 and state not in SAID and not unknown:
        verdict.astray += 1
        verdict.wrong.append(f"{pk}: delivered, and we say {state} ({reason})")
    if was_uncertain or state in ("uncertain", "unproven"):
        verdict.uncertain += 1
        verdict.settled += state in SAID or state in ASIDE or unknown
