"""Stories 1, 2 and 4 of the demonstration: a Monday of receipts, forty invoices in one message, and why nothing left."""

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from customers.models import Customer
from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.selectors import ledger_balance
from notifications.dispatcher import deliver_due
from tests.browser.stories.desk import board_line, card, letter_of, load, money, tab_to, table_rows
from tests.browser.stories.ground import CLAIRE, at, be_at, next_morning

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.stories.conftest import Browse

pytestmark = pytest.mark.browser
FROZEN: Final = ("Hôtel du Belvédère SA", "Promotion Grand Large SAS", "Clinique des Trois Chênes SA", "Laboratoire Fontaine SAS")
TUESDAY: Final = date(2026, 6, 23)
FRIDAY: Final = """Date de valeur;Montant;Donneur d'ordre;Libellé;N° opération
19/06/2026;16050,00;BEAUREGARD GROUPE;VIR FACTURES FILIALES;4471-1
15/06/2026;2376,00;ATELIER MARRONNIER;FB-2026-05001;4471-2
19/06/2026;1284,50;;VIREMENT RECU;4471-3
"""


def test_monday_ten_to_nine(sign_in: "Browse", monday: Organization) -> None:
    """Story 1: Friday's receipts are loaded; what they pay leaves the board, each withdrawal explained; one mail gets its apology."""
    page = sign_in(CLAIRE)
    assert board_line(page) == "4 messages to 4 customers wait for your approval, for €47,165.10."

    page.get_by_role("link", name="Payments").first.click()
    page.get_by_role("link", name="Load a file").click()
    load(page, "relevé de vendredi.csv", FRIDAY)
    page.get_by_text("2 receipts are unidentified: say whose they are.").wait_for()

    # one transfer covers three subsidiaries: it is recognised, and a person says so
    page.get_by_role("link", name="See the receipts").click()
    page.get_by_role("link", name="Unidentified").click()
    page.get_by_role("link", name="BEAUREGARD GROUPE").click()
    who = page.locator("[data-work]")
    assert who.locator(".work-title").all_inner_texts() == ["Groupe Beauregard SA"]
    assert "it would pay 3 invoices" in who.inner_text()
    who.get_by_role("button", name="It is theirs").click()
    page.get_by_text("The receipt is of Groupe Beauregard SA.").wait_for()
    assert [row[1] for row in table_rows(page)] == ["Beauregard Bâtiment SARL", "Beauregard Travaux SARL", "Beauregard Services SARL"]

    # one receipt is unidentified: nobody fits, and it stays first on the desk
    page.get_by_role("link", name="Today").first.click()
    assert card(page, "Receipts to match") == ["1", "VIREMENT RECU", "€1,284.50", "received 19 Jun 26", "See"]

    # the board fell by what was paid, and says why; the apology is new on it
    assert board_line(page) == "4 messages to 4 customers wait for your approval, for €31,115.10."
    page.get_by_role("link", name="See and approve").click()
    assert [row[0] for row in table_rows(page)] == [
        "Atelier Marronnier SARL",
        "Charpentes Valmont SARL",
        "Constructions Roche-Brune SARL",
        "Résidences des Hautes Rives SAS",
    ]
    page.get_by_role("link", name="Withdrawn today").click()
    assert [row[:2] for row in table_rows(page)] == [["Groupe Beauregard SA", "First reminder\nPaid"]]
    page.get_by_role("link", name="To approve").click()

    # the mail that crossed the payment: two lines, approved, and it leaves at once
    page.get_by_role("link", name="Atelier Marronnier SARL").click()
    apology = letter_of(page)
    assert (
        "Nous avions reçu 2 376,00 € de votre part dès le 15 juin 2026, avant notre message du 17 juin 2026. "
        "Nous vous prions de nous en excuser et de ne pas en tenir compte."
    ) in apology
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("1 message is approved and leaves in its hours.").wait_for()
    assert deliver_due(now=clock.now(), organization=monday) == {"accepted": 1}
    page.reload()
    assert page.locator("h1 + p").inner_text().startswith("Sent")
    page.get_by_role("link", name="Today").first.click()
    assert board_line(page) == "3 messages to 3 customers wait for your approval, for €31,115.10."


