"""Many rows at once: chosen on a list, weighed with counts and amounts, changed in one act, stale ones said, taken back whole."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from customers.services import create_group, set_account_owner, set_group
from dunning.core import clock
from dunning.core.enums import Role
from dunning.core.models import AuditEvent, Membership, User
from dunning.core.tenancy import tenant
from dunning.dashboard import choosing
from invoices.enums import HoldKind
from invoices.models import Hold, Installment
from invoices.services import hold_items, place_hold, release_hold, renew_hold
from notifications.inbox import mark_many_handled
from notifications.models import InboundMessage
from scenarios.models import ActionPlan, PlanAssignment, Task
from scenarios.services.plans import Target, assign_plan
from scenarios.services.tasks import assign_task, cancel_task, complete_task
from tests.dashboard.conftest import NOW, TODAY, House
from tests.dashboard.test_pages_inbox import answered
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK

PAUSE = {"kind": "pause", "side": "theirs", "ends_on": "2026-10-20", "reason": "Attente du nouvel entrepôt"}
ACTING: dict[str, Any] = {"actor": CLERK, "today": TODAY, "now": NOW}


def post(client: Client, name: str, **data: Any) -> Any:
    return client.post(reverse(f"dashboard:{name}"), data)


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden(answer: Any) -> dict[str, str]:
    return {name: value for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode())}


def invoices(house: House, count: int = 3) -> list[Installment]:
    with tenant(house.organization):
        customer = make_customer(name="Martin & Fils")
        dates = {"issued_on": date(2026, 9, 1), "due_on": date(2026, 10, 1)}
        return [make_invoice(customer, amount="100.00", currency="USD" if number == 0 else "EUR", **dates) for number in range(count)]


def trail(house: House, action: str) -> list[dict[str, Any]]:
    with tenant(house.organization):
        return list(AuditEvent.objects.filter(action=action).order_by("sequence").values_list("body", flat=True))


def paused(house: House) -> int:
    with tenant(house.organization):
        return Hold.objects.filter(kind=HoldKind.PAUSE, released_on=None).count()


def pause_alone(house: House, item: Installment) -> None:
    with tenant(house.organization):
        place_hold(installment=item, kind="pause", ends_on=date(2026, 10, 12), reason="seul", **ACTING)


def test_the_consequence_is_told_with_counts_and_amounts_before_anything_happens(owner: Client, house: House) -> None:
    items = invoices(house)
    pause_alone(house, items[2])
    told = text(post(owner, "invoices_many", act="hold", row=[*(item.pk for item in items), house.item.pk]))
    assert "3 invoices of 2 customers, €1,300.00 + US$100.00: nothing is sent or asked about them until the day below." in told
    assert "Paused already, and stays so: One invoice, €100.00." in told
    assert paused(house) == 1 and trail(house, "holds.placed") == []


def done(client: Client, name: str, data: dict[str, Any]) -> Any:
    """Confirm an act and follow to where it is told."""
    return client.post(reverse(f"dashboard:{name}"), data, follow=True)


def entry(answer: Any) -> str:
    """The act's own page, which the sentence about it leads to."""
    found = re.search(r'<a href="(/[^"]*many/[^"]+/)">Undo</a>', answer.content.decode())
    assert found is not None
    return found.group(1)


def test_many_are_paused_in_one_act_and_taken_back_as_one(owner: Client, house: House) -> None:
    items = invoices(house)
    pause_alone(house, items[2])
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in items])
    answer = done(owner, "invoices_many", {**hidden(shown), **PAUSE})
    assert "2 invoices are paused." in text(answer)
    assert paused(house) == 3
    (event,) = trail(house, "holds.placed")
    assert (event["count"], event["reason"], event["ends_on"]) == (2, PAUSE["reason"], "2026-10-20")
    assert "Nothing was changed." in text(done(owner, "invoices_many", {**hidden(shown), **PAUSE}))  # a reload adds nothing
    assert paused(house) == 3
    page = text(owner.get(entry(answer)))
    assert "The pauses of 2 invoices end, and the next run goes on with them." in page and "Stayed as it was" in page
    undone = owner.post(f"{entry(answer)}undo/", follow=True)
    assert "The pauses of 2 invoices end" in text(undone)
    assert paused(house) == 1  # the one that was there before
    assert [event["count"] for event in trail(house, "holds.released")] == [2]
    assert [event["count"] for event in trail(house, "many.undone")] == [2]
    again = owner.post(f"{entry(answer)}undo/")
    assert again.status_code == 422 and "This can no longer be taken back" in text(again)
    assert "Taken back" in text(owner.get(reverse("dashboard:many_acts")))


