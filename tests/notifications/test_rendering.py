"""Templates: what they may ask, what they print, what they refuse."""

from contextlib import suppress
from datetime import timedelta
from html.parser import HTMLParser
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from notifications.legal_sentences import KEYS, legal_sentences
from notifications.palette import PALETTE, Kind, empty_context, example_context
from notifications.placeholders import render_html
from notifications.rendering import (
    Block,
    MissingValue,
    Severity,
    TemplateError,
    placeholders,
    render,
    render_email,
    render_letter_text,
    render_subject,
    validate_template,
)


def test_prints_values_and_keeps_what_is_not_a_placeholder():
    context = {"invoice.number": "FA-42", "invoice.amount": "1 840,25 €"}
    assert render("Facture {{invoice.number}} : {{ invoice.amount }}, 100 % TTC, {0}, %s, %(x)s", context) == (
        "Facture FA-42 : 1 840,25 €, 100 % TTC, {0}, %s, %(x)s"
    )


def test_a_value_is_never_read_again():
    context = {"customer.name": "{{iban}} {{#table}} %s %(iban)s \x00iban\x00", "iban": "FR76 secret"}
    assert render("{{customer.name}}!", context) == "{{iban}} {{#table}} %s %(iban)s \x00iban\x00!"


def test_a_section_stays_or_goes_with_its_paragraph():
    template = "Bonjour,\n\n{{#legal.penalties}}{{legal.penalties}}{{/legal.penalties}}\n\nMerci."
    assert render(template, {"legal.penalties": "Pénalités dues."}) == "Bonjour,\n\nPénalités dues.\n\nMerci."
    assert render(template, {"legal.penalties": ""}) == "Bonjour,\n\nMerci."
    assert render_html(template, {"legal.penalties": ""}) == "<p>Bonjour,</p>\n<p>Merci.</p>"


def test_a_flag_chooses_between_one_and_several():
    template = "{{#invoices.one}}La facture reste due.{{/invoices.one}}{{#invoices.several}}Les factures restent dues.{{/invoices.several}}"
    assert render(template, {"invoices.one": True, "invoices.several": False}) == "La facture reste due."
    assert render(template, {"invoices.one": False, "invoices.several": True}) == "Les factures restent dues."


@pytest.mark.parametrize("context", [{}, {"deadline": ""}, {"deadline": None}])
def test_a_missing_value_holds_the_message(context):
    with pytest.raises(MissingValue) as missing:
        render("Avant le {{deadline}}", context)
    assert missing.value.key == "deadline"


def test_a_section_whose_key_was_forgotten_holds_the_message_too():
    with pytest.raises(MissingValue) as missing:
        render("{{#attached}}Copie jointe.{{/attached}}", {"deadline": "demain"})
    assert missing.value.key == "attached"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{#a}}x", "unclosed"),
        ("x{{/a}}", "unopened"),
        ("{{#a}}{{#b}}x{{/b}}{{/a}}", "nested"),
        ("{{#a}}x{{/b}}", "unopened"),
        ("{{a b}}", "braces"),
        ("{{a|upper}}", "braces"),
        ("{{ }}", "braces"),
        ("{{a", "braces"),
        ("a}}", "braces"),
        ("x" * 20_001, "too_long"),
    ],
)
def test_a_malformed_template_says_what_is_wrong(text, code):
    with pytest.raises(TemplateError) as error:
        placeholders(text)
    assert error.value.code == code


@pytest.mark.parametrize(
    "attack",
    [
        "{{invoice.organization.api_key}}",
        "{{invoice.delete}}",
        "{{settings.SECRET_KEY}}",
        "{{invoice.__class__.__mro__}}",
        "{% load static %}{% debug %}",
        "{{ invoice.number|ljust:200000000 }}",
        "{invoice.__init__.__globals__}",
        "${7*7} #{7*7} <%= 7*7 %>",
    ],
)
def test_other_engines_syntax_reaches_nothing(attack):
    """Reliability D1: a canary beside the value is never printed, and nothing is called."""

    class Canary(str):
        def __getattribute__(self, name):
            raise AssertionError(f"{name} was looked up")

    context = {**example_context("fr"), "canary": "s3cr3t"}
    try:
        output = render(attack, context)
    except (MissingValue, TemplateError):
        return
    assert output == attack
    assert "s3cr3t" not in output


