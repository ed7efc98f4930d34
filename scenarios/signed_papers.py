"""What a debtor signed on a screen, printed: the very words that were shown, who accepted them, when and from where, under their SHA-256.
What was agreed otherwise, by telephone say, is printed with room to sign.

Words are plain lines: a blank line starts a paragraph, "- " an entry of a list, "§ " a heading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from customers.models import Customer
from dunning.core.models import OrganizationProfile
from dunning.core.money import format_date
from notifications.letters import LetterContent, Sender, render_letter, window_side
from notifications.press import Press
from scenarios.wording import legal_mention

HEADING = "§ "
ENTRY = "- "


@dataclass(frozen=True, slots=True)
class Signing:
    """Who accepted which words, when, and from where. `sha256` is of the words; not `online`: they are still to be signed, by hand."""

    text: str
    sha256: str
    language: str
    name: str
    at: datetime
    address: str = ""
    online: bool = True


def paragraphs(text: str) -> list[tuple[str, list[str]]]:
    """The words in pieces: ("heading" | "list" | "paragraph", its lines). Screens and paper lay out the same ones."""
    pieces: list[tuple[str, list[str]]] = []
    for block in text.strip().split("\n\n"):
        for line in block.split("\n"):
            if line.startswith(HEADING):
                pieces.append(("heading", [line[len(HEADING) :]]))
            elif line.startswith(ENTRY) and pieces and pieces[-1][0] == "list":
                pieces[-1][1].append(line[len(ENTRY) :])
            elif line.startswith(ENTRY):
                pieces.append(("list", [line[len(ENTRY) :]]))
            else:
                pieces.append(("paragraph", [line]))
    return pieces


def accepted_words(signing: Signing, *, zone: ZoneInfo, customer: str) -> list[str]:
    """What stands under the words: the acceptance, and how to check that they are these."""
    local = signing.at.astimezone(zone)
    day, hour = format_date(local.date(), signing.language), f"{local:%H:%M} ({local:%Z})"
    if not signing.online and signing.language == "fr":
        return [
            f"Convenu avec {signing.name}, pour {customer}, le {day}. Merci de nous retourner cet accord signé.",
            "Nom, qualité, date, mention « bon pour accord » et signature :",
        ]
    if not signing.online:
        return [
            f"Agreed with {signing.name}, for {customer}, on {day}. Please return this agreement signed.",
            "Name, capacity, date, the words “read and approved” and signature:",
        ]
    if signing.language == "fr":
        place = f", depuis l’adresse {signing.address}" if signing.address else ""
        return [
            f"Accepté en ligne par {signing.name}, pour {customer}, le {day} à {hour}{place}.",
            f"Empreinte SHA-256 du texte accepté\u00a0: {signing.sha256}",
        ]
    place = f", from the address {signing.address}" if signing.address else ""
    return [
        f"Accepted online by {signing.name}, for {customer}, on {day} at {hour}{place}.",
        f"SHA-256 of the accepted text: {signing.sha256}",
    ]


def print_signed(
    signing: Signing, *, title: str, profile: OrganizationProfile, customer: Customer, zone: ZoneInfo, press: Press | None = None
) -> bytes:
    """The signed words as a letter to the customer, PDF/A-3. Raises LetterError.

    Without `press` a press is started for this one paper: whoever asks for one is seldom who prints letters all day.
    """
    own_address = (profile.address_line1, profile.address_line2, f"{profile.postal_code} {profile.city}".strip())
    content = LetterContent(
        language=signing.language,
        sender=Sender(
            name=profile.legal_name,
            address=[line for line in own_address if line],
            legal=legal_mention(profile, signing.language),
            phone=profile.signatory_phone or profile.phone,
            email=profile.sender_email or profile.email,
        ),
        recipient=_address(customer),
        place_date=format_date(signing.at.astimezone(zone).date(), signing.language),
        subject=title,
        body_html=_html(signing, accepted_words(signing, zone=zone, customer=customer.name)),
        signatory_name=profile.signatory_name or profile.legal_name,
        signatory_title=_for_creditor(profile, signing.language),
        references=[("Votre compte" if signing.language == "fr" else "Your account", customer.number)],
        window=window_side(profile.country),
    )
    own = press or Press()
    try:
        return render_letter(content, press=own)
    finally:
        if press is None:
            own.close()


def _html(signing: Signing, accepted: Sequence[str]) -> str:
    pieces = []
    for kind, lines in paragraphs(signing.text):
        if kind == "list":
            pieces.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>")
        else:
            tag = "h2" if kind == "heading" else "p"
            pieces.append(f"<{tag}>{escape(lines[0])}</{tag}>")
    foot = "".join(f"<p>{escape(line)}</p>" for line in accepted)
    kind = "accepted" if signing.online else "accepted by-hand"
    return f'<div class="agreement">{"".join(pieces)}<div class="{kind}">{foot}</div></div>'


def _for_creditor(profile: OrganizationProfile, language: str) -> str:
    whom = f"{'pour' if language == 'fr' else 'for'} {profile.legal_name}"
    return ", ".join(part for part in (profile.signatory_title, whom) if part)


def _address(customer: Customer) -> list[str]:
    place = f"{customer.postal_code} {customer.city}".strip()
    lines = [customer.name, customer.address_line1, customer.address_line2, place]
    return [line for line in lines if line]
