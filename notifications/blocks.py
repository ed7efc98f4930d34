"""The ready-made blocks of a message: the table of invoices, the list of earlier reminders, the bank details.

The data classes hold strings already formatted in the message's language; e-mails render them here, letters in `letter_blocks`.
E-mail programs know little CSS: styles stand on each element, layout is tables, and nothing is wider than a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from html import escape
from operator import attrgetter
from typing import Final

from notifications.placeholders import Block


class SectionKind(StrEnum):
    """The parts of a statement, in the order they are printed (rule 5)."""

    OVERDUE = "overdue"
    COMING_DUE = "coming_due"
    TO_CONFIRM = "to_confirm"
    INFORMATION = "information"
    CREDITS = "credits"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One item. `outstanding` is what this message claims of it; the three amounts after it are for formal notices alone.

    A credit (an unallocated payment, a credit note) is a row of section CREDITS with `outstanding` negative and the other cells blank.
    """

    number: str
    issued_on: str = ""
    due_on: str = ""
    amount: str = ""
    outstanding: str = ""
    late: str = ""
    po: str = ""
    penalties: str = ""
    fixed_sum: str = ""
    total: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableSection:
    """Items of one kind; `total` is their sum, formatted. Principal, penalties and fixed sums are summed apart in formal notices."""

    kind: SectionKind
    rows: Sequence[TableRow]
    total: str = ""
    principal: str = ""
    penalties: str = ""
    fixed_sum: str = ""
    title: str = ""  # replaces the usual title: a legal entity's name, for instance


@dataclass(frozen=True, slots=True)
class InvoiceTable:
    """A statement. `total` is the net claimed, credits deducted, equal to `amounts.total` of the same message; with `balance`, the sum of
    every row, equal to `amounts.statement`: the message is about some of the rows and claims none.

    `default_interest`: the penalties of a formal notice are called so, as a public buyer owes no others.
    """

    language: str
    sections: Sequence[TableSection]
    total: str = ""
    default_interest: bool = False
    balance: bool = False

    @property
    def total_word(self) -> str:
        return WORDS[self.language]["balance" if self.balance else "total"]


@dataclass(frozen=True, slots=True)
class ChronologyRow:
    """An earlier reminder that arrived, or a call that was answered: never a note's text."""

    on: str
    means: str
    recipient: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class BankDetails:
    """Where to pay. `iban` in groups of four. `qr_svg` is the EPC code, a complete `<svg>` element: letters alone print it, for euros."""

    language: str
    holder: str
    iban: str
    bic: str = ""
    reference: str = ""
    qr_svg: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LetterCheck:
    """How a letter is checked: `address` as people type it, without https://, and the same as a QR code, a complete `<svg>` element."""

    address: str
    qr_svg: str = field(repr=False)


WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "overdue": "Échues", "coming_due": "À échoir", "to_confirm": "À confirmer", "information": "Pour information",
        "credits": "À déduire", "issued": "du {}", "ordered": "votre commande {}",
        "number": "Facture", "issued_on": "Date", "due_on": "Échéance", "amount": "Montant TTC",
        "outstanding": "Reste dû", "late": "Retard", "po": "Votre commande", "subtotal": "Sous-total", "total": "Total à régler",
        "balance": "Solde du compte",
        "principal": "Principal", "penalties": "Pénalités", "fixed_sum": "Indemnité", "row_total": "Total",
        "default_interest": "Intérêts moratoires",
        "on": "Date", "means": "Moyen", "recipient": "Destinataire", "subject": "Objet",
        "holder": "Titulaire", "iban": "IBAN", "bic": "BIC", "reference": "Référence à rappeler",
        "portal": "Voir et répondre en ligne",
    },
    "en": {
        "overdue": "Overdue", "coming_due": "Coming due", "to_confirm": "To be confirmed", "information": "For information",
        "credits": "To be deducted", "issued": "dated {}", "ordered": "your order {}",
        "number": "Invoice", "issued_on": "Date", "due_on": "Due", "amount": "Amount",
        "outstanding": "Balance", "late": "Late", "po": "Your order", "subtotal": "Subtotal", "total": "Total to pay",
        "balance": "Balance of the account",
        "principal": "Principal", "penalties": "Penalties", "fixed_sum": "Fixed sum", "row_total": "Total",
        "default_interest": "Default interest",
        "on": "Date", "means": "Means", "recipient": "To", "subject": "Subject",
        "holder": "Account holder", "iban": "IBAN", "bic": "BIC", "reference": "Reference to quote",
        "portal": "See and answer online",
    },
}  # fmt: skip
"""The words of blocks, by language."""

