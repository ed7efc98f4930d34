"""Instalments agreed on: dated stories of a plan kept, broken, mended, ended, and of who may not have one. October 2026."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from customers.models import Customer
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization, OrganizationProfile
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices import services
from invoices.enums import ActKind, ActSource, HoldKind, PlanState, PromiseState
from invoices.models import DebtorAct, Hold, Installment, PaymentPlan, PaymentPlanItem, Promise
from invoices.schedules import Gap, Part, even_parts
from invoices.services import Signature
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, bill, left, pay

SEPT_1, OCT_1, OCT_5 = date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 5)
OCT_12, NOV_12, DEC_12 = date(2026, 10, 12), date(2026, 11, 12), date(2026, 12, 12)
WORDS = "Nous reconnaissons devoir 1 200,00 € et les réglons en trois fois."
SIGNED = Signature(text=WORDS, language="fr", name="  Anne   Durand ", address="203.0.113.7", browser="Mozilla/5.0")


@pytest.fixture
def customer(organization: Organization) -> Customer:
    OrganizationProfile.objects.update(plans_offered=True)
    return make_customer()


@pytest.fixture
def item(customer: Customer) -> Installment:
    return bill(customer, "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")


def agree(*items: Installment, source: str = ActSource.PORTAL, on: date = OCT_5, parts: Any = None, count: int = 3) -> PaymentPlan:
    total = sum((item.outstanding for item in items), Decimal(0))
    parts = parts or even_parts(total, count, on + timedelta(days=7), Gap.MONTH)
    return services.agree_on_plan(installments=items, parts=parts, signature=SIGNED, source=source, **at(on))


def hold_of(item: Installment) -> Hold | None:
    return Hold.objects.filter(installment=item, kind=HoldKind.AGREED_INSTALMENTS, released_on=None).first()


def state(plan: PaymentPlan) -> str:
    return PaymentPlan.objects.get(pk=plan.pk).state


def test_a_plan_holds_its_item_through_each_part_and_is_kept(item: Installment) -> None:
    plan = agree(item)
    assert (plan.amount, plan.signatory, plan.signed_from) == (Decimal("1200.00"), "Anne Durand", "203.0.113.7")
    assert [(part.due_on, part.amount) for part in plan.parts.order_by("position")] == [
        (day, Decimal("400.00")) for day in (OCT_12, NOV_12, DEC_12)
    ]
    assert [act.kind for act in DebtorAct.objects.all()] == [ActKind.AGREED_PLAN]
    hold = hold_of(item)
    assert hold is not None and (hold.side, hold.ends_on) == ("theirs", date(2026, 10, 14))
    for day, through in ((OCT_12, date(2026, 11, 16)), (NOV_12, date(2026, 12, 15))):
        assert services.break_due_plans(**at(day)) == []
        pay(item.customer, "400.00", on=day)
        hold = hold_of(item)
        assert hold is not None and hold.ends_on == through
    pay(item.customer, "400.00", on=DEC_12)
    assert (state(plan), left(item), hold_of(item)) == (PlanState.KEPT, 0, None)


def test_a_part_not_paid_in_time_breaks_the_plan_on_the_next_day(item: Installment) -> None:
    plan = agree(item)
    assert services.break_due_plans(**at(date(2026, 10, 14))) == []
    assert services.break_due_plans(**at(date(2026, 10, 15))) == [plan]
    assert (state(plan), hold_of(item)) == (PlanState.BROKEN, None)
    assert services.break_due_plans(**at(date(2026, 10, 16))) == []
    with pytest.raises(DomainError) as refusal:
        agree(item, on=date(2026, 10, 20))
    assert refusal.value.code == "broken_before"
    agree(item, on=date(2026, 10, 20), source=ActSource.STAFF)


def test_a_receipt_booked_late_but_valued_in_time_mends_the_plan(item: Installment) -> None:
    plan = agree(item)
    services.break_due_plans(**at(date(2026, 10, 15)))
    payment = pay(item.customer, "400.00", on=date(2026, 10, 14), entered_on=date(2026, 10, 16))
    hold = hold_of(item)
    assert hold is not None
    assert (state(plan), hold.ends_on) == (PlanState.ACTIVE, date(2026, 11, 16))
    services.correct_value_date(payment=payment, received_on=date(2026, 10, 15), **at(date(2026, 10, 16)))
    assert (state(plan), hold_of(item)) == (PlanState.BROKEN, None)


def test_a_payment_taken_back_takes_the_kept_plan_with_it(item: Installment) -> None:
    plan = agree(item)
    payment = pay(item.customer, "1200.00", on=OCT_12)
    assert state(plan) == PlanState.KEPT
    services.cancel_payment(payment=payment, reason="Chèque impayé", **at(date(2026, 10, 20)))
    assert state(plan) == PlanState.BROKEN


def test_a_credit_note_comes_off_the_last_part(item: Installment) -> None:
    plan = agree(item)
    services.issue_credit_note(
        customer=item.customer, number="AV-1", issued_on=OCT_5, gross=Decimal("400.00"), credited_invoice=item.invoice, **at(OCT_5)
    )
    pay(item.customer, "400.00", on=OCT_12)
    assert state(plan) == PlanState.ACTIVE
    pay(item.customer, "400.00", on=NOV_12)
    assert (state(plan), left(item)) == (PlanState.KEPT, 0)


def test_a_cancelled_invoice_leaves_nothing_to_pay_in_parts(item: Installment) -> None:
    plan = agree(item)
    services.cancel_invoice(invoice=item.invoice, reason="Établie par erreur", **at(OCT_5))
    assert (state(plan), hold_of(item)) == (PlanState.CANCELLED, None)


def test_two_invoices_are_divided_together_and_each_is_held(customer: Customer) -> None:
    one = bill(customer, "100.00", issued_on=SEPT_1, due_on=OCT_1, number="F-2026-1")
    two = bill(customer, "101.00", issued_on=SEPT_1, due_on=OCT_5, number="F-2026-2")
    plan = agree(one, two, count=2)
    assert plan.amount == Decimal("201.00")
    pay(customer, "100.50", on=OCT_12)
    for item in (one, two):
        hold = hold_of(item)
        assert hold is not None and hold.ends_on == date(2026, 11, 16)
    assert (left(one), left(two)) == (0, Decimal("100.50"))


def test_a_credit_note_we_owe_is_not_divided(item: Installment) -> None:
    services.place_hold(
        installment=item,
        kind=HoldKind.CREDIT_NOTE_PENDING,
        amount=Decimal("200.00"),
        ends_on=date(2026, 10, 20),
        reason="Remise",
        **at(OCT_5),
    )
    with pytest.raises(DomainError) as refusal:
        agree(item)
    assert (refusal.value.code, refusal.value.field) == ("bad_amount", "count")
    plan = agree(item, parts=even_parts(Decimal("1000.00"), 2, OCT_12, Gap.MONTH))
    pay(item.customer, "500.00", on=OCT_12)
    pay(item.customer, "500.00", on=NOV_12)
    assert (state(plan), left(item)) == (PlanState.KEPT, Decimal("200.00"))


def test_an_open_promise_gives_way(item: Installment) -> None:
    services.make_promise(amounts={item: None}, promised_for=OCT_12, source=ActSource.CALL, **at(OCT_5))
    agree(item)
    assert Promise.objects.get().state == PromiseState.CANCELLED


def test_a_person_ends_a_plan_with_a_reason_and_it_stays_ended(item: Installment) -> None:
    plan = agree(item)
    hold = hold_of(item)
    assert hold is not None
    for act in (services.release_hold, services.renew_hold):
        more = {"ends_on": date(2026, 10, 20)} if act is services.renew_hold else {}
        with pytest.raises(DomainError) as refusal:
            act(hold=hold, reason="Assez", **more, **at(OCT_5, "user:paul"))
        assert refusal.value.code == "agreed"
    with pytest.raises(DomainError):
        services.end_plan(plan=plan, reason=" ", **at(OCT_5))
    services.end_plan(plan=plan, reason="Demandé par le client", **at(OCT_5))
    assert (plan.state, plan.closed_reason, hold_of(item)) == (PlanState.CANCELLED, "Demandé par le client", None)
    pay(item.customer, "400.00", on=OCT_12)
    assert state(plan) == PlanState.CANCELLED
    with pytest.raises(DomainError) as refusal:
        services.end_plan(plan=plan, reason="Encore", **at(OCT_12))
    assert refusal.value.code == "closed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"insurer": "Allianz Trade"}, "insured"),
        ({"factor_name": "BNP Factor"}, "factored"),
        ({"insolvency_kind": "receivership", "insolvency_opened_on": OCT_1}, "insolvency"),
    ],
)
def test_some_customers_may_not_divide_what_they_owe(item: Installment, changes: dict[str, Any], code: str) -> None:
    Customer.objects.update(**changes)
    with pytest.raises(DomainError) as refusal:
        agree(item)
    assert refusal.value.code == code
    assert not PaymentPlan.objects.exists() and hold_of(item) is None


def test_staff_may_divide_what_is_insured_but_never_what_is_a_factors(item: Installment) -> None:
    Customer.objects.update(factor_name="BNP Factor")
    with pytest.raises(DomainError) as refusal:
        agree(item, source=ActSource.STAFF)
    assert refusal.value.code == "factored"
    Customer.objects.update(factor_name="", insurer="Allianz Trade")
    agree(item, source=ActSource.STAFF)


def test_nothing_is_offered_until_the_organization_says_so(item: Installment) -> None:
    OrganizationProfile.objects.update(plans_offered=False)
    with pytest.raises(DomainError) as refusal:
        agree(item)
    assert refusal.value.code == "not_offered"


def test_a_broken_promise_closes_the_way_for_a_year(item: Installment) -> None:
    services.make_promise(amounts={item: None}, promised_for=date(2026, 10, 6), source=ActSource.CALL, **at(OCT_5))
    services.break_due_promises(**at(OCT_12))
    with pytest.raises(DomainError) as refusal:
        agree(item, on=OCT_12)
    assert refusal.value.code == "broken_before"
    Promise.objects.update(closed_on=OCT_12 - timedelta(days=366))
    agree(item, on=OCT_12)


@pytest.mark.parametrize(
    ("parts", "code", "field"),
    [
        ([("2026-10-12", "1200.00")], "too_few", "count"),
        ([("2026-10-12", "300.00")] * 4, "bad_order", "first_on"),
        ([("2026-10-12", "300.00"), ("2026-10-19", "300.00"), ("2026-10-26", "300.00"), ("2026-11-02", "300.00")], "too_many", "count"),
        ([("2026-10-12", "600.00"), ("2026-11-12", "600.01")], "bad_amount", "count"),
        ([("2026-10-12", "1300.00"), ("2026-11-12", "-100.00")], "bad_amount", "amount"),
        ([("2026-10-04", "600.00"), ("2026-11-12", "600.00")], "past_date", "first_on"),
        ([("2026-10-14", "600.00"), ("2026-11-12", "600.00")], "too_late", "first_on"),
        ([("2026-10-12", "600.00"), ("2027-01-04", "600.00")], "too_long", "gap"),
        ([("2026-11-12", "600.00"), ("2026-10-12", "600.00")], "bad_order", "first_on"),
    ],
)
def test_a_schedule_beyond_the_policy_is_refused_by_name(item: Installment, parts: list[tuple[str, str]], code: str, field: str) -> None:
    schedule = [Part(date.fromisoformat(day), Decimal(amount)) for day, amount in parts]
    with pytest.raises(DomainError) as refusal:
        agree(item, parts=schedule)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not PaymentPlan.objects.exists()


def test_what_is_contested_paid_or_planned_is_not_divided(item: Installment) -> None:
    other = bill(item.customer, "50.00", issued_on=SEPT_1, due_on=OCT_1, number="F-9")
    services.open_dispute(installment=other, reason="PU_ERR", **at(OCT_5))
    with pytest.raises(DomainError) as refusal:
        agree(item, other)
    assert refusal.value.code == "disputed"
    agree(item)
    with pytest.raises(DomainError) as refusal:
        agree(item)
    assert refusal.value.code == "already_planned"
    foreign = bill(item.customer, "10.00", issued_on=SEPT_1, due_on=OCT_1, number="F-10", currency="GBP")
    with pytest.raises(DomainError) as refusal:
        agree(foreign, other)
    assert refusal.value.code == "several_currencies"


def test_the_trail_holds_who_signed_what(item: Installment) -> None:
    plan = agree(item)
    assert plan.text_sha256 == hashlib.sha256(WORDS.encode()).hexdigest()
    assert DebtorAct.objects.get().details["text_sha256"] == plan.text_sha256


def test_two_agreements_at_once_are_one(committed_database: str) -> None:
    organization = make_organization(plans_offered=True)
    with tenant(organization):
        item = bill(make_customer(), "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
    start = Barrier(6)

    def ask(_number: int) -> str:
        start.wait()
        try:
            with tenant(organization):
                agree(item)
            return "agreed"
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=6) as pool:
        assert sorted(pool.map(ask, range(6))) == ["agreed", *["already_planned"] * 5]
    with tenant(organization):
        assert (PaymentPlan.objects.count(), Hold.objects.count(), DebtorAct.objects.count()) == (1, 1, 1)
        event = AuditEvent.objects.get(action="plan.agreed")
        assert (event.body["signatory"], event.body["address"], event.body["items"]) == ("Anne Durand", "203.0.113.7", 1)
        plan = PaymentPlan.objects.get()
        with pytest.raises(IntegrityError, match="one_running_plan_per_item"), transaction.atomic():
            twin = PaymentPlan.objects.get(pk=plan.pk)
            twin.pk = new_id()
            twin.save(force_insert=True)
            PaymentPlanItem.objects.create(plan=twin, installment=item, amount=Decimal(1))


def test_a_payment_and_the_breaking_of_its_plan_meet(committed_database: str) -> None:
    """On the morning after the deadline the run judges while the receipt of the last day is being entered: the plan goes on either way."""
    organization = make_organization(plans_offered=True)
    with tenant(organization):
        item = bill(make_customer(), "1200.00", issued_on=SEPT_1, due_on=OCT_1, number="F-1")
        plan = agree(item)
    start = Barrier(2)

    def act(number: int) -> None:
        start.wait()
        try:
            with tenant(organization):
                if number:
                    services.break_due_plans(**at(date(2026, 10, 15)))
                else:
                    pay(item.customer, "400.00", on=date(2026, 10, 14), entered_on=date(2026, 10, 15))
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(act, range(2)))
    with tenant(organization):
        assert state(plan) == PlanState.ACTIVE
        hold = hold_of(item)
        assert hold is not None and hold.ends_on == date(2026, 11, 16)
