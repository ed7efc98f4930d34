"""The first hour of a new organization: the check list, who customers are, addresses, and what would leave."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.services.confirmations import PastedLine, add_addresses, read_addresses
from dunning.core.permissions import Permission, allows
from dunning.core.services import note_first_step
from dunning.dashboard import beginning
from dunning.dashboard.components import Tab
from dunning.dashboard.forms.beginning import AddressesForm, ConfirmForm
from dunning.dashboard.views.base import MemberRequest, acting, attempt, choices_of, done, member, page, submitted, today_of
from invoices.selectors import coverage_through
from invoices.selectors.proposals import FACTORED, HOUSES, TOPICS, proposed, proposed_houses, topic_counts
from invoices.selectors.unreachable import unreachable
from scenarios.selectors.beginning import BOARD, BY_WORD, first_steps
from scenarios.services.beginning import ask_run, confirm_customers, confirm_house
from scenarios.services.rehearsal import rehearse

WORK = ("GET", "HEAD", "POST")


@member(Permission.WORK)
def show(request: MemberRequest) -> HttpResponse:
    steps = first_steps(today=today_of(request))
    return page(
        request,
        "first_steps",
        nav="today",
        rows=beginning.rows(steps, may_manage=allows(request.membership, Permission.MANAGE)),
        done=sum(step.is_done for step in steps),
    )


@member(Permission.WORK, methods=("POST",))
def say(request: MemberRequest, step: str) -> HttpResponse:
    """Call a step done, or (without `done`) not done after all."""
    if step not in BY_WORD:
        raise Http404
    note_first_step(step=step, is_done="done" in request.POST, **acting(request))
    return redirect("dashboard:first_steps")


@member(Permission.WORK, methods=WORK)
def confirm(request: MemberRequest) -> HttpResponse:
    """Who is public, factored, debited, of a group, a consumer: proposed, and confirmed by ticking."""
    topic = choices_of(request, "topic", TOPICS, TOPICS[0])
    form = ConfirmForm(*([request.POST] if request.method == "POST" else []), asks_factor=topic == FACTORED)
    confirmed: list[int] = []

    def act(data: dict[str, Any]) -> None:
        ids = [*_ids(request, "customer"), *(customer.pk for customer in data["others"])]
        if topic == HOUSES:
            head, pays = _one(request, "head"), request.POST.get("act") == "pays"
            confirmed.append(confirm_house(head_id=head, member_ids=ids, pays=pays, **acting(request)))
        else:
            confirmed.append(confirm_customers(topic=topic, customer_ids=ids, factor=data.get("factor", ""), **acting(request)))

    if submitted(request, form, act):
        text = ngettext("%(n)s customer is confirmed.", "%(n)s customers are confirmed.", confirmed[0])
        return done(request, text % {"n": confirmed[0]}, request.get_full_path())
    counts = topic_counts()
    words = {
        "public": _("Public bodies"),
        "factored": _("Assigned to a factor"),
        "debit": _("Direct debit"),
        "houses": _("One company"),
        "consumer": _("Consumers"),
        "business": _("Businesses"),
    }
    return page(
        request,
        "confirm",
        nav="customers",
        status=422 if form.errors else 200,
        form=form,
        topic=topic,
        title=words[topic],
        proposals=[] if topic == HOUSES else proposed(topic),
        houses=proposed_houses() if topic == HOUSES else [],
        why=_why(),
        tabs=[Tab(words[key], f"{reverse('dashboard:confirm')}?topic={key}", is_current=key == topic, count=counts[key]) for key in TOPICS],
    )


def _why() -> dict[str, str]:
    return {
        "siren": _("by its SIREN"),
        "name": _("by its name"),
        "file": _("by the file"),
        "item": _("by its invoices"),
        "label": _("by the labels of its invoices"),
        "payment": _("by its receipts"),
    }


@member(Permission.WORK, methods=WORK)
def addresses(request: MemberRequest) -> HttpResponse:
    """Customers without e-mail by what they owe, and addresses pasted for them: looked at first, then added."""
    form = AddressesForm(request.POST) if request.method == "POST" else AddressesForm()
    lines: list[PastedLine] = []
    added: list[int] = []

    def act(data: dict[str, Any]) -> None:
        lines.extend(read_addresses(data["text"]))
        if request.POST.get("act") == "add":
            added.append(add_addresses(lines=lines, **acting(request)))

    if submitted(request, form, act) and added:
        text = ngettext("%(n)s address is added.", "%(n)s addresses are added.", added[0]) % {"n": added[0]}
        left = sum(bool(line.problem) for line in lines)
        if left:
            more = ngettext("%(n)s line was left out.", "%(n)s lines were left out.", left) % {"n": left}
            text = f"{text} {more}"
        return done(request, text, reverse("dashboard:addresses"))
    return page(
        request,
        "addresses",
        nav="customers",
        status=422 if form.errors else 200,
        form=form,
        lines=lines,
        usable=sum(not line.problem for line in lines),
        wrong=sum(bool(line.problem) for line in lines),
        found=unreachable(today=today_of(request)),
    )


@member(Permission.WORK, methods=WORK)
def board(request: MemberRequest) -> HttpResponse:
    """What today's run would do; with a POST it is done, and its messages wait on the departure board."""
    organization = request.membership.organization

    def act() -> str:
        note_first_step(step=BOARD, **acting(request))
        ask_run(organization=organization, **acting(request))
        return _("Today’s messages are being prepared: they will be on the departure board in a moment.")

    if request.method == "POST":
        said = attempt(request, act)
        if said:
            messages.success(request, said)
        return redirect("dashboard:board" if said else "dashboard:rehearsal")
    return page(
        request,
        "rehearsal",
        nav="messages",
        found=rehearse(organization=organization, today=today_of(request)),
        ledger_through=coverage_through(),
    )


def _ids(request: MemberRequest, name: str) -> list[UUID]:
    found = []
    for value in request.POST.getlist(name):
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _one(request: MemberRequest, name: str) -> UUID:
    """The single id of that name; one that nobody has when there is none."""
    return next(iter(_ids(request, name)), UUID(int=0))
