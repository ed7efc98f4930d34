"""Letters on paper: an A4 for a window envelope, as PDF/A-3b, and the print file with the copies of the invoices behind it.

Everything here takes words and bytes and gives bytes; `notifications.press` does the printing in a process of its own.
Address position: the recipient stands where the window of a DL envelope shows it once the sheet is folded in three (NF Z 10-011 on the
right, DIN 5008 and BS 4264 on the left).
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Final, Literal

from django.utils.translation import gettext as _

from notifications.blocks import WORDS, LetterCheck
from notifications.placeholders import Block, Value, render_markup
from notifications.press import COUNT, MERGE, RENDER, Press, PressError

_TEMPLATES: Final = Path(__file__).parent.parent / "templates" / "letters"
MOST_PAGES: Final = 30
MOST_COPY_PAGES: Final = 10
MOST_ADDRESS_LINES: Final = 7

_LEFT_WINDOWS: Final = frozenset({"GB", "IE", "DE", "AT", "NL", "DK", "SE", "NO", "FI", "PL", "CZ", "SK", "HU", "US", "CA", "AU"})


class LetterError(Exception):
    """The letter could not be made; the message says why, in terms of the letter."""


class LetterTooLong(LetterError):
    """More pages than may be printed."""

    def __init__(self, pages: int, limit: int) -> None:
        super().__init__(_("%(pages)s pages, at most %(limit)s allowed") % {"pages": pages, "limit": limit})
        self.pages = pages
        self.limit = limit


class TooManyCopies(LetterTooLong):
    """More pages of copies than are bound behind a letter: it goes without them and says where they are, see `copies_elsewhere`."""


class UnreadableCopy(LetterError):
    """The copy of an invoice cannot be read; `name` says which, `encrypted` whether a password protects it."""

    def __init__(self, name: str, *, encrypted: bool) -> None:
        said = _("%(name)s: protected by a password") if encrypted else _("%(name)s: not a readable PDF")
        super().__init__(said % {"name": name})
        self.name = name
        self.encrypted = encrypted


@dataclass(frozen=True, slots=True)
class Sender:
    """The creditor. `legal` is what art. R123-237 and -238 of the code de commerce want: form, capital, SIREN, RCS, seat, or "EI"."""

    name: str
    address: Sequence[str]
    legal: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class AnnexRow:
    """One line of the penalties: a balance at a rate over a period; every cell formatted."""

    invoice: str
    start: str
    end: str
    days: str
    base: str
    rate: str
    amount: str


@dataclass(frozen=True, slots=True)
class Annex:
    """Annex 1: how the penalties add up, by invoice and period. `note` names the source of the rates.

    `default_interest`: they are called so, as in the letter's table.
    """

    rows: Sequence[AnnexRow]
    total: str
    note: str = ""
    default_interest: bool = False


@dataclass(frozen=True, slots=True)
class LetterContent:
    """A letter, every value formatted in its language. `body_html` comes from `rendering.render_letter_text` with the blocks of
    `notifications.letter_blocks`.

    `recipient` is the address, name first, at most 7 lines. `registered` is the number of the registered letter, or "" when it is not
    known yet; None for an ordinary one. `window` is the envelope's, see `window_side`. `references` are label and value pairs.
    """

    language: str
    sender: Sender
    recipient: Sequence[str]
    place_date: str
    subject: str
    body_html: str
    signatory_name: str
    signatory_title: str = ""
    references: Sequence[tuple[str, str]] = ()
    registered: str | None = None
    window: Literal["left", "right"] = "right"
    enclosures: Sequence[str] = ()
    annex: Annex | None = None
    check: LetterCheck | None = None


@dataclass(frozen=True, slots=True)
class InvoiceCopy:
    """A PDF to bind behind a letter; `name` is what an error names, the invoice's number or the file's name."""

    name: str
    pdf: bytes = field(repr=False)


def window_side(country: str) -> Literal["left", "right"]:
    """Where a country's envelopes have their window: the creditor's country, the envelopes are his. Unknown: right, as in France."""
    return "left" if country.upper() in _LEFT_WINDOWS else "right"


_PHRASES: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "registered": "LETTRE RECOMMANDÉE\nAVEC AVIS DE RÉCEPTION",
        "number": "n° ",
        "subject": "Objet\u00a0: ",
        "enclosures": "P.J.\u00a0: ",
        "page": "Page ",
        "annex": "Annexe 1 — Pénalités de retard par période",
        "start": "Du", "end": "au", "days": "Jours", "base": "Somme due", "rate": "Taux annuel", "penalty": "Pénalité",
        "annex_total": "Total des pénalités",
        "annex_formula": "Pénalité = somme due × taux annuel × jours / 365, arrondie au centime par période.",
        "check": "Cette lettre vient-elle bien de nous\u00a0?",
        "check_how": "Scannez ce code, ou tapez l’adresse ci-dessous\u00a0: vous y lirez le montant, la date et le compte à créditer.",
        "copy": "copie de la facture", "copies": "copies des {number} factures",
        "elsewhere": ", à télécharger pendant six mois à l’adresse {address}, ou sur simple demande",
        "check_alt": "QR code de l’adresse qui permet de vérifier cette lettre",
    },
    "en": {
        "registered": "REGISTERED LETTER\nWITH ACKNOWLEDGEMENT OF RECEIPT",
        "number": "No. ",
        "subject": "Subject: ",
        "enclosures": "Enclosures: ",
        "page": "Page ",
        "annex": "Annex 1 — Late-payment penalties by period",
        "start": "From", "end": "to", "days": "Days", "base": "Sum due", "rate": "Annual rate", "penalty": "Penalty",
        "annex_total": "Total penalties",
        "annex_formula": "Penalty = sum due × annual rate × days / 365, rounded to the cent for each period.",
        "check": "Does this letter really come from us?",
        "check_how": "Scan this code, or type the address below: it shows the amount, the date and the account to pay to.",
        "copy": "copy of the invoice", "copies": "copies of the {number} invoices",
        "elsewhere": ", to be downloaded for six months at {address}, or on request",
        "check_alt": "QR code of the address where this letter can be checked",
    },
}  # fmt: skip

_DEFAULT_INTEREST: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "annex": "Annexe 1 — Intérêts moratoires par période",
        "penalty": "Intérêts",
        "annex_total": "Total des intérêts moratoires",
        "annex_formula": "Intérêts = somme due × taux annuel × jours / 365, arrondis au centime par période.",
    },
    "en": {
        "annex": "Annex 1 — Default interest by period",
        "penalty": "Interest",
        "annex_total": "Total default interest",
        "annex_formula": "Interest = sum due × annual rate × days / 365, rounded to the cent for each period.",
    },
}
"""The same, to a public buyer."""


@lru_cache(maxsize=4)
def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def style_sheet() -> str:
    """The letters' style sheet."""
    return _template("letter.css")


