"""What happens after something was said on the debtor's page, in a sentence or two: for the page, and for the e-mail that confirms it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.enums import PortalAction
from dunning.core.money import format_date, format_money
from dunning.core.selectors import get_profile
from invoices.enums import ActKind, PromiseState
from invoices.models import DebtorAct, Declaration, Dispute, Installment, Promise
from invoices.selectors import view_items


def what_follows(declaration: Declaration) -> str:
    """In the language in force."""
    action = PortalAction(declaration.action)
    if action == PortalAction.DISPUTED:
        return _dispute(declaration)
    if action == PortalAction.PROMISED:
        return _promise(declaration)
    if action == PortalAction.SAYS_PAID and DebtorAct.objects.filter(declaration=declaration, details__former_account=True).exists():
        return _(
            "Thank you: you paid to an account of ours that we no longer use. We are looking for your payment and will not remind you of"
            " these invoices for some days. For your next payments, please use the account that our page shows under “Pay now”."
        )
    if action == PortalAction.SAYS_PAID and DebtorAct.objects.filter(declaration=declaration, details__foreign_account=True).exists():
        return _foreign_account()
    if action == PortalAction.INSTALMENTS:
        day, amount = declaration.details["parts"][0]
        money = format_money(Decimal(amount), declaration.details["currency"], _language())
        return _(
            "Thank you: the agreement is made and a copy is on its way to you. The first instalment, %(amount)s, is expected by %(day)s."
            " As long as they arrive in time, we will not remind you of these invoices."
        ) % {"amount": money, "day": _day(day)}
    if action == PortalAction.REDIRECTED:
        return _redirected(declaration)
    sentences = {
        PortalAction.RECEIVED: _("Thank you: the receipt of these invoices is recorded."),
        PortalAction.ACCEPTED: _("Thank you: your agreement is recorded. The invoices are expected at their due dates."),
        PortalAction.NOT_RECEIVED: _("The invoices will be sent to you again; until then we will not remind you of them."),
        PortalAction.SAYS_PAID: _("Thank you: we are looking for your payment and will not remind you of these invoices for some days."),
        PortalAction.MANDATE: _(
            "Thank you: your mandate is recorded and a copy is on its way to you. We check it before its first use; until then, please pay"
            " as before."
        ),
        PortalAction.ASKED: _("We will get back to you; until then we will not remind you of these invoices."),
    }
    return sentences.get(action, _("Your answer is recorded, and somebody will look at it."))


def _promise(declaration: Declaration) -> str:
    """What is not reminded of until then: everything, or the amount alone while the rest may be asked for (rule 7)."""
    day = _day(declaration.details["promised_for"])
    made = Promise.objects.filter(reference__in=_references(declaration), state=PromiseState.OPEN).select_related("installment__invoice")
    promises = list(made)
    items = Installment.objects.select_related("invoice").filter(pk__in=declaration.details["items"], outstanding__gt=0)
    views = view_items(items, today=promises[0].made_on) if promises else []
    rest = _sums((view.installment, view.chased) for view in views if view.chased)
    if not rest:
        return _("Thank you: we expect your payment on %s and will not remind you of these invoices until then.") % day
    return _(
        "Thank you: we expect %(amount)s on %(day)s and will not remind you of it until then. The rest, %(rest)s, remains to be paid, and"
        " we may remind you of it."
    ) % {"amount": _sums((promise.installment, promise.amount) for promise in promises), "day": day, "rest": rest}


def _references(declaration: Declaration) -> set[str]:
    acts = DebtorAct.objects.filter(declaration=declaration, kind=ActKind.PROMISED)
    return {act.details["reference"] for act in acts}


def _sums(amounts: Iterable[tuple[Installment, Decimal]]) -> str:
    """These amounts added up, each currency apart."""
    sums: dict[str, Decimal] = {}
    for item, amount in amounts:
        sums[item.invoice.currency] = sums.get(item.invoice.currency, Decimal(0)) + amount
    return " + ".join(format_money(amount, currency, _language()) for currency, amount in sorted(sums.items()))


def disputes_of(declaration: Declaration) -> list[Dispute]:
    """The disputes it opened, with who answers."""
    acts = DebtorAct.objects.filter(declaration=declaration, kind=ActKind.DISPUTED)
    ids = [act.details["dispute"] for act in acts]
    return list(Dispute.objects.select_related("owner").filter(pk__in=ids).order_by("pk"))


def _dispute(declaration: Declaration) -> str:
    dispute = disputes_of(declaration)[0]
    profile = get_profile()
    owner = str(dispute.owner) if dispute.owner is not None else profile.signatory_name or profile.legal_name
    return _("%(owner)s is looking into it and will answer you by %(day)s. Until then you are not asked to pay what you dispute.") % {
        "owner": owner,
        "day": _day(dispute.answer_due_on.isoformat()),
    }


def _redirected(declaration: Declaration) -> str:
    name: str = declaration.details["name"]
    if DebtorAct.objects.filter(declaration=declaration, details__waits=True).exists():
        return _("Thank you: the address of %s is new to us, so somebody checks it first. We write to them after that.") % name
    return _("Thank you: our message is on its way to %s, and the next ones go there too.") % name


def _foreign_account() -> str:
    """Said calmly, without a number: whoever changed one bank account may have changed a telephone number too."""
    return _(
        "The four characters you gave are not the end of our account. Please do not pay again yet: call us at the number you already know,"
        " not at one from a recent message, and tell your bank at once. Everything on our side is on hold until we have spoken."
    )


def _day(text: str) -> str:
    return format_date(date.fromisoformat(text), _language())


def _language() -> str:
    return (get_language() or "en")[:2]
