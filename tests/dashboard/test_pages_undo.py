"""What was done too soon: a task opened again, a reply read again, a contact corrected, back and ended; every act has its way back."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import reverse

from customers.models import Contact, Customer
from customers.services import set_absence
from dunning.core import clock
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from notifications.models import InboundMessage
from scenarios.enums import TaskKind, TaskState
from scenarios.models import Task
from tests.dashboard.conftest import NOW, TODAY, House
from tests.dashboard.permission_table import DOORS
from tests.dashboard.test_pages_inbox import answered
from tests.scenarios.houses import CLERK

INTERFACE = Path(__file__).resolve().parents[2] / "docs" / "interface.md"


def at(name: str, pk: Any) -> str:
    return reverse(f"dashboard:{name}", args=[pk])


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_every_act_stands_once_in_the_table_of_ways_back() -> None:
    table = INTERFACE.read_text().split("## Taking back")[1]
    named = re.findall(r"`(\w+)`", table)
    assert sorted(named) == sorted(door.name for door in DOORS.values() if door.act)


def test_a_task_finished_too_soon_is_opened_again(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        task = Task.objects.create(kind=TaskKind.OTHER, customer=house.item.customer, opened_on=TODAY, due_on=TODAY)
    door = at("task_reopen", task.pk)
    done = owner.post(at("task_done", task.pk), {"note": ""}, follow=True)
    assert f'<a href="{door}">Undo</a>' in done.content.decode()
    assert door in owner.get(at("task", task.pk)).content.decode() and door not in viewer.get(at("task", task.pk)).content.decode()
    assert owner.post(door, {"reason": ""}).status_code == 422
    assert "The task is open again, for today." in text(owner.post(door, {"reason": "Pas encore"}, follow=True))
    with tenant(house.organization):
        task.refresh_from_db()
        assert (task.state, task.due_on) == (TaskState.OPEN, TODAY)
    assert "This task is open." in text(owner.post(door, {"reason": "encore"}))
    cancelled = owner.post(at("task_cancel", task.pk), {"reason": "Doublon"}, follow=True)
    assert f'<a href="{door}">Undo</a>' in cancelled.content.decode()
    called = owner.get(at("task_reopen", house.call.pk))
    assert "What the call noted stays" in text(called)


def test_a_reply_dealt_with_too_soon_is_read_again(owner: Client, house: House) -> None:
    reply = answered(house, owner, "Un instant")
    record = at("reply", reply.pk)
    done = owner.post(at("reply_handle", reply.pk), follow=True)
    assert f'<a href="{record}">Undo</a>' in done.content.decode()
    assert at("reply_reopen", reply.pk) in owner.get(record).content.decode()
    with clock.virtual(NOW + timedelta(hours=1)):
        assert "To be read again" in text(owner.post(at("reply_reopen", reply.pk), follow=True))
    with tenant(house.organization):
        assert InboundMessage.objects.get(pk=reply.pk).handled_at is None
        assert Customer.objects.get(pk=reply.customer_id).reply_pending_since is not None
        count = AuditEvent.objects.filter(action="replies.reopened").count()
    owner.post(at("reply_reopen", reply.pk))  # nothing to do
    with tenant(house.organization):
        assert AuditEvent.objects.filter(action="replies.reopened").count() == count == 1


def test_a_contact_is_corrected_back_and_ended(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        contact = Contact.objects.filter(customer=house.item.customer, is_active=True).order_by("position")[0]
        set_absence(contact=contact, until=date(2026, 10, 20), actor=CLERK, today=TODAY, now=NOW)
        others = Contact.objects.filter(customer=house.item.customer, is_active=True).count() - 1
    record = at("customer", house.item.customer_id)
    doors = [at(name, contact.pk) for name in ("contact_change", "contact_back", "contact_end")]
    page = owner.get(record).content.decode()
    assert all(f'"{door}"' in page for door in doors) and doors[0] not in viewer.get(record).content.decode()
    fields = {"name": "Mme Roy", "role": contact.role, "email": "pas une adresse", "phone": ""}
    assert owner.post(doors[0], fields).status_code == 422
    assert owner.post(doors[0], {**fields, "email": "roy@client.example"}).status_code == 302
    assert owner.post(doors[1]).status_code == 302
    told = text(owner.get(doors[2]))
    assert ("Nobody is left to write to then." if not others else "other contact") in told
    assert "Mme Roy is written to no more." in text(owner.post(doors[2], follow=True))
    assert owner.get(doors[0]).status_code == 404
    with tenant(house.organization):
        contact.refresh_from_db()
        assert (contact.email, contact.absent_until, contact.is_active) == ("roy@client.example", None, False)
