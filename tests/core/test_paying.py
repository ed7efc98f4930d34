"""What debtors are offered: bounds, and what a mandate needs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.paying import change_ways_of_paying, cheque_to
from dunning.core.tenancy import tenant
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)


def change(**fields: Any) -> list[str]:
    return change_ways_of_paying(actor="user:claire", now=MORNING, **fields)


def test_nothing_is_offered_until_somebody_says_so() -> None:
    with tenant(make_organization()):
        profile = OrganizationProfile.objects.get()
        assert (profile.plans_offered, profile.cheques_offered, profile.mandate_scheme) == (False, False, "")
        assert (profile.plan_most_parts, profile.plan_first_within, profile.plan_most_days) == (3, 8, 90)


def test_a_change_is_kept_in_the_trail_and_the_same_again_is_none() -> None:
    organization = make_organization()
    with tenant(organization):
        assert change(plans_offered=True, plan_most_parts=4) == ["plan_most_parts", "plans_offered"]
        assert change(plans_offered=True, plan_most_parts=4) == []
    with tenant(organization):
        event = AuditEvent.objects.get(action="organization.ways_of_paying")
        assert event.body["after"] == {"plan_most_parts": 4, "plans_offered": True}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"plan_most_parts": 1}, "plan_most_parts"),
        ({"plan_most_parts": 13}, "plan_most_parts"),
        ({"plan_first_within": 30, "plan_most_days": 30}, "plan_most_days"),
        ({"mandate_scheme": "core", "creditor_identifier": ""}, "creditor_identifier"),
        ({"mandate_scheme": "core", "creditor_identifier": "FR73ZZZ123456"}, "creditor_identifier"),
        ({"mandate_scheme": "cor1", "creditor_identifier": "FR72ZZZ123456"}, "mandate_scheme"),
    ],
)
def test_what_cannot_be_offered_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with tenant(make_organization()):
        with pytest.raises(DomainError) as refusal:
            change(cheques_offered=True, **fields)
        assert refusal.value.field == field
        assert OrganizationProfile.objects.get().cheques_offered is False


def test_a_creditor_identifier_is_kept_in_one_form() -> None:
    with tenant(make_organization()):
        change(mandate_scheme="b2b", creditor_identifier="fr72 zzz 123456")
        assert OrganizationProfile.objects.get().creditor_identifier == "FR72ZZZ123456"


def test_a_cheque_goes_to_the_company_unless_it_says_otherwise() -> None:
    with tenant(make_organization(legal_name="Atelier SAS")):
        assert cheque_to(OrganizationProfile.objects.get()) == (
            "Atelier SAS",
            ("Atelier SAS", "1 rue de l’Exemple", "69001 Lyon"),
        )
        change(cheques_offered=True, cheque_order="Atelier", cheque_address=" BP 12 \n\n 69002 Lyon\n")
        assert cheque_to(OrganizationProfile.objects.get()) == ("Atelier", ("BP 12", "69002 Lyon"))
