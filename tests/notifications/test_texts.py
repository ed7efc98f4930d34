"""Every shipped text, in both languages, in every situation it may meet."""

import re
from itertools import product

import pytest

from notifications.blocks import (
    BankDetails,
    ChronologyRow,
    InvoiceTable,
    SectionKind,
    TableRow,
    TableSection,
    email_bank,
    email_chronology,
    email_table,
)
from notifications.legal_sentences import legal_sentences
from notifications.palette import PALETTE, example_context
from notifications.placeholders import parse
from notifications.rendering import render_email, render_letter_text, render_sms, validate_template
from notifications.sms_text import GSM7_BASIC, GSM7_EXTENSION
from notifications.texts import LANGUAGES, shipped_texts, variant_key
from notifications.typography import typeset

TEXTS = list(shipped_texts().values())
BOTH = [pytest.param(text, language, id=f"{text.key}-{language}") for text in TEXTS for language in LANGUAGES]


def situation(text, language, *, several=False, kind=None, rich=False):
    context = example_context(language)
    context.update(legal_sentences(kind=kind or text.audience or "BUSINESS", country="FR", language=language))
    row = TableRow("FA-2026-00042", "01/09/26", "01/10/26", "1 840,25 €", "1 840,25 €", "8 j")
    context["table"] = email_table(InvoiceTable(language, [TableSection(SectionKind.OVERDUE, [row])], total="1 840,25 €"))
    context["chronology"] = email_chronology([ChronologyRow("2 octobre 2026", "e-mail", "Mme Durand")])
    context["bank"] = email_bank(BankDetails(language, "Menuiserie Exemplaire SAS", "FR76 3000 6000 0112 3456 7890 189"))
    wording = text.wordings[language]
    printed = {piece.key for source in (wording.subject, wording.body) for piece in parse(source).pieces if piece.key and not piece.section}
    for key in printed - {"table", "chronology", "bank"}:
        context[key] = context[key] or (PALETTE[key].example_fr if language == "fr" else PALETTE[key].example_en)
    if several:
        context.update({key: "" for key in context if key.startswith("invoice.")})
        context.update({"invoices.one": False, "invoices.several": True})
    if rich:
        for entry in PALETTE.values():
            if context.get(entry.key) == "" and not entry.key.startswith(("invoice.", "legal.")):
                context[entry.key] = entry.example_fr if language == "fr" else entry.example_en
        context.update({"attached": True, "after.partial_payment": True, "after.broken_promise": True})
    return context


def rendered(text, language, context):
    wording = text.wordings[language]
    if text.channel == "sms":
        return render_sms(wording.body, context).text
    if text.channel == "email":
        twins = render_email(wording.subject, wording.body, context, language=language)
        return f"{twins.subject}\n{twins.text}"
    words = render_letter_text(wording.subject, wording.body, context)
    return f"{words.subject}\n{words.text}"


def test_every_step_of_every_shipped_plan_has_its_text():
    """Rule 18, the written steps, by plan."""
    plans = {
        "standard": ["receipt_check", "receipt_check_2", "pre_due", "due_day_notice", "r1", "r2", "r3", "formal_notice"],
        "key account": ["pre_due_key_account", "r1_key_account", "r2_key_account", "formal_notice"],
        "firm": ["receipt_check", "pre_due_firm", "due_day_notice", "r1_firm", "r2_firm", "sms_firm", "r3_firm", "formal_notice"],
        "public": ["r1_public", "r2_public", "r3_public", "formal_notice_public"],
        "consumer": ["pre_due_consumer", "r1_consumer", "r2_consumer", "r3_consumer", "formal_notice_consumer"],
        "answers": [
            "dispute_acknowledged", "dispute_answered", "undisputed_part", "payment_not_found", "thanks_paid", "thanks_partial",
            "promise_broken",
            "promise_confirmed", "call_follow_up", "call_attempt", "debit_rejected", "debit_notice", "retraction", "account_statement",
            "who_handles", "invoice_resend", "formal_notice_copy", "owner_warning",
        ],
        "letters": ["r1_letter", "r2_letter", "r3_letter"],
    }  # fmt: skip
    assert {key for keys in plans.values() for key in keys} <= set(shipped_texts())
    terms = {key: shipped_texts()[key].term_days for key in ("r2", "r2_key_account", "r2_firm")}
    assert terms == {"r2": 8, "r2_key_account": 8, "r2_firm": 5}


