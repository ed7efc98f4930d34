"""What an act about many rows must say of itself to be done, and taken back, row by row and in one."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from dunning.core.models import Organization
from dunning.core.tenancy import TenantModel

Kept = Mapping[UUID, Mapping[str, Any]]
"""What is needed to take each changed row back, by its id: ids and dates as text."""


@dataclass(frozen=True, slots=True)
class When:
    """Who acts, in which organization, and when. `today` is the organization's date."""

    organization: Organization
    actor: str
    today: date
    now: datetime

    @property
    def acting(self) -> dict[str, Any]:
        return {"actor": self.actor, "today": self.today, "now": self.now}


class Kind(ABC):
    """One kind of act. `subject` is what its rows are; `data` is what was chosen for all of them, as JSON."""

    subject: ClassVar[type[TenantModel]]

    def check(self, data: Mapping[str, Any], when: When) -> None:
        """Whether this may be asked of any row at all. Raises DomainError, which names the field."""
        return None

    @abstractmethod
    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        """Do it; those that changed. The others stay as they are. Raises DomainError, and nothing is written then."""

    @abstractmethod
    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        """The rows that are no longer as the act left them, or cannot be put back: why, in a sentence."""

    @abstractmethod
    def put_back(self, kept: Kept, when: When) -> None:
        """These rows become what they were."""
