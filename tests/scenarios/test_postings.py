"""A registered letter whose posting was recorded with the wrong day: its steps count from the right one, within what came after."""

from datetime import date

import pytest

from dunning.core.errors import DomainError
from dunning.core.tenancy import tenant
from notifications.models import Message
from notifications.posting import record_posting
from scenarios.models import Action, Commitment
from scenarios.services.approvals import approve_message
from scenarios.services.postings import correct_posting
from tests.scenarios.houses import CLERK, at, open_house, send, steps_of
from tests.scenarios.test_falls_away import notice_for_two

pytestmark = pytest.mark.django_db


def _correct(notice: Message, day: date) -> None:
    correct_posting(message_id=notice.pk, posted_on=day, tracking_number="1A 042", actor=CLERK, now=at("2026-11-16", 9))


def test_the_steps_of_a_letter_count_from_the_day_it_was_posted_after_all() -> None:
    house = open_house()
    first, _second, notice = notice_for_two(house)
    with tenant(house):
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        with pytest.raises(DomainError) as refusal:
            _correct(notice, date(2026, 11, 9))
        assert refusal.value.code == "not_posted"
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 6), tracking_number="1A 024", actor=CLERK, now=at("2026-11-06", 15))
        assert steps_of(first)[-1] == ("formal_notice", "done", "2026-11-06")
        done = Action.objects.get(installment=first, step_key="formal_notice")
        announced = set(Commitment.objects.values_list("pk", "due_on"))

        _correct(notice, date(2026, 11, 9))
        assert steps_of(first)[-1] == ("formal_notice", "done", "2026-11-09")
        assert set(Commitment.objects.values_list("pk", "due_on")) == announced  # the letter prints its deadline
        assert set(Commitment.objects.filter(announced_by=done).values_list("announced_on", flat=True)) <= {date(2026, 11, 9)}

        call = {
            "phase": done.phase,
            "channel": done.channel,
            "state": "done",
            "taken_on": date(2026, 11, 12),
            "done_on": date(2026, 11, 12),
        }
        Action.objects.create(installment=first, customer_id=first.customer_id, step_key="call", reason="due_now", **call)
        with pytest.raises(DomainError) as refusal:
            _correct(notice, date(2026, 11, 12))
        assert (refusal.value.code, refusal.value.field) == ("later_step", "posted_on")
        notice.refresh_from_db()
        assert (notice.posted_on, notice.tracking_number) == (date(2026, 11, 9), "1A 042")
