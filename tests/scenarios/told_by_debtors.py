"""What debtors agree to and say, and what two people decide, told through the services that tell the outside world of it."""

from datetime import date
from typing import Any

from customers import services
from customers.models import Contact
from customers.services import MandateSigning
from dunning.core import bank
from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, User
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from invoices.enums import ActSource
from invoices.models import Installment, PaymentPlan
from invoices.selectors import state_of
from invoices.services import end_plan
from scenarios.services.payment_plans import agree_on_plan, draft_plan
from scenarios.services.portal import Speaker, confirm_receipt
from tests.factories import make_customer, make_invoice
from tests.scenarios.houses import CLERK, at, open_house, run_on
from tests.scenarios.road import pay


def _agreed(item: Installment) -> PaymentPlan:
    when: dict[str, Any] = {"today": date(2026, 10, 5), "now": at("2026-10-05")}
    draft = draft_plan(
        installments=[item.pk],
        count=2,
        first_on=date(2026, 10, 12),
        gap="month",
        language="fr",
        source=ActSource.PORTAL,
        today=when["today"],
    )
    return agree_on_plan(draft=draft, sha256=draft.sha256, name="Anne Durand", address="203.0.113.7", actor="contact:anne", **when)


def agreements() -> Organization:
    """Three plans: one kept, one broken, one that a person ends."""
    house = open_house(plans_offered=True)
    with tenant(house):
        kept, broken, ended = (
            make_invoice(make_customer(f"C{number}"), number=f"FA-{number}", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
            for number in range(3)
        )
        _agreed(kept), _agreed(broken)
        end_plan(plan=_agreed(ended), reason="Accord repris", actor=CLERK, today=date(2026, 10, 6), now=at("2026-10-06"))
        pay(kept.customer, "1200.00", "2026-10-12", kept)
    run_on(house, "2026-10-16")
    return house


def declarations() -> Organization:
    """Somebody confirms receipt on the page."""
    house = open_house()
    with tenant(house):
        customer = make_customer("C1")
        item = make_invoice(customer, number="FA-1", issued_on=date(2026, 9, 1), due_on=date(2026, 10, 1))
        speaker = Speaker(Contact.objects.get(), new_id(), "n" * 32, state_of([item.pk]), "fr", "J’ai bien reçu la facture FA-1.")
        confirm_receipt(speaker=speaker, items=[item.pk], today=date(2026, 9, 5), now=at("2026-09-05"))
    return house


def mandates() -> Organization:
    """A mandate is signed, put to use by a person, and revoked."""
    house = open_house(mandate_scheme="core", creditor_identifier="FR72ZZZ123456")
    when: dict[str, Any] = {"actor": CLERK, "today": date(2026, 10, 5), "now": at("2026-10-05")}
    with tenant(house):
        account = services.check_account(iban="FR7630006000011234567890189", holder="Durand SARL")
        signing = MandateSigning(text=f"J’autorise… {account.masked}", language="fr", name="Anne Durand", address="203.0.113.7")
        mandate = services.sign_mandate(
            customer=make_customer("C1"), reference=services.new_reference(), account=account, signing=signing, **when
        )
        services.activate_mandate(mandate=mandate, **when)
        services.revoke_mandate(mandate=mandate, reason="Compte clos", **when)
    return house


def bank_details() -> Organization:
    """One person proposes another account, a second confirms it."""
    house = open_house()
    people = []
    for name in ("claire", "paul"):
        user = User.objects.create_user(f"{name}-{house.slug}@atelier.example", "correct horse battery")
        Membership.objects.create(user=user, organization=house, role=Role.ADMIN)
        people.append(f"user:{user.pk}")
    with tenant(house):
        change = bank.propose_change(iban="FR7630006000011234567890189", reason="Nouvelle banque", actor=people[0], now=at("2026-10-05"))
        bank.confirm_change(change_id=change.pk, actor=people[1], now=at("2026-10-06"))
    return house
