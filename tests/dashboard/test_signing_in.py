"""Accounts: whose an address is, whom failed sign-ins keep out, and where the product's own mails lead."""

import re
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from dunning.core.enums import Role
from dunning.core.models import Membership, User
from tests.dashboard.conftest import House, sign_in
from tests.factories import make_organization

PASSWORD = "correct horse battery"
FLOOD, OFFICE = "203.0.113.1", "198.51.100.2"


@pytest.fixture(autouse=True)
def nothing_counted(house: House, at_nine: None) -> None:
    cache.clear()


def sign_in_from(address: str, email: str, password: str = PASSWORD, proxy: str = "192.0.2.10") -> Any:
    """Somebody signs in through our own proxy, which names the address it saw."""
    client = Client(headers={"x-forwarded-for": address, "x-forwarded-proto": "https"}, REMOTE_ADDR=proxy)
    return client.post("/accounts/login/", {"login": email, "password": password})


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
    claire = sign_in(house.organization)
    Client().post("/accounts/password/reset/", {"email": "claire@atelier.example"})
    assert claire.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    assert claire.get("/accounts/2fa/totp/activate/").status_code == 200


def test_wrong_passwords_from_one_address_keep_nobody_else_out(house: House, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    sign_in(house.organization)
    for number in range(10):
        assert sign_in_from(FLOOD, f"guess-{number}@atelier.example", "wrong").status_code == 200
    assert sign_in_from(FLOOD, "claire@atelier.example").status_code == 200  # the form again: too many failed
    assert sign_in_from(f"{FLOOD}, {OFFICE}", "claire@atelier.example").status_code == 302  # what a visitor claims comes first
    assert sign_in_from(FLOOD, "claire@atelier.example", proxy="192.0.2.11").status_code == 200


def test_behind_a_socket_of_the_file_system_people_sign_in(house: House, settings: Any) -> None:
    sign_in(house.organization)
    assert sign_in_from("", "claire@atelier.example", proxy="").status_code == 302
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert sign_in_from(OFFICE, "claire@atelier.example", proxy="").status_code == 302


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:4444", "relances.example.fr:8443"])
def test_links_of_the_products_own_mails_lead_to_the_public_address(house: House, settings: Any, host: str) -> None:
    settings.PUBLIC_BASE_URL = "https://relances.example.fr"
    settings.ALLOWED_HOSTS = ["relances.example.fr", "127.0.0.1", "localhost"]
    sign_in(house.organization)
    for email in ("claire@atelier.example", "nobody@atelier.example"):
        assert Client(headers={"host": host}).post("/accounts/password/reset/", {"email": email}).status_code == 302
    reset, unknown = mail.outbox
    assert "https://relances.example.fr/accounts/password/reset/key/" in reset.body
    for message in (reset, unknown):
        assert set(re.findall(r"https?://([^/\s]+)", message.body)) == {"relances.example.fr"}
        assert host not in message.body + message.subject
    assert Membership.objects.filter(user__email="claire@atelier.example").count() == 1
