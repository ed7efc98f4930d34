"""A real browser on the real WSGI application, for tests that look at pages. Skipped without a Chromium, except in CI."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass(frozen=True)
class LiveSite:
    url: str  # without a trailing slash


@contextmanager
def _answering() -> Iterator[LiveSite]:
    """The WSGI application on a port of loopback."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    from dunning.wsgi import application

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Requests are not news in a test."""

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield LiveSite(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def live_site(committed_database: str) -> Iterator[LiveSite]:
    """The product answering on loopback, from the test's own committed database."""
    with _answering() as site:
        yield site


@pytest.fixture(scope="module")
def site_for_module(committed_for_module: str) -> Iterator[LiveSite]:
    """The same for all tests of a module, which only read what its fixtures wrote."""
    with _answering() as site:
        yield site


def chromium_path() -> str | None:
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    path = chromium_path()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a Chromium: apt-get install chromium")
        pytest.skip("no Chromium on this machine")
    # Playwright keeps an event loop in this thread, and Django would take the test's own queries for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with launched(path) as browser, pytest.MonkeyPatch.context() as patch:
        _wait_for_whole_pages(patch)
        yield browser
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def _wait_for_whole_pages(patch: pytest.MonkeyPatch) -> None:
    """A click or a tap ends when the page it led to is whole: Playwright's ends with the first bytes of that page, and what a test counts
    or lists at once would be what a busy machine had read of it by then."""
    from playwright.sync_api import Locator

    def until_whole(act: Callable[..., None]) -> Callable[..., None]:
        @wraps(act)
        def whole(found: Locator, **options: Any) -> None:
            act(found, **options)
            found.page.wait_for_load_state()

        return whole

    for name in ("click", "tap"):
        patch.setattr(Locator, name, until_whole(getattr(Locator, name)))


@contextmanager
def launched(path: str) -> Iterator["Browser"]:
    """That Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: "Browser") -> Iterator["Page"]:
    """A fresh page, French, desktop size. The test fails at its end when the page logged an error or broke the security policy."""
    context = chromium.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900}, timezone_id="Europe/Paris")
    page = context.new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == [], "the page logged errors"
