"""Messages whose fate is unknown. They are never sent again by a program: a lost worker's become UNCERTAIN, and after a day UNPROVEN.

First provider events and people settle them (`settlement.record_delivery_event`, `services.settle_uncertain`).
"""

from datetime import datetime, timedelta

from notifications import claiming, outbox, settlement
from notifications.claiming import Claim
from notifications.enums import MessageState, Obstacle
from notifications.models import Message
from notifications.settlement import ClockTimestamp


def reconcile(claim: Claim, *, now: datetime) -> str:
    """Look at a message that was handed over without an answer, inside `tenant()`; returns what was done.

    - SENDING and its lease has ended: nobody is there to answer any more, so it is UNCERTAIN.
    - UNCERTAIN for a day: UNPROVEN; it keeps counting for spacing, and a person decides.
    """
    (message,) = outbox.lock([claim.message_id])
    if message.state == MessageState.SENDING:
        if Message.objects.filter(pk=message.pk, lease_until__gt=ClockTimestamp()).exists():
            claiming.give_back(claim, due_at=now + timedelta(minutes=1))
            return "in_flight"
        settlement.be_uncertain(message, "The worker that was sending it disappeared before it could note the answer.", now)
    elif message.state == MessageState.UNCERTAIN:
        settlement.move(message, MessageState.UNPROVEN, now, reason=Obstacle.UNCERTAIN)
    else:
        outbox.drop_tickets([message.pk])
    return message.state
