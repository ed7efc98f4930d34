"""What a dry run worked out, as its page shows it: thirty days under the draft beside the same days under the plan in force."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from dunning.core.enums import WRITTEN_CHANNELS, Channel
from dunning.core.selectors import get_profile
from notifications.models import MessageTemplate
from notifications.palette import example_context
from notifications.rendering import MissingValue, TemplateError, render_sms
from notifications.selectors import unit_costs
from scenarios.models import DryRun, PlanDraft, PlanStep
from scenarios.plan_files import parse_plan_file
from scenarios.plan_words import name_of

_ORDER: Final = {channel.value: number for number, channel in enumerate(Channel)}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of coming: `n` of them on a day, by a channel, of a step, in a language; cents of what is open on its items."""

    on: date
    channel: Channel
    step: str
    template: str
    language: str
    n: int
    items: int
    amounts: Mapping[str, int]


@dataclass(frozen=True)
class Side:
    """One of the two roads. `costs` by channel, in the organization's currency, None where no price is known; `by_habit` counts invoices
    that wait for their customer's usual pay run (rule 13)."""

    rows: Sequence[Row]
    customers: int
    unreached: int
    unreached_amounts: Mapping[str, Decimal]
    costs: Mapping[Channel, Decimal | None]
    by_habit: int

    @property
    def messages(self) -> int:
        return sum(row.n for row in self.rows if row.channel in WRITTEN_CHANNELS)

    @property
    def by_hand(self) -> int:
        return sum(row.n for row in self.rows if row.channel not in WRITTEN_CHANNELS)

    @property
    def cost(self) -> Decimal:
        """What is known of it."""
        return sum((cost for cost in self.costs.values() if cost is not None), Decimal(0))


@dataclass(frozen=True, slots=True)
class Pair:
    """The same figure on both roads."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class StepPair:
    name: str
    channel: Channel
    counts: Pair
    items: Pair
    before_amounts: Mapping[str, Decimal]
    after_amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class CostPair:
    channel: Channel
    counts: Pair
    unit: Decimal | None
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True)
class DryRunReport:
    """A dry run so far. `is_current`: of the draft as it is now; `parts` says how text messages were counted."""

    run: DryRun
    is_current: bool
    is_done: bool
    moved: int
    before: Side
    after: Side
    days: Sequence[tuple[date, Pair, Mapping[Channel, Pair]]]
    channels: Sequence[Channel]
    steps: Sequence[StepPair]
    costs: Sequence[CostPair]
    currency: str
    unpriced: Sequence[Channel]
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_priced(self) -> bool:
        """Whether anything is known of what it costs."""
        return any(cost.unit is not None for cost in self.costs)


def dry_run_report(draft: PlanDraft) -> DryRunReport | None:
    """What was worked out of the draft's dry run; None when there was none."""
    run = DryRun.objects.filter(draft=draft).select_related("instead_of").first()
    if run is None:
        return None
    prices = unit_costs()
    sides = {side: _rows(run.counts.get(side, {})) for side in ("before", "after")}
    parts = _parts(row for rows in sides.values() for row in rows)
    before, after = (_side(run.counts.get(side, {}), rows, prices, parts) for side, rows in sides.items())
    channels = sorted({row.channel for rows in sides.values() for row in rows}, key=lambda channel: _ORDER[channel.value])
    written = [channel for channel in channels if channel in WRITTEN_CHANNELS]
    return DryRunReport(
        run=run,
        is_current=run.revision == draft.revision,
        is_done=run.finished_at is not None,
        moved=run.counts.get("moved", 0),
        before=before,
        after=after,
        days=_days(run, before.rows, after.rows, channels),
        channels=channels,
        steps=_steps(run, before.rows, after.rows),
        costs=[_cost(channel, before, after, prices) for channel in written],
        currency=get_profile().default_currency,
        unpriced=[channel for channel in written if prices.get(channel) is None],
        parts=parts,
    )


def _rows(side: Mapping[str, Any]) -> list[Row]:
    found = []
    for key, row in side.get("rows", {}).items():
        on, channel, step, template, language = key.split("|")
        found.append(Row(date.fromisoformat(on), Channel(channel), step, template, language, row["n"], row["items"], row["amounts"]))
    return sorted(found, key=lambda row: (row.on, _ORDER[row.channel.value], row.step))


