"""Nothing legal leaves without a person, and nothing at all from a supervised organization (rules 4, 11 and 15)."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfWriter

from dunning.core import documents
from dunning.core.errors import DomainError
from dunning.core.models import Event, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from invoices.services import PaymentDraft, attach_document, record_payment
from notifications.models import Message
from notifications.posting import record_letter_proof, record_posting
from scenarios.models import Commitment, Schedule, Task
from scenarios.services.approvals import approve_message, approve_messages, check_list
from scenarios.services.board import hold_all, hold_messages, release_all, release_messages
from scenarios.services.calls import record_call
from scenarios.services.commitments import withdraw_commitment
from scenarios.services.tasks import complete_task
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, cover, mail, open_house, run_on, send, steps_of

pytestmark = pytest.mark.django_db


def _pdf() -> bytes:
    writer, content = PdfWriter(), BytesIO()
    writer.add_blank_page(width=595, height=842)
    writer.write(content)
    return content.getvalue()


def _attach(invoice: Invoice, name: str, *, proof: bool) -> None:
    now = at("2026-11-06", 8)
    document = documents.store(content=_pdf(), media_type="application/pdf", filename=name, now=now)
    attach_document(invoice=invoice, document=document, proof_of_delivery=proof, actor=CLERK, today=date(2026, 11, 6), now=now)


def test_the_formal_notice_that_holds() -> None:
    house = open_house()
    lea = User.objects.create_user("lea@atelier.example", None, name="Léa Roy")
    with tenant(house):
        durand = make_customer(
            "C1",
            name="Durand SARL",
            account_owner=lea,
            registered_line1="1 place du Siège",
            registered_city="Paris",
            legal_representative="Paul Durand",
        )
        item = make_invoice(durand, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        record_call(task=Task.objects.get(kind="call"), outcome="refusal", actor=CLERK, today=date(2026, 10, 9), now=at("2026-10-09", 10))
    for day in ("2026-10-14", "2026-10-26", "2026-10-27"):
        run_on(house, day)
    with tenant(house):
        announced = Commitment.objects.get()
        assert (announced.consequence, announced.announced_on, announced.state) == ("formal_notice", date(2026, 10, 26), "open")
        assert announced.due_on == date(2026, 11, 3)
        assert mail(kind="internal") == []
    run_on(house, "2026-11-04")
    with tenant(house):
        warning = Message.objects.get(kind="internal")
        assert (warning.template_key, warning.recipient, warning.state) == ("owner_warning", "lea@atelier.example", "accepted")
        assert warning.subject == "Durand SARL : étape juridique dans deux jours ouvrés".replace(" :", "\u00a0:")
        durand.refresh_from_db()
        assert durand.owner_warned_on == date(2026, 11, 4)
    run_on(house, "2026-11-05")
    run_on(house, "2026-11-06")
    with tenant(house):
        assert Message.objects.filter(kind="internal").count() == 1
        notice = Message.objects.get(channel="registered")
        assert (notice.state, notice.amount) == ("awaiting_approval", Decimal("1200.00"))
        assert Task.objects.get(kind="approval").message_id == notice.pk
        failing = {
            line.name: line.missing for line in check_list(message=notice, organization=house, today=date(2026, 11, 6)) if not line.passed
        }
        assert failing == {"delivery_proof": ("FA-1",), "invoice_copies": ("FA-1",)}
        with pytest.raises(DomainError) as refused, tenant(house):
            approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
        assert refused.value.code == "check_list"
        notice.refresh_from_db()
        assert (notice.state, notice.approved_by) == ("awaiting_approval", "")
        _attach(item.invoice, "bon.pdf", proof=True)
        _attach(item.invoice, "FA-1.pdf", proof=False)
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
        assert Task.objects.get(kind="approval").state == "done"
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        assert steps_of(item)[-1] == ("formal_notice", "planned", "2026-11-06")
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 6), tracking_number="1A 000", actor=CLERK, now=at("2026-11-06", 15))
        assert steps_of(item)[-1] == ("formal_notice", "done", "2026-11-06")
        told = {row.consequence: (row.state, row.due_on) for row in Commitment.objects.all()}
        assert told == {"formal_notice": ("executed", date(2026, 11, 3)), "hand_over": ("open", date(2026, 11, 20))}
        copy = Message.objects.get(template_key="formal_notice_copy")  # the usual contact hears of it the same day
        assert (copy.channel, copy.kind, copy.state, copy.details["previous"]) == ("email", "confirmation", "queued", str(notice.pk))
    assert send(house, "2026-11-06", 16) == {"accepted": 1}
    with tenant(house):
        copy.refresh_from_db()
        notice.refresh_from_db()
        assert copy.recipient == "compta.c1@client.example"
        assert copy.subject.replace("\u00a0", " ") == "Copie de notre lettre recommandée du 6 novembre 2026 — compte C1"
        assert "n° 1A 000 que nous avons adressée à Durand SARL" in copy.body_text.replace("\u00a0", " ")
        assert "au plus tard le 20 novembre 2026" in copy.body_text.replace("\u00a0", " ")
        sent_along = [(row.filename, row.document_id) for row in copy.attachments.order_by("position")]
        assert sent_along[0] == ("Lettre-C1-2026-11-06.pdf", notice.document_id)
        assert [name for name, _ in sent_along[1:]] == ["Facture-FA-1.pdf"]
        record_letter_proof(message_id=notice.pk, proof="unclaimed", on=date(2026, 11, 20), actor=CLERK, now=at("2026-11-20"))  # type: ignore[arg-type]
        assert steps_of(item)[-1] == ("formal_notice", "done", "2026-11-06")  # validity does not depend on it
    for day in ("2026-11-20", "2026-11-24", "2026-11-25"):
        run_on(house, day)
    with tenant(house):
        task = Task.objects.get(kind="hand_over")
        assert task.opened_on == date(2026, 11, 25)  # the printed deadline and three business days
        complete_task(task=task, actor=CLERK, today=date(2026, 11, 25), now=at("2026-11-25", 15))
        assert Commitment.objects.get(consequence="hand_over").state == "executed"
        assert steps_of(item)[-1] == ("hand_over", "done", "2026-11-25")
        assert Message.objects.filter(template_key="formal_notice_copy").count() == 1


@pytest.fixture
def supervised() -> Organization:
    house = open_house()
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
        for number in ("C1", "C2"):
            make_invoice(make_customer(number), issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02")
    return house


def test_a_supervised_organization_approves_everything(supervised: Organization) -> None:
    with tenant(supervised):
        assert mail() == [("r1", "awaiting_approval")] * 2
        ids = list(Message.objects.values_list("pk", flat=True))
        approved, stay = approve_messages(
            message_ids=ids[:1], organization=supervised, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02")
        )
        assert (approved, stay) == (1, ())
    assert send(supervised, "2026-10-02", 10) == {"accepted": 1}
    with tenant(supervised):
        assert sorted(state for _template, state in mail()) == ["accepted", "awaiting_approval"]
        assert Message.objects.get(state="accepted").approved_by == CLERK
        message = Message.objects.get(state="accepted")
        with pytest.raises(DomainError) as refused:
            approve_message(message=message, organization=supervised, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 11))
        assert refused.value.code == "not_waiting"


def test_everything_is_held_and_let_go_again(supervised: Organization) -> None:
    with tenant(supervised):
        hold_all(reason="Vérification", actor=CLERK, now=at("2026-10-02"))
        assert Event.objects.get(type="organization.held").payload == {}  # a person's words are for the audit trail
        ids = list(Message.objects.values_list("pk", flat=True))
        approve_messages(message_ids=ids, organization=supervised, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02"))
    send(supervised, "2026-10-02")
    with tenant(supervised):
        assert Message.objects.filter(state="accepted").count() == 0
        release_all(actor=CLERK, now=at("2026-10-02", 10))
    assert send(supervised, "2026-10-02", 11) == {"accepted": 2}


def test_a_message_held_by_hand_waits_for_its_release(supervised: Organization) -> None:
    with tenant(supervised):
        pk = Message.objects.order_by("pk").values_list("pk", flat=True)[0]
        assert hold_messages(message_ids=[pk], reason="À relire", actor=CLERK, now=at("2026-10-02")) == 1
        with pytest.raises(DomainError):
            hold_messages(message_ids=[pk], reason=" ", actor=CLERK, now=at("2026-10-02"))
        approved, _stay = approve_messages(
            message_ids=[pk], organization=supervised, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02")
        )
        assert approved == 0
        assert release_messages(message_ids=[pk], actor=CLERK, now=at("2026-10-02", 10)) == 1
        assert Message.objects.get(pk=pk).state == "awaiting_approval"  # nobody has approved it yet


def _announced() -> tuple[Organization, Installment]:
    """Durand was told on 26 October 2026 that a formal notice follows."""
    house = open_house()
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    with tenant(house):
        record_call(task=Task.objects.get(kind="call"), outcome="refusal", actor=CLERK, today=date(2026, 10, 9), now=at("2026-10-09", 10))
    for day in ("2026-10-14", "2026-10-26"):
        run_on(house, day)
    return house, item


def test_what_was_announced_for_a_paid_invoice_holds_nothing_back() -> None:
    house, item = _announced()
    with tenant(house):
        late = make_invoice(item.customer, number="FA-2", issued_on=date(2026, 9, 20), due_on=date(2026, 10, 26))
    run_on(house, "2026-10-29")
    with tenant(house):
        assert Schedule.objects.get(installment=late).reason == "commitment_pending"
        draft = PaymentDraft(
            amount=Decimal("1200"), received_on=date(2026, 10, 29), customer=item.customer, allocations=((item, Decimal("1200")),)
        )
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 29), now=at("2026-10-29", 10))
        told = Commitment.objects.get()
        assert (told.state, told.closed_on, told.reason) == ("withdrawn", date(2026, 10, 29), "settled")
    run_on(house, "2026-10-30")
    with tenant(house):
        assert steps_of(late)[-1] == ("r1", "done", "2026-10-30")


def test_a_consequence_is_withdrawn_with_a_reason_once() -> None:
    house, _item = _announced()
    with tenant(house):
        told = Commitment.objects.get()
        for reason, code in ((" ", "required"), ("Accord commercial", ""), ("encore", "closed")):
            if not code:
                withdraw_commitment(commitment=told, reason=reason, actor=CLERK, today=date(2026, 10, 27), now=at("2026-10-27"))
                continue
            with pytest.raises(DomainError) as refused:
                withdraw_commitment(commitment=told, reason=reason, actor=CLERK, today=date(2026, 10, 27), now=at("2026-10-27"))
            assert refused.value.code == code
        assert (told.state, told.reason, told.closed_on) == ("withdrawn", "Accord commercial", date(2026, 10, 27))


# --- approval covers less, never more (rule 9) --------------------------------------------------------------------------------------------


@pytest.fixture
def approved_on_friday_night() -> Organization:
    """Supervised; R1 about FA-1 of 1 200,00 was written on Friday 2 October and approved at 21:00: it leaves on Monday morning."""
    house = open_house()
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
        make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(house, "2026-10-02")
    with tenant(house):
        message = Message.objects.get()
        assert (message.amount, message.details["claimed"]) == (Decimal("1200.00"), [str(Installment.objects.get().pk)])
        approve_message(message=message, organization=house, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 19))
    assert send(house, "2026-10-02", 19) == {"put_off": 1}
    return house


def test_an_approved_message_that_an_invoice_has_come_to_since_is_asked_again(approved_on_friday_night: Organization) -> None:
    house = approved_on_friday_night
    with tenant(house):
        durand = Installment.objects.get().customer
        make_invoice(durand, number="FA-2", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 2))
        cover("2026-10-05")
    assert send(house, "2026-10-05") == {"awaiting_approval": 1}
    with tenant(house):
        message = Message.objects.get()
        assert (message.state, message.reason, message.amount) == ("awaiting_approval", "awaiting_approval", Decimal("1500.00"))
        assert (message.item_count, message.approved_by, message.frozen_at) == (2, "", None)
        said = message.reason_text.replace("\u00a0", " ").replace("\u202f", " ")
        assert "1 500,00 €" in said
        assert "1 200,00 €" in said
        task = Task.objects.get(kind="approval")
        assert (task.message_id, task.amount, task.state) == (message.pk, Decimal("1500.00"), "open")
        approve_message(message=message, organization=house, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 10))
    assert send(house, "2026-10-05", 11) == {"accepted": 1}
    with tenant(house):
        message.refresh_from_db()
        assert (message.state, message.amount, message.approved_by) == ("accepted", Decimal("1500.00"), CLERK)
        task.refresh_from_db()
        assert task.state == "done"


def test_an_approved_message_leaves_with_less_without_being_asked_again(approved_on_friday_night: Organization) -> None:
    house = approved_on_friday_night
    with tenant(house):
        durand = Installment.objects.get().customer
        draft = PaymentDraft(customer=durand, amount=Decimal("200.00"), received_on=date(2026, 10, 5), allocations=())
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 6))
    assert send(house, "2026-10-05") == {"accepted": 1}
    with tenant(house):
        message = Message.objects.get()
        assert (message.amount, message.approved_by) == (Decimal("1000.00"), CLERK)
        assert Task.objects.filter(kind="approval").count() == 0


def test_another_invoice_is_asked_about_although_credits_keep_the_amount_small(approved_on_friday_night: Organization) -> None:
    house = approved_on_friday_night
    with tenant(house):
        durand = Installment.objects.get().customer
        make_invoice(durand, number="FA-2", amount="10.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 2))
        cover("2026-10-05")
        draft = PaymentDraft(customer=durand, amount=Decimal("200.00"), received_on=date(2026, 10, 5), allocations=())
        record_payment(draft=draft, actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05", 6))
    assert send(house, "2026-10-05") == {"awaiting_approval": 1}
    with tenant(house):
        assert Message.objects.get().amount == Decimal("1010.00")
