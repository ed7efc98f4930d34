"""Words compared as people mean them: without case, accents, spaces or signs."""

import re
import unicodedata
from functools import lru_cache

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l"})


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Lower case, without accents, signs become one space: "N° Facture" → "n facture", "Œuvre d’été" → "oeuvre d ete"."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return _NOT_WORD.sub(
        " ", "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("°", " ").replace("º", " ")
    ).strip()


def compact(text: str) -> str:
    """`folded` without the spaces: "Due date", "dueDate" and "DUE_DATE" are all "duedate"."""
    return folded(text).replace(" ", "")
