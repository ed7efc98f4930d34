"""The QR code of a SEPA transfer (EPC069-12, "Quick Response Code: Guidelines to Enable the Data Capture for the Initiation of a SEPA
Credit Transfer", version 002): the payer's bank app reads beneficiary, IBAN, amount and reference (docs/domain.md, "Payment QR code").

Pure. Support by French apps is uneven: IBAN, reference and amount are always printed beside it.
"""

import re
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING

from stdnum import bic as bic_numbers
from stdnum import iban as iban_numbers

from invoices.references import is_valid_reference

if TYPE_CHECKING:
    import segno

LARGEST = Decimal("999999999.99")
LONGEST_PAYLOAD = 331
LARGEST_VERSION = 13
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _line(text: str, longest: int, what: str) -> str:
    """One line of the payload: white space joined, no control character (a line break would shift every later field)."""
    line = _CONTROL.sub("", " ".join(text.split()))
    if len(line) > longest:
        raise ValueError(f"The {what} has {len(line)} characters, at most {longest} fit in a payment QR code.")
    return line


def epc_payload(
    *,
    name: str,
    iban: str,
    amount: Decimal,
    currency: str = "EUR",
    reference: str = "",
    text: str = "",
    bic: str = "",
    purpose: str = "",
    information: str = "",
) -> str:
    """The payload to encode: up to 12 lines separated by LF, nothing after the last used one, UTF-8.

    `name` is the beneficiary's (longer than 70 characters it is cut), `reference` a valid RF reference, `text` a free remittance text of
    140 at most; never both. `bic` is optional in the EEA. Raises ValueError with the reason: another currency than EUR, an amount
    outside 0.01-999 999 999.99 or with more than two decimals, a wrong IBAN, BIC or reference, too long a payload.
    """
    if currency != "EUR":
        raise ValueError("A SEPA payment QR code exists in euros only.")
    if not amount.is_finite() or not Decimal("0.01") <= amount <= LARGEST or amount != amount.quantize(Decimal("0.01")):
        raise ValueError(f"{amount} cannot be paid by QR code: between 0.01 and {LARGEST} euros, with two decimals.")
    if reference and text:
        raise ValueError("A payment QR code carries a structured reference or a text, not both.")
    if reference and not is_valid_reference(reference):
        raise ValueError(f"“{reference[:40]}” is not a valid creditor reference (RF…).")
    if not iban_numbers.is_valid(iban):
        raise ValueError("The IBAN is not valid.")
    if bic and not bic_numbers.is_valid(bic):
        raise ValueError("The BIC is not valid.")
    if purpose and not re.fullmatch(r"[A-Z]{1,4}", purpose):
        raise ValueError("A purpose code has at most four capital letters.")
    beneficiary = _line(name[:200], 200, "name")[:70].strip()
    if not beneficiary:
        raise ValueError("The beneficiary's name is missing.")
    lines = [
        "BCD",
        "002",
        "1",
        "SCT",
        bic_numbers.compact(bic) if bic else "",
        beneficiary,
        iban_numbers.compact(iban),
        f"EUR{amount:.2f}",
        purpose,
        reference,
        _line(text, 140, "text"),
        _line(information, 70, "information"),
    ]
    payload = "\n".join(lines).rstrip("\n")
    size = len(payload.encode())
    if size > LONGEST_PAYLOAD:
        raise ValueError(f"The payment QR code would hold {size} bytes, at most {LONGEST_PAYLOAD} are allowed.")
    return payload


def epc_code(payload: str) -> "segno.QRCode":
    """The QR code of a payload: error correction M, not raised, at most version 13, as the guidelines ask."""
    import segno  # 4 MB that only a process which prints a code needs

    code = segno.make_qr(payload, error="m", boost_error=False, mode="byte", encoding="utf-8")
    if int(code.version) > LARGEST_VERSION:
        raise ValueError("The payload does not fit in a QR code of version 13.")
    return code


def epc_svg(payload: str, *, title: str = "") -> str:
    """The QR code as an inline SVG element without size: its container's style sets it (at least 20 mm to be read from paper).

    The quiet zone of four modules is part of the drawing; `title` is what a screen reader says.
    """
    out = BytesIO()
    epc_code(payload).save(
        out, kind="svg", border=4, xmldecl=False, svgns=True, omitsize=True, dark="#000", light="#fff", title=title or None, nl=False
    )
    return out.getvalue().decode()