def letter_html(content: LetterContent) -> str:
    """The letter as HTML, without its style sheet. Raises `LetterError` when the address does not fit the window."""
    if not content.recipient or len(content.recipient) > MOST_ADDRESS_LINES:
        raise LetterError(
            _("the address has %(lines)s lines: between 1 and %(most)s fit the window")
            % {"lines": len(content.recipient), "most": MOST_ADDRESS_LINES}
        )
    phrases, sender = _PHRASES[content.language], content.sender
    registered = ""
    if content.registered is not None:
        registered = _lines([*phrases["registered"].split("\n"), *([phrases["number"] + content.registered] if content.registered else [])])
    context: dict[str, Value] = {
        "language": content.language,
        "window": content.window,
        "sender.name": sender.name,
        "sender.lines": _html(_lines(line for line in [*sender.address, sender.phone, sender.email] if line)),
        "sender.footer": ", ".join(part for part in (sender.name, sender.legal) if part),
        "registered": _html(registered) if registered else "",
        "recipient": _html(_lines(content.recipient)),
        "place_date": content.place_date,
        "references": _html(_references(content.references)) if content.references else "",
        "subject.label": phrases["subject"],
        "subject": content.subject,
        "body": _html(content.body_html),
        "signatory.name": content.signatory_name,
        "signatory.title": content.signatory_title,
        "enclosures.label": phrases["enclosures"],
        "enclosures": " ; ".join(content.enclosures) if content.language == "fr" else "; ".join(content.enclosures),
        "check": _html(_check(content.check, phrases)) if content.check else "",
        "annex": _html(_annex(content.annex, content.language)) if content.annex else "",
    }
    return render_markup(_template("letter.html"), context)


def _html(html: str) -> Block:
    return Block("", html)


def _lines(lines: Iterable[str]) -> str:
    return "<br>".join(escape(line) for line in lines)


