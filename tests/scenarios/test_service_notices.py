"""What comes before the term is about its own invoices alone: what else stands on the account is shown, not announced (rules 2 and 5)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from customers.models import Customer
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.selectors import customer_statement
from invoices.services import issue_credit_note
from notifications.models import Message
from scenarios.models import DailyRun
from scenarios.services.approvals import approve_message
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, open_house, run_on, send, steps_of
from tests.scenarios.road import left_on, mail_of, pay, plain

pytestmark = pytest.mark.django_db

REST = "le tableau reprend aussi le reste de votre compte"
QUESTION = "Merci également de nous confirmer que les factures « à confirmer » vous sont bien parvenues"


@pytest.fixture
def house() -> Organization:
    return open_house()


def _owes(house: Organization, *invoices: tuple[str, str, str, str], **fields: Any) -> Customer:
    """A customer's invoices: number, amount, issue and due dates."""
    with tenant(house):
        durand = make_customer("C1", **fields)
        for number, amount, issued_on, due_on in invoices:
            make_invoice(durand, number=number, amount=amount, issued_on=date.fromisoformat(issued_on), due_on=date.fromisoformat(due_on))
    return durand


def _late_and_coming(house: Organization, **fields: Any) -> Customer:
    """On 8 October 500,00 are a week late and reminded, 700,00 fall due."""
    old, new = ("FA-OLD", "500.00", "2026-09-01", "2026-10-01"), ("FA-NEW", "700.00", "2026-09-08", "2026-10-08")
    return _owes(house, old, new, **fields)


# --- beside what is late ------------------------------------------------------------------------------------------------------------------