@given(st.text(alphabet="{}#/ab.\n *%\x00", max_size=200), st.text(max_size=40))
@settings(max_examples=400, deadline=timedelta(seconds=2))
def test_any_text_renders_or_is_refused_and_html_never_escapes_its_cage(text, value):
    context = {"a": value, "b": "x", "a.b": "", "ab": True}
    try:
        html = render_html(text, context)
    except (MissingValue, TemplateError):
        return
    allowed = {"p", "br", "strong"}

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag in allowed
            assert not attrs

        def handle_comment(self, data):
            raise AssertionError(data)

    Tags().feed(html)


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ " * 6_000,
        "**a " * 5_000,
        " " * 20_000,
        "\n" * 20_000,
        "{{#a}}" * 3_000,
        "{{#a}}x{{/a}}" * 1_500,
        "*" * 20_000,
        "{{" + " " * 19_000,
    ],
)
def test_a_hostile_template_costs_no_more_than_its_length(hostile):
    """Reliability D2: under two seconds of processor time, whatever the text."""
    start = perf_counter()
    with suppress(MissingValue, TemplateError):
        render_html(hostile, {"a": "x"})
    assert perf_counter() - start < 2


def test_html_escapes_values_and_literals_and_knows_bold_alone():
    html = render_html(
        "**{{customer.name}}** & <b>\nsuite\n\n{{table}}",
        {"customer.name": "<script>alert(1)</script>\n&", "table": Block("T", "<table></table>")},
    )
    assert html == "<p><strong>&lt;script&gt;alert(1)&lt;/script&gt;<br>&amp;</strong> &amp; &lt;b&gt;<br>\nsuite</p>\n<table></table>"


def test_bold_in_a_value_is_printed_as_typed():
    assert render_html("{{dispute.answer}}", {"dispute.answer": "**non**"}) == "<p>**non**</p>"


def test_a_block_makes_its_own_paragraph():
    block = Block("A  1\nB  2", "<table></table>")
    assert render("Voici : {{table}} Merci", {"table": block}) == "Voici :\n\nA  1\nB  2\n\nMerci"
    assert render_html("Voici : {{table}} Merci", {"table": block}) == "<p>Voici :</p>\n<table></table>\n<p>Merci</p>"


def test_printing_a_flag_is_an_error():
    with pytest.raises(TemplateError) as error:
        render("{{attached}}", {"attached": True})
    assert (error.value.code, error.value.key) == ("printed_flag", "attached")


def test_subject_is_one_line_of_at_most_200_characters():
    assert render_subject("Facture {{a}}", {"a": "FA-42\r\nBcc: victim@example.com\x00\u202e"}) == "Facture FA-42 Bcc: victim@example.com"
    long = render_subject("{{a}}", {"a": "x" * 300})
    assert (len(long), long[-1]) == (200, "…")
    with pytest.raises(MissingValue):
        render_subject("{{#a}}x{{/a}}", {"a": ""})


def _example(language="fr"):
    rows = [
        TableRow("FA-1", "01/09/26", "01/10/26", "1 000,00 €", "1 000,00 €", "8 j"),
        TableRow("FA-22", "02/09/26", "02/10/26", "1 234 567,89 €", "12,00 €", "7 j", po="<CDE>"),
    ]
    credit = TableRow("AV-3", "03/10/26", outstanding="−312,00 €", note="Avoir sur FA-1")
    table = InvoiceTable(
        language,
        [TableSection(SectionKind.OVERDUE, rows, "1 012,00 €"), TableSection(SectionKind.CREDITS, [credit], "−312,00 €")],
        total="700,00 €",
    )
    return {**example_context(language), "table": email_table(table)}


