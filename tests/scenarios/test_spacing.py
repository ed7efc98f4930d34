"""What keeps its distance from a formal notice (rule 6): what else is written to that customer about that account, and not the reverse."""

from dataclasses import replace
from datetime import date

import pytest

from dunning.core.tenancy import tenant
from notifications.models import Message
from notifications.posting import record_posting
from scenarios.enums import Phase
from scenarios.services.approvals import approve_message
from scenarios.services.board import hold_messages, release_messages
from scenarios.spacing import Correspondence, Waiting, Written, spaced_until, written_today
from tests.factories import make_invoice
from tests.scenarios.builders import FRANCE, day, iso, item
from tests.scenarios.houses import CLERK, at, live, open_house, run_on, send
from tests.scenarios.road import attach, call
from tests.scenarios.test_foresight import days
from tests.scenarios.test_formal_notices import late_customer

ACCOUNT = "durand:EUR:fr:FR76:business"
NOTICE = Written(day("2026-11-06"), Phase.LEGAL, f"legal:{ACCOUNT}")


@pytest.mark.parametrize(
    ("group", "until"),
    [
        (f"account:{ACCOUNT}", "2026-11-12"),  # Friday + 3 bd, 11 November being a holiday
        (f"legal:{ACCOUNT}", "2026-11-12"),
        ("account:durand:USD:fr:FR76:business", None),  # another currency is another account
        ("account:holding:EUR:fr:FR76:business", None),  # who pays for the debtor was not written to
        (f"account:{ACCOUNT}:item:FA-2", None),  # a plan that writes about each invoice apart
    ],
)
def test_rule_6_a_formal_notice_delays_what_is_written_about_the_same_account(group: str, until: str | None) -> None:
    free = spaced_until([NOTICE], group, Phase.SERVICE, FRANCE, 3, day("2026-11-09"))
    assert (None if free is None else iso(free)) == until
    assert written_today([NOTICE], group, day("2026-11-06")) == (until is not None)


def test_rule_6_a_formal_notice_waits_for_nothing_less() -> None:
    earlier = replace(NOTICE, phase=Phase.FIRM, group=f"account:{ACCOUNT}")
    assert spaced_until([earlier], NOTICE.group, Phase.LEGAL, FRANCE, 3, day("2026-11-06")) is None
    assert not written_today([earlier], NOTICE.group, day("2026-11-06"))


def test_what_comes_keeps_its_distance_from_no_notice_that_waits_for_approval() -> None:
    fresh = item("FA-2", due="2026-11-17", issue="2026-10-19")
    waiting = Waiting("m-1", f"legal:durand:EUR:fr:{fresh.iban}:{fresh.customer.regime}", Phase.LEGAL)
    found = days([fresh], correspondence={"durand": Correspondence(waiting=(waiting,))}, today="2026-11-09", first="2026-11-10")
    assert found[0] == ("2026-11-10", "pre_due", 1)
    left = replace(NOTICE, on=day("2026-11-09"), group=waiting.group)
    found = days([fresh], correspondence={"durand": Correspondence(written=(left,))}, today="2026-11-09", first="2026-11-10")
    assert found[0] == ("2026-11-13", "pre_due", 1)


@pytest.mark.django_db
def test_two_invoices_that_come_due_are_announced_three_days_after_the_notice() -> None:
    """The notice about FA-1 is approved and posted on Monday 9 November. FA-2, due on the 16th, was to be announced that very morning and a
    clerk kept it back for an hour; FA-3, due on the 17th, is to be announced on the 10th. Both wait until Friday the 13th.
    """
    house = open_house()
    with tenant(house):
        durand = late_customer("1200.00", language="fr")
        for number, due in (("FA-2", date(2026, 11, 16)), ("FA-3", date(2026, 11, 17))):
            later = make_invoice(durand, number=number, amount="300.00", issued_on=date(2026, 10, 12), due_on=due)
            attach(later.invoice, proof=False, day="2026-10-12")
    live(house, ("2026-10-02", "2026-10-09"))
    call(house, "2026-10-09")
    live(house, ("2026-10-14", "2026-10-26", "2026-11-04", "2026-11-06"))
    run_on(house, "2026-11-09", deliver=False)
    with tenant(house):
        announced = Message.objects.get(template_key="pre_due", state="queued")
        notice = Message.objects.get(channel="registered")
        hold_messages(message_ids=[announced.pk], reason="à relire", actor=CLERK, now=at("2026-11-09", 8))
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 9), now=at("2026-11-09", 8))
    assert send(house, "2026-11-09") == {"to_post": 1}
    with tenant(house):
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 9), tracking_number="1A 000", actor=CLERK, now=at("2026-11-09", 9))
        release_messages(message_ids=[announced.pk], actor=CLERK, now=at("2026-11-09", 10))
    send(house, "2026-11-09", 10)
    with tenant(house):
        announced.refresh_from_db()
        assert (announced.state, announced.reason) == ("queued", "spacing")
    live(house, ("2026-11-10", "2026-11-12"))
    with tenant(house):
        assert not Message.objects.filter(template_key="pre_due", state="accepted").exists()
    run_on(house, "2026-11-13")
    with tenant(house):
        (one,) = Message.objects.filter(template_key="pre_due", state="accepted")
        assert "FA-2" in one.body_text
        assert "FA-3" in one.body_text
