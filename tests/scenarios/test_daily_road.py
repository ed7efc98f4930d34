"""The daily road from end to end: what really leaves, in which words, through the outbox and the local post office."""

import re
from datetime import date
from decimal import Decimal

import pytest

from customers.models import Contact, Customer, CustomerGroup
from dunning.core import documents
from dunning.core.models import Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from invoices.models import Installment, Promise
from invoices.selectors import customer_statement
from invoices.services import issue_credit_note, make_promise, open_dispute
from notifications.models import Message
from notifications.posting import record_letter_proof, record_posting
from scenarios.models import DailyRun, Schedule, Task
from scenarios.services.approvals import approve_message, approve_messages
from scenarios.services.board import hold_all, release_all
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send, steps_of
from tests.scenarios.road import attach, call, left_on, mail_of, pay, plain, words_of

pytestmark = pytest.mark.django_db

ISSUED, DUE = date(2026, 9, 1), date(2026, 10, 1)
IBAN = "FR20 9999 9000 0100 0000 0001 A82"


@pytest.fixture
def house() -> Organization:
    return open_house(legal_name="Menuiserie Exemplaire SAS")


def _who(day: str) -> dict[str, object]:
    return {"actor": CLERK, "today": date.fromisoformat(day), "now": at(day, 6)}


# --- the worked example of rule 2 ---------------------------------------------------------------------------------------------------------


def _durand() -> Customer:
    lea = User.objects.create_user("lea@atelier.example", None, name="Léa Roy")
    return make_customer(
        "C1",
        name="Durand SARL",
        account_owner=lea,
        registered_line1="1 place du Siège",
        registered_postal_code="75002",
        registered_city="Paris",
        legal_representative="Paul Durand",
    )


