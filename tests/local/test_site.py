"""The wiring of the site: a real browser reaches it, strangers cannot make accounts, the security policy holds, health is told."""

import pytest
from django.test import Client

from tests.browser_fixtures import LiveSite


@pytest.mark.browser
def test_a_browser_is_shown_the_sign_in(live_site: LiveSite, browser_page) -> None:  # type: ignore[no-untyped-def]
    answer = browser_page.goto(f"{live_site.url}/accounts/login/")
    assert answer.status == 200
    assert browser_page.locator("html").get_attribute("lang") == "fr"
    assert browser_page.locator("input[type=password]").count() == 1


@pytest.mark.django_db
def test_nobody_signs_up_alone(client: Client) -> None:
    from dunning.core.models import User

    page = client.get("/accounts/signup/")
    assert (page.status_code, b"<input" in page.content and b"password1" in page.content) == (200, False)
    client.post(
        "/accounts/signup/", {"email": "intruder@example.com", "password1": "correct horse battery", "password2": "correct horse battery"}
    )
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_every_page_forbids_foreign_and_inline_code(client: Client) -> None:
    headers = client.get("/accounts/login/").headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("DENY", "nosniff", "same-origin")


@pytest.mark.django_db
def test_health_and_readiness(client: Client, settings) -> None:  # type: ignore[no-untyped-def]
    assert client.get("/healthz").content == b"ok\n"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "database": "ok", "migrations": "ok", "broker": "ok"})
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    lost = client.get("/readyz")
    assert (lost.status_code, lost.json()) == (
        503,
        {"ready": False, "database": "ok", "migrations": "ok", "broker": "unreachable (ConnectionError)"},
    )
