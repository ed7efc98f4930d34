"""What a formal notice claims beside the principal, in the words and the law of who sends it."""

import hashlib
import re
import zipfile
from datetime import date
from io import BytesIO

import pytest
from django.test import Client

from customers.models import Customer
from dunning.core import clock, documents
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices.models import Invoice
from notifications.models import Message
from scenarios.services.approvals import approve_message
from scenarios.services.specimens import make_specimen, set_letter
from scenarios.services.texts import shipped_text
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on, send
from tests.scenarios.road import attach, call, words_of

pytestmark = pytest.mark.django_db


def late_customer(*amounts: str, language: str, kind: str = "business") -> Customer:
    """Owes these amounts since 1 October, their copies and proofs of delivery on file, and can be given formal notice."""
    customer = make_customer(
        "C1",
        kind=kind,
        language=language,
        registered_line1="1 place du Siège",
        registered_postal_code="75002",
        registered_city="Paris",
        legal_representative="Paul Durand",
    )
    for place, amount in enumerate(amounts, start=1):
        item = make_invoice(customer, number=f"FA-{place}", amount=amount, issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        attach(item.invoice, proof=False, day="2026-09-01")
        attach(item.invoice, proof=True, day="2026-09-01")
    return customer


def letter_of_6_november(house: Organization, *amounts: str, language: str) -> str:
    """The words of the formal notice that a customer who never answered is sent on 6 November about these amounts."""
    with tenant(house):
        late_customer(*amounts, language=language)
    for day in ("2026-10-02", "2026-10-09"):
        run_on(house, day)
    call(house, "2026-10-09")
    for day in ("2026-10-14", "2026-10-26", "2026-11-04", "2026-11-06"):
        run_on(house, day)
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        approve_message(message=notice, organization=house, actor=CLERK, today=date(2026, 11, 6), now=at("2026-11-06", 8))
    assert send(house, "2026-11-06") == {"to_post": 1}
    with tenant(house):
        notice.refresh_from_db()
        assert notice.document is not None
        return words_of(documents.read(notice.document))


def test_the_same_fixed_sum_for_each_invoice_is_counted() -> None:
    letter = letter_of_6_november(open_house(), "500.00", "5000.00", language="fr")
    assert "indemnité forfaitaire 40,00 € × 2 = 80,00 €." in letter


def test_dutch_fixed_sums_differ_by_the_invoice_and_are_not_multiplied() -> None:
    """15 % of the first 2,500 and 10 % of the next: 75 of 500, 625 of 5,000."""
    letter = letter_of_6_november(open_house(country="NL"), "500.00", "5000.00", language="en")
    assert "fixed compensation €700.00." in letter
    assert "×" not in letter[: letter.index("Annex 1 —")]
    assert "FA-1 01/09/2026 01/10/2026 €500.00 €5.13 €75.00 €580.13" in letter  # 500 x 10.40 % x 36 / 365 = 5.13
    assert "FA-2 01/09/2026 01/10/2026 €5,000.00 €51.29 €625.00 €5,676.29" in letter
    assert "10.40 %" in letter[letter.index("Annex 1 —") :]


# --- copies that are too many to bind -----------------------------------------------------------------------------------------------------

COPIES_APART = {
    "fr": "P.J. : copies des 11 factures, à télécharger pendant six mois à l'adresse ",
    "en": "Enclosures: copies of the 11 invoices, to be downloaded for six months at ",
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_formal_notice_of_eleven_pages_of_copies_leaves_and_says_where_they_are(language: str) -> None:
    house = open_house()
    letter = letter_of_6_november(house, *["500.00"] * 11, language=language)
    assert COPIES_APART[language] in letter
    assert "Facture-FA-1.pdf" not in letter and "Invoice-FA-1.pdf" not in letter
    (code,) = set(re.findall(r"v/ ?([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})", letter))
    with clock.virtual(at("2026-11-10")):
        answer = Client().get(f"/v/{code}/copies/")
        archive = zipfile.ZipFile(BytesIO(answer.getvalue()))
    assert len(archive.namelist()) == 11
    with tenant(house):
        notice = Message.objects.get(channel="registered")
        kept = [part.document.sha256 for part in notice.attachments.select_related("document")]
    assert sorted(hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()) == sorted(kept)


# --- the source of the rate ---------------------------------------------------------------------------------------------------------------

FRENCH_LAW = {
    "fr": "Taux : taux de refinancement de la Banque centrale européenne majoré de 10 points, semestre par semestre (art. L441-10, II",
    "en": "Rate: European Central Bank refinancing rate plus 10 points, semester by semester (article L441-10, II of the French",
}


def specimen(house: Organization, *, key: str = "formal_notice", language: str, today: date = date(2026, 11, 6)) -> str:
    """The words of that letter as the editor of texts prints it about the only customer's oldest invoice."""
    text = shipped_text(key, "registered", language, "")
    invoice = Invoice.objects.order_by("number").first()
    assert text is not None
    shown = make_specimen(text=text, invoice=invoice, organization=house, today=today)
    return words_of(set_letter(text, shown, now=at(today.isoformat())))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("country", "rate"),
    [("FR", "12.40 %"), ("BE", "10.50 %"), ("DE", "10.52 %"), ("ES", "10.40 %"), ("IT", "10.40 %"), ("NL", "10.40 %")],
)
def test_french_law_is_named_as_the_source_of_french_rates_alone(country: str, rate: str, language: str) -> None:
    house = open_house(country=country)
    with tenant(house):
        late_customer("1200.00", language=language)
        letter = specimen(house, language=language)
    annex = letter[letter.index("Annexe 1 —" if language == "fr" else "Annex 1 —") :]
    assert (rate.replace(".", ",") if language == "fr" else rate) in annex
    assert (FRENCH_LAW[language] in annex) == (country == "FR")
    assert ("L441-10" in letter) == (country == "FR")


def test_a_british_letter_cites_british_law_alone() -> None:
    """Late since 1 April 2026: the Bank of England's rate of 31 December 2025, 3.75 %, and 8 points."""
    house = open_house("2026-03-01", country="GB", default_currency="GBP")
    with tenant(house):
        customer = make_customer("C1", language="en")
        make_invoice(customer, number="FA-1", amount="5000.00", currency="GBP", issued_on=date(2026, 3, 1), due_on=date(2026, 4, 1))
        letter = specimen(house, language="en", today=date(2026, 5, 6))
    assert "fixed compensation £70.00 × 1 = £70.00." in letter
    assert "under the Late Payment of Commercial Debts (Interest) Act 1998" in letter
    assert "11.75 %" in letter[letter.index("Annex 1 —") :]
    assert "L441-10" not in letter and "plus 10 points" not in letter


def test_a_rate_the_french_contract_sets_is_not_said_to_be_that_of_the_law() -> None:
    house = open_house(penalty_mode="contract_fixed", penalty_value="15.0000")
    with tenant(house):
        late_customer("1200.00", language="fr")
        annex = specimen(house, language="fr").split("Annexe 1 —")[1]
    assert "15,00 %" in annex
    assert "L441-10" not in annex


# --- what a public buyer owes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said", "never"),
    [
        (
            "fr",
            (
                "Principal Intérêts moratoires Indemnité Total",
                "Annexe 1 — Intérêts moratoires par période",
                "Total des intérêts moratoires 12,31 €",
                "Intérêts = somme due × taux annuel × jours / 365",
            ),
            "pénalité",
        ),
        (
            "en",
            (
                "Principal Default interest Fixed sum Total",
                "Annex 1 — Default interest by period",
                "Total default interest €12.31",
                "Interest = sum due × annual rate × days / 365",
            ),
            "penalt",
        ),
    ],
)
def test_a_public_buyer_is_asked_for_default_interest_and_never_for_penalties(language: str, said: tuple[str, ...], never: str) -> None:
    """Late from 1 October to 6 November: 1,200 x 10.40 % x 36 / 365 = 12.31."""
    house = open_house()
    with tenant(house):
        late_customer("1200.00", language=language, kind="public")
        letter = specimen(house, key="formal_notice_public", language=language)
    for words in said:
        assert words in letter
    assert never not in letter.lower()


def test_a_business_is_asked_for_penalties() -> None:
    house = open_house()
    with tenant(house):
        late_customer("1200.00", language="fr")
        letter = specimen(house, language="fr")
    for words in ("Principal Pénalités Indemnité Total", "Annexe 1 — Pénalités de retard par période", "Total des pénalités 14,68 €"):
        assert words in letter
    assert "moratoires" not in letter


def test_a_notice_is_shown_in_the_editor_before_the_rate_of_its_period_is_published() -> None:
    """1 January 2028: nobody knows the rate yet. The letter itself waits for it; whoever looks at its words sees examples for the sums."""
    house = open_house()
    with tenant(house):
        late_customer("1200.00", language="fr")
        text = shipped_text("formal_notice", "registered", "fr", "")
        assert text is not None
        shown = make_specimen(text=text, invoice=Invoice.objects.get(), organization=house, today=date(2028, 1, 10))
        assert "amounts.grand_total" in shown.borrowed
        assert "Annexe 1" not in words_of(set_letter(text, shown, now=at("2028-01-10")))
