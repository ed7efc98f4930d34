"""Acts about many messages of customers: they are dealt with."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.services import lock_customers
from notifications import correspondence
from notifications.models import InboundMessage
from scenarios.services.many.kinds import Kept, Kind, When
from scenarios.services.replies import handle_replies, reopen_replies


class HandleReplies(Kind):
    subject = InboundMessage

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        waiting = correspondence.unread().filter(pk__in=list(ids))
        lock_customers(pk for pk in waiting.values_list("customer", flat=True) if pk is not None)
        found = list(waiting.values_list("pk", flat=True))
        handle_replies(reply_ids=found, **when.acting)
        return {pk: {"at": when.now.isoformat()} for pk in found}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        rows = InboundMessage.objects.filter(pk__in=list(kept))
        lock_customers(pk for pk in rows.values_list("customer", flat=True) if pk is not None)
        dealt = dict(rows.values_list("pk", "handled_at"))
        meanwhile = _("It was opened or dealt with anew meanwhile.")
        return {pk: meanwhile for pk, row in kept.items() if dealt.get(pk) != parse_datetime(row["at"])}

    def put_back(self, kept: Kept, when: When) -> None:
        reopen_replies(reply_ids=list(kept), **when.acting)
