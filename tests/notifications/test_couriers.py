"""Letters at a postal service are asked for in their turn, and one that cannot be read keeps nobody waiting."""

from datetime import timedelta
from typing import Any

import pytest

from dunning.core.enums import Channel
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import couriers, dispatcher
from notifications.enums import MessageState
from notifications.models import Message
from tests.fakes import Fake
from tests.fakes.post import MySendingBox
from tests.notifications.mailroom import NOW, Gate, write
from tests.notifications.test_reconciler import sending_through

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("document_store")]


def entrusted(organization: Organization, count: int) -> list[Message]:
    with tenant(organization):
        letters = [write(channel=Channel.REGISTERED) for _ in range(count)]
    dispatcher.deliver_due(now=NOW, organization=organization)
    return letters


def asked_for(fake: Fake) -> list[str]:
    """The letters the service was asked for, as it names them."""
    return [request.path.rsplit("/", 1)[1] for request in fake.requests if request.method == "GET" and request.path.startswith("/letters/")]


def test_with_more_letters_than_one_pass_asks_for_each_has_its_turn(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "AT_ONCE", 2)
    with sending_through("mysendingbox", rate_per_second=100) as (organization, fake):
        assert isinstance(fake, MySendingBox)
        fake.steps = ("letter.accepted",)
        entrusted(organization, 3)
        for hours in (3, 6, 9):
            assert couriers.follow_letters(now=NOW + timedelta(hours=hours)) == {"asked": 2}
        asked = asked_for(fake)
    assert len(set(asked[:4])) == len(set(asked[2:])) == 3  # nobody waits for more than a pass


def test_an_impossible_date_of_one_organizations_letter_stops_nobody_elses(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    with sending_through("mysendingbox") as (first, broken), sending_through("mysendingbox") as (second, sound):
        assert isinstance(sound, MySendingBox)
        sound.steps = ("letter.accepted", "letter.filing_proof", "letter.sent")
        entrusted(first, 1)
        (letter,) = entrusted(second, 1)
        told = MySendingBox.letter

        def impossible(self: MySendingBox, *args: Any) -> dict[str, Any]:
            page = told(self, *args)
            return {**page, "status": {"name": "letter.sent", "updated_at": "2026-02-30T10:00:00Z"}} if self is broken else page

        monkeypatch.setattr(MySendingBox, "letter", impossible)
        assert couriers.follow_letters(now=NOW + timedelta(days=1)) == {"unreadable": 1, "moved": 1}
        with tenant(second):
            letter.refresh_from_db()
            assert letter.state == MessageState.ACCEPTED