_COLUMNS: Final = ("number", "issued_on", "due_on", "amount", "outstanding", "late", "po")
_CELLS: Final = attrgetter(*_COLUMNS)
RIGHT_ALIGNED: Final = frozenset({"amount", "outstanding", "late", "penalties", "fixed_sum", "total"})
_FONT: Final = "font-family:'Segoe UI',Helvetica,Arial,sans-serif;"
_UNDER: Final = "font-size:12px;line-height:16px;color:#6b655a;white-space:normal;"
_CELL: Final = "padding:6px 10px 6px 0;border-bottom:1px solid #e3dfd7;font-size:14px;line-height:20px;vertical-align:top;" + _FONT
_HEAD: Final = (
    "padding:0 10px 6px 0;border-bottom:1px solid #8a8478;font-size:12px;line-height:16px;color:#5f594e;font-weight:normal;" + _FONT
)
_INK: Final = "#1f3f77"
_BUTTON: Final = "font-size:15px;line-height:20px;font-weight:bold;" + _FONT
_TITLE: Final = "padding:12px 0 6px 0;font-size:14px;line-height:20px;font-weight:bold;" + _FONT


def columns_of(table: InvoiceTable) -> tuple[str, ...]:
    """The columns worth printing: a column blank in every row is left out, and so is an amount that repeats the balance everywhere."""
    rows = [_CELLS(row) for section in table.sections for row in section.rows]
    kept = [name for name, cells in zip(_COLUMNS, zip(*rows, strict=True), strict=False) if any(cells)]
    amount, balance = _COLUMNS.index("amount"), _COLUMNS.index("outstanding")
    if "amount" in kept and "outstanding" in kept and all(not cells[amount] or cells[amount] == cells[balance] for cells in rows):
        kept.remove("amount")
    return tuple(kept)


def section_title(section: TableSection, language: str) -> str:
    return section.title or WORDS[language][section.kind]


def email_table(table: InvoiceTable) -> Block:
    """The invoices; sections are titled and summed when there are several. Without a row: an empty block, held when printed."""
    if not any(section.rows for section in table.sections):
        return Block("", "")
    return Block(text=_table_text(table), html=_table_html(table))


