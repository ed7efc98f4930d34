"""E-mails beside a bare `str.format` of the same texts, letters beside bare WeasyPrint on the same HTML, in the same run.

E-mails are counted with everything: table and blocks made anew, subject, twins, frame. Letters go through the press, a process of its
own; both sides print the same documents in turns, so that a busy machine slows them alike.
"""

import argparse
import resource
import time
from collections.abc import Sequence

from notifications.blocks import BankDetails, ChronologyRow, InvoiceTable, SectionKind, TableRow, TableSection, email_bank, email_table
from notifications.legal_sentences import legal_sentences
from notifications.letter_blocks import letter_bank, letter_chronology, letter_table
from notifications.letters import (
    LetterContent,
    Sender,
    letter_html,
    render_letter,
    style_sheet,
)
from notifications.palette import example_context
from notifications.placeholders import Block, Value, parse
from notifications.rendering import render_email, render_letter_text
from notifications.texts import shipped_texts

BANK = BankDetails("fr", "Menuiserie Exemplaire SAS", "FR76 3000 6000 0112 3456 7890 189", "AGRIFRPPXXX", "RF39FA202600042")


def table(number: int) -> InvoiceTable:
    """Three invoices, different for every message."""
    rows = [
        TableRow(f"FA-2026-{number + place:05d}", "01/09/26", "01/10/26", "1 840,25 €", "1 840,25 €", "8 j", "CDE-7781")
        for place in range(3)
    ]
    return InvoiceTable("fr", [TableSection(SectionKind.OVERDUE, rows)], total="5 520,75 €")


def context() -> dict[str, Value]:
    values: dict[str, Value] = {**example_context("fr"), **legal_sentences(kind="BUSINESS", country="FR", language="fr")}
    values["invoices.one"], values["invoices.several"] = False, True
    values["invoice.po"] = ""
    return values


def emails(count: int) -> tuple[float, float]:
    """E-mails per second: (ours, bare formatting of the same subject, text and HTML with its table already made)."""
    wording, values = shipped_texts()["r2"].wordings["fr"], context()
    values["bank"] = email_bank(BANK)
    start = time.perf_counter()
    for number in range(count):
        values["table"] = email_table(table(number))
        render_email(wording.subject, wording.body, values, language="fr")
    ours = time.perf_counter() - start
    formats, filled = [], []
    for source in (wording.subject, wording.body):
        shape = parse(source).shape(values)
        for twin in ("text", "html"):
            formats.append(getattr(shape, twin).replace("{", "{{").replace("}", "}}").replace("%%", "%").replace("%s", "{}"))
            filled.append([getattr(value, twin) if isinstance(value := values[key], Block) else value for key in shape.keys])
    start = time.perf_counter()
    for _ in range(count):
        for template, arguments in zip(formats, filled, strict=True):
            template.format(*arguments)
    return count / ours, count / (time.perf_counter() - start)


def letter(number: int) -> LetterContent:
    values = context()
    values["table"] = letter_table(table(number))
    values["bank"] = letter_bank(BANK)
    values["chronology"] = letter_chronology([ChronologyRow("02/10/2026", "E-mail", "compta@dupre.example", "Facture FA-2026-00042")], "fr")
    wording = shipped_texts()["formal_notice"].wordings["fr"]
    words = render_letter_text(wording.subject, wording.body, values)
    return LetterContent(
        language="fr",
        sender=Sender("Menuiserie Exemplaire SAS", ["12 rue des Copeaux", "69003 Lyon"], "SAS au capital de 50 000 €"),
        recipient=["Ateliers Dupré", "128 avenue du Général-de-Gaulle", "38000 GRENOBLE"],
        place_date="Lyon, le 6 novembre 2026",
        subject=words.subject,
        body_html=words.html,
        signatory_name="Claire Petit",
        registered="1A 234 567 8901 2",
    )


def letters(count: int) -> tuple[float, float]:
    """Letters per second: (ours from values to PDF, bare WeasyPrint from the finished HTML to the same kind of PDF)."""
    from weasyprint import HTML

    def bare(html: str) -> bytes:
        result: bytes = HTML(string=html).write_pdf(pdf_variant="pdf/a-3b")
        return result

    def finished(number: int) -> str:
        return letter_html(letter(number)).replace("</head>", f"<style>{style_sheet()}</style></head>")

    if not render_letter(letter(0)).startswith(b"%PDF") or not bare(finished(0)).startswith(b"%PDF"):
        raise SystemExit("The letters are not PDFs.")
    ours = beside = 0.0
    for number in range(1, count + 1):
        start = time.perf_counter()
        render_letter(letter(number))
        ours += time.perf_counter() - start
        html = finished(number)
        start = time.perf_counter()
        bare(html)
        beside += time.perf_counter() - start
    return count / ours, count / beside


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench render", description=__doc__)
    parser.add_argument("--emails", type=int, default=5_000)
    parser.add_argument("--letters", type=int, default=30)
    options = parser.parse_args(list(argv))
    for name, (rate, bare) in (("render_email", emails(options.emails)), ("render_letter", letters(options.letters))):
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
        print(f"{name}: {rate:,.1f} a second, bare {bare:,.1f}")
        print(f"result name={name} rate={rate:.1f} ratio={rate / bare:.4f} peak_mb={peak:.0f}")
