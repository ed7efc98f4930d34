"""People, organizations, notices, acts about many rows, and what every floor writes: audit events, events for the outside, documents."""

from dunning.core.models.many import ManyAct, ManyRow
from dunning.core.models.notices import Notice
from dunning.core.models.people import ApiKey, Invitation, Membership, Organization, User, UserManager, validate_timezone
from dunning.core.models.profile import BankDetailsChange, OrganizationProfile, monday_to_friday, soft_by_default
from dunning.core.models.records import AuditEvent, AuditHead, Document, Event, KeptAnswer, RateWindow, SearchEntry

__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditHead",
    "BankDetailsChange",
    "Document",
    "Event",
    "Invitation",
    "KeptAnswer",
    "ManyAct",
    "ManyRow",
    "Membership",
    "Notice",
    "Organization",
    "OrganizationProfile",
    "RateWindow",
    "SearchEntry",
    "User",
    "UserManager",
    "monday_to_friday",
    "soft_by_default",
    "validate_timezone",
]
