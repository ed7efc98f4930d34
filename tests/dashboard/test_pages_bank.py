"""Settings, bank details and ways of paying: who may see them, two people for the account, and what today's page says of it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dunning.core.enums import Role
from dunning.core.models import BankDetailsChange, OrganizationProfile
from dunning.core.tenancy import tenant
from tests.dashboard.conftest import House, sign_in

OLD, NEW = "FR2099999000010000000001A82", "FR7630006000011234567890189"
PASSWORD = "correct horse battery"
PAGES = [
    ("bank", ()),
    ("bank_propose", ()),
    ("paying", ()),
    ("paying_part", ("instalments",)),
    ("paying_part", ("cheques",)),
    ("paying_part", ("mandates",)),
]


@pytest.fixture
def second(house: House, at_nine: None) -> Client:
    return sign_in(house.organization, Role.ADMIN, "paul@atelier.example")


def ask(client: Client, **changes: Any) -> Any:
    given = {"iban": "FR76 3000 6000 0112 3456 7890 189", "holder": "Atelier SAS", "bic": "", "bank_name": "", "reason": "New bank"}
    return client.post(reverse("dashboard:bank_propose"), {**given, "password": PASSWORD, **changes})


def iban_of(house: House) -> str:
    with tenant(house.organization):
        return OrganizationProfile.objects.get().iban


@pytest.mark.parametrize(("name", "arguments"), PAGES)
def test_those_who_manage_see_it_and_nobody_else(owner: Client, viewer: Client, name: str, arguments: tuple[str, ...]) -> None:
    address = reverse(f"dashboard:{name}", args=arguments)
    assert owner.get(address).status_code == 200
    assert viewer.get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_one_person_proposes_and_another_confirms(owner: Client, second: Client, house: House) -> None:
    assert ask(owner)["Location"] == reverse("dashboard:bank")
    assert iban_of(house) == OLD
    with tenant(house.organization):
        change = BankDetailsChange.objects.get()
    confirm = reverse("dashboard:bank_confirm", args=[change.pk])
    assert "another owner or administrator" in owner.get(reverse("dashboard:bank")).content.decode()
    own = owner.post(confirm, {"password": PASSWORD})
    assert own.status_code == 422 and "somebody else must confirm" in own.content.decode()
    assert "wait for a second person" in second.get(reverse("dashboard:today")).content.decode()
    assert "FR76 3000 6000 0112 3456 7890 189" in second.get(confirm).content.decode()
    assert second.post(confirm, {"password": PASSWORD}).status_code == 302
    assert iban_of(house) == NEW
    assert "The bank details changed on" in owner.get(reverse("dashboard:today")).content.decode()
    late = second.post(confirm, {"password": PASSWORD}, follow=True)
    assert "decided already: Confirmed" in late.content.decode()


def test_a_screen_left_open_changes_nothing(owner: Client, second: Client, house: House) -> None:
    wrong = ask(owner, password="guess")
    assert wrong.status_code == 422
    page = wrong.content.decode()
    assert "not your password" in page and "FR76 3000 6000 0112 3456 7890 189" in page and "guess" not in page
    with tenant(house.organization):
        assert not BankDetailsChange.objects.exists()


def test_passwords_are_not_tried_without_end(owner: Client, second: Client, house: House) -> None:
    answers = [ask(owner, password=f"guess {number}") for number in range(12)]
    assert "Too many tries" in answers[-1].content.decode()
    assert "Too many tries" in ask(owner).content.decode()
    with tenant(house.organization):
        assert not BankDetailsChange.objects.exists()


def test_the_only_person_is_told_before_and_after_trying(owner: Client, house: House) -> None:
    assert "Have a colleague added as an administrator" in owner.get(reverse("dashboard:bank")).content.decode()
    answer = ask(owner)
    assert answer.status_code == 422 and "needs a second person" in answer.content.decode()


def test_a_proposal_is_refused_with_words(owner: Client, second: Client, house: House) -> None:
    ask(owner)
    with tenant(house.organization):
        change = BankDetailsChange.objects.get()
    second.post(reverse("dashboard:bank_refuse", args=[change.pk]), {"reason": "Not our bank"})
    assert "Not our bank" in owner.get(reverse("dashboard:bank")).content.decode()
    assert iban_of(house) == OLD


def test_the_first_account_is_entered_by_one_person(owner: Client, house: House) -> None:
    with tenant(house.organization):
        OrganizationProfile.objects.update(iban="", bic="", account_holder="")
    given = {"iban": NEW, "account_holder": "Atelier SAS", "bic": "", "bank_name": "", "password": PASSWORD}
    assert owner.post(reverse("dashboard:bank_propose"), given).status_code == 302
    assert iban_of(house) == NEW


def test_a_stranger_finds_no_change_of_ours(owner: Client, second: Client, stranger: Client, house: House) -> None:
    ask(owner)
    with tenant(house.organization):
        change = BankDetailsChange.objects.get()
    for name in ("bank_confirm", "bank_refuse"):
        address = reverse(f"dashboard:{name}", args=[change.pk])
        assert stranger.get(address).status_code == 404
        assert stranger.post(address, {"password": PASSWORD, "reason": "Mine"}).status_code == 404
    with tenant(house.organization):
        assert BankDetailsChange.objects.get().state == "proposed"


def test_what_customers_are_offered_is_set_part_by_part(owner: Client, house: House) -> None:
    instalments = reverse("dashboard:paying_part", args=["instalments"])
    given = {"plans_offered": "on", "plan_most_parts": "3", "plan_first_within": "8", "plan_most_days": "60"}
    assert owner.post(instalments, given).status_code == 302
    refused = owner.post(instalments, {**given, "plan_most_days": "7"})
    assert refused.status_code == 422 and "later than the first" in refused.content.decode()
    mandates = reverse("dashboard:paying_part", args=["mandates"])
    assert "ask your bank" in owner.post(mandates, {"mandate_scheme": "core"}).content.decode()
    assert owner.post(mandates, {"mandate_scheme": "core", "creditor_identifier": "FR72ZZZ123456"}).status_code == 302
    page = owner.get(reverse("dashboard:paying")).content.decode()
    assert "At most 3 parts, the first within 8 days, the last within 60 days." in page and "SEPA Core" in page
    assert owner.get(reverse("dashboard:paying_part", args=["gold"])).status_code == 404
