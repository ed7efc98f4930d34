"""What steps bring, and what they cost."""

from collections.abc import Sequence
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dunning.core.enums import Channel, Phase
from dunning.core.selectors import get_profile
from dunning.dashboard import formatting
from dunning.dashboard.charts import Bar, Drawing, Key, Part, rows
from dunning.dashboard.reports.content import Content, Figure, Report, amount
from dunning.dashboard.reports.filters import PERIOD, Filters
from dunning.dashboard.reports.tables import Column, Plain, Row, Table, Value
from invoices.measures.ageing import Cell
from invoices.measures.collection import Lack, Missing
from invoices.owed import Scope
from invoices.reports.collected import collected_by_month
from scenarios.reports.costs import Cost, cost_to_collect, costs_by_channel, costs_by_step
from scenarios.reports.effects import NOTHING, Stage, StepEffect, funnel, step_effects

_UNKNOWN: Final = Missing(Lack.PRICE)


def stage_name(phase: int) -> str:
    """How far an item went, in words."""
    return _("Due") if phase == NOTHING else str(Phase(phase).label)


def build(filters: Filters) -> Content:
    stages = funnel(filters.scope, filters.period)
    effects = step_effects(filters.scope, filters.period, today=filters.today)
    if not stages[0].reached.count and not effects:
        return Content(empty=_("Nothing was due and no step was done in this period. Steps appear here as the plan carries them out."))
    own = get_profile().default_currency
    channels = costs_by_channel(filters.scope, filters.period)
    by_step = costs_by_step(filters.scope, filters.period)
    receipts = collected_by_month(Scope(own, filters.scope.group_id), filters.period).values()
    collected = sum((cell.amount for cell in receipts), Cell().amount)
    spent = sum((cost.amount for cost in channels if cost.amount is not None), Cell().amount)
    is_known = any(cost.amount is not None for cost in channels)
    hundred = cost_to_collect(channels, collected)
    return Content(
        figures=(
            Figure(_("Due in the period"), amount(stages[0].reached.amount, filters), href=_list("funnel", "reached:0", filters)),
            Figure(_("Paid before any message"), amount(stages[0].paid.amount, filters), href=_list("funnel", "0:settled", filters)),
            Figure(_("Messages"), formatting.number(sum(cost.messages for cost in channels))),
            Figure(_("Cost of sending"), formatting.money(spent, own) if is_known else "–", _("by the unit costs of the ways of sending")),
            Figure(
                _("Cost to collect 100"), "–" if hundred is None else formatting.money(hundred, own), _("sending alone, without your time")
            ),
        ),
        drawing=_drawing(stages, filters),
        tables=(_stages(stages, filters), _steps(effects, by_step, filters, own), _channels(channels, own)),
        notes=_notes(channels),
    )


def _notes(channels: Sequence[Cost]) -> list[str]:
    """What the costs leave out."""
    unknown = [str(Channel(cost.key).label) for cost in channels if cost.amount is None]
    if len(unknown) == len(channels):
        return [_("No cost is known: enter the unit cost of each way of sending in the settings.")]
    notes = [f"{_('No price is known for:')} {', '.join(unknown)}. {_('The cost leaves these out.')}"] if unknown else []
    early = sum(cost.unpriced for cost in channels if cost.amount is not None)
    if early:
        text = ngettext(
            "%(count)s message left before the unit cost of its way was stated: it counts as nothing.",
            "%(count)s messages left before the unit cost of their way was stated: they count as nothing.",
            early,
        )
        notes.append(text % {"count": formatting.number(early)})
    return notes


def _drawing(stages: Sequence[Stage], filters: Filters) -> Drawing:
    bars = [
        Bar(
            stage_name(stage.phase),
            [
                Part(stage.paid.amount, "settled", _("Paid at this point")),
                Part(stage.open.amount, "late-3", _("Open at this point")),
                Part(stage.reached.amount - stage.paid.amount - stage.open.amount, "soft", _("Went further")),
            ],
            note=amount(stage.reached.amount, filters),
        )
        for stage in stages
    ]
    keys = [Key("settled", _("Paid at this point")), Key("late-3", _("Open at this point")), Key("soft", _("Went further"))]
    text = _("Of %(due)s due, %(paid)s was paid before any message.") % {
        "due": amount(stages[0].reached.amount, filters),
        "paid": amount(stages[0].paid.amount, filters),
    }
    return rows(_("How far it goes before payment"), text, bars, keys)


