"""Sales ask for a pause: silence is a go, finance grants or refuses, and a request nobody answered lapses with its day."""

from datetime import date
from typing import Any

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization
from dunning.core.tenancy import tenant
from invoices.models import Hold, HoldRequest, Installment
from invoices.services import open_dispute, state_position
from scenarios.models import Task
from scenarios.services.asking import ask_for_hold, grant_hold, refuse_hold, withdraw_request
from scenarios.services.tasks import complete_task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on

SAMIR = "user:0199aaaa-0000-7000-8000-00000000005a"


def on(day: str, actor: str = SAMIR) -> dict[str, Any]:
    return {"actor": actor, "today": date.fromisoformat(day), "now": at(day)}


@pytest.fixture
def house(db: None) -> Organization:
    return open_house()


@pytest.fixture
def item(house: Organization) -> Installment:
    with tenant(house):
        return make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))


def ask(item: Installment, day: str = "2026-10-01", until: str = "2026-10-08") -> HoldRequest:
    return ask_for_hold(installment=item, ends_on=date.fromisoformat(until), reason="A new buyer takes over", **on(day))


def test_silence_is_a_go(house: Organization, item: Installment) -> None:
    with tenant(house):
        asked = ask(item)
        task = Task.objects.get(kind="hold_request")
        assert (task.customer_id, task.amount, task.title) == (item.customer_id, item.outstanding, "A new buyer takes over")
        with pytest.raises(DomainError, match="Record the call, or decide"):
            complete_task(task=task, **on("2026-10-01", CLERK))
    run_on(house, "2026-10-02")
    with tenant(house):
        assert ("r1", "accepted") in mail()  # the first reminder left: nothing is held
    run_on(house, "2026-10-08")
    with tenant(house):
        asked.refresh_from_db()
        assert asked.state == "open"  # its last day is not over
    run_on(house, "2026-10-09")
    with tenant(house):
        asked.refresh_from_db()
        task.refresh_from_db()
        assert (asked.state, asked.answered_by, asked.answered_on) == ("lapsed", "system", date(2026, 10, 9))
        assert (task.state, task.outcome, Hold.objects.count()) == ("not_done", "lapsed", 0)
        with pytest.raises(DomainError, match="answered already"):
            grant_hold(request=asked, **on("2026-10-09", CLERK))


def test_a_granted_request_is_a_pause_in_the_name_of_who_asked(house: Organization, item: Installment) -> None:
    with tenant(house):
        hold = grant_hold(request=ask(item), ends_on=date(2026, 10, 6), answer="Until Tuesday", **on("2026-10-01", CLERK))
        asked = HoldRequest.objects.get()
        assert (hold.requested_by, hold.ends_on, hold.installment_id) == (SAMIR, date(2026, 10, 6), item.pk)
        assert (asked.state, asked.hold_id, asked.answer, asked.answered_by) == ("granted", hold.pk, "Until Tuesday", CLERK)
        assert Task.objects.get(kind="hold_request").outcome == "granted"
    run_on(house, "2026-10-02")
    with tenant(house):
        assert mail(template_key="r1") == []


def test_a_refusal_says_why_and_nothing_is_held(house: Organization, item: Installment) -> None:
    with tenant(house):
        asked = ask(item)
        with pytest.raises(DomainError, match="who asked reads it"):
            refuse_hold(request=asked, answer=" ", **on("2026-10-01", CLERK))
        refuse_hold(request=asked, answer="Third time this year", **on("2026-10-01", CLERK))
        asked.refresh_from_db()
        assert (asked.state, asked.answer, Hold.objects.count()) == ("refused", "Third time this year", 0)
        assert Task.objects.get(kind="hold_request").state == "done"
        again = ask(item, until="2026-10-05")
        with pytest.raises(DomainError, match="Only who asked"):
            withdraw_request(request=again, **on("2026-10-01", CLERK))
        withdraw_request(request=again, **on("2026-10-01"))
        again.refresh_from_db()
        assert again.state == "withdrawn"
    with tenant(house):
        names = AuditEvent.objects.filter(action__startswith="hold.").order_by("sequence").values_list("action", flat=True)
        assert list(names) == ["hold.requested", "hold.request_refused", "hold.requested", "hold.request_withdrawn"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " "}, "Say why reminders should wait"),
        ({"ends_on": date(2026, 9, 30)}, "within the next 30 days"),
        ({"ends_on": date(2026, 11, 1)}, "within the next 30 days"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_written(
    house: Organization, item: Installment, change: dict[str, Any], words: str
) -> None:
    with tenant(house):
        with pytest.raises(DomainError, match=words):
            ask_for_hold(**{"installment": item, "ends_on": date(2026, 10, 8), "reason": "x", **on("2026-10-01"), **change})
        assert (HoldRequest.objects.count(), Task.objects.count()) == (0, 0)
        ask(item)
        with pytest.raises(DomainError, match="asked for already"):
            ask(item)


def test_a_word_on_a_dispute_stays_until_it_is_closed(house: Organization, item: Installment) -> None:
    with tenant(house):
        dispute = open_dispute(installment=item, reason="QUALITE_ERR", **on("2026-10-01", CLERK))
        with pytest.raises(DomainError, match="Say what is true of it"):
            state_position(dispute=dispute, text="", **on("2026-10-02"))
        state_position(dispute=dispute, text="The door was scratched.", **on("2026-10-02"))
        state_position(dispute=dispute, text="It was: a credit note of 200.", position="accepted", **on("2026-10-03"))
        dispute.refresh_from_db()
        assert (dispute.state, dispute.position, dispute.position_by, dispute.position_on) == ("open", "accepted", SAMIR, date(2026, 10, 3))
        assert dispute.position_text == "It was: a credit note of 200."
