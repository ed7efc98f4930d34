"""Every "no" can be read: why, timeline, board, queue, and the commands that print them."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from dunning.core import clock
from dunning.core.models import Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from invoices.models import Installment, Invoice
from invoices.services import make_promise, place_hold
from notifications.models import Message, ProviderAccount
from scenarios.brakes import Brake
from scenarios.management.words import cause
from scenarios.models import DailyRun, Schedule
from scenarios.selectors import board, customer_timeline, timeline, why, why_sentences, work_queue
from scenarios.selectors.on_file import on_file
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, cover, open_house, run_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Organization:
    organization = open_house()
    with tenant(organization):
        durand = make_customer("C1", name="Durand SARL")
        make_invoice(durand, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    run_on(organization, "2026-10-02")
    return organization


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_the_reasoning_reads_from_the_invoice_to_its_last_step(house: Organization) -> None:
    with tenant(house), translation.override("en"):
        cover("2026-10-05")
        found = why(invoice=Invoice.objects.select_related("customer").get(), organization=house, today=date(2026, 10, 5))
        said = [_plain(sentence) for sentence in why_sentences(found[0])]
    assert said[0] == "Invoice FA-1 of 1 September 2026, Durand SARL: €1,200.00 due on 1 October 2026, €1,200.00 left to pay."
    assert said[1] == "It follows the plan “Standard”, version 1."
    assert "First reminder: done on 2 October 2026." in said
    assert "The next step, Call, comes on 9 October 2026." in said
    assert said[-1] == (
        "If nothing is paid and everybody does their part: Call on 9 October 2026, Second reminder on 14 October 2026, "
        "Last reminder before the formal notice on 26 October 2026, Formal notice on 6 November 2026, "
        "Hand-over of the file on 25 November 2026."
    )


def test_a_pause_of_ours_names_what_would_change_it(house: Organization) -> None:
    with tenant(house), translation.override("en"):
        item = Installment.objects.get()
        place_hold(
            installment=item,
            kind="pause",
            side="ours",
            ends_on=date(2026, 10, 20),
            reason="Relecture",
            actor=CLERK,
            today=date(2026, 10, 5),
            now=at("2026-10-05"),
        )
        found = why(invoice=Invoice.objects.select_related("customer").get(), organization=house, today=date(2026, 10, 9))
        said = why_sentences(found[0])
        assert "The next step, Call, waits: frozen by us." in said
        assert "What would change it: End the pause once we have done our part: it never resumes by itself." in said
        assert found[0].forecast == ()
        frozen = board(today=date(2026, 10, 5)).frozen
        assert [(line.cause, line.items, line.amounts) for line in frozen] == [("held_ours:pause", 1, {"EUR": Decimal("1200.00")})]


def test_the_timeline_tells_past_and_future(house: Organization) -> None:
    with tenant(house), translation.override("en"):
        invoice = Invoice.objects.select_related("customer").get()
        told = timeline(invoice=invoice, organization=house, today=date(2026, 10, 5))
        assert [(entry.on.isoformat(), entry.kind, entry.evidence) for entry in told.past if entry.kind != "step"] == [
            ("2026-10-02", "message", 1),
            ("2026-09-01", "invoice", None),
        ]
        assert (told.future[0].on, told.future[0].title) == (date(2026, 10, 9), "Call")
        whole = customer_timeline(customer=invoice.customer, organization=house, today=date(2026, 10, 5))
        assert [entry.id for entry in whole.past if entry.kind == "message"] == [Message.objects.get().pk]


def test_what_is_on_file_of_a_customer_is_told_and_what_is_not_is_not_asked_for(house: Organization) -> None:
    with tenant(house), translation.override("en"):
        item = Installment.objects.select_related("invoice", "customer").get()
        other = make_customer("C2")
        assert on_file([item.customer_id]) == frozenset()
        with CaptureQueriesContext(connection) as before:
            timeline(invoice=item.invoice, organization=house, today=date(2026, 10, 5))
        assert not [query for query in before.captured_queries if 'FROM "invoices_promise"' in query["sql"]]
        make_promise(amounts={item: None}, promised_for=date(2026, 10, 9), actor=CLERK, today=date(2026, 10, 5), now=at("2026-10-05"))
        assert on_file([other.pk, item.customer_id]) >= {"promise"}
        assert on_file([other.pk]) == frozenset()
        told = timeline(invoice=item.invoice, organization=house, today=date(2026, 10, 5)).past
        assert [entry.title for entry in told if entry.kind == "promise"] == ["Promised for 9 October 2026"]


def test_the_queue_puts_calls_before_what_ends_soon(house: Organization) -> None:
    run_on(house, "2026-10-09")
    with tenant(house), translation.override("en"):
        customer = make_customer("C2")
        place_hold(
            customer=customer,
            kind="pause",
            ends_on=date(2026, 10, 10),
            reason="x",
            actor=CLERK,
            today=date(2026, 10, 9),
            now=at("2026-10-09"),
        )
        entries = work_queue(today=date(2026, 10, 9), now=at("2026-10-09", 10))
        assert [(entry.rank, entry.kind, entry.amount) for entry in entries] == [
            (5, "call", Decimal("1200.00")),
            (10, "hold_ends", Decimal("0")),
        ]
        assert [entry.kind for entry in work_queue(today=date(2026, 10, 9), now=at("2026-10-09", 10), customer=customer)] == ["hold_ends"]


def test_the_commands_run_a_day_approve_and_say_why(house: Organization) -> None:
    with tenant(house):
        OrganizationProfile.objects.update(supervised_until=date(2026, 12, 31))
        make_invoice(make_customer("C2"), number="FA-2", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 8))
        cover("2026-10-09")
    out = StringIO()
    call_command("run_day", organization=house.slug, on=date(2026, 10, 9), stdout=out)
    printed = out.getvalue()
    assert "Steps taken: Call 1, First reminder 1" in printed
    assert "Messages written: E-mail 1" in printed
    assert "Tasks opened: Call 1" in printed
    codes = ("put_off", "promises_broken", "awaiting_approval", "due_now", "not_yet", "r1 ")
    assert [code for code in codes if code in printed] == []
    assert "approve --all" in printed
    with tenant(house):
        assert DailyRun.objects.filter(local_date=date(2026, 10, 9)).count() == 1
    out = StringIO()
    with clock.virtual(at("2026-10-09", 10)):
        call_command("approve", "--all", organization=house.slug, stdout=out)
        assert "Approved: 1" in out.getvalue()
        out = StringIO()
        call_command("why", "FA-2", organization=house.slug, stdout=out)
    assert "First reminder: done on 9 October 2026." in out.getvalue()
    with pytest.raises(CommandError, match="There is no invoice FA-9"):
        call_command("why", "FA-9", organization=house.slug)
    with pytest.raises(CommandError):
        call_command("run_day", organization="nobody")


def test_a_day_without_an_iban_says_what_is_missing_and_goes_on_once_it_is_known() -> None:
    """Invoices loaded before the organization's IBAN was entered are reminded of once it is."""
    house = open_house(iban="")
    with tenant(house):
        make_invoice(make_customer("C1"), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), pay_to_iban="")
        cover("2026-10-02")
    out = StringIO()
    call_command("run_day", organization=house.slug, on=date(2026, 10, 2), stdout=out)
    printed = _plain(out.getvalue())
    assert "No IBAN is known: 1 invoice, €1,200.00. Enter the IBAN the invoice is to be paid to." in printed
    assert f"python3 manage.py profile --organization {house.slug} iban=" in printed
    with tenant(house):
        assert Message.objects.filter(phase__gt=10).count() == 0
        OrganizationProfile.objects.update(iban="FR2099999000010000000001A82")
    run_on(house, "2026-10-05")
    with tenant(house):
        message = Message.objects.get(template_key="r1")
        assert message.state == "accepted"
        assert "FR20 9999 9000 0100 0000 0001 A82" in _plain(message.body_text)


