"""The tags that lay out components, in both languages."""

import datetime as dt
from decimal import Decimal

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import RequestContext, Template
from django.test import RequestFactory
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import override

from dunning.dashboard import formatting
from dunning.dashboard.components import PlanMark, TimelineEntry

TODAY = dt.date(2026, 6, 30)


def render(source: str, **values: object) -> str:
    request = RequestFactory().get("/", {"state": "late", "sort": "due_on", "page": "3"})
    return Template("{% load ui %}" + source).render(RequestContext(request, {"today": TODAY, **values}))


def test_amounts_and_dates_follow_the_language() -> None:
    amount, day = Decimal("1840.25"), dt.date(2026, 6, 18)
    with override("fr"):
        assert formatting.money(amount, "EUR") == "1\u202f840,25\xa0€"
        assert formatting.number(12480) == "12\u202f480"
        assert formatting.date_short(day) == "18/06/26"
        assert formatting.date_long(day) == "18 juin 2026"
        assert formatting.date_weekday(dt.date(2026, 7, 1)) == "mercredi 1er juillet 2026"
    with override("en"):
        assert formatting.money(amount, "EUR") == "€1,840.25"
        assert formatting.date_short(day) == "18 Jun 26"
        assert formatting.date_weekday(day) == "Thursday 18 June 2026"


def test_a_moment_is_of_the_day_it_is_where_one_reads() -> None:
    received = dt.datetime(2026, 6, 29, 22, 30, tzinfo=dt.UTC)
    for zone, written in (("Europe/Paris", "30 Jun 26 today"), ("America/Martinique", "29 Jun 26 yesterday")):
        with override("en"), timezone.override(zone):
            shown = strip_tags(render("{% day at age=True %} | {% day at %} | {% age at %}", at=received))
        on, ago = written.rsplit(" ", 1)
        assert shown == f"{written} | {on} | {ago}"


def test_age_counts_days_either_way() -> None:
    with override("en"):
        ages = [formatting.age(TODAY + dt.timedelta(days=days), TODAY) for days in (-1200, -12, -1, 0, 1, 3)]
    assert ages == ["1,200 d ago", "12 d ago", "yesterday", "today", "tomorrow", "in 3 d"]


@pytest.mark.parametrize(
    ("days", "words", "tone"),
    [
        (-8, "due in 8 days", "due"),
        (-7, "due in 7 days", "soon"),
        (-1, "due in 1 day", "soon"),
        (0, "due today", "soon"),
        (1, "1 day late", "late-1"),
        (30, "30 days late", "late-1"),
        (31, "31 days late", "late-2"),
        (60, "60 days late", "late-2"),
        (61, "61 days late", "late-3"),
    ],
)
def test_lateness_deepens_with_age(days: int, words: str, tone: str) -> None:
    with override("en"):
        assert (formatting.lateness(days), formatting.lateness_tone(days)) == (words, tone)
        html = render("{% late_badge days %}", days=days)
    assert f"badge-{tone}" in html and words in html and "<svg" in html


def test_an_amount_is_readable_by_machines_and_absent_without_a_value() -> None:
    with override("en"):
        html = render("{% amount value 'EUR' tone='late' %}", value=Decimal("12.50"))
    assert html == '<data class="money is-late" value="12.50">€12.50</data>'
    assert render("{% amount value %}", value=None) == ""


def test_a_badge_takes_its_meaning_from_the_stored_state() -> None:
    html = render("{% badge 'bounced' label %}", label="Revenu <b>")
    assert html.startswith('<span class="badge badge-late-2"><svg')
    assert html.endswith("Revenu &lt;b&gt;</span>\n")
    assert "Inconnu" in render("{% badge 'a_word_of_tomorrow' 'Inconnu' %}")


def test_a_button_opens_a_dialog_without_script_and_escapes_what_it_is_given() -> None:
    assert 'type="button" command="show-modal" commandfor="hold"' in render("{% button 'Hold' opens='hold' %}")
    html = render("{% button label name='act' value=value hx_post='/x' %}", label="<i>", value='"><script>')
    assert "&lt;i&gt;" in html and 'hx-post="/x"' in html and "<script>" not in html
    assert render("{% button 'Open' href='/x' disabled=True %}").startswith('<button class="button" type="submit" disabled')