def _list(report: str, line: str, filters: Filters) -> str:
    return reverse("dashboard:invoices") + filters.counted(report, line)


def _stages(stages: Sequence[Stage], filters: Filters) -> Table:
    lines: list[Row] = [
        [
            Value(stage_name(stage.phase), _list("funnel", f"reached:{stage.phase}", filters)),
            stage.reached.count,
            stage.reached.amount,
            Value(stage.paid.amount, _list("funnel", f"{stage.phase}:settled", filters), label=stage_name(stage.phase)),
            Value(stage.open.amount, _list("funnel", f"{stage.phase}:open", filters), label=stage_name(stage.phase)),
        ]
        for stage in stages
    ]
    heads = [
        Column(_("Phase reached")),
        Column(_("Items"), "count", is_minor=True),
        Column(_("Amount"), "amount"),
        Column(_("Paid at this point"), "amount"),
        Column(_("Still open"), "amount"),
    ]
    return Table(_("From due to paid"), heads, lines, filters.currency)


def _steps(effects: Sequence[StepEffect], costs: dict[str, Cost], filters: Filters, own: str) -> Table:
    lines: list[Row] = []
    for effect in effects:
        cost = costs.get(effect.key)
        lines.append(
            [
                Value(effect.name, _list("steps", effect.key, filters), note=str(Channel(effect.channel).label)),
                effect.rate.count,
                Value(effect.rate.met, _list("steps", f"{effect.key}:paid", filters), label=effect.name),
                effect.rate.share,
                effect.rate.share_by_amount,
                effect.collected,
                Value(effect.recent.count, _list("steps", f"{effect.key}:recent", filters), label=effect.name),
                _spent(cost, own),
            ]
        )
    heads = [
        Column(_("Step")),
        Column(_("Items"), "count"),
        Column(_("Paid within 7 days"), "count"),
        Column(_("By number"), "percent"),
        Column(_("By amount"), "percent", is_minor=True),
        Column(_("Came in within 7 days"), "amount"),
        Column(_("Too recent to judge"), "count", is_minor=True),
        Column(_("Cost of sending"), is_minor=True),
    ]
    return Table(_("Step by step"), heads, lines, filters.currency)


def _spent(cost: Cost | None, own: str) -> Plain:
    """What the messages of a step cost, in the organization's currency; nothing where none left."""
    if cost is None:
        return ""
    return _UNKNOWN if cost.amount is None else formatting.money(cost.amount, own)


def _channels(channels: Sequence[Cost], own: str) -> Table:
    lines: list[Row] = [
        [
            str(Channel(cost.key).label),
            cost.messages,
            _UNKNOWN if cost.amount is None else cost.amount,
            _UNKNOWN if cost.amount is None else cost.each,
        ]
        for cost in channels
    ]
    heads = [Column(_("Channel")), Column(_("Messages"), "count"), Column(_("Cost"), "amount"), Column(_("Each"), "price")]
    known = [cost for cost in channels if cost.amount is not None]
    total = sum((cost.amount for cost in known if cost.amount is not None), Cell().amount) if known else _UNKNOWN
    foot: Row = [_("Together"), sum(cost.messages for cost in channels), total]
    return Table(_("Cost of sending, by channel"), heads, lines, own, foot)


STEPS = Report(
    key="steps",
    name=gettext_lazy("Steps"),
    question=gettext_lazy("What do reminders bring, and what do they cost?"),
    definition=(
        gettext_lazy(
            "How far: items due in the period by the highest phase done before they were paid. Step by step: items for which the step "
            "was done in the period and at least a week ago; paid within 7 days means paid off from the day after the step. A payment "
            "that follows a step is not proof that the step brought it."
        ),
        gettext_lazy(
            "Costs are those of messages that left, of every kind, by the unit cost of each way of sending, in your own currency. A "
            "message that carries several steps is counted once, for the one that presses most."
        ),
    ),
    uses=frozenset({PERIOD}),
    build=build,
    icon="milestone",
)
