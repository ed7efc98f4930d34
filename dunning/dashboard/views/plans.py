"""Plans, to be read: which exist, whom they apply to, and each drawn around its due date."""

from uuid import UUID

from django.http import HttpResponse

from dunning.dashboard.badges import CHANNEL_ICONS
from dunning.dashboard.components import PlanMark
from dunning.dashboard.views.base import MemberRequest, member, page
from scenarios.enums import Phase
from scenarios.selectors import plan_view, plan_views

TONES = {Phase.SERVICE: "", Phase.FRIENDLY: "info", Phase.FIRM: "soon", Phase.LEGAL: "late"}


@member()
def listing(request: MemberRequest) -> HttpResponse:
    return page(request, "plans", nav="plans", plans=plan_views())


@member()
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = plan_view(pk)
    marks = [
        PlanMark(step.day, step.name, CHANNEL_ICONS.get(step.row.channel, "circle"), TONES[Phase(step.row.phase)], f"#{step.row.key}")
        for step in found.steps
    ]
    return page(request, "plan", nav="plans", plan=found, marks=marks, tones=TONES)
