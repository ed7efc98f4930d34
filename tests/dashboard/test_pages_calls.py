"""Call mode: whom to ring next, what to know, and the confirmation that leaves with one key."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dunning.core.enums import Role
from dunning.core.models import Membership
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.models import Promise
from notifications.models import Message
from scenarios.enums import TaskKind
from scenarios.models import Task, TaskAttempt
from tests.dashboard.conftest import NOW, TODAY, House, sign_in
from tests.factories import make_customer, make_invoice


def calls(**query: str) -> str:
    return reverse("dashboard:calls", query=query) if query else reverse("dashboard:calls")


def a_call(house: House, number: str, *, amount: str, days_late: int, broke: bool = False, **more: object) -> Task:
    """Somebody to ring: one overdue invoice, and a promise that broke last week."""
    with tenant(house.organization):
        customer = make_customer(number, name=f"Client {number}", phone="+33199000001")
        due_on = TODAY - timedelta(days=days_late)
        item = make_invoice(customer, number=f"X-{number}", amount=amount, issued_on=due_on - timedelta(days=30), due_on=due_on)
        if broke:
            Promise.objects.create(
                installment=item,
                customer=customer,
                amount=item.amount,
                made_on=TODAY - timedelta(days=12),
                promised_for=TODAY - timedelta(days=5),
                state="broken",
                closed_on=TODAY - timedelta(days=2),
                reference=new_id(),
            )
        given = {"kind": TaskKind.CALL, "customer": customer, "opened_on": TODAY, "due_on": TODAY, "currency": "EUR"}
        return Task.objects.create(**{**given, "amount": item.amount, **more})


def order(client: Client) -> list[str]:
    return [one.task.customer.name for one in client.get(calls()).context["calls"].waiting]


def test_broken_promises_come_first_then_amount_times_days(owner: Client, house: House) -> None:
    a_call(house, "C7", amount="500.00", days_late=60)  # 30,000
    a_call(house, "C8", amount="20.00", days_late=3, broke=True)
    a_call(house, "C9", amount="5000.00", days_late=1)  # 5,000; Durand: 1,200 for 8 days
    assert order(owner) == ["Client C8", "Client C7", "Durand SARL", "Client C9"]


def test_a_list_holds_what_is_mine_or_nobodys_and_its_hour_has_come(owner: Client, house: House) -> None:
    colleague = Membership.objects.get(user__email="claire@atelier.example").user
    other = sign_in(house.organization, Role.COLLECTOR, "marc@atelier.example")
    a_call(house, "C7", amount="500.00", days_late=60, assignee=colleague)
    a_call(house, "C8", amount="500.00", days_late=50, not_before=NOW + timedelta(hours=2))
    assert order(owner) == ["Client C7", "Durand SARL"]
    assert order(other) == ["Durand SARL"]


def test_what_to_know_is_beside_the_call(owner: Client, house: House) -> None:
    with tenant(house.organization):
        customer = house.item.customer
        customer.credit_limit, customer.insurer = 15000, "Coface"
        customer.save()
    text = " ".join(owner.get(calls()).content.decode().split())
    for words in ("Call 1 of 1", "1,200.00", "Insured up to", "15,000.00", "Coface", "too few payments to say", "none so far", "tel:"):
        assert words in text, words
    shown = owner.get(calls()).context["exchanges"]
    assert [entry.title for entry in shown] == [house.sent.subject]


def test_recording_leads_to_the_next_call_and_the_confirmation_leaves_with_one_press(owner: Client, house: House) -> None:
    following = a_call(house, "C9", amount="100.00", days_late=1)
    form = {"outcome": "promise", "date": "2026-10-16", "items": [str(house.item.pk)]}
    answer = owner.post(reverse("dashboard:call_record", args=[house.call.pk]), form)
    with tenant(house.organization):
        draft = Message.objects.get(state="awaiting_approval", customer=house.item.customer)
    assert answer["Location"] == calls(at=str(following.pk), confirm=str(draft.pk))
    page = owner.get(answer["Location"])
    assert page.context["task"] == following
    assert "16 octobre 2026" in page.context["confirm"]["said"].text
    assert f"/calls/confirm/{draft.pk}/" in page.content.decode()
    sent = owner.post(reverse("dashboard:call_confirm", args=[draft.pk]), {"at": str(following.pk)})
    assert sent["Location"] == calls(at=str(following.pk))
    with tenant(house.organization):
        assert Message.objects.get(pk=draft.pk).state == "queued"
    again = owner.post(reverse("dashboard:call_confirm", args=[draft.pk]), {"at": "//elsewhere.example"}, follow=True)
    assert "no longer waits for approval" in again.content.decode()
    assert owner.get(calls(confirm=str(draft.pk))).context["confirm"] is None


def test_what_is_missing_is_said_on_the_form_and_nothing_is_kept(owner: Client, house: House) -> None:
    answer = owner.post(reverse("dashboard:call_record", args=[house.call.pk]), {"outcome": "promise", "note": "She will see"})
    assert (answer.status_code, answer.context["form"].errors) == (422, {"date": ["Which day?"]})
    assert "She will see" in answer.content.decode()
    with tenant(house.organization):
        assert TaskAttempt.objects.count() == 0


def test_nobody_answers_and_the_list_goes_on_to_its_end(owner: Client, house: House) -> None:
    answer = owner.post(reverse("dashboard:call_record", args=[house.call.pk]), {"outcome": "no_answer"})
    assert answer["Location"] == calls(at="end")
    text = owner.get(answer["Location"]).content.decode()
    assert "You have been through the list" in text
    assert f"?at={house.call.pk}" in text


def test_a_call_somebody_else_closed_is_said_and_keeps_nothing(owner: Client, house: House) -> None:
    with tenant(house.organization):
        Task.objects.filter(pk=house.call.pk).update(state="done")
    answer = owner.post(reverse("dashboard:call_record", args=[house.call.pk]), {"outcome": "no_answer"}, follow=True)
    assert "Somebody closed this call a moment ago" in answer.content.decode()
    with tenant(house.organization):
        assert TaskAttempt.objects.count() == 0


def test_a_day_is_full_and_one_may_go_on(owner: Client, house: House) -> None:
    member = Membership.objects.get(user__email="claire@atelier.example")
    owner.post(reverse("dashboard:member_calls", args=[member.pk]), {"calls_per_day": "1"})
    following = a_call(house, "C9", amount="100.00", days_late=1)
    answer = owner.post(reverse("dashboard:call_record", args=[house.call.pk]), {"outcome": "no_answer"}, follow=True)
    assert "Your day is full" in answer.content.decode()
    more = owner.get(calls(at=str(following.pk)))
    assert more.context["task"] == following
    refused = owner.post(reverse("dashboard:member_calls", args=[member.pk]), {"calls_per_day": "0"})
    assert refused.status_code == 422
    owner.post(reverse("dashboard:member_calls", args=[member.pk]), {"calls_per_day": ""})
    member.refresh_from_db()
    assert member.calls_per_day is None


def test_who_reads_may_not_call(viewer: Client, stranger: Client, house: House) -> None:
    assert viewer.get(calls()).status_code == 403
    assert stranger.post(reverse("dashboard:call_record", args=[house.call.pk]), {"outcome": "no_answer"}).status_code == 404


@pytest.mark.parametrize("query", [{"at": "x"}, {"at": "end"}, {"confirm": "x"}, {"at": str(new_id()), "confirm": str(new_id())}])
def test_odd_addresses_show_the_list(owner: Client, house: House, query: dict[str, str]) -> None:
    assert owner.get(calls(**query)).status_code == 200


def test_the_number_of_queries_does_not_grow(owner: Client, house: House) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert owner.get(calls(at=str(house.call.pk))).status_code == 200
        return len(found)

    count()
    before = count()
    for number in (5, 6, 7):
        a_call(house, f"C{number}", amount="10.00", days_late=number)
        with tenant(house.organization):
            make_invoice(house.item.customer, issued_on=date(2026, 8, 1), due_on=date(2026, 9, number))
    assert count() == before


def test_today_leads_to_call_mode(owner: Client, viewer: Client, house: House) -> None:
    assert f'href="{calls()}"' in owner.get("/").content.decode()
    assert f'href="{calls()}"' not in viewer.get("/").content.decode()
