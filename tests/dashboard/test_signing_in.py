"""Accounts: whose an address is."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from dunning.core.enums import Role
from dunning.core.models import User
from tests.dashboard.conftest import House, sign_in
from tests.factories import make_organization

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def nothing_counted(house: House, at_nine: None) -> None:
    cache.clear()


def test_nobody_makes_an_address_theirs(house: House) -> None:
    """Paul of the workshop claims the address of Durand's finance director, whom the stranger's house is about to invite."""
    paul = sign_in(house.organization, Role.VIEWER, "paul@atelier.example")
    sign_in(make_organization(), email="stranger@elsewhere.example")
    for email in ("finance@durand.example", "stranger@elsewhere.example"):
        for said in ({"action_add": ""}, {"action_primary": ""}, {"action_send": ""}, {"action_remove": ""}):
            assert paul.post("/accounts/email/", {**said, "email": email}).status_code == 404
    for path in ("/accounts/email/", "/accounts/confirm-email/", "/accounts/confirm-email/abc:def/"):
        assert paul.get(path).status_code == 404
    assert set(User.objects.values_list("email", flat=True)) >= {"paul@atelier.example", "stranger@elsewhere.example"}
    assert not User.objects.filter(email="finance@durand.example").exists()
    assert mail.outbox == []


def test_whoever_asked_for_a_new_password_may_still_add_a_second_factor(house: House) -> None:
    sign_in(house.organization)
    Client().post("/accounts/password/reset/", {"email": "claire@atelier.example"})
    claire = Client(headers={"accept-language": "en"})
    assert claire.post("/accounts/login/", {"login": "claire@atelier.example", "password": PASSWORD}).status_code == 302
    assert claire.get("/accounts/2fa/totp/activate/").status_code == 200
