"""The paper of the demonstration: invoices, credit notes and delivery notes as small PDFs, a thousandth of a second each."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO

from dunning.core.models import OrganizationProfile
from dunning.core.money import format_date, format_money
from scenarios.wording import grouped_iban, legal_mention


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one page shows. `gross` includes VAT at `vat` percent."""

    title: str
    number: str
    issued_on: date
    due_on: date | None
    customer: tuple[str, ...]
    label: str
    gross: Decimal
    vat: Decimal
    language: str
    purchase_order: str = ""
    reference: str = ""


WORDS = {
    "fr": {
        "date": "Date",
        "due": "Échéance",
        "po": "Votre commande",
        "label": "Désignation",
        "net": "Total HT",
        "vat": "TVA",
        "gross": "Total TTC",
        "ref": "Référence à rappeler",
        "terms": "En cas de retard de paiement : pénalités au taux BCE majoré de 10 points et indemnité forfaitaire de 40 € pour frais de "
        "recouvrement. Pas d’escompte pour paiement anticipé.",
    },
    "en": {
        "date": "Date",
        "due": "Due date",
        "po": "Your order",
        "label": "Description",
        "net": "Net",
        "vat": "VAT",
        "gross": "Total incl. VAT",
        "ref": "Reference to quote",
        "terms": "Late payment: penalties at the ECB rate plus 10 points and fixed compensation of €40 for recovery costs. No discount for "
        "early payment.",
    },
}


def draw(sheet: Sheet, profile: OrganizationProfile) -> bytes:
    """One A4 page."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    words = WORDS[sheet.language]
    buffer = BytesIO()
    page = Canvas(buffer, pagesize=A4, pageCompression=1, invariant=1)
    page.setTitle(f"{sheet.title} {sheet.number}")
    page.setFont("Helvetica-Bold", 15)
    page.drawString(57, 770, profile.legal_name)
    page.setFont("Helvetica", 9)
    for row, line in enumerate((profile.address_line1, f"{profile.postal_code} {profile.city}", profile.phone, profile.email)):
        page.drawString(57, 752 - 12 * row, line)
    page.setFont("Helvetica", 10)
    for row, line in enumerate(sheet.customer):
        page.drawString(330, 690 - 13 * row, line)
    page.setFont("Helvetica-Bold", 13)
    page.drawString(57, 590, f"{sheet.title} {sheet.number}")
    page.setFont("Helvetica", 10)
    facts = [(words["date"], format_date(sheet.issued_on, sheet.language))]
    if sheet.due_on is not None:
        facts.append((words["due"], format_date(sheet.due_on, sheet.language)))
    if sheet.purchase_order:
        facts.append((words["po"], sheet.purchase_order))
    for row, (label, value) in enumerate(facts):
        page.drawString(57, 570 - 14 * row, _plain(f"{label} : {value}" if sheet.language == "fr" else f"{label}: {value}"))
    net = (sheet.gross / (1 + sheet.vat / 100)).quantize(Decimal("0.01"))
    page.line(57, 505, 538, 505)
    page.drawString(57, 488, words["label"])
    page.drawRightString(538, 488, words["net"])
    page.line(57, 480, 538, 480)
    page.drawString(57, 462, _plain(sheet.label))
    page.drawRightString(538, 462, _money(net, sheet))
    page.line(57, 450, 538, 450)
    totals = ((words["net"], net), (f"{words['vat']} {sheet.vat.normalize():f} %", sheet.gross - net), (words["gross"], sheet.gross))
    for row, (label, amount) in enumerate(totals):
        if row == 2:
            page.setFont("Helvetica-Bold", 11)
        page.drawRightString(430, 430 - 16 * row, label)
        page.drawRightString(538, 430 - 16 * row, _money(amount, sheet))
    page.setFont("Helvetica", 9)
    page.drawString(57, 340, f"IBAN {grouped_iban(profile.iban)}   BIC {profile.bic}")
    if sheet.reference:
        page.drawString(57, 326, f"{words['ref']} : {sheet.reference}")
    page.setFont("Helvetica", 7)
    page.drawString(57, 80, _plain(words["terms"]))
    page.drawString(57, 66, _plain(f"{profile.legal_name}, {legal_mention(profile, sheet.language)}"))
    page.showPage()
    page.save()
    return buffer.getvalue()


def _money(amount: Decimal, sheet: Sheet) -> str:
    return _plain(format_money(amount, "EUR", sheet.language))


def _plain(text: str) -> str:
    """The built-in fonts know neither the narrow space nor the typographic apostrophe's neighbours."""
    return text.replace("\u202f", "\u00a0")
