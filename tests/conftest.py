"""What every test may use. The fixtures of one subject live in their own module and are announced here."""

from collections.abc import Iterator

import pytest
from django.utils import translation
from hypothesis import settings

settings.load_profile("ci")  # the same examples everywhere; `--hypothesis-profile=default` draws others
pytest_plugins = ["tests.database_fixtures", "tests.browser_fixtures"]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Tests read the sentences of the source; one that is about French asks for it."""
    with translation.override("en"):
        yield
