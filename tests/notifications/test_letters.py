"""Letters on paper: where things stand, what can be read back, what is refused. Every letter here is really printed."""

import socket
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Thread

import pypdf
import pypdfium2
import pytest
import segno
import zxingcpp

from notifications.blocks import BankDetails, ChronologyRow, InvoiceTable, SectionKind, TableRow, TableSection
from notifications.letter_blocks import letter_bank, letter_chronology, letter_table
from notifications.letters import (
    Annex,
    AnnexRow,
    InvoiceCopy,
    LetterContent,
    LetterError,
    LetterTooLong,
    Sender,
    UnreadableCopy,
    letter_html,
    merge_print_file,
    render_letter,
    window_side,
)
from notifications.palette import example_context
from notifications.press import PROBE, RENDER, Press, PressError
from notifications.rendering import render_letter_text
from notifications.texts import shipped_texts

PAYLOAD = "BCD\n002\n1\nSCT\n\nAtelier Fictif SAS\nFR7630006000011234567890189\nEUR1840.25\n\nRF39FA202600042"
MM = 72 / 25.4


def qr_svg() -> str:
    output = BytesIO()
    segno.make(PAYLOAD, error="m", micro=False).save(output, kind="svg", xmldecl=False, border=4)
    return output.getvalue().decode()


def formal_notice(language="fr", invoices=2, name="Ateliers Dupré SARL"):
    rows = [
        TableRow(
            f"FA-2026-{42 + place:05d}",
            "01/09/2026",
            "01/10/2026",
            "",
            "1 840,25 €",
            penalties="38,32 €",
            fixed_sum="40,00 €",
            total="1 918,57 €",
        )
        for place in range(invoices)
    ]
    rows[0] = replace(rows[0], outstanding="1 234 567,89 €", po="CDE-7781")
    claimed = TableSection(
        SectionKind.OVERDUE, rows, "1 236 000,00 €", principal="1 235 000,00 €", penalties="920,00 €", fixed_sum="80,00 €"
    )
    other = TableSection(
        SectionKind.INFORMATION, [TableRow("FA-2026-00990", "15/09/2026", "15/11/2026", "960,00 €", "960,00 €")], "960,00 €"
    )
    reminders = [
        ChronologyRow("02/10/2026", "E-mail", "compta@dupre.example", "Facture FA-2026-00042"),
        ChronologyRow("09/10/2026", "Appel", "Mme Durand"),
    ]
    context = {
        **example_context(language),
        "table": letter_table(InvoiceTable(language, [claimed, other], "1 236 000,00 €")),
        "chronology": letter_chronology(reminders, language),
        "bank": letter_bank(
            BankDetails(language, "Atelier Fictif SAS", "FR76 3000 6000 0112 3456 7890 189", "AGRIFRPPXXX", "RF39FA202600042", qr_svg())
        ),
    }
    wording = shipped_texts()["formal_notice"].wordings[language]
    words = render_letter_text(wording.subject, wording.body, context)
    return LetterContent(
        language=language,
        sender=Sender("Atelier Fictif SAS", ["12 rue des Copeaux", "69003 Lyon"], "SAS au capital de 50 000 €, 999 999 014 RCS Lyon"),
        recipient=[name, "À l’attention du représentant légal", "128 avenue du Général-de-Gaulle", "38000 GRENOBLE"],
        place_date="Lyon, le 6 novembre 2026",
        subject=words.subject,
        body_html=words.html,
        signatory_name="Claire Petit",
        signatory_title="Responsable du recouvrement",
        references=[("Votre compte", "C00042")],
        registered="1A 234 567 8901 2",
        enclosures=["copie de 2 factures", "annexe 1"],
        annex=Annex(
            [AnnexRow("FA-2026-00042", "02/10/2026", "06/11/2026", "36", "1 840,25 €", "12,40 %", "22,51 €")],
            "22,51 €",
            "Taux BCE + 10 points.",
        ),
    )


def words_of(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range().replace("\r\n", "\n") for page in pages)


def place_of(pdf: bytes, words: str) -> tuple[float, float]:
    """Left and top of the words' first occurrence on the first page, in millimetres from the sheet's top left corner."""
    page = pypdfium2.PdfDocument(pdf)[0]
    text = page.get_textpage()
    index, _count = text.search(words).get_next()
    left, _bottom, _right, top = text.get_charbox(index)
    return left / MM, 297 - top / MM


