"""Every event of the catalogue is told by a real service, about an object the outside world can be told of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customers.models import Customer
from customers.services import (
    add_contact,
    archive_customer,
    clear_insolvency,
    create_customer,
    record_insolvency,
    update_customer,
)
from dunning.core import events
from dunning.core.event_types import CATALOGUE, SUBJECTS, TEST
from dunning.core.models import Event, Organization, OrganizationProfile
from dunning.core.services import hold_everything, release_everything
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices import services
from invoices.models import Installment, Payment, Promise
from notifications import inbox, settlement
from notifications.enums import LetterProof, MessageState
from notifications.models import InboundMessage, Message, ProviderAccount
from notifications.posting import record_letter_proof, record_posting
from notifications.providers.base import Incoming
from notifications.services import report, withdraw
from scenarios.models import ActionPlan, Commitment, Task
from scenarios.plan_store import current_version, load_content
from scenarios.services.approvals import approve_message
from scenarios.services.calls import record_call
from scenarios.services.commitments import withdraw_commitment
from scenarios.services.plans import Target, archive_plan, assign_plan, publish_plan, unassign_plan
from scenarios.services.replies import handle_reply
from scenarios.services.runs import release_brake, run_organization
from scenarios.services.tasks import complete_task, reopen_task
from tests.factories import make_customer, make_invoice
from tests.importers.files import load_invoices, text_file
from tests.scenarios import told_by_debtors
from tests.scenarios.houses import CLERK, at, cover, open_house, run_on, send
from tests.scenarios.road import attach

pytestmark = pytest.mark.django_db


def on(day: str, hour: int = 9) -> dict[str, Any]:
    return {"actor": CLERK, "today": date.fromisoformat(day), "now": at(day, hour)}


class Heard:
    """What was told by each story; every object told of is described at once, as the fan-out does."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    @contextmanager
    def story(self, organization: Organization, name: str) -> Iterator[None]:
        with tenant(organization):
            yield
        self.listen(organization, name)

    def listen(self, organization: Organization, name: str) -> None:
        with tenant(organization):
            told = list(Event.objects.order_by("object_id", "sequence"))
            for subject in {event.object_type for event in told}:
                ids = {event.object_id for event in told if event.object_type == subject}
                described = events.describe(subject, ids)
                assert set(described) == ids, f"{name}: a {subject} nobody can describe"
                assert {tuple(fields) for fields in described.values()} == {SUBJECTS[subject].fields}
            for event in told:
                self.types.setdefault(event.type, name)
                assert event.object_type == CATALOGUE[event.type].subject
            numbers: dict[Any, list[int]] = {}
            for event in told:
                numbers.setdefault(event.object_id, []).append(event.sequence)
            for sequence in numbers.values():
                assert sequence == list(range(1, len(sequence) + 1))


def customers(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "customers"):
        durand = create_customer(number="C1", name="Durand SARL", **on("2026-10-01"))
        update_customer(customer=durand, city="Lyon", **on("2026-10-01"))
        add_contact(customer=durand, email="compta@durand.example", **on("2026-10-01"))
        record_insolvency(customer=durand, kind="safeguard", opened_on=date(2026, 9, 20), **on("2026-10-01"))
        clear_insolvency(customer=durand, reason="Clôture", **on("2026-10-02"))
        archive_customer(customer=durand, **on("2026-10-03"))
        told = Event.objects.filter(object_id=durand.pk).order_by("sequence").values_list("type", "payload")
        assert [(type_, payload.get("what")) for type_, payload in told] == [
            ("customer.created", None),
            ("customer.changed", ["updated"]),
            ("customer.changed", ["contacts"]),
            ("customer.insolvent", None),
            ("customer.insolvency_ended", None),
            ("customer.archived", None),
        ]


def _item(number: str, customer: Customer, amount: str = "100.00") -> Installment:
    draft = services.InvoiceDraft(
        customer=customer, number=number, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), gross=Decimal(amount)
    )
    invoice = services.issue_invoice(draft=draft, **on("2026-09-01"))
    return Installment.objects.select_related("invoice").get(invoice=invoice)


def _paid(item: Installment, day: str) -> Payment:
    draft = services.PaymentDraft(
        amount=Decimal(100), received_on=date.fromisoformat(day), customer=item.customer, allocations=((item, Decimal(100)),)
    )
    return services.record_payment(draft=draft, **on(day)).payment