def test_a_factored_invoice_without_the_factors_iban_never_prints_ours() -> None:
    house = open_house()
    with tenant(house):
        customer = make_customer("C1", factor_name="Affacturage SA", factor_allows_reminders=True)
        make_invoice(customer, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1), pay_to_iban="")
    run_on(house, "2026-10-02")
    with tenant(house):
        assert Message.objects.filter(phase__gt=10).count() == 0
        assert Schedule.objects.get().reason == "iban_missing"


def test_another_day_is_refused_once_messages_really_leave(house: Organization) -> None:
    with tenant(house):
        ProviderAccount.objects.filter(channel="email").update(kind="smtp")
    with pytest.raises(CommandError, match="Nothing was done"):
        call_command("run_day", organization=house.slug, on=date(2026, 10, 9))
    with tenant(house):
        assert not DailyRun.objects.filter(local_date=date(2026, 10, 9)).exists()


def test_the_cause_of_a_brake_is_said_in_words() -> None:
    steps = {"r1": "First reminder"}
    with translation.override("en"):
        assert cause(Brake("volume", "", 90, 10), steps) == "far more messages than announced"
        assert cause(Brake("step", "r1", 90, 10), steps) == "mostly the step “First reminder”"
        assert cause(Brake("template", "thanks_paid", 90, 10), steps) == "mostly the text “Thank you for your payment”"
        assert cause(Brake("import", "0199", 90, 10), steps) == "mostly one import"
        assert cause(Brake("claimed", "EUR", 90, 10), steps) == "the total claimed in EUR rose without new invoices"
