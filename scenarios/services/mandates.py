"""Direct-debit mandates from end to end: the words to be signed, the signature, the task to check it, the copy for the debtor."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from customers import services
from customers.enums import MandateState
from customers.models import Contact, Customer, Mandate
from customers.services import DebitAccount, MandateSigning
from dunning.core.enums import MandateScheme
from dunning.core.errors import DomainError, StaleObject
from dunning.core.models import Organization
from dunning.core.money import printed_iban
from dunning.core.selectors import get_profile
from invoices.services.debits import collect_by_debit, end_debits
from notifications.enums import MessageKind
from notifications.letters import LetterError
from scenarios import effects, outside
from scenarios.enums import TaskKind, TaskState
from scenarios.mandate_words import Debit, mandate_words
from scenarios.mandates import print_mandate
from scenarios.models import Task


@dataclass(frozen=True, slots=True)
class DraftMandate:
    """A mandate before it is signed: the account, checked, and the exact words. `sha256` is how the words are recognised again."""

    account: DebitAccount
    reference: str
    scheme: MandateScheme
    text: str
    language: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def draft_mandate(
    *, customer: Customer, iban: str, holder: str, bic: str = "", reference: str = "", language: str, today: date
) -> DraftMandate:
    """The words of a mandate over this account, under a new reference unless one was drawn already. Writes nothing.

    Raises DomainError naming the field as `check_account` does, or when no mandate is offered.
    """
    scheme = services.offered_scheme(customer)
    account = services.check_account(iban=iban, holder=holder, bic=bic)
    reference = reference or services.new_reference()
    debit = Debit(reference=reference, scheme=scheme, holder=account.holder, iban=account.masked, bic=account.bic)
    words = mandate_words(profile=get_profile(), customer=customer, debit=debit, language=language, today=today)
    return DraftMandate(account, reference, scheme, words, language)


def sign_mandate(
    *,
    customer: Customer,
    draft: DraftMandate,
    sha256: str,
    name: str,
    contact: Contact | None = None,
    address: str | None = None,
    browser: str = "",
    actor: str,
    today: date,
    now: datetime,
) -> Mandate:
    """Sign a draft whose words the debtor read, put it on somebody's desk to be checked, and send the debtor its copy.

    Raises StaleObject when the words are not those that were read.
    """
    if draft.sha256 != sha256:
        raise StaleObject(_("Something changed since you read this mandate: please read it again. Nothing was signed."))
    mandate = services.sign_mandate(
        customer=customer,
        reference=draft.reference,
        account=draft.account,
        signing=MandateSigning(text=draft.text, language=draft.language, name=name, address=address, browser=browser, contact=contact),
        actor=actor,
        today=today,
        now=now,
    )
    stale = Task.objects.filter(kind=TaskKind.ACTIVATE_MANDATE, customer=customer, state=TaskState.OPEN)
    effects.close_tasks(list(stale), state=TaskState.CANCELLED, outcome="replaced", actor=actor, now=now)
    effects.open_once(
        kind=TaskKind.ACTIVATE_MANDATE,
        key=f"mandate:{mandate.pk}",
        today=today,
        customer=customer,
        title=_("Check the mandate %(reference)s, %(account)s") % {"reference": mandate.reference, "account": mandate.iban_masked},
        details={"mandate": str(mandate.pk)},
        now=now,
    )
    outside.write(
        customer=customer,
        kind=MessageKind.CONFIRMATION,
        template_key="mandate_signed",
        about={"mandate": mandate.pk},
        contact=contact,
        language=mandate.language,
        actor=actor,
        today=today,
        now=now,
    )
    return mandate


def activate(*, mandate: Mandate, actor: str, today: date, now: datetime) -> None:
    """Put a signed mandate to use: its customer pays by direct debit from now on (rule 1). Its task is done."""
    services.activate_mandate(mandate=mandate, actor=actor, today=today, now=now)
    collect_by_debit(customers=[mandate.customer], actor=actor, today=today, now=now)
    _close_task(mandate, TaskState.DONE, "activated", actor=actor, now=now)


def revoke(*, mandate: Mandate, reason: str, actor: str, today: date, now: datetime) -> None:
    """End a mandate; a task to check it is over. With the one in use its customer stops paying by direct debit."""
    services.lock_customers([mandate.customer_id])
    was_in_use = Mandate.objects.filter(pk=mandate.pk, state=MandateState.ACTIVE).exists()
    services.revoke_mandate(mandate=mandate, reason=reason, actor=actor, today=today, now=now)
    if was_in_use:
        end_debits(customer=mandate.customer, actor=actor, today=today, now=now)
    _close_task(mandate, TaskState.CANCELLED, "revoked", actor=actor, now=now)


def _close_task(mandate: Mandate, state: TaskState, outcome: str, *, actor: str, now: datetime) -> None:
    tasks = Task.objects.filter(key=f"mandate:{mandate.pk}", state=TaskState.OPEN)
    effects.close_tasks(list(tasks), state=state, outcome=outcome, actor=actor, now=now)


def full_mandate(*, mandate: Mandate, organization: Organization, actor: str, now: datetime) -> bytes:
    """The mandate as a PDF with the whole account number, for the bank; it is kept nowhere, and the audit trail notes the reading."""
    iban = services.open_iban(mandate=mandate, actor=actor, now=now)
    try:
        return print_mandate(mandate, organization=organization, iban=printed_iban(iban))
    except LetterError as error:
        raise DomainError(_("The mandate cannot be printed: %s") % error, code="letter_failed") from None
