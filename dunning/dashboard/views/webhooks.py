"""Settings, webhooks: who is called about what and how it goes, a new secret, the journal of deliveries, and sending again."""

import json
from datetime import time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core import clock
from dunning.core.event_types import CATALOGUE
from dunning.core.hours import at_wall
from dunning.core.permissions import Permission
from dunning.dashboard.components import Tab
from dunning.dashboard.forms.acts import EmptyForm
from dunning.dashboard.forms.webhooks import ALL, SOME, ReplayForm, RotateForm, WebhookForm
from dunning.dashboard.views.base import (
    MemberRequest,
    act_page,
    acting_now,
    attempt,
    choices_of,
    done,
    member,
    page,
    paged,
    submitted,
    today_of,
    with_query,
)
from notifications.enums import DeliveryState
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.webhooks import endpoints, log

ACT = ("GET", "HEAD", "POST")
TABS = ("all", *DeliveryState.values)
NAV = "settings"


def _one(pk: UUID) -> str:
    return reverse("dashboard:webhook", args=[pk])


@member(Permission.MANAGE)
def listing(request: MemberRequest) -> HttpResponse:
    return page(request, "webhooks", nav=NAV, healths=log.list_endpoints(now=clock.now()))


@member(Permission.MANAGE, methods=ACT)
def create(request: MemberRequest) -> HttpResponse:
    """Call a new address; its secret is shown in the answer, and nowhere else."""
    form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm()
    made: list[tuple[WebhookEndpoint, str]] = []

    def act(data: dict[str, Any]) -> None:
        given = {"url": data["url"], "types": form.wanted, "description": data["description"]}
        made.append(endpoints.create_endpoint(**given, **acting_now(request)))

    if submitted(request, form, act):
        ((endpoint, secret),) = made
        return _tell_secret(request, endpoint, secret)
    lead = _("Your own system is called each time something happens here. Each call is signed with a secret that is shown to you once.")
    back = reverse("dashboard:webhooks")
    return _form(request, form, title=_("Add a webhook"), verb=_("Add it"), back=back, lead=lead)


def _form(request: MemberRequest, form: WebhookForm, *, title: str, verb: str, back: str, lead: str = "") -> HttpResponse:
    """As any act's page, with every event in groups."""
    words = {"title": title, "verb": verb, "back": back, "lead": lead, "icon_name": "webhook", "action": request.path}
    return page(request, "webhook_form", nav=NAV, status=422 if form.is_bound else 200, form=form, **words)


