"""Creditor references of ISO 11649 ("RF…"): what a debtor copies into a transfer so that the payment finds its invoice by itself.

Pure. `RF`, two check digits, then 1 to 21 letters A-Z or digits (docs/domain.md, "Payment references").
"""

import re
from typing import Final

LONGEST_CORE = 21
_SEPARATORS = re.compile(r"[\s\-/._+]+")
_CORE = re.compile(r"[A-Z0-9]{1,21}")
_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
# In a transfer's text: in one piece, or printed in groups of four (the last one shorter).
_IN_TEXT = re.compile(r"(?<![A-Z0-9])RF[0-9]{2}(?:[A-Z0-9]{1,21}|(?: [A-Z0-9]{4}){0,5}(?: [A-Z0-9]{1,4})?)(?![A-Z0-9])")


def _remainder(text: str) -> int:
    """`text` as a number with A = 10 … Z = 35, modulo 97 (ISO 7064)."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def core_of(number: str) -> str:
    """An invoice number as the body of a reference: capitals, without spaces, "-", "/", ".", "_", "+". FA-2026-00042 → FA202600042.

    Raises ValueError when it is empty, longer than 21 or holds anything else (an accent, "°"): two numbers must not become one reference by
    losing characters a person sees.
    """
    core = _SEPARATORS.sub("", number).upper()
    if not _CORE.fullmatch(core):
        raise ValueError(f"“{number[:40]}” cannot become a payment reference: 1 to {LONGEST_CORE} letters A-Z and digits.")
    return core


def creditor_reference(number: str) -> str:
    """The RF reference of an invoice number: FA-2026-00042 → RF39FA202600042. Raises ValueError, see `core_of`."""
    core = core_of(number)
    return f"RF{98 - _remainder(core + 'RF00'):02d}{core}"


def reference_for(number: str) -> str:
    """The RF reference of an invoice's or a customer's number, or "" for a number that cannot become one."""
    try:
        return creditor_reference(number)
    except ValueError:
        return ""


def normalise_reference(text: str) -> str:
    """A reference as typed or printed, in electronic form: "rf39 fa20 2600 042" → RF39FA202600042. Raises ValueError when not valid."""
    compact = re.sub(r"\s+", "", text).upper()
    if not is_valid_reference(compact):
        raise ValueError(f"“{text.strip()[:40]}” is not a creditor reference (RF, two check digits, up to 21 letters or digits).")
    return compact


def is_valid_reference(reference: str) -> bool:
    """Whether `reference`, in electronic form, is well shaped and its check digits are right."""
    return bool(_REFERENCE.fullmatch(reference)) and _remainder(reference[4:] + reference[:4]) == 1


def printed_reference(reference: str) -> str:
    """The form for people, in groups of four: RF39 FA20 2600 042."""
    return " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))


def find_references(text: str) -> tuple[str, ...]:
    """Every valid reference in a transfer's text, once each, longest reading first.

    "RF39 FA20 2600 042 MERCI" holds one. When a printed reference is followed by a short word, both readings are tried and only those with
    right check digits are given; the caller keeps the one he issued.
    """
    found: list[str] = []
    for match in _IN_TEXT.finditer(re.sub(r"\s+", " ", text.upper())):
        groups = match[0].split(" ")
        for count in range(len(groups), 0, -1):
            candidate = "".join(groups[:count])
            if is_valid_reference(candidate) and candidate not in found:
                found.append(candidate)
    return tuple(found)


ENTERED_BY_HAND: Final = "entry-"
"""Begins the external reference of a receipt that came without one."""


def credit_label(external_reference: str) -> str:
    """A receipt's reference as its payer knows it: nothing for one that was entered by hand, whose reference is ours alone."""
    return "" if external_reference.startswith(ENTERED_BY_HAND) else external_reference