def test_metadata_says_what_the_words_do():
    for text in TEXTS:
        assert text.phase in {"SERVICE", "FRIENDLY", "FIRM", "LEGAL"}
        assert text.channel in {"email", "sms", "letter", "registered"}
        bodies = " ".join(wording.body for wording in text.wordings.values())
        assert bool(text.announces) == ("{{consequence}}" in bodies), text.key
        assert (text.term_days is not None) == ("{{deadline}}" in bodies and text.key != "formal_notice_copy"), text.key
        if text.phase in {"FIRM", "LEGAL"}:
            assert text.requires, f"{text.key} cites earlier acts"


def test_variants_are_found_and_others_fall_back():
    assert variant_key("r1", "reprise") == "r1_reprise"
    assert variant_key("r1", "broken_promise") == "r1_broken_promise"
    assert variant_key("r1_consumer", "reprise") == "r1_consumer_reprise"
    assert shipped_texts()["r1_firm_reprise"].wordings["fr"].body == shipped_texts()["r1_reprise"].wordings["fr"].body
    assert variant_key("r2", "reprise") == "r2"
    assert shipped_texts()["r1_reprise"].template_key == "r1"


@pytest.mark.parametrize(("text", "language"), BOTH)
def test_has_no_problem(text, language):
    wording = text.wordings[language]
    assert validate_template(wording.subject, wording.body, channel=text.channel, audience=text.audience) == []
    assert len(wording.name) <= 80
    assert len(wording.subject) <= 600


@pytest.mark.parametrize(("text", "language"), BOTH)
def test_reads_well_in_every_situation(text, language):
    for several, rich in product((False, True), repeat=2):
        words = rendered(text, language, situation(text, language, several=several, rich=rich))
        assert "{" not in words
        assert "[[" not in words
        assert "**" not in words
        assert "  " not in re.sub(r"(?m)^.*( {2}|-{3}).*$", "", words).replace("\n", "|") or "table" in text.wordings[language].body
        assert not re.search(r"[ \u00a0],|\.\.(?!\.)|\( |\n\n\n", words), words
        if language == "fr" and text.channel != "sms":
            assert not re.search(r"(?<=\w) [:;?!](?!\w)", words.replace(" :\n", "\n")), words
            assert "'" not in words.replace("'Segoe UI'", "")
            assert not re.search(r"« |\w »", words)


@pytest.mark.parametrize(("text", "language"), BOTH)
def test_never_judges_nor_threatens(text, language):
    words = rendered(text, language, situation(text, language, rich=True)).lower()
    for harsh in ("en défaut", "en tort", "huissier", "saisie", "dernier avis", "tribunal", "in default", "bailiff", "court", "at fault"):
        assert harsh not in words


@pytest.mark.parametrize(("text", "language"), [case for case in BOTH if case.values[0].audience == "CONSUMER"])
def test_a_consumer_is_never_told_of_penalties_or_fixed_sums(text, language):
    words = rendered(text, language, situation(text, language, rich=True)).lower()
    for forbidden in ("pénalité", "indemnité", "l441", "penalt", "compensation", "40"):
        assert forbidden not in words.replace("1 840", "").replace("00042", "").replace("1,840", "").replace("c00042", "").replace(
            "1\u00a0840", ""
        )


@pytest.mark.parametrize(("text", "language"), [case for case in BOTH if not case.values[0].audience])
def test_an_unknown_customer_is_told_nothing_of_the_law(text, language):
    words = rendered(text, language, situation(text, language, kind="UNKNOWN", rich=True))
    assert not re.search(r"L441|L2192|40\s?€|€40|moratoire|code de commerce|Commercial Code", words)


