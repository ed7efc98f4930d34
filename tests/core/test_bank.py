"""Another account to be paid to takes two people: whoever could change it alone could divert the money."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from dunning.core import audit, bank
from dunning.core.enums import BankChangeState, Role
from dunning.core.errors import DomainError, NotAllowed
from dunning.core.models import AuditEvent, BankDetailsChange, Event, Membership, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from tests.factories import make_organization

MORNING = datetime(2026, 10, 5, 7, 30, tzinfo=UTC)
OLD, NEW = "FR2099999000010000000001A82", "FR7630006000011234567890189"


def person(organization: Organization, name: str, role: Role = Role.ADMIN) -> User:
    user = User.objects.create_user(f"{name}@atelier.example", "correct horse battery", name=name.title())
    Membership.objects.create(user=user, organization=organization, role=role)
    return user


def propose(user: User, iban: str = "fr76 3000 6000 0112 3456 7890 189", reason: str = "New bank", **more: str) -> BankDetailsChange:
    return bank.propose_change(iban=iban, reason=reason, actor=f"user:{user.pk}", now=MORNING, **more)


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


def test_a_proposal_changes_nothing_until_a_second_person_confirms_it(organization: Organization) -> None:
    claire, paul = person(organization, "claire", Role.OWNER), person(organization, "paul")
    with tenant(organization):
        change = propose(claire, holder="Atelier SAS", bic="AGRIFRPP")
        assert OrganizationProfile.objects.get().iban == OLD
        assert bank.waiting_change() == change
        assert bank.new_since(now=MORNING) is None
    with tenant(organization):
        confirmed = bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=MORNING + timedelta(days=1))
        profile = OrganizationProfile.objects.get()
        assert (profile.iban, profile.bic, profile.account_holder) == (NEW, "AGRIFRPP", "Atelier SAS")
        assert (confirmed.state, confirmed.proposed_by, confirmed.decided_by) == (BankChangeState.CONFIRMED, claire, paul)
        assert Event.objects.get(type="organization.bank_details_changed").object_id == organization.pk
    with tenant(organization):
        trail = list(AuditEvent.objects.filter(action__startswith="bank.").order_by("sequence").values_list("action", "actor"))
        assert trail == [("bank.change_proposed", f"user:{claire.pk}"), ("bank.changed", f"user:{paul.pk}")]
        assert list(audit.verify()) == []


def test_a_confirmed_change_is_pointed_out_for_thirty_days(organization: Organization) -> None:
    claire, paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        change = propose(claire)
        bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=MORNING)
        assert bank.new_since(now=MORNING + timedelta(days=29)) == change
        assert bank.new_since(now=MORNING + timedelta(days=30)) is None


def test_nobody_confirms_their_own_proposal(organization: Organization) -> None:
    claire, _paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        change = propose(claire)
        with pytest.raises(DomainError) as refusal:
            bank.confirm_change(change_id=change.pk, actor=f"user:{claire.pk}", now=MORNING)
        assert refusal.value.code == "same_person"
        assert OrganizationProfile.objects.get().iban == OLD
        with pytest.raises(IntegrityError, match="bank_change_takes_two_people"), transaction.atomic():
            BankDetailsChange.objects.update(state=BankChangeState.CONFIRMED, decided_by=claire, decided_at=MORNING)


def test_the_only_person_in_charge_is_told_whom_to_have_added(organization: Organization) -> None:
    claire = person(organization, "claire", Role.OWNER)
    person(organization, "vera", Role.COLLECTOR)
    gone = person(organization, "gone", Role.ADMIN)
    gone.is_active = False
    gone.save()
    with tenant(organization), pytest.raises(DomainError, match="administrator") as refusal:
        propose(claire)
    assert refusal.value.code == "needs_second_person"
    with tenant(organization):
        assert not BankDetailsChange.objects.exists()


@pytest.mark.parametrize("actor", ["collector", "stranger", "command", "system"])
def test_nobody_else_proposes_or_confirms(organization: Organization, actor: str) -> None:
    claire = person(organization, "claire")
    person(organization, "paul")
    names = {
        "collector": f"user:{person(organization, 'vera', Role.COLLECTOR).pk}",
        "stranger": f"user:{person(make_organization(), 'mallory', Role.OWNER).pk}",
    }
    who = names.get(actor, actor)
    with tenant(organization):
        with pytest.raises(NotAllowed):
            bank.propose_change(iban=NEW, reason="Because", actor=who, now=MORNING)
        change = propose(claire)
        with pytest.raises(NotAllowed):
            bank.confirm_change(change_id=change.pk, actor=who, now=MORNING)
        assert OrganizationProfile.objects.get().iban == OLD


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"iban": "FR7630006000011234567890188"}, "refused", "iban"),
        ({"iban": ""}, "required", "iban"),
        ({"reason": "  "}, "required", "reason"),
        ({"bic": "XX"}, "refused", "bic"),
        ({"iban": OLD, "bic": "EXMPFRPPXXX"}, "unchanged", "iban"),
    ],
)
def test_what_cannot_be_proposed_is_refused_by_name(organization: Organization, given: dict[str, str], code: str, field: str) -> None:
    claire, _paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        with pytest.raises(DomainError) as refusal:
            propose(claire, **given)
        assert (refusal.value.code, refusal.value.field) == (code, field)
        assert not BankDetailsChange.objects.exists()


def test_one_proposal_at_a_time(organization: Organization) -> None:
    claire, paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        propose(claire)
        with pytest.raises(DomainError) as refusal:
            propose(paul, iban="DE89370400440532013000")
        assert refusal.value.code == "already_proposed"
        assert BankDetailsChange.objects.get().iban == NEW


def test_a_refused_proposal_leaves_the_account_and_its_words(organization: Organization) -> None:
    claire, paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        change = propose(claire)
        with pytest.raises(DomainError):
            bank.refuse_change(change_id=change.pk, reason=" ", actor=f"user:{paul.pk}", now=MORNING)
        bank.refuse_change(change_id=change.pk, reason="Not our bank", actor=f"user:{paul.pk}", now=MORNING)
        withdrawn = propose(claire, iban="DE89370400440532013000")
        bank.refuse_change(change_id=withdrawn.pk, reason="Mistyped", actor=f"user:{claire.pk}", now=MORNING)
        assert [(row.state, row.decided_reason) for row in bank.history()] == [("withdrawn", "Mistyped"), ("refused", "Not our bank")]
        assert OrganizationProfile.objects.get().iban == OLD
        with pytest.raises(DomainError) as refusal:
            bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=MORNING)
        assert refusal.value.code == "decided"


def test_a_proposal_dies_with_its_proposers_rights(organization: Organization) -> None:
    claire, paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        change = propose(claire)
        Membership.objects.filter(user=claire).update(role=Role.VIEWER)
        with pytest.raises(DomainError) as refusal:
            bank.confirm_change(change_id=change.pk, actor=f"user:{paul.pk}", now=MORNING)
        assert refusal.value.code == "proposer_gone"
        assert OrganizationProfile.objects.get().iban == OLD


def test_a_change_of_another_organization_does_not_exist(organization: Organization) -> None:
    claire, _paul = person(organization, "claire"), person(organization, "paul")
    with tenant(organization):
        change = propose(claire)
    other = make_organization()
    mallory = person(other, "mallory", Role.OWNER)
    with tenant(other), pytest.raises(DomainError) as refusal:
        bank.confirm_change(change_id=change.pk, actor=f"user:{mallory.pk}", now=MORNING)
    assert refusal.value.code == "unknown_change"


def test_two_people_who_confirm_and_refuse_at_once_decide_once(committed_database: str) -> None:
    organization = make_organization()
    claire, paul, vera = (person(organization, name) for name in ("claire", "paul", "vera"))
    with tenant(organization):
        change = propose(claire)
    start = Barrier(2)

    def decide(user: User) -> str:
        start.wait()
        try:
            with tenant(organization):
                if user == paul:
                    bank.confirm_change(change_id=change.pk, actor=f"user:{user.pk}", now=MORNING)
                else:
                    bank.refuse_change(change_id=change.pk, reason="No", actor=f"user:{user.pk}", now=MORNING)
            return "done"
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sorted(pool.map(decide, (paul, vera))) == ["decided", "done"]
    with tenant(organization):
        decided = BankDetailsChange.objects.get()
        assert (OrganizationProfile.objects.get().iban == NEW) is (decided.state == BankChangeState.CONFIRMED)
