"""Tasks that programs close, and those that are a person's."""

import pytest

from dunning.core.enums import Channel
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications.enums import MessageState
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from tests.api.conftest import NOW, Api, program
from tests.factories import make_customer
from tests.notifications.mailroom import write


@pytest.mark.parametrize(("act", "body"), [("complete", {"note": "Sent."}), ("cancel", {"reason": "Moot."})])
@pytest.mark.parametrize("state", [MessageState.UNCERTAIN, MessageState.UNPROVEN])
def test_no_program_says_whether_an_uncertain_letter_left(
    api: Api, house: Organization, state: MessageState, act: str, body: dict[str, str]
) -> None:
    with tenant(house):
        customer = make_customer()
        letter = write(customer, channel=Channel.REGISTERED, state=state)
        known = {"kind": TaskKind.UNCERTAIN_SENDING, "opened_on": NOW.date(), "due_on": NOW.date()}
        task = Task.objects.create(customer=customer, message=letter, **known)
    for caller in (program(house, "tasks:write"), api):
        answer = caller.post(f"/tasks/{task.pk}/{act}", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "decided_elsewhere")
    with tenant(house):
        letter.refresh_from_db()
        task.refresh_from_db()
        assert (letter.state, task.state) == (state, TaskState.OPEN)