def _tell_secret(request: MemberRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    answer = page(request, "webhook_secret", nav=NAV, endpoint=endpoint, secret=secret)
    answer["Cache-Control"] = "no-store"
    return answer


@member(Permission.MANAGE)
def show(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One webhook with its deliveries."""
    health = log.get_health(pk, now=clock.now())
    state = choices_of(request, "state", TABS, "all")
    type_ = choices_of(request, "type", CATALOGUE)
    rows = paged(request, log.list_deliveries(endpoint_id=pk, state="" if state == "all" else state, type=type_))
    words = {"all": _("All"), **{value: str(label) for value, label in DeliveryState.choices}}
    return page(
        request,
        "webhook",
        nav=NAV,
        health=health,
        endpoint=health.endpoint,
        now=clock.now(),
        meanings=[(name, CATALOGUE[name].meaning) for name in health.endpoint.types if name in CATALOGUE],
        page=rows,
        rows=list(rows.object_list),
        tabs=[Tab(label, with_query(request, state="" if key == "all" else key), is_current=key == state) for key, label in words.items()],
        types=sorted(CATALOGUE),
        type=type_,
        state=state,
    )


@member(Permission.MANAGE, methods=ACT)
def edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    initial = {
        "url": endpoint.url,
        "description": endpoint.description,
        "which": SOME if endpoint.types else ALL,
        "types": endpoint.types,
    }
    form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm(initial=initial)

    def act(data: dict[str, Any]) -> None:
        given = {"url": data["url"], "types": form.wanted, "description": data["description"]}
        endpoints.change_endpoint(endpoint_id=pk, **given, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The webhook was changed. What is on its way goes to its address of now."), _one(pk))
    return _form(request, form, title=_("Change the webhook"), verb=_("Save"), back=_one(pk))


@member(Permission.MANAGE, methods=ACT)
def rotate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A new secret, shown in the answer."""
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    form = RotateForm(request.POST) if request.method == "POST" else RotateForm()
    made: list[str] = []

    def act(data: dict[str, Any]) -> None:
        made.append(endpoints.rotate_secret(endpoint_id=pk, overlap=timedelta(hours=data["hours"]), **acting_now(request)))

    if submitted(request, form, act):
        endpoint.refresh_from_db()
        return _tell_secret(request, endpoint, made[0])
    return act_page(
        request, form, nav=NAV, title=_("Make a new secret"), verb=_("Make it"), back=_one(pk), lead=endpoint.url, icon="key-round"
    )


@member(Permission.MANAGE, methods=ACT)
def switch_off(request: MemberRequest, pk: UUID) -> HttpResponse:
    health = log.get_health(pk, now=clock.now())
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()

    def act(data: dict[str, Any]) -> None:
        endpoints.disable_endpoint(endpoint_id=pk, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The webhook is switched off."), _one(pk))
    lead = ngettext(
        "It is not called any more, and what happens meanwhile is not kept for it. %(count)d delivery under way is given up.",
        "It is not called any more, and what happens meanwhile is not kept for it. %(count)d deliveries under way are given up.",
        health.pending,
    ) % {"count": health.pending}
    return act_page(
        request, form, nav=NAV, title=_("Switch the webhook off"), verb=_("Switch it off"), back=_one(pk), lead=lead, icon="pause"
    )


@member(Permission.MANAGE, methods=("POST",))
def switch_on(request: MemberRequest, pk: UUID) -> HttpResponse:
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    changed = attempt(request, lambda: endpoints.enable_endpoint(endpoint_id=endpoint.pk, **acting_now(request)))
    return done(request, _("The webhook is called again, about what happens from now on."), _one(pk)) if changed else _back(pk)


@member(Permission.MANAGE, methods=ACT)
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    form = EmptyForm(request.POST) if request.method == "POST" else EmptyForm()

    def act(data: dict[str, Any]) -> None:
        endpoints.delete_endpoint(endpoint_id=pk, **acting_now(request))

    if submitted(request, form, act):
        return done(request, _("The webhook was deleted."), reverse("dashboard:webhooks"))
    lead = _("%(url)s is not called any more, and the journal of its deliveries goes with it. This cannot be undone.")
    return act_page(
        request,
        form,
        nav=NAV,
        title=_("Delete the webhook"),
        verb=_("Delete it"),
        back=_one(pk),
        lead=lead % {"url": endpoint.url},
        icon="trash-2",
    )


@member(Permission.MANAGE, methods=("POST",))
def test(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One event that says it is a trial."""
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    delivery = attempt(request, lambda: endpoints.send_test(endpoint_id=endpoint.pk, **acting_now(request)))
    if delivery is None:
        return _back(pk)
    return done(request, _("The test leaves now. What it was answered is below in a moment."), _delivery(pk, delivery.pk))


@member(Permission.MANAGE, methods=ACT)
def replay(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Send again everything that was given up since a day."""
    health = log.get_health(pk, now=clock.now())
    form = ReplayForm(request.POST) if request.method == "POST" else ReplayForm(initial={"since": today_of(request)})
    sent: list[int] = []

    def act(data: dict[str, Any]) -> None:
        since = at_wall(data["since"], time(0), ZoneInfo(request.membership.organization.timezone))
        sent.append(log.replay_failed(endpoint_id=pk, since=since, **acting_now(request)))

    if submitted(request, form, act):
        words = ngettext("%(count)d delivery is sent again.", "%(count)d deliveries are sent again.", sent[0]) % {"count": sent[0]}
        return done(request, words, _one(pk))
    lead = ngettext(
        "%(count)d delivery was given up. It keeps its id, so that your system knows what it has heard already.",
        "%(count)d deliveries were given up. They keep their ids, so that your system knows what it has heard already.",
        health.failed,
    ) % {"count": health.failed}
    return act_page(
        request, form, nav=NAV, title=_("Send again what was given up"), verb=_("Send again"), back=_one(pk), lead=lead, icon="rotate-ccw"
    )


@member(Permission.MANAGE)
def delivery(request: MemberRequest, pk: UUID, delivery: UUID) -> HttpResponse:
    """What was said, and what each call was answered."""
    row, attempts = _found(pk, delivery)
    body = json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
    meaning = CATALOGUE[row.type].meaning if row.type in CATALOGUE else ""
    return page(request, "webhook_delivery", nav=NAV, delivery=row, endpoint=row.endpoint, attempts=attempts, body=body, meaning=meaning)


@member(Permission.MANAGE, methods=("POST",))
def again(request: MemberRequest, pk: UUID, delivery: UUID) -> HttpResponse:
    """Send one again, under the same id."""
    _found(pk, delivery)
    sent = attempt(request, lambda: log.replay(delivery_id=delivery, **acting_now(request)))
    to = _delivery(pk, delivery)
    return done(request, _("It is sent again now, under the same id."), to) if sent else _back(pk)


def _found(pk: UUID, delivery_id: UUID) -> tuple[WebhookDelivery, Any]:
    row, attempts = log.get_delivery(delivery_id)
    if row.endpoint_id != pk:
        raise Http404
    return row, attempts


def _delivery(pk: UUID, delivery_id: UUID) -> str:
    return reverse("dashboard:webhook_delivery", args=[pk, delivery_id])


def _back(pk: UUID) -> HttpResponse:
    """A refusal was told: back to the webhook."""
    return redirect(_one(pk))
