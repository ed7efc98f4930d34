"""Text messages: alphabet, septets, parts and substitutions."""

import pytest

from notifications.palette import example_context
from notifications.rendering import MissingValue, render_sms
from notifications.sms_text import GSM7_BASIC, GSM7_EXTENSION, SmsCount, fit_gsm7, normalise_sms, outside_gsm7, sms_parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", SmsCount("GSM-7", 0, 1)),
        ("a" * 160, SmsCount("GSM-7", 160, 1)),
        ("a" * 161, SmsCount("GSM-7", 161, 2)),
        ("a" * 306, SmsCount("GSM-7", 306, 2)),
        ("a" * 307, SmsCount("GSM-7", 307, 3)),
        ("€" * 80, SmsCount("GSM-7", 160, 1)),
        ("€" * 81, SmsCount("GSM-7", 162, 2)),
        ("a" * 152 + "€" + "a" * 10, SmsCount("GSM-7", 164, 2)),
        ("€" * 153, SmsCount("GSM-7", 306, 3)),  # an escaped pair is not cut: 76 pairs a part, not 76.5
        ("é" * 160, SmsCount("GSM-7", 160, 1)),
        ("ê" * 70, SmsCount("UCS-2", 70, 1)),
        ("ê" * 71, SmsCount("UCS-2", 71, 2)),
        ("ê" * 134, SmsCount("UCS-2", 134, 2)),
        ("ê" * 135, SmsCount("UCS-2", 135, 3)),
        ("😀" * 35, SmsCount("UCS-2", 70, 1)),
        ("😀" * 67, SmsCount("UCS-2", 134, 3)),  # a surrogate pair is not cut: 33 a part
    ],
)
def test_parts(text, count):
    assert sms_parts(text) == count


def test_the_alphabet_is_the_standards():
    assert len(GSM7_BASIC) == 127  # 128 positions, one of them the escape
    assert len(GSM7_EXTENSION) == 10
    for character in "éèàùìòÇ@£$¥":
        assert character in GSM7_BASIC
    for character in "çêâôîûœ’«»–…\u00a0\u202f":
        assert character not in GSM7_BASIC


def test_typography_is_made_plain_and_letters_kept():
    assert (
        normalise_sms("L’échéance\u00a0: «\u00a0reçu\u00a0», 1\u202f840,25\u00a0€ – n°\u00a042…")
        == 'L\'échéance : "reçu", 1 840,25 € - no 42...'
    )


def test_each_foreign_letter_has_a_proposal():
    assert outside_gsm7("Benoît œuvre à Łódź, reçu 日 Ω") == {"î": "i", "œ": "oe", "Ł": "L", "ó": "o", "ź": "z", "ç": "c", "日": ""}
    assert fit_gsm7("Benoît œuvre à Łódź, reçu") == "Benoit oeuvre à Lodz, recu"


def test_what_has_no_proposal_stays_and_is_counted_dear():
    assert fit_gsm7("日本") == "日本"
    assert sms_parts(fit_gsm7("日本")).encoding == "UCS-2"


def test_a_name_does_not_double_the_price():
    context = {**example_context("fr"), "creditor.short_name": "Forêts & Châteaux"}
    plain = render_sms("{{creditor.short_name}} :\u00a0facture {{invoice.number}}, {{invoice.outstanding}}", context)
    assert plain.text == "Forets & Chateaux : facture FA-2026-00042, 1 840,25 €"
    assert plain.count == SmsCount("GSM-7", 54, 1)
    kept = render_sms("{{creditor.short_name}}", context, keep_accents=True)
    assert (kept.text, kept.count.encoding) == ("Forêts & Châteaux", "UCS-2")


def test_a_text_message_with_a_hole_is_held():
    with pytest.raises(MissingValue):
        render_sms("Facture {{invoice.number}}", {**example_context("fr"), "invoice.number": ""})
