"""A text tried with nothing, with usual values and with the worst ones, before it is put in force."""

import pytest

from notifications.rehearsal import measure_sms, needed, rehearse, worst
from notifications.rendering import render, render_email
from notifications.texts import shipped_texts
from notifications.validation import Severity


def said(subject: str, body: str, channel: str = "email", **given: bool) -> list[str]:
    return [remark.message for remark in rehearse(subject, body, channel=channel, language="en", **given)]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_shipped_text_is_refused_or_warned_about(language: str) -> None:
    found = {
        text.key: [remark.message for remark in remarks]
        for text in shipped_texts().values()
        if (
            remarks := [
                remark
                for remark in rehearse(
                    text.wordings[language].subject,
                    text.wordings[language].body,
                    channel=text.channel,
                    language=language,
                    cites=bool(text.requires),
                )
                if remark.severity is Severity.ERROR
            ]
        )
    }
    assert found == {}


def test_an_unknown_placeholder_is_named_and_refuses_the_text() -> None:
    remarks = rehearse("Invoice {{invoice.nummer}}", "Hello", channel="email", language="en")
    assert [(remark.severity, remark.message) for remark in remarks] == [
        (Severity.ERROR, "“invoice.nummer” is not a known placeholder: did you mean “invoice.number”?")
    ]


def test_what_may_be_missing_is_named_unless_it_stands_in_a_section() -> None:
    assert said("Invoice {{invoice.number}}", "By {{promise.date}}") == [
        "Without {{invoice.number}}, {{promise.date}} the message waits: put them in sections if they may be missing."
    ]
    assert said("Your account", "{{#promise.date}}By {{promise.date}}{{/promise.date}}{{contact.greeting}}") == []
    assert said("Your account", "On {{previous.date}}") != []
    assert said("Your account", "On {{previous.date}}, by {{deadline}}", cites=True) == []


def test_a_name_of_eighty_letters_and_a_million_are_tried() -> None:
    assert said("{{customer.name}} and {{contact.name}} and {{signatory.name}}", "Hello") == [
        "Without {{contact.name}} the message waits: put it in a section if it may be missing.",
        "With long names the subject is cut at 200 characters.",
    ]
    long = "{{customer.name}} {{customer.name}} {{customer.name}} {{customer.name}} {{customer.name}} {{customer.name}}"
    assert said("", long, "sms") == ["With long names it takes 4 parts, each billed as a message."]
    assert said("", "{{creditor.short_name}}: {{amounts.total}}", "sms") == []


def test_peoples_words_stay_words() -> None:
    context = worst("fr")
    text = render("{{dispute.reason}}", context)
    assert text.startswith("<b>{{iban}}</b> & ")  # a value is never read again
    mail = render_email("Objet", "{{dispute.reason}}", context, language="fr")
    assert "&lt;b&gt;{{iban}}&lt;/b&gt; &amp; " in mail.html and "<b>" not in mail.html


def test_a_text_message_is_measured_as_typed_and_as_it_leaves() -> None:
    plain = measure_sms("Bonjour, votre facture est échue.")
    assert (plain.leaves.encoding, plain.leaves.parts, plain.substitutes) == ("GSM-7", 1, {})
    dear = measure_sms("Reçu : « la tâche » du garçon est à régler avant le 3 août, merci de votre diligence et à bientôt.")
    assert (dear.typed.encoding, dear.typed.parts, dear.leaves.encoding, dear.leaves.parts) == ("UCS-2", 2, "GSM-7", 1)
    assert dear.substitutes == {"ç": "c", "â": "a", "û": "u", "ô": "o"}
    assert dear.text.startswith('Recu : "la tache" du garcon')
    assert measure_sms("Bonjour 👋").leaves.encoding == "UCS-2"


def test_what_is_needed_is_what_no_section_guards() -> None:
    assert needed("{{customer.name}}", "{{#attached}}{{today}}{{/attached}} {{deadline}}") == {"customer.name", "deadline"}
