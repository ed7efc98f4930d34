""" "Not me, ask …": whom the same step reaches, and who must be confirmed first."""

from datetime import date

import pytest

from customers import mailboxes
from customers.models import Contact, Customer
from dunning.core.errors import DomainError
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import DebtorAct, Installment
from notifications.models import Message
from scenarios.models import Action, Task
from scenarios.services.other_contact import Named, confirm_named, name_other
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import pay

OCT_5 = date(2026, 10, 5)


@pytest.fixture
def house(db: None) -> Organization:
    return open_house()


@pytest.fixture
def item(house: Organization) -> Installment:
    """Reminded of on 2 October: R1 went to Anne."""
    with tenant(house):
        customer = make_customer("C1", name="Durand SARL", email="anne@durand.example")
        made = make_invoice(customer, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02")
    return made


def name(house: Organization, item: Installment, email: str = "paul@durand.example", on: str = "2026-10-05", **more: str) -> Named:
    with tenant(house):
        anne = Contact.objects.get(email="anne@durand.example")
        sent = Message.objects.get(template_key="r1", recipient="anne@durand.example")
        given = {"name": "Paul Durand", "role": "accounting", **more}
        day = date.fromisoformat(on)
        return name_other(
            contact=anne, items=[item.pk], message_id=sent.pk, email=email, actor="contact:anne", today=day, now=at(on), **given
        )


def reminders_of(item: Installment) -> list[tuple[str, str, str]]:
    return [step for step in steps_of(item) if step[0] == "r1"]


def chain(house: Organization) -> list[str]:
    with tenant(house):
        return list(Contact.objects.filter(is_active=True).order_by("position", "pk").values_list("email", flat=True))


def test_somebody_at_a_known_domain_gets_the_same_step_at_once_and_the_next_ones_too(house: Organization, item: Installment) -> None:
    named = name(house, item)
    assert named.contact is not None and named.task is None
    assert chain(house) == ["paul@durand.example", "anne@durand.example"]
    send(house, "2026-10-05")
    with tenant(house):
        again = Message.objects.get(recipient="paul@durand.example")
        assert (again.template_key, again.state, again.resends.recipient) == ("r1", "accepted", "anne@durand.example")
        assert reminders_of(item) == [("r1", "taken_back", "2026-10-02"), ("r1", "done", "2026-10-05")]
        act = DebtorAct.objects.get()
        assert (act.kind, act.text) == ("named_other", "Paul Durand, paul@durand.example, Accounts payable")
    run_on(house, "2026-10-09")  # seven days after the first R1: the call counts from the second
    with tenant(house):
        assert not Task.objects.filter(kind="call").exists()
    run_on(house, "2026-10-12")
    with tenant(house):
        assert Task.objects.filter(kind="call").count() == 1


def test_on_the_very_day_too_and_nothing_is_said_twice(house: Organization, item: Installment) -> None:
    name(house, item, on="2026-10-02")
    send(house, "2026-10-02", 10)
    name(house, item, on="2026-10-02")
    send(house, "2026-10-02", 11)
    with tenant(house):
        assert [state for key, state in mail(recipient="paul@durand.example") if key == "r1"] == ["accepted"]
        assert Action.objects.filter(installment=item, state="done").count() == 1


@pytest.mark.parametrize("email", ["paul@gmail.com", "paul@durand-group.example", "paul@sub.durand.example"])
def test_a_new_domain_or_a_public_mailbox_waits_for_a_person(house: Organization, item: Installment, email: str) -> None:
    with tenant(house):
        if email.endswith("gmail.com"):  # even when somebody of this customer is written to there already
            Contact.objects.create(customer=item.customer, email="someone@gmail.com", position=9)
    named = name(house, item, email)
    assert named.contact is None and named.task is not None
    send(house, "2026-10-05")
    with tenant(house):
        assert not Message.objects.filter(recipient=email).exists()
        assert not Contact.objects.filter(email=email).exists()
        assert reminders_of(item) == [("r1", "done", "2026-10-02")]
    assert name(house, item, email).task == named.task  # said twice, asked once


def test_who_was_confirmed_is_written_to_then(house: Organization, item: Installment) -> None:
    task = name(house, item, "paul@gmail.com").task
    assert task is not None
    with tenant(house):
        confirmed = confirm_named(task=task, actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
        assert confirmed.contact is not None and [message.recipient for message in confirmed.messages] == ["paul@gmail.com"]
        assert Task.objects.get(pk=task.pk).state == "done"
    send(house, "2026-10-06")
    with tenant(house):
        assert reminders_of(item)[-1] == ("r1", "done", "2026-10-06")
        with pytest.raises(DomainError) as refusal:
            confirm_named(task=task, actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
        assert refusal.value.code == "closed"


def test_after_a_later_step_the_account_is_sent_instead(house: Organization, item: Installment) -> None:
    run_on(house, "2026-10-09")
    with tenant(house):
        call = Task.objects.get(kind="call")
        Action.objects.filter(task=call).update(state="done", done_on=date(2026, 10, 9))
    name(house, item, on="2026-10-12")
    with tenant(house):
        assert Message.objects.get(recipient="paul@durand.example").template_key == "account_statement"
        assert ("r1", "done", "2026-10-02") in reminders_of(item)


def test_nothing_is_written_about_what_is_paid(house: Organization, item: Installment) -> None:
    with tenant(house):
        pay(item.customer, "1200.00", "2026-10-05", item)
    named = name(house, item)
    assert named.contact is not None and named.messages == ()


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"email": "anne@durand.example"}, "own_address", "email"),
        ({"email": "paul(at)durand"}, "bad_email", "email"),
        ({"email": ""}, "required", "email"),
        ({"name": " "}, "required", "name"),
        ({"role": "legal_representative"}, "bad_role", "role"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(
    house: Organization, item: Installment, given: dict[str, str], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        name(house, item, **given)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    with tenant(house):
        assert not DebtorAct.objects.exists() and Customer.objects.get().contacts.count() == 1


def test_domains_compare_as_servers_compare_them() -> None:
    assert mailboxes.domain_of("Anne@Dürand.example. ") == mailboxes.domain_of("paul@xn--drand-kva.example")
    assert mailboxes.domain_of("nobody") == "nobody"
    assert mailboxes.is_public("gmail.com") and not mailboxes.is_public("durand.example")
