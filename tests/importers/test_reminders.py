"""Reminders sent before: how hard each pressed, told by its words and how it left."""

from datetime import date

import pytest

from scenarios.enums import Channel, Phase
from scenarios.services.imported import phase_of

DUE = date(2026, 10, 1)


@pytest.mark.parametrize(
    ("channel", "words", "phase"),
    [
        (Channel.EMAIL, "Merci de nous confirmer la date de règlement", Phase.FRIENDLY),
        (Channel.EMAIL, "Please confirm the payment date", Phase.FRIENDLY),
        (Channel.EMAIL, "Avant la fermeture annuelle, merci de régler", Phase.FRIENDLY),
        (Channel.EMAIL, "Relance 30 jours", Phase.FRIENDLY),
        (Channel.EMAIL, "Relance ferme", Phase.FIRM),
        (Channel.EMAIL, "Dernier rappel", Phase.FIRM),
        (Channel.EMAIL, "Firm reminder", Phase.FIRM),
        (Channel.LETTER, "Relance 1", Phase.FIRM),
        (Channel.REGISTERED, "Mise en demeure : malgré notre dernier rappel", Phase.LEGAL),
        (Channel.LETTER, "Formal notice, after our last reminder", Phase.LEGAL),
        (Channel.REGISTERED, "Dernier rappel", Phase.LEGAL),
        (Channel.EMAIL, "Sommation de payer", Phase.LEGAL),
        (Channel.LETTER, "Dernier avis avant mise en demeure", Phase.FIRM),
        (Channel.REGISTERED, "Avant la mise en demeure", Phase.FIRM),
        (Channel.EMAIL, "Last reminder before formal notice", Phase.FIRM),
    ],
)
def test_a_reminder_of_november_pressed_as_hard_as_its_words(channel: Channel, words: str, phase: Phase) -> None:
    assert phase_of(channel, words, date(2026, 11, 2), DUE) == phase


def test_what_left_before_the_due_date_was_a_service() -> None:
    assert phase_of(Channel.REGISTERED, "Mise en demeure", date(2026, 9, 28), DUE) == Phase.SERVICE