def test_why_did_nothing_leave(sign_in: "Browse", monday: Organization) -> None:
    """Story 4: 128 000 € frozen by us. In four clicks the cause; each is put right where it stands; tomorrow's board has changed."""
    page = sign_in(CLAIRE)
    assert [(row[0], row[2], row[-1]) for row in table_rows(page)] == [
        ("Credit note to issue", "2", "€84,000.00"),
        ("Document owed", "1", "€29,000.00"),
        ("A reply waits to be read", "1", "€15,000.00"),
    ]

    # four clicks: the report, its figure, the list, the invoice that says why
    page.get_by_role("link", name="Reports").first.click()
    page.get_by_role("link", name="Frozen by us").click()
    assert "€128,000.00" in page.locator(".stat", has_text="Frozen by us").inner_text()
    page.locator("main table").get_by_role("link", name="Credit note to issue").click()
    assert "€84,000.00, made up of 2 lines." in page.locator(".lead").inner_text()
    page.get_by_role("link", name="FB-2026-30001").click()
    assert card(page, "In force now")[:2] == ["Credit note to issue, until 25 June 2026", "Avoir à établir"]

    # two credit notes are entered
    _credit(page, "AV-2026-00001", "1 300,00")
    page.goto("/")
    page.get_by_role("link", name="Credit note to issue").click()
    page.get_by_role("link", name="FB-2026-31001").click()
    _credit(page, "AV-2026-00002", "700,00")

    # the pause that ran out: the report of the works is sent, the pause ends
    page.get_by_role("link", name="Today").first.click()
    page.get_by_role("link", name="Document owed").click()
    page.get_by_role("link", name="FB-2026-32001").click()
    assert card(page, "In force now")[:2] == ["Document owed, until 19 June 2026", "Procès-verbal de réception à fournir"]
    page.get_by_role("link", name="End the pause").click()
    page.get_by_label("Reason").fill("Procès-verbal remis ce matin")
    page.locator("#act").get_by_role("button", name="End the pause").click()
    page.locator(".toast-success").wait_for()

    # the reply nobody read names who is there instead
    page.get_by_role("link", name="Today").first.click()
    page.locator("main").get_by_role("link", name="Laboratoire Fontaine SAS").click()
    page.locator("main tbody a").first.click()
    assert "à M. Leroy, finances@c90033.example." in page.locator("pre.as-text").first.inner_text()
    page.get_by_role("link", name="Note an absence").click()
    page.locator("input[type=date]").fill("2026-07-04")
    page.locator("select").select_option(label="M. Leroy")
    page.locator("main form .button-primary").last.click()
    page.locator(".toast-success").wait_for()

    next_morning(monday, TUESDAY)
    page.goto("/")
    assert "nothing waits for us" in page.locator("main").inner_text()
    assert [line for line in card(page, "Calls") if line.startswith("€") or line in FROZEN] == [
        *("Hôtel du Belvédère SA", "€50,000.00"),
        *("Promotion Grand Large SAS", "€32,000.00"),
        *("Clinique des Trois Chênes SA", "€29,000.00"),
        *("Laboratoire Fontaine SAS", "€15,000.00"),
    ]
    page.locator("main .work", has_text="Laboratoire Fontaine SAS").locator("summary").click()
    assert "M. Leroy" in page.locator("article.call").inner_text()  # who stands in is called


def _credit(page: "Page", number: str, amount: str) -> None:
    page.get_by_role("link", name="Credit note", exact=True).click()
    page.get_by_label("Number of the credit note").fill(number)
    page.get_by_label("Amount, VAT included").fill(amount)
    page.get_by_role("button", name="Enter the credit note").click()
    page.locator(".toast-success").wait_for()


def test_forty_invoices_one_message(sign_in: "Browse", monday: Organization) -> None:
    """Story 2, by keyboard alone: forty invoices are one mail whose total is the ledger's, to the cent; a week later one call; then what is
    not contested is paid."""
    page = sign_in(CLAIRE)
    tab_to(page, page.get_by_role("link", name="See and approve"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/board/")
    tab_to(page, page.get_by_role("link", name="Résidences des Hautes Rives SAS"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/messages/**")
    mail = letter_of(page)
    assert len(set(re.findall(r"FB-2026-10\d{3}", mail))) == 40
    sums = [Decimal(found.replace(" ", "").replace(",", ".")) for found in re.findall(r"Sous-total\s+(-?[\d ]+,\d\d) €", mail)]
    late, _coming, _for_information, deducted = sums
    assert f"Total à régler {money(late + deducted)}" in " ".join(mail.split())
    assert "Le total du tableau tient compte de 1 000,00 € d’avoirs et de règlements à déduire." in mail
    assert "Les factures citées pour information (716,37 €) ne sont pas réclamées dans ce message." in mail
    with tenant(monday):
        assert {"EUR": sum(sums)} == ledger_balance([Customer.objects.get(number="C90010").pk])

    tab_to(page, page.get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    page.get_by_text("1 message is approved and leaves in its hours.").wait_for()
    be_at(at(9, 5))
    assert deliver_due(now=clock.now(), organization=monday) == {"accepted": 1}

    # a week later: one call about the four of them
    next_morning(monday, date(2026, 6, 30))
    page.goto("/")
    calls = card(page, "Calls")
    assert calls.count("Résidences des Hautes Rives SAS") == 1
    assert calls[calls.index("Résidences des Hautes Rives SAS") + 1].endswith("the oldest since 18 June 2026")

    # the undisputed part is paid: what is left of the contested invoice is the credit note we owe, and what they paid on account
    tab_to(page, page.get_by_role("link", name="Payments"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/payments/")
    tab_to(page, page.get_by_role("link", name="Enter a receipt"))
    page.keyboard.press("Enter")
    for label, value in (("Amount received", "7322.60"), ("Reference", "RF09 C900 10")):  # as the mail asked them to quote
        tab_to(page, page.get_by_label(label))
        page.keyboard.press("Control+A")
        page.keyboard.type(value)
    tab_to(page, page.get_by_role("button", name="Enter the receipt"))
    page.keyboard.press("Enter")
    page.get_by_text("€7,322.60 is entered: Résidences des Hautes Rives SAS.").wait_for()
    assert [(row[0], row[-1]) for row in table_rows(page)] == [
        ("FB-2026-10001", "€1,860.00"),
        ("FB-2026-10002", "€942.60"),
        ("FB-2026-10003", "€3,120.00"),
        ("FB-2026-10004", "€1,400.00"),
    ]
    page.keyboard.press("/")
    page.keyboard.type("FB-2026-10004")
    page.keyboard.press("Enter")
    page.wait_for_url("**/invoices/*-*/")  # one thing is called so: the search opens it
    assert "€1,312.00 left to pay of €2,712.00" in page.locator("main").inner_text()
