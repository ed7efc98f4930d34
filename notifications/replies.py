"""Reading what people and their programs write back: who wrote it, until when somebody is away, and what is new in it. Pure."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from notifications.enums import ReplyKind

_AUTOMATIC_SENDER: Final = re.compile(r"^(mailer-daemon|postmaster|bounces?)\b", re.I)
_AUTOMATIC_SUBJECT: Final = re.compile(
    r"\b(r[ée]ponse automatique|automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|absence du bureau|"
    r"message d'absence|(?:je suis |actuellement )absente?\b|absente? (?:du|jusqu|pour)|on (?:vacation|leave))",
    re.I,
)
_ABSENCE: Final = re.compile(
    r"\b(absente?s?\b|absence|en cong[ée]s?|vacances|de retour|reprendrai|out of (?:the )?office|on (?:vacation|leave|holiday)|"
    r"away (?:from|until)|back (?:on|in|at)|return(?:ing)? (?:on|to))",
    re.I,
)
_NEVER_HUMAN: Final = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-suppress", "list-id", "feedback-id")

_STOPS: Final = frozenset({"STOP", "STOP SMS", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "ARRET", "ARRÊT"})


def asks_to_stop(text: str) -> bool:
    """Whether a text message is nothing but one of the words that networks take for "no more of these", however it is written."""
    return " ".join(re.findall(r"\w+", text.upper())) in _STOPS


def classify(*, headers: Mapping[str, str], sender: str, subject: str, text: str) -> ReplyKind:
    """Whether a person or a program wrote. `headers` have lower-case names; in doubt it was a person, whose words are never lost."""
    if headers.get("x-stop"):
        return ReplyKind.STOP
    report = headers.get("content-type", "").lower().startswith("multipart/report")
    if _AUTOMATIC_SENDER.match(sender) or report or "x-failed-recipients" in headers:
        return ReplyKind.BOUNCE
    says_so = bool(_AUTOMATIC_SUBJECT.search(_plain(subject)))
    if not (_is_automatic(headers) or says_so):
        return ReplyKind.HUMAN
    return ReplyKind.ABSENCE if says_so or _ABSENCE.search(_plain(f"{subject}\n{said_in(text)[:3000]}")) else ReplyKind.AUTOMATIC


def _is_automatic(headers: Mapping[str, str]) -> bool:
    submitted = headers.get("auto-submitted", "no").split(";")[0].strip().lower()
    return (
        submitted not in ("no", "")
        or headers.get("return-path", "-").strip() in ("<>", "")
        or headers.get("precedence", "").strip().lower() in ("bulk", "junk", "list", "auto_reply")
        or any(name in headers for name in _NEVER_HUMAN)
    )


# --- absences ---------------------------------------------------------------------------------------------------------------------------

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv january jan",
            "février fevrier févr fevr february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "août aout august aug",
            "septembre sept september sep",
            "octobre oct october",
            "novembre nov november",
            "décembre decembre déc dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY: Final = (
    rf"(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"|(?P<figures>\d{{1,2}}[/.]\d{{1,2}}(?:[/.]\d{{2,4}})?)"
    rf"|(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?,?(?:\s+(?P<year>\d{{4}}))?"
    rf"|(?P<month2>{_MONTH})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b,?(?:\s+(?P<year2>\d{{4}}))?)"
)
_BETWEEN: Final = r"[\s,:]*(?:(?:le|au|the|on|from|du|inclus|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|" \
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun)\b[\s,.]*){0,4}"  # fmt: skip
_BACK: Final = re.compile(
    r"(?:de retour|retour(?: prévu)?(?: au bureau)?|reprendrai[^.\n]{0,40}?|reprise[^.\n]{0,20}?|"
    r"serai (?:de nouveau )?(?:joignable|disponible)|"
    r"back(?: in(?: the)? office| at work| at my desk)?|return(?:ing)?(?: to(?: the)? office| to work)?)"
    r"(?: (?:à partir du|a partir du|à compter du|dès le|as of))?" + _BETWEEN + _DAY,
    re.I,
)
_UNTIL: Final = re.compile(r"(?:jusqu'au|jusqu'à|until|till|through|\bau\b|\bto\b)" + _BETWEEN + _DAY, re.I)
_SUBSTITUTE: Final = re.compile(
    r"(?:en mon absence|pendant mon absence|durant mon absence|en cas d'urgence|in my absence|while i am away|for urgent matters|"
    r"in case of (?:an )?emergency)[^\n]{0,60}?"
    r"(?:contacter|joindre|adresser à|écrire à|contact|reach|write to|email)\s+(?P<who>[^\n]{2,200})"
    r"|(?:veuillez|merci de|vous pouvez|please) (?:contacter|joindre|vous adresser à|contact)\s+(?P<who2>[^\n]{2,200})",
    re.I,
)
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
LONGEST_ABSENCE: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Absence:
    """What an absence reply says: the day of return (or the last day away, when it names that), and who stands in, in its own words."""

    until: date | None = None
    substitute: str = ""
    substitute_addresses: tuple[str, ...] = ()


def read_absence(*, subject: str, text: str, today: date) -> Absence:
    """The return date and the substitute of an absence reply received on `today`, as far as they can be read with certainty."""
    new = _plain(f"{subject}\n{said_in(text)}")[:5000]
    until = _latest(_BACK, new, today) or _latest(_UNTIL, new, today)
    found = _SUBSTITUTE.search(new)
    who = " ".join(((found["who"] or found["who2"]) if found else "").split())
    return Absence(until, who[:200], tuple(address.lower().rstrip(".") for address in _ADDRESS.findall(who)))


def _latest(pattern: re.Pattern[str], text: str, today: date) -> date | None:
    days = [day for found in pattern.finditer(text) if (day := _day(found, today)) is not None and today <= day <= today + LONGEST_ABSENCE]
    return max(days, default=None)


def _day(found: re.Match[str], today: date) -> date | None:
    try:
        if found["iso"]:
            return date.fromisoformat(found["iso"])
        if found["figures"]:
            first, second, *rest = (int(part) for part in re.split(r"[/.]", found["figures"]))
            day, month = (second, first) if second > 12 >= first else (first, second)
            return _in_year(day, month, (rest[0] + 2000 if rest[0] < 100 else rest[0]) if rest else None, today)
        written, name, year = (found[f"{part}{'' if found['day'] else '2'}"] for part in ("day", "month", "year"))
        return _in_year(int(written), _MONTHS[name.lower()], int(year) if year else None, today)
    except ValueError:
        return None


def _in_year(day: int, month: int, year: int | None, today: date) -> date:
    """Without a year, the next such day; one that passed days ago is not next year's."""
    if year is not None:
        return date(year, month, day)
    this_year = date(today.year, month, day)
    return date(today.year + 1, month, day) if this_year < today - timedelta(days=60) else this_year


