"""Items with the same past are told by its digest, and the past is read of one of them."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from scenarios.context import load_batch, load_frame
from scenarios.enums import ActionState, Phase
from scenarios.histories import Histories
from scenarios.models import Action, ActionPlan
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import open_house

pytestmark = pytest.mark.django_db

TODAY = date(2026, 10, 20)


@pytest.fixture
def house() -> Organization:
    return open_house()


def reminded(number: str, **changes: Any) -> Action:
    """The first reminder of an invoice of its own, done on 5 October; open inside `tenant()`."""
    item = make_invoice(make_customer(number), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    plan = ActionPlan.objects.get(key="standard")
    values: dict[str, Any] = {
        "plan": plan, "step_key": "r1", "phase": Phase.FRIENDLY, "channel": "email", "state": ActionState.DONE,
        "taken_on": date(2026, 10, 2), "done_on": date(2026, 10, 5), "details": {"deadline_on": 739_900},
    }  # fmt: skip
    return Action.objects.create(installment=item, customer=item.customer, **values | changes)


def digest(action: Action) -> int:
    return int(Action.objects.values_list("digest", flat=True).get(pk=action.pk))


def test_actions_that_say_the_same_have_one_digest_whoever_they_are_about(house: Organization) -> None:
    with tenant(house):
        first = reminded("C1", amount="10.00", reason="due_now")
        second = reminded("C2", amount="99.00", reason="", variant="reprise")
        assert digest(first) == digest(second)


@pytest.mark.parametrize(
    "changes",
    [
        {"step_key": "r2"},
        {"state": ActionState.PLANNED},
        {"channel": "sms"},
        {"phase": Phase.FIRM},
        {"occurrence": 2},
        {"taken_on": date(2026, 10, 1)},
        {"done_on": date(2026, 10, 6)},
        {"done_on": None, "state": ActionState.SKIPPED},
        {"plan": None},
        {"details": {"deadline_on": 739_901}},
        {"details": {}},
    ],
)
def test_whatever_the_planner_reads_makes_another_digest(house: Organization, changes: dict[str, Any]) -> None:
    with tenant(house):
        assert digest(reminded("C1")) != digest(reminded("C2", **changes))


def test_another_plan_makes_another_digest_and_a_change_of_state_too(house: Organization) -> None:
    with tenant(house):
        first, second = reminded("C1"), reminded("C2", plan=ActionPlan.objects.get(key="firm"))
        before = digest(first)
        assert before != digest(second)
        Action.objects.filter(pk=first.pk).update(state=ActionState.TAKEN_BACK)
        assert digest(first) != before


def test_a_past_is_read_of_one_item_for_all_that_share_it(house: Organization, django_assert_num_queries: Any) -> None:
    with tenant(house):
        customers = [str(reminded(f"C{number}").customer_id) for number in range(3)]
        frame = load_frame(house, TODAY)
        cases = load_batch(frame, customers).cases
        assert [case.past.last for case in cases] == [("r1", date(2026, 10, 5).toordinal())] * 3
        assert cases[0].past is cases[2].past
        with django_assert_num_queries(4):  # the second time it is known
            assert load_batch(frame, customers).cases[1].past is cases[0].past


def test_what_nobody_has_any_more_is_not_learnt_under_its_old_digest(house: Organization) -> None:
    histories = Histories()
    with tenant(house), connection.cursor() as cursor:
        action = reminded("C1")
        gone = digest(action)
        Action.objects.filter(pk=action.pk).update(state=ActionState.TAKEN_BACK)
        assert histories.learn(cursor, {None: str(uuid4()), gone: str(action.installment_id)}) is False
        assert not histories.knows(gone)
        assert histories.knows(digest(action))
        assert histories.knows(None)


def test_a_batch_that_is_overtaken_while_it_is_read_is_read_again(house: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen holds no lock: the reminder is taken back after its item was read, and before its past is."""
    with tenant(house):
        action = reminded("C1")
        learn = Histories.learn

        def overtaken(self: Histories, *args: Any, **kwargs: Any) -> bool:
            Action.objects.filter(pk=action.pk).update(state=ActionState.TAKEN_BACK)
            return learn(self, *args, **kwargs)

        monkeypatch.setattr(Histories, "learn", overtaken)
        (case,) = load_batch(load_frame(house, TODAY), [str(action.customer_id)]).cases
        assert case.past.last == ("", None)
        assert [entry.state for entry in case.history] == [ActionState.TAKEN_BACK]
        assert Installment.objects.get(pk=case.item.id).actions.count() == 1
