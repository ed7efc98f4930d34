"""The accessory of an invoice through its life: informed, claimed, then billed apart or waived with a reason (rule 1).

It is never chased once the principal is paid; what a formal notice claimed of it is kept with the letter.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from dunning.core.models import Organization
from invoices.models import Installment, Invoice
from notifications.enums import LEFT, LetterProof
from notifications.models import DeliveryEvent, Message, PrintedLetter
from scenarios.enums import Phase
from scenarios.models import ActionMessage

_SERVED = (LetterProof.PRESENTED, LetterProof.DELIVERED, LetterProof.REFUSED, LetterProof.UNCLAIMED)


class Stage(Enum):
    """How far it went."""

    NONE = "none"  # nothing was said of it
    INFORMED = "informed"  # a message said that penalties and the fixed sum are due
    CLAIMED = "claimed"  # a posted formal notice claimed its figures
    INVOICED = "invoiced"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one posted formal notice claimed of the invoice beside its principal."""

    message_id: UUID
    posted_on: date
    penalties: Decimal
    fixed_sum: Decimal


@dataclass(frozen=True, slots=True)
class AccessoryLife:
    """`informed_on` is the day of the first message that spoke of it, `claims` the formal notices that stand, the oldest first."""

    stage: Stage
    informed_on: date | None
    claims: tuple[Claimed, ...]


def accessory_life(invoice: Invoice, *, organization: Organization) -> AccessoryLife:
    """The life of the accessory of one invoice."""
    items = [str(pk) for pk in Installment.objects.filter(invoice=invoice).values_list("pk", flat=True)]
    carried = Message.objects.filter(cargo__action__installment__invoice=invoice, not_reached=False)
    letters = PrintedLetter.objects.select_related("message").filter(
        message__in=carried.filter(phase=Phase.LEGAL, posted_on__isnull=False).values("pk")
    )
    claims = []
    for letter in sorted(letters, key=lambda letter: (letter.message.posted_on or date.max, str(letter.pk))):
        figures = [letter.accessories[item] for item in items if item in letter.accessories]
        if figures and letter.message.posted_on is not None:
            late, fixed = (sum((Decimal(row[place]) for row in figures), Decimal(0)) for place in (0, 1))
            claims.append(Claimed(letter.message_id, letter.message.posted_on, late, fixed))
    spoke = carried.filter(state__in=LEFT, template__body__contains="{{legal.penalties").order_by("accepted_at")
    first = spoke.exclude(accepted_at=None).values_list("accepted_at", flat=True).first()
    informed_on = first.astimezone(ZoneInfo(organization.timezone)).date() if first is not None else None
    if invoice.penalties_waived_at is not None:
        stage = Stage.WAIVED
    elif invoice.penalties_invoiced_on is not None:
        stage = Stage.INVOICED
    elif claims:
        stage = Stage.CLAIMED
    else:
        stage = Stage.INFORMED if informed_on is not None else Stage.NONE
    return AccessoryLife(stage, informed_on, tuple(claims))


def formal_notices_served(installment_ids: Collection[UUID], *, organization: Organization) -> dict[UUID, date]:
    """The day the formal notice of an instalment was presented, where the post has told: a consumer's interest runs from it.

    C. civ. 1344-1 and 1231-6. One that was never collected was presented all the same (Cass. 1re civ., 20 January 2021, 19-20.680).
    """
    carried = ActionMessage.objects.filter(
        action__installment__in=list(installment_ids),
        message__phase=Phase.LEGAL,
        message__posted_on__isnull=False,
        message__not_reached=False,
    )
    letters: dict[UUID, list[UUID]] = {}
    for item, message in carried.values_list("action__installment", "message"):
        letters.setdefault(message, []).append(item)
    if not letters:
        return {}
    zone = ZoneInfo(organization.timezone)
    served: dict[UUID, date] = {}
    told = DeliveryEvent.objects.filter(message__in=list(letters), kind__in=_SERVED).order_by("at", "pk")
    for message, at in told.values_list("message", "at"):
        for item in letters[message]:
            served.setdefault(item, at.astimezone(zone).date())
    return served