def test_a_notice_is_about_what_comes_due_and_not_about_what_is_late(house: Organization) -> None:
    durand = _late_and_coming(house)
    live(house, ["2026-10-02", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        assert (message.phase, message.state, message.amount, message.item_count) == (10, "accepted", Decimal("700.00"), 1)
        assert plain(message.subject) == "Facture FA-NEW — 700,00 € — échéance le 8 octobre 2026"
        words = plain(message.body_text)
        assert "La facture n° FA-NEW (700,00 €) arrive à échéance le 8 octobre 2026." in words
        assert words.count("arrive à échéance") == 1
        assert "Votre compte est à jour" not in words
        assert f"{REST} (500,00 €), qui n'est pas l'objet de ce message." in words
        assert "rappeler la référence RF46 FANE W" in words
        assert DailyRun.objects.get(local_date=date(2026, 10, 8)).counts["amounts"] == {"EUR": 700_00}
        [statement] = customer_statement([durand.pk], today=date(2026, 10, 8))
        assert statement.net == Decimal("1200.00")


def test_its_table_says_what_is_late_as_such_and_ends_in_the_balance_of_the_account(house: Organization) -> None:
    _late_and_coming(house)
    live(house, ["2026-10-02", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
    table = plain(message.body_text[message.body_text.index("Facture ") : message.body_text.index("Pour que vous")])
    assert table.endswith(
        "À échoir : FA-NEW 08/09/2026 08/10/2026 700,00 € Sous-total 700,00 € "
        "Échues : FA-OLD 01/09/2026 01/10/2026 500,00 € 7 j Sous-total 500,00 € "
        "Solde du compte 1 200,00 €"
    )
    assert "Total à régler" not in message.body_html
    assert "Solde du compte" in message.body_html


def test_it_says_the_same_in_english(house: Organization) -> None:
    _late_and_coming(house, language="en")
    live(house, ["2026-10-02", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        words = plain(message.body_text)
    assert plain(message.subject) == "Invoice FA-NEW — €700.00 — due on 8 October 2026"
    assert "the table also shows the rest of your account (€500.00), which this message is not about." in words
    assert "Balance of the account €1,200.00" in words


def test_who_approves_it_approves_what_comes_due_alone(house: Organization) -> None:
    _late_and_coming(house)
    live(house, ["2026-10-02"])
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 10, 31))
    live(house, ["2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        [link] = message.cargo.select_related("action__installment__invoice")
        assert (message.state, message.amount, message.item_count) == ("awaiting_approval", Decimal("700.00"), 1)
        assert link.action.installment.invoice.number == "FA-NEW"
        assert message.details["claimed"] == [str(link.action.installment_id)]
        approve_message(message=message, organization=house, actor=CLERK, today=date(2026, 10, 8), now=at("2026-10-08", 9))
    assert send(house, "2026-10-08", 10) == {"accepted": 1}


def test_other_due_dates_stand_apart_from_the_one_that_is_announced(house: Organization) -> None:
    """On 1 October nothing is late: 500,00 fall due in a week, 700,00 a month later."""
    _owes(house, ("FA-PRE", "500.00", "2026-09-08", "2026-10-08"), ("FA-LATER", "700.00", "2026-09-08", "2026-11-08"))
    live(house, ["2026-09-14", "2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
    words = plain(message.body_text)
    assert (plain(message.subject), message.amount) == ("Facture FA-PRE — 500,00 € — échéance le 8 octobre 2026", Decimal("500.00"))
    assert "Votre compte est à jour, merci. La facture n° FA-PRE (500,00 €) arrive à échéance le 8 octobre 2026." in words
    assert "Autres échéances : FA-LATER 08/09/2026 08/11/2026 700,00 € Sous-total 700,00 € Solde du compte 1 200,00 €" in words
    assert f"{REST} (700,00 €)" in words


@pytest.mark.parametrize(
    ("credit", "announced", "balance"),
    [
        ("300.00", "700,00 €", "Solde du compte 900,00 €"),  # less than what is late
        ("800.00", "400,00 €", "Total à régler 400,00 €"),  # covers it: it is not asked for, and 300,00 are left
    ],
)
def test_credits_are_set_against_what_is_late_before_what_comes_due(house: Organization, credit: str, announced: str, balance: str) -> None:
    durand = _late_and_coming(house)
    with tenant(house):
        issue_credit_note(
            customer=durand,
            number="AV-1",
            gross=Decimal(credit),
            issued_on=date(2026, 9, 20),
            actor=CLERK,
            today=date(2026, 9, 20),
            now=at("2026-09-20"),
        )
    live(house, ["2026-10-02", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        words = plain(message.body_text)
        assert plain(message.subject) == f"Facture FA-NEW — {announced} — échéance le 8 octobre 2026"
        assert balance in words
        [statement] = customer_statement([durand.pk], today=date(2026, 10, 8))
        assert statement.net == Decimal("1200.00") - Decimal(credit)


def test_a_reminder_that_also_announces_stays_about_what_is_late(house: Organization) -> None:
    """On 1 October the late invoice's first reminder and the other's notice, a week before its date, share one message."""
    _owes(house, ("FA-OLD", "500.00", "2026-09-01", "2026-09-30"), ("FA-NEW", "700.00", "2026-09-08", "2026-10-08"))
    live(house, ["2026-09-14", "2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
        words = plain(message.body_text)
        assert (message.template_key, message.amount, message.item_count, message.cargo.count()) == ("r1", Decimal("500.00"), 1, 2)
    assert plain(message.subject) == "Facture FA-OLD — 500,00 € — échéance 30 septembre 2026"
    assert words.index("Échues :") < words.index("À échoir :") < words.index("Total à régler 500,00 €")
    assert "le tableau indique aussi vos prochaines échéances (700,00 €)" in words
    assert REST not in words
    assert "Solde du compte" not in words


# --- on the due date, and not quite -------------------------------------------------------------------------------------------------------


def test_a_notice_that_leaves_before_a_sunday_names_the_day(house: Organization) -> None:
    """Due on Sunday 4 October: a notice never passes the due date, it leaves on Friday."""
    _owes(house, ("FA-SUN", "500.00", "2026-09-01", "2026-10-04"))
    live(house, ["2026-09-07", "2026-09-28", "2026-10-02"])
    with tenant(house):
        message = mail_of("2026-10-02")
    words = plain(message.body_text)
    assert (message.template_key, message.state) == ("due_day_notice", "accepted")
    assert plain(message.subject) == "Facture FA-SUN — 500,00 € — échéance le 4 octobre 2026"
    assert "La facture n° FA-SUN, d'un montant de 500,00 €, arrive à échéance le 4 octobre 2026." in words
    assert "aujourd'hui" not in words
    assert "Total à régler 500,00 €" in words  # nothing else is shown


@pytest.mark.parametrize(
    ("language", "subject", "sentence", "never"),
    [
        (
            "fr",
            "Vos échéances : 2 factures, 1 200,00 €",
            "Les factures ci-dessous arrivent à échéance, aux dates du tableau.",
            "aujourd'hui",
        ),
        ("en", "Falling due: 2 invoices, €1,200.00", "The invoices below fall due on the dates shown.", "today"),
    ],
)
def test_what_is_due_today_and_in_a_week_share_a_notice_that_is_true_of_both(
    house: Organization, language: str, subject: str, sentence: str, never: str
) -> None:
    _owes(house, ("FA-TODAY", "500.00", "2026-09-01", "2026-10-08"), ("FA-WEEK", "700.00", "2026-09-01", "2026-10-15"), language=language)
    live(house, ["2026-09-07", "2026-10-01", "2026-10-08"])
    with tenant(house):
        message = mail_of("2026-10-08")
        assert (message.template_key, message.amount, message.item_count) == ("due_day_notice", Decimal("1200.00"), 2)
    words = plain(message.body_text)
    assert plain(message.subject) == subject
    assert sentence in words
    assert never not in words


# --- beside the question whether it was received ------------------------------------------------------------------------------------------


PRE = ("FA-PRE", "500.00", "2026-09-08", "2026-10-08")
CONF = ("FA-CONF", "700.00", "2026-09-26", "2026-11-08")  # five days old on 1 October


def test_the_question_is_asked_beside_a_notice_and_its_invoice_is_not_announced(house: Organization) -> None:
    _owes(house, PRE, CONF)
    live(house, ["2026-09-14", "2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
        assert (message.template_key, message.amount, message.item_count) == ("pre_due", Decimal("500.00"), 1)
        assert sorted(message.cargo.values_list("action__step_key", flat=True)) == ["pre_due", "receipt_check"]
    words = plain(message.body_text)
    assert plain(message.subject) == "Facture FA-PRE — 500,00 € — échéance le 8 octobre 2026"
    assert QUESTION in words
    assert "À confirmer : FA-CONF 26/09/2026 08/11/2026 700,00 € Sous-total 700,00 € Solde du compte 1 200,00 €" in words
    assert REST not in words


def test_the_question_is_asked_beside_a_notice_of_the_due_date_too(house: Organization) -> None:
    _owes(house, ("FA-DUE", "500.00", "2026-09-01", "2026-10-01"), CONF)
    live(house, ["2026-09-07", "2026-09-24", "2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
    assert (message.template_key, message.amount) == ("due_day_notice", Decimal("500.00"))
    assert QUESTION in plain(message.body_text)


def test_alone_it_is_asked_as_ever(house: Organization) -> None:
    _owes(house, CONF)
    live(house, ["2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
    words = plain(message.body_text)
    assert (message.template_key, message.amount, message.item_count) == ("receipt_check", Decimal("700.00"), 1)
    assert plain(message.subject) == "Notre facture FA-CONF vous est-elle bien parvenue ?"
    assert "notre facture n° FA-CONF du 26 septembre 2026, d'un montant de 700,00 € TTC, vous est bien parvenue" in words
    assert "Total à régler 700,00 €" in words
    assert QUESTION not in words


def test_a_customer_with_a_late_invoice_is_asked_about_the_new_one(house: Organization) -> None:
    _owes(house, ("FA-LATE", "500.00", "2026-09-01", "2026-09-23"), CONF)
    live(house, ["2026-09-24", "2026-10-01"])
    with tenant(house):
        message = mail_of("2026-10-01")
    words = plain(message.body_text)
    assert (message.template_key, message.amount, message.item_count) == ("receipt_check", Decimal("700.00"), 1)
    assert plain(message.subject) == "Notre facture FA-CONF vous est-elle bien parvenue ?"
    assert words.index("À confirmer :") < words.index("Échues : FA-LATE") < words.index("Solde du compte 1 200,00 €")
    assert f"{REST} (500,00 €)" in words


def test_an_invoice_asked_about_leaves_a_waiting_notice_as_large_as_it_was(house: Organization) -> None:
    durand = _owes(house, PRE, CONF)
    live(house, ["2026-09-14"])
    run_on(house, "2026-10-01", deliver=False)
    with tenant(house):
        asked = durand.installments.get(invoice__number="FA-CONF")
        pay(durand, "700.00", "2026-10-01", asked)
        message = Message.objects.get(planned_on=date(2026, 10, 1))
        assert (message.state, message.amount, message.item_count, message.cargo.count()) == ("queued", Decimal("500.00"), 1, 1)
    send(house, "2026-10-01")
    with tenant(house):
        assert left_on("2026-10-01") == [("pre_due", "C1", "accepted")]
        assert QUESTION not in plain(mail_of("2026-10-01").body_text)
        assert steps_of(asked)[-1] == ("receipt_check", "cancelled", "2026-10-01")