def _table_text(table: InvoiceTable) -> str:
    words, columns = WORDS[table.language], columns_of(table)
    cells = attrgetter(*columns, "number")  # one more, so that it always answers with a tuple
    lines = [tuple(words[name] for name in columns)]
    lines += [cells(row)[:-1] for section in table.sections for row in section.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = "  ".join(f"%{'' if name in RIGHT_ALIGNED else '-'}{width}s" for name, width in zip(columns, widths, strict=True))
    output = [(layout % lines[0]).rstrip(), "  ".join("-" * width for width in widths)]
    rows = iter(lines[1:])
    for section in table.sections:
        if len(table.sections) > 1 or section.title:
            output.append(f"{section_title(section, table.language)}{' :' if table.language == 'fr' else ':'}")
        for row in section.rows:
            output.append((layout % next(rows)).rstrip())
            if row.note:
                output.append(f"  {row.note}")
        if section.total and len(table.sections) > 1:
            output.append(_total_line(words["subtotal"], section.total, widths, columns))
    if table.total:
        output.append(_total_line(table.total_word, table.total, widths, columns))
    return "\n".join(output)


def _total_line(label: str, amount: str, widths: list[int], columns: tuple[str, ...]) -> str:
    upto = columns.index("outstanding") + 1 if "outstanding" in columns else len(columns)
    room = sum(widths[:upto]) + 2 * (upto - 1)
    return f"{label}{amount.rjust(max(room - len(label), len(amount) + 2))}"


@lru_cache(maxsize=64)
def _frame(language: str, columns: tuple[str, ...]) -> tuple[str, str]:
    """The table's opening with its heads, and the printf format of a row."""
    words = WORDS[language]
    right = [name in RIGHT_ALIGNED for name in columns]
    align = ['align="right"' if is_right else 'align="left"' for is_right in right]
    side = [f"text-align:{'right' if is_right else 'left'};white-space:nowrap;" for is_right in right]
    heads = "".join(f'<th {a} style="{_HEAD}{s}">{words[name]}</th>' for name, a, s in zip(columns, align, side, strict=True))
    opening = '<table role="table" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;margin:0 0 20px 0;">'
    cells = "".join(f'<td {a} style="{_CELL}{s}">%s</td>' for a, s in zip(align, side, strict=True))
    return f"{opening}\n<tr>{heads}</tr>", f"<tr>{cells}</tr>"


def _table_html(table: InvoiceTable) -> str:
    # A phone shows five columns: the date and the customer's order number go under the invoice's number.
    words, columns = WORDS[table.language], tuple([name for name in columns_of(table) if name not in {"issued_on", "po"}])
    opening, layout = _frame(table.language, columns)
    cells = attrgetter(*columns, "number")
    output = [opening]
    for section in table.sections:
        if len(table.sections) > 1 or section.title:
            output.append(f'<tr><td colspan="{len(columns)}" style="{_TITLE}">{escape(section_title(section, table.language))}</td></tr>')
        for row in section.rows:
            number, *others = escape("\x00".join(cells(row)[:-1])).split("\x00")
            output.append(layout % (number + _under(row, words), *others))
        if section.total and len(table.sections) > 1:
            output.append(_total_row(words["subtotal"], section.total, columns, bold=False))
    if table.total:
        output.append(_total_row(table.total_word, table.total, columns, bold=True))
    return "\n".join([*output, "</table>"])


def _under(row: TableRow, words: dict[str, str]) -> str:
    said = [words["issued"].format(row.issued_on)] if row.issued_on else []
    said += [words["ordered"].format(row.po)] if row.po else []
    lines = [", ".join(said)] if said else []
    lines += [row.note] if row.note else []
    return "".join(f'<br><span style="{_UNDER}">{escape(line)}</span>' for line in lines)


def _total_row(label: str, amount: str, columns: tuple[str, ...], *, bold: bool) -> str:
    before = columns.index("outstanding") if "outstanding" in columns else len(columns) - 1
    after = len(columns) - before - 1
    style = f"padding:8px 10px 6px 0;font-size:14px;line-height:20px;font-weight:{'bold' if bold else 'normal'};white-space:nowrap;{_FONT}"
    blank = f'<td colspan="{after}"></td>' if after else ""
    return (
        f'<tr><td colspan="{before}" align="left" style="{style}">{label}</td>'
        f'<td align="right" style="{style}text-align:right;">{escape(amount)}</td>{blank}</tr>'
    )


def email_chronology(rows: Sequence[ChronologyRow]) -> Block:
    """The earlier reminders, oldest first, one a line. An empty list is an error: a text that cites reminders needs one."""
    if not rows:
        raise ValueError("a chronology needs at least one reminder")
    lines = [", ".join(part for part in (row.on, row.means, row.recipient, row.subject) if part) for row in rows]
    items = "".join(f'<li style="margin:0 0 4px 0;">{escape(line)}</li>' for line in lines)
    return Block(
        text="\n".join(f"- {line}" for line in lines),
        html=f'<ul style="margin:0 0 16px 0;padding:0 0 0 20px;font-size:14px;line-height:20px;{_FONT}">{items}</ul>',
    )


def bank_rows(bank: BankDetails) -> list[tuple[str, str]]:
    """The labelled lines of the bank details, blank ones left out."""
    words = WORDS[bank.language]
    rows = [(words["holder"], bank.holder), (words["iban"], bank.iban), (words["bic"], bank.bic), (words["reference"], bank.reference)]
    return [(label, value) for label, value in rows if value]


def portal_button(address: str, language: str, colour: str = "") -> Block:
    """The way to the debtor's page: its address in the text, one button in the HTML, which Outlook draws from the cell's colour.

    `colour` is the creditor's, #rrggbb, on which white can be read; blank: the product's own.
    """
    ground = colour or _INK
    label = WORDS[language]["portal"]
    colon = "\u00a0:" if language == "fr" else ":"
    style = f"display:inline-block;padding:12px 20px;color:#ffffff;text-decoration:none;{_BUTTON}"
    link = f'<a href="{escape(address)}" style="{style}">{label}</a>'
    return Block(
        text=f"{label}{colon} {address}",
        html='<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px 0;"><tr>'
        f'<td align="center" bgcolor="{ground}" style="border-radius:6px;background:{ground};">{link}</td></tr></table>',
    )


def email_bank(bank: BankDetails) -> Block:
    """The bank details of an e-mail: no QR code, mail programs hide images."""
    rows = bank_rows(bank)
    colon = "\u00a0: " if bank.language == "fr" else ": "
    cells = "".join(
        f'<tr><td style="padding:2px 16px 2px 0;font-size:14px;line-height:20px;color:#5f594e;{_FONT}">{label}</td>'
        f'<td style="padding:2px 0;font-size:14px;line-height:20px;white-space:nowrap;{_FONT}">{escape(value)}</td></tr>'
        for label, value in rows
    )
    return Block(
        text="\n".join(f"{label}{colon}{value}" for label, value in rows),
        html=f'<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px 0;">{cells}</table>',
    )
