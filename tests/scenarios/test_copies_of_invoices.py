"""The copies of the invoices a message is about: attached up to five, else on the customer's page, and never said without being so."""

from dataclasses import replace
from datetime import date

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Installment
from scenarios.services.texts import shipped_text, write_texts
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, live, open_house, run_on
from tests.scenarios.road import attach, mail_of, plain

pytestmark = pytest.mark.django_db

ATTACHED = "Une copie de nos factures est jointe à ce message."
ONLINE = (
    "Nos factures sont trop nombreuses pour être jointes : "
    "vous pouvez les télécharger toutes sur votre page, ou nous les demander en réponse à ce message."
)

ON_REQUEST = "Nos factures sont trop nombreuses pour être jointes : demandez-nous leurs copies en répondant à ce message."


@pytest.fixture
def house() -> Organization:
    return open_house()


def _owed(house: Organization, count: int) -> list[Installment]:
    """So many invoices with their copies, due on Thursday 1 October."""
    with tenant(house):
        durand = make_customer("C1")
        items = [
            make_invoice(durand, number=f"FA-{number}", amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            for number in range(1, count + 1)
        ]
        for item in items:
            attach(item.invoice, proof=False, day="2026-09-01")
    return items


@pytest.mark.parametrize(("count", "files", "said", "unsaid"), [(5, 5, ATTACHED, ONLINE), (6, 0, ONLINE, ATTACHED)])
def test_the_first_reminder_of_six_invoices_says_where_their_copies_are(
    house: Organization, count: int, files: int, said: str, unsaid: str
) -> None:
    _owed(house, count)
    live(house, ["2026-10-02"])
    with tenant(house):
        first = mail_of("2026-10-02")
        words = plain(first.body_text)
        assert first.attachments.count() == files
    assert said in words and unsaid not in words
    assert "/p/" in words


def test_a_text_without_the_link_to_the_page_says_to_ask_for_the_copies(house: Organization) -> None:
    shipped = shipped_text("r1", "email", "fr", "")
    assert shipped is not None
    before, _, rest = shipped.body.partition("{{#portal_link}}")
    _, _, after = rest.partition("{{/portal_link}}")
    with tenant(house):
        write_texts(texts=(replace(shipped, body=before + after),), actor=CLERK, now=at("2026-09-30", 9))
    _owed(house, 6)
    live(house, ["2026-10-02"])
    with tenant(house):
        first = mail_of("2026-10-02")
        words = plain(first.body_text)
        assert not first.attachments.exists()
    assert "/p/" not in words
    assert ON_REQUEST in words and "sur votre page" not in words


def test_whoever_is_asked_whether_an_invoice_came_gets_it_and_an_announcement_says_nothing_of_copies(house: Organization) -> None:
    _owed(house, 1)
    run_on(house, "2026-09-07")
    run_on(house, "2026-09-24")
    with tenant(house):
        question, announcement = mail_of("2026-09-07"), mail_of("2026-09-24")
        assert [part.filename for part in question.attachments.all()] == ["Facture-FA-1.pdf"]
        assert ATTACHED in plain(question.body_text)
        assert not announcement.attachments.exists()
        assert "copie" not in plain(announcement.body_text)
