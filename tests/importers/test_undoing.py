"""Taking a load back on its day: what nobody touched goes, what somebody touched stays with its reason."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from customers.models import Contact, Customer
from customers.services import add_contact, set_payer, update_customer
from dunning.core import audit
from dunning.core.documents import File, read
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Organization, OrganizationProfile, SearchEntry
from dunning.core.tenancy import tenant
from invoices.enums import PlanState
from invoices.importers.copies import give_copies
from invoices.importers.undoing import Undoing, in_words, look_back, may_be_undone, undo_load
from invoices.models import Allocation, ImportBatch, ImportTrace, Installment, Invoice, LedgerCoverage, Payment
from invoices.schedules import Part
from invoices.services import PaymentDraft, agree_on_plan, identify_payment, record_payment, set_triage, update_invoice
from scenarios.models import Action, Schedule, Task
from tests.factories import make_customer, make_invoice
from tests.importers.test_files import CLERK, NOW, SNAPSHOT, TODAY, ask, check, give, work
from tests.invoices.ledger import at
from tests.invoices.test_payment_plans import SIGNED
from tests.scenarios.houses import open_house, run_on

WHEN = {"actor": CLERK, "today": TODAY, "now": NOW}
LATER = {"actor": CLERK, "today": date(2026, 11, 3), "now": datetime(2026, 11, 3, 8, 0, tzinfo=UTC)}
INVOICES = ("Facture;Type;Client;Nom;Date;Échéance;TTC;Facture créditée;E-mail",)


@pytest.fixture
def organization(db: None) -> Organization:
    return open_house("2026-11-02")


def load(organization: Organization, *rows: str, **answers: object) -> ImportBatch:
    """Each step is a transaction of its own, as it is for people: the audit trail tells what came after what."""
    with tenant(organization):
        file = check(give(*rows), organization)
        ask(file, accept_errors=True, **answers)
        batch = work(file, organization).batch
        assert batch is not None
        return batch


def undo(batch: ImportBatch, organization: Organization) -> Undoing:
    with tenant(organization):
        foreseen = look_back(batch=batch).as_json()
        done = undo_load(batch=batch, organization=organization, **WHEN)
        assert done.as_json() == foreseen
        return done


def test_all_that_nobody_touched_goes_and_comes_back_with_the_corrected_file(organization: Organization) -> None:
    rows = (*SNAPSHOT, "411MAR;Martin;BQ;VIR1;20/10/2026;;;50,00;;;Virement", "411DUP;Dupont SARL;VE;AV1;21/10/2026;;;30,00;;;Avoir")
    batch = load(organization, *rows, ledger_through=date(2026, 10, 30))
    with tenant(organization):
        assert (Invoice.objects.count(), Customer.objects.count(), Payment.objects.count()) == (4, 2, 1)
        assert SearchEntry.objects.filter(kind="invoice").exists()
    done = undo(batch, organization)
    assert in_words(done.as_json()) == [
        "4 invoices and credit notes",
        "2 customers",
        "1 receipt",
        "the day through which receipts are entered",
    ]
    with tenant(organization):
        for model in (Invoice, Installment, Customer, Contact, Payment, Schedule, LedgerCoverage, SearchEntry):
            assert not model.objects.exists(), model
        assert OrganizationProfile.objects.get().first_import_on is None
        assert AuditEvent.objects.get(action="import.undone").body["taken"]["invoices"] == 4
        assert list(audit.verify()) == []
        batch.refresh_from_db()
        assert (batch.undone_by, batch.undone_at) == (CLERK, NOW)
    again = load(organization, *rows)
    assert (again.created, again.unchanged) == (5, 0)


def test_what_somebody_touched_stays_with_its_reason(organization: Organization) -> None:
    rows = tuple(f"411C{n};Client {n};VE;F{n};15/10/2026;31/10/2026;100,00;;100,00;;" for n in range(7))
    batch = load(organization, SNAPSHOT[0], *rows, "411OLD;Vieux;VE;OLD;15/01/2026;15/02/2026;9,00;;9,00;;")
    with tenant(organization):
        items = {item.invoice.number: item for item in Installment.objects.select_related("invoice", "customer")}
        paid = items["F0"]
        draft = PaymentDraft(amount=Decimal(40), received_on=TODAY, customer=paid.customer, allocations=((paid, Decimal(40)),))
        record_payment(draft=draft, **WHEN)
        update_invoice(invoice=items["F1"].invoice, label="Chantier Sud", **WHEN)
        set_triage(installments=[items["OLD"]], choice="chase", **WHEN)
        update_customer(customer=items["F2"].customer, city="Lyon", **WHEN)
        add_contact(customer=items["F3"].customer, email="compta@client.example", **WHEN)
        set_payer(customer=items["F5"].customer, payer=items["F4"].customer, **WHEN)
    done = undo(batch, organization)
    assert dict(done.kept) == {
        "F0": "a receipt or a credit note was set against it",
        "F1": "somebody changed it since",
        "OLD": "it was decided about as an old invoice",
        "Client 0": "an invoice of theirs stays",
        "Client 1": "an invoice of theirs stays",
        "Client 2": "somebody changed it since",
        "Client 3": "somebody changed it since",
        "Client 4": "another customer is linked to it",
        "Client 5": "somebody changed it since",
        "Vieux": "an invoice of theirs stays",
    }
    with tenant(organization):
        assert set(Invoice.objects.values_list("number", flat=True)) == {"F0", "F1", "OLD"}
        assert OrganizationProfile.objects.get().first_import_on is None
        assert list(audit.verify()) == []


def test_what_the_daily_run_acted_on_stays(organization: Organization) -> None:
    batch = load(organization, *SNAPSHOT)
    with tenant(organization):
        add_contact(customer=Customer.objects.get(number="411MAR"), email="compta@martin.example", **WHEN)
    run_on(organization, "2026-11-02", deliver=False)
    with tenant(organization):
        acted = set(Action.objects.values_list("installment__invoice__number", flat=True))
    assert "FA3" in acted and "FA1" not in acted  # more than 90 days late: decided about first
    done = undo(batch, organization)
    assert {what: why for what, why in done.kept if what in acted} == dict.fromkeys(acted, "a step of its plan was taken")
    with tenant(organization):
        assert set(Invoice.objects.values_list("number", flat=True)) == acted


def test_receipts_are_taken_back_and_what_they_settled_is_owed_again(organization: Organization) -> None:
    with tenant(organization):
        customer = make_customer("C1")
        for n in range(3):
            make_invoice(customer, number=f"F{n}", amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    receipts = ("Date de règlement;Montant;N° facture;Référence bancaire", "31/10/2026;100,00;F0;R0", "31/10/2026;60,00;F1;R1")
    batch = load(organization, *receipts, "31/10/2026;33,00;;R2", ledger_through=TODAY)
    with tenant(organization):
        assert _left() == [Decimal(0), Decimal(40), Decimal(100)]
        identify_payment(payment=Payment.objects.get(external_reference="R2"), customer=customer, settle=False, **WHEN)
    done = undo(batch, organization)
    assert (done.taken["payments"], [why for _what, why in done.kept]) == (2, ["somebody changed it since"])
    with tenant(organization):
        assert _left() == [Decimal(100)] * 3
        assert [payment.external_reference for payment in Payment.objects.all()] == ["R2"]
    assert load(organization, *receipts).created == 2
    with tenant(organization):
        assert _left() == [Decimal(0), Decimal(40), Decimal(100)]


def _left() -> list[Decimal]:
    return list(Installment.objects.order_by("invoice__number").values_list("outstanding", flat=True))


def test_what_was_given_up_or_kept_because_of_the_receipts_is_owed_and_runs_again(organization: Organization) -> None:
    """50 cents closed by the tolerance, and an agreement kept: both go with the money of the load."""
    with tenant(organization):
        OrganizationProfile.objects.update(tolerance_amount=Decimal("1.00"))
        customer = make_customer("C1")
        make_invoice(customer, number="F1", amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        item = make_invoice(customer, number="F2", amount="1200.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        parts = (Part(date(2026, 12, 5), Decimal("600.00")), Part(date(2026, 12, 12), Decimal("600.00")))
        plan = agree_on_plan(installments=[item], parts=parts, signature=SIGNED, **at(date(2026, 10, 1)))
    receipts = ("Référence;Date de règlement;Montant;Client;Facture", "R1;20/10/2026;99,50;C1;F1", "R2;21/10/2026;1200,00;C1;F2")
    batch = load(organization, *receipts)
    with tenant(organization):
        plan.refresh_from_db()
        assert (_left(), plan.state) == ([Decimal(0), Decimal(0)], PlanState.KEPT)
    undo(batch, organization)
    with tenant(organization):
        plan.refresh_from_db()
        assert (_left(), plan.state) == ([Decimal("100.00"), Decimal("1200.00")], PlanState.ACTIVE)


def test_a_receipt_something_refers_to_is_cancelled_and_stays_on_record(organization: Organization) -> None:
    batch = load(organization, "Date de règlement;Montant;Libellé;Donneur d'ordre", "31/10/2026;33,00;?;Inconnu")
    with tenant(organization):
        payment = Payment.objects.get()
        Task.objects.create(kind="match_receipt", payment=payment, opened_on=TODAY, due_on=TODAY)
    undo(batch, organization)
    with tenant(organization):
        payment.refresh_from_db()
        assert (payment.cancelled_reason, payment.external_reference) == ("The load was taken back", f"withdrawn-{payment.pk}")


def test_a_credit_note_and_a_settlement_by_absence_are_taken_back(organization: Organization) -> None:
    with tenant(organization):
        make_invoice(make_customer("C1"), number="F1", amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    batch = load(organization, *INVOICES, "AV1;avoir;C1;Client;31/10/2026;;30,00;F1;", "F2;facture;C1;Client;31/10/2026;;10,00;;")
    with tenant(organization):
        assert _left()[0] == 70
    done = undo(batch, organization)
    assert (done.taken["invoices"], done.taken["allocations"]) == (2, 1)
    with tenant(organization):
        assert _left() == [100] and not Allocation.objects.exists()
    rows = [f"C1;Client;VE;G{n};01/10/2026;31/10/2026;50,00;;50,00;;" for n in range(9)]
    money = "C1;Client;BQ;VIR;20/10/2026;;;30,00;;;Virement"
    load(organization, SNAPSHOT[0], *rows, money, "C1;Client;VE;F1;01/09/2026;01/10/2026;100,00;;100,00;;")
    batch = load(organization, SNAPSHOT[0], *rows, apply_settled=True)
    with tenant(organization):
        assert _left()[0] == 0 and Payment.objects.get(reference_text__startswith="VIR").unallocated == 0
    done = undo(batch, organization)
    assert (done.taken["payments"], done.taken["allocations"]) == (1, 1)
    with tenant(organization):
        assert _left()[0] == 100 and Payment.objects.get().unallocated == 30


def test_a_credit_note_that_stays_keeps_what_it_was_set_against(organization: Organization) -> None:
    with tenant(organization):
        make_invoice(make_customer("C1"), number="F1", amount="100.00", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    batch = load(organization, *INVOICES, "AV1;avoir;C1;Client;31/10/2026;;30,00;F1;")
    with tenant(organization):
        update_invoice(invoice=Invoice.objects.get(number="AV1"), label="Geste", **WHEN)
    assert undo(batch, organization).kept == [("AV1", "somebody changed it since")]
    with tenant(organization):
        assert _left() == [70] and Invoice.objects.get(number="AV1").unallocated == 0


def test_copies_are_taken_back_to_what_they_were(organization: Organization) -> None:
    with tenant(organization):
        make_invoice(make_customer(), number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
    first, second = (_copy(organization, content) for content in (b"%PDF-1 one", b"%PDF-1 two"))
    with tenant(organization):
        assert look_back(batch=first).kept == [("FA-1", "somebody changed it since")]
    undo(second, organization)
    with tenant(organization):
        document = Invoice.objects.select_related("document").get().document
        assert document is not None and read(document) == b"%PDF-1 one"


def _copy(organization: Organization, content: bytes) -> ImportBatch:
    with tenant(organization):
        given = give_copies(files=[File(content, "application/pdf", "FA-1.pdf")], language="en", actor=CLERK, now=NOW)
        file = check(given, organization)
        ask(file)
        batch = work(file, organization).batch
        assert batch is not None
        return batch


def test_a_load_is_taken_back_once_and_on_its_day_only(organization: Organization) -> None:
    batch = load(organization, *SNAPSHOT)
    with tenant(organization):
        assert may_be_undone(batch, organization=organization, today=TODAY)
        with pytest.raises(DomainError, match="on its own day only"):
            undo_load(batch=batch, organization=organization, **LATER)
    undo(batch, organization)
    parts = load(organization, *SNAPSHOT)
    with tenant(organization):
        with pytest.raises(DomainError, match="taken back already"):
            undo_load(batch=batch, organization=organization, **WHEN)
        ImportBatch.objects.filter(pk=parts.pk).update(kind="installments")
        with pytest.raises(DomainError, match="only changes what was there"):
            undo_load(batch=parts, organization=organization, **WHEN)
        assert Invoice.objects.count() == 3


def test_traces_are_kept_for_the_day(organization: Organization) -> None:
    batch = load(organization, *SNAPSHOT)
    with tenant(organization):
        assert ImportTrace.objects.filter(batch_id=batch.pk, kind="customer").count() == 2
        ImportTrace.objects.update(on=date(2026, 11, 1))
    load(organization, *INVOICES, "N1;;N1;Neuf;31/10/2026;;10,00;;a@b.example")
    with tenant(organization):
        assert not ImportTrace.objects.filter(batch_id=batch.pk).exists()
