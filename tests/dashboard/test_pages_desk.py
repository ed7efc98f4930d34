"""The acts without which an item stands still: each is done from the page that shows the item, and a refusal changes nothing."""

from datetime import date
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from customers.models import Customer
from customers.services import record_insolvency
from dunning.core.models import AuditEvent
from dunning.core.tenancy import tenant
from invoices.models import Hold, Installment, Invoice
from invoices.services import InvoiceDraft, issue_invoices, place_hold
from notifications.enums import MessageState
from notifications.models import Message
from notifications.settlement import move
from scenarios.models import Action, Commitment, Task
from scenarios.outside import write
from tests.dashboard.conftest import NOW, TODAY, House
from tests.factories import make_customer
from tests.scenarios.houses import CLERK


def test_a_message_that_claims_nothing_is_counted_without_an_amount(owner: Client, house: House) -> None:
    with tenant(house.organization):
        silent = make_customer("C8")
        write(
            customer=silent, kind="answer", template_key="account_statement", items=[], for_clerk=True, actor="system", today=TODAY, now=NOW
        )
    board = owner.get(reverse("dashboard:today")).content.decode()
    assert ">One message waits for your approval.</p>" in board


def test_insolvency_proceedings_are_removed_with_a_reason(owner: Client, viewer: Client, house: House) -> None:
    pk = house.item.customer_id
    url, record = reverse("dashboard:end_insolvency", args=[pk]), reverse("dashboard:customer", args=[pk])
    assert url not in owner.get(record).content.decode()
    with tenant(house.organization):
        judged = Customer.objects.get(pk=pk)
        record_insolvency(customer=judged, kind="receivership", opened_on=date(2026, 10, 5), actor=CLERK, today=TODAY, now=NOW)
    assert url in owner.get(record).content.decode()
    assert url not in viewer.get(record).content.decode()
    assert viewer.post(url, {"reason": "a namesake"}).status_code == 403
    unsaid = owner.post(url, {"reason": " "})
    assert (unsaid.status_code, list(unsaid.context["form"].errors)) == (422, ["reason"])
    with tenant(house.organization):
        assert Customer.objects.get(pk=pk).insolvency_kind == "receivership"
    answer = owner.post(url, {"reason": "a namesake"})
    assert (answer.status_code, answer["Location"]) == (302, record)
    with tenant(house.organization):
        cleared = Customer.objects.get(pk=pk)
        assert (cleared.insolvency_kind, cleared.insolvency_opened_on) == ("", None)
        assert AuditEvent.objects.get(action="customer.insolvency_cleared").body["reason"] == "a namesake"


def test_a_person_says_what_was_delivered_before_the_judgment(owner: Client, house: House) -> None:
    """The judgment is of 20 August, the invoice of 1 September: nobody knows yet which side of it the delivery is on."""
    pk, invoice = house.item.customer_id, str(house.item.invoice_id)
    url, record = reverse("dashboard:insolvency_split", args=[pk]), reverse("dashboard:customer", args=[pk])
    assert (owner.get(url).status_code, owner.get(url)["Location"]) == (302, record)
    with tenant(house.organization):
        judged = Customer.objects.get(pk=pk)
        record_insolvency(customer=judged, kind="receivership", opened_on=date(2026, 8, 20), actor=CLERK, today=TODAY, now=NOW)
        task = Task.objects.get(kind="confirm_split")
    assert "Before or after the judgment?" in owner.get(record).content.decode()
    assert url in owner.get(reverse("dashboard:today")).content.decode()
    assert "Not known: nothing is asked for." in owner.get(url).content.decode()
    late = owner.post(url, {invoice: "2027-01-01"})
    assert (late.status_code, list(late.context["form"].errors)) == (422, [invoice])
    answer = owner.post(url, {invoice: "2026-08-19"})
    assert (answer.status_code, answer["Location"]) == (302, record)
    assert "Before or after the judgment?" not in owner.get(record).content.decode()
    with tenant(house.organization):
        assert Invoice.objects.get(pk=invoice).delivered_on == date(2026, 8, 19)
        task.refresh_from_db()
        assert task.state == "done"


