"""Text messages: the GSM-7 alphabet, how many parts a text takes, and how to keep it in that alphabet.

One character outside GSM 03.38 turns the whole message into UCS-2 and more than doubles its price; French has many
(lower-case ç ê â ô î û œ, the curly apostrophe, guillemets, no-break spaces).
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

GSM7_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Sent as two septets: an escape, then the character."""

_TYPOGRAPHY: Final = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u200b": "",
        "\ufeff": "",
        "\u00ad": "",
        "\t": " ",
        "’": "'",
        "‘": "'",
        "‚": "'",
        "ʼ": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
        "−": "-",
        "…": "...",
        "•": "-",
        "·": "-",
        "°": "o",
    }
)
_LETTERS: Final = {
    "œ": "oe", "Œ": "OE", "ç": "c", "ø": "ø", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ð": "d", "þ": "th", "Þ": "Th", "ĳ": "ij",
    "ẞ": "SS", "²": "2", "³": "3", "¹": "1", "½": "1/2", "×": "x", "©": "(c)", "®": "(R)", "™": "(TM)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SmsCount:
    """What a text costs: `units` are septets in GSM-7, UTF-16 code units in UCS-2; `parts` are what the operator bills."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    parts: int


def sms_parts(text: str) -> SmsCount:
    """Count `text` as it stands. A single message holds 160 septets or 70 UTF-16 units; parts of a longer one 153 or 67.

    An escaped pair or a surrogate pair is never cut in two, so a part may end one unit short.
    """
    basic = sum(character in GSM7_BASIC for character in text)
    extended = sum(character in GSM7_EXTENSION for character in text)
    if basic + extended == len(text):
        units = basic + 2 * extended
        if units <= 160:
            return SmsCount("GSM-7", units, 1)
        return SmsCount("GSM-7", units, _cut([2 if character in GSM7_EXTENSION else 1 for character in text], 153))
    sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    if sum(sizes) <= 70:
        return SmsCount("UCS-2", sum(sizes), 1)
    return SmsCount("UCS-2", sum(sizes), _cut(sizes, 67))


def _cut(sizes: list[int], room: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts


def normalise_sms(text: str) -> str:
    """The same words in plain typography: straight quotes, simple spaces and dashes. Letters are left alone; loses nothing to a reader."""
    text = unicodedata.normalize("NFC", text)
    text = text.replace("«\u00a0", "«").replace("\u00a0»", "»").replace("«\u202f", "«").replace("\u202f»", "»")
    text = text.replace("« ", "«").replace(" »", "»").replace("«", '"').replace("»", '"')
    return text.replace("n°\u00a0", "n° ").translate(_TYPOGRAPHY)


def outside_gsm7(text: str) -> dict[str, str]:
    """Each character that turns the message into UCS-2, with the substitution proposed ("" when there is none, as for Greek or emoji)."""
    found = dict.fromkeys(character for character in text if character not in GSM7_BASIC and character not in GSM7_EXTENSION)
    return {character: _substitute(character) for character in found}


def _substitute(character: str) -> str:
    plain = normalise_sms(character)
    if plain != character:
        return plain
    if character in _LETTERS:
        return _LETTERS[character]
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base in GSM7_BASIC and base.isalnum() and base != character else ""


def fit_gsm7(text: str) -> str:
    """`normalise_sms`, then every letter with a proposal replaced by it: `reçu` becomes `recu`, `Benoît` becomes `Benoit`.

    What has no proposal stays, and the message is then counted and sent in UCS-2.
    """
    text = normalise_sms(text)
    for character, proposal in outside_gsm7(text).items():
        if proposal:
            text = text.replace(character, proposal)
    return text
