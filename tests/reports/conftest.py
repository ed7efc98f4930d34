"""The organization whose reports are read, open for the whole test."""

from collections.abc import Iterator

import pytest

from dunning.core.models import Organization
from dunning.core.tenancy import tenant
from tests.factories import make_organization


@pytest.fixture
def organization(db: None) -> Iterator[Organization]:
    made = make_organization()
    with tenant(made):
        yield made
