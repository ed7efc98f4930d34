"""A letter whose posting was recorded wrongly: the day and the number are corrected, and with them the day its steps count from."""

from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from customers.services import lock_customers
from dunning.core.errors import DomainError
from notifications import posting
from notifications.models import Message
from scenarios.enums import ActionState
from scenarios.models import Action, Commitment


def correct_posting(*, message_id: UUID, posted_on: date, tracking_number: str, actor: str, now: datetime) -> None:
    """Say when, and under which number, a letter was really posted: its steps were done that day, and announced what they did (rule 9).

    Raises DomainError when the posting cannot have been that day (see `notifications.posting`), or a later step was done before it.
    """
    letter = Message.objects.get(pk=message_id)
    lock_customers([letter.customer_key])
    letter.refresh_from_db(fields=["posted_on"])
    was = letter.posted_on
    done = list(Action.objects.filter(carriers__message=letter, state=ActionState.DONE, done_on=was).values_list("pk", "installment"))
    steps, items = [pk for pk, _item in done], [item for _pk, item in done]
    later = Action.objects.filter(installment__in=items, state=ActionState.DONE).exclude(pk__in=steps)
    days = later.order_by("done_on").values_list("done_on", flat=True)
    next_on = next((day for day in days if day is not None and was is not None and day > was), None)
    if next_on is not None and posted_on >= next_on:
        words = _("A later step was done on %(day)s: the letter was posted before.")
        raise DomainError(words % {"day": next_on}, code="later_step", field="posted_on")
    posting.correct_posting(message_id=message_id, posted_on=posted_on, tracking_number=tracking_number, actor=actor, now=now)
    Action.objects.filter(pk__in=steps).update(done_on=posted_on)
    Commitment.objects.filter(announced_by__in=steps).update(announced_on=posted_on)
