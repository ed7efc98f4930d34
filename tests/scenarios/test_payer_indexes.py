"""The payer index as it is kept: always what the formula says, brought up to date by whatever changes it, and a condition of steps."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer, CustomerGroup
from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from invoices import services
from invoices.models import Installment, PayerIndex
from invoices.payer_index import AdjustmentCode
from invoices.selectors import kept_indexes, payer_index_sentence
from scenarios import payer_indexes
from scenarios.models import Action, ActionPlan, PlanStep, PlanVersion
from scenarios.selectors import explained_index
from tests.factories import make_customer, make_organization
from tests.invoices.ledger import at, pay
from tests.reports.ledger import TODAY, example, item, owe, settle
from tests.scenarios.houses import open_house, run_on, steps_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Iterator[Organization]:
    made = make_organization()
    with tenant(made):
        yield made


def kept(customer: Customer) -> tuple[Decimal | None, int] | None:
    row = kept_indexes([customer.pk]).get(customer.pk)
    return None if row is None else (row.value, row.paid_invoices)


def explained(customer: Customer, today: date = TODAY) -> tuple[Decimal | None, int] | None:
    """What the formula says, as it is kept."""
    found = explained_index(customer.pk, today=today)
    if found is None:
        return None
    return (found.index.score if found.index.sufficient else None, found.index.paid_invoices)


def remind(reminded: Installment, on: date, *, key: str = "pre_due") -> None:
    """A message before the due date was done for it."""
    plan, _created = ActionPlan.objects.get_or_create(key="p", defaults={"name": "P"})
    version = PlanVersion.objects.filter(plan=plan).first()
    if version is None:
        version = PlanVersion.objects.create(plan=plan, number=1, published_at=at(on)["now"], published_by="system")
        for place, (step, anchor, offset) in enumerate((("pre_due", "due", -7), ("receipt", "issue", 5), ("notice", "due", 0)), start=1):
            PlanStep.objects.create(
                version=version, key=step, position=place, phase=10, channel="email", anchor=anchor, offset=offset, name=step
            )
    Action.objects.create(
        installment=reminded, customer_id=reminded.customer_id, plan=plan, version=version, step_key=key, phase=10, channel="email",
        state="done", taken_on=on, done_on=on,
    )  # fmt: skip


def paid_three(customer: Customer, days_late: int = 0, prefix: str = "P") -> list[Installment]:
    """Three invoices of 100 due on Mondays of summer, paid that many days late."""
    found = []
    for number, due in enumerate((date(2026, 6, 1), date(2026, 7, 6), date(2026, 8, 3))):
        paid = owe(customer, f"{prefix}-{customer.number}-{number}", "100", due.isoformat())
        settle(paid, "100", (due + timedelta(days=days_late)).isoformat())
        found.append(paid)
    return found


def test_the_worked_example(organization: Organization) -> None:
    who = example()
    history = {name: explained_index(customer.pk, today=TODAY) for name, customer in who.items()}
    # I8 was paid in part, 12 days late: 72 points for 2 000. Without it B would have the 47,7 of docs/domain.md.
    assert {name: found.index.history for name, found in history.items() if found} == {
        "A": Decimal("77.2"),
        "B": Decimal("50.9"),
        "C": Decimal("62.9"),
        "D": None,
    }
    payer_indexes.refresh(today=TODAY)
    assert {name: kept(customer) for name, customer in who.items()} == {"A": (None, 2), "B": (None, 2), "C": (None, 1), "D": (None, 0)}


def test_with_three_paid_invoices_there_is_an_index(organization: Organization) -> None:
    prompt, late, silent = make_customer(), make_customer(), make_customer()
    paid_three(prompt)
    paid_three(late, days_late=30)
    # Each settlement brought its customer's index up to date; it has been this since the third.
    assert (kept(prompt), kept(late), kept(silent)) == ((80, 3), (50, 3), None)
    assert PayerIndex.objects.get(customer=prompt).since == date(2026, 8, 3)
    assert payer_indexes.refresh(today=TODAY) == 0
    PayerIndex.objects.all().delete()
    assert payer_indexes.refresh(today=TODAY) == 2
    assert (kept(prompt), PayerIndex.objects.get(customer=prompt).since) == ((80, 3), TODAY)


def test_a_corrected_payment_date_changes_the_index_back(organization: Organization) -> None:
    customer = make_customer()
    paid_three(customer)
    wrong = pay(customer, "100", on=date(2026, 9, 28), allocations=((owe(customer, "F-1", "100", "2026-08-31"), Decimal(100)),))
    assert kept(customer) == (Decimal("73.1"), 4)
    services.correct_value_date(payment=wrong, received_on=date(2026, 8, 31), **at(TODAY))
    assert kept(customer) == explained(customer) == (80, 4)
    services.cancel_payment(payment=wrong, reason="bounced", **at(TODAY))
    assert kept(customer) == explained(customer) == (Decimal("72.5"), 3)


def test_a_bonus_is_for_a_message_before_the_due_date_alone(organization: Organization) -> None:
    customer = make_customer()
    first, second, third = paid_three(customer)
    remind(first, date(2026, 5, 25))
    remind(second, date(2026, 6, 29), key="receipt")
    remind(third, date(2026, 8, 3), key="notice")
    payer_indexes.refresh(today=TODAY)
    assert kept(customer) == explained(customer) == (82, 3)
    found = explained_index(customer.pk, today=TODAY)
    assert found is not None
    assert [(one.code, one.count, one.points) for one in found.index.adjustments] == [(AdjustmentCode.PAID_AFTER_PRE_DUE, 1, 2)]


def test_currencies_are_never_added(organization: Organization) -> None:
    customer = make_customer()
    paid_three(customer)
    dollars = services.issue_invoice(
        draft=services.InvoiceDraft(
            customer=customer, number="U-1", issued_on=date(2026, 5, 1), due_on=date(2026, 6, 1), gross=Decimal(9000), currency="USD"
        ),
        **at(date(2026, 5, 1)),
    )
    payer_indexes.refresh(today=TODAY)
    assert (kept(customer), PayerIndex.objects.get(customer=customer).currency) == ((80, 3), "EUR")
    found = explained_index(customer.pk, today=TODAY)
    assert found is not None
    assert (found.currency, found.others, dollars.number in {line.invoice for line in found.index.lines}) == ("EUR", ("USD",), False)


def test_a_payment_valued_tomorrow_does_not_choose_the_currency_today(organization: Organization) -> None:
    customer = make_customer()
    for number, currency, paid_on in (("D-1", "USD", TODAY), ("E-1", "EUR", TODAY + timedelta(days=1))):
        _owe(customer, number, Decimal(10), TODAY, [(100, (paid_on - TODAY).days)], False, None, currency)
    payer_indexes.refresh(today=TODAY)
    assert (kept(customer), PayerIndex.objects.get(customer=customer).currency) == ((None, 1), "USD")
    found = explained_index(customer.pk, today=TODAY)
    assert found is not None and (found.index.paid_invoices, found.currency, found.others) == (1, "USD", ("EUR",))
    tomorrow = explained_index(customer.pk, today=TODAY + timedelta(days=1))
    assert tomorrow is not None and tomorrow.currency == "EUR"


def test_what_is_paid_with_a_day_to_come_is_owed_until_then_though_the_rest_is_contested(organization: Organization) -> None:
    """Of 100 due on 31 August 60 come tomorrow, and the customer contests what is left: today the 60 are late, the 40 are not counted."""
    customer = make_customer()
    paid_three(customer)
    owed = owe(customer, "F-1", "100", "2026-08-31")
    pay(customer, "60", on=TODAY + timedelta(days=1), entered_on=TODAY, allocations=((owed, Decimal(60)),))
    services.open_dispute(installment=item("F-1"), reason="PU_ERR", **at(TODAY))
    PayerIndex.objects.all().delete()
    payer_indexes.refresh(today=TODAY)
    assert kept(customer) == explained(customer)
    assert kept(customer) != (Decimal(80), 3)


def test_what_a_factor_pays_says_nothing_of_the_debtor(organization: Organization) -> None:
    sold = make_customer(factor_name="Factor SA")
    paid_three(sold, days_late=40)
    payer_indexes.refresh(today=TODAY)
    assert (kept(sold), explained(sold)) == (None, None)


def test_payments_leave_the_window_and_the_index_goes(organization: Organization) -> None:
    customer = make_customer()
    paid_three(customer)
    payer_indexes.refresh(today=TODAY)
    payer_indexes.refresh(today=date(2028, 8, 2))
    assert kept(customer) == (None, 1)
    payer_indexes.refresh(today=date(2028, 9, 1))
    assert kept(customer) == (None, 0)
    assert PayerIndex.objects.get(customer=customer).since == date(2028, 9, 1)


def test_the_whole_organization_is_brought_up_to_date_in_one_query(organization: Organization) -> None:
    counts = []
    for round_ in range(2):
        for number in range(1 + round_):
            paid_three(make_customer(), prefix=f"Q{round_}{number}")
        with CaptureQueriesContext(connection) as queries:
            payer_indexes.refresh(today=TODAY)
        counts.append(len(queries))
    assert counts == [1, 1]


DAYS = st.integers(-40, 220)
CENTS = st.integers(1, 90_000).map(lambda cents: Decimal(cents) / 100)
INVOICE = st.tuples(
    CENTS,
    st.integers(0, 900),  # due so many days ago
    st.lists(st.tuples(st.integers(1, 100), DAYS), max_size=3),  # paid in per cent, so many days after the due date
    st.booleans(),  # a message went out before its due date
    st.sampled_from([None, None, None, "whole", "part"]),  # contested
    st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts=st.lists(st.tuples(st.lists(INVOICE, max_size=5), st.integers(0, 4)), min_size=1, max_size=3))
def test_what_is_kept_is_what_the_formula_says(accounts: list[tuple[list[Any], int]]) -> None:
    with transaction.atomic():
        with tenant(make_organization()):
            customers = []
            for invoices, broken in accounts:
                customer = make_customer()
                customers.append(customer)
                for number, (amount, ago, parts, reminded, contested, currency) in enumerate(invoices):
                    _owe(customer, number, amount, TODAY - timedelta(days=ago), parts, reminded, contested, currency)
                _break(customer, broken)
            for day in (TODAY, TODAY + timedelta(days=45)):
                payer_indexes.refresh(today=day)
                assert {customer.pk: kept(customer) for customer in customers if kept(customer) != (None, 0)} == {
                    customer.pk: explained(customer, day) for customer in customers if explained(customer, day) not in (None, (None, 0))
                }
        transaction.set_rollback(True)


def _owe(
    customer: Customer,
    number: int | str,
    amount: Decimal,
    due_on: date,
    parts: list[tuple[int, int]],
    reminded: bool,
    contested: str | None,
    currency: str,
) -> None:
    draft = services.InvoiceDraft(
        customer=customer,
        number=f"{customer.number}-{number}",
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        gross=amount,
        currency=currency,
    )
    services.issue_invoice(draft=draft, **at(due_on - timedelta(days=30)))
    owed = item(f"{customer.number}-{number}")
    if reminded:
        remind(owed, due_on - timedelta(days=7))
    for percent, late in parts:
        owed.refresh_from_db()
        part = min(owed.outstanding, max(Decimal("0.01"), (amount * percent / 100).quantize(Decimal("0.01"))))
        if part > 0:
            on = due_on + timedelta(days=late)
            pay(customer, str(part), on=on, entered_on=max(TODAY, on), currency=currency, allocations=((owed, part),))
    owed.refresh_from_db()
    if contested and owed.outstanding > 0:
        value = None if contested == "whole" else max(Decimal("0.01"), (owed.outstanding / 2).quantize(Decimal("0.01")))
        services.open_dispute(installment=owed, reason="PU_ERR", amount=value, **at(TODAY))


def _break(customer: Customer, count: int) -> None:
    """So many promises, each broken on a day of its own."""
    owed = owe(customer, f"{customer.number}-broken", "10", (TODAY - timedelta(days=5)).isoformat())
    for number in range(count):
        made = TODAY - timedelta(days=20 * (number + 1))
        services.make_promise(amounts={owed: None}, promised_for=made, **at(made))
        services.break_due_promises(**at(made + timedelta(days=7)))


# --- what reads it ----------------------------------------------------------------------------------------------------------------------


def test_the_debtors_page_says_a_sentence_to_who_pays_well_where_the_group_shows_it(organization: Organization) -> None:
    group = CustomerGroup.objects.create(key="g", name="G")
    prompt, nearly, late = (make_customer(group=group) for _ in range(3))
    for customer, days in ((prompt, 0), (nearly, 15), (late, 16)):
        paid_three(customer, days_late=days)
    payer_indexes.refresh(today=TODAY)
    assert [payer_index_sentence(customer) for customer in (prompt, nearly, late)] == ["", "", ""]
    CustomerGroup.objects.update(shows_payer_index=True)
    group.refresh_from_db()
    for customer in (prompt, nearly, late):
        customer.group = group
    assert payer_index_sentence(prompt) == "Your payments reach us on time. Thank you."
    assert payer_index_sentence(nearly) == "Your payments reach us within a few days of the due date. Thank you."
    assert (payer_index_sentence(late), payer_index_sentence(make_customer(group=group)), payer_index_sentence(make_customer())) == (
        "",
    ) * 3


PRESSING = """
format: dunning-plan/1
plan: {key: standard, name: {fr: Selon l’indice, en: By the index}}
steps:
  - {key: r0, name: {fr: Ferme, en: Firm}, phase: friendly, channel: email, anchor: due, offset: 1, template: r1,
     conditions: {index_below: 70}}
  - {key: r1, name: {fr: Rappel, en: Reminder}, phase: friendly, channel: email, anchor: due, offset: 4, template: r1}