def invoices(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "invoices"):
        item = _item("FA-1", make_customer("C1"))
        services.update_invoice(invoice=item.invoice, label="Fournil", **on("2026-09-02"))
        services.mark_received(installments=[item], **on("2026-09-03"))
        services.mark_accepted(installments=[item], **on("2026-09-04"))
        services.mark_not_received(installments=[item], **on("2026-09-05"))
        services.restart_plan(invoices=[item.invoice], resent_on=date(2026, 9, 6), **on("2026-09-06"))
        services.says_paid(installments=[item], paid_on=date(2026, 9, 7), **on("2026-09-07"))
        services.says_paid(installments=[item], paid_on=date(2026, 9, 8), credited_iban_end="ZZZZ", **on("2026-09-08"))
        services.record_e_invoice_status(invoice=item.invoice, status="205", **on("2026-09-09"))
        note = services.issue_credit_note(
            customer=item.customer, number="AV-1", issued_on=date(2026, 9, 10), gross=Decimal(10), **on("2026-09-10")
        )
        services.cancel_invoice(invoice=note, reason="Erreur", **on("2026-09-11"))
        several = services.InvoiceDraft(
            customer=item.customer,
            number="FA-2",
            issued_on=date(2026, 9, 1),
            gross=Decimal(100),
            installments=(
                services.InstallmentDraft(date(2026, 10, 1), Decimal(60)),
                services.InstallmentDraft(date(2026, 11, 1), Decimal(40)),
            ),
        )
        split = services.issue_invoice(draft=several, **on("2026-09-01"))
        first, second = Installment.objects.filter(invoice=split).order_by("position")
        write_off = services.write_off(installment=first, reason="Geste", **on("2026-10-02"))
        services.write_off(installment=second, reason="Geste", **on("2026-10-02"))
        services.reverse_write_off(row=write_off, reason="Erreur", **on("2026-10-03"))
        told = Event.objects.filter(object_id__in=[split.pk, first.pk, second.pk]).order_by("id").values_list("type", flat=True)
        assert list(told) == [
            "invoice.created",
            "invoice.outstanding_changed",
            "installment.settled",
            "invoice.paid",
            "installment.settled",
            "invoice.reopened",
        ]
        services.certify_ledger(through=date(2026, 10, 2), **on("2026-10-03"))
        hold_everything(reason="Migration", actor=CLERK, now=at("2026-10-03"))
        release_everything(actor=CLERK, now=at("2026-10-03"))


