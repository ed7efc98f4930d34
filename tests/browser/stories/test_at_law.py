"""Stories 3 and 5 of the demonstration: the formal notice that holds; an insolvency, and an account number that is not ours."""

from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING, Final

import pypdf
import pytest

from dunning.core import clock
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from notifications import mailbox
from notifications.dispatcher import deliver_due
from notifications.models import Message
from tests.browser.stories.desk import PLAIN, card, load, table_rows
from tests.browser.stories.ground import CLAIRE, MARC, next_morning

if TYPE_CHECKING:
    from tests.browser.stories.conftest import Browse

pytestmark = pytest.mark.browser
DELIVERED: Final = """Numéro;Client;Date de facture;Date de livraison;Échéance;Montant TTC
FB-2026-40002;C90040;22/06/2026;22/06/2026;22/07/2026;1480,00
"""
FRAUD: Final = "Fraude possible : dit avoir payé un compte se terminant par 4417. Appelez le numéro que vous connaissez déjà."
NUMBERS: Final = ["FB-2026-20001", "FB-2026-20002", "FB-2026-20003"]
PHONE: Final = {"width": 390, "height": 844}


def test_the_formal_notice_that_holds(sign_in: "Browse", monday: Organization) -> None:
    """Story 3: the check list is green but for the delivery note; it is added, a second person approves, and the letter claims two invoices
    and names one for information. It comes back unclaimed, and what it announced falls due."""
    claire = sign_in(CLAIRE)
    claire.get_by_role("link", name="See and approve").click()
    claire.get_by_role("link", name="Charpentes Valmont SARL").click()
    before = card(claire, "Before this legal step leaves")
    assert [line for line in before if line.startswith("Not yet")] == ["Not yet: The proof of delivery is on file"]
    assert "The account owner was told at least 2 business days ago" in before
    claire.get_by_role("link", name="FB-2026-20002").click()
    past = card(claire, "Timeline")
    for told in ("Promise for 4 May 2026", "Broken", "Announced: Formal notice", "by 26 May 2026"):
        assert told in past

    note = BytesIO()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(210, 297)
    writer.write(note)
    claire.get_by_role("link", name="Add a file").click()
    claire.get_by_label("The proof of delivery").check()
    claire.get_by_label("File").set_input_files(files=[{"name": "BL-2002.pdf", "mimeType": "application/pdf", "buffer": note.getvalue()}])
    claire.get_by_role("button", name="Keep the file").click()
    claire.locator(".toast-success").wait_for()

    # a second person approves
    marc = sign_in(MARC)
    marc.get_by_role("link", name="See and approve").click()
    marc.get_by_role("link", name="Charpentes Valmont SARL").click()
    assert [line for line in card(marc, "Before this legal step leaves") if line.startswith("Not yet")] == []
    marc.get_by_role("button", name="Approve").click()
    marc.get_by_text("1 message is approved and leaves in its hours.").wait_for()
    assert deliver_due(now=clock.now(), organization=monday) == {"to_post": 1}
    marc.reload()

    # the paper: two invoices are claimed, one is named for information
    href = marc.get_by_role("link", name="Open the letter").get_attribute("href")
    paper = pypdf.PdfReader(BytesIO(marc.request.get(str(href)).body()))
    text = "\n".join(page.extract_text() for page in paper.pages).translate(PLAIN)
    claimed, _heading, after = text.partition("Pour information (non réclamé par la présente)")
    informed = after.partition("Nous vous mettons en demeure")[0]
    assert [number for number in NUMBERS if number in claimed] == NUMBERS[:2]
    assert [number for number in NUMBERS if number in informed] == NUMBERS[2:]
    assert "Total 12 552,50 € 275,78 € 80,00 € 12 908,28 €" in claimed
    assert "au plus tard le 3 juillet 2026, la somme de 12 908,28 €" in after

    # it is posted, and comes back unclaimed
    letter = marc.url
    marc.get_by_role("link", name="Record the posting").click()
    marc.get_by_label("Registered number").fill("1A 123 456 789 0")
    marc.locator("main form .button-primary").click()
    marc.locator(".toast-success").wait_for()
    next_morning(monday, date(2026, 6, 29))
    marc.goto(letter)
    marc.get_by_role("link", name="Note what the post reports").click()
    marc.get_by_label("Unclaimed").check()
    marc.locator("main form .button-primary").click()
    marc.locator(".toast-success").wait_for()
    marc.goto(letter)
    assert "Unclaimed" in marc.locator("main").inner_text()
    marc.get_by_role("link", name="Charpentes Valmont SARL").first.click()
    assert [line for line in card(marc, "In force now") if line != "Withdraw"] == [
        f"{number}: Hand-over for recovery, announced for 3 July 2026" for number in NUMBERS[:2]
    ]
    timeline = card(marc, "Timeline")
    assert timeline[timeline.index("8 Jul 26") :][:3] == ["8 Jul 26", "in 9 d", "Hand-over of the file"]

    # what it announced falls due
    next_morning(monday, date(2026, 7, 9))
    marc.goto("/")
    assert card(marc, "Legal deadlines")[:5] == ["3", "Charpentes Valmont SARL", "Hand over for recovery", "€12,552.50", "due 8 Jul 26"]