# --- what is new in a reply -------------------------------------------------------------------------------------------------------------

_HISTORY: Final = re.compile(
    r"^[ \t]*(?:"
    r"(?:le|on)\s[^\n]{0,60}\d[^\n]{0,120}(?:\n[^\n]{0,80})?(?:a écrit|wrote)\s*:"
    r"|-{2,}\s*(?:message d'origine|original message|message transféré|forwarded message)\s*-{2,}"
    r"|_{10,}\s*$"
    r"|(?:de|from)\s*:.{1,200}\n[ \t]*(?:envoyé|sent|date|à|to)\s*:"
    r"|>"
    r")",
    re.I | re.M | re.S,
)
_SIGNATURE: Final = re.compile(r"^(?:-- ?$|(?:envoyé de(?:puis)? mon|sent from my|télécharger outlook|get outlook)\b)", re.I | re.M)


def said_in(text: str) -> str:
    """What is new in a reply: without the quoted history and the signature; everything when nothing would be left."""
    plain = _plain(text)
    found = _HISTORY.search(plain)
    new = plain[: found.start()] if found else plain
    mark = _SIGNATURE.search(new)
    new = (new[: mark.start()] if mark else new).strip()
    return re.sub(r"\n{3,}", "\n\n", new) or plain.strip()


def _plain(text: str) -> str:
    """One kind of apostrophe, space and line end."""
    return text.replace("\r\n", "\n").replace("’", "'").replace("\xa0", " ").replace("\u202f", " ")


_BREAKS: Final = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNSEEN: Final = frozenset({"style", "script", "head", "title", "blockquote"})


def text_of(content: str) -> str:
    """The words of an HTML message, without what it quotes; nothing of its markup is kept. Linear, whatever is thrown at it."""
    words: list[str] = []
    hidden: list[str] = []
    for position, piece in enumerate(content.split("<")):
        tag, closed, text = piece.partition(">") if position else ("", "", piece)
        if position and not closed:
            tag, text = "", ""
        name = tag.strip("/ \t\n").split(" ", 1)[0].split("\n", 1)[0].lower()
        if "gmail_quote" in tag and words:
            break
        if tag.startswith("/") and hidden and name == hidden[-1]:
            hidden.pop()
        elif name in _UNSEEN and not tag.endswith("/") and not tag.startswith("/"):
            hidden.append(name)
        if not hidden:
            words += ["\n", text] if name in _BREAKS else [text]
    lines = (" ".join(line.split()) for line in html.unescape("".join(words)).replace("\x00", "").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