def money(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "money"):
        customer = make_customer("C1")
        item, other = _item("FA-1", customer), _item("FA-2", customer)
        stray = services.PaymentDraft(amount=Decimal(50), received_on=date(2026, 10, 1))
        payment = services.record_payment(draft=stray, **on("2026-10-01")).payment
        services.identify_payment(payment=payment, customer=customer, settle=False, **on("2026-10-02"))
        services.allocate(payment=payment, parts=[(item, Decimal(50))], **on("2026-10-02"))
        services.correct_value_date(payment=payment, received_on=date(2026, 9, 30), **on("2026-10-03"))
        services.reallocate(payment=payment, parts=[(other, Decimal(50))], **on("2026-10-04"))
        services.cancel_payment(payment=payment, reason="Rejet", **on("2026-10-05"))
        told = Event.objects.filter(object_id=payment.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == [
            "payment.recorded",
            "payment.changed",
            "payment.allocated",
            "payment.changed",
            "payment.released",
            "payment.allocated",
            "payment.cancelled",
        ]
        whole = services.PaymentDraft(
            amount=Decimal(100), received_on=date(2026, 10, 6), customer=customer, allocations=((item, Decimal(100)),)
        )
        paid = services.record_payment(draft=whole, **on("2026-10-06")).payment
        told = Event.objects.filter(object_id__in=[paid.pk, item.invoice_id]).order_by("-id").values_list("type", flat=True)
        assert list(told[:2]) == ["invoice.paid", "payment.recorded"]  # a receipt that pays at once tells no more than that


def exceptions(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "exceptions"):
        customer = make_customer("C1")
        item, other = _item("FA-1", customer), _item("FA-2", customer)
        services.make_promise(amounts={item: None}, promised_for=date(2026, 10, 5), **on("2026-10-01"))
        (promise,) = services.make_promise(amounts={item: None}, promised_for=date(2026, 10, 6), **on("2026-10-01"))
        services.break_due_promises(**on("2026-10-12"))
        late = services.PaymentDraft(
            amount=Decimal(100), received_on=date(2026, 10, 12), customer=customer, allocations=((item, Decimal(100)),)
        )
        payment = services.record_payment(draft=late, **on("2026-10-12")).payment
        services.correct_value_date(payment=payment, received_on=date(2026, 10, 5), **on("2026-10-12"))
        told = Event.objects.filter(object_id=promise.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["promise.made", "promise.broken", "promise.kept"]
        (kept,) = services.make_promise(amounts={other: None}, promised_for=date(2026, 10, 20), **on("2026-10-12"))
        taken_back = _paid(other, "2026-10-13")
        services.cancel_payment(payment=taken_back, reason="Rejet", **on("2026-10-14"))
        assert Promise.objects.get(pk=kept.pk).state == "open"
        dispute = services.open_dispute(installment=other, reason="LIVR_INCOMP", **on("2026-10-14"))
        services.acknowledge_dispute(dispute=dispute, **on("2026-10-14"))
        services.close_dispute(dispute=dispute, outcome="rejected", **on("2026-10-15"))
        hold = services.place_hold(installment=other, kind="pause", ends_on=date(2026, 10, 16), reason="Attente", **on("2026-10-15"))
        services.escalate_expired_holds(**on("2026-10-20"))
        services.release_hold(hold=hold, reason="Fini", **on("2026-10-20"))


def _announced() -> tuple[Organization, Installment]:
    house = open_house()
    with tenant(house):
        office = {"registered_line1": "1 place du Siège", "registered_city": "Paris", "legal_representative": "Paul Durand"}
        item = make_invoice(make_customer("C1", **office), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        record_call(task=Task.objects.get(kind="call"), outcome="refusal", **on("2026-10-09", 10))
    for day in ("2026-10-14", "2026-10-26"):
        run_on(house, day)
    return house, item


def the_legal_road(heard: Heard) -> None:
    house, item = _announced()
    for day in ("2026-11-04", "2026-11-05", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        attach(item.invoice, proof=True, day="2026-11-06")
        attach(item.invoice, proof=False, day="2026-11-06")
        approve_message(message=notice, organization=house, **on("2026-11-06", 8))
    send(house, "2026-11-06")
    with tenant(house):
        posted = {"actor": CLERK, "now": at("2026-11-06", 15)}
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 6), tracking_number="1A 000", **posted)
        record_letter_proof(message_id=notice.pk, proof=LetterProof.PRESENTED, on=date(2026, 11, 9), actor=CLERK, now=at("2026-11-09"))
        record_letter_proof(message_id=notice.pk, proof=LetterProof.PRESENTED, on=date(2026, 11, 9), actor=CLERK, now=at("2026-11-09", 10))
        told = Event.objects.filter(object_id=notice.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["approval.requested", "approval.granted", "letter.posted", "message.accepted", "letter.proof"]
    heard.listen(house, "the legal road")


def what_is_taken_back(heard: Heard) -> None:
    house, _item = _announced()
    with heard.story(house, "what is taken back"):
        withdraw_commitment(commitment=Commitment.objects.get(), reason="Accord commercial", **on("2026-10-27"))
        make_invoice(make_customer("C2"), number="FA-2", issued_on=date(2026, 9, 26), due_on=date(2026, 10, 26))
        hold_everything(reason="Attente", actor=CLERK, now=at("2026-10-27"))
        release_everything(actor=CLERK, now=at("2026-10-27"))
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 1))
    run_on(house, "2026-10-27")
    with heard.story(house, "what is taken back"):
        waiting = Message.objects.get(state=MessageState.AWAITING_APPROVAL, customer__number="C2")
        withdraw(message_ids=[waiting.pk], reason="Pas cette fois", actor=CLERK, now=at("2026-10-27", 11))
        told = Event.objects.filter(object_id=waiting.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["approval.requested", "approval.refused", "message.cancelled"]


def runs_and_tasks(heard: Heard) -> None:
    house = open_house()
    run_organization(organization=house, today=date(2026, 10, 1), now=at("2026-10-01", 4), actor="system")
    with tenant(house):
        for number in range(1, 23):
            make_invoice(make_customer(f"B{number:02}"), issued_on=date(2026, 9, 1), due_on=date(2026, 9, 30))
        cover("2026-10-02")
    report_ = run_organization(organization=house, today=date(2026, 10, 2), now=at("2026-10-02", 4), actor="system")
    with heard.story(house, "runs and tasks"):
        assert release_brake(run=report_.run, actor=CLERK, now=at("2026-10-02")) == 22
        stray = services.PaymentDraft(amount=Decimal(5), received_on=date(2026, 9, 20))
        services.record_payment(draft=stray, **on("2026-09-20"))
    run_on(house, "2026-10-05", deliver=False)
    with heard.story(house, "runs and tasks"):
        task = Task.objects.get(kind="match_receipt")
        closed = complete_task(task=task, **on("2026-10-05"))
        reopen_task(task=closed, reason="Trop tôt", **on("2026-10-05", 10))
        told = Event.objects.filter(object_id=task.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["task.opened", "task.closed", "task.opened"]


def plans(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "plans"):
        plan = ActionPlan.objects.get(key="firm")
        version = current_version(plan)
        assert version is not None
        content = load_content(plan, version)
        own = publish_plan(content=replace(content, key="extra"), actor=CLERK, now=at("2026-10-01")).plan
        customer = make_customer("C1")
        assign_plan(plan=own, target=Target(customer=customer), since=date(2026, 10, 1), actor=CLERK, now=at("2026-10-01"))
        unassign_plan(target=Target(customer=customer), actor=CLERK, now=at("2026-10-01"))
        archive_plan(plan=own, actor=CLERK, now=at("2026-10-02"))


def messages(heard: Heard) -> None:
    """Each state a message may reach, by the function every road to it takes."""
    house = open_house()
    with tenant(house):
        for number in range(6):
            make_invoice(make_customer(f"C{number}"), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02")
    with heard.story(house, "messages"):
        bounced, complained, delivered, refused, doubted, unproven = Message.objects.filter(state="accepted").order_by("pk")
        for message, kind in ((bounced, "bounced"), (complained, "complained"), (delivered, "delivered"), (delivered, "delivered")):
            report(message_id=message.pk, kind=kind, at=at("2026-10-02", 10), actor=CLERK, now=at("2026-10-02", 10))
        for message, state in (
            (refused, MessageState.FAILED),
            (doubted, MessageState.UNCERTAIN),
            (unproven, MessageState.UNCERTAIN),
            (unproven, MessageState.UNPROVEN),
        ):
            settlement.move(message, state, at("2026-10-02", 11))
        told = Event.objects.filter(object_id=delivered.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["message.accepted", "message.delivered"]
        told = Event.objects.filter(object_id=unproven.pk).order_by("sequence").values_list("type", flat=True)
        assert list(told) == ["message.accepted", "message.uncertain", "message.unproven"]


def replies(heard: Heard) -> None:
    house = open_house()
    with heard.story(house, "replies"):
        make_customer("C1")
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        incoming = Incoming(
            event_id="1", channel="email", sender="a@client.example", subject="Re: Facture", text="Bonjour", recipients=("x@y.example",)
        )
        inbox.take(incoming, event_id=new_id(), position=0, account=account, at=at("2026-10-02"), now=at("2026-10-02"))
        handle_reply(reply_id=InboundMessage.objects.get().pk, **on("2026-10-02"))


def imports(heard: Heard, folder: Path) -> None:
    house = open_house()
    heading = "N° facture;Code client;Raison sociale;Date facture;Échéance;Montant TTC;Type"
    path = text_file(
        folder / "factures.csv", heading, "FA-1;C1;Durand;15/09/2026;15/10/2026;100,00;", "AV-1;C1;Durand;16/09/2026;;-10,00;avoir"
    )
    load_invoices(path, house)
    with heard.story(house, "imports"):
        told = Event.objects.exclude(object_type="plan").values_list("type", flat=True)
        assert sorted(told) == ["credit_note.issued", "customer.created", "import.finished", "invoice.created"]


def test_every_event_of_the_catalogue_is_told_by_a_service(tmp_path: Path) -> None:
    heard = Heard()
    stories: tuple[Callable[[Heard], None], ...] = (
        customers, invoices, money, exceptions, the_legal_road, what_is_taken_back, runs_and_tasks, plans, messages, replies,
    )  # fmt: skip
    for story in stories:
        story(heard)
    imports(heard, tmp_path)
    for life in (told_by_debtors.agreements, told_by_debtors.declarations, told_by_debtors.mandates, told_by_debtors.bank_details):
        heard.listen(life(), life.__name__)
    assert set(CATALOGUE) - set(heard.types) == {TEST}  # asked for by hand: tests/notifications/test_webhooks.py


def test_every_state_that_is_announced_has_its_word() -> None:
    assert {f"message.{state}" for state in settlement.ANNOUNCED} <= set(CATALOGUE)
    assert {name for name in CATALOGUE if name.startswith("message.")} == {f"message.{state}" for state in settlement.ANNOUNCED}
