"""What a debtor sees."""

from collections.abc import Iterator

import pytest
from django.test import Client

from dunning.core import clock
from tests.portal.conftest import NOW, Debt


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with clock.virtual(NOW):
        yield


def test_the_first_page(visitor: Client, debt: Debt) -> None:
    answer = visitor.get("/portal/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "FA-1" in page and "€1,200.00" in page
    assert "Unless we are mistaken" in page and "due since 1 October 2026" in page
    assert "Dunning" not in page