def test_what_somebody_changed_since_stays_and_is_named(owner: Client, house: House) -> None:
    items = invoices(house)
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in items])
    to = entry(done(owner, "invoices_many", {**hidden(shown), **PAUSE}))
    with tenant(house.organization):
        release_hold(hold=Hold.objects.get(installment=items[0], released_on=None), reason="Livré", **ACTING)
        other = Hold.objects.get(installment=items[1], released_on=None)
        renew_hold(hold=other, ends_on=date(2026, 10, 25), reason="encore", actor="user:x", today=TODAY, now=NOW)
        numbers = [item.invoice.number for item in items]
    page = text(owner.get(to))
    assert "The pause of one invoice ends" in page
    assert f"{numbers[0]} : Its pause was ended meanwhile." in page and f"{numbers[1]} : Its pause was prolonged meanwhile." in page
    owner.post(f"{to}undo/")
    with tenant(house.organization):
        assert list(Hold.objects.filter(released_on=None).values_list("installment", "ends_on")) == [(items[1].pk, date(2026, 10, 25))]


def test_rows_that_changed_meanwhile_stay_and_are_said(owner: Client, house: House) -> None:
    items = invoices(house)
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in items])
    pause_alone(house, items[0])
    said = text(done(owner, "invoices_many", {**hidden(shown), **PAUSE}))
    assert "2 invoices are paused." in said and "One changed meanwhile and stayed as it was." in said


def test_a_refusal_is_said_on_the_form_and_nothing_is_kept(owner: Client, house: House) -> None:
    shown = post(owner, "invoices_many", act="hold", row=[item.pk for item in invoices(house)])
    refused = post(owner, "invoices_many", **hidden(shown), **{**PAUSE, "ends_on": "2027-10-20"})
    assert refused.status_code == 422 and "30 days at most" in text(refused)
    assert paused(house) == 0


def test_all_that_the_filters_find_and_no_more(owner: Client, house: House) -> None:
    invoices(house)
    shown = post(owner, "invoices_many", act="hold", all="1", query="state=disputed")
    assert hidden(shown)["rows"] == house.disputed.pk.hex
    post(owner, "invoices_many", **hidden(shown), **PAUSE)
    assert paused(house) == 1