def test_the_worked_example_leaves_in_these_words(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(_durand(), number="FA-2026-00042", amount="1200.00", issued_on=ISSUED, due_on=DUE)
        attach(item.invoice, proof=False, day="2026-09-01")
        attach(item.invoice, proof=True, day="2026-09-01")
    for day in ("2026-09-07", "2026-09-24", "2026-10-01", "2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    for day in ("2026-10-13", "2026-10-14", "2026-10-25", "2026-10-26", "2026-11-04", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        assert steps_of(item)[-7:] == [
            ("pre_due", "done", "2026-09-24"),
            ("due_day_notice", "done", "2026-10-01"),
            ("r1", "done", "2026-10-02"),
            ("call", "done", "2026-10-09"),
            ("r2", "done", "2026-10-14"),
            ("r3", "done", "2026-10-26"),
            ("formal_notice", "planned", "2026-11-06"),
        ]
        before = mail_of("2026-09-24")
        assert plain(before.subject) == "Facture FA-2026-00042 — 1 200,00 € — échéance le 1er octobre 2026"
        assert "Votre compte est à jour, merci. La facture n° FA-2026-00042 (1 200,00 €) arrive à échéance le 1er octobre 2026." in plain(
            before.body_text
        )
        first = mail_of("2026-10-02")
        assert plain(first.subject) == "Facture FA-2026-00042 — 1 200,00 € — échéance 1er octobre 2026"
        words = plain(first.body_text)
        assert (
            "Sauf erreur ou omission de notre part, le règlement de la facture n° FA-2026-00042, d'un montant de 1 200,00 €, "
            "ne nous est pas parvenu : le délai est écoulé depuis le 1er octobre 2026." in words
        )
        assert IBAN in words
        assert [word for word in ("mise en demeure", "pénalités", "défaut") if word in words] == []
        assert [attached.filename for attached in first.attachments.all()] == ["Facture-FA-2026-00042.pdf"]
        second = plain(mail_of("2026-10-14").body_text)
        assert (
            "Malgré notre message du 2 octobre 2026, la facture n° FA-2026-00042, d'un montant de 1 200,00 €, échue le 1er octobre 2026, "
            "reste impayée à ce jour." in second
        )
        assert "Nous vous demandons de régler sous 8 jours, soit au plus tard le 22 octobre 2026" in second
        assert "l'indemnité forfaitaire de 40 € par facture sont dues de plein droit (art. L441-10 et D441-5 du code de commerce)" in second
        assert "Nos coordonnées bancaires n'ont pas changé : IBAN se terminant par 1A82." in second
        third = plain(mail_of("2026-10-26").body_text)
        assert "Nos rappels, dont celui du 14 octobre 2026, sont restés sans règlement." in third
        assert (
            "Nous vous demandons de nous régler au plus tard le 3 novembre 2026. Sans paiement ni réponse de votre part à cette date, "
            "nous vous adresserons une mise en demeure par lettre recommandée." in third
        )
        notice = Message.objects.get(channel="registered")
        assert (notice.state, notice.amount) == ("awaiting_approval", Decimal("1200.00"))
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert notice.document is not None
        assert notice.print_document is not None
        letter = words_of(documents.read(notice.document))
        for words in (
            "Durand SARL À l'attention de Paul Durand, représentant légal 1 place du Siège 75002 Paris",
            "Mise en demeure de payer — compte C1 — 1 200,00 € en principal",
            "au plus tard le 20 novembre 2026",
            "la somme de 1 254,68 €",  # 1 200 x 12,40 % x 36 / 365 = 14,68, and 40
            "pénalités arrêtées au 6 novembre 2026, 14,68 € (annexe 1, taux par période)",
            "indemnité forfaitaire 40,00 € × 1 = 40,00 €",
            "nous confierons le recouvrement de cette créance à un tiers habilité",
            IBAN,
        ):
            assert words in letter
        chronology = letter[letter.index("Nos relances :") :]
        told = [
            chronology.index(day)
            for day in ("24 septembre 2026", "1er octobre 2026", "2 octobre 2026", "9 octobre 2026", "14 octobre 2026")
        ]
        assert told == sorted(told)
        assert "appel téléphonique" in chronology
        assert chronology.index("26 octobre 2026") > told[-1]
        record_posting(message_id=notice.pk, posted_on=date(2026, 11, 6), tracking_number="1A 042", actor=CLERK, now=at("2026-11-06", 15))
        record_letter_proof(message_id=notice.pk, proof="delivered", on=date(2026, 11, 9), actor=CLERK, now=at("2026-11-09"))  # type: ignore[arg-type]
        assert steps_of(item)[-1] == ("formal_notice", "done", "2026-11-06")
        notice.refresh_from_db()
        assert (notice.state, notice.tracking_number, notice.proof) == ("delivered", "1A 042", "delivered")


# --- money, promises and disputes between planning and departure --------------------------------------------------------------------------


def test_a_part_payment_before_departure_takes_the_invoice_out_and_the_next_message_thanks_for_it(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        part = make_invoice(durand, number="FA-1", amount="1000.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(durand, number="FA-2", amount="300.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        assert mail_of("2026-10-02").amount == Decimal("1300.00")
        pay(durand, "400.00", "2026-10-02", part)
    send(house, "2026-10-02")
    with tenant(house):
        message = mail_of("2026-10-02")
        assert (message.state, message.amount) == ("accepted", Decimal("300.00"))
        assert "FA-2, d'un montant de 300,00 €" in plain(message.body_text)
    for day in ("2026-10-05", "2026-10-12"):
        run_on(house, day)
    with tenant(house):
        assert steps_of(part)[-1] == ("r1", "done", "2026-10-12")
        words = plain(mail_of("2026-10-12").body_text)
        assert "Nous vous remercions de votre règlement de 400,00 €, reçu le 2 octobre 2026." in words
        assert "600,00 €" in words


def test_a_dispute_about_an_amount_leaves_the_rest_to_be_asked_for(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", amount="1000.00", issued_on=ISSUED, due_on=DUE)
        open_dispute(installment=item, reason="PU_ERR", amount=Decimal("312.00"), **_who("2026-10-02"))  # type: ignore[arg-type]
    for day in ("2026-10-02", "2026-10-09", "2026-10-12"):  # five business days, then what is not contested
        run_on(house, day)
    with tenant(house):
        assert [steps_of(item)[-1], left_on("2026-10-09")] == [("r1", "done", "2026-10-12"), []]
        message = mail_of("2026-10-12")
        assert message.amount == Decimal("688.00")
        words = plain(message.body_text)
        assert "d'un montant de 688,00 €" in words
        assert "La somme demandée ne comprend pas le montant que vous contestez (312,00 €), qui est examiné à part." in words


def test_a_promise_holds_and_its_breach_is_said_in_the_next_message(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", amount="1200.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 25), source="call", **_who("2026-10-05"))  # type: ignore[arg-type]
    for day in ("2026-10-09", "2026-10-27", "2026-10-28"):
        run_on(house, day)
    with tenant(house):
        assert steps_of(item)[-1] == ("call", "planned", "2026-10-28")
    call(house, "2026-10-28")
    run_on(house, "2026-11-02")
    with tenant(house):
        assert steps_of(item)[-1] == ("r2", "done", "2026-11-02")
        words = plain(mail_of("2026-11-02").body_text)
        assert "au plus tard le 10 novembre 2026" in words


def test_a_credit_note_does_not_keep_a_promise_for_the_planner_either(house: Organization) -> None:
    """600,00 of 1 000,00 are promised for Sunday the 25th; 600,00 are credited on the 12th, and nothing is paid."""
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, number="FA-1", amount="1000.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        make_promise(amounts={item: Decimal("600.00")}, promised_for=date(2026, 10, 25), **_who("2026-10-05"))  # type: ignore[arg-type]
        note = {"number": "AV-1", "gross": Decimal("600.00"), "issued_on": date(2026, 10, 12), "credited_invoice": item.invoice}
        issue_credit_note(customer=durand, **note, **_who("2026-10-12"))  # type: ignore[arg-type]
    for day in ("2026-10-13", "2026-10-26", "2026-10-27"):
        run_on(house, day)
        with tenant(house):
            assert Schedule.objects.get().reason == "promised"  # what is left is less than what was promised
    run_on(house, "2026-10-28")
    with tenant(house):
        assert Promise.objects.get().state == "broken"
        call = Task.objects.get(kind="call", state="open")
        assert (call.amount, call.opened_on) == (Decimal("400.00"), date(2026, 10, 28))


def test_a_promise_kept_is_followed_by_silence(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, number="FA-1", amount="1200.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 23), source="call", **_who("2026-10-05"))  # type: ignore[arg-type]
        pay(durand, "1200.00", "2026-10-23", item)
    for day in ("2026-10-26", "2026-10-28", "2026-11-04"):
        run_on(house, day)
    with tenant(house):
        assert Message.objects.filter(kind="reminder", planned_on__gt=date(2026, 10, 2)).count() == 0
        assert Task.objects.count() == 0


def test_credits_are_negative_lines_and_the_total_is_the_statement(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, number="FA-1", amount="2000.00", issued_on=ISSUED, due_on=DUE)
        issue_credit_note(customer=durand, number="AV-1", gross=Decimal("312.00"), issued_on=date(2026, 9, 20), **_who("2026-09-20"))  # type: ignore[arg-type]
        pay(durand, "500.00", "2026-09-25")
    run_on(house, "2026-10-02")
    with tenant(house):
        message = mail_of("2026-10-02")
        [statement] = customer_statement([durand.pk], today=date(2026, 10, 2))
        assert message.amount == statement.net == Decimal("1188.00")
        words = plain(message.body_text)
        assert "1 188,00 €" in words
        assert "AV-1" in words
        assert "Règlement du 25 septembre 2026" in words
        assert "entry-" not in words
        assert Task.objects.filter(kind="allocate_credit").count() == 0  # friendly: only firm steps wait for it


# --- who is written to --------------------------------------------------------------------------------------------------------------------


def test_a_payer_gets_one_message_for_its_two_subsidiaries(house: Organization) -> None:
    with tenant(house):
        holding = make_customer("H", name="Groupe Durand")
        make_invoice(make_customer("S1", name="Durand Nord", payer=holding), number="FA-1", amount="100.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(
            make_customer("S2", name="Durand Sud", payer=holding, email=""), number="FA-2", amount="200.00", issued_on=ISSUED, due_on=DUE
        )
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "H", "accepted")]
        message = mail_of("2026-10-02")
        assert (message.recipient, message.amount) == ("compta.h@client.example", Decimal("300.00"))
        words = plain(message.body_text)
        assert words.index("Durand Nord") < words.index("FA-1")
        assert words.index("Durand Sud") < words.index("FA-2")


def test_two_currencies_are_two_messages_and_never_one_sum(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        make_invoice(durand, number="FA-1", amount="100.00", issued_on=ISSUED, due_on=DUE)
        make_invoice(durand, number="FA-2", amount="200.00", issued_on=ISSUED, due_on=DUE, currency="USD")
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "accepted"), ("r1", "C1", "accepted")]
        assert [mail_of("2026-10-02", currency=code).amount for code in ("EUR", "USD")] == [Decimal("100.00"), Decimal("200.00")]
        dollars = plain(mail_of("2026-10-02", currency="USD").body_text)
        assert "200,00 $US" in dollars
        assert "€" not in dollars


def test_an_english_customer_reads_english(house: Organization) -> None:
    with tenant(house):
        make_invoice(make_customer("C1", language="en"), number="FA-1", amount="1200.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        message = mail_of("2026-10-02")
        assert plain(message.subject) == "Invoice FA-1 — €1,200.00 — due 1 October 2026"
        assert "According to our records, invoice FA-1 for €1,200.00, due on 1 October 2026, remains unpaid." in plain(message.body_text)


def _through_the_reminders(house: Organization) -> None:
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    for day in ("2026-10-14", "2026-10-26", "2026-11-06"):
        run_on(house, day)


def test_a_customer_of_unknown_kind_is_asked_without_penalties_and_never_formally(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1", kind="unknown", siren=""), number="FA-1", issued_on=ISSUED, due_on=DUE)
    _through_the_reminders(house)
    with tenant(house):
        assert left_on("2026-10-14") == [("r2", "C1", "accepted")]
        words = plain(mail_of("2026-10-14").body_text)
        assert "pénalités" not in words
        assert "40 €" not in words
        assert not Message.objects.filter(channel="registered").exists()
        assert "mise en demeure" not in " ".join(plain(text) for text in Message.objects.values_list("body_text", flat=True))
        assert steps_of(item)[-1][0] != "formal_notice"


def _in_group(key: str, **fields: object) -> Customer:
    return make_customer("C1", group=CustomerGroup.objects.get(key=key), **fields)  # type: ignore[arg-type]


def test_a_consumer_is_never_asked_for_the_forty_euros(house: Organization) -> None:
    with tenant(house):
        make_invoice(
            _in_group("consumers", kind="consumer", siren="", kind_confirmed_at=at("2026-09-01")),
            number="FA-1",
            issued_on=ISSUED,
            due_on=DUE,
        )
    for day in ("2026-10-06", "2026-10-16"):
        run_on(house, day)
    call(house, "2026-10-16")
    for day in ("2026-10-26", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        said = [plain(text) for text in Message.objects.filter(kind="reminder", state="accepted").values_list("body_text", flat=True)]
        assert len(said) == 3
        assert not any(re.search(r"\b40(,00)?\s*(€|euros?)|indemnité|pénalités", words) for words in said)


def test_a_public_body_reads_the_public_code(house: Organization) -> None:
    with tenant(house):
        make_invoice(_in_group("public", kind="public"), number="FA-1", issued_on=ISSUED, due_on=DUE)
    for day in ("2026-10-12", "2026-10-22"):
        run_on(house, day)
    call(house, "2026-10-22")
    run_on(house, "2026-11-02")
    with tenant(house):
        words = " ".join(plain(text) for text in Message.objects.filter(kind="reminder").values_list("body_text", flat=True))
        assert left_on("2026-11-02") == [("r2_public", "C1", "accepted")]
        assert "art. L2192-13, R2192-31 et D2192-35 du code de la commande publique" in words
        assert "L441-10" not in words


# --- what keeps a message back ------------------------------------------------------------------------------------------------------------


def test_without_an_iban_nothing_asks_for_money(house: Organization) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(iban="")
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=ISSUED, due_on=DUE, pay_to_iban="")
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == []
        assert Schedule.objects.get(installment=item).reason == "iban_missing"


def test_without_an_address_the_next_contact_is_written_to_and_without_any_a_task_is_opened(house: Organization) -> None:
    with tenant(house):
        chain = make_customer("C1", email="")
        Contact.objects.create(customer=chain, name="Comptabilité", role="accounting", email="")
        Contact.objects.create(customer=chain, name="Direction", role="management", email="direction@client.example")
        make_invoice(chain, number="FA-1", issued_on=ISSUED, due_on=DUE)
        make_invoice(make_customer("C2", email=""), number="FA-2", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "accepted")]
        assert mail_of("2026-10-02").recipient == "direction@client.example"
        [task] = Task.objects.filter(kind="find_contact")
        assert task.customer is not None
        assert task.customer.number == "C2"


def test_a_supervised_board_leaves_once_all_is_approved(house: Organization) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 10, 31))
        for number in ("C1", "C2"):
            make_invoice(make_customer(number), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "awaiting_approval"), ("r1", "C2", "awaiting_approval")]
        ids = list(Message.objects.values_list("pk", flat=True))
        approved = approve_messages(message_ids=ids, organization=house, actor=CLERK, today=date(2026, 10, 2), now=at("2026-10-02", 9))
        assert approved == (2, ())
    assert send(house, "2026-10-02", 10) == {"accepted": 2}