@pytest.fixture(scope="module")
def press():
    press = Press()
    yield press
    press.close()


@pytest.fixture(scope="module")
def notice() -> bytes:
    return render_letter(formal_notice())


def test_it_says_what_a_formal_notice_must(notice):
    words = words_of(notice)
    for expected in (
        "LETTRE RECOMMANDÉE",
        "AVEC AVIS DE RÉCEPTION",
        "n° 1A 234 567 8901 2",
        "Objet\u00a0: Mise en demeure de payer",
        "mettons en demeure",
        "SAS au capital de 50 000 €, 999 999 014 RCS Lyon",
        "1 234 567,89 €",
        "Pour information (non réclamé par la présente)",
        "FR76 3000 6000 0112 3456 7890 189",
        "02/10/2026",
        "Mme Durand",
        "Claire Petit",
        "P.J.\u00a0: copie de 2 factures ; annexe 1",
        "Annexe 1 — Pénalités de retard par période",
        "12,40 %",
    ):
        assert expected.replace("\u00a0", " ") in words.replace("\u00a0", " "), expected


def test_each_invoice_and_the_total_are_split(notice):
    lines = words_of(notice).replace("\u00a0", " ").splitlines()
    assert "FA-2026-00043 01/09/2026 01/10/2026 1 840,25 € 38,32 € 40,00 € 1 918,57 €" in lines
    assert "Total 1 235 000,00 € 920,00 € 80,00 € 1 236 000,00 €" in lines


def test_the_address_stands_in_the_window(notice):
    """NF Z 10-011: between 50 and 90 mm from the top and right of 100 mm, with nothing else in there."""
    left, top = place_of(notice, "Ateliers Dupré SARL")
    assert 104 <= left <= 108
    assert 50 <= top <= 55
    assert place_of(notice, "38000 GRENOBLE")[1] < 90
    assert place_of(notice, "LETTRE RECOMMANDÉE")[0] < 30
    assert place_of(notice, "Lyon, le 6 novembre")[1] > 85


def test_a_left_window_moves_the_address_left():
    pdf = render_letter(replace(formal_notice("en"), window="left"))
    left, top = place_of(pdf, "Ateliers Dupré SARL")
    assert 20 <= left <= 25
    assert 50 <= top <= 55
    assert place_of(pdf, "REGISTERED LETTER")[0] > 110
    assert [window_side(country) for country in ("FR", "BE", "de", "GB", "")] == ["right", "right", "left", "left", "right"]