def test_too_many_nothing_or_nonsense_changes_nothing(owner: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    items = invoices(house)
    several: list[dict[str, Any]] = [{}, {"act": "hold"}, {"act": "burn", "row": [items[0].pk]}, {"act": "hold", "row": ["x"]}]
    for data in several:
        answer = owner.post(reverse("dashboard:invoices_many"), data, follow=True)
        assert "Nothing was ticked; nothing was changed." in text(answer)
    monkeypatch.setattr(choosing, "MOST", 2)
    answer = owner.post(reverse("dashboard:invoices_many"), {"act": "hold", "row": [item.pk for item in items]}, follow=True)
    assert "One act takes 2 rows at most" in text(answer)
    assert paused(house) == 0


def test_pauses_end_together(owner: Client, house: House) -> None:
    items = invoices(house)
    with tenant(house.organization):
        hold_items(installment_ids=[item.pk for item in items[:2]], kind="pause", ends_on=date(2026, 10, 12), reason="x", **ACTING)
    shown = post(owner, "invoices_many", act="resume", row=[item.pk for item in items])
    assert "One has no pause of its own that could be ended: it stays as it is." in text(shown)
    answer = done(owner, "invoices_many", {**hidden(shown), "reason": "Livré"})
    assert paused(house) == 0
    assert [event["count"] for event in trail(house, "holds.released")] == [2]
    pause_alone(house, items[1])
    page = text(owner.get(entry(answer)))
    assert "One invoice is paused again, to the day it was paused before." in page and "It was paused anew meanwhile." in page
    owner.post(f"{entry(answer)}undo/")
    with tenant(house.organization):
        again = Hold.objects.get(installment=items[0], released_on=None)
    assert (again.reason, again.ends_on, again.requested_by) == ("x", date(2026, 10, 12), CLERK)
    assert paused(house) == 2


def test_receipts_are_noted_together(owner: Client, house: House) -> None:
    ids = [item.pk for item in invoices(house)]
    shown = post(owner, "invoices_many", act="received", row=ids)
    assert "3 invoices of 1 customer, €200.00 + US$100.00: noted as received today." in text(shown)
    answer = done(owner, "invoices_many", {**hidden(shown), "text": "Au téléphone"})
    with tenant(house.organization):
        rows = Installment.objects.filter(pk__in=ids)
        assert set(rows.values_list("invoice__received_at", flat=True)) == {NOW}
    assert "So there is nothing to do." in text(post(owner, "invoices_many", act="received", row=ids))
    owner.post(f"{entry(answer)}undo/")
    with tenant(house.organization):
        assert set(rows.values_list("invoice__received_at", flat=True)) == {None}


def test_customers_get_an_owner_and_a_group_together_and_their_own_back(owner: Client, house: House) -> None:
    claire = User.objects.get(email="claire@atelier.example")
    with tenant(house.organization):
        first, second = Customer.objects.order_by("number")
        group = create_group(key="grands-comptes", name="Grands comptes", **ACTING)
        set_group(customers=[first], group=group, **ACTING)
    rows = [first.pk, second.pk]
    shown = post(owner, "customers_many", act="assign", row=rows)
    assert "2 customers, €2,000.00: their tasks of the day" in text(shown) and "Today: nobody (2)." in text(shown)
    assigned = entry(done(owner, "customers_many", {**hidden(shown), "owner": str(claire.pk)}))
    shown = post(owner, "customers_many", act="regroup", row=rows)
    assert "Today: Grands comptes (1), no group (1)." in text(shown)
    regrouped = entry(done(owner, "customers_many", {**hidden(shown), "group": "none"}))
    with tenant(house.organization):
        assert set(Customer.objects.values_list("account_owner", "group")) == {(claire.pk, None)}
        assert [event["count"] for event in trail(house, "customers.assigned")] == [2]
        set_account_owner(customers=[second.pk], owner=None, **ACTING)
    assert "Ets Lefèvre : Nobody looks after it any more." in text(owner.get(assigned))
    owner.post(f"{assigned}undo/")
    owner.post(f"{regrouped}undo/")
    with tenant(house.organization):
        assert list(Customer.objects.order_by("number").values_list("account_owner", "group")) == [(None, group.pk), (None, None)]


def test_a_plan_is_changed_for_many_with_what_it_changes_shown_first(owner: Client, house: House) -> None:
    with tenant(house.organization):
        late = make_customer("C3", name="Tardif")
        make_invoice(late, number="FA-3", amount="500.00", issued_on=date(2026, 8, 20), due_on=date(2026, 10, 1))
        plan = ActionPlan.objects.exclude(key="standard").filter(archived_at=None).order_by("key")[0]
        own = Customer.objects.get(number="C2")
        since = date(2026, 9, 1)
        before = assign_plan(plan=ActionPlan.objects.get(key="standard"), target=Target(customer=own), since=since, actor=CLERK, now=NOW)
        rows = list(Customer.objects.values_list("pk", flat=True))
        state = list(PlanAssignment.objects.order_by("pk").values_list("pk", "plan", "since"))
    with tenant(house.organization):
        events = AuditEvent.objects.count()
    chosen = {"act": "plan", "row": rows}
    assert "See what it changes" in text(post(owner, "customers_many", **chosen))
    shown = post(owner, "customers_many", **chosen, confirmed="1", plan=str(plan.pk))
    told = text(shown)
    assert "of 3 open invoices get another next step." in told and "the next day of the run:" in told and "As it would be" in told
    with tenant(house.organization):  # looking writes nothing
        assert list(PlanAssignment.objects.order_by("pk").values_list("pk", "plan", "since")) == state
        assert AuditEvent.objects.count() == events
    other = {**hidden(shown), "looked": hidden(shown)["looked"].replace("&quot;", '"'), "plan": "none"}
    assert "Follow this plan" in text(post(owner, "customers_many", **other))  # another choice is shown first, too
    to = entry(done(owner, "customers_many", {**other, "plan": str(plan.pk)}))
    with tenant(house.organization):
        assert set(PlanAssignment.objects.exclude(customer=None).values_list("plan", "since")) == {(plan.pk, TODAY)}
        assign_plan(plan=before.plan, target=Target(customer=late), since=TODAY, actor=CLERK, now=NOW)
    assert "Tardif : Another plan was chosen for it meanwhile." in text(owner.get(to))
    owner.post(f"{to}undo/")
    with tenant(house.organization):
        left = PlanAssignment.objects.exclude(customer=None).values_list("customer", "plan", "since")
        assert set(left) == {(own.pk, before.plan_id, since), (late.pk, before.plan_id, TODAY)}


def test_replies_are_dealt_with_together_and_read_again(owner: Client, house: House) -> None:
    rows = [answered(house, owner, words).pk for words in ("Un", "Deux")]
    shown = post(owner, "inbox_many", act="handle", row=rows)
    assert "2 messages are dealt with." in text(shown) and "Reminders to one customer go on" in text(shown)
    to = entry(done(owner, "inbox_many", hidden(shown)))
    with tenant(house.organization):
        assert not InboundMessage.objects.filter(handled_at=None).exists()
        assert not Customer.objects.filter(reply_pending_since__isnull=False).exists()
    assert [event["count"] for event in trail(house, "replies.handled")] == [2]
    with clock.virtual(NOW + timedelta(hours=1)):
        undone = owner.post(f"{to}undo/", follow=True)
    assert "2 messages are to be read again; their customers are left alone until then." in text(undone)
    with tenant(house.organization):
        assert InboundMessage.objects.filter(handled_at=None).count() == 2
        assert Customer.objects.filter(reply_pending_since__isnull=False).count() == 1
        assert Task.objects.filter(kind="reply", state="open").count() == 1


def test_replies_are_given_to_somebody_together_and_return(owner: Client, house: House) -> None:
    claire, anna = User.objects.get(email="claire@atelier.example"), User.objects.create_user("anna@atelier.example")
    rows = [answered(house, owner, words).pk for words in ("Un", "Deux")]
    with tenant(house.organization):
        stranger = InboundMessage.objects.create(
            event_id=house.receipt, channel="email", kind="human", sender="x@e.example", received_at=NOW
        )
    shown = post(owner, "inbox_many", act="give", row=[*rows, stranger.pk])
    assert "Today: nobody (2)." in text(shown) and "One is nobody’s yet: say first whose it is." in text(shown)
    answer = done(owner, "inbox_many", {**hidden(shown), "row": [*map(str, rows), str(stranger.pk)], "owner": str(claire.pk)})
    assert "2 messages are on another desk." in text(answer)
    with tenant(house.organization):
        assert Task.objects.get(kind="reply").assignee == claire  # of one customer: one desk
        assert InboundMessage.objects.get(pk=stranger.pk).customer is None
    assert len(trail(house, "task.assigned")) == 1
    assert "2 messages return to the desks they were on." in text(owner.post(f"{entry(answer)}undo/", follow=True))
    with tenant(house.organization):
        assert Task.objects.get(kind="reply").assignee is None
    to = entry(done(owner, "inbox_many", {**hidden(shown), "row": [str(rows[0])], "owner": str(claire.pk)}))
    with tenant(house.organization):
        assign_task(task=Task.objects.get(kind="reply"), assignee=anna, actor=CLERK, now=NOW)
    assert "It was given to somebody else meanwhile." in text(owner.get(to))


def test_a_reply_dealt_with_or_put_away_is_not_given_and_nobody_who_only_looks_gets_any(
    owner: Client, viewer: Client, house: House
) -> None:
    vera = Membership.objects.get(organization=house.organization, role=Role.VIEWER).user
    claire = User.objects.get(email="claire@atelier.example")
    rows = [answered(house, owner, words).pk for words in ("Un", "Deux")]
    shown = post(owner, "inbox_many", act="give", row=rows)
    chosen = {**hidden(shown), "row": list(map(str, rows))}
    assert str(vera.pk) not in shown.content.decode() and post(owner, "inbox_many", **chosen, owner=str(vera.pk)).status_code == 422
    to = entry(done(owner, "inbox_many", {**chosen, "owner": str(claire.pk)}))
    with tenant(house.organization):
        mark_many_handled(reply_ids=rows[:1], actor=CLERK, now=NOW)  # the other is still to be read
    assert "It was dealt with meanwhile." in text(owner.get(to))
    owner.post(f"{to}undo/")
    with tenant(house.organization):
        task = Task.objects.get(kind="reply")
        assert task.assignee is None
        cancel_task(task=task, reason="Vu au téléphone", **ACTING)
    told = text(post(owner, "inbox_many", act="give", row=rows[1:]))
    assert "The task to read one was cancelled: open it again first." in told and "So there is nothing to do." in told


def test_tasks_are_put_off_and_handed_out_together_and_back(owner: Client, viewer: Client, house: House) -> None:
    claire = User.objects.get(email="claire@atelier.example")
    with tenant(house.organization):
        dates = {"opened_on": TODAY, "due_on": TODAY}
        dates_of_law = {"opened_on": TODAY, "due_on": date(2026, 10, 12)}
        law = Task.objects.create(kind="declare_claim", customer=house.disputed.customer, **dates_of_law)
        later = Task.objects.create(kind="other", title="T9", opened_on=TODAY, due_on=date(2027, 1, 26))
        tasks = [house.call, *(Task.objects.create(kind="other", title=f"T{n}", **dates) for n in range(2))]
    ids = [task.pk for task in tasks]
    today = reverse("dashboard:today")
    assert str(ids[0]) in owner.get(today).content.decode() and "many-form" not in viewer.get(today).content.decode()
    shown = post(owner, "tasks_many", act="postpone", row=ids)
    assert "3 tasks:" in text(shown) and "Call (1)" in text(shown) and "come back on the day below, at eight" in text(shown)
    assert post(owner, "tasks_many", **hidden(shown), until=TODAY.isoformat()).status_code == 422
    put_off = entry(done(owner, "tasks_many", {**hidden(shown), "until": "2026-10-14"}))
    shown = post(owner, "tasks_many", act="postpone", row=[law.pk, later.pk])
    told = text(done(owner, "tasks_many", {**hidden(shown), "until": "2026-10-14"}))
    assert "One task is put off." in told and "The law sets this day: the task is not put off beyond it." in told
    with tenant(house.organization):
        assert set(Task.objects.filter(pk__in=[law.pk, later.pk]).values_list("due_on", flat=True)) == {
            date(2026, 10, 12),
            date(2027, 1, 26),
        }
    shown = post(owner, "tasks_many", act="hand_out", row=ids)
    assert "Today: nobody (3)." in text(shown)
    handed = entry(done(owner, "tasks_many", {**hidden(shown), "owner": str(claire.pk)}))
    with tenant(house.organization):
        rows = Task.objects.filter(pk__in=ids)
        assert set(rows.values_list("due_on", "assignee")) == {(date(2026, 10, 14), claire.pk)}
        complete_task(task=tasks[2], **ACTING)
    assert "It was closed meanwhile." in text(owner.get(put_off))
    owner.post(f"{handed}undo/")
    owner.post(f"{put_off}undo/")
    with tenant(house.organization):
        after = {task.pk: (task.due_on, task.not_before, task.assignee_id) for task in Task.objects.all()}
        assert [after[pk] for pk in ids[:2]] == [(house.call.due_on, house.call.not_before, None), (TODAY, None, None)]
        assert after[ids[2]][2] == claire.pk


def test_one_customer_s_owner_is_changed_on_its_record_and_back(owner: Client, house: House) -> None:
    claire = User.objects.get(email="claire@atelier.example")
    door = reverse("dashboard:account_owner", args=[house.item.customer_id])
    assert door in owner.get(reverse("dashboard:customer", args=[house.item.customer_id])).content.decode()
    assert "Today: nobody." in text(owner.get(door))
    assert owner.post(door, {"owner": "somebody"}).status_code == 422
    assert "Nothing was changed." in text(owner.post(door, {"owner": "none"}, follow=True))
    answer = owner.post(door, {"owner": str(claire.pk)}, follow=True)
    assert "Claire Petit looks after Durand SARL from now on." in text(answer)
    owner.post(f"{entry(answer)}undo/")
    with tenant(house.organization):
        assert Customer.objects.get(pk=house.item.customer_id).account_owner is None


def test_lists_offer_it_to_those_who_work_alone(owner: Client, viewer: Client, house: House) -> None:
    answered(house, owner)
    for name in ("invoices", "customers", "inbox"):
        assert 'form="many-form"' in owner.get(reverse(f"dashboard:{name}")).content.decode()
        assert "many-form" not in viewer.get(reverse(f"dashboard:{name}")).content.decode()


def test_nobody_reaches_another_organization_s_rows(stranger: Client, house: House) -> None:
    ids = [item.pk for item in invoices(house)]
    assert "So there is nothing to do." in text(post(stranger, "invoices_many", act="hold", row=ids))
    post(stranger, "invoices_many", act="hold", confirmed="1", row=ids, **PAUSE)
    assert paused(house) == 0