def test_everything_is_held_and_let_go(house: Organization) -> None:
    with tenant(house):
        make_invoice(make_customer("C1"), issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        hold_all(reason="Relecture", actor=CLERK, now=at("2026-10-02", 8))
    send(house, "2026-10-02")
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "held")]
        release_all(actor=CLERK, now=at("2026-10-02", 10))
    assert send(house, "2026-10-02", 11) == {"accepted": 1}


def test_after_ten_days_of_silence_one_message_leaves_and_the_rest_shifts(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02")
    run_on(house, "2026-10-21")  # the engine was down from the 3rd to the 20th
    call(house, "2026-10-21")
    for day in ("2026-10-22", "2026-10-23", "2026-10-26", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        assert steps_of(item)[-4:] == [
            ("r1", "done", "2026-10-02"),
            ("call", "done", "2026-10-21"),
            ("r2", "done", "2026-10-26"),
            ("r3", "done", "2026-11-06"),
        ]
        assert Message.objects.filter(kind="reminder", planned_on__gt=date(2026, 10, 2)).count() == 2


def test_a_beat_that_rings_twice_sends_once(house: Organization) -> None:
    with tenant(house):
        item = make_invoice(make_customer("C1"), number="FA-1", issued_on=ISSUED, due_on=DUE)
    for _beat in range(2):
        run_on(house, "2026-10-02")
        send(house, "2026-10-02", 10)
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "accepted")]
        assert (DailyRun.objects.count(), steps_of(item)[-1]) == (1, ("r1", "done", "2026-10-02"))


def test_an_item_paid_between_planning_and_departure_is_not_asked_for(house: Organization) -> None:
    with tenant(house):
        durand = make_customer("C1")
        item = make_invoice(durand, number="FA-1", amount="1200.00", issued_on=ISSUED, due_on=DUE)
    run_on(house, "2026-10-02", deliver=False)
    with tenant(house):
        pay(durand, "1200.00", "2026-10-02", item)
    assert send(house, "2026-10-02") == {}
    with tenant(house):
        assert left_on("2026-10-02") == [("r1", "C1", "cancelled")]
        assert Installment.objects.get(pk=item.pk).outstanding == Decimal(0)
