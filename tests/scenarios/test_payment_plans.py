"""A payment plan in the life of an organization: reminders stop while its parts are paid, and go on where they stood when one is not."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from customers.models import Customer
from dunning.core import documents
from dunning.core.errors import DomainError, StaleObject
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.enums import ActSource, PlanState
from invoices.models import Installment, PaymentPlan, PaymentRequest
from invoices.references import printed_reference
from notifications.models import Message
from scenarios.models import Task
from scenarios.services.payment_plans import Draft, agree_on_plan, draft_plan, read_agreement
from scenarios.signed_papers import accepted_words, paragraphs
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, mail, open_house, run_on, send, steps_of
from tests.scenarios.road import pay, plain, words_of

OCT_5, OCT_12 = date(2026, 10, 5), date(2026, 10, 12)


@pytest.fixture
def house(db: None) -> Organization:
    return open_house(plans_offered=True)


@pytest.fixture
def item(house: Organization) -> Installment:
    """1 200,00 due on 1 October, reminded of on the 2nd."""
    with tenant(house):
        customer = make_customer("C1", name="Durand SARL")
        made = make_invoice(customer, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), payment_reference="RF92FA1")
    run_on(house, "2026-10-02")
    return made


def draft(*items: Installment, count: int = 3, language: str = "fr", source: str = ActSource.PORTAL) -> Draft:
    return draft_plan(
        installments=[item.pk for item in items], count=count, first_on=OCT_12, gap="month", language=language, source=source, today=OCT_5
    )


def agree(house: Organization, *items: Installment, **more: str) -> PaymentPlan:
    with tenant(house):
        made = draft(*items)
        return agree_on_plan(
            draft=made,
            sha256=made.sha256,
            name="Anne Durand",
            address="203.0.113.7",
            actor="contact:anne",
            today=OCT_5,
            now=at("2026-10-05"),
            **more,
        )


def test_the_plan_pauses_the_reminders_and_both_sides_receive_the_agreement(house: Organization, item: Installment) -> None:
    agree(house, item)
    send(house, "2026-10-05")
    with tenant(house):
        sent = Message.objects.get(template_key="plan_agreed")
        assert (sent.state, sent.recipient, sent.kind) == ("accepted", "compta.c1@client.example", "confirmation")
        assert plain(sent.subject) == "Votre échéancier : 1 200,00 € en 3 versements"
        assert "400,00 € le 12 octobre 2026, 400,00 € le 12 novembre 2026 et 400,00 € le 12 décembre 2026" in plain(sent.body_text)
        assert "référence RF92 FA1" in plain(sent.body_text)
        [file] = sent.attachments.all()
        assert file.filename == "Accord-de-règlement-échelonné-2026-10-05.pdf"
        assert file.document == PaymentPlan.objects.get().document
    run_on(house, "2026-10-09")
    with tenant(house):
        assert steps_of(item)[-1] == ("r1", "done", "2026-10-02")
        assert not Task.objects.filter(kind="call").exists()


def test_a_part_that_does_not_come_lets_the_same_step_go_on(house: Organization, item: Installment) -> None:
    plan = agree(house, item)
    with tenant(house):
        pay(item.customer, "400.00", "2026-10-12", item)
    for day in ("2026-10-15", "2026-11-16"):
        run_on(house, day)
    with tenant(house):
        assert not Task.objects.filter(kind="call").exists()
        assert PaymentPlan.objects.get().state == PlanState.ACTIVE
    report = run_on(house, "2026-11-17")
    assert report.kept["plans_broken"] == 1
    with tenant(house):
        plan.refresh_from_db()
        assert (plan.state, plan.closed_on) == (PlanState.BROKEN, date(2026, 11, 17))
        assert Task.objects.filter(kind="call", state="open").count() == 1  # the step after R1: where the plan of reminders stood
        assert [step for step, _state, _day in steps_of(item)].count("r1") == 1


def test_waiting_reminders_lose_what_is_paid_in_parts(house: Organization, item: Installment) -> None:
    run_on(house, "2026-10-09")  # the call is on the desk
    with tenant(house):
        assert Task.objects.get(kind="call").state == "open"
    made = agree(house, item)
    with tenant(house):
        assert Task.objects.get(kind="call").state == "cancelled"
        assert made.state == PlanState.ACTIVE


def test_the_agreement_says_what_the_law_wants_and_what_was_accepted(house: Organization, item: Installment) -> None:
    plan = agree(house, item)
    with tenant(house):
        document = read_agreement(plan=plan, organization=house, now=at("2026-10-05"))
        content = documents.read(document)
        again = read_agreement(plan=PaymentPlan.objects.get(), organization=house, now=at("2026-10-06"))
    assert again == document
    said = words_of(content)
    for words in (
        "Accord de règlement échelonné",
        "Le débiteur reconnaît devoir au créancier, au 5 octobre 2026, la somme de 1 200,00 € en principal",
        "facture n° FA-1 du 1er septembre 2026, échéance du 1er octobre 2026 : 1 200,00 €",
        "interrompt la prescription (article 2240 du code civil)",
        "400,00 € au plus tard le 12 octobre 2026",
        "IBAN FR20 9999 9000 0100 0000 0001 A82, en rappelant la référence RF92 FA1",
        "sans novation (articles 1329 et 1330 du code civil)",
        "indemnité forfaitaire de 40 € par facture (articles L441-10 et D441-5 du code de commerce)",
        "dans les 2 jours ouvrés suivant sa date, l'accord prend fin de plein droit",
        "Accepté en ligne par Anne Durand, pour Durand SARL, le 5 octobre 2026 à 11:05 (CEST), depuis l'adresse 203.0.113.7",
    ):
        assert words in said, words
    assert plan.text_sha256 in said.replace(" ", "")
    assert len(pypdfium2.PdfDocument(content)) == 2


def test_in_english_and_for_a_consumer_the_words_differ(house: Organization, item: Installment) -> None:
    with tenant(house):
        english = plain(draft(item, language="en").text)
        assert "interrupts limitation (article 2240 of the French Civil Code)" in english
        assert "€400.00 by 12 October 2026" in english and "without novation" in english
        Customer.objects.update(kind="consumer", siren="")
        french = plain(draft(item).text)
    assert "pénalités" not in french and "40 €" not in french
    assert "qu'après une mise en demeure restée sans effet pendant quinze jours" in french


def test_a_creditor_elsewhere_quotes_no_french_article(house: Organization, item: Installment) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(country="BE")
        assert "article" not in draft(item).text


def test_several_invoices_are_paid_under_one_reference_of_their_own(house: Organization, item: Installment) -> None:
    with tenant(house):
        other = make_invoice(item.customer, number="FA-2", amount="300.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 2))
        made = draft(item, other)
        assert not PaymentRequest.objects.exists()
        assert printed_reference(made.reference) in made.text
    plan = agree(house, item, other)
    with tenant(house):
        request = PaymentRequest.objects.get()
        assert (request.reference, request.amount) == (plan.reference, Decimal("1500.00"))
        payment = pay_by(request.reference, "500.00")
        assert payment.customer == item.customer
        assert Installment.objects.get(pk=item.pk).outstanding == Decimal("700.00")


def pay_by(reference: str, amount: str):  # type: ignore[no-untyped-def]
    from invoices.services import PaymentDraft, record_payment

    draft = PaymentDraft(amount=Decimal(amount), received_on=OCT_12, reference_text=f"VIREMENT {reference}")
    return record_payment(draft=draft, actor=CLERK, today=OCT_12, now=at("2026-10-12")).payment


def test_words_that_changed_since_they_were_read_are_not_agreed_to(house: Organization, item: Installment) -> None:
    with tenant(house):
        read = draft(item).sha256
        pay(item.customer, "200.00", "2026-10-05", item)
    with tenant(house), pytest.raises(StaleObject):
        agree_on_plan(draft=draft(item), sha256=read, name="Anne", actor="contact:anne", today=OCT_5, now=at("2026-10-05"))
    with tenant(house):
        assert not PaymentPlan.objects.exists()
        assert ("plan_agreed", "queued") not in mail()


def test_what_the_page_asks_for_is_refused_by_name(house: Organization, item: Installment) -> None:
    with tenant(house):
        for count, first_on, gap, field in (
            (4, OCT_12, "month", "count"),
            (3, date(2026, 10, 31), "month", "first_on"),
            (2, date(2026, 10, 4), "week", "first_on"),
        ):
            with pytest.raises(DomainError) as refusal:
                draft_plan(installments=[item.pk], count=count, first_on=first_on, gap=gap, language="fr", today=OCT_5)
            assert refusal.value.field == field


def test_what_staff_agreed_on_by_telephone_is_sent_to_be_signed(house: Organization, item: Installment) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(plans_offered=False)
        made = draft(item, count=5, source=ActSource.STAFF)
        plan = agree_on_plan(
            draft=made,
            sha256=made.sha256,
            name="Anne Durand",
            source=ActSource.STAFF,
            actor=CLERK,
            today=OCT_5,
            now=at("2026-10-05"),
        )
        said = words_of(documents.read(read_agreement(plan=plan, organization=house, now=at("2026-10-05"))))
    assert "en 5 versements" in said
    assert "Merci de nous retourner cet accord signé" in said and "bon pour accord" in said
    assert "en ligne" not in said


def test_words_are_laid_out_the_same_on_screen_and_paper() -> None:
    assert paragraphs("§ 1. Titre\nPhrase.\n- un\n- deux\nFin.\n\nAutre.") == [
        ("heading", ["1. Titre"]),
        ("paragraph", ["Phrase."]),
        ("list", ["un", "deux"]),
        ("paragraph", ["Fin."]),
        ("paragraph", ["Autre."]),
    ]


def test_an_acceptance_without_an_address_says_none() -> None:
    from scenarios.signed_papers import Signing

    signing = Signing("x", "y", "en", "Anne", at("2026-10-05"))
    assert accepted_words(signing, zone=ZoneInfo("Europe/Paris"), customer="Durand")[0] == (
        "Accepted online by Anne, for Durand, on 5 October 2026 at 11:05 (CEST)."
    )