@pytest.mark.parametrize(("text", "language"), BOTH)
def test_the_full_iban_stands_in_first_reminders_and_letters_alone(text, language):
    prints = "{{bank}}" in text.wordings[language].body
    allowed = text.channel in {"letter", "registered"} or text.key.startswith(("r1", "pre_due_consumer", "debit_rejected"))
    assert not prints or allowed or text.key == "ready_bank"  # a person gives it to who asked for it
    assert "{{iban}}" not in text.wordings[language].body


@pytest.mark.parametrize(("text", "language"), [case for case in BOTH if case.values[0].channel == "sms"])
def test_text_messages_stay_cheap_without_losing_a_letter(text, language):
    """One part with usual values, two at most with long ones; the product's own words need no substitution."""
    assert all(
        character in "çêâôîûœ" for character in set(render_sms(text.wordings[language].body, situation(text, language)).text) - _GSM7
    )
    usual = render_sms(text.wordings[language].body, situation(text, language)).count
    assert (usual.encoding, usual.parts) in {("GSM-7", 1), ("GSM-7", 2)}
    long = {
        **situation(text, language),
        "creditor.short_name": "Établissements Réunis du Bâtiment",
        "invoice.outstanding": "1\u202f234\u202f567,89\u00a0€",
        "invoice.number": "FACT-2026-AGENCE-LYON-000042",
        "invoice.due_date": "30 septembre 2026",
        "previous.date": "14 septembre 2026",
    }
    worst = render_sms(text.wordings[language].body, long).count
    assert worst.encoding == "GSM-7"
    assert worst.parts <= 2
    assert "http" not in text.wordings[language].body


_GSM7 = GSM7_BASIC | GSM7_EXTENSION


def test_the_wording_of_the_trade_is_kept():
    """Domain 6.3, the sentences a French credit manager expects."""
    french = {key: text.wordings["fr"].body for key, text in shipped_texts().items()}
    assert "Nous souhaitons nous assurer que notre facture n°\u00a0{{invoice.number}}" in french["receipt_check"]
    assert "Votre compte est à jour, merci." in french["pre_due"]
    assert "Sauf erreur ou omission de notre part" in french["r1"]
    assert "le délai est écoulé depuis le" in french["r1"]
    assert "Il s’agit certainement d’un oubli" in french["r1"]
    assert "Nous mettons à jour le suivi de nos comptes clients." in french["r1_reprise"]
    assert "Malgré notre message du {{previous.date}}" in french["r2"]
    assert "Nos coordonnées bancaires n’ont pas changé\u00a0: IBAN se terminant par {{iban_last4}}." in french["r2"]
    assert "Nous vous **mettons en demeure** de nous payer, **au plus tard le {{deadline}}**" in french["formal_notice"]
    assert "identiques à celles de nos factures" in french["formal_notice"]
    assert "Si votre règlement est déjà parti, merci d’en indiquer la date et la référence." in french["formal_notice"]


@pytest.mark.parametrize("key", ["formal_notice", "formal_notice_public"])
@pytest.mark.parametrize(("language", "counted", "summed"), [
    ("fr", "indemnité forfaitaire 40,00\u00a0€ × 3 = 120,00\u00a0€.", "indemnité forfaitaire 120,00\u00a0€."),
    ("en", "fixed compensation €40.00 × 3 = €120.00.", "fixed compensation €120.00."),
])  # fmt: skip
def test_fixed_sums_are_multiplied_where_all_are_the_same(key, language, counted, summed):
    text = shipped_texts()[key]
    context = situation(text, language, several=True)
    assert counted in rendered(text, language, context)
    assert summed in rendered(text, language, {**context, "amounts.fixed_sum_each": ""})
    none = {key: "" for key in context if key.startswith("amounts.fixed_sum")}
    assert re.search(r"\(annexe? 1[^)]*\)\.\n", rendered(text, language, {**context, **none}))  # the sentence ends with the penalties


def test_typesetting():
    assert typeset("L'été : « oui » ! n° 4, sous 8 jours ? https://x.fr 5 %", "fr") == (
        "L’été\u00a0: «\u00a0oui\u00a0»\u00a0! n°\u00a04, sous 8\u00a0jours\u00a0? https://x.fr 5\u00a0%"
    )
    assert typeset('We\'re late: "yes"?', "en") == 'We’re late: "yes"?'
