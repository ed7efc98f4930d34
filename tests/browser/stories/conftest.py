"""Monday at the demonstration's company: its ten weeks are played once for each worker, and each story gets a copy of its own."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dunning.core import clock
from dunning.core.models import Organization
from tests.browser.stories.ground import PASSWORD, at, be_at, play_the_cast
from tests.browser_fixtures import LiveSite
from tests.database_fixtures import cloned, leading_to

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Browse = Callable[..., Page]


@pytest.fixture(scope="package")
def played(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The database on which the cast's ten weeks were played."""
    with cloned() as name:
        with leading_to(name, django_db_blocker):
            play_the_cast()
        yield name


@pytest.fixture
def committed_database(played: str, django_db_blocker: Any) -> Iterator[str]:
    """A copy of the played ground."""
    with cloned(played) as name, leading_to(name, django_db_blocker):
        yield name


@pytest.fixture
def monday(committed_database: str) -> Iterator[Organization]:
    """Monday at ten to nine; time goes on from there, for the test and for the product it drives."""
    be_at(at(8, 50))
    yield Organization.objects.get()
    clock.shift(0)


@pytest.fixture
def browse(live_site: LiveSite, monday: Organization, chromium: "Browser") -> Iterator["Browse"]:
    """Somebody opens a browser of their own: `browse(path, width=…, language=…)` is its page. The test fails at its end when a page logged
    an error or broke the security policy."""
    contexts, said = [], []

    def come(path: str, *, width: int = 1280, height: int = 900, language: str = "en-GB") -> "Page":
        context = chromium.new_context(
            base_url=live_site.url, locale=language, viewport={"width": width, "height": height}, timezone_id="Europe/Paris"
        )
        contexts.append(context)
        context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: said.append(str(error.error)))
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(path)
        return page

    yield come
    for context in contexts:
        context.close()
    assert said == [], "pages logged errors"


@pytest.fixture
def sign_in(live_site: LiveSite, browse: "Browse") -> "Browse":
    """Somebody comes to work: `sign_in(email, width=…)` is their browser on the page Today."""

    def come(email: str, **size: Any) -> "Page":
        page = browse("/", **size)
        page.locator("input[type=email]").fill(email)
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("form button[type=submit]").first.click()
        page.wait_for_url(f"{live_site.url}/")
        return page

    return come