def test_the_qr_code_reads_back_from_the_printed_page(notice):
    found = []
    for page in pypdfium2.PdfDocument(notice):
        found += [code.text for code in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
    assert found == [PAYLOAD]


def test_it_is_pdf_a3_in_the_letters_language_with_embedded_fonts(notice):
    reader = pypdf.PdfReader(BytesIO(notice))
    root = reader.trailer["/Root"]
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="3"' in metadata
    assert 'pdfaid:conformance="B"' in metadata
    assert root["/Lang"] == "fr"
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert reader.metadata.title.startswith("Mise en demeure de payer")
    for page in reader.pages:
        assert (round(float(page.mediabox.width) / MM), round(float(page.mediabox.height) / MM)) == (210, 297)
        for font in page["/Resources"]["/Font"].values():
            descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor


def test_the_same_letter_gives_the_same_bytes(notice):
    assert render_letter(formal_notice()) == notice


def test_every_page_is_numbered(notice):
    pages = pypdfium2.PdfDocument(notice)
    assert len(pages) == 3
    for number, page in enumerate(pages, start=1):
        assert f"{number} / 3" in page.get_textpage().get_text_range()


def test_twenty_five_invoices_repeat_the_heads_and_keep_the_total():
    pdf = render_letter(formal_notice(invoices=25, name="Établissements Réunis de Menuiserie et Charpente du Sud-Est"))
    words = words_of(pdf).replace("\u00a0", " ")
    assert words.count("Principal Pénalités") == 2
    assert "FA-2026-00066" in words
    assert "Total 1 235 000,00 €" in words


def test_an_ordinary_letter_has_no_registered_mention_and_no_annex():
    pdf = render_letter(replace(formal_notice(), registered=None, annex=None, references=(), enclosures=(), signatory_title=""))
    words = words_of(pdf)
    for absent in ("RECOMMANDÉE", "Annexe 1 —", "P.J.", "Votre compte"):
        assert absent not in words


def test_a_registered_letter_whose_number_is_not_known_yet():
    html = letter_html(replace(formal_notice(), registered=""))
    assert "LETTRE RECOMMANDÉE<br>AVEC AVIS DE RÉCEPTION</div>" in html


def test_every_value_is_escaped():
    hostile = '<img src="http://127.0.0.1/x"><script>'
    html = letter_html(
        replace(
            formal_notice(), recipient=[hostile], subject=hostile, place_date=hostile, references=[(hostile, hostile)], enclosures=[hostile]
        )
    )
    assert "<script" not in html
    assert 'src="http' not in html
    table = letter_table(
        InvoiceTable("fr", [TableSection(SectionKind.OVERDUE, [TableRow(hostile, po=hostile, note=hostile, outstanding="1 €")])])
    )
    assert "<img" not in table.html
    assert "<img" not in letter_chronology([ChronologyRow(hostile, hostile, hostile, hostile)], "fr").html
    assert "<img" not in letter_bank(BankDetails("fr", hostile, hostile)).html


def test_an_address_that_does_not_fit_the_window_is_refused():
    with pytest.raises(LetterError, match="8 lines"):
        render_letter(replace(formal_notice(), recipient=["x"] * 8))
    with pytest.raises(LetterError, match="0 lines"):
        render_letter(replace(formal_notice(), recipient=[]))


def test_a_letter_of_too_many_pages_is_refused():
    with pytest.raises(LetterTooLong) as error:
        render_letter(replace(formal_notice(), body_html='<p style="break-after: page">Bonjour</p>' * 31))
    assert error.value.limit == 30
    assert error.value.pages > 30


# --- nothing is fetched ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        '<img src="{url}/image.png">',
        '<link rel="stylesheet" href="{url}/style.css">',
        "<style>@import url({url}/style.css);</style>",
        "<style>@font-face {{ font-family: x; src: url({url}/font.ttf) }} p {{ font-family: x }}</style><p>x</p>",
        '<p style="background: url({url}/image.png)">x</p>',
        '<link rel="attachment" href="{url}/file.txt">',
        '<object data="{url}/image.svg"></object>',
        '<img src="file:///etc/passwd">',
        '<link rel="attachment" href="file:///etc/passwd">',
        "<img src=\"data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}/i.png' height='9'/></svg>\">",
    ],
)
def test_the_press_fetches_nothing(html, press):
    """Reliability D3: whatever the HTML asks for, no connection reaches a listening server and no file is read."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    visitors = []

    def listen():
        with suppress(TimeoutError):
            visitors.append(server.accept())

    listener = Thread(target=listen)
    listener.start()
    try:
        pdf = press.run(RENDER, [html.format(url=f"http://127.0.0.1:{server.getsockname()[1]}").encode(), b""])
    except PressError as error:
        assert error.code == "refused_address"
    else:
        assert b"root:" not in pdf
        assert not pypdf.PdfReader(BytesIO(pdf)).attachments
    listener.join()
    server.close()
    assert visitors == []


def test_the_press_survives_what_stops_it(press):
    with pytest.raises(PressError) as error:
        press.run(RENDER, [b"<p>x</p>" * 20_000, b""], deadline_seconds=0.2)
    assert error.value.code == "stopped"
    assert press.run(RENDER, [b"<p>x</p>", b""]).startswith(b"%PDF")


def test_a_press_without_work_goes_and_comes_back():
    press = Press(idle_seconds=1.0)
    try:
        assert press.run(RENDER, [b"<p>x</p>", b""]).startswith(b"%PDF")
        child = press._child
        assert child.wait(timeout=20) == 0
        assert press.run(RENDER, [b"<p>y</p>", b""]).startswith(b"%PDF")
    finally:
        press.close()


def test_the_press_is_apart_and_knows_none_of_our_secrets(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    press = Press()
    try:
        answer = press.run(PROBE, [])
        child = press._child
        assert child is not None
        own, childs = (Path(f"/proc/{pid}/ns/net").readlink() for pid in ("self", child.pid))
        assert answer == (b"isolated" if own != childs else b"open")
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    finally:
        press.close()
    assert b"secret" not in environment
    assert child.poll() is not None


# --- the print file --------------------------------------------------------------------------------------------------------------------


def copy_of(width=595.276, height=841.89, pages=1, rotate=0, words="COPIE", password=""):
    from weasyprint import HTML

    size = f"{width}pt {height}pt"
    source = HTML(
        string=f"<style>@page {{ size: {size}; margin: 30pt }} p {{ break-after: page }}</style>" + f"<p>{words}</p>" * pages
    ).write_pdf()
    writer = pypdf.PdfWriter(clone_from=BytesIO(source))
    while len(writer.pages) > pages:
        writer.remove_page(len(writer.pages) - 1)
    for page in writer.pages:
        page.rotate(rotate)
    if password:
        writer.encrypt(password)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def test_the_copies_follow_the_letter_on_a4(notice):
    copies = [
        InvoiceCopy("FA-1", copy_of(words="PREMIERE")),
        InvoiceCopy("FA-2", copy_of(612, 792, words="LETTER")),
        InvoiceCopy("FA-3", copy_of(841.89, 595.276, words="PAYSAGE")),
        InvoiceCopy("FA-4", copy_of(595.276, 841.89, rotate=90, words="TOURNEE")),
        InvoiceCopy("FA-5", copy_of(1190.55, 1683.78, words="GRANDE")),
    ]
    bound = merge_print_file(notice, copies)
    pages = pypdfium2.PdfDocument(bound)
    assert len(pages) == 3 + 5
    for page, words in zip(list(pages)[3:], ["PREMIERE", "LETTER", "PAYSAGE", "TOURNEE", "GRANDE"], strict=True):
        assert [round(side / MM) for side in page.get_size()] == [210, 297]
        text = page.get_textpage()
        assert words in text.get_text_range()
        left, bottom, right, top = text.get_charbox(0)
        assert 0 <= left < right <= page.get_width()
        assert 0 <= bottom < top <= page.get_height()
    assert b"pdfaid" not in bound
    assert "/OutputIntents" not in pypdf.PdfReader(BytesIO(bound)).trailer["/Root"]


def test_a_copy_that_cannot_be_read_is_named_and_nothing_is_bound(notice):
    good = InvoiceCopy("FA-1", copy_of())
    for broken in (b"", b"not a PDF", copy_of()[:400], b"%PDF-1.7\n%%EOF"):
        with pytest.raises(UnreadableCopy) as error:
            merge_print_file(notice, [good, InvoiceCopy("Facture-FA-2026-00042.pdf", broken)])
        assert (error.value.name, error.value.encrypted) == ("Facture-FA-2026-00042.pdf", False)
    with pytest.raises(UnreadableCopy) as error:
        merge_print_file(notice, [InvoiceCopy("FA-2", copy_of(password="x")), good])
    assert (error.value.name, error.value.encrypted) == ("FA-2", True)


def test_ten_pages_of_copies_at_most(notice):
    assert len(pypdfium2.PdfDocument(merge_print_file(notice, [InvoiceCopy("FA-1", copy_of(pages=10))]))) == 13
    with pytest.raises(LetterTooLong) as error:
        merge_print_file(notice, [InvoiceCopy("FA-1", copy_of(pages=6)), InvoiceCopy("FA-2", copy_of(pages=5))])
    assert (error.value.pages, error.value.limit) == (11, 10)


def test_split_totals_do_not_repeat_in_a_single_section():
    row = TableRow("FA-1", "01/09/26", "01/10/26", "10,00 €", "10,00 €", "8 j")
    plain = letter_table(InvoiceTable("fr", [TableSection(SectionKind.OVERDUE, [row], "10,00 €")], "10,00 €")).html
    assert plain.count("10,00 €") == 2  # the balance and the total; the amount repeats the balance and is left out
    assert "Total à régler" in plain


def test_a_table_that_ends_in_the_balance_keeps_in_it_what_is_for_information():
    rows = [TableRow(number, "01/09/26", "01/10/26", "10,00 €", "10,00 €") for number in ("FA-1", "FA-2")]
    sections = [
        TableSection(SectionKind.COMING_DUE, rows[:1], "10,00 €"),
        TableSection(SectionKind.INFORMATION, rows[1:], "10,00 €"),
    ]
    html = letter_table(InvoiceTable("fr", sections, "20,00 €", balance=True)).html
    assert html.count("<table") == 1
    assert html.index("Pour information") < html.index("Solde du compte") < html.index("20,00 €")
    assert "Total à régler" not in html