def test_a_pause_is_renewed_by_somebody_else(owner: Client, viewer: Client, house: House) -> None:
    on_item, record = reverse("dashboard:hold", args=[house.item.pk]), reverse("dashboard:invoice", args=[house.item.invoice_id])
    owner.post(on_item, {"kind": "pause", "side": "theirs", "ends_on": "2026-10-16", "reason": "Mme Roy is away"})
    with tenant(house.organization):
        own = Hold.objects.get()
        customer = Customer.objects.get(pk=house.item.customer_id)
        theirs = place_hold(
            customer=customer, kind="pause", ends_on=date(2026, 10, 12), reason="talks", side="ours", actor=CLERK, today=TODAY, now=NOW
        )
    url, other = (reverse("dashboard:renew_hold", args=[hold.pk]) for hold in (own, theirs))
    page = owner.get(record).content.decode()
    assert (url in page, other in page) == (True, True)
    refused = owner.post(url, {"ends_on": "2026-10-30", "reason": "still away"})
    assert refused.status_code == 422
    assert refused.context["form"].non_field_errors() == ["A pause is renewed by somebody else than who asked for it."]
    far = owner.post(other, {"ends_on": "2027-01-30", "reason": "talks go on"})
    assert list(far.context["form"].errors) == ["ends_on"]
    assert viewer.post(other, {"ends_on": "2026-10-30", "reason": "talks go on"}).status_code == 403
    with tenant(house.organization):
        assert list(Hold.objects.filter(released_on=None).order_by("ends_on").values_list("pk", flat=True)) == [theirs.pk, own.pk]
    answer = owner.post(other, {"ends_on": "2026-10-30", "reason": "talks go on"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:customer", args=[house.item.customer_id]))
    with tenant(house.organization):
        renewed = Hold.objects.get(renews=theirs)
        assert (renewed.ends_on, renewed.reason, renewed.side, renewed.released_on) == (date(2026, 10, 30), "talks go on", "ours", None)
        assert Hold.objects.get(pk=theirs.pk).released_on == TODAY


def test_somebody_says_whether_an_unproven_message_left(owner: Client, viewer: Client, house: House) -> None:
    url, record = reverse("dashboard:settle_message", args=[house.sent.pk]), reverse("dashboard:message", args=[house.sent.pk])
    known = owner.post(url, {"fate": "stayed"})
    assert known.context["form"].non_field_errors() == ["What became of this message is already known."]
    assert url not in owner.get(record).content.decode()

    def doubt() -> None:
        with tenant(house.organization):
            move(Message.objects.get(pk=house.sent.pk), MessageState.UNPROVEN, NOW)

    def now_is() -> tuple[str, list[str]]:
        with tenant(house.organization):
            tasks = Task.objects.filter(kind="uncertain_sending", message=house.sent.pk).order_by("pk")
            return Message.objects.get(pk=house.sent.pk).state, list(tasks.values_list("state", flat=True))

    doubt()
    assert url in owner.get(record).content.decode()
    assert url not in viewer.get(record).content.decode()
    assert viewer.post(url, {"fate": "left"}).status_code == 403
    assert list(owner.post(url, {"note": "?"}).context["form"].errors) == ["fate"]
    assert now_is() == ("unproven", ["open"])
    answer = owner.post(url, {"fate": "left", "note": "journal of the 9th"})
    assert (answer.status_code, answer["Location"]) == (302, record)
    assert now_is() == ("accepted", ["done"])
    with tenant(house.organization):
        assert AuditEvent.objects.get(action="message.settled_by_hand").body == {"left": True, "note": "journal of the 9th"}
    doubt()
    assert now_is() == ("unproven", ["done"])
    owner.post(url, {"fate": "stayed"})
    assert now_is() == ("queued", ["done"])


def test_a_message_that_never_left_goes_again_and_its_task_closes(owner: Client, house: House) -> None:
    with tenant(house.organization):
        move(Message.objects.get(pk=house.sent.pk), MessageState.UNPROVEN, NOW)
    owner.post(reverse("dashboard:settle_message", args=[house.sent.pk]), {"fate": "stayed", "note": "not in the journal"})
    with tenant(house.organization):
        task = Task.objects.get(kind="uncertain_sending")
        assert (Message.objects.get(pk=house.sent.pk).state, task.state, task.note) == ("queued", "cancelled", "not in the journal")


def test_what_was_announced_is_withdrawn_from_the_record_or_the_queue(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        action = Action.objects.filter(installment=house.item).order_by("pk")[0]
        told = Commitment.objects.create(
            installment=house.item,
            customer_id=house.item.customer_id,
            consequence="formal_notice",
            announced_by=action,
            announced_on=date(2026, 10, 2),
            due_on=date(2026, 10, 7),
            plan_id=action.plan_id,
            step_key="r4",
        )
    url, record = reverse("dashboard:withdraw_commitment", args=[told.pk]), reverse("dashboard:customer", args=[house.item.customer_id])
    for page in (record, reverse("dashboard:today")):
        assert url in owner.get(page).content.decode()
        assert url not in viewer.get(page).content.decode()
    in_place = owner.get(url, headers={"hx-request": "true"}).content.decode()
    assert ("<html" in in_place, "FA-1" in in_place, url in in_place) == (False, True, True)
    assert viewer.post(url, {"reason": "a new agreement"}).status_code == 403
    assert list(owner.post(url, {"reason": " "}).context["form"].errors) == ["reason"]
    with tenant(house.organization):
        assert Commitment.objects.get().state == "open"
    answer = owner.post(url, {"reason": "a new agreement"})
    assert (answer.status_code, answer["Location"]) == (302, record)
    with tenant(house.organization):
        withdrawn = Commitment.objects.get()
        assert (withdrawn.state, withdrawn.reason, withdrawn.closed_on) == ("withdrawn", "a new agreement", TODAY)
    again = owner.post(url, {"reason": "twice"})
    assert again.context["form"].non_field_errors() == ["This was carried out or withdrawn already."]
    assert url not in owner.get(record).content.decode()


def test_the_awaited_credit_note_is_entered(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        item = Installment.objects.select_related("invoice").get(pk=house.item.pk)
        awaited = place_hold(
            installment=item,
            kind="credit_note_pending",
            amount=Decimal(200),
            ends_on=date(2026, 10, 20),
            reason="the doors",
            actor=CLERK,
            today=TODAY,
            now=NOW,
        )
        task = Task.objects.create(
            kind="credit_note", customer_id=item.customer_id, installment=item, hold=awaited, opened_on=TODAY, due_on=TODAY
        )
    url, record = reverse("dashboard:credit_note", args=[item.invoice_id]), reverse("dashboard:invoice", args=[item.invoice_id])
    for page in (record, reverse("dashboard:task", args=[task.pk])):
        assert url in owner.get(page).content.decode()
        assert url not in viewer.get(page).content.decode()
    assert owner.get(url).context["form"].initial == {"issued_on": TODAY, "gross": "200.00"}
    form = {"number": "AV-1", "issued_on": "2026-10-08", "gross": "200"}
    assert viewer.post(url, form).status_code == 403
    taken = owner.post(url, {**form, "number": "FA-2"})
    assert (taken.status_code, list(taken.context["form"].errors)) == (422, ["number"])
    assert list(owner.post(url, {**form, "gross": "-5"}).context["form"].errors) == ["gross"]
    with tenant(house.organization):
        assert Invoice.objects.filter(kind="credit_note").count() == 0
    answer = owner.post(url, form)
    assert (answer.status_code, answer["Location"]) == (302, record)
    with tenant(house.organization):
        note = Invoice.objects.get(number="AV-1")
        assert (note.kind, note.gross, note.issued_on, note.unallocated) == ("credit_note", Decimal(200), date(2026, 10, 8), Decimal(0))
        assert note.credited_invoice_id == item.invoice_id
        assert Installment.objects.get(pk=item.pk).outstanding == Decimal(1000)
        assert Hold.objects.get(pk=awaited.pk).released_on == TODAY
        assert Task.objects.get(pk=task.pk).state == "done"
    assert url not in owner.get(reverse("dashboard:invoice", args=[note.pk])).content.decode()
    assert owner.get(url).context["form"].initial["gross"] == "1000.00"


def test_old_invoices_are_decided_several_at_once(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        customer = make_customer("C9", name="Vieille Maison")
        numbers = {"FA-90": date(2026, 3, 1), "FA-91": date(2026, 4, 1), "FA-92": date(2026, 5, 1)}
        drafts = [InvoiceDraft(customer, number, date(2026, 2, 1), Decimal(500), due_on=due) for number, due in numbers.items()]
        issue_invoices(drafts=drafts, first_import=True, actor=CLERK, today=TODAY, now=NOW)
        keys = {item.invoice.number: str(item.pk) for item in Installment.objects.select_related("invoice").filter(customer=customer)}
        task = Task.objects.create(kind="triage", customer=customer, opened_on=TODAY, due_on=TODAY)
        invoice = Invoice.objects.get(number="FA-91")
    url, record = reverse("dashboard:triage", args=[customer.pk]), reverse("dashboard:invoice", args=[invoice.pk])
    for page, door in ((record, f"{url}?invoice={invoice.pk}"), (reverse("dashboard:task", args=[task.pk]), url)):
        assert f'href="{door}"' in owner.get(page).content.decode()
        assert url not in viewer.get(page).content.decode()
    assert "triage" not in owner.get(reverse("dashboard:invoice", args=[house.item.invoice_id])).content.decode()
    assert sorted(owner.get(url).context["form"].initial["items"]) == sorted(keys.values())
    assert owner.get(f"{url}?invoice={invoice.pk}").context["form"].initial["items"] == [keys["FA-91"]]

    def decided() -> list[tuple[str, str]]:
        with tenant(house.organization):
            return list(Installment.objects.filter(customer=customer).order_by("due_on").values_list("invoice__number", "triage"))

    waiting = [(number, "waiting") for number in numbers]
    assert viewer.post(url, {"items": list(keys.values()), "choice": "chase"}).status_code == 403
    assert list(owner.post(url, {"choice": "chase"}).context["form"].errors) == ["items"]
    assert list(owner.post(url, {"items": [keys["FA-90"]], "choice": "waiting"}).context["form"].errors) == ["choice"]
    assert list(owner.post(url, {"items": [str(house.item.pk)], "choice": "litigation"}).context["form"].errors) == ["items"]
    assert decided() == waiting
    answer = owner.post(url, {"items": [keys["FA-90"], keys["FA-92"]], "choice": "litigation"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:customer", args=[customer.pk]))
    assert decided() == [("FA-90", "litigation"), ("FA-91", "waiting"), ("FA-92", "litigation")]
    with tenant(house.organization):
        assert Task.objects.get(pk=task.pk).state == "open"
    owner.post(url, {"items": [keys["FA-91"]], "choice": "chase"})
    assert decided() == [("FA-90", "litigation"), ("FA-91", "chase"), ("FA-92", "litigation")]
    with tenant(house.organization):
        assert Task.objects.get(pk=task.pk).state == "done"
        assert Installment.objects.get(pk=house.item.pk).triage == ""


def test_none_of_it_exists_for_strangers(stranger: Client, house: House) -> None:
    with tenant(house.organization):
        pause = place_hold(
            installment=house.item, kind="pause", side="ours", ends_on=date(2026, 10, 12), reason="talks", actor=CLERK, today=TODAY, now=NOW
        )
    with tenant(house.organization):  # what follows from the pause is written when its transaction ends
        before = AuditEvent.objects.count()
    doors = [reverse(f"dashboard:{name}", args=[house.item.customer_id]) for name in ("end_insolvency", "triage")]
    doors += [reverse("dashboard:credit_note", args=[house.item.invoice_id]), reverse("dashboard:renew_hold", args=[pause.pk])]
    doors += [reverse("dashboard:settle_message", args=[house.sent.pk])]
    for door in doors:
        assert (stranger.get(door).status_code, stranger.post(door, {"reason": "mine"}).status_code) == (404, 404), door
    with tenant(house.organization):
        assert AuditEvent.objects.count() == before
