"""What a judgment froze is not paid, nor bound to be (rule 12)."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from dunning.core.errors import DomainError
from invoices.models import Installment
from invoices.selectors.insolvency import is_frozen


def refuse_frozen(items: Iterable[Installment]) -> None:
    """Raises DomainError naming those of these items, their invoice and customer loaded, that a judgment froze."""
    frozen = sorted({item.invoice.number for item in items if is_frozen(item)})
    if frozen:
        raise DomainError(
            _(
                "Insolvency proceedings are open, and what falls under them or may do so is neither promised nor accepted here: %s."
                " For other invoices, tick them alone; for anything else, call us or answer our e-mail."
            )
            % ", ".join(frozen),
            code="insolvency",
        )
