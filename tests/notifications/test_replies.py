"""Telling people from programs, reading absences in both languages, and what is new in a reply."""

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.enums import ReplyKind
from notifications.providers import mail
from notifications.replies import classify, read_absence, said_in, text_of

TODAY = date(2026, 8, 3)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("Je suis absent jusqu'au 15 août.", date(2026, 8, 15)),
        ("Je suis absente jusqu’au 15 août 2026 inclus.", date(2026, 8, 15)),
        ("Actuellement en congés du 3 au 21 août, je serai de retour le lundi 24 août.", date(2026, 8, 24)),
        ("De retour le 1er septembre", date(2026, 9, 1)),
        ("Absent du 03/08 au 14/08/2026", date(2026, 8, 14)),
        ("Absence du bureau jusqu'au 15.08.26", date(2026, 8, 15)),
        ("Je reprendrai mon poste le mardi 25 août", date(2026, 8, 25)),
        ("Retour prévu le 17/08", date(2026, 8, 17)),
        ("I am out of the office until 15 August.", date(2026, 8, 15)),
        ("I will be back on Monday, August 17th, 2026.", date(2026, 8, 17)),
        ("Out of office until 2026-08-15", date(2026, 8, 15)),
        ("I will return to the office on Aug 18", date(2026, 8, 18)),
        ("on leave from 3 August through 14 August, back in the office on 17 August", date(2026, 8, 17)),
        ("Je suis absent jusqu'au 10 janvier.", date(2027, 1, 10)),
        ("Je suis absent.", None),
        ("Absent jusqu'au 31/02/2026", None),
        ("De retour le 15 août 2031", None),  # a year is the longest that is believed
        ("Absent jusqu'au 12 juillet", None),  # it has passed
    ],
)
def test_the_return_date_of_an_absence(text: str, until: date | None) -> None:
    assert read_absence(subject="Réponse automatique", text=text, today=TODAY).until == until


def test_the_substitute_is_read_in_its_own_words_with_its_address() -> None:
    french = read_absence(
        subject="", text="Absent.\nEn mon absence, merci de contacter Marie Petit (Marie.Petit@client.example).", today=TODAY
    )
    assert french.substitute.startswith("Marie Petit") and french.substitute_addresses == ("marie.petit@client.example",)
    english = read_absence(subject="", text="For urgent matters, please contact Paul at paul@client.example", today=TODAY)
    assert english.substitute_addresses == ("paul@client.example",)


@pytest.mark.parametrize(
    ("headers", "sender", "subject", "text", "kind"),
    [
        ({}, "a@b.example", "Re: Facture", "C'est payé.", ReplyKind.HUMAN),
        ({"auto-submitted": "no"}, "a@b.example", "Re: Facture", "Oui", ReplyKind.HUMAN),
        ({}, "a@b.example", "Re: Facture", "Je suis absent demain, appelez-moi lundi.", ReplyKind.HUMAN),
        ({"auto-submitted": "auto-replied"}, "a@b.example", "Facture", "Merci de votre message.", ReplyKind.AUTOMATIC),
        ({"auto-submitted": "auto-replied"}, "a@b.example", "Facture", "Absente jusqu'au 15 août", ReplyKind.ABSENCE),
        ({}, "a@b.example", "Réponse automatique : Facture FA-1", "De retour le 17", ReplyKind.ABSENCE),
        ({}, "a@b.example", "Automatic reply: Invoice", "Thanks", ReplyKind.ABSENCE),
        ({"return-path": "<>"}, "a@b.example", "x", "y", ReplyKind.AUTOMATIC),
        ({}, "MAILER-DAEMON@mx.example", "Undelivered", "550", ReplyKind.BOUNCE),
        ({"content-type": "multipart/report; report-type=disposition-notification"}, "a@b.example", "Lu", "", ReplyKind.BOUNCE),
        ({"x-stop": "yes"}, "+33612345678", "", "STOP", ReplyKind.STOP),
    ],
)
def test_who_wrote(headers: dict[str, str], sender: str, subject: str, text: str, kind: ReplyKind) -> None:
    assert classify(headers=headers, sender=sender, subject=subject, text=text) == kind


@pytest.mark.parametrize(
    "history",
    [
        "Le 2 octobre 2026 à 09:05, Claire Martin <compta@atelier.example> a écrit :\n> Facture",
        "Le ven. 2 oct. 2026 à 09:05, Claire Martin <compta@atelier.example>\na écrit :\n> Facture",
        "On Fri, 2 Oct 2026 at 09:05, Claire Martin wrote:\n> Invoice",
        "-----Message d'origine-----\nDe : Claire",
        "-----Original Message-----\nFrom: Claire",
        "De : Claire Martin\nEnvoyé : vendredi 2 octobre\nObjet : Facture",
        "From: Claire Martin\nSent: Friday\nSubject: Invoice",
        "________________________________\nDe : Claire",
        "> Facture FA-1",
        "-- \nPaul Durand\n01 99 00 12 34",
        "Envoyé de mon iPhone",
        "Sent from my iPad",
    ],
)
def test_what_is_new_ends_where_history_or_signature_begins(history: str) -> None:
    assert said_in(
        f"Le virement de 1 200 € est parti hier.\n\nPaul\n\n{history}\n"
    ) == "Le virement de 1 200 € est parti hier.\n\nPaul".replace("\xa0", " ")


def test_a_reply_that_is_all_history_is_shown_whole() -> None:
    assert said_in("> Facture FA-1\n> Merci") == "> Facture FA-1\n> Merci"


def test_html_is_read_as_words_and_never_kept() -> None:
    content = (
        "<html><head><style>p{}</style><title>x</title></head><body><p>Bonjour&nbsp;Claire,</p><p>Pay&eacute;.<br>Paul</p>"
        '<script>alert(1)</script><div class="gmail_quote">Le 2 octobre</div></body></html>'
    )
    assert text_of(content) == "Bonjour Claire,\n\nPayé.\nPaul"


@pytest.mark.parametrize("piece", ["<", "<style", "<!--", "\n", "> ", "de:a\n", "le 1 ", "<blockquote>", "&", "jusqu'au ", "a" * 50 + "@"])
def test_hostile_text_is_read_in_time(piece: str) -> None:
    content = (piece * 200_000)[:200_000]
    start = time.process_time()
    text_of(content)
    said_in(content)
    read_absence(subject=content[:300], text=content, today=TODAY)
    classify(headers={}, sender=content[:254], subject=content[:300], text=content)
    assert time.process_time() - start < 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_read_as_some_message(content: bytes) -> None:
    (came,) = mail.read(mail.parse(content))
    assert "\n" not in came.subject  # type: ignore[union-attr]  # no bytes make a report without our id


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=80))
def test_any_headers_are_read(subject: str, text: str, sender: str) -> None:
    lines = f"From: {sender}\nSubject: {subject}\nDate: {sender}\nIn-Reply-To: {subject}\nContent-Type: {text}\n\n{text}".encode(
        "utf-8", "replace"
    )
    for came in mail.read(mail.parse(lines)):
        assert came is not None
