"""Fixtures of the mail room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notifications.mailroom import Gate, gate_in_charge


@pytest.fixture
def gate() -> Iterator[Gate]:
    with gate_in_charge() as gate:
        yield gate


@pytest.fixture
def document_store(settings: Any, tmp_path: Path) -> Path:
    """Documents of this test alone."""
    settings.STORAGES = {
        **settings.STORAGES,
        "documents": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}},
    }
    return tmp_path