def test_table_is_aligned_in_plain_text():
    text = _example()["table"].text
    assert text.splitlines() == [
        "Facture  Date      Échéance     Montant TTC    Reste dû  Retard  Votre commande",
        "-------  --------  --------  --------------  ----------  ------  --------------",
        "Échues :",
        "FA-1     01/09/26  01/10/26      1 000,00 €  1 000,00 €     8 j",
        "FA-22    02/09/26  02/10/26  1 234 567,89 €     12,00 €     7 j  <CDE>",
        "Sous-total                                   1 012,00 €",
        "À déduire :",
        "AV-3     03/10/26                             −312,00 €",
        "  Avoir sur FA-1",
        "Sous-total                                    −312,00 €",
        "Total à régler                                 700,00 €",
    ]


def test_table_leaves_out_columns_that_say_nothing():
    row = TableRow("FA-1", "01/09/26", "01/10/26", "10,00 €", "10,00 €")
    block = email_table(InvoiceTable("en", [TableSection(SectionKind.OVERDUE, [row])], total="10,00 €"))
    assert block.text.splitlines()[0] == "Invoice  Date      Due       Balance"
    assert "Your order" not in block.html


def test_a_table_without_a_row_holds_the_message_that_prints_it():
    empty = email_table(InvoiceTable("fr", [TableSection(SectionKind.OVERDUE, [])], total="0,00 €"))
    with pytest.raises(MissingValue) as missing:
        render("Voici : {{table}}", {"table": empty})
    assert missing.value.key == "table"


def test_email_twins_say_the_same_and_carry_the_creditor_alone():
    rendered = render_email("Rappel {{invoice.number}}", "{{contact.greeting}},\n\n{{table}}\n\nMerci <3", _example(), language="fr")
    assert rendered.subject == "Rappel FA-2026-00042"
    assert rendered.text.startswith("Bonjour Madame Durand,\n\nFacture")
    assert rendered.text.endswith(
        "Merci <3\n\n-- \nMenuiserie Exemplaire SAS, SAS au capital de 50\u00a0000\u00a0€, 999\u00a0999\u00a0014 RCS Lyon\n"
    )
    assert '<html lang="fr"' in rendered.html
    assert "<title>Rappel FA-2026-00042</title>" in rendered.html
    assert "Merci &lt;3" in rendered.html
    assert "&lt;CDE&gt;" in rendered.html
    assert "Menuiserie Exemplaire SAS, SAS au capital" in rendered.html
    for trace in ("dunning", "http://", "https://www", "<script", "<img", "<link", "class="):
        assert trace not in rendered.html.lower().replace("http://www.w3.org/1999/xhtml", "")


def test_email_without_legal_line_has_no_footer():
    context = {**_example(), "creditor.legal": ""}
    rendered = render_email("A", "B", context, language="fr")
    assert rendered.text == "B\n"
    assert "border-top" not in rendered.html


def test_email_is_held_when_its_subject_lacks_a_value():
    with pytest.raises(MissingValue) as missing:
        render_email("Facture {{invoice.number}}", "Bonjour", {**_example(), "invoice.number": ""}, language="fr")
    assert missing.value.key == "invoice.number"


def test_chronology_and_bank_blocks():
    chronology = email_chronology([ChronologyRow("2 octobre 2026", "e-mail", "Mme <Durand>"), ChronologyRow("9 octobre 2026", "appel")])
    assert chronology.text == "- 2 octobre 2026, e-mail, Mme <Durand>\n- 9 octobre 2026, appel"
    assert "Mme &lt;Durand&gt;" in chronology.html
    with pytest.raises(ValueError, match="at least one"):
        email_chronology([])
    bank = email_bank(BankDetails("fr", "Atelier Fictif SAS", "FR76 3000", reference="RF39FA202600042"))
    assert bank.text == "Titulaire\u00a0: Atelier Fictif SAS\nIBAN\u00a0: FR76 3000\nRéférence à rappeler\u00a0: RF39FA202600042"


def test_letter_text_gives_the_words_without_a_frame():
    rendered = render_letter_text("Objet {{invoice.number}}", "Madame,\n\n**{{deadline}}**", example_context("fr"))
    assert rendered.html == "<p>Madame,</p>\n<p><strong>22\u00a0octobre 2026</strong></p>"
    assert rendered.text == "Madame,\n\n22\u00a0octobre 2026\n"


