"""The drawn parts of the plan pages."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.template import Context, Engine
from django.utils.safestring import SafeString

from dunning.dashboard import formatting
from dunning.dashboard.badges import CHANNEL_ICONS
from dunning.dashboard.drawings import CARD_HEIGHT, CARD_WIDTH, Mark, bars, plan_board
from scenarios.enums import Channel, Phase
from scenarios.plan_words import Named, name_of
from scenarios.selectors.dry_runs import DryRunReport
from scenarios.selectors.plan_drafts import DraftStep

register = template.Library()

TONES = {Phase.SERVICE: "", Phase.FRIENDLY: "info", Phase.FIRM: "soon", Phase.LEGAL: "late"}


@register.filter
def plan_name(plan: Named) -> str:
    """A plan's name in the reader's language."""
    return name_of(plan)


@register.filter
def unit_price(value: Decimal, currency: str) -> str:
    """The price of one, with all its decimals, which an amount of money has not: `0,065 EUR`."""
    return formatting.unit_price(value, currency)


@register.filter
def phase_tone(phase: int) -> str:
    """The colour a phase is drawn in."""
    return TONES[Phase(phase)]


@register.simple_tag(takes_context=True)
def planboard(context: Context, steps: Sequence[DraftStep], label: str, may_edit: bool = False) -> SafeString:
    """A plan being written, to scale around its due date: a lane per channel, a card per step, which leads to the step below.

    With `may_edit` a card can be dragged to another day; the field of the step's day does the same without a script.
    """
    inside = [step for step in steps if not step.is_outside]
    marks = [Mark(step.content.key, step.day, step.content.channel.value) for step in inside]
    board = plan_board(marks, lanes=[channel.value for channel in Channel])
    by_key = {step.content.key: step for step in inside}
    cards = [
        {
            "place": card,
            "bottom": card.y + CARD_HEIGHT,
            "step": by_key[card.key],
            "icon": CHANNEL_ICONS.get(by_key[card.key].content.channel, "circle"),
        }
        for card in board.cards
    ]
    lanes = [{"lane": lane, "name": Channel(lane.name).label} for lane in board.lanes]
    values = {
        "board": board,
        "cards": cards,
        "lanes": lanes,
        "label": label,
        "may_edit": may_edit,
        "width": CARD_WIDTH,
        "height": CARD_HEIGHT,
    }
    with context.push(**values):
        return Engine.get_default().get_template("components/planboard.html").render(context)


@register.simple_tag(takes_context=True)
def daybars(context: Context, report: DryRunReport, label: str) -> SafeString:
    """How much comes each day on both roads of a dry run; the page gives the same days as a table."""
    highest = max((max(pair.before, pair.after) for _on, pair, _by in report.days), default=0)
    frame: dict[str, Any] = {"left": 36.0, "right": 996.0, "top": 14.0, "ground": 150.0, "highest": highest}
    before = bars([pair.before for _on, pair, _by in report.days], share=0.36, offset=0.12, **frame)
    after = bars([pair.after for _on, pair, _by in report.days], share=0.36, offset=0.52, **frame)
    every = max(1, -(-len(report.days) // 12))
    days = [
        {"on": on, "pair": pair, "old": old, "new": new, "at": round(new.x, 1), "is_named": number % every == 0}
        for number, ((on, pair, _by), old, new) in enumerate(zip(report.days, before, after, strict=True))
    ]
    values = {"days": days, "highest": highest, "label": label}
    with context.push(**values):
        return Engine.get_default().get_template("components/daybars.html").render(context)
