"""The blocks of a letter on paper: its invoices, the reminders it recalls, the account to pay to.

Each comes as HTML for the sheet of `notifications.letters`, and as the text an e-mail would show, for search and screens.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from notifications.blocks import (
    RIGHT_ALIGNED,
    WORDS,
    BankDetails,
    ChronologyRow,
    InvoiceTable,
    SectionKind,
    TableRow,
    TableSection,
    bank_rows,
    email_bank,
    email_chronology,
    email_table,
    section_title,
)
from notifications.placeholders import Block

_INFORMATION: Final = {
    "fr": "Pour information (non réclamé par la présente)",
    "en": "For information (not claimed by this letter)",
}
_CODE: Final = {
    "fr": "Le QR code porte ces coordonnées, pour les applications bancaires qui le lisent.",
    "en": "The QR code holds these details, for the banking applications that read it.",
}
_COLUMNS: Final = ("number", "issued_on", "due_on", "amount", "late", "outstanding", "penalties", "fixed_sum", "total")


def letter_table(table: InvoiceTable) -> Block:
    """The invoices of a letter. With penalties, each invoice is split into principal, penalties and fixed sum, and so are the totals.

    Items shown for information stand in a table of their own below, titled as not claimed, unless the table ends in the account's balance.
    """
    if not any(section.rows for section in table.sections):
        return Block("", "")
    others = [] if table.balance else [section for section in table.sections if section.kind is SectionKind.INFORMATION]
    claimed = [section for section in table.sections if section not in others]
    html = _table(claimed, table, total=table.total) if claimed else ""
    for section in others:
        title = section.title or _INFORMATION[table.language]
        html += f'<p class="table-title">{escape(title)}</p>' + _table([section], table, total="", titles=False)
    return Block(text=email_table(table).text, html=html)


def _columns(rows: Iterable[TableRow]) -> list[str]:
    rows = list(rows)
    kept = [name for name in _COLUMNS if any(getattr(row, name) for row in rows)]
    if all(not row.amount or row.amount == row.outstanding for row in rows) and "amount" in kept:
        kept.remove("amount")
    if "penalties" in kept or "fixed_sum" in kept:
        kept = [name for name in kept if name not in {"amount", "late"}]
    return kept


def _table(sections: Sequence[TableSection], table: InvoiceTable, *, total: str, titles: bool = True) -> str:
    language, words = table.language, WORDS[table.language]
    columns = _columns(row for section in sections for row in section.rows)
    split = "penalties" in columns or "fixed_sum" in columns
    heads = {**words, "outstanding": words["principal"] if split else words["outstanding"], "total": words["row_total"]}
    heads["penalties"] = words["default_interest" if table.default_interest else "penalties"]
    side = {name: ' class="amount"' if name in RIGHT_ALIGNED else "" for name in columns}
    output = [
        '<table class="invoices"><thead><tr>',
        *(f"<th{side[name]}>{escape(heads[name])}</th>" for name in columns),
        "</tr></thead><tbody>",
    ]
    for section in sections:
        if titles and (len(sections) > 1 or section.title):
            output.append(f'<tr class="section"><td colspan="{len(columns)}">{escape(section_title(section, language))}</td></tr>')
        for row in section.rows:
            output.append("<tr>" + "".join(f"<td{side[name]}>{_cell(row, name, words)}</td>" for name in columns) + "</tr>")
        sums = _sums(section, split=split)
        if any(sums.values()) and (split or len(sections) > 1):
            output.append(_sum_row(words["subtotal"] if len(sections) > 1 else words["row_total"], sums, columns, "subtotal"))
    if total and not (split and len(sections) == 1):
        output.append(_sum_row(table.total_word, {"total" if split else "outstanding": total}, columns, "total"))
    return "".join([*output, "</tbody></table>"])


def _sums(section: TableSection, *, split: bool) -> dict[str, str]:
    if not split:
        return {"outstanding": section.total}
    return {"outstanding": section.principal, "penalties": section.penalties, "fixed_sum": section.fixed_sum, "total": section.total}


def _cell(row: TableRow, name: str, words: dict[str, str]) -> str:
    cell = escape(getattr(row, name))
    if name == "number":
        under = [f"{words['po']} {row.po}"] if row.po else []
        under += [row.note] if row.note else []
        cell += "".join(f'<span class="under">{escape(line)}</span>' for line in under)
    return cell


def _sum_row(label: str, sums: dict[str, str], columns: Sequence[str], kind: str) -> str:
    first = next((place for place, name in enumerate(columns) if sums.get(name)), len(columns))
    cells = "".join(f'<td class="amount">{escape(sums.get(name, ""))}</td>' for name in columns[first:])
    return f'<tr class="{kind}"><td colspan="{first}">{escape(label)}</td>{cells}</tr>'


def letter_chronology(rows: Sequence[ChronologyRow], language: str) -> Block:
    """The earlier reminders as a table, oldest first. An empty list is an error: a letter that recalls reminders needs one."""
    text = email_chronology(rows).text
    words = WORDS[language]
    columns = [name for name in ("on", "means", "recipient", "subject") if any(getattr(row, name) for row in rows)]
    head = "".join(f"<th>{escape(words[name])}</th>" for name in columns)
    lines = "".join("<tr>" + "".join(f"<td>{escape(getattr(row, name))}</td>" for name in columns) + "</tr>" for row in rows)
    return Block(text=text, html=f'<table class="chronology"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>')


def letter_bank(bank: BankDetails) -> Block:
    """The bank details in a frame, with the EPC QR code beside them when there is one (euro only)."""
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in bank_rows(bank))
    if not bank.qr_svg:
        return Block(text=email_bank(bank).text, html=f'<div class="bank"><table>{rows}</table></div>')
    image = base64.b64encode(bank.qr_svg.encode()).decode()
    caption = escape(_CODE[bank.language])
    code = f'<p>{caption}</p><img alt="{caption}" src="data:image/svg+xml;base64,{image}">'
    return Block(text=email_bank(bank).text, html=f'<div class="bank coded"><table>{rows}</table>{code}</div>')
