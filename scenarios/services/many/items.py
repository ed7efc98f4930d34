"""Acts about many invoices: pausing them, ending their pauses, noting that they were received."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from invoices.enums import HoldSide
from invoices.models import DebtorAct, Hold, Installment
from invoices.selectors.many import over_holds, unreceived
from invoices.services import check_hold, end_item_holds, hold_items, lock_items, mark_received, place_again, undo_acts
from scenarios.services.many.kinds import Kept, Kind, When


def _reason() -> str:
    return _("Taken back, with the others of the same act.")


class HoldItems(Kind):
    """`data`: kind, side, ends_on, reason, as `hold_items` takes them."""

    subject = Installment

    def check(self, data: Mapping[str, Any], when: When) -> None:
        check_hold(**_hold(data), today=when.today)

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        made = hold_items(installment_ids=ids, **_hold(data), **when.acting).holds
        return {item: {"hold": str(pk)} for pk, item in _items_of(made)}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        lock_items(kept)
        found = Hold.objects.in_bulk([row["hold"] for row in kept.values()])
        prolonged, ended = _("Its pause was prolonged meanwhile."), _("Its pause was ended meanwhile.")
        gone = {}
        for item, row in kept.items():
            hold = found.get(UUID(row["hold"]))
            if hold is None or hold.released_on is not None:
                gone[item] = prolonged if hold is not None and Hold.objects.filter(renews=hold).exists() else ended
        return gone

    def put_back(self, kept: Kept, when: When) -> None:
        end_item_holds(hold_ids=[UUID(row["hold"]) for row in kept.values()], reason=_reason(), **when.acting)


class EndHolds(Kind):
    """`data`: reason."""

    subject = Installment

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        ended = end_item_holds(installment_ids=ids, reason=data["reason"], **when.acting).holds
        found: defaultdict[UUID, list[str]] = defaultdict(list)
        for pk, item in _items_of(ended):
            found[item].append(str(pk))
        return {item: {"holds": sorted(holds)} for item, holds in found.items()}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        lock_items(kept)
        words = {"settled": _("Nothing is left to pay on it."), "paused": _("It was paused anew meanwhile.")}
        gone = {item: words[why] for item, why in over_holds(list(kept), today=when.today).items()}
        ids = [pk for row in kept.values() for pk in row["holds"]]
        lasting = {
            str(pk)
            for pk, side, ends_on in Hold.objects.filter(pk__in=ids).values_list("pk", "side", "ends_on")
            if side == HoldSide.OURS or ends_on >= when.today
        }
        over = _("Its pause would have run out meanwhile.")
        return {item: over for item, row in kept.items() if not lasting & set(row["holds"])} | gone

    def put_back(self, kept: Kept, when: When) -> None:
        place_again(hold_ids=[UUID(pk) for row in kept.values() for pk in row["holds"]], **when.acting)


class NoteReceipt(Kind):
    """`data`: text, what was said and by whom."""

    subject = Installment

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        items = list(unreceived(ids))
        if not items:
            return {}
        acts = mark_received(installments=items, text=data["text"], **when.acting)
        return {act.installment_id: {"act": str(act.pk)} for act in acts if act.installment_id is not None}

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        lock_items(kept)
        undone = DebtorAct.objects.filter(pk__in=[row["act"] for row in kept.values()]).exclude(undone_at=None)
        gone = {str(pk) for pk in undone.values_list("pk", flat=True)}
        return {item: _("Its receipt was taken back meanwhile.") for item, row in kept.items() if row["act"] in gone}

    def put_back(self, kept: Kept, when: When) -> None:
        acts = list(DebtorAct.objects.filter(pk__in=[row["act"] for row in kept.values()]).order_by("pk"))
        undo_acts(acts=acts, reason=_reason(), **when.acting)


def _hold(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": data["kind"], "side": data["side"], "ends_on": date.fromisoformat(data["ends_on"]), "reason": data["reason"]}


def _items_of(holds: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(pause, its item) of each."""
    rows = Hold.objects.filter(pk__in=holds).values_list("pk", "installment_id")
    return [(pk, item) for pk, item in rows if item is not None]