def _side(counts: Mapping[str, Any], rows: Sequence[Row], prices: Mapping[str, Decimal | None], parts: Mapping[str, int]) -> Side:
    costs: dict[Channel, Decimal | None] = {}
    for row in rows:
        if row.channel in WRITTEN_CHANNELS:
            unit = prices.get(row.channel)
            billed = row.n * (parts.get(f"{row.template}|{row.language}", 1) if row.channel == Channel.SMS else 1)
            known = costs.get(row.channel, Decimal(0))
            costs[row.channel] = None if unit is None or known is None else known + unit * billed
    amounts = _money(counts.get("unreached_amounts", {}))
    return Side(rows, counts.get("customers", 0), counts.get("unreached", 0), amounts, costs, counts.get("by_habit", 0))


def _money(cents: Mapping[str, int]) -> dict[str, Decimal]:
    return {currency: Decimal(value) / 100 for currency, value in sorted(cents.items())}


def _parts(rows: Iterable[Row]) -> dict[str, int]:
    """How many parts each text message has with the palette's examples in it, by text and language."""
    wanted = {(row.template, row.language) for row in rows if row.channel == Channel.SMS}
    texts = MessageTemplate.objects.filter(channel=Channel.SMS, key__in=[key for key, _language in wanted], variant="", is_current=True)
    found = {}
    for text in texts if wanted else ():
        if (text.key, text.language) in wanted:
            try:
                found[f"{text.key}|{text.language}"] = render_sms(text.body, example_context(text.language)).count.parts
            except (MissingValue, TemplateError):
                found[f"{text.key}|{text.language}"] = 1
    return found


def _pair(before: Iterable[Row], after: Iterable[Row]) -> Pair:
    return Pair(sum(row.n for row in before), sum(row.n for row in after))


def _days(
    run: DryRun, before: Sequence[Row], after: Sequence[Row], channels: Sequence[Channel]
) -> list[tuple[date, Pair, Mapping[Channel, Pair]]]:
    """Every day on which something comes on either road, with its counts in all and by channel."""
    found: list[tuple[date, Pair, Mapping[Channel, Pair]]] = []
    for number in range((run.ends_on - run.starts_on).days + 1):
        on = run.starts_on + timedelta(days=number)
        old, new = [row for row in before if row.on == on], [row for row in after if row.on == on]
        if old or new:
            by_channel = {
                channel: _pair([row for row in old if row.channel == channel], [row for row in new if row.channel == channel])
                for channel in channels
            }
            found.append((on, _pair(old, new), by_channel))
    return found


def _steps(run: DryRun, before: Sequence[Row], after: Sequence[Row]) -> list[StepPair]:
    """Both roads by step: in the draft's order, then those it has not."""
    content = parse_plan_file(run.source).plan
    names = {step.key: name_of(step) for step in content.steps}
    order = {step.key: number for number, step in enumerate(content.steps)}
    unknown = {row.step for row in (*before, *after)} - names.keys()
    for step in PlanStep.objects.filter(key__in=unknown).order_by("version__number") if unknown else ():
        names[step.key] = name_of(step)
    kinds = sorted({(row.step, row.channel) for row in (*before, *after)}, key=lambda kind: (order.get(kind[0], 99), kind[0], kind[1]))
    found = []
    for key, channel in kinds:
        old = [row for row in before if (row.step, row.channel) == (key, channel)]
        new = [row for row in after if (row.step, row.channel) == (key, channel)]
        items = Pair(sum(row.items for row in old), sum(row.items for row in new))
        found.append(StepPair(names.get(key, key), channel, _pair(old, new), items, _total(old), _total(new)))
    return found


def _total(rows: Iterable[Row]) -> dict[str, Decimal]:
    cents: dict[str, int] = {}
    for row in rows:
        for currency, value in row.amounts.items():
            cents[currency] = cents.get(currency, 0) + value
    return _money(cents)


def _cost(channel: Channel, before: Side, after: Side, prices: Mapping[str, Decimal | None]) -> CostPair:
    counts = _pair(
        [row for row in before.rows if row.channel == channel],
        [row for row in after.rows if row.channel == channel],
    )
    unit = prices.get(channel)
    nothing = None if unit is None else Decimal(0)
    return CostPair(channel, counts, unit, before.costs.get(channel, nothing), after.costs.get(channel, nothing))