def test_an_insolvency_and_a_false_account(sign_in: "Browse", browse: "Browse", monday: Organization) -> None:
    """Story 5, on telephones: the judgment's date is entered, old debts freeze, deadlines appear, a new delivery stays payable. Then a
    customer says "already paid" to an account that is not ours: an alert, and everything to them stops."""
    claire = sign_in(CLAIRE, **PHONE)
    claire.locator(".bottom-bar").get_by_role("link", name="Customers").click()
    claire.get_by_role("searchbox").first.fill("Roche-Brune")
    claire.keyboard.press("Enter")
    claire.locator("main").get_by_role("link", name="Constructions Roche-Brune SARL").click()
    claire.get_by_role("link", name="Insolvency").click()
    claire.get_by_label("Proceedings").select_option(label="Receivership (redressement judiciaire)")
    claire.get_by_label("Opening judgment of").fill("2026-06-16")
    claire.get_by_label("Published (BODACC) on").fill("2026-06-22")
    claire.get_by_role("button", name="Enter the judgment").click()
    claire.get_by_text("The proceedings are entered: older debts are frozen, and the claim is to be declared.").wait_for()
    record = claire.url
    told = card(claire, "Insolvency proceedings")
    for line, value in (("Frozen invoices", "1"), ("Claim to declare, accessories included", "€11,240.00"), ("Still payable", "0")):
        assert told[told.index(line) + 1] == value
    for line, value in (("Declare the claim by", "22 August 2026"), ("Reclaim goods by", "22 September 2026")):
        assert told[told.index(line) + 1].startswith(value)
    claire.goto("/board/?state=withdrawn")
    assert table_rows(claire)[0][:2] == ["Constructions Roche-Brune SARL", "First reminder\nInsolvency: older debts are frozen"]

    # what is delivered from the judgment on is payable, and asked for
    claire.goto("/imports/?kind=invoices")
    load(claire, "factures.csv", DELIVERED)
    claire.goto(record)
    told = card(claire, "Insolvency proceedings")
    assert (told[told.index("Frozen invoices") + 1], told[told.index("Still payable") + 1]) == ("1", "1")
    assert [(row[0], row[3]) for row in table_rows(claire)] == [
        ("FB-2026-40001", "First reminder\nInsolvency: older debts are frozen"),
        ("FB-2026-40002", "On the due date 22 Jul 26"),
    ]

    # "it is paid", says the next customer on her telephone; the last four characters are not ours
    with tenant(monday):
        link = mailbox.page_of(Message.objects.get(customer__number="C90041", template_key="r1"))
    debtor = browse(link, language="fr-FR", **PHONE)
    debtor.get_by_role("button", name="C’est payé").first.click()
    debtor.get_by_label("Payé le").fill("2026-06-19")
    debtor.get_by_label("Référence de votre règlement").fill("VIR 4471")
    debtor.locator("input[name=credited_iban_end]").fill("4417")
    debtor.wait_for_timeout(2100)  # a hand needs longer than a program
    debtor.locator("form.act button").last.click()
    debtor.wait_for_url("**/portal/done/**")
    answer = debtor.locator("main").inner_text()
    assert "Les quatre caractères que vous indiquez ne sont pas la fin de notre compte." in answer
    assert "De notre côté, tout est suspendu jusqu’à ce que nous nous soyons parlé." in answer
    assert debtor.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    # the alert is first on the desk
    claire.goto("/")
    groups = claire.locator("main .card:has(.queue) h2").all_inner_texts()
    assert groups.index("Possible fraud\n1") < groups.index("Legal deadlines\n4")
    assert card(claire, "Possible fraud")[1:3] == ["Garage des Tilleuls SARL", FRAUD]
    assert claire.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    # and everything to them stops: the call that was due does not come
    next_morning(monday, date(2026, 6, 26))
    claire.goto("/")
    assert "Garage des Tilleuls SARL" not in card(claire, "Calls")
    claire.locator("main .work", has_text=FRAUD).locator("a.work-title").click()
    assert card(claire, "In force now")[0].startswith("Paused by hand")
    assert table_rows(claire)[0][3] == "Call\nFrozen by us"
    with tenant(monday):
        since = Message.objects.filter(customer__number="C90041", planned_on__gte=date(2026, 6, 22))
        assert list(since.values_list("template_key", flat=True)) == ["portal_receipt"]  # what they said, confirmed
