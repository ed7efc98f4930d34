"""A customer nobody has said the kind of: it is reminded to the end, and threatened with nothing (rule 11)."""

from datetime import date
from importlib import import_module

import pytest
from django.db import connection

from customers.models import Customer
from customers.services import confirm_kind
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from notifications.enums import MessageState, Obstacle
from notifications.models import Message
from notifications.services import release
from scenarios.models import Commitment, Schedule
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import call, mail_of, plain

pytestmark = pytest.mark.django_db

IN_TOUCH = "Sans paiement ni réponse de votre part à cette date, nous reprendrons contact avec vous pour convenir de la suite."
NOTICE = "Sans paiement ni réponse de votre part à cette date, nous vous adresserons une mise en demeure par lettre recommandée."


def unknown_customer(house: Organization, *, deliver: bool = True) -> tuple[Customer, Installment]:
    """Owes 1,200 since 1 October, answers nothing, and on 26 October is written its last reminder. No SIREN says that it is a business."""
    with tenant(house):
        customer = make_customer("C1", siren="")
        item = make_invoice(customer, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    run_on(house, "2026-10-14")
    run_on(house, "2026-10-26", deliver=deliver)
    return customer, item


def confirm(customer: Customer, day: str) -> None:
    confirm_kind(customer=customer, kind="business", actor=CLERK, today=date.fromisoformat(day), now=at(day, 7))


def keep_as_before(day: str) -> Message:
    """Have the reminder of that day held, as it was while nothing could be said in the place of a consequence."""
    message = mail_of(day)
    held = {"state": MessageState.HELD, "reason": Obstacle.MISSING_VALUE, "reason_text": "consequence"}
    Message.objects.filter(pk=message.pk).update(**held)
    return message


def test_the_last_reminder_to_an_unknown_kind_leaves_and_announces_nothing() -> None:
    house = open_house()
    _customer, item = unknown_customer(house)
    with tenant(house):
        said = mail_of("2026-10-26")
        assert (said.template_key, said.state) == ("r3", "accepted")
        assert IN_TOUCH in plain(said.body_text)
        assert not any(words in said.body_text.lower() for words in ("mise en demeure", "pénalité", "40"))
        assert not Commitment.objects.exists()
    run_on(house, "2026-11-06")
    with tenant(house):
        assert steps_of(item)[-1] == ("r3", "done", "2026-10-26")
        assert Schedule.objects.get().reason == "legal_regime_unknown"


def test_a_reminder_that_has_not_left_when_the_kind_is_confirmed_is_written_anew_and_announces() -> None:
    house = open_house()
    customer, item = unknown_customer(house, deliver=False)
    with tenant(house):
        confirm(customer, "2026-10-26")
        assert mail(planned_on=date(2026, 10, 26)) == [("r3", "cancelled")]
        assert steps_of(item)[-1] == ("r3", "taken_back", "2026-10-26")
    run_on(house, "2026-10-27")
    with tenant(house):
        said = mail_of("2026-10-27")
        assert (said.template_key, said.state) == ("r3", "accepted")
        assert NOTICE in plain(said.body_text)
        assert [(row.consequence, row.installment_id) for row in Commitment.objects.all()] == [("formal_notice", item.pk)]


def test_a_reminder_that_announces_already_stays_when_the_kind_is_confirmed_once_more() -> None:
    house = open_house()
    customer, _item = unknown_customer(house, deliver=False)
    with tenant(house):
        confirm(customer, "2026-10-26")
    run_on(house, "2026-10-27", deliver=False)
    with tenant(house):
        confirm(customer, "2026-10-27")
        assert mail(planned_on=date(2026, 10, 27)) == [("r3", "queued")]


def test_a_reminder_that_was_held_leaves_once_it_is_released() -> None:
    house = open_house()
    unknown_customer(house, deliver=False)
    with tenant(house):
        message = keep_as_before("2026-10-26")
        assert release(message_ids=[message.pk], actor=CLERK, now=at("2026-10-28", 8)) == 1
    assert send(house, "2026-10-28") == {"accepted": 1}
    with tenant(house):
        message.refresh_from_db()
        assert IN_TOUCH in plain(message.body_text)


def test_reminders_that_were_held_for_a_consequence_are_taken_again_after_the_update() -> None:
    house = open_house()
    _customer, item = unknown_customer(house, deliver=False)
    with tenant(house):
        keep_as_before("2026-10-26")
        with connection.cursor() as cursor:
            cursor.execute(import_module("scenarios.migrations.0009_reminders_held_for_a_consequence").TAKE_BACK)
        assert mail(planned_on=date(2026, 10, 26)) == [("r3", "cancelled")]
    run_on(house, "2026-11-12")
    with tenant(house):
        assert steps_of(item)[-1] == ("r3", "done", "2026-11-12")
        assert IN_TOUCH in plain(mail_of("2026-11-12").body_text)
