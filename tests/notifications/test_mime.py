"""An e-mail on the wire: what we write ourselves is, byte for byte, what the standard library would write."""

import re
from email import message_from_bytes, policy
from typing import Any

import pytest

from dunning.core.tokens import new_id
from notifications.providers import mime
from notifications.providers.base import Envelope, File, Refused

TEXT = "Bonjour,\n\nLa facture FA-2026-00042 de 1\u202f200,00\u00a0€ reste à régler.\n.un point\nFin"
HTML = "<p>La facture <b>FA-2026-00042</b> reste à régler.</p>\n<p>1\u202f200,00\u00a0€</p>\n"
LONG = "Facture FA-2026-00042 de l’Atelier d’ébénisterie Dupré & Frères, échue le 2 octobre 2026 : " * 2


def envelope(**changes: Any) -> Envelope:
    fields: dict[str, Any] = {
        "message_id": new_id(), "channel": "email", "sender": "Dupré & Frères <compta@atelier.example>",
        "recipient": "compta@client.example", "recipient_name": "Hélène Martin", "reply_to": "reponse@atelier.example",
        "subject": "Facture FA-2026-00042 échue",
        "text": TEXT, "html": HTML, "header_id": "<1@atelier.example>",
    }  # fmt: skip
    return Envelope(**(fields | changes))


def as_the_library_writes(message: Envelope, like: bytes) -> bytes:
    """With the boundary and the date of `like`."""
    written = mime.build(message).message()
    written.set_boundary(re.search(rb'boundary="([^"]+)"', like)[1].decode())  # type: ignore[index]  # it is there
    written.replace_header("Date", re.search(rb"(?m)^Date: (.*)\r$", like)[1].decode())  # type: ignore[index]  # it is there
    return written.as_bytes(linesep="\r\n")  # type: ignore[no-any-return,call-arg]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": LONG, "recipient_name": "Société " * 15},
        {"subject": "Plain", "recipient_name": "", "reply_to": "", "sender": "compta@atelier.example"},
        {"subject": 'a, b; "c" <d>', "recipient_name": "Martin, H. (SARL)"},
        {"text": "All\r\nkinds\rof ends\n\n", "html": "<p>ascii</p>"},
        {"text": "x", "html": "y\n"},
        {"references": "<0@atelier.example>", "sender": "Été <compta@été.example>", "recipient": "a@élan.example"},
        {"text": "é" * 499, "html": "<p>" + "a" * 995},
    ],
)
def test_a_text_and_its_twin_are_written_as_the_library_writes_them(changes: dict[str, Any]) -> None:
    message = envelope(**changes)
    ours = mime.write(message)
    assert b'boundary="=_' in ours
    assert ours == as_the_library_writes(message, ours)


@pytest.mark.parametrize(
    "changes", [{"html": "<p>" + "é" * 600}, {"files": (File("facture.pdf", "application/pdf", b"%PDF"),)}, {"html": ""}]
)
def test_what_needs_more_is_left_to_the_library(changes: dict[str, Any]) -> None:
    written = mime.write(envelope(**changes))
    assert b'boundary="=_' not in written
    assert all(len(line) <= mime.LONGEST_LINE for line in written.split(b"\r\n"))
    read = message_from_bytes(written, policy=policy.default)
    assert read["Subject"] == "Facture FA-2026-00042 échue"
    assert read.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n") == TEXT  # type: ignore[attr-defined]  # it has one


def test_a_line_break_in_a_header_is_refused() -> None:
    with pytest.raises(Refused):
        mime.write(envelope(subject="Facture\r\nBcc: autre@client.example"))