"""


@pytest.mark.parametrize("in_classes", [False, True])
def test_a_step_may_ask_for_the_index(monkeypatch: pytest.MonkeyPatch, in_classes: bool) -> None:
    """Due Thursday 1 October: on the 2nd, the habitually late are written to; the others on the 5th.

    The invoice just due weighs too, one day late: their index is 68,3.
    """
    from scenarios import calm
    from scenarios.services.plan_exchange import import_plan

    if in_classes:
        monkeypatch.setattr(calm, "WORTH_IT", 0)
    house = open_house()
    with tenant(house):
        import_plan(source=PRESSING, actor="system", now=at(date(2026, 9, 1))["now"])
        late, prompt, new = make_customer("C1"), make_customer("C2"), make_customer("C3")
        paid_three(late, days_late=30)
        paid_three(prompt)
        due = [owe(customer, f"F-{customer.number}", "500", "2026-10-01", issued=date(2026, 9, 1)) for customer in (late, prompt, new)]
    run_on(house, "2026-10-01")
    run_on(house, "2026-10-02")
    with tenant(house):
        assert [steps_of(one) for one in due] == [
            [("r0", "done", "2026-10-02")],
            [("r0", "skipped", "2026-10-02")],
            [("r0", "skipped", "2026-10-02")],
        ]
        skipped = Action.objects.filter(state="skipped").values_list("reason", flat=True)
        assert set(skipped) == {"payer_index"}
    run_on(house, "2026-10-05")
    with tenant(house):
        assert [steps_of(one)[-1] for one in due[1:]] == [("r1", "done", "2026-10-05")] * 2
