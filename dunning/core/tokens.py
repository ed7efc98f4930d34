"""Identifiers and secrets."""

import uuid

from uuid_utils import compat


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and ordered by time, so that inserts land at the end of an index."""
    identifier: uuid.UUID = compat.uuid7()
    return identifier
