"""What a person approved, and what to do when a message would now say more: approval covers less, never more (rule 9)."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dunning.core.models import OrganizationProfile
from dunning.core.money import format_money
from notifications.models import Message
from notifications.signals import Stop
from scenarios import effects
from scenarios.claims import claimed_cents, claimed_lines
from scenarios.enums import Reason, TaskKind
from scenarios.statement import Line


def says_more_than_approved(message: Message, lines: Sequence[Line]) -> bool:
    """Whether it would now claim a larger amount, or other items, than a person approved."""
    approved = message.details.get("claimed")
    if message.approved_at is None or approved is None:
        return False
    now = {line.item_id for line in claimed_lines(lines)}
    return claimed_cents(lines) > round(message.amount * 100) or not now <= set(approved)


def ask_again_for_approval(message: Message, profile: OrganizationProfile, today: date, now: datetime, lines: Sequence[Line]) -> Stop:
    """The message shows what it would claim now and waits for a person once more, who reads why."""
    amount = Decimal(claimed_cents(lines)) / 100
    claimed = sorted({line.item_id for line in claimed_lines(lines)})
    more = len(set(claimed) - set(message.details.get("claimed") or claimed))
    Message.objects.filter(pk=message.pk).update(
        amount=amount, item_count=len(claimed), approved_by="", approved_at=None, details={**message.details, "claimed": claimed}
    )
    effects.open_once(
        kind=TaskKind.APPROVAL,
        key=f"approval:{message.pk}:{message.approved_at.isoformat() if message.approved_at else ''}",
        today=today,
        now=now,
        customer_id=message.customer_id,
        message=message,
        amount=amount,
        currency=message.currency,
    )
    language = profile.default_language
    with translation.override(language):
        values = {"now": format_money(amount, message.currency, language), "then": format_money(message.amount, message.currency, language)}
        words = [_("It would now ask for %(now)s; %(then)s were approved.") % values]
        if more:
            words.append(ngettext("%d invoice has come to it since.", "%d invoices have come to it since.", more) % more)
    return Stop(reason=Reason.AWAITING_APPROVAL.value, text=" ".join(words), for_approval=True)
