"""The departure board: what waits is approved, held, withdrawn or let go, and what stayed as it was is said."""

from datetime import timedelta

from django.test import Client
from django.urls import reverse

from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from notifications.models import Message
from scenarios.models import DailyRun
from tests.dashboard.conftest import NOW, TODAY, House, states


def test_messages_are_approved_one_or_all(owner: Client, house: House, waiting: list[Message]) -> None:
    url = reverse("dashboard:board_act")
    owner.post(url, {"act": "approve"})
    assert states(house, waiting) == ["awaiting_approval", "awaiting_approval"]
    owner.post(url, {"act": "approve", "message": [str(waiting[0].pk), "nonsense"]})
    assert states(house, waiting) == ["queued", "awaiting_approval"]
    shown = ",".join(message.pk.hex for message in waiting)
    assert shown.split(",")[1] in owner.get(reverse("dashboard:board")).content.decode()
    owner.post(url, {"act": "approve_all", "shown": shown})
    assert states(house, waiting) == ["queued", "queued"]


def test_all_are_those_that_were_shown(owner: Client, house: House, waiting: list[Message]) -> None:
    url, shown = reverse("dashboard:board_act"), waiting[0].pk.hex  # the second one was written after the page was drawn
    answer = owner.post(url, {"act": "approve_all", "shown": shown}, follow=True).content.decode()
    assert states(house, waiting) == ["queued", "awaiting_approval"]
    assert "1 message has come to wait since this page was drawn" in answer
    owner.post(url, {"act": "approve_all"})
    assert states(house, waiting) == ["queued", "awaiting_approval"]


def test_what_did_not_happen_is_said(owner: Client, house: House, waiting: list[Message]) -> None:
    url, ids = reverse("dashboard:board_act"), [str(message.pk) for message in waiting]
    with tenant(house.organization):
        Message.objects.filter(pk=waiting[0].pk).update(state="accepted")
    answer = owner.post(url, {"act": "withdraw", "message": ids, "reason": "paid"}, follow=True).content.decode()
    assert "1 message is withdrawn" in answer and "1 message stays as it was" in answer
    answer = owner.post(url, {"act": "withdraw", "message": ids, "reason": "paid"}, follow=True).content.decode()
    assert "withdrawn; " not in answer and "2 messages stay as they were" in answer


def test_messages_are_held_released_and_withdrawn_with_a_reason(owner: Client, house: House, waiting: list[Message]) -> None:
    url, ids = reverse("dashboard:board_act"), [str(message.pk) for message in waiting]
    answer = owner.post(url, {"act": "hold", "message": ids[:1]}, follow=True)
    assert "Say why these messages are held." in answer.content.decode()
    assert states(house, waiting) == ["awaiting_approval", "awaiting_approval"]
    owner.post(url, {"act": "hold", "message": ids[:1], "reason": "look again"})
    assert states(house, waiting) == ["held", "awaiting_approval"]
    owner.post(url, {"act": "release", "message": ids[:1]})
    assert states(house, waiting) == ["awaiting_approval", "awaiting_approval"]
    owner.post(url, {"act": "withdraw", "message": ids[1:], "reason": "paid today"})
    assert states(house, waiting) == ["awaiting_approval", "cancelled"]


def test_a_supervised_board_says_until_when_and_leads_to_the_setting(owner: Client, viewer: Client, house: House) -> None:
    board, setting = reverse("dashboard:board"), reverse("dashboard:supervision")
    assert setting not in owner.get(board).content.decode()
    with tenant(house.organization):
        OrganizationProfile.objects.update(supervised_until=TODAY)
    shown = owner.get(board).content.decode()
    assert "Until 9 October 2026 every message waits for a person." in shown and setting in shown
    shown = viewer.get(board).content.decode()
    assert "every message waits for a person." in shown and setting not in shown
    with tenant(house.organization):
        OrganizationProfile.objects.update(supervised_until=TODAY - timedelta(days=1))
    assert "every message waits" not in owner.get(board).content.decode()


def test_a_run_that_stopped_is_let_go_on_a_later_day(owner: Client, house: House, waiting: list[Message]) -> None:
    """It is Friday 9 October; Wednesday's run was stopped, nobody looked, and yesterday's was not."""
    with tenant(house.organization):
        run = DailyRun.objects.create(
            local_date=TODAY - timedelta(days=2), started_at=NOW, finished_at=NOW, brake={"cause": "volume", "planned": 2, "announced": 0}
        )
        Message.objects.filter(pk__in=[message.pk for message in waiting]).update(state="held", reason="brake")
    shown = owner.get(reverse("dashboard:board")).content.decode()
    assert "The run of 7 Oct 26 stopped and asks" in shown and f'name="run" value="{run.pk}"' in shown
    url = reverse("dashboard:release_brake")
    assert "Nothing was let go" in owner.post(url, {}, follow=True).content.decode()
    assert states(house, waiting) == ["held", "held"]
    answer = owner.post(url, {"run": str(run.pk)}, follow=True).content.decode()
    assert "2 messages go on." in answer and "stopped and asks" not in answer
    assert "held" not in states(house, waiting)
    assert "Nothing holds this run." in owner.post(url, {"run": str(run.pk)}, follow=True).content.decode()


def test_the_board_says_what_was_taken_off_it_today_and_why(owner: Client, house: House, waiting: list[Message]) -> None:
    board = reverse("dashboard:board")
    assert "No message was taken off the board today." in owner.get(board, {"state": "withdrawn"}).content.decode()
    owner.post(reverse("dashboard:board_act"), {"act": "withdraw", "message": str(waiting[0].pk), "reason": "paid this morning"})
    with tenant(house.organization):
        Message.objects.filter(pk=waiting[1].pk).update(state="cancelled", reason="settled", updated_at=NOW - timedelta(days=1))
    page = owner.get(board, {"state": "withdrawn"}).content.decode()
    assert waiting[0].customer.name in page and "paid this morning" in page
    assert waiting[1].customer.name not in page  # yesterday's
    assert 'name="message"' not in page
    with tenant(house.organization):
        Message.objects.filter(pk=waiting[1].pk).update(updated_at=NOW)
    assert '<span class="second">Paid</span>' in owner.get(board, {"state": "withdrawn"}).content.decode()


def test_everything_is_held_and_released(owner: Client, house: House) -> None:
    unsaid = owner.post(reverse("dashboard:hold_all"), {"reason": ""})
    assert unsaid.status_code == 422
    owner.post(reverse("dashboard:hold_all"), {"reason": "The bank file is wrong"})
    with tenant(house.organization):
        profile = OrganizationProfile.objects.get()
        assert (profile.held_at, profile.held_reason) == (NOW, "The bank file is wrong")
    assert "The bank file is wrong" in owner.get("/").content.decode()
    owner.post(reverse("dashboard:release_all"))
    with tenant(house.organization):
        assert OrganizationProfile.objects.get().held_at is None


def test_a_waiting_message_is_shown_as_it_would_leave(owner: Client, house: House, waiting: list[Message]) -> None:
    page = owner.get(reverse("dashboard:message", args=[waiting[0].pk]))
    assert page.context["said"].problem == ""
    assert page.context["said"].subject in page.content.decode()
    assert states(house, waiting) == ["awaiting_approval", "awaiting_approval"]