def _references(references: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in references)


def _check(check: LetterCheck, phrases: dict[str, str]) -> str:
    image = base64.b64encode(check.qr_svg.encode()).decode()
    address = "/<wbr>".join(
        f"<span>{escape(part)}</span>" for part in check.address.split("/")
    )  # a line breaks there, never within the code
    said = f"<strong>{escape(phrases['check'])}</strong><br>{escape(phrases['check_how'])}"
    code = f'<img alt="{escape(phrases["check_alt"])}" src="data:image/svg+xml;base64,{image}">'
    return f'{code}<p>{said}<br><span class="address">{address}</span></p>'


def _annex(annex: Annex, language: str) -> str:
    phrases, words = _PHRASES[language] | (_DEFAULT_INTEREST[language] if annex.default_interest else {}), WORDS[language]
    heads = [words["number"], phrases["start"], phrases["end"], phrases["days"], phrases["base"], phrases["rate"], phrases["penalty"]]
    marks = ["" if place < 3 else ' class="amount"' for place in range(len(heads))]
    head = "".join(f"<th{mark}>{escape(label)}</th>" for label, mark in zip(heads, marks, strict=True))
    lines, previous = [], ""
    for row in annex.rows:
        cells = [row.invoice if row.invoice != previous else "", row.start, row.end, row.days, row.base, row.rate, row.amount]
        starts = ' class="starts"' if row.invoice != previous else ""
        lines.append(f"<tr{starts}>" + "".join(f"<td{mark}>{escape(cell)}</td>" for cell, mark in zip(cells, marks, strict=True)) + "</tr>")
        previous = row.invoice
    total = f'<tr class="total"><td colspan="6">{escape(phrases["annex_total"])}</td><td class="amount">{escape(annex.total)}</td></tr>'
    notes = f"<p>{escape(phrases['annex_formula'])}</p>" + (f"<p>{escape(annex.note)}</p>" if annex.note else "")
    table = f'<table class="penalties"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}{total}</tbody></table>'
    return f"<h2>{escape(phrases['annex'])}</h2>{table}{notes}"


_press: Final = Press()


def render_letter(content: LetterContent, *, press: Press = _press) -> bytes:
    """The letter as an A4 PDF/A-3b, fonts embedded, nothing fetched. Raises `LetterError`, or `LetterTooLong` above 30 pages."""
    html = letter_html(content)
    try:
        pdf = press.run(RENDER, [html.encode(), style_sheet().encode()])
        pages = count_pages(pdf, press=press)
    except PressError as error:
        raise LetterError(_("the letter could not be printed (%(detail)s)") % {"detail": error.detail}) from error
    if pages > MOST_PAGES:
        raise LetterTooLong(pages, MOST_PAGES)
    return pdf


def merge_print_file(letter_pdf: bytes, copies: Sequence[InvoiceCopy], *, press: Press = _press) -> bytes:
    """What goes to the printer: the letter, then the copies on A4. It makes no PDF/A claim, the copies come from elsewhere.

    Raises `UnreadableCopy` naming the copy at fault, `TooManyCopies` above 10 pages of copies.
    """
    parts = [letter_pdf]
    for copy in copies:
        parts += [copy.name.encode(), copy.pdf]
    try:
        bound = press.run(MERGE, parts)
        pages = count_pages(bound, press=press) - count_pages(letter_pdf, press=press)
    except PressError as error:
        if error.code in {"broken_copy", "encrypted_copy"}:
            raise UnreadableCopy(error.detail, encrypted=error.code == "encrypted_copy") from error
        raise LetterError(_("the print file could not be bound (%(detail)s)") % {"detail": error.detail}) from error
    if pages > MOST_COPY_PAGES:
        raise TooManyCopies(pages, MOST_COPY_PAGES)
    return bound


def copies_elsewhere(number: int, check: LetterCheck, language: str) -> str:
    """What a letter lists as enclosed when its copies are too many to bind: where whoever holds it takes them away."""
    phrases = _PHRASES[language]
    return phrases["copy" if number == 1 else "copies"].format(number=number) + phrases["elsewhere"].format(address=check.address)


def count_pages(pdf: bytes, *, press: Press = _press) -> int:
    """How many pages a PDF of our own making has. The press looks: a reader of PDF would cost whoever asks 20 MB."""
    return int(press.run(COUNT, [pdf]))