def test_validation_names_the_unknown_placeholder_and_its_neighbour():
    problems = validate_template("Facture {{invoice.numbr}}", "{{zzz}} {{table}}", channel="email")
    assert [(p.code, p.where, p.key, p.nearest, p.severity) for p in problems] == [
        ("unknown_near", "subject", "invoice.numbr", "invoice.number", Severity.ERROR),
        ("unknown", "body", "zzz", "", Severity.ERROR),
    ]


@pytest.mark.parametrize(
    ("subject", "body", "channel", "audience", "codes"),
    [
        ("", "Bonjour", "email", "", ["subject_missing"]),
        ("S", "  ", "email", "", ["body_missing"]),
        ("S\nBcc: x", "B", "email", "", ["subject_control"]),
        ("x" * 201, "B", "email", "", ["subject_too_long"]),
        ("S {{table}}", "B", "email", "", ["block_in_subject"]),
        ("S", "{{attached}}", "email", "", ["printed_flag"]),
        ("S", "{{#table}}x{{/table}}", "email", "", ["block_section"]),
        ("S", "{{#attached}}x", "email", "", ["unclosed"]),
        ("S", "B", "sms", "", ["subject_not_allowed"]),
        ("", "IBAN {{iban}} {{table}}", "sms", "", ["not_in_sms", "not_in_sms"]),
        ("S", "{{legal.penalties}} {{amounts.fixed_sum}}", "email", "consumer", ["not_for_consumers", "not_for_consumers"]),
        ("S", "{{legal.penalties}} {{amounts.fixed_sum}}", "email", "business", []),
        ("S", "L'indemnité de 40 € (art. L441-10)", "email", "", ["legal_wording", "legal_wording"]),
        ("S", "Vous êtes en défaut, un huissier viendra", "email", "", ["harsh_wording", "harsh_wording"]),
    ],
)
def test_validation_finds_each_problem(subject, body, channel, audience, codes):
    assert [problem.code for problem in validate_template(subject, body, channel=channel, audience=audience)] == codes


def test_validation_puts_errors_before_warnings_and_speaks_in_sentences():
    problems = validate_template("en défaut", "{{invoice.numbr}}", channel="email")
    assert [problem.severity for problem in problems] == [Severity.ERROR, Severity.WARNING]
    assert problems[0].message == "“invoice.numbr” is not a known placeholder: did you mean “invoice.number”?"


def test_palette_is_whole_and_its_empty_context_holds_every_bare_value():
    for entry in PALETTE.values():
        assert entry.fr
        assert entry.en
        assert (entry.example_fr and entry.example_en) or entry.kind is not Kind.TEXT
    context = empty_context()
    assert set(context) == {entry.key for entry in PALETTE.values() if entry.kind is not Kind.BLOCK}
    with pytest.raises(MissingValue):
        render("{{iban}}", context)
    assert render("a{{#iban}}b{{/iban}}", context) == "a"


def test_legal_sentences_follow_kind_and_country():
    business = legal_sentences(kind="business", country="fr", language="fr")
    assert business["legal.penalties"] == (
        "Nous vous rappelons que les pénalités de retard (au taux légalement applicable, détail sur demande) et l’indemnité forfaitaire de "
        "40\u00a0€ par facture sont dues de plein droit (art.\u00a0L441-10 et D441-5 du code de commerce)."
    )
    public = legal_sentences(kind="PUBLIC", country="FR", language="fr")
    assert "intérêts moratoires" in public["legal.penalties"]
    assert "pénalités" not in public["legal.penalties"]
    consumer = legal_sentences(kind="CONSUMER", country="FR", language="fr")
    assert (consumer["legal.penalties"], consumer["legal.accruing"]) == ("", "")
    assert "40" not in " ".join(consumer.values())
    assert "BGB" in legal_sentences(kind="BUSINESS", country="DE", language="en")["legal.penalties"]


@pytest.mark.parametrize(("kind", "country"), [("UNKNOWN", "FR"), ("BUSINESS", "JP"), ("CONSUMER", "DE"), ("PUBLIC", "IT"), ("", "")])
def test_no_ground_in_law_no_sentence(kind, country):
    assert legal_sentences(kind=kind, country=country, language="fr") == dict.fromkeys(KEYS, "")
