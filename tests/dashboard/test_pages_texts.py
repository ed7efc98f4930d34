"""The texts' pages: which there are, one beside its rendering, saved, refused, stale, restored, sent to oneself."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dunning.core.enums import Role
from dunning.core.models import AuditEvent, OrganizationProfile, User
from dunning.core.tenancy import tenant
from notifications import dispatcher
from notifications.models import Message, MessageTemplate
from scenarios.models import PlanStep
from scenarios.services.texts import save_text, shipped_text
from tests.dashboard.conftest import NOW, House, sign_in
from tests.factories import make_customer
from tests.scenarios.houses import open_house

TEXT = {"subject": "Facture {{invoice.number}}", "body": "{{contact.greeting}},\r\n\r\n{{table}}\r\n", "phase": "20", "seen": "1"}


def _url(key: str = "r1", channel: str = "email", language: str = "fr", *, name: str = "text", variant: str = "") -> str:
    return reverse(f"dashboard:{name}", args=[key, channel, language, *([variant] if variant else [])])


def _rows(house: House, **where: object) -> list[MessageTemplate]:
    with tenant(house.organization):
        return list(
            MessageTemplate.objects.filter(**{"key": "r1", "channel": "email", "language": "fr", "variant": "", **where}).order_by(
                "version"
            )
        )


@pytest.fixture
def state(owner: Client) -> Callable[[str, str], str]:
    """What the list says of a text in a language."""

    def read(key: str, language: str) -> str:
        row = next(row for row in owner.get(reverse("dashboard:texts")).context["rows"] if row.key == key and not row.variant)
        return next(cell.state for cell in row.cells if cell.language == language)

    return read


def test_everybody_reads_and_those_who_manage_plans_write(owner: Client, viewer: Client, stranger: Client, house: House) -> None:
    collector = sign_in(house.organization, Role.COLLECTOR, "paul@atelier.example")
    assert Client().get(_url()).status_code == 302
    for client in (owner, viewer, collector):
        assert client.get(reverse("dashboard:texts")).status_code == 200
        assert client.get(_url()).status_code == 200
        assert client.get(_url(name="text_rendering")).status_code == 200
        assert client.post(_url(name="text_look"), TEXT).status_code == 200
    for client in (viewer, collector):
        for url in (_url(), _url(name="text_restore"), reverse("dashboard:text_new")):
            assert (url, client.post(url, TEXT).status_code) == (url, 403)
        assert "Save and put in force" not in client.get(_url()).content.decode()
    assert stranger.get(_url()).status_code == 404  # an organization without texts
    assert [row.version for row in _rows(house)] == [1]


def test_places_that_are_none_are_not_found(owner: Client) -> None:
    for key, channel, language, variant in (
        ("nothing", "email", "fr", ""),
        ("r1", "call", "fr", ""),
        ("r1", "email", "de", ""),
        ("r1", "email", "fr", "strange"),
    ):
        assert owner.get(_url(key, channel, language, variant=variant)).status_code == 404
    assert owner.get(_url(variant="reprise")).status_code == 200


def test_the_list_tells_states_apart_in_a_constant_number_of_queries(owner: Client, house: House, state: Callable[[str, str], str]) -> None:
    assert (state("r1", "fr"), state("r1", "en")) == ("shipped", "shipped")
    with tenant(house.organization):
        MessageTemplate.objects.filter(key="r1", language="en", variant="").update(is_current=False)
    assert state("r1", "en") == "absent"  # nobody is written to in English

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            owner.get(reverse("dashboard:texts"))
        return len(found)

    before = count()
    with tenant(house.organization):
        make_customer("C9", language="en")
    owner.post(_url(), TEXT)
    assert (state("r1", "fr"), state("r1", "en")) == ("edited", "missing")
    assert count() == before
    missing = owner.get(reverse("dashboard:texts"), {"state": "missing"}).context["rows"]
    assert [row.key for row in missing] == ["r1"]
    found = owner.get(reverse("dashboard:texts"), {"find": "formal notice", "channel": "registered"}).context["rows"]
    assert {row.channel for row in found} == {"registered"} and len(found) >= 3
    assert "No text is like that" in owner.get(reverse("dashboard:texts"), {"find": "xyzzy"}).content.decode()


def test_a_text_is_shown_on_a_real_invoice_in_either_language(owner: Client, house: House) -> None:
    page = owner.get(_url("r2"), {"invoice": str(house.item.invoice_id)}).content.decode()
    assert "FA-1" in page and "used by Standard · Second reminder" in page
    framed = owner.get(_url("r2", name="text_rendering"), {"invoice": str(house.item.invoice_id)})
    assert "1\u202f200,00\u00a0€" in framed.content.decode() and "FA-1" in framed.content.decode()
    assert framed["X-Frame-Options"] == "SAMEORIGIN" and "script-src 'none'" in framed["Content-Security-Policy"]
    english = owner.get(_url("r2", "email", "en", name="text_rendering"), {"invoice": str(house.item.invoice_id)}).content.decode()
    assert "€1,200.00" in english
    chosen = owner.get(_url("r2")).context["invoice"]
    assert chosen.number == "FA-1"  # the one whose next step uses it
    for wrong in ("x", "0199aaaa-0000-7000-8000-00000000dead"):
        assert owner.get(_url("r2"), {"invoice": wrong}).status_code == 404


def test_what_the_invoice_has_not_is_borrowed_and_said(owner: Client, house: House) -> None:
    context = owner.get(_url("dispute_answered"), {"invoice": str(house.item.invoice_id)}).context
    assert {"dispute.answer", "dispute.opened_on", "dispute.reason"} <= set(context["borrowed"])
    assert "Un avoir de 312,00" in context["look"].said.text
    values = {entry["key"]: entry for entry in context["palette"]}
    assert (values["customer.name"]["value"], values["customer.name"]["borrowed"]) == ("Durand SARL", False)
    assert values["dispute.answer"]["borrowed"] and values["invoices.one"]["value"] == "yes"
    assert "iban" not in {entry["key"] for entry in owner.get(_url("sms_firm", "sms")).context["palette"]}


def test_without_any_invoice_the_examples_are_shown(db: None, at_nine: None) -> None:
    client = sign_in(open_house())
    context = client.get(_url("r1")).context
    assert context["invoice"] is None and "FA-2026-00042" in context["look"].said.subject


def test_what_is_typed_is_shown_and_remarked_upon_before_anything_is_saved(owner: Client, house: House) -> None:
    look = owner.post(_url(name="text_look"), {**TEXT, "body": "Bonjour {{customer.nom}}"}).content.decode()
    assert "did you mean “customer.name”?" in look and "has no value here" in look
    fine = owner.post(_url(name="text_look"), {**TEXT, "subject": "Compte {{customer.number}}", "body": "Bonjour"}).content.decode()
    assert "Compte C1" in fine and "is-late" not in fine
    sms = owner.post(_url("sms_firm", "sms", name="text_look"), {"body": "Reçu {{amounts.total}}", "phase": "30", "seen": "1"})
    assert re.search(r"ç → c", sms.content.decode()) and "1 part" in sms.content.decode()
    assert "not filled in yet" in owner.post(_url(name="text_look"), {"subject": "x"}).content.decode()
    framed = owner.post(_url(name="text_rendering"), {**TEXT, "body": "**Typed** <b>{{customer.name}}</b>"}).content.decode()
    assert "<strong>Typed</strong> &lt;b&gt;Durand SARL&lt;/b&gt;" in framed
    assert owner.post(_url("sms_firm", "sms", name="text_rendering"), {"body": "x", "phase": "30", "seen": "1"}).status_code == 404
    assert [row.version for row in _rows(house)] == [1]


def test_a_letter_is_set_as_a_pdf_of_what_is_typed(owner: Client, house: House) -> None:
    letter = {**TEXT, "subject": "Relance", "phase": "30", "invoice": str(house.item.invoice_id)}
    answer = owner.post(_url("r1_letter", "letter", name="text_letter"), letter)
    assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert owner.post(_url(name="text_letter"), TEXT).status_code == 404  # an e-mail is no letter
    held = owner.post(
        _url("r1_letter", "letter", name="text_letter"), {**letter, "body": "{{#attached}}x{{/attached}}{{registered.number}}"}
    )
    assert held.status_code == 200  # borrowed from the examples


def test_a_text_is_saved_as_a_new_version_and_kept_with_its_author(owner: Client, house: House) -> None:
    assert owner.post(_url(), {**TEXT, "requires": ["call"]})["Location"] == _url()
    before, now = _rows(house)
    assert (before.is_current, now.is_current, now.version, now.is_shipped) == (False, True, 2, False)
    user = User.objects.get(email="claire@atelier.example")
    assert (now.body, now.requires, now.written_by, now.created_at) == (
        "{{contact.greeting}},\n\n{{table}}",
        ["call"],
        f"user:{user.pk}",
        NOW,
    )
    page = owner.get(_url()).content.decode()
    assert "Edited by us" in page and "9 October 2026, Claire Petit" in page and "Take these words up" in page
    assert before.body.splitlines()[0] in owner.get(_url(), {"version": "1"}).context["form"]["body"].value()
    with tenant(house.organization):
        assert AuditEvent.objects.filter(action="texts.written").exists()


def test_a_text_with_a_fault_is_refused_and_stays_on_the_form(owner: Client, house: House) -> None:
    answer = owner.post(_url(), {**TEXT, "body": "Bonjour {{invoice.nummer}}"})
    assert answer.status_code == 422
    assert "“invoice.nummer” is not a known placeholder" in answer.content.decode() and "{{invoice.nummer}}" in answer.content.decode()
    assert set(owner.post(_url(), {**TEXT, "body": "", "subject": ""}).context["form"].errors) == {"body", "subject"}
    assert [row.version for row in _rows(house)] == [1]


def test_a_stale_form_overwrites_nothing_and_shows_both(owner: Client, house: House) -> None:
    with tenant(house.organization):
        shipped = shipped_text("r1", "email", "fr", "")
        assert shipped is not None
        save_text(text=replace(shipped, body="Bonjour,\n\nDe Paul."), seen=1, actor="user:paul", now=NOW)
    answer = owner.post(_url(), {**TEXT, "body": "Bonjour,\n\nDe Claire."})
    page = answer.content.decode()
    assert answer.status_code == 422 and "paul has changed this text since you opened it" in page
    assert answer.context["differing"] == [(False, "De Paul."), (True, "De Claire.")]
    assert [row.version for row in _rows(house)] == [1, 2]
    assert owner.post(_url(), {**TEXT, "body": "Bonjour,\n\nDe Claire.", "seen": answer.context["form"]["seen"].value()}).status_code == 302
    assert _rows(house)[-1].body == "Bonjour,\n\nDe Claire."


def test_the_shipped_text_comes_back(owner: Client, house: House) -> None:
    owner.post(_url(), TEXT)
    assert "Put the shipped text back" in owner.get(_url()).content.decode()
    stale = owner.post(f"{_url(name='text_restore')}?seen=1")
    assert stale.status_code == 422 and "has changed this text" in stale.content.decode()
    assert owner.post(f"{_url(name='text_restore')}?seen=2").status_code == 302
    first, _second, third = _rows(house)
    assert (third.body, third.is_shipped, third.version) == (first.body, True, 3)
    assert "Put the shipped text back" not in owner.get(_url()).content.decode()


def test_a_new_text_begins_like_another_and_is_written_then(owner: Client, house: House) -> None:
    new = reverse("dashboard:text_new")
    assert owner.get(new).status_code == 200
    assert owner.post(new, {"key": "Mine", "channel": "email", "language": "fr"}).status_code == 422
    to = owner.post(new, {"key": "mine", "channel": "email", "language": "fr", "like": "email:r2"})["Location"]
    form = owner.get(to).context["form"]
    assert form["seen"].value() == 0 and "{{" in form["body"].value()
    assert owner.get(_url("mine")).status_code == 404  # nothing is there before it is saved
    assert owner.post(to, {**TEXT, "seen": "0"}).status_code == 302
    assert [row.version for row in _rows(house, key="mine")] == [1]


def test_a_missing_text_of_a_step_can_be_written(owner: Client, house: House) -> None:
    with tenant(house.organization):
        step = PlanStep.objects.get(version__plan__key="standard", key="r1")
        MessageTemplate.objects.filter(key=step.template_key, channel="email", language="en", variant="").update(is_current=False)
    page = owner.get(_url("r1", "email", "en"))
    assert page.status_code == 200 and "Missing" in page.content.decode()
    assert page.context["form"]["body"].value().startswith("{{contact.greeting}}")  # it starts with the shipped words


def test_a_test_goes_to_oneself_says_what_is_typed_and_saves_nothing(owner: Client, house: House) -> None:
    sent = {**TEXT, "subject": "Essai {{customer.number}}", "body": "Pour **{{customer.name}}**", "act": "trial"}
    answer = owner.post(_url(), {**sent, "invoice": str(house.item.invoice_id)})
    assert answer.status_code == 200 and "It goes to claire@atelier.example" in answer.content.decode()
    assert answer.context["form"]["body"].value() == "Pour **{{customer.name}}**"
    dispatcher.deliver_due(now=NOW, organization=house.organization)
    with tenant(house.organization):
        message = Message.objects.get(kind="test")
        assert (message.state, message.recipient, message.subject) == ("accepted", "claire@atelier.example", "[Test] Essai C1")
        assert "Pour Durand SARL" in message.body_text and "<strong>Durand SARL</strong>" in message.body_html
        assert message.customer_id is None
    assert [row.version for row in _rows(house)] == [1]
    sms = {"body": "Essai {{customer.number}}", "phase": "30", "seen": "1", "act": "trial"}
    assert "Your account has no mobile number" in owner.post(_url("sms_firm", "sms"), sms).content.decode()
    User.objects.filter(email="claire@atelier.example").update(phone="06 12 34 56 78")
    assert owner.post(_url("sms_firm", "sms"), sms).context["sent"].recipient == "+33612345678"
    with tenant(house.organization):
        OrganizationProfile.objects.update(country="BE")
    User.objects.filter(email="claire@atelier.example").update(phone="0475 12 34 56")
    assert owner.post(_url("sms_firm", "sms"), sms).context["sent"].recipient == "+32475123456"
    assert owner.post(_url(), {**sent, "body": "{{nope}}"}).status_code == 422


def test_waiting_messages_say_the_words_in_force(owner: Client, house: House) -> None:
    with tenant(house.organization):
        waiting = Message.objects.get(pk=house.sent.pk)
        Message.objects.filter(pk=waiting.pk).update(state="queued")
    owner.post(_url(), {**TEXT, "subject": "Nouveaux mots"})
    with tenant(house.organization):
        assert Message.objects.get(pk=house.sent.pk).frozen_at is None  # set once more when it leaves
