"""`create_organization`: an organization ready to work, its sign-in said once; refused in one sentence, it leaves nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import translation

from dunning.core.enums import Role
from dunning.core.models import Membership, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from scenarios.models import ActionPlan, PlanAssignment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def create(slug: str = "menuiserie", **changes: Any) -> str:
    out = StringIO()
    call_command("create_organization", slug, **{"name": "Menuiserie Exemplaire SAS", "owner": "claire@example.com", **changes}, stdout=out)
    return out.getvalue()


def test_the_sign_in_it_prints_is_the_owner_s() -> None:
    printed = create(timezone="Europe/Brussels", country="be", language="en")
    password = re.search(r"Password +(\S+)", printed)
    assert password is not None
    owner = User.objects.get(email="claire@example.com")
    assert owner.check_password(password[1])
    organization = Organization.objects.get(slug="menuiserie")
    assert (organization.name, organization.timezone) == ("Menuiserie Exemplaire SAS", "Europe/Brussels")
    assert Membership.objects.get(organization=organization).role == Role.OWNER
    assert "import_invoices FILE --organization menuiserie" in printed
    with tenant(organization):
        profile = OrganizationProfile.objects.get()
        assert (profile.country, profile.holiday_country, profile.default_language) == ("BE", "BE", "en")
        assert (ActionPlan.objects.count(), PlanAssignment.objects.count()) == (6, 6)


def test_an_existing_account_keeps_its_password() -> None:
    User.objects.create_user("claire@example.com", "the one she chose")
    printed = create()
    assert "the one this account already has" in printed
    assert "Note the password" not in printed
    assert User.objects.get(email="claire@example.com").check_password("the one she chose")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"slug": "Menuiserie Exemplaire"}, "cannot be a short name"),
        ({"owner": "claire"}, "“claire” is not an e-mail address."),
        ({"timezone": "Europe/Lyon"}, "“Europe/Lyon” is not a time zone"),
        ({"country": "France"}, "No public holidays are known for the country “FRANCE”"),
        ({"country": "XX"}, "No public holidays are known for the country “XX”"),
        ({"name": " "}, "An organization needs a name."),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(CommandError, match=re.escape(sentence)) as refused:
        create(**changes)
    assert "\n" not in str(refused.value)
    assert (Organization.objects.count(), User.objects.count()) == (0, 0)


def test_a_short_name_is_used_once() -> None:
    create()
    with pytest.raises(CommandError, match="exists already; nothing was changed"):
        create(owner="paul@example.com")
    assert (Organization.objects.count(), User.objects.count()) == (1, 1)


def test_the_supervised_days_are_counted_on_the_organization_s_own_calendar() -> None:
    with time_machine.travel(datetime(2026, 11, 6, 8, tzinfo=UTC), tick=False):
        create("lyon", country="FR")
        create("berlin", country="DE", owner="greta@example.com")
    ends = {}
    for organization in Organization.objects.all():
        with tenant(organization):
            ends[organization.slug] = OrganizationProfile.objects.get().supervised_until
    assert ends == {"lyon": date(2026, 11, 23), "berlin": date(2026, 11, 20)}  # 11 November is a public holiday in France alone
