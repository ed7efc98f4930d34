"""The paper of the demonstration: invoices, credit notes and delivery notes as small PDFs, less than a thousandth of a second each."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reportlab.pdfbase.pdfmetrics import stringWidth

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
        "recouvrement.\nPas d’escompte pour paiement anticipé.",
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
        "terms": "Late payment: penalties at the ECB rate plus 10 points and fixed compensation of €40 for recovery costs.\n"
        "No discount for early payment.",
    },
}


def draw(sheet: Sheet, profile: OrganizationProfile) -> bytes:
    """One A4 page."""
    words = WORDS[sheet.language]
    page = _Page()
    page.text(57, 770, profile.legal_name, size=15, bold=True)
    for row, line in enumerate((profile.address_line1, f"{profile.postal_code} {profile.city}", profile.phone, profile.email)):
        page.text(57, 752 - 12 * row, line, size=9)
    for row, line in enumerate(sheet.customer):
        page.text(330, 690 - 13 * row, line)
    page.text(57, 590, f"{sheet.title} {sheet.number}", size=13, bold=True)
    facts = [(words["date"], format_date(sheet.issued_on, sheet.language))]
    if sheet.due_on is not None:
        facts.append((words["due"], format_date(sheet.due_on, sheet.language)))
    if sheet.purchase_order:
        facts.append((words["po"], sheet.purchase_order))
    for row, (label, value) in enumerate(facts):
        page.text(57, 570 - 14 * row, f"{label} : {value}" if sheet.language == "fr" else f"{label}: {value}")
    net = (sheet.gross / (1 + sheet.vat / 100)).quantize(Decimal("0.01"))
    page.rule(505)
    page.text(57, 488, words["label"])
    page.text(538, 488, words["net"], right=True)
    page.rule(480)
    page.text(57, 462, sheet.label)
    page.text(538, 462, _money(net, sheet), right=True)
    page.rule(450)
    totals = ((words["net"], net), (f"{words['vat']} {sheet.vat.normalize():f} %", sheet.gross - net), (words["gross"], sheet.gross))
    for row, (label, amount) in enumerate(totals):
        size, bold = (11, True) if row == 2 else (10, False)
        page.text(430, 430 - 16 * row, label, size=size, bold=bold, right=True)
        page.text(538, 430 - 16 * row, _money(amount, sheet), size=size, bold=bold, right=True)
    bic = f"   BIC {profile.bic}" if profile.bic else ""
    page.text(57, 340, f"IBAN {grouped_iban(profile.iban)}{bic}", size=9)
    if sheet.reference:
        page.text(57, 326, f"{words['ref']} : {sheet.reference}", size=9)
    for row, line in enumerate(words["terms"].split("\n")):
        page.text(57, 88 - 9 * row, line, size=7)
    page.text(57, 66, f"{profile.legal_name}, {legal_mention(profile, sheet.language)}", size=7)
    return page.pdf(title=f"{sheet.title} {sheet.number}")


class _Page:
    """One A4 page of the two built-in fonts: a year has nearly three thousand, and a general writer takes 10 ms for each."""

    def __init__(self) -> None:
        self._content: list[bytes] = []

    def text(self, x: float, y: float, line: str, *, size: int = 10, bold: bool = False, right: bool = False) -> None:
        """A line of text that starts, or ends, at `x`. Points, from the bottom left."""
        line = line.replace("\u202f", "\u00a0")  # the built-in fonts do not know the narrow space
        if right:
            x -= stringWidth(line, "Helvetica-Bold" if bold else "Helvetica", size)
        self._content.append(b"BT /F%d %d Tf %.2f %.2f Td (%s) Tj ET" % (2 if bold else 1, size, x, y, _escaped(line)))

    def rule(self, y: float) -> None:
        """A line across the text."""
        self._content.append(b"57 %.2f m 538 %.2f l S" % (y, y))

    def pdf(self, *, title: str) -> bytes:
        content = b"\n".join(self._content)
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 841.89] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            font % b"Helvetica",
            font % b"Helvetica-Bold",
            b"<< /Title <feff%s> >>" % title.encode("utf-16-be").hex().encode(),
        ]
        parts, offsets, position = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"], [], 15
        for number, body in enumerate(objects, start=1):
            offsets.append(position)
            parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
            position += len(parts[-1])
        table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        size = len(objects) + 1
        parts.append(b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table))
        parts.append(b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(objects), position))
        return b"".join(parts)


def _escaped(line: str) -> bytes:
    return line.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _money(amount: Decimal, sheet: Sheet) -> str:
    return format_money(amount, "EUR", sheet.language)
