import io
import re
from decimal import Decimal

import pytest
import segno.helpers
import zxingcpp
from PIL import Image

from invoices.epc import epc_code, epc_payload, epc_svg

IBAN = "FR7630006000011234567890189"
EXAMPLE = f"BCD\n002\n1\nSCT\n\nAtelier Fictif SAS\n{IBAN}\nEUR1840.25\n\nRF39FA202600042"


def payload(**changed: object) -> str:
    given: dict[str, object] = {"name": "Atelier Fictif SAS", "iban": IBAN, "amount": Decimal("1840.25"), "reference": "RF39FA202600042"}
    return epc_payload(**{**given, **changed})  # type: ignore[arg-type]  # the tests give wrong values on purpose


def test_the_example() -> None:
    assert payload() == EXAMPLE
    assert len(EXAMPLE.encode()) == 89
    assert epc_code(EXAMPLE).version == 6
    assert epc_code(EXAMPLE).error == "M"


def test_an_independent_builder_makes_the_same_code() -> None:
    theirs = segno.helpers.make_epc_qr("Atelier Fictif SAS", IBAN, Decimal("1840.25"), reference="RF39FA202600042", encoding="utf-8")
    assert epc_code(payload()) == theirs


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE,
        payload(name="Menuiserie Éxemplaire & Fils", reference="", text="Factures FA-1, FA-2 : solde dû"),
        payload(bic="BNPAFRPP", purpose="GDDS", information="Merci"),
    ],
)
def test_a_camera_reads_the_payload_back(text: str) -> None:
    picture = io.BytesIO()
    epc_code(text).save(picture, kind="png", scale=6, border=4)
    found = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
    assert [one.text for one in found] == [text]


def test_every_line_has_its_place() -> None:
    full = payload(bic="BNPAFRPP", purpose="GDDS", reference="", text="Facture FA-2026-00042", information="Merci")
    assert full.split("\n") == [
        "BCD", "002", "1", "SCT", "BNPAFRPP", "Atelier Fictif SAS", IBAN, "EUR1840.25", "GDDS", "", "Facture FA-2026-00042", "Merci",
    ]  # fmt: skip
    assert payload(reference="").split("\n")[-1] == "EUR1840.25"


def test_typed_values_are_put_in_form() -> None:
    assert payload(iban="fr76 3000 6000 0112 3456 7890 189") == EXAMPLE
    assert payload(name="  Atelier\n Fictif\tSAS ") == EXAMPLE
    assert payload(amount=Decimal(5)).split("\n")[7] == "EUR5.00"
    assert payload(name="A" * 80).split("\n")[5] == "A" * 70


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"currency": "CHF"}, "euros only"),
        ({"amount": Decimal(0)}, "cannot be paid"),
        ({"amount": Decimal("-5")}, "cannot be paid"),
        ({"amount": Decimal("0.005")}, "cannot be paid"),
        ({"amount": Decimal("12.345")}, "cannot be paid"),
        ({"amount": Decimal(1000000000)}, "cannot be paid"),
        ({"amount": Decimal("NaN")}, "cannot be paid"),
        ({"text": "and a text"}, "not both"),
        ({"reference": "RF38FA202600042"}, "not a valid creditor reference"),
        ({"reference": "FA-2026-00042"}, "not a valid creditor reference"),
        ({"iban": "FR7630006000011234567890188"}, "IBAN"),
        ({"iban": ""}, "IBAN"),
        ({"bic": "BNP"}, "BIC"),
        ({"purpose": "TOOLONG"}, "purpose"),
        ({"name": "  "}, "name is missing"),
        ({"reference": "", "text": "x" * 141}, "141 characters"),
        ({"information": "x" * 71}, "71 characters"),
        ({"name": "é" * 70, "reference": "", "text": "é" * 140}, "at most 331"),
    ],
)
def test_what_a_bank_would_refuse_is_refused_here(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        payload(**changed)


def test_a_text_cannot_smuggle_a_line_in() -> None:
    assert payload(reference="", text="FA-1\nEUR0.01\nx").split("\n")[10:] == ["FA-1 EUR0.01 x"]


def test_the_drawing_scales_names_itself_and_keeps_its_quiet_zone() -> None:
    drawing = epc_svg(EXAMPLE, title="Payer 1 840,25 € <vite>")
    assert drawing.startswith("<svg ")
    assert 'viewBox="0 0 49 49"' in drawing  # 41 modules of version 6 and twice 4 of quiet zone
    assert re.search(r"<svg[^>]* (width|height)=", drawing) is None
    assert "<title>Payer 1 840,25 € &lt;vite&gt;</title>" in drawing
