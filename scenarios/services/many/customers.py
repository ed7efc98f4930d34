"""Acts about many customers: who looks after them, and which group they are in."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer, CustomerGroup
from customers.services import lock_customers, set_account_owner, set_group
from dunning.core.errors import DomainError
from dunning.core.models import User
from dunning.core.selectors import people_of
from scenarios.services.many.kinds import Kept, Kind, When


class AssignCustomers(Kind):
    """`data`: owner, a member's id, or None for nobody."""

    subject = Customer

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        owner = _member(data["owner"], when)
        before = {row.pk: row.account_owner_id for row in lock_customers(ids).values()}
        set_account_owner(customers=list(before), owner=owner, **when.acting)
        return _kept(before, owner.pk if owner is not None else None)

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        locked = lock_customers(kept)
        people = {str(user.pk): user for user in people_of(when.organization)}
        gone = {}
        for pk, row in kept.items():
            now = locked[pk].account_owner_id if pk in locked else None
            if _text(now) != row["to"]:
                gone[pk] = _("It was given to somebody else meanwhile.") if now is not None else _("Nobody looks after it any more.")
            elif row["from"] is not None and row["from"] not in people:
                gone[pk] = _("Who looked after it before no longer works here.")
        return gone

    def put_back(self, kept: Kept, when: When) -> None:
        lock_customers(kept)
        for before, customers in _by_before(kept):
            set_account_owner(customers=customers, owner=_member(before, when), **when.acting)


class GroupCustomers(Kind):
    """`data`: group, its id, or None for none."""

    subject = Customer

    def do(self, ids: Collection[UUID], data: Mapping[str, Any], when: When) -> Kept:
        group = _group(data["group"])
        locked = lock_customers(ids)
        before = {row.pk: row.group_id for row in locked.values()}
        set_group(customers=list(locked.values()), group=group, **when.acting)
        return _kept(before, group.pk if group is not None else None)

    def changed_since(self, kept: Kept, when: When) -> Mapping[UUID, str]:
        locked = lock_customers(kept)
        moved = _("It was moved to another group meanwhile.")
        return {pk: moved for pk, row in kept.items() if pk not in locked or _text(locked[pk].group_id) != row["to"]}

    def put_back(self, kept: Kept, when: When) -> None:
        locked = lock_customers(kept)
        for before, customers in _by_before(kept):
            set_group(customers=[locked[pk] for pk in customers], group=_group(before), **when.acting)


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


def _kept(before: Mapping[UUID, UUID | None], now: UUID | None) -> Kept:
    return {pk: {"from": _text(value), "to": _text(now)} for pk, value in before.items() if value != now}


def _by_before(kept: Kept) -> list[tuple[str | None, list[UUID]]]:
    """The customers by what they had before."""
    found: defaultdict[str | None, list[UUID]] = defaultdict(list)
    for pk, row in kept.items():
        found[row["from"]].append(pk)
    return sorted(found.items(), key=lambda pair: pair[0] or "")


def _member(pk: str | None, when: When) -> User | None:
    if pk is None:
        return None
    found = next((user for user in people_of(when.organization) if str(user.pk) == pk), None)
    if found is None:
        raise DomainError(_("Choose somebody who works here."), code="unknown_person", field="owner")
    return found


def _group(pk: str | None) -> CustomerGroup | None:
    return CustomerGroup.objects.get(pk=pk) if pk is not None else None
