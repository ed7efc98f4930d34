"""What a clerk does on the pages happens, once, in their name; what is refused is said where it was asked, and nothing is kept."""

from datetime import date
from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import Contact, Customer
from dunning.core.models import AuditEvent, User
from dunning.core.tenancy import tenant
from invoices.models import Dispute, Hold, Installment, Invoice, LedgerCoverage, Payment, Promise, WriteOff
from notifications.models import Message
from scenarios.enums import TaskKind
from scenarios.models import Task, TaskAttempt
from tests.dashboard.conftest import NOW, TODAY, House, states


def on_item(name: str, house: House) -> str:
    return reverse(f"dashboard:{name}", args=[house.item.pk])


def test_a_promise(owner: Client, house: House) -> None:
    answer = owner.post(on_item("promise", house), {"promised_for": "2026-10-20", "amount": "1 000,50", "text": "Mme Roy"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:invoice", args=[house.item.invoice_id]))
    with tenant(house.organization):
        made = Promise.objects.get()
        assert (made.amount, made.promised_for, made.text, made.state) == (Decimal("1000.50"), date(2026, 10, 20), "Mme Roy", "open")
        confirmation = Message.objects.get(template_key="promise_confirmed")
        assert confirmation.state == "awaiting_approval"
        clerk = User.objects.get(email="claire@atelier.example")
        assert AuditEvent.objects.get(action="promise.made").actor == f"user:{clerk.pk}"
    owner.post(reverse("dashboard:cancel_promise", args=[made.pk]), {"reason": "typed twice"})
    with tenant(house.organization):
        assert Promise.objects.get().state == "cancelled"


def test_a_refused_promise_says_so_and_keeps_what_was_typed(owner: Client, house: House) -> None:
    answer = owner.post(on_item("promise", house), {"promised_for": "2026-10-01", "amount": "99999", "text": "Mme Roy au téléphone"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"promised_for": ["The promised day has passed."]}
    assert "Mme Roy au téléphone" in page
    late = owner.post(on_item("promise", house), {"promised_for": "2027-02-01"})
    assert late.context["form"].errors == {"promised_for": ["A promise reaches 30 days ahead at most."]}
    with tenant(house.organization):
        assert (Promise.objects.count(), Message.objects.filter(template_key="promise_confirmed").count()) == (0, 0)


def test_an_amount_that_cannot_be_read_is_refused_on_its_field(owner: Client, house: House) -> None:
    answer = owner.post(on_item("promise", house), {"promised_for": "2026-10-20", "amount": "beaucoup"})
    assert answer.context["form"].errors == {"amount": ["Write an amount such as 1,840.25."]}
    with tenant(house.organization):
        assert Promise.objects.count() == 0


def test_a_dispute_and_its_end(owner: Client, house: House) -> None:
    owner.post(on_item("dispute", house), {"reason": "PU_ERR", "amount": "200", "text": "The price of the doors"})
    with tenant(house.organization):
        opened = Dispute.objects.get(installment=house.item)
        assert (opened.amount, opened.reason, opened.state, opened.text) == (Decimal(200), "PU_ERR", "open", "The price of the doors")
        assert Message.objects.get(template_key="dispute_acknowledged").state == "awaiting_approval"
    again = owner.post(on_item("dispute", house), {"reason": "PU_ERR"})
    assert again.context["form"].non_field_errors() == ["A dispute is already open on this invoice."]
    owner.post(reverse("dashboard:close_dispute", args=[opened.pk]), {"outcome": "accepted", "text": "You are right."})
    with tenant(house.organization):
        closed = Dispute.objects.get(pk=opened.pk)
        awaited = Hold.objects.get(installment=house.item)
        assert (closed.state, closed.closed_on, closed.resolution_text) == ("accepted", TODAY, "You are right.")
        assert (awaited.kind, awaited.amount, awaited.side) == ("credit_note_pending", Decimal(200), "ours")


def test_a_pause_and_its_end(owner: Client, house: House) -> None:
    form = {"kind": "pause", "side": "theirs", "ends_on": "2026-10-23", "reason": "Their office is closed"}
    owner.post(on_item("hold", house), form)
    with tenant(house.organization):
        placed = Hold.objects.get()
        assert (placed.kind, placed.side, placed.ends_on, placed.reason, placed.installment_id) == (
            "pause",
            "theirs",
            date(2026, 10, 23),
            "Their office is closed",
            house.item.pk,
        )
    owner.post(reverse("dashboard:release_hold", args=[placed.pk]), {"reason": "open again"})
    with tenant(house.organization):
        assert (Hold.objects.get().released_on, Hold.objects.get().released_reason) == (TODAY, "open again")
    too_long = owner.post(on_item("hold", house), {**form, "ends_on": "2027-10-23"})
    assert too_long.status_code == 422
    assert list(too_long.context["form"].errors) == ["ends_on"]


def test_a_pause_of_another_kind_has_its_own_side(owner: Client, house: House) -> None:
    owner.post(on_item("hold", house), {"kind": "document_owed", "side": "theirs", "ends_on": "2026-10-23", "reason": "The order form"})
    with tenant(house.organization):
        assert Hold.objects.get().side == "ours"


def test_everything_to_a_customer_is_paused(owner: Client, house: House) -> None:
    url = reverse("dashboard:customer_hold", args=[house.item.customer_id])
    owner.post(url, {"kind": "pause", "side": "ours", "ends_on": "2026-10-23", "reason": "We check their account"})
    with tenant(house.organization):
        placed = Hold.objects.get()
        assert (placed.customer_id, placed.installment_id, placed.side) == (house.item.customer_id, None, "ours")


def test_receipt_and_acceptance(owner: Client, house: House) -> None:
    owner.post(on_item("receive", house), {"text": ""})
    owner.post(on_item("accept", house), {"text": "by e-mail"})
    with tenant(house.organization):
        invoice = Invoice.objects.get(pk=house.item.invoice_id)
        assert (invoice.received_at, invoice.accepted_at) == (NOW, NOW)


def test_a_payment_on_an_invoice(owner: Client, house: House) -> None:
    form = {"amount": "1500,00", "received_on": "2026-10-08", "means": "cheque", "reference_text": "chq 77"}
    owner.post(on_item("pay", house), form)
    with tenant(house.organization):
        paid = Payment.objects.get(reference_text="chq 77")
        item = Installment.objects.get(pk=house.item.pk)
        assert (item.outstanding, item.settled_on) == (Decimal(0), date(2026, 10, 8))
        assert (paid.amount, paid.unallocated, paid.means) == (Decimal(1500), Decimal(300), "cheque")


def test_an_amount_is_given_up(owner: Client, house: House) -> None:
    refused = owner.post(on_item("write_off", house), {"amount": "5000", "kind": "other", "reason": "residue"})
    assert list(refused.context["form"].errors) == ["amount"]
    owner.post(on_item("write_off", house), {"amount": "0.50", "kind": "other", "reason": "residue"})
    with tenant(house.organization):
        assert list(WriteOff.objects.values_list("amount", "reason")) == [(Decimal("0.50"), "residue")]
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal("1199.50")


def test_an_invoice_is_sent_again_only_with_its_copy(owner: Client, house: House) -> None:
    answer = owner.post(on_item("resend", house))
    assert answer.context["form"].non_field_errors() == ["Attach first the copy of: FA-1."]
    with tenant(house.organization):
        assert Message.objects.filter(kind="resend").count() == 0


def test_a_copy_and_a_proof_of_delivery_are_put_on_file(owner: Client, house: House) -> None:
    url = reverse("dashboard:attach", args=[house.item.invoice_id])
    wrong = owner.post(url, {"kind": "copy", "file": SimpleUploadedFile("FA-1.pdf", b"GIF89a")})
    assert wrong.context["form"].errors == {"file": ["This file is not a PDF."]}
    owner.post(url, {"kind": "copy", "file": SimpleUploadedFile("FA-1.pdf", b"%PDF-1.7 copy")})
    owner.post(url, {"kind": "delivery", "file": SimpleUploadedFile("BL-1.pdf", b"%PDF-1.7 proof")})
    assert owner.get(reverse("dashboard:invoice_copy", args=[house.item.invoice_id])).content == b"%PDF-1.7 copy"
    assert owner.get(reverse("dashboard:invoice_delivery", args=[house.item.invoice_id])).content == b"%PDF-1.7 proof"


def test_a_call_is_recorded_on_its_card(owner: Client, house: House) -> None:
    card = owner.get(reverse("dashboard:task", args=[house.call.pk])).content.decode()
    assert "01\u00a099\u00a000\u00a012\u00a034" in card
    assert "FA-1" in card
    url = reverse("dashboard:call", args=[house.call.pk])
    unsaid = owner.post(url, {"outcome": "promise", "note": "She will see"})
    assert unsaid.status_code == 422
    assert unsaid.context["form"].errors == {"date": ["Which day?"]}
    assert "She will see" in unsaid.content.decode()
    answer = owner.post(url, {"outcome": "promise", "date": "2026-10-16", "person": "Mme Roy", "items": [str(house.item.pk)]})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    with tenant(house.organization):
        assert (Task.objects.get(pk=house.call.pk).state, TaskAttempt.objects.get().outcome) == ("done", "promise")
        assert Promise.objects.get().promised_for == date(2026, 10, 16)


def test_a_call_recorded_in_place_answers_with_its_row(owner: Client, house: House) -> None:
    url = reverse("dashboard:call", args=[house.call.pk])
    refused = owner.post(url, {"outcome": "call_back"}, headers={"hx-request": "true"})
    assert (refused.status_code, refused["HX-Retarget"], refused["HX-Push-Url"]) == (200, f"#card-{house.call.pk}", "false")
    assert "<html" not in refused.content.decode()
    answer = owner.post(url, {"outcome": "no_answer"}, headers={"hx-request": "true"})
    assert (answer.status_code, answer["HX-Retarget"]) == (200, f"#work-{house.call.pk}")
    with tenant(house.organization):
        assert Task.objects.get(pk=house.call.pk).state == "open"
        assert TaskAttempt.objects.get().outcome == "no_answer"


def test_somebody_else_in_charge_becomes_a_contact(owner: Client, house: House) -> None:
    form = {"outcome": "not_in_charge", "new_name": "M. Blanc", "new_email": "blanc@client.example"}
    owner.post(reverse("dashboard:call", args=[house.call.pk]), form)
    with tenant(house.organization):
        assert Contact.objects.get(name="M. Blanc").email == "blanc@client.example"


def a_task(house: House, kind: str = TaskKind.SUPPLY_DOCUMENT) -> Task:
    with tenant(house.organization):
        return Task.objects.create(kind=kind, customer=house.item.customer, opened_on=TODAY, due_on=TODAY)


def test_tasks_are_done_put_off_or_cancelled(owner: Client, house: House) -> None:
    done, late, gone = a_task(house), a_task(house), a_task(house)
    owner.post(reverse("dashboard:task_done", args=[done.pk]), {"note": "sent by post"})
    owner.post(reverse("dashboard:task_postpone", args=[late.pk]), {"until": "2026-10-14"})
    owner.post(reverse("dashboard:task_cancel", args=[gone.pk]), {"reason": "they found it"})
    past = owner.post(reverse("dashboard:task_postpone", args=[late.pk]), {"until": "2026-10-01"})
    assert past.context["form"].errors == {"until": ["This moment has passed."]}
    with tenant(house.organization):
        states = {task.pk: (task.state, task.note) for task in Task.objects.filter(pk__in=[done.pk, gone.pk])}
        assert states == {done.pk: ("done", "sent by post"), gone.pk: ("cancelled", "they found it")}
        assert Task.objects.get(pk=late.pk).due_on == date(2026, 10, 14)


def test_a_call_is_not_done_by_ticking(owner: Client, house: House) -> None:
    answer = owner.post(reverse("dashboard:task_done", args=[house.call.pk]), {"note": ""})
    assert answer.status_code == 422
    in_place = owner.post(reverse("dashboard:task_done", args=[house.call.pk]), {"note": ""}, headers={"hx-request": "true"})
    assert "Record the call, or decide about the message or mandate: that closes this task." in in_place.content.decode()
    with tenant(house.organization):
        assert Task.objects.get(pk=house.call.pk).state == "open"


def test_a_letter_is_posted_and_proved(owner: Client, house: House) -> None:
    with tenant(house.organization):
        letter = Message.objects.create(
            customer=house.item.customer,
            channel="registered",
            language="fr",
            template_key="formal_notice",
            state="to_post",
            planned_on=date(2026, 10, 7),
        )
    url = reverse("dashboard:letter_posting", args=[letter.pk])
    unnumbered = owner.post(url, {"posted_on": "2026-10-08"})
    assert list(unnumbered.context["form"].errors) == ["tracking_number"]
    owner.post(url, {"posted_on": "2026-10-08", "tracking_number": "1A 234 567 8901 2"})
    assert "Correct the posting" in owner.get(reverse("dashboard:message", args=[letter.pk])).content.decode()
    known = owner.get(url).context["form"]
    assert (known["posted_on"].value(), known["tracking_number"].value()) == (date(2026, 10, 8), "1A 234 567 8901 2")
    owner.post(url, {"posted_on": "2026-10-07", "tracking_number": "1A 234 567 8902 9"})
    owner.post(reverse("dashboard:letter_proof", args=[letter.pk]), {"proof": "unclaimed", "on": "2026-10-09"})
    tomorrow = owner.post(url, {"posted_on": "2026-10-10", "tracking_number": "1A 234 567 8902 9"})
    assert list(tomorrow.context["form"].errors) == ["posted_on"]
    with tenant(house.organization):
        posted = Message.objects.get(pk=letter.pk)
        assert (posted.state, posted.posted_on, posted.tracking_number) == ("accepted", date(2026, 10, 7), "1A 234 567 8902 9")
        assert (posted.proof, posted.proof_on) == ("unclaimed", date(2026, 10, 9))
    assert owner.get(reverse("dashboard:letters_print")).status_code == 302


def test_a_receipt_is_entered_matched_and_cancelled(owner: Client, house: House) -> None:
    form = {"amount": "300", "currency": "eur", "received_on": "2026-10-08", "means": "transfer", "reference_text": "FA-1"}
    unknown = owner.post(reverse("dashboard:record_payment"), {**form, "customer": "C404"})
    assert unknown.context["form"].errors == {"customer": ["No customer has the number C404."]}
    answer = owner.post(reverse("dashboard:record_payment"), {**form, "customer": "C1"})
    with tenant(house.organization):
        entered = Payment.objects.get(reference_text="FA-1")
        assert (entered.customer_id, entered.currency, entered.unallocated) == (house.item.customer_id, "EUR", Decimal(0))
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal(900)
    assert answer["Location"] == reverse("dashboard:payment", args=[entered.pk])
    owner.post(reverse("dashboard:cancel_payment", args=[entered.pk]), {"reason": "bounced"})
    with tenant(house.organization):
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal(1200)
    owner.post(reverse("dashboard:identify", args=[house.receipt]), {"customer": "C1", "settle": "on"})
    with tenant(house.organization):
        matched = Payment.objects.get(pk=house.receipt)
        assert (matched.customer_id, matched.unallocated) == (house.item.customer_id, Decimal(1200))
        assert Installment.objects.get(pk=house.item.pk).outstanding == Decimal(0)


def test_the_ledger_is_certified(owner: Client, house: House) -> None:
    future = owner.post(reverse("dashboard:ledger"), {"through": "2026-10-10"})
    assert list(future.context["form"].errors) == ["through"]
    with tenant(house.organization):
        before = LedgerCoverage.objects.count()
    owner.post(reverse("dashboard:ledger"), {"through": "2026-10-08"})
    with tenant(house.organization):
        assert LedgerCoverage.objects.count() == before + 1
        assert LedgerCoverage.objects.order_by("-pk")[0].through == date(2026, 10, 8)


def test_a_customer_record_is_completed(owner: Client, house: House) -> None:
    pk = house.item.customer_id
    owner.post(reverse("dashboard:add_contact", args=[pk]), {"name": "Mme Roy", "role": "management", "email": "roy@client.example"})
    bad = owner.post(reverse("dashboard:add_contact", args=[pk]), {"name": "X", "role": "management", "email": "roy"})
    assert list(bad.context["form"].errors) == ["email"]
    owner.post(reverse("dashboard:insolvency", args=[pk]), {"kind": "receivership", "opened_on": "2026-10-05"})
    owner.post(reverse("dashboard:send_statement", args=[pk]))
    with tenant(house.organization):
        customer = Customer.objects.get(pk=pk)
        assert list(customer.contacts.order_by("position", "pk").values_list("email", flat=True))[-1] == "roy@client.example"
        assert (customer.insolvency_kind, customer.insolvency_opened_on) == ("receivership", date(2026, 10, 5))
        assert Message.objects.filter(customer=customer, template_key="account_statement").count() == 1
    assert "Opening judgment" in owner.get(reverse("dashboard:customer", args=[pk])).content.decode()


def test_a_viewer_looks_and_changes_nothing(viewer: Client, house: House, waiting: list[Message]) -> None:
    with tenant(house.organization):
        before = AuditEvent.objects.count()
    names = ("receive", "accept", "promise", "dispute", "hold", "pay", "write_off", "resend")
    doors = [on_item(name, house) for name in names]
    doors += [reverse(f"dashboard:{name}", args=[house.item.customer_id]) for name in ("customer_hold", "insolvency", "add_contact")]
    doors += [reverse(f"dashboard:{name}", args=[house.call.pk]) for name in ("call", "task_done", "task_postpone", "task_cancel")]
    doors += [
        reverse(f"dashboard:{name}") for name in ("board_act", "hold_all", "release_all", "release_brake", "record_payment", "ledger")
    ]
    doors += [reverse(f"dashboard:{name}", args=[house.receipt]) for name in ("identify", "cancel_payment")]
    assert {door: viewer.post(door, {"act": "approve_all"}).status_code for door in doors} == dict.fromkeys(doors, 403)
    assert states(house, waiting) == ["awaiting_approval", "awaiting_approval"]
    with tenant(house.organization):
        assert AuditEvent.objects.count() == before
    page = viewer.get(reverse("dashboard:invoice", args=[house.item.invoice_id]))
    assert (page.status_code, on_item("promise", house) in page.content.decode()) == (200, False)


def test_changes_need_the_form_of_our_own_page(house: House, at_nine: None) -> None:
    from tests.dashboard.conftest import sign_in

    signed_in = sign_in(house.organization)
    checking = Client(enforce_csrf_checks=True)
    checking.cookies = signed_in.cookies
    assert checking.post(on_item("receive", house)).status_code == 403
    assert signed_in.get(reverse("dashboard:board_act")).status_code == 405


def test_another_organization_is_opened(owner: Client, house: House) -> None:
    from dunning.core.models import Membership
    from tests.factories import make_organization

    other = make_organization()
    url = reverse("dashboard:switch_organization")
    assert owner.post(url, {"organization": str(other.pk)}).status_code == 404
    Membership.objects.create(user=User.objects.get(email="claire@atelier.example"), organization=other, role="viewer")
    assert owner.post(url, {"organization": str(other.pk)}).status_code == 302
    assert other.name in owner.get("/").content.decode()
    assert owner.get(reverse("dashboard:invoice", args=[house.item.invoice_id])).status_code == 404


def test_the_played_year_tells_how_far_it_is(owner: Client, house: House) -> None:
    from dunning.core.models import Organization

    rows = Organization.objects.filter(pk=house.organization.pk)
    rows.update(playing_until=date(2026, 10, 9), played_until=date(2026, 4, 9))
    page = owner.get("/").content.decode()
    assert 'hx-trigger="every 5s"' in page
    assert 'value="182" max="365"' in page
    assert owner.get(reverse("dashboard:progress")).status_code == 200
    rows.update(playing_until=None)
    over = owner.get(reverse("dashboard:progress"))
    assert (over.status_code, over["HX-Refresh"]) == (204, "true")
