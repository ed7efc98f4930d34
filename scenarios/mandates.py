"""A signed mandate on paper: for the debtor with its account masked, for the bank in full."""

from datetime import datetime
from zoneinfo import ZoneInfo

from customers.models import Mandate
from dunning.core import documents
from dunning.core.enums import MandateScheme
from dunning.core.models import Document, Organization
from dunning.core.selectors import get_profile
from scenarios.mandate_words import TITLES
from scenarios.signed_papers import Signing, print_signed


def print_mandate(mandate: Mandate, *, organization: Organization, iban: str = "") -> bytes:
    """The mandate as a PDF; with `iban` in place of the masked one. Raises LetterError."""
    signing = Signing(
        text=mandate.text.replace(mandate.iban_masked, iban) if iban else mandate.text,
        sha256=mandate.text_sha256,
        language=mandate.language,
        name=mandate.signatory,
        at=mandate.signed_at,
        address=mandate.signed_from or "",
    )
    title = TITLES[mandate.language, MandateScheme(mandate.scheme)]
    zone = ZoneInfo(organization.timezone)
    return print_signed(signing, title=title, profile=get_profile(), customer=mandate.customer, zone=zone)


def copy_of(mandate: Mandate, *, organization: Organization, now: datetime) -> Document:
    """The debtor's copy, its account masked. Raises LetterError."""
    content = print_mandate(mandate, organization=organization)
    name = f"{TITLES[mandate.language, MandateScheme(mandate.scheme)].replace(' ', '-')}-{mandate.reference}.pdf"
    return documents.store(content=content, media_type="application/pdf", filename=name, now=now)
