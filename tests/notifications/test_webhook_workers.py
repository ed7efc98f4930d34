"""Workers that die while they tell the outside world: nothing is lost, and nothing is said under two names."""

from typing import Any

import pytest

from tests.notifications.webhook_campaign import Campaign


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_LOOPBACK = True


def test_five_hundred_events_are_each_heard_although_workers_are_killed(committed_database: str) -> None:
    """The reduced run of `manage.py bench webhooks`, which tells ten thousand."""
    result = Campaign(events=500, kills=4, workers=2, receivers=3, seed=20261102).run()
    assert (result.events, result.heard, result.taken, result.lost) == (500, 500, 500, 0), result.line()
    assert (result.changed, result.strangers, result.undelivered) == (0, 0, 0), result.line()
    assert result.kills >= 4
    assert result.repeated >= 1  # at least once is not once: some were heard and not written down in time


def test_a_worker_that_dies_between_the_answer_and_its_record_says_it_again(committed_database: str) -> None:
    result = Campaign(events=200, kills=0, workers=2, receivers=2, seed=7, failpoint="after-response:kill:0.5").run()
    assert (result.lost, result.changed, result.strangers, result.undelivered) == (0, 0, 0, 0), result.line()
    assert result.kills >= 1 and result.repeated >= 1