def test_the_rule_of_today_is_drawn_once_between_future_and_past() -> None:
    def entry(days: int) -> TimelineEntry:
        return TimelineEntry(on=TODAY + dt.timedelta(days=days), title=f"entry {days}", icon="mail", is_future=days > 0)

    html = render("{% timeline entries %}", entries=[entry(9), entry(2), entry(-1), entry(-5)])
    assert html.count("entry-today") == 1
    assert html.index("entry 2<") < html.index("entry-today") < html.index("entry -1<")
    assert html.count("is-future") == 2
    assert "entry-today" not in render("{% timeline entries %}", entries=[entry(-1), entry(-5)])


def test_an_entry_with_a_body_is_fetched_on_opening_and_has_a_plain_link() -> None:
    entry = TimelineEntry(on=TODAY, title="Reminder", icon="mail", body_url="/m/1/body", page_url="/m/1")
    html = render("{% timeline entries %}", entries=[entry])
    assert '<details hx-get="/m/1/body" hx-trigger="toggle once"' in html and '<a href="/m/1">' in html


def test_pages_keep_the_filters_of_the_address() -> None:
    html = render("{% pagination page %}", page=Paginator(range(101), 25).page(3))
    assert 'href="?state=late&amp;sort=due_on&amp;page=2" rel="prev"' in html
    assert 'page=3" aria-current="page"' in html
    assert "page=" not in render("{% pagination page %}", page=Paginator(range(3), 25).page(1))


def test_sorting_turns_round_and_returns_to_the_first_page() -> None:
    html = render("{% sort_header 'due_on' 'Due' %}{% sort_header 'amount' 'Amount' numeric=True %}")
    assert 'aria-sort="ascending"><a href="?state=late&amp;sort=-due_on">' in html
    assert '<th scope="col" class="num"><a href="?state=late&amp;sort=amount">' in html


class PromiseForm(forms.Form):
    amount = forms.DecimalField(label="Amount", help_text="What remains is still claimed.")
    on = forms.DateField(label="On", required=False, widget=forms.DateInput(attrs={"data-when": "promise"}))
    note = forms.CharField(label="Note", required=False)


def test_a_field_ties_its_label_help_and_error_to_its_control() -> None:
    with override("en"):
        html = render("{% fields form %}", form=PromiseForm({"amount": "abc"}))
    assert '<label for="id_amount">Amount</label>' in html
    assert 'id="id_amount_helptext">What remains is still claimed.</div>' in html
    assert 'id="id_amount_error"' in html and 'aria-describedby="id_amount_helptext id_amount_error"' in html
    assert '<div class="field " data-when="promise">' in html and '<label for="id_on">On</label>' in html  # asked for when it is shown
    assert '<label for="id_note">Note <span class="field-optional">(optional)</span></label>' in html


def test_blocks_carry_their_content_and_leave_the_page_its_names() -> None:
    html = render("{% card 'Ledger' count=1200 flush=True %}<p>{{ title }}</p>{% endcard %}{{ title }}", title="of the page")
    assert "<p>of the page</p>" in html and html.endswith("of the page") and 'class="card card-flush"' in html
    dialog = render("{% dialog 'hold' 'Hold all?' %}<p>x</p>{% enddialog %}")
    assert '<dialog class="dialog" id="hold" aria-labelledby="hold-title">' in dialog


def test_a_plan_is_drawn_with_its_due_date_even_when_no_step_falls_on_it() -> None:
    marks = [PlanMark(10, "Call", "phone", url="#call"), PlanMark(-5, "Before", "mail")]
    with override("en"):
        html = render("{% planline marks 'Steps' %}", marks=marks)
    assert html.count("<circle") == 2 and "D\u22125" in html and "D+10" in html
    assert '<line class="plan-due" x1="347"' in html


def test_facts_leave_out_what_is_unknown() -> None:
    html = render("{% facts rows %}", rows=[("Number", "FA-1"), ("Order", ""), ("Owed", Decimal(0)), ("Contact", None)])
    assert html.count("<dt>") == 2 and "Order" not in html
