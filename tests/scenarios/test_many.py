"""Acts about many rows as a worker does them: in pieces, past refusals, on after a death, and taken back the same way."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from customers.models import Customer
from dunning.core import clock, failpoints
from dunning.core.enums import ManyRowState, ManyState, Role
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, ManyAct, ManyRow, Membership, Organization, User
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.models import Hold
from notifications.models import InboundMessage
from scenarios.models import Task
from scenarios.services import many
from scenarios.services.many import When, engine
from scenarios.tasks import work_forgotten_many
from tests.dashboard.conftest import NOW, TODAY
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, open_house

PAUSE = {"kind": "pause", "side": "theirs", "ends_on": "2026-10-20", "reason": "Déménagement"}


@pytest.fixture
def organization(db: None) -> Organization:
    return open_house()


def when(organization: Organization, **changes: Any) -> When:
    return When(**{"organization": organization, "actor": CLERK, "today": TODAY, "now": NOW, **changes})


def invoices(organization: Organization, count: int) -> list[UUID]:
    with tenant(organization):
        customer = make_customer(name="Martin & Fils")
        return [make_invoice(customer, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1)).pk for _ in range(count)]


def begin(organization: Organization, ids: Sequence[UUID], kind: str = "hold", data: dict[str, Any] = PAUSE) -> ManyAct:
    with tenant(organization):
        act = many.start(kind=kind, ids=ids, data=data, when=when(organization), language="en")
    assert act is not None
    return act


def counts(organization: Organization, act: ManyAct) -> tuple[int, int, int, int]:
    with tenant(organization):
        found = many.counts_of(act)
    return found.waiting, found.done, found.unchanged, found.refused


def sweep() -> int:
    with clock.virtual(NOW):
        return work_forgotten_many()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many here: more than two rows at once, pieces of two."""
    monkeypatch.setattr(engine, "AT_ONCE", 2)
    monkeypatch.setattr(engine, "PIECE", 2)


def test_more_than_a_few_wait_for_a_worker_who_goes_on_after_a_death(organization: Organization, small: None) -> None:
    ids = invoices(organization, 5)
    act = begin(organization, ids)
    assert act.state == ManyState.WORKING and counts(organization, act) == (5, 0, 0, 0)
    failpoints.arm(failpoints.parse("before-commit:raise:1"))
    try:
        assert sweep() == 0  # it fails before its first piece is committed: the piece leaves nothing
    finally:
        failpoints.arm({})
    assert counts(organization, act) == (5, 0, 0, 0)
    with tenant(organization):
        assert not Hold.objects.exists()
        assert ManyAct.objects.get().tries == 1
    assert sweep() == 5
    assert counts(organization, act) == (0, 5, 0, 0)
    with tenant(organization):
        assert Hold.objects.filter(released_on=None).count() == 5
        assert ManyAct.objects.get().state == ManyState.DONE
    assert Organization.objects.get().acts_waiting_since is None
    assert sweep() == 0

    with tenant(organization):
        back = many.take_back(act=act, when=when(organization), language="en")
    assert back is not None and back.state == ManyState.WORKING
    with tenant(organization), pytest.raises(DomainError):
        many.take_back(act=act, when=when(organization), language="en")
    assert sweep() == 5
    with tenant(organization):
        assert not Hold.objects.filter(released_on=None).exists()


def test_a_piece_that_kills_its_worker_three_times_is_refused_and_the_rest_is_done(organization: Organization, small: None) -> None:
    act = begin(organization, invoices(organization, 3))
    failpoints.arm(failpoints.parse("before-commit:raise:1"))
    try:
        for _death in range(3):
            sweep()
    finally:
        failpoints.arm({})
    assert sweep() == 1
    assert counts(organization, act) == (0, 1, 0, 2)
    with tenant(organization):
        reasons = ManyRow.objects.exclude(reason="").values_list("reason", flat=True)
        assert set(reasons) == {"This brought the program to a stop 3 times; it was left as it was."}
        assert Hold.objects.count() == 1


def test_a_row_that_is_refused_keeps_its_reason_and_the_others_pass(organization: Organization) -> None:
    with tenant(organization):
        rows = [make_customer(f"C{number}").pk for number in range(3)]
        owner = User.objects.create_user("claire@atelier.example", "correct horse battery", name="Claire Petit")
        organization.memberships.create(user=owner, role="collector")
    act = begin(organization, rows, "assign", {"owner": str(owner.pk)})
    assert counts(organization, act) == (0, 3, 0, 0)
    with tenant(organization):
        Customer.objects.filter(pk=rows[1]).update(account_owner=None)
        assert many.look_back(act=act, when=when(organization)) == (2, {rows[1]: "Nobody looks after it any more."})
        back = many.take_back(act=act, when=when(organization), language="en")
    assert back is not None and counts(organization, back) == (0, 2, 0, 1)
    with tenant(organization):
        assert not Customer.objects.exclude(account_owner=None).exists()


def test_what_may_be_asked_of_no_row_and_what_changes_none_leave_nothing(organization: Organization) -> None:
    ids = invoices(organization, 1)
    with pytest.raises(DomainError, match="30 days at most"):
        begin(organization, ids, data={**PAUSE, "ends_on": "2027-10-20"})
    with tenant(organization):
        assert many.start(kind="hold", ids=[UUID(int=7)], data=PAUSE, when=when(organization), language="en") is None
        assert not ManyAct.objects.exists() and not Hold.objects.exists()


def test_an_act_is_taken_back_for_thirty_days_and_forgotten_after_ninety(organization: Organization) -> None:
    act = begin(organization, invoices(organization, 1))
    with tenant(organization):
        assert many.may_be_taken_back(act, NOW + timedelta(days=29)) and not many.may_be_taken_back(act, NOW + timedelta(days=30))
        assert many.forget(now=NOW + timedelta(days=90)) == 0
        assert many.forget(now=NOW + timedelta(days=91)) == 1
        assert not ManyRow.objects.exists()


def test_messages_of_one_customer_go_to_a_desk_and_back_in_several_pieces(organization: Organization, small: None) -> None:
    anna = User.objects.create_user("anna@atelier.example")
    Membership.objects.create(user=anna, organization=organization, role=Role.COLLECTOR)
    with tenant(organization):
        customer = make_customer(name="Martin & Fils", reply_pending_since=NOW)
        common = {"channel": "email", "kind": "human", "sender": "x@e.example", "received_at": NOW, "customer": customer}
        ids = [InboundMessage.objects.create(event_id=new_id(), **common).pk for _ in range(5)]
    act = begin(organization, ids, kind="give", data={"assignee": str(anna.pk)})
    sweep()
    assert counts(organization, act) == (0, 2, 3, 0)  # the first piece brings the task to the desk, on which the others then are
    with tenant(organization):
        task = Task.objects.get(kind="reply")
        assert task.assignee == anna
        kept = ManyRow.objects.filter(act=act, state=ManyRowState.DONE).values_list("kept", flat=True).first()
        ManyRow.objects.filter(act=act).update(state=ManyRowState.DONE, kept=kept)  # as if each had been asked for in the first
        back = many.take_back(act=act, when=when(organization), language="en")
    assert back is not None
    sweep()
    assert counts(organization, back) == (0, 5, 0, 0)
    with tenant(organization):
        assert Task.objects.get(kind="reply").assignee is None
        assert AuditEvent.objects.filter(action="task.assigned").count() == 2
